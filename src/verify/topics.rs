//! Reading the topics with a consumer of the checker's own: to the end that each partition has when it is asked.
//!
//! The order makes the picture whole although somebody may be publishing: the state first, then `.syncs`, then the
//! events, then what `.syncs` has got meanwhile. So every event of a sync that the first reading of `.syncs` knows was
//! there when the events were read, and a later sync is told from an event that no sync announces.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde::de::DeserializeOwned;

use super::decode::{DecodeError, Decoder};
use super::record::{Event, Notice, Place, Reading, StateRecord, Truncated, Unreadable};
use super::{Question, VerifyError};
use crate::kafka::registry::Registry;
use crate::kafka::{Connection, RegistryError};

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(100);
/// So often the state topic is read on when it ends in the middle of a sync.
const STATE_TRIES: u32 = 5;
/// Topics under the prefix that hold no change events.
const OTHERS: [&str; 4] = ["syncs", "control", "snapshot", "state"];

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
struct Raw {
    place: Place,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, String)>,
}

/// A partition: where it begins and ends.
#[derive(Debug, Clone, Copy)]
struct Extent {
    low: i64,
    high: i64,
}

struct Topic {
    name: Arc<str>,
    records: Vec<Raw>,
    extents: BTreeMap<i32, Extent>,
}

/// Reads everything of the account.
pub(super) async fn read(
    connection: Arc<Connection>,
    registry: &Registry,
    question: &Question,
) -> Result<Reading, VerifyError> {
    let names = blocking({
        let (connection, prefix) = (Arc::clone(&connection), question.topic_prefix.clone());
        move || topic_names(&connection, &prefix)
    })
    .await?;
    let read_topic = |name: &str, isolation: Isolation| {
        let (connection, name): (_, Arc<str>) = (Arc::clone(&connection), name.into());
        blocking(move || read_topic(&connection, &name, isolation))
    };
    let under = |name: &str| format!("{}.{name}", question.topic_prefix);
    let syncs = under("syncs");
    if !names.contains(&syncs) {
        return Err(ReadError::Missing { topic: syncs }.into());
    }
    let mut reading = Reading {
        account: question.account_id.clone(),
        uncommitted: question.isolation == Isolation::ReadUncommitted,
        ..Reading::default()
    };
    let state = under(&format!("state.{}", question.account_id));
    if reading.uncommitted {
        reading.remarks.push("the state topic, whose records cannot be sorted out without isolation".into());
    } else if names.contains(&state) {
        reading.state = Some(read_state(|| read_topic(&state, Isolation::ReadCommitted), &question.account_id).await?);
    } else {
        reading.remarks.push(format!("the fold against the state: there is no topic {state}, or no right to read it"));
    }
    let mut decoder = Decoder::new(registry);
    let first = read_topic(&syncs, question.isolation).await?;
    let first_end = first.extents.clone();
    for name in names.iter().filter(|name| is_event_topic(name, &question.topic_prefix)) {
        let topic = read_topic(name, question.isolation).await?;
        take_events(topic, &mut decoder, &mut reading).await?;
    }
    let all = read_topic(&syncs, question.isolation).await?;
    reading.syncs_truncated = all.extents.values().any(|extent| extent.low > 0);
    take_notices(all, &first_end, &mut decoder, &mut reading).await?;
    Ok(reading)
}

fn is_event_topic(name: &str, prefix: &str) -> bool {
    let rest = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
    // A further dot begins another prefix, or a topic of one account.
    rest.is_some_and(|rest| !rest.contains('.') && !OTHERS.contains(&rest))
}

async fn take_events(topic: Topic, decoder: &mut Decoder<'_>, reading: &mut Reading) -> Result<(), VerifyError> {
    let mut firsts: BTreeMap<i32, i64> = BTreeMap::new();
    for raw in topic.records {
        let Some(mut event) = decoded::<Event>(&raw, decoder, reading).await? else { continue };
        let key: Arc<str> = String::from_utf8_lossy(&raw.key).into();
        if !is_ours(&key, &reading.account) && event.account_id != reading.account {
            continue;
        }
        firsts.entry(raw.place.partition).or_insert(event.sequence);
        (event.place, event.key, event.headers) = (raw.place, key, raw.headers);
        reading.events.push(event);
    }
    for (partition, _) in topic.extents.iter().filter(|(_, extent)| extent.low > 0) {
        let first_sequence = firsts.get(partition).copied();
        reading.truncated.push(Truncated { topic: Arc::clone(&topic.name), partition: *partition, first_sequence });
    }
    Ok(())
}

