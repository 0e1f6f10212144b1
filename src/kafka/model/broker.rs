//! Requests as the brokers take them. What has to follow in time is handed back to the caller.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::coordinator::{Coordinator, Denial, Identity, Markers, Place};
use super::partition::{Batch, Partition, Sender, Unfit};
use super::weather::Fault;

/// What the brokers know of KIP-890.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Nothing: a late record is taken outside of any transaction.
    Old,
    /// Its first part: records outside of an ongoing transaction are rejected.
    Verifying,
    /// Its second part too: every transaction ends with a new epoch.
    EpochPerTransaction,
}

/// What kind of cluster it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// What its brokers know of transactions.
    pub version: Version,
    /// How often the coordinator looks for transactions whose time is up
    /// (`transaction.abort.timed.out.transaction.cleanup.interval.ms`).
    pub time_out_check: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { version: Version::Verifying, time_out_check: Duration::from_secs(10) }
    }
}

/// A request of a producer.
#[derive(Clone)]
pub(super) enum Request {
    Init { transactional_id: Arc<str>, timeout: Duration },
    AddPartitions { identity: Identity, places: Vec<Place> },
    Produce { identity: Identity, place: Place, sequence: i32, batch: Batch },
    Commit { identity: Identity },
}

/// What a request brought.
pub(super) enum Answer {
    Identity(Identity),
    /// Offset of the first record.
    Offset(i64),
    Done,
}

