//! Every write to `.state` (claim, publish, replay, notice, control, release, new lineage) is one attempt.
//!
//! [`Writer::attempt`] is the six steps in their order. Any failure is the same failure: the producer is
//! dropped, the caller waits ([`super::backoff`]) and begins a new attempt; nothing is decided from an
//! error code, and whether a transaction was committed is found out by reading. There is no abort: the
//! next `init_transactions` fences the dropped producer with a higher epoch.

use std::sync::Arc;

use tokio::time::Instant;
use tracing::debug;
use uuid::Uuid;

use super::claim::{Claim, Judgement, Mandate};
use super::client::Producer;
use super::connection::{Connection, Record, Records};
use super::error::{AttemptError, ClientError, Step};
use super::log::{Fold, StateLog};

/// What the read of step 3 leads to.
pub enum Decision<N> {
    /// Commit this.
    Send(Transaction),
    /// Write nothing, and tell the caller why.
    Leave(N),
}

/// The records of one transaction.
pub struct Transaction {
    /// The claim record that is sent first; writer `None` releases.
    pub claim: Claim,
    /// Everything else in its order, progress last; encoded as it is taken. Records of `.state` carry
    /// no headers and may leave the partition open: there is only one.
    pub records: Records,
}

/// How an attempt ended, if it did not fail.
#[derive(Debug)]
pub enum Outcome<N> {
    /// Committed. The fold sees the records when it next reads.
    Committed {
        /// Records of the batch, without the claim.
        records: u64,
    },
    /// Another writer's claim is last (or the own one was released): park. Nothing was written.
    Superseded(Claim),
    /// Nothing was written, by decision.
    Left(N),
}

/// The one writer of a state topic, as far as this process start is concerned.
pub struct Writer {
    connection: Arc<Connection>,
    transactional_id: String,
    log: StateLog,
    mandate: Mandate,
    mandate_given_at: i64,
    acknowledged: Option<i64>,
}

impl Writer {
    /// A starter: parked by no claim as long as its own is not in what it reads. `me` is made once per
    /// process start; `transactional_id` depends on the account alone, or an older copy is not fenced.
    #[must_use]
    pub fn new(connection: Arc<Connection>, transactional_id: String, log: StateLog, me: Uuid) -> Self {
        Self {
            connection,
            transactional_id,
            log: log.read_by(me),
            mandate: Mandate::Unconditional,
            mandate_given_at: 0,
            acknowledged: None,
        }
    }

    /// The same writer in a later life of a process that has owned or parked before.
    #[must_use]
    pub fn without_mandate(self) -> Self {
        Self { mandate: Mandate::None, ..self }
    }

    /// The log that this writer follows; a parked process reads on with it.
    pub fn log(&mut self) -> &mut StateLog {
        &mut self.log
    }

    /// Leaves parking: from now on claims are judged by this mandate.
    pub fn leave_parking(&mut self, mandate: Mandate) {
        self.mandate = mandate;
        self.mandate_given_at = self.log.position();
    }

    /// What the claims read so far mean. `None`: the read ended before the own last acknowledged record,
    /// and ownership is never judged from such a read (EndTxn answers before the markers are written).
    #[must_use]
    pub fn judgement(&self) -> Option<Judgement> {
        let reached = self.acknowledged.is_none_or(|acknowledged| self.log.position() > acknowledged);
        reached.then(|| self.log.claims().judge(self.mandate, self.mandate_given_at))
    }

    /// One attempt. `fold` takes what is read on the way; `decide` is called once, with the fold and the
    /// last claim as of step 3, unless that claim parks this process.
    ///
    /// Giving up on the future is a failure like any other.
    pub async fn attempt<F: Fold, N>(
        &mut self,
        fold: &mut F,
        decide: impl FnOnce(&F, Option<&Claim>) -> Decision<N>,
    ) -> Result<Outcome<N>, AttemptError> {
        // 1. Read on as far as read_committed delivers (no proof, no waiting: our own dropped producer may
        //    still hold a transaction open); a foreign claim is last → park, no init.
        self.log.follow(fold).await.map_err(AttemptError::Read)?;
        if let Some(Judgement::Superseded(claim)) = self.judgement() {
            return Ok(Outcome::Superseded(claim));
        }

        // 2. A fresh producer, init_transactions.
        let mut producer = self.fresh_producer().await?;

        // 3. Take the watermark again and read to it; decide from this read only.
        let end = self.log.read_to_proven_end(fold).await.map_err(AttemptError::Read)?;
        match self.judgement() {
            None => return Err(self.behind_acknowledged(end)),
            Some(Judgement::Superseded(claim)) => return Ok(Outcome::Superseded(claim)),
            Some(Judgement::Owner | Judgement::MayClaim) => {}
        }
        let batch = match decide(fold, self.log.last_claim().map(|placed| &placed.claim)) {
            Decision::Send(batch) => batch,
            Decision::Leave(note) => return Ok(Outcome::Left(note)),
        };
        debug!(position = end, "state log read to its end");

        // 4–6 within transaction.timeout.ms, counted from begin.
        let begun = Instant::now();
        producer.begin().await.map_err(at(Step::Begin))?;
        let records = self.transact(producer, batch, end, begun).await.map_err(|error| self.explain(error, begun))?;
        debug!(claim_offset = end, records, elapsed_ms = begun.elapsed().as_millis(), "transaction committed");
        Ok(Outcome::Committed { records })
    }

