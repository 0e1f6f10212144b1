//! The Kafka client as [`super::log`] and [`super::attempt`] see it: eight operations and nothing else.
//!
//! | operation | here |
//! |---|---|
//! | create and init | [`Producer::create_and_init`] |
//! | begin | [`Producer::begin`] |
//! | send one record → its offset | [`Producer::send`] |
//! | send many → how many were delivered | [`Producer::send_all`] |
//! | commit | [`Producer::commit`], which uses the producer up: one transaction per producer |
//! | drop | dropping the value; there is no abort |
//! | watermark | [`WatermarkClient::watermarks`] |
//! | poll and position | [`Reader::poll`] |
//!
//! Every operation is asynchronous and runs its blocking part on a blocking thread. A broker made for
//! simulation offers the same eight; nothing above this file names the Kafka library.
//!
//! Giving up on a future here does not stop the operation: a commit under way goes on. That is the same
//! as a lost answer, and is handled as one.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::util::Timeout;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::connection::{Connection, Record};
use super::error::ClientError;

/// Records are handed over this many at a time between two looks at the delivery reports.
const SEND_STRIDE: u64 = 512;
/// `poll` of a producer always takes its whole time, so it is kept short.
const PRODUCER_POLL: Duration = Duration::from_millis(1);
/// A batch of read records ends at this size, which bounds the memory of a read.
const READ_BATCH_BYTES: usize = 4 << 20;

/// Runs `operation` where blocking is allowed.
async fn blocking<T: Send + 'static>(
    name: &'static str,
    operation: impl FnOnce() -> Result<T, ClientError> + Send + 'static,
) -> Result<T, ClientError> {
    match tokio::task::spawn_blocking(operation).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(ClientError::Failed { operation: name, reason: cancelled.to_string() }),
        },
    }
}

/// A client of the library. Dropping one may take half a second (it purges, leaves, joins its threads),
/// so that is not done on an async thread.
struct Client<T: Send + Sync + 'static>(Option<Arc<T>>);

impl<T: Send + Sync + 'static> Client<T> {
    fn new(client: T) -> Self {
        Self(Some(Arc::new(client)))
    }

    fn share(&self) -> Arc<T> {
        Arc::clone(self.0.as_ref().expect("only drop takes the client"))
    }
}

impl<T: Send + Sync + 'static> Drop for Client<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(client));
        }
    }
}

/// Counts what became of the records: every delivery result is looked at.
#[derive(Debug)]
struct Deliveries {
    delivered: AtomicU64,
    failed: AtomicU64,
    first_failure: Mutex<Option<String>>,
    /// The topic whose highest acknowledged offset is kept.
    watched_topic: String,
    /// -1 = none yet.
    acknowledged_offset: AtomicI64,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(message) => {
                if message.topic() == self.watched_topic {
                    self.acknowledged_offset.fetch_max(message.offset(), Ordering::Relaxed);
                }
                self.delivered.fetch_add(1, Ordering::Release);
            }
            Err((error, message)) => {
                let mut first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| format!("{} ({error})", message.topic()));
                self.failed.fetch_add(1, Ordering::Release);
            }
        }
    }
}

/// A producer for one transaction. Dropping it purges what was not delivered and aborts nothing: the next
/// init of the same id does that, with a higher epoch.
pub(super) struct Producer {
    inner: Client<BaseProducer<Deliveries>>,
    sent: u64,
}

impl Producer {
    /// Makes a producer and fences every older one with the same id. `watched_topic` is the topic whose
    /// [`acknowledged_offset`](Self::acknowledged_offset) is asked for.
    pub(super) async fn create_and_init(
        connection: Arc<Connection>,
        transactional_id: String,
        watched_topic: String,
    ) -> Result<Self, ClientError> {
        blocking("init_transactions", move || {
            let deliveries = Deliveries {
                delivered: AtomicU64::new(0),
                failed: AtomicU64::new(0),
                first_failure: Mutex::new(None),
                watched_topic,
                acknowledged_offset: AtomicI64::new(-1),
            };
            let inner: BaseProducer<Deliveries> = connection
                .producer(&transactional_id)
                .create_with_context(deliveries)
                .map_err(|error| ClientError::configuration(&error))?;
            // The broker may first have to end our own older transaction.
            inner
                .init_transactions(connection.transaction_timeout)
                .map_err(|error| ClientError::from_kafka("init_transactions", &error))?;
            Ok(Self { inner: Client::new(inner), sent: 0 })
        })
        .await
    }