/// Why a request was not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing came back; whether it was applied is unknown.
    Unanswered,
    /// Not now; the client asks again.
    Again(&'static str),
    /// No use in asking again.
    Final(&'static str),
}

/// What follows from a request in time.
pub(super) enum Consequence {
    Began { transactional_id: Arc<str>, transaction: u64, timeout: Duration },
    Decided(Markers),
}

pub(super) struct Broker {
    version: Version,
    topics: BTreeMap<Arc<str>, Vec<Partition>>,
    pub(super) coordinator: Coordinator,
}

impl Broker {
    pub(super) fn new(version: Version) -> Self {
        Self { version, topics: BTreeMap::new(), coordinator: Coordinator::new(version) }
    }

    pub(super) fn create_topic(&mut self, name: &str, partitions: i32) {
        self.topics.entry(name.into()).or_insert_with(|| (0..partitions).map(|_| Partition::default()).collect());
    }

    pub(super) fn delete_topic(&mut self, name: &str) {
        for partition in self.topics.remove(name).into_iter().flatten() {
            partition.arrived.notify_waiters();
        }
    }

    pub(super) fn compact(&mut self, topic: &str) {
        self.topics.get_mut(topic).into_iter().flatten().for_each(Partition::compact);
    }

    pub(super) fn partitions(&self, topic: &str) -> Option<&[Partition]> {
        self.topics.get(topic).map(Vec::as_slice)
    }

    pub(super) fn partition(&self, topic: &str, partition: i32) -> Option<&Partition> {
        self.topics.get(topic)?.get(usize::try_from(partition).ok()?)
    }

    pub(super) fn partition_mut(&mut self, topic: &str, partition: i32) -> Option<&mut Partition> {
        self.topics.get_mut(topic)?.get_mut(usize::try_from(partition).ok()?)
    }

    /// Applies a request; `fired` hears what is remarkable about it.
    pub(super) fn apply(
        &mut self,
        request: &Request,
        mut fired: impl FnMut(Fault),
    ) -> (Result<Answer, Refusal>, Option<Consequence>) {
        let (answer, consequence) = match request {
            Request::Init { transactional_id, timeout } => {
                let (identity, markers) = self.coordinator.init(transactional_id, *timeout);
                (identity.map(Answer::Identity).map_err(refusal), markers.map(Consequence::Decided))
            }
            Request::AddPartitions { identity, places } => self.add_partitions(identity, places),
            Request::Produce { identity, place, sequence, batch } => {
                (self.produce(identity, place, *sequence, batch, &mut fired).map(Answer::Offset), None)
            }
            Request::Commit { identity } => match self.coordinator.end(identity, true) {
                Ok(markers) => (Ok(Answer::Done), markers.map(Consequence::Decided)),
                Err(denial) => (Err(refusal(denial)), None),
            },
        };
        if matches!(answer, Err(FENCED)) {
            fired(Fault::Fenced);
        }
        (answer, consequence)
    }

    fn add_partitions(
        &mut self,
        identity: &Identity,
        places: &[Place],
    ) -> (Result<Answer, Refusal>, Option<Consequence>) {
        if places.iter().any(|(topic, partition)| self.partition(topic, *partition).is_none()) {
            return (Err(UNKNOWN_TOPIC), None);
        }
        match self.coordinator.add_partitions(identity, places) {
            Ok(begun) => {
                let transactional_id = Arc::clone(&identity.transactional_id);
                let began = |(transaction, timeout)| Consequence::Began { transactional_id, transaction, timeout };
                (Ok(Answer::Done), begun.map(began))
            }
            Err(denial) => (Err(refusal(denial)), None),
        }
    }

    fn produce(
        &mut self,
        identity: &Identity,
        place: &Place,
        sequence: i32,
        batch: &Batch,
        fired: &mut impl FnMut(Fault),
    ) -> Result<i64, Refusal> {
        let is_ongoing = self.coordinator.is_ongoing(identity, place);
        let version = self.version;
        let partition = self.partition_mut(&place.0, place.1).ok_or(UNKNOWN_TOPIC)?;
        let is_outside = !is_ongoing && !partition.has_open(identity.producer);
        if is_outside && version != Version::Old {
            fired(Fault::LateProduceRejected);
            return Err(Refusal::Final("INVALID_TXN_STATE"));
        }
        let sender = Sender { producer: identity.producer, epoch: identity.epoch, sequence };
        let end = partition.watermarks().high;
        let offset = partition.append(sender, batch).map_err(|unfit| match unfit {
            Unfit::Fenced => FENCED,
            Unfit::OutOfOrder => Refusal::Final("OUT_OF_ORDER_SEQUENCE_NUMBER"),
        })?;
        if is_outside && offset == end {
            fired(Fault::LateProduceTaken);
        }
        Ok(offset)
    }

    /// Writes a marker if it is still missing, and again if `repeated`.
    pub(super) fn write_marker(&mut self, markers: &Markers, place: &Place, repeated: bool) {
        let id = &markers.identity.transactional_id;
        if !repeated && !self.coordinator.is_missing(id, markers.transaction, place) {
            return;
        }
        if let Some(partition) = self.partition_mut(&place.0, place.1) {
            partition.write_marker(markers.identity.producer, markers.identity.epoch, markers.commit);
        }
        self.coordinator.marker_written(id, markers.transaction, place);
    }
}

const FENCED: Refusal = Refusal::Final("PRODUCER_FENCED");
const FORGOTTEN: Refusal = Refusal::Final("INVALID_PRODUCER_ID_MAPPING");
const UNKNOWN_TOPIC: Refusal = Refusal::Again("UNKNOWN_TOPIC_OR_PARTITION");

fn refusal(denial: Denial) -> Refusal {
    match denial {
        Denial::Fenced => FENCED,
        Denial::Forgotten => FORGOTTEN,
        Denial::Concurrent => Refusal::Again("CONCURRENT_TRANSACTIONS"),
        Denial::InvalidState => Refusal::Final("INVALID_TXN_STATE"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::connection::Record;
    use super::*;

    const VERSIONS: [Version; 3] = [Version::Old, Version::Verifying, Version::EpochPerTransaction];
    const ID: &str = "id";

    fn place() -> Place {
        ("t".into(), 0)
    }

    fn broker(version: Version) -> Broker {
        let mut broker = Broker::new(version);
        broker.create_topic("t", 1);
        broker
    }

    fn batch(records: usize) -> Batch {
        let record = Record { topic: "t".into(), partition: None, key: vec![1], value: None, headers: Vec::new() };
        vec![record; records].into()
    }

    fn init(broker: &mut Broker) -> Result<Identity, Denial> {
        broker.coordinator.init(&ID.into(), Duration::from_secs(60)).0
    }

    fn ask(broker: &mut Broker, request: &Request) -> Result<i64, Refusal> {
        broker.apply(request, |_| ()).0.map(|answer| if let Answer::Offset(offset) = answer { offset } else { -1 })
    }

    fn join(broker: &mut Broker, identity: &Identity) -> Result<i64, Refusal> {
        ask(broker, &Request::AddPartitions { identity: identity.clone(), places: vec![place()] })
    }

    fn produce(broker: &mut Broker, identity: &Identity, sequence: i32, records: usize) -> Result<i64, Refusal> {
        let (identity, batch) = (identity.clone(), batch(records));
        ask(broker, &Request::Produce { identity, place: place(), sequence, batch })
    }

    fn commit(broker: &mut Broker, identity: &Identity) -> Result<i64, Refusal> {
        ask(broker, &Request::Commit { identity: identity.clone() })
    }

    fn write_missing_markers(broker: &mut Broker) {
        let markers = broker.coordinator.missing(&ID.into()).unwrap();
        broker.write_marker(&markers, &place(), false);
    }

    fn high(broker: &Broker) -> i64 {
        broker.partition("t", 0).unwrap().watermarks().high
    }

    fn committed(broker: &Broker) -> usize {
        broker.partition("t", 0).unwrap().records(true).count()
    }

    #[test]
    fn a_repeated_batch_is_answered_again_and_does_nothing() {
        for version in VERSIONS {
            let mut broker = broker(version);
            let identity = init(&mut broker).unwrap();
            join(&mut broker, &identity).unwrap();
            assert_eq!(produce(&mut broker, &identity, 0, 2), Ok(0));
            assert_eq!(produce(&mut broker, &identity, 2, 1), Ok(2));
            assert_eq!(produce(&mut broker, &identity, 0, 2), Ok(0));
            assert_eq!(high(&broker), 3);
            let gap = produce(&mut broker, &identity, 5, 1);
            assert_eq!(gap, Err(Refusal::Final("OUT_OF_ORDER_SEQUENCE_NUMBER")));
        }
    }

    #[test]
    fn a_record_outside_of_a_transaction_is_taken_by_old_brokers_only_and_hides_what_follows() {
        for version in VERSIONS {
            let mut broker = broker(version);
            let identity = init(&mut broker).unwrap();
            let taken = produce(&mut broker, &identity, 0, 1);
            if version == Version::Old {
                assert_eq!(taken, Ok(0));
                broker.partition_mut("t", 0).unwrap().append_plain(&batch(1));
                // No init ends it: the coordinator knows of no transaction.
                init(&mut broker).unwrap();
                assert_eq!((high(&broker), committed(&broker)), (2, 0));
            } else {
                assert_eq!(taken, Err(Refusal::Final("INVALID_TXN_STATE")));
            }
        }
    }

    #[test]
    fn a_commit_is_answered_before_its_marker_is_written_and_init_waits_for_it() {
        for version in VERSIONS {
            let mut broker = broker(version);
            let identity = init(&mut broker).unwrap();
            join(&mut broker, &identity).unwrap();
            produce(&mut broker, &identity, 0, 1).unwrap();
            assert!(commit(&mut broker, &identity).is_ok());
            assert_eq!((high(&broker), committed(&broker)), (1, 0));
            assert_eq!(init(&mut broker), Err(Denial::Concurrent));
            let again = commit(&mut broker, &identity);
            assert_eq!(again, Err(Refusal::Again("CONCURRENT_TRANSACTIONS")));
            write_missing_markers(&mut broker);
            assert_eq!((high(&broker), committed(&broker)), (2, 1));
            assert!(commit(&mut broker, &identity).is_ok(), "a repeated request, {version:?}");
            assert!(init(&mut broker).is_ok());
            assert_eq!(commit(&mut broker, &identity), Err(FENCED));
        }
    }

    #[test]
    fn init_aborts_an_open_transaction_and_fences_every_request_of_its_producer() {
        for version in VERSIONS {
            let mut broker = broker(version);
            let identity = init(&mut broker).unwrap();
            join(&mut broker, &identity).unwrap();
            produce(&mut broker, &identity, 0, 1).unwrap();
            assert_eq!(init(&mut broker), Err(Denial::Concurrent));
            assert_eq!(commit(&mut broker, &identity), Err(FENCED));
            write_missing_markers(&mut broker);
            assert!(init(&mut broker).unwrap().epoch > identity.epoch);
            assert_eq!(join(&mut broker, &identity), Err(FENCED));
            let late = produce(&mut broker, &identity, 1, 1);
            assert!(matches!(late, Err(FENCED | Refusal::Final("INVALID_TXN_STATE"))), "{late:?}");
            assert_eq!((high(&broker), committed(&broker)), (2, 0));
        }
    }

    #[test]
    fn a_forgotten_id_refuses_its_producer_and_begins_with_another() {
        for version in VERSIONS {
            let mut broker = broker(version);
            let identity = init(&mut broker).unwrap();
            join(&mut broker, &identity).unwrap();
            assert!(!broker.coordinator.forget(&ID.into()), "it has a transaction");
            produce(&mut broker, &identity, 0, 1).unwrap();
            commit(&mut broker, &identity).unwrap();
            write_missing_markers(&mut broker);
            let identity = init(&mut broker).unwrap();
            assert!(broker.coordinator.forget(&ID.into()));
            assert_eq!(join(&mut broker, &identity), Err(FORGOTTEN));
            let next = init(&mut broker).unwrap();
            assert_ne!(next.producer, identity.producer);
            assert_eq!(commit(&mut broker, &identity), Err(FORGOTTEN));
            join(&mut broker, &next).unwrap();
            assert_eq!(produce(&mut broker, &next, 0, 1), Ok(2));
        }
    }

    #[test]
    fn compaction_keeps_the_last_committed_record_of_a_key_at_its_offset() {
        let mut broker = broker(Version::Verifying);
        for _ in 0..3 {
            broker.partition_mut("t", 0).unwrap().append_plain(&batch(1));
        }
        broker.compact("t");
        let partition = broker.partition("t", 0).unwrap();
        assert_eq!(partition.records(true).map(|(offset, _)| offset).collect::<Vec<_>>(), [2]);
        assert_eq!((partition.watermarks().low, partition.watermarks().high), (0, 3));
    }

    #[test]
    fn lost_records_are_gone_with_their_transactions() {
        let mut broker = broker(Version::Verifying);
        broker.partition_mut("t", 0).unwrap().append_plain(&batch(2));
        let identity = init(&mut broker).unwrap();
        join(&mut broker, &identity).unwrap();
        produce(&mut broker, &identity, 0, 1).unwrap();
        broker.partition_mut("t", 0).unwrap().lose_from(1);
        assert_eq!((high(&broker), committed(&broker)), (1, 1));
        assert_eq!(broker.partition_mut("t", 0).unwrap().append_plain(&batch(1)), 1);
        assert_eq!(committed(&broker), 2);
    }
}
