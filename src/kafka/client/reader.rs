//! Where a partition ends, and what is in it: watermark, poll and position.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::super::connection::Connection;
use super::super::error::ClientError;
use super::complaints::{Complaints, ask};
use super::{Client, blocking, failed, refused};

/// A batch of read records ends at this size, which bounds the memory of a read.
const READ_BATCH_BYTES: usize = 4 << 20;

/// Low and high watermark of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The first offset there is. Compaction keeps it, deletion of records raises it.
    pub low: i64,
    /// The next offset to be written.
    pub high: i64,
}

/// A `read_uncommitted` client, asked only where a partition ends.
pub(in crate::kafka) struct WatermarkClient {
    inner: Client<BaseConsumer<Complaints>>,
    request_timeout: Duration,
}

impl WatermarkClient {
    /// Makes the client; connects on the first question.
    pub(in crate::kafka) fn create(connection: &Connection) -> Result<Self, ClientError> {
        let made = connection.watermark_client().create_with_context(Complaints::default());
        let inner: BaseConsumer<_> = made.map_err(refused)?;
        Ok(Self { inner: Client::new(inner), request_timeout: connection.request_timeout })
    }

    /// Asks any broker how many partitions the topic has.
    pub(in crate::kafka) async fn partitions(&self, topic: &str) -> Result<i32, ClientError> {
        let (inner, topic, timeout) = (self.inner.share(), topic.to_owned(), self.request_timeout);
        blocking("metadata", move || {
            let metadata = ask(&inner, "metadata", |inner| inner.fetch_metadata(Some(&topic), timeout))?;
            let count = metadata
                .topics()
                .iter()
                .find(|found| found.name() == topic)
                .map_or(0, |topic| topic.partitions().len());
            let missing =
                || ClientError::Failed { operation: "metadata", reason: format!("there is no topic {topic}") };
            i32::try_from(count).ok().filter(|count| *count > 0).ok_or_else(missing)
        })
        .await
    }

    /// Asks the partition's leader.
    pub(in crate::kafka) async fn watermarks(&self, topic: &str, partition: i32) -> Result<Watermarks, ClientError> {
        let (inner, topic, timeout) = (self.inner.share(), topic.to_owned(), self.request_timeout);
        blocking("watermark", move || {
            let (low, high) = ask(&inner, "watermark", |inner| inner.fetch_watermarks(&topic, partition, timeout))?;
            Ok(Watermarks { low, high })
        })
        .await
    }
}

/// A `read_committed` reader of one partition.
pub(in crate::kafka) struct Reader {
    inner: Client<BaseConsumer<Complaints>>,
    start: i64,
}

/// What one poll brought.
pub(in crate::kafka) struct Polled {
    /// Records in offset order.
    pub(in crate::kafka) records: ReadBatch,
    /// Every visible record below this offset has been delivered. Control records move it too.
    pub(in crate::kafka) position: i64,
    /// A complaint after which the client goes on by itself, such as a lost connection.
    pub(in crate::kafka) trouble: Option<String>,
}

/// Read records, in one buffer: two allocations for each of them would cost more than reading it.
#[derive(Debug, Default)]
pub(in crate::kafka) struct ReadBatch {
    bytes: Vec<u8>,
    /// Offset, end of the key and, if there is a value, its end.
    places: Vec<(i64, usize, Option<usize>)>,
}

impl ReadBatch {
    pub(in crate::kafka) fn push(&mut self, offset: i64, key: &[u8], value: Option<&[u8]>) {
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        let value_end = value.map(|value| {
            self.bytes.extend_from_slice(value);
            self.bytes.len()
        });
        self.places.push((offset, key_end, value_end));
    }

    pub(in crate::kafka) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The records in offset order; each is (offset, key, value).
    pub(in crate::kafka) fn iter(&self) -> impl Iterator<Item = (i64, &[u8], Option<&[u8]>)> {
        let mut begin = 0;
        self.places.iter().map(move |(offset, key_end, value_end)| {
            let key = &self.bytes[begin..*key_end];
            begin = value_end.unwrap_or(*key_end);
            (*offset, key, value_end.map(|end| &self.bytes[*key_end..end]))
        })
    }
}

impl Reader {
    /// Starts reading at `offset`.
    pub(in crate::kafka) async fn open(
        connection: Arc<Connection>,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<Self, ClientError> {
        let topic = topic.to_owned();
        blocking("assign", move || {
            let made = connection.reader().create_with_context(Complaints::default());
            let inner: BaseConsumer<_> = made.map_err(refused)?;
            // Asked beforehand, the leader is known at once; the client itself looks for it once a second.
            ask(&inner, "metadata", |inner| inner.fetch_metadata(Some(&topic), connection.request_timeout))?;
            let mut assignment = TopicPartitionList::new();
            assignment
                .add_partition_offset(&topic, partition, Offset::Offset(offset))
                .and_then(|()| inner.assign(&assignment))
                .map_err(failed("assign"))?;
            Ok(Self { inner: Client::new(inner), start: offset })
        })
        .await
    }

    /// Waits up to `wait` for a first record, then takes what is at hand.
    pub(in crate::kafka) async fn poll(&mut self, wait: Duration) -> Result<Polled, ClientError> {
        let (inner, start) = (self.inner.share(), self.start);
        blocking("read", move || poll_batch(&inner, start, wait)).await
    }
}

fn poll_batch(consumer: &BaseConsumer<Complaints>, start: i64, mut wait: Duration) -> Result<Polled, ClientError> {
    let mut polled = Polled { records: ReadBatch::default(), position: start, trouble: None };
    while polled.records.bytes.len() < READ_BATCH_BYTES {
        match consumer.poll(wait) {
            None => break,
            Some(Ok(message)) => {
                polled.records.push(message.offset(), message.key().unwrap_or_default(), message.payload());
            }
            Some(Err(error)) if heals_by_itself(&error) => polled.trouble = Some(error.to_string()),
            Some(Err(error)) => return Err(consumer.context().explain("read", error)),
        }
        wait = Duration::ZERO;
    }
    polled.position = position(consumer)?.unwrap_or(start);
    Ok(polled)
}

/// librdkafka reports these for the information of the application and goes on. A group is never used, so
/// having no right on it hurts nothing.
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
                | Code::GroupAuthorizationFailed
        )
    )
}

/// `None` before the first record or control record.
fn position(consumer: &BaseConsumer<Complaints>) -> Result<Option<i64>, ClientError> {
    let list = consumer.position().map_err(failed("position"))?;
    Ok(list.elements().first().and_then(|partition| match partition.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }))
}