    /// Begins the one transaction.
    pub(super) async fn begin(&mut self) -> Result<(), ClientError> {
        let inner = self.inner.share();
        blocking("begin_transaction", move || {
            inner.begin_transaction().map_err(|error| ClientError::from_kafka("begin_transaction", &error))
        })
        .await
    }

    /// Sends one record to the watched topic and waits for its offset.
    pub(super) async fn send(&mut self, record: Record, deadline: Instant) -> Result<i64, ClientError> {
        self.send_all(Box::new(std::iter::once(record)), deadline).await?;
        self.acknowledged_offset().ok_or(ClientError::Failed {
            operation: "send",
            reason: "the broker acknowledged a record without an offset".to_owned(),
        })
    }

    /// Sends records as they come out of `records` and waits until each is delivered; anything less is
    /// an error. A full queue is back-pressure. Returns how many were delivered by this call.
    pub(super) async fn send_all(
        &mut self,
        records: Box<dyn Iterator<Item = Record> + Send>,
        deadline: Instant,
    ) -> Result<u64, ClientError> {
        let inner = self.inner.share();
        let before = self.sent;
        self.sent = blocking("send", move || stream(&inner, records, before, deadline)).await?;
        Ok(self.sent - before)
    }

    /// The highest offset that the broker acknowledged in the watched topic.
    pub(super) fn acknowledged_offset(&self) -> Option<i64> {
        let offset = self.inner.share().context().acknowledged_offset.load(Ordering::Relaxed);
        (offset >= 0).then_some(offset)
    }

    /// Commits, without a time-out of our own: a finite one leaves client and coordinator out of step.
    pub(super) async fn commit(self) -> Result<(), ClientError> {
        let inner = self.inner.share();
        blocking("commit_transaction", move || {
            inner
                .commit_transaction(Timeout::Never)
                .map_err(|error| ClientError::from_kafka("commit_transaction", &error))
        })
        .await
    }
}

/// Hands records over and waits for all delivery reports; `sent` counts over the producer's life.
fn stream(
    producer: &BaseProducer<Deliveries>,
    records: Box<dyn Iterator<Item = Record> + Send>,
    mut sent: u64,
    deadline: Instant,
) -> Result<u64, ClientError> {
    for record in records {
        enqueue(producer, &record, deadline)?;
        sent += 1;
        if sent.is_multiple_of(SEND_STRIDE) {
            producer.poll(Duration::ZERO);
            check_deliveries(producer, sent)?;
        }
    }
    // `flush` (also the one inside commit) polls in steps of 100 ms; waiting here costs 1 ms.
    while check_deliveries(producer, sent)? < sent {
        check_deadline(deadline)?;
        producer.poll(PRODUCER_POLL);
    }
    Ok(sent)
}

fn enqueue(producer: &BaseProducer<Deliveries>, record: &Record, deadline: Instant) -> Result<(), ClientError> {
    let mut message = BaseRecord::<[u8], [u8], ()>::to(&record.topic).key(record.key.as_slice());
    message.partition = record.partition;
    message.payload = record.value.as_deref();
    message.headers = headers(record);
    loop {
        match producer.send(message) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned)) => {
                check_deadline(deadline)?;
                producer.poll(PRODUCER_POLL);
                message = returned;
            }
            Err((error, _)) => return Err(ClientError::from_kafka("send", &error)),
        }
    }
}

fn headers(record: &Record) -> Option<OwnedHeaders> {
    if record.headers.is_empty() {
        return None;
    }
    let empty = OwnedHeaders::new_with_capacity(record.headers.len());
    Some(record.headers.iter().fold(empty, |headers, (key, value)| headers.insert(Header { key, value: Some(value) })))
}

/// The number delivered so far; an error as soon as one failed.
fn check_deliveries(producer: &BaseProducer<Deliveries>, sent: u64) -> Result<u64, ClientError> {
    let context = producer.context();
    let delivered = context.delivered.load(Ordering::Acquire);
    if context.failed.load(Ordering::Acquire) == 0 {
        return Ok(delivered);
    }
    let first = context.first_failure.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Err(ClientError::Undelivered { sent, delivered, reason: first.unwrap_or_default() })
}

