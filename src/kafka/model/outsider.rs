//! Everybody else: what others do to a topic, and what a consumer finds in it. All of it happens at once.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::super::connection;
use super::broker::Broker;
use super::cluster::Cluster;
use super::coordinator::{Denial, Identity, Place};
use super::partition::{Batch, Sender};

/// What a consumer gets to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// `read_committed`: committed records below the last stable offset.
    Committed,
    /// `read_uncommitted`: every record there is, also of aborted and open transactions.
    Uncommitted,
}

/// A record as a consumer finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Key.
    pub key: Vec<u8>,
    /// Value; `None` = tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers, in order.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
}

impl Cluster {
    /// All records of a topic, partition by partition in offset order; none if there is no such topic.
    #[must_use]
    pub fn records(&self, topic: &str, isolation: Isolation) -> Vec<Record> {
        let state = self.state();
        let partitions = state.broker.partitions(topic).unwrap_or_default();
        let found = |(partition, record): (i32, (i64, &connection::Record))| Record {
            partition,
            offset: record.0,
            key: record.1.key.clone(),
            value: record.1.value.clone(),
            headers: record.1.headers.clone(),
        };
        (0..)
            .zip(partitions)
            .flat_map(|(at, partition)| {
                partition.records(isolation == Isolation::Committed).map(move |record| (at, record))
            })
            .map(found)
            .collect()
    }

    /// Somebody writes a record without a transaction. Its offset.
    ///
    /// # Panics
    ///
    /// If there is no such partition.
    pub fn append(&self, topic: &str, partition: i32, key: &[u8], value: Option<&[u8]>) -> i64 {
        let mut state = self.state();
        let found = state.broker.partition_mut(topic, partition).expect("there is such a partition");
        found.append_plain(&batch(topic, partition, key, value))
    }

    /// Somebody writes a record in a transaction and leaves it open; nobody times it out. Its offset.
    ///
    /// # Panics
    ///
    /// If there is no such partition.
    pub fn open_foreign_transaction(
        &self,
        transactional_id: &str,
        topic: &str,
        partition: i32,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> i64 {
        let mut state = self.state();
        let identity = init(&mut state.broker, &transactional_id.into());
        let place: Place = (topic.into(), partition);
        let joined = state.broker.coordinator.add_partitions(&identity, std::slice::from_ref(&place));
        joined.expect("its transaction is a new one");
        let sender = Sender { producer: identity.producer, epoch: identity.epoch, sequence: 0 };
        let found = state.broker.partition_mut(topic, partition).expect("there is such a partition");
        found.append(sender, &batch(topic, partition, key, value)).expect("its epoch is a new one")
    }

    /// Ends the transaction of [`open_foreign_transaction`](Self::open_foreign_transaction), if it is still open.
    pub fn end_foreign_transaction(&self, transactional_id: &str, commit: bool) {
        let mut state = self.state();
        let id: Arc<str> = transactional_id.into();
        if let Some(markers) = state.broker.coordinator.end_whatever(&id, commit) {
            write_all(&mut state.broker, &markers);
        }
    }

    /// Another producer with this id initialises its transactions and does no more.
    pub fn fence(&self, transactional_id: &str) {
        init(&mut self.state().broker, &transactional_id.into());
    }
}

/// Initialises at once, all markers included.
fn init(broker: &mut Broker, id: &Arc<str>) -> Identity {
    loop {
        match broker.coordinator.init(id, Duration::from_secs(60)).0 {
            Ok(identity) => return identity,
            Err(Denial::Concurrent) => {
                let markers = broker.coordinator.missing(id).expect("a transaction is ending");
                write_all(broker, &markers);
            }
            Err(denial) => unreachable!("init is never {denial:?}"),
        }
    }
}

fn write_all(broker: &mut Broker, markers: &super::coordinator::Markers) {
    for place in &markers.places {
        broker.write_marker(markers, place, false);
    }
}

fn batch(topic: &str, partition: i32, key: &[u8], value: Option<&[u8]>) -> Batch {
    let (key, value) = (key.to_vec(), value.map(<[u8]>::to_vec));
    [connection::Record { topic: topic.into(), partition: Some(partition), key, value, headers: Vec::new() }].into()
}
