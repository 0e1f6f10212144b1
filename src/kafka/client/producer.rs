//! One transaction: create and init, begin, send, commit, drop.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::util::Timeout;

use super::super::connection::{Connection, Records};
use super::super::error::ClientError;
use super::ahead::{Made, hand_over};
use super::complaints::DRAIN;
use super::deliveries::{Counts, Deliveries};
use super::{Client, blocking, failed, refused};

/// Records are handed over this many at a time between two looks at the delivery reports.
const SEND_STRIDE: u64 = 512;
/// `poll` of a producer always takes its whole time, so it is kept short.
const PRODUCER_POLL: Duration = Duration::from_millis(1);

/// See [`super::Producer`]. Dropping it purges what was not delivered.
pub(in crate::kafka) struct Producer {
    inner: Client<BaseProducer<Deliveries>>,
    sent: u64,
}

impl Producer {
    /// Makes a producer and fences every older one with the same id. `watched_topic` is the topic whose
    /// [`acknowledged_offset`](Self::acknowledged_offset) is asked for.
    pub(in crate::kafka) async fn create_and_init(
        connection: Arc<Connection>,
        transactional_id: String,
        watched_topic: String,
    ) -> Result<Self, ClientError> {
        blocking("init_transactions", move || {
            let acknowledged_offset = AtomicI64::new(-1);
            let counts = Counts::told_to(connection.on_producer.clone());
            let deliveries = Deliveries { counts, watched_topic, acknowledged_offset, ..Deliveries::default() };
            let inner: BaseProducer<Deliveries> =
                connection.producer(&transactional_id).create_with_context(deliveries).map_err(refused)?;
            inner.init_transactions(connection.init_timeout()).map_err(|error| {
                inner.poll(DRAIN);
                inner.context().complaints.explain("init_transactions", error)
            })?;
            Ok(Self { inner: Client::new(inner), sent: 0 })
        })
        .await
    }

    /// Begins the one transaction.
    pub(in crate::kafka) async fn begin(&mut self) -> Result<(), ClientError> {
        let inner = self.inner.share();
        blocking("begin_transaction", move || inner.begin_transaction().map_err(failed("begin_transaction"))).await
    }

    /// Sends records as they come out of `records` and waits until each is delivered; anything less is
    /// an error. A full queue is back-pressure. Returns how many were delivered by this call.
    pub(in crate::kafka) async fn send_all(&mut self, records: Records, deadline: Instant) -> Result<u64, ClientError> {
        let inner = self.inner.share();
        let before = self.sent;
        self.sent = blocking("send", move || stream(&inner, records, before, deadline)).await?;
        Ok(self.sent - before)
    }

    /// The highest offset that the broker acknowledged in the watched topic.
    pub(in crate::kafka) fn acknowledged_offset(&self) -> Option<i64> {
        let offset = self.inner.share().context().acknowledged_offset.load(Ordering::Relaxed);
        (offset >= 0).then_some(offset)
    }

    /// Commits, without a time-out of our own: a finite one leaves client and coordinator out of step.
    pub(in crate::kafka) async fn commit(self) -> Result<(), ClientError> {
        let inner = self.inner.share();
        blocking("commit_transaction", move || {
            let is_done = AtomicBool::new(false);
            thread::scope(|threads| {
                // What the client tells of itself meanwhile is kept in memory until somebody takes it, and it may be long.
                threads.spawn(|| {
                    while !is_done.load(Ordering::Relaxed) {
                        inner.poll(PRODUCER_POLL);
                    }
                });
                let committed = inner.commit_transaction(Timeout::Never).map_err(failed("commit_transaction"));
                is_done.store(true, Ordering::Relaxed);
                committed
            })
        })
        .await
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.inner.share().context().abandoned.store(true, Ordering::Relaxed);
    }
}

/// Hands records over and waits for all delivery reports; `sent` counts over the producer's life.
fn stream(
    producer: &BaseProducer<Deliveries>,
    records: Records,
    mut sent: u64,
    deadline: Instant,
) -> Result<u64, ClientError> {
    hand_over(records, |record| {
        enqueue(producer, record, deadline)?;
        sent += 1;
        if sent.is_multiple_of(SEND_STRIDE) {
            producer.context().counts.queued(producer.in_flight_count());
            producer.poll(Duration::ZERO);
            check_deliveries(producer, sent)?;
            check_time(producer, deadline)?;
        }
        Ok(())
    })?;
    producer.context().counts.queued(producer.in_flight_count());
    // `flush` (also the one inside commit) polls in steps of 100 ms; waiting here costs 1 ms.
    while check_deliveries(producer, sent)? < sent {
        check_time(producer, deadline)?;
        producer.poll(PRODUCER_POLL);
    }
    Ok(sent)
}

