//! The transaction coordinator: who holds a transactional id, and how far its transaction is.
//!
//! Pure: what has to follow in time (markers, time-outs) is handed back to the caller.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::broker::Version;

pub(super) type ProducerId = i64;
pub(super) type Epoch = i32;
/// Topic and partition.
pub(super) type Place = (Arc<str>, i32);

/// Who a producer says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) transactional_id: Arc<str>,
    pub(super) producer: ProducerId,
    pub(super) epoch: Epoch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transaction {
    Empty,
    Ongoing,
    /// Decided; some markers are still to be written.
    Ending {
        commit: bool,
    },
    Complete {
        commit: bool,
    },
}

/// Why the coordinator refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// An older epoch.
    Fenced,
    /// The id was forgotten, and so was its producer.
    Forgotten,
    /// The last transaction's markers are not all written; ask again.
    Concurrent,
    /// There is no such transaction.
    InvalidState,
}

/// Markers that have to be written now.
#[derive(Debug, Clone)]
pub(super) struct Markers {
    pub(super) identity: Identity,
    pub(super) commit: bool,
    pub(super) places: Vec<Place>,
    pub(super) transaction: u64,
}

struct Held {
    producer: ProducerId,
    epoch: Epoch,
    /// The epoch before the last `EndTxn`, where each transaction has its own.
    ended_epoch: Option<Epoch>,
    transaction: Transaction,
    /// How manieth transaction of this id.
    number: u64,
    timeout: Duration,
    /// Where it wrote; while it ends, where its marker is missing.
    places: BTreeSet<Place>,
}

pub(super) struct Coordinator {
    version: Version,
    held: BTreeMap<Arc<str>, Held>,
    /// The next producer.
    fresh: ProducerId,
}

impl Coordinator {
    pub(super) fn new(version: Version) -> Self {
        Self { version, held: BTreeMap::new(), fresh: 0 }
    }

    /// `InitProducerId`: fences older producers. An ongoing transaction is ended first, and until its markers
    /// are written the answer is to ask again.
    pub(super) fn init(&mut self, id: &Arc<str>, timeout: Duration) -> (Result<Identity, Denial>, Option<Markers>) {
        let fresh = &mut self.fresh;
        let held = self.held.entry(Arc::clone(id)).or_insert_with(|| {
            *fresh += 1;
            Held {
                producer: *fresh - 1,
                epoch: -1,
                ended_epoch: None,
                transaction: Transaction::Empty,
                number: 0,
                timeout,
                places: BTreeSet::new(),
            }
        });
        match held.transaction {
            Transaction::Ongoing => (Err(Denial::Concurrent), Some(held.fence(id))),
            Transaction::Ending { .. } => (Err(Denial::Concurrent), None),
            Transaction::Empty | Transaction::Complete { .. } => {
                held.epoch += 1;
                (held.ended_epoch, held.transaction, held.timeout) = (None, Transaction::Empty, timeout);
                (Ok(held.identity(id)), None)
            }
        }
    }

    /// `AddPartitionsToTxn`. The number of the transaction if it began with this, and its time.
    pub(super) fn add_partitions(
        &mut self,
        identity: &Identity,
        places: &[Place],
    ) -> Result<Option<(u64, Duration)>, Denial> {
        let held = self.of(identity)?;
        if let Transaction::Ending { .. } = held.transaction {
            return Err(Denial::Concurrent);
        }
        let begins = held.transaction != Transaction::Ongoing;
        if begins {
            (held.transaction, held.number) = (Transaction::Ongoing, held.number + 1);
        }
        held.places.extend(places.iter().cloned());
        Ok(begins.then_some((held.number, held.timeout)))
    }

    /// What a leader asks before it takes records of a transaction.
    pub(super) fn is_ongoing(&self, identity: &Identity, place: &Place) -> bool {
        self.held.get(&identity.transactional_id).is_some_and(|held| {
            (held.producer, held.epoch) == (identity.producer, identity.epoch)
                && held.transaction == Transaction::Ongoing
                && held.places.contains(place)
        })
    }

