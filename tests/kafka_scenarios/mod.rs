//! What the publishing protocol needs of Kafka, as scenarios over `ramstream::kafka`. Real brokers
//! (`tests/real`) and the model of them (`tests/kafka_model`) are held against the same ones.

#[macro_use]
mod every;
mod reading;
mod replies;
mod transactions;
mod writing;

pub(crate) use reading::*;
pub(crate) use replies::*;
pub(crate) use transactions::*;
pub(crate) use writing::*;

use std::collections::BTreeMap;
use std::sync::Arc;

use ramstream::kafka::{
    Claim, Connection, Decision, Fold, FoldError, Outcome, Record, StateLog, Transaction, Writer, claim,
};
use uuid::Uuid;

const ACCOUNT: &str = "5481";
const CLAIM_KEY: &str = "5481/~claim";

/// Brokers, and what others do to them. Whatever is not `async` happens at once.
pub(crate) trait Broker: Clone + Send + 'static {
    /// A transaction of somebody else.
    type Open;

    fn connection(&self) -> Connection;
    /// A connection on which something can be lost.
    fn lossy_connection(&self) -> Connection;
    /// What is lost on it from now on.
    fn lose(&self, lost: Lost);
    /// A new topic with one partition, which nobody else uses. From a `kept` one no records are deleted.
    async fn create(&self, kept: bool) -> Arc<str>;
    /// Deletes the topic and makes an empty one with its name.
    async fn recreate(&self, topic: &Arc<str>);
    async fn delete(&self, topic: &str);
    async fn delete_records_before(&self, topic: &str, offset: i64);
    /// Writes a record without a transaction.
    fn append(&self, topic: &str, key: &str, value: &str);
    /// Writes a record in a transaction that is left open.
    fn open_transaction(&self, transactional_id: &str, topic: &str, key: &str, value: &str) -> Self::Open;
    fn end_transaction(&self, open: Self::Open, commit: bool);
    /// Another producer initialises its transactions with this id.
    fn fence(&self, transactional_id: &str);
    /// (offset, key, value) of the topic, committed records or all.
    fn read(&self, topic: &str, committed: bool) -> Vec<(i64, String, Option<String>)>;
}

/// The state as read: last value by key, and how many records it took.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) values: BTreeMap<String, String>,
    pub(crate) records: usize,
}

impl Fold for State {
    fn apply(&mut self, key: &[u8], value: Option<&[u8]>, _: i64) -> Result<(), FoldError> {
        let key = String::from_utf8(key.to_vec())?;
        match value {
            Some(value) => self.values.insert(key, String::from_utf8(value.to_vec())?),
            None => self.values.remove(&key),
        };
        self.records += 1;
        Ok(())
    }
}

pub(crate) fn log(connection: Connection, topic: &Arc<str>) -> StateLog {
    StateLog::new(Arc::new(connection), Arc::clone(topic), claim::key(ACCOUNT))
}

fn transactional_id(topic: &str) -> String {
    format!("writes-{topic}")
}

pub(crate) fn writer(connection: Connection, topic: &Arc<str>, me: Uuid) -> Writer {
    let log = log(connection.clone(), topic);
    Writer::new(Arc::new(connection), transactional_id(topic), log, me)
}

pub(crate) fn record(topic: &Arc<str>, key: &str, value: &str) -> Record {
    let (topic, value) = (Arc::clone(topic), Some(value.into()));
    Record { topic, partition: None, key: key.into(), value, headers: Vec::new() }
}

pub(crate) fn send(writer: Uuid, records: Vec<Record>) -> Decision<()> {
    let claim = Claim { writer: Some(writer), sequence: 0 };
    Decision::Send(Transaction { claim, records: Box::new(records.into_iter().map(Ok)) })
}

pub(crate) async fn commit(writer: &mut Writer, me: Uuid, records: Vec<Record>) {
    let outcome = writer.attempt(&mut State::default(), |_, _| send(me, records)).await;
    assert!(matches!(outcome, Ok(Outcome::Committed { .. })), "{outcome:?}");
}

fn keys(broker: &impl Broker, topic: &str, committed: bool) -> Vec<String> {
    broker.read(topic, committed).into_iter().map(|(_, key, _)| key).collect()
}
