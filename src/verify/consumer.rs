//! The checker's own consumer: a topic as a whole, to the end that each partition has when it is asked.
//!
//! A read that ends early is an error. Not known here: what a record means.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::record::Place;
use crate::kafka::Connection;

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(100);

/// Which records a reader sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Only what was committed.
    ReadCommitted,
    /// Also what was aborted.
    ReadUncommitted,
}

impl Isolation {
    fn as_str(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read_committed",
            Self::ReadUncommitted => "read_uncommitted",
        }
    }
}

/// Why a topic could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The brokers did not answer, or refused.
    #[error("reading {topic} from Kafka")]
    Client {
        /// The topic, or the prefix.
        topic: String,
        /// Why.
        #[source]
        source: KafkaError,
    },
    /// Nothing more came, and the end was not reached: a transaction may be open.
    #[error(
        "{topic}[{partition}] was read up to offset {position} of {end}, then nothing came for {waited:?}: is a \
         transaction left open?"
    )]
    Stalled {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The next offset to read.
        position: i64,
        /// The end.
        end: i64,
        /// How long.
        waited: Duration,
    },
    /// There is no topic to judge.
    #[error("there is no topic {topic}: has anything been published under this prefix?")]
    Missing {
        /// The topic that has to be there.
        topic: String,
    },
}

/// A record as it stands in Kafka.
pub(super) struct Raw {
    pub(super) place: Place,
    pub(super) key: Vec<u8>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, String)>,
}

/// A partition: where it begins and ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) low: i64,
    pub(super) high: i64,
}

/// A topic, read to its end.
pub(super) struct Topic {
    pub(super) name: Arc<str>,
    pub(super) records: Vec<Raw>,
    pub(super) extents: BTreeMap<i32, Extent>,
}

/// Runs `read` where blocking is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    match tokio::task::spawn_blocking(read).await {
        Ok(outcome) => outcome,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

fn consumer(connection: &Connection, isolation: Isolation) -> Result<BaseConsumer, KafkaError> {
    let mut config = ClientConfig::new();
    for (name, value) in &connection.properties {
        config.set(name, value);
    }
    config
        .set("bootstrap.servers", connection.bootstrap_servers.join(","))
        .set("client.id", &connection.client_id)
        .set("group.id", &connection.group_id)
        .set("enable.auto.commit", "false")
        .set("allow.auto.create.topics", "false")
        .set("auto.offset.reset", "error")
        .set("isolation.level", isolation.as_str());
    config.create()
}

/// The names of the topics under a prefix that this user may see, sorted.
pub(super) fn topic_names(connection: &Connection, prefix: &str) -> Result<Vec<String>, ReadError> {
    let failed = |source| ReadError::Client { topic: prefix.to_owned(), source };
    let client = consumer(connection, Isolation::ReadUncommitted).map_err(failed)?;
    let metadata = client.fetch_metadata(None, connection.request_timeout).map_err(failed)?;
    let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    Ok(names)
}

/// Reads every record of a topic.
pub(super) fn read_topic(connection: &Connection, name: &Arc<str>, isolation: Isolation) -> Result<Topic, ReadError> {
    let failed = |source| ReadError::Client { topic: name.to_string(), source };
    let extents = extents(connection, name).map_err(failed)?;
    let client = consumer(connection, isolation).map_err(failed)?;
    let mut assignment = TopicPartitionList::new();
    for (partition, extent) in &extents {
        assignment.add_partition_offset(name, *partition, Offset::Offset(extent.low)).map_err(failed)?;
    }
    client.assign(&assignment).map_err(failed)?;
    let mut records = Vec::new();
    let mut moved_at = Instant::now();
    while let Some((partition, position)) = first_behind(&client, &extents).map_err(failed)? {
        match client.poll(POLL) {
            Some(Ok(message)) => {
                moved_at = Instant::now();
                // What came after the end was asked for is another reading's.
                if extents.get(&message.partition()).is_some_and(|extent| message.offset() < extent.high) {
                    records.push(raw(name, &message));
                }
            }
            // librdkafka tells of lost connections and goes on by itself; what does not heal ends as a stall.
            _ if moved_at.elapsed() < connection.read_stall_timeout => {}
            Some(Err(source)) => return Err(failed(source)),
            None => {
                let (topic, end, waited) = (name.to_string(), extents[&partition].high, moved_at.elapsed());
                return Err(ReadError::Stalled { topic, partition, position, end, waited });
            }
        }
    }
    Ok(Topic { name: Arc::clone(name), records, extents })
}

/// Where every partition begins and ends, as a client sees it that no open transaction holds back.
fn extents(connection: &Connection, name: &str) -> Result<BTreeMap<i32, Extent>, KafkaError> {
    let client = consumer(connection, Isolation::ReadUncommitted)?;
    let metadata = client.fetch_metadata(Some(name), connection.request_timeout)?;
    let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions().iter().map(|part| part.id()));
    let asked = partitions.map(|partition| {
        let (low, high) = client.fetch_watermarks(name, partition, connection.request_timeout)?;
        Ok((partition, Extent { low, high }))
    });
    asked.collect()
}

/// A partition that is not read to its end, with its position. The position moves past the marks of transactions, too.
fn first_behind(client: &BaseConsumer, extents: &BTreeMap<i32, Extent>) -> Result<Option<(i32, i64)>, KafkaError> {
    let positions = client.position()?;
    let elements = positions.elements();
    Ok(extents.iter().find_map(|(partition, extent)| {
        let position = elements.iter().find(|element| element.partition() == *partition)?.offset();
        let position = if let Offset::Offset(offset) = position { offset } else { extent.low };
        (position < extent.high).then_some((*partition, position))
    }))
}

fn raw(topic: &Arc<str>, message: &BorrowedMessage<'_>) -> Raw {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    Raw {
        place: Place { topic: Arc::clone(topic), partition: message.partition(), offset: message.offset() },
        key: message.key().unwrap_or_default().to_vec(),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.map(|header| (header.key.to_owned(), text(header.value))).collect(),
    }
}