    /// `EndTxn`: answered as soon as it is decided.
    pub(super) fn end(&mut self, identity: &Identity, commit: bool) -> Result<Option<Markers>, Denial> {
        let version = self.version;
        let is_repeated = |held: &Held| held.ended_epoch == Some(identity.epoch);
        let held = match self.held.get_mut(&identity.transactional_id) {
            Some(held) if held.producer == identity.producer && is_repeated(held) => held,
            _ => self.of(identity)?,
        };
        match held.transaction {
            Transaction::Ongoing => {
                if version == Version::EpochPerTransaction {
                    held.ended_epoch = Some(held.epoch);
                    held.epoch += 1;
                }
                Ok(Some(held.end(&identity.transactional_id, commit)))
            }
            Transaction::Ending { commit: decided } if decided == commit => Err(Denial::Concurrent),
            Transaction::Complete { commit: decided } if decided == commit => Ok(None),
            _ => Err(Denial::InvalidState),
        }
    }

    /// The time of a transaction is up.
    pub(super) fn time_out(&mut self, id: &Arc<str>, number: u64) -> Option<Markers> {
        let held = self.held.get_mut(id)?;
        (held.number == number && held.transaction == Transaction::Ongoing).then(|| held.fence(id))
    }

    /// Forgets an id without a transaction; false if there is none, or it has one.
    pub(super) fn forget(&mut self, id: &Arc<str>) -> bool {
        let is_idle = |held: &Held| matches!(held.transaction, Transaction::Empty | Transaction::Complete { .. });
        self.held.get(id).is_some_and(is_idle) && self.held.remove(id).is_some()
    }

    /// Ends the ongoing transaction of an id, whoever holds it.
    pub(super) fn end_whatever(&mut self, id: &Arc<str>, commit: bool) -> Option<Markers> {
        let held = self.held.get_mut(id)?;
        (held.transaction == Transaction::Ongoing).then(|| held.end(id, commit))
    }

    /// Whether this transaction has no marker there yet.
    pub(super) fn is_missing(&self, id: &Arc<str>, number: u64, place: &Place) -> bool {
        self.held.get(id).is_some_and(|held| {
            held.number == number
                && matches!(held.transaction, Transaction::Ending { .. })
                && held.places.contains(place)
        })
    }

    /// The markers that an ending transaction still misses.
    pub(super) fn missing(&self, id: &Arc<str>) -> Option<Markers> {
        let held = self.held.get(id)?;
        let Transaction::Ending { commit } = held.transaction else { return None };
        let places = held.places.iter().cloned().collect();
        Some(Markers { identity: held.identity(id), commit, places, transaction: held.number })
    }

    pub(super) fn marker_written(&mut self, id: &Arc<str>, number: u64, place: &Place) {
        let Some(held) = self.held.get_mut(id).filter(|held| held.number == number) else { return };
        held.places.remove(place);
        if let (Transaction::Ending { commit }, true) = (held.transaction, held.places.is_empty()) {
            held.transaction = Transaction::Complete { commit };
        }
    }

    fn of(&mut self, identity: &Identity) -> Result<&mut Held, Denial> {
        let held = self.held.get_mut(&identity.transactional_id).filter(|held| held.producer == identity.producer);
        let held = held.ok_or(Denial::Forgotten)?;
        if held.epoch == identity.epoch { Ok(held) } else { Err(Denial::Fenced) }
    }
}

impl Held {
    fn identity(&self, id: &Arc<str>) -> Identity {
        Identity { transactional_id: Arc::clone(id), producer: self.producer, epoch: self.epoch }
    }

    /// Aborts with a higher epoch, so that the producer is fenced.
    fn fence(&mut self, id: &Arc<str>) -> Markers {
        self.epoch += 1;
        self.end(id, false)
    }

    fn end(&mut self, id: &Arc<str>, commit: bool) -> Markers {
        self.transaction = Transaction::Ending { commit };
        let places = self.places.iter().cloned().collect();
        Markers { identity: self.identity(id), commit, places, transaction: self.number }
    }
}