async fn take_notices(
    topic: Topic,
    first_end: &BTreeMap<i32, Extent>,
    decoder: &mut Decoder<'_>,
    reading: &mut Reading,
) -> Result<(), VerifyError> {
    for raw in topic.records {
        let Some(mut notice) = decoded::<Notice>(&raw, decoder, reading).await? else { continue };
        if notice.account_id != reading.account && raw.key != reading.account.as_bytes() {
            continue;
        }
        let was_there = first_end.get(&raw.place.partition).is_some_and(|extent| raw.place.offset < extent.high);
        if was_there && notice.is_completion() {
            // The last one, not the highest: a new lineage begins anew.
            reading.horizon = Some(notice.sequence);
        }
        notice.key = String::from_utf8_lossy(&raw.key).into();
        (notice.place, notice.headers) = (raw.place, raw.headers);
        reading.notices.push(notice);
    }
    Ok(())
}

fn is_ours(key: &str, account: &str) -> bool {
    key == account || key.strip_prefix(account).is_some_and(|rest| rest.starts_with('/'))
}

/// The record's value; `None` if it cannot be decoded, which is noted where the key is ours.
async fn decoded<T: DeserializeOwned>(
    raw: &Raw,
    decoder: &mut Decoder<'_>,
    reading: &mut Reading,
) -> Result<Option<T>, VerifyError> {
    let place = raw.place.to_string();
    let reason = match &raw.value {
        None => "it has no value: these topics never hold a tombstone".to_owned(),
        Some(value) => match decoder.decode(&place, value).await {
            Ok(value) => return Ok(Some(value)),
            Err(error) if must_stop(&error) => return Err(error.into()),
            Err(error) => with_causes(&error),
        },
    };
    let key = String::from_utf8_lossy(&raw.key).into_owned();
    if is_ours(&key, &reading.account) {
        reading.unreadable.push(Unreadable { place: raw.place.clone(), key, reason });
    }
    Ok(None)
}

/// Whether the registry, not the record, is to blame.
fn must_stop(error: &DecodeError) -> bool {
    use RegistryError as E;
    let DecodeError::Registry { source, .. } = error else { return false };
    matches!(source, E::Unreachable { .. } | E::Denied { .. } | E::Configuration { .. })
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The records of the state topic, read again while its last record is in the middle of a sync.
async fn read_state<F: Future<Output = Result<Topic, ReadError>>>(
    read: impl Fn() -> F,
    account: &str,
) -> Result<Vec<StateRecord>, ReadError> {
    let is_entity = |raw: &Raw| !raw.key.starts_with(format!("{account}/~").as_bytes());
    let is_progress = |raw: &Raw| raw.key == format!("{account}/~progress").as_bytes();
    let mut tries = 1;
    loop {
        let records = read().await?.records;
        let last = records.iter().rev().find(|raw| is_entity(raw) || is_progress(raw));
        if tries == STATE_TRIES || last.is_none_or(is_progress) {
            return Ok(records.into_iter().map(state_record).collect());
        }
        tries += 1;
    }
}

fn state_record(raw: Raw) -> StateRecord {
    StateRecord { place: raw.place, key: String::from_utf8_lossy(&raw.key).into_owned(), value: raw.value }
}

async fn blocking<T: Send + 'static>(
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

fn topic_names(connection: &Connection, prefix: &str) -> Result<Vec<String>, ReadError> {
    let failed = |source| ReadError::Client { topic: prefix.to_owned(), source };
    let client = consumer(connection, Isolation::ReadUncommitted).map_err(failed)?;
    let metadata = client.fetch_metadata(None, connection.request_timeout).map_err(failed)?;
    let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    Ok(names)
}

fn read_topic(connection: &Connection, name: &Arc<str>, isolation: Isolation) -> Result<Topic, ReadError> {
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