    async fn fresh_producer(&self) -> Result<Producer, AttemptError> {
        init(&self.connection, &self.transactional_id, self.log.topic()).await
    }

    /// Steps 4 (after begin), 5 and 6. Leaving early drops the producer.
    async fn transact(
        &mut self,
        mut producer: Producer,
        batch: Transaction,
        end: i64,
        begun: Instant,
    ) -> Result<u64, AttemptError> {
        let deadline = (begun + self.connection.transaction_timeout).into_std();

        // 4. The first record sent is the claim record; its offset must be p.
        let claim = self.claim_record(&batch.claim);
        let found = producer.send(claim, deadline).await.map_err(at(Step::Claim))?;
        self.acknowledge(&producer);
        if found != end && !planted!(EndsAtLastStable) {
            return Err(AttemptError::OffsetMismatch { expected: end, found });
        }

        // 5. Events, the .syncs record, state records, progress last; every delivery result is checked.
        let records = if planted!(DeliveryErrorDropped) { Box::new(batch.records.skip(1)) } else { batch.records };
        let sent = producer.send_all(records, deadline).await;
        self.acknowledge(&producer);
        let records = sent.map_err(at(Step::Send))?;

        // 6. Commit on a blocking thread, without a time-out of our own.
        producer.commit().await.map_err(at(Step::Commit))?;
        Ok(records)
    }

    fn claim_record(&self, claim: &Claim) -> Record {
        Record {
            topic: Arc::clone(self.log.topic()),
            partition: Some(0),
            key: self.log.claim_key().to_vec(),
            value: Some(claim.to_json()),
            headers: Vec::new(),
        }
    }

    fn acknowledge(&mut self, producer: &Producer) {
        self.acknowledged = self.acknowledged.max(producer.acknowledged_offset());
    }

    fn behind_acknowledged(&self, position: i64) -> AttemptError {
        AttemptError::BehindAcknowledged { position, acknowledged: self.acknowledged.unwrap_or(position) }
    }

    /// Names the setting when the time was up, whatever the client said.
    fn explain(&self, error: AttemptError, begun: Instant) -> AttemptError {
        let (elapsed, limit) = (begun.elapsed(), self.connection.transaction_timeout);
        if elapsed < limit {
            return error;
        }
        AttemptError::TooSlow { elapsed, limit_ms: limit.as_millis(), source: Box::new(error) }
    }
}

/// Ends the transaction that a dead process with this id left open. Until then, or until it times out, a read to the
/// proven end of `topic` stands still in front of it. A living process with the id is fenced: it begins a new attempt.
pub async fn end_open_transaction(
    connection: &Arc<Connection>,
    transactional_id: &str,
    topic: &str,
) -> Result<(), AttemptError> {
    init(connection, transactional_id, topic).await.map(drop)
}

async fn init(connection: &Arc<Connection>, transactional_id: &str, topic: &str) -> Result<Producer, AttemptError> {
    Producer::create_and_init(Arc::clone(connection), transactional_id.to_owned(), topic.to_owned())
        .await
        .map_err(at(Step::Init))
}

fn at(step: Step) -> impl FnOnce(ClientError) -> AttemptError {
    move |source| AttemptError::Client { step, source }
}