fn check_deadline(deadline: Instant) -> Result<(), ClientError> {
    if Instant::now() < deadline {
        return Ok(());
    }
    Err(ClientError::Failed { operation: "send", reason: "the transaction's time is up".to_owned() })
}

/// Low and high watermark of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The first offset there is. Compaction keeps it, deletion of records raises it.
    pub low: i64,
    /// The next offset to be written.
    pub high: i64,
}

/// A `read_uncommitted` client, asked only where a partition ends.
pub(super) struct WatermarkClient {
    inner: Client<BaseConsumer>,
    request_timeout: Duration,
}

impl WatermarkClient {
    /// Makes the client; connects on the first question.
    pub(super) fn create(connection: &Connection) -> Result<Self, ClientError> {
        let inner: BaseConsumer = connection.watermark_client().create().map_err(|error| ClientError::configuration(&error))?;
        Ok(Self { inner: Client::new(inner), request_timeout: connection.request_timeout })
    }

    /// Asks the partition's leader.
    pub(super) async fn watermarks(&self, topic: &str, partition: i32) -> Result<Watermarks, ClientError> {
        let (inner, topic, timeout) = (self.inner.share(), topic.to_owned(), self.request_timeout);
        blocking("watermark", move || {
            let (low, high) = inner
                .fetch_watermarks(&topic, partition, timeout)
                .map_err(|error| ClientError::from_kafka("watermark", &error))?;
            Ok(Watermarks { low, high })
        })
        .await
    }
}

/// A `read_committed` reader of one partition.
pub(super) struct Reader {
    inner: Client<BaseConsumer>,
    start: i64,
}

/// What one poll brought.
pub(super) struct Polled {
    /// Records in offset order; each is (offset, key, value).
    pub(super) records: Vec<(i64, Vec<u8>, Option<Vec<u8>>)>,
    /// Every visible record below this offset has been delivered. Control records move it too.
    pub(super) position: i64,
    /// A complaint after which the client goes on by itself, such as a lost connection.
    pub(super) trouble: Option<String>,
}

impl Reader {
    /// Starts reading at `offset`.
    pub(super) async fn open(
        connection: Arc<Connection>,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<Self, ClientError> {
        let topic = topic.to_owned();
        blocking("assign", move || {
            let inner: BaseConsumer =
                connection.reader().create().map_err(|error| ClientError::configuration(&error))?;
            let mut assignment = TopicPartitionList::new();
            assignment
                .add_partition_offset(&topic, partition, Offset::Offset(offset))
                .and_then(|()| inner.assign(&assignment))
                .map_err(|error| ClientError::from_kafka("assign", &error))?;
            Ok(Self { inner: Client::new(inner), start: offset })
        })
        .await
    }

    /// Waits up to `wait` for a first record, then takes what is at hand.
    pub(super) async fn poll(&mut self, wait: Duration) -> Result<Polled, ClientError> {
        let (inner, start) = (self.inner.share(), self.start);
        blocking("read", move || poll_batch(&inner, start, wait)).await
    }
}

fn poll_batch(consumer: &BaseConsumer, start: i64, mut wait: Duration) -> Result<Polled, ClientError> {
    let mut polled = Polled { records: Vec::new(), position: start, trouble: None };
    let mut bytes = 0;
    while bytes < READ_BATCH_BYTES {
        match consumer.poll(wait) {
            None => break,
            Some(Ok(message)) => {
                let key = message.key().unwrap_or_default().to_vec();
                let value = message.payload().map(<[u8]>::to_vec);
                bytes += message.key_len() + message.payload_len();
                polled.records.push((message.offset(), key, value));
            }
            Some(Err(error)) if heals_by_itself(&error) => polled.trouble = Some(error.to_string()),
            Some(Err(error)) => return Err(ClientError::from_kafka("read", &error)),
        }
        wait = Duration::ZERO;
    }
    polled.position = position(consumer)?.unwrap_or(start);
    Ok(polled)
}

/// librdkafka reports these for the information of the application and goes on trying.
fn heals_by_itself(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::Resolve
                | Code::OperationTimedOut
                | Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::CoordinatorNotAvailable
        )
    )
}

/// `None` before the first record or control record.
fn position(consumer: &BaseConsumer) -> Result<Option<i64>, ClientError> {
    let list = consumer.position().map_err(|error| ClientError::from_kafka("position", &error))?;
    Ok(list.elements().first().and_then(|partition| match partition.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }))
}