fn enqueue(producer: &BaseProducer<Deliveries>, record: &Made<'_>, deadline: Instant) -> Result<(), ClientError> {
    let mut message = BaseRecord::<[u8], [u8], ()>::to(record.topic()).key(record.key());
    message.partition = record.partition();
    message.payload = record.value();
    message.headers = headers(record);
    loop {
        match producer.send(message) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned)) => {
                check_time(producer, deadline)?;
                producer.poll(PRODUCER_POLL);
                message = returned;
            }
            Err((error, _)) => {
                let reason = told_why(producer, error.to_string());
                return Err(ClientError::Failed { operation: "send", reason });
            }
        }
    }
}

fn headers(record: &Made<'_>) -> Option<OwnedHeaders> {
    let all = record.headers();
    let empty = (all.len() > 0).then(|| OwnedHeaders::new_with_capacity(all.len()))?;
    Some(all.fold(empty, |headers, (key, value)| headers.insert(Header { key, value: Some(value) })))
}

/// The number delivered so far; an error as soon as one failed.
fn check_deliveries(producer: &BaseProducer<Deliveries>, sent: u64) -> Result<u64, ClientError> {
    let context = producer.context();
    let delivered = context.counts.delivered.load(Ordering::Acquire);
    if context.counts.failed.load(Ordering::Acquire) == 0 {
        return Ok(delivered);
    }
    let first = context.first_failure.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Err(ClientError::Undelivered { sent, delivered, reason: told_why(producer, first.unwrap_or_default()) })
}

/// `failure`, and why the client gave the whole transaction up, if it did: its records then fail as "purged", without a
/// reason. The library raises no event for that, only a line of its log; the error itself is kept, and told to whoever
/// calls a transactional operation next. Of these, beginning a transaction within one does nothing but answer.
fn told_why(producer: &BaseProducer<Deliveries>, failure: String) -> String {
    match producer.begin_transaction() {
        Err(KafkaError::Transaction(why)) if why.code() != RDKafkaErrorCode::State => {
            format!("{failure}: {}", why.string())
        }
        _ => failure,
    }
}

fn check_time(producer: &BaseProducer<Deliveries>, deadline: Instant) -> Result<(), ClientError> {
    let reason = match () {
        () if producer.context().abandoned.load(Ordering::Relaxed) => "the attempt was given up",
        () if Instant::now() >= deadline => "the transaction's time is up",
        () => return Ok(()),
    };
    Err(ClientError::Failed { operation: "send", reason: reason.to_owned() })
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;

    use super::*;

    #[tokio::test]
    async fn brokers_that_are_slower_than_a_transaction_may_last_are_initialised_all_the_same() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.broker_round_trip_time(1, Duration::from_millis(600)).unwrap();
        let mut connection = Connection::new(vec![cluster.bootstrap_servers()]);
        connection.transaction_timeout = Duration::from_secs(1);
        let made = Producer::create_and_init(Arc::new(connection), "id".to_owned(), "t".to_owned()).await;
        assert!(made.is_ok(), "{:?}", made.err());
    }

    #[tokio::test]
    async fn brokers_without_transactions_are_refused_with_a_clear_text() {
        let cluster = MockCluster::new(1).unwrap();
        let mut connection = Connection::new(vec![cluster.bootstrap_servers()]);
        // The client takes these brokers for 0.9, which had no transactions.
        connection.properties.insert("api.version.request".to_owned(), "false".to_owned());
        connection.properties.insert("broker.version.fallback".to_owned(), "0.9.0".to_owned());
        connection.transaction_timeout = Duration::from_secs(10);
        let made = Producer::create_and_init(Arc::new(connection), "id".to_owned(), "t".to_owned()).await;
        let error = made.err().unwrap();
        assert!(matches!(error, ClientError::TransactionsUnsupported), "{error}");
    }
}