/// What librdkafka's mock cluster can show: it has no isolation, no fencing and no control records, so
/// everything that rests on those is tested on a real broker.
#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::super::client::ProducerObserver;
    use super::super::error::FoldError;
    use super::*;

    const ME: Uuid = Uuid::from_u128(1);

    fn nothing(_: &[u8], _: Option<&[u8]>, _: i64) -> Result<(), FoldError> {
        Ok(())
    }

    fn writer(bootstrap_servers: String) -> Writer {
        writer_told_to(bootstrap_servers, None)
    }

    fn writer_told_to(bootstrap_servers: String, on_producer: Option<ProducerObserver>) -> Writer {
        let mut connection = Connection::new(vec![bootstrap_servers]);
        connection.on_producer = on_producer;
        connection.transaction_timeout = Duration::from_secs(10);
        let connection = Arc::new(connection);
        let log = StateLog::new(Arc::clone(&connection), "state".into(), super::super::claim::key("5481"));
        Writer::new(connection, "id".to_owned(), log, ME)
    }

    fn one_record(key: &str) -> Decision<&'static str> {
        let record = Record {
            topic: "state".into(),
            partition: None,
            key: key.into(),
            value: Some(b"v".to_vec()),
            headers: vec![("name", "value".into())],
        };
        let claim = Claim { writer: Some(ME), sequence: 0 };
        Decision::Send(Transaction { claim, records: Box::new(std::iter::once(Ok(record))) })
    }

    #[tokio::test]
    async fn what_was_committed_is_what_the_next_attempt_decides_from() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("state", 1, 1).unwrap();
        let mut writer = writer(cluster.bootstrap_servers());
        let first = |_: &_, claim: Option<&Claim>| {
            assert_eq!(claim, None);
            one_record("k1")
        };
        assert!(matches!(writer.attempt(&mut nothing, first).await, Ok(Outcome::Committed { records: 1 })));

        let mut keys: Vec<Vec<u8>> = Vec::new();
        let mut fold = |key: &[u8], _: Option<&[u8]>, _: i64| -> Result<(), FoldError> {
            keys.push(key.to_vec());
            Ok(())
        };
        let second = |_: &_, claim: Option<&Claim>| {
            assert_eq!(claim.unwrap().writer, Some(ME));
            Decision::Leave("seen")
        };
        assert!(matches!(writer.attempt(&mut fold, second).await, Ok(Outcome::Left("seen"))));
        assert_eq!(keys, [b"k1"], "the claim is not given to the fold");
    }

    #[tokio::test]
    async fn a_record_that_the_broker_refuses_fails_the_attempt_and_the_next_one_goes_through() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("state", 1, 1).unwrap();
        let reports = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&reports);
        let observer: ProducerObserver = Arc::new(move |report| told.lock().unwrap().push(*report));
        let mut writer = writer_told_to(cluster.bootstrap_servers(), Some(observer));
        let refused = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED];
        cluster.request_errors(RDKafkaApiKey::Produce, &refused);
        let failed = writer.attempt(&mut nothing, |_, _| one_record("k1")).await;
        assert!(
            matches!(failed, Err(AttemptError::Client { step: Step::Claim, source: ClientError::Undelivered { .. } })),
            "{failed:?}"
        );
        let next = writer.attempt(&mut nothing, |_, _| one_record("k1")).await;
        assert!(matches!(next, Ok(Outcome::Committed { .. })), "{next:?}");
        // Each is told once its producer is gone.
        while reports.lock().unwrap().len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut reports = reports.lock().unwrap().clone();
        reports.sort_by_key(|report| report.delivered);
        let [failed, committed] = reports[..] else { panic!("{reports:?}") };
        assert_eq!((failed.delivered, failed.delivered_bytes, failed.failed), (0, 0, 1));
        assert_eq!((committed.delivered, committed.failed), (2, 0), "the claim record and the other one");
        let claim = super::super::claim::key("5481").len() + Claim { writer: Some(ME), sequence: 0 }.to_json().len();
        assert_eq!(committed.delivered_bytes, (claim + "k1".len() + "v".len()) as u64);
        assert!(committed.queue_peak > 0, "{committed:?}");
    }

    #[tokio::test]
    async fn a_commit_without_an_answer_is_an_error_and_never_a_success() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("state", 1, 1).unwrap();
        let mut writer = writer(cluster.bootstrap_servers());
        cluster.request_errors(RDKafkaApiKey::EndTxn, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH]);
        let failed = writer.attempt(&mut nothing, |_, _| one_record("k1")).await;
        assert!(matches!(failed, Err(AttemptError::Client { step: Step::Commit, .. })), "{failed:?}");
    }
}
