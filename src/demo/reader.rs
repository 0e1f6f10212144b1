//! A reader as anybody would write one: `read_committed`, schemas by the id that each record carries.

use std::collections::VecDeque;

use anyhow::Context;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use schema_registry_converter::async_impl::{avro::AvroDecoder, schema_registry::SrSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::event::{Event, SyncRecord};
use super::stage::Stage;
use crate::model::Kind;

/// A sync with all of its events, in their order.
#[derive(Debug)]
pub(super) struct Sync {
    pub(super) record: SyncRecord,
    pub(super) events: Vec<Event>,
}

impl Sync {
    /// Whether everything could be read.
    pub(super) fn is_complete(&self) -> bool {
        self.record.outcome.as_deref() == Some("complete")
    }

    /// Whether it says that the users could not be read.
    pub(super) fn users_are_unknown(&self) -> bool {
        self.record.collections.iter().any(|collection| collection.kind == "user" && collection.status == "unknown")
    }
}

/// Follows the account's topics from their beginning.
pub struct Reader {
    consumer: StreamConsumer,
    decoder: AvroDecoder,
    syncs_topic: String,
    /// Events whose sync record, or whose companions, have not come yet.
    waiting: Vec<Event>,
    records: VecDeque<SyncRecord>,
}

impl Reader {
    /// Begins to read.
    ///
    /// # Errors
    /// A client that does not start.
    pub fn open(stage: &Stage) -> anyhow::Result<Self> {
        let consumer: StreamConsumer = ClientConfig::new()
            .set("bootstrap.servers", stage.bootstrap_servers())
            .set("group.id", "ramstream-demo-reader")
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .create()?;
        let mut assignment = TopicPartitionList::new();
        let topics = Kind::ALL.iter().map(|kind| stage.topics.of(*kind)).chain([stage.topics.syncs()]);
        for topic in topics {
            assignment.add_partition_offset(&topic, 0, Offset::Beginning)?;
        }
        consumer.assign(&assignment)?;
        let registry = SrSettings::new_builder(format!("http://{}", stage.registry)).no_proxy().build()?;
        Ok(Self {
            consumer,
            decoder: AvroDecoder::new(registry),
            syncs_topic: stage.topics.syncs().to_string(),
            waiting: Vec::new(),
            records: VecDeque::new(),
        })
    }

    /// The next sync, once its record and all of its events have come. Topics have no order among each other: the
    /// record says how many events there are, and each event which of them it is.
    pub(super) async fn next(&mut self) -> anyhow::Result<Sync> {
        loop {
            if let Some(sync) = self.take_complete() {
                return Ok(sync);
            }
            self.read_one().await?;
        }
    }

    fn take_complete(&mut self) -> Option<Sync> {
        let record = self.records.front()?;
        let belongs = |event: &Event| Some(&event.sync_id) == record.sync_id.as_ref();
        if self.waiting.iter().filter(|event| belongs(event)).count() < record.batch_size {
            return None;
        }
        let (mut events, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting).into_iter().partition(belongs);
        events.sort_by_key(|event| event.batch_index);
        self.waiting = waiting;
        self.records.pop_front().map(|record| Sync { record, events })
    }

    async fn read_one(&mut self) -> anyhow::Result<()> {
        let message = self.consumer.recv().await.context("reading from Kafka")?;
        let (topic, bytes) = (message.topic(), message.payload());
        if topic == self.syncs_topic {
            let record: SyncRecord = decode(&self.decoder, topic, bytes).await?;
            if record.notice_type == "sync.completed" {
                self.records.push_back(record);
            }
        } else {
            self.waiting.push(decode(&self.decoder, topic, bytes).await?);
        }
        Ok(())
    }
}

async fn decode<T: DeserializeOwned>(decoder: &AvroDecoder, topic: &str, bytes: Option<&[u8]>) -> anyhow::Result<T> {
    let decoded = decoder.decode(bytes).await.with_context(|| format!("decoding a record of {topic}"))?;
    let json = Value::try_from(decoded.value).with_context(|| format!("a record of {topic} as JSON"))?;
    serde_json::from_value(json).with_context(|| format!("a record of {topic}"))
}
