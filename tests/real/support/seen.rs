//! What came out of the binary, and the search through all of it for what it was given in confidence.

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::process::{Daemon, Finished};
use super::world::World;
use super::{PATIENCE, unique};
use crate::forms;

/// What came out of the binary in one way or another.
#[derive(Default)]
pub(crate) struct Seen(Vec<(String, Vec<u8>)>);

impl Seen {
    pub(crate) fn add(&mut self, what: &str, text: impl Into<Vec<u8>>) {
        self.0.push((what.to_owned(), text.into()));
    }

    pub(crate) fn run(&mut self, what: &str, finished: &Finished) {
        self.add(what, format!("{}\n{}", finished.stdout, finished.stderr));
    }

    /// What the health listener shows.
    pub(crate) async fn pages(&mut self, when: &str, daemon: &mut Daemon) {
        for path in ["/metrics", "/readyz", "/livez", "/nothing"] {
            let (_, body) = daemon.page(path).await;
            self.add(&format!("{path} {when}"), body);
        }
    }

    /// Every file of the world by now, and every record that was ever written under its prefix.
    pub(crate) fn all_of(&mut self, world: &World) {
        for (name, bytes) in world.files() {
            self.add(&format!("the file {name}"), bytes);
        }
        assert!(self.0.iter().any(|(name, log)| name == "the file truth.jsonl" && !log.is_empty()));
        let records = raw_records(world);
        assert!(records.iter().any(|(topic, _)| *topic == world.state_topic()), "the state is among what is searched");
        self.0.extend(records);
    }

    /// How much was seen.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn hold_none_of(&self, secrets: &[impl AsRef<str>]) {
        let secrets: Vec<&str> = secrets.iter().map(AsRef::as_ref).collect();
        assert!(!secrets.is_empty() && secrets.iter().all(|secret| secret.len() >= 16), "nothing would be found");
        for (what, bytes) in &self.0 {
            if let Some(form) = forms::found(&secrets, bytes) {
                panic!("{what} holds {form:?}:\n{}", String::from_utf8_lossy(bytes));
            }
        }
    }
}

/// Key, value and headers of every record that was ever written to a topic of this world, also of what was aborted.
fn raw_records(world: &World) -> Vec<(String, Vec<u8>)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", world.kafka())
        .set("group.id", unique("reader"))
        .set("isolation.level", "read_uncommitted")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    // The brokers' own topics are among them: they keep what clients tell of themselves.
    let is_ours = |name: &str| name.starts_with(&world.prefix) || name.starts_with("__");
    let metadata = consumer.fetch_metadata(None, PATIENCE).unwrap();
    let mut assignment = TopicPartitionList::new();
    for topic in metadata.topics().iter().filter(|topic| is_ours(topic.name())) {
        for partition in topic.partitions() {
            assignment.add_partition_offset(topic.name(), partition.id(), Offset::Beginning).unwrap();
        }
    }
    consumer.assign(&assignment).unwrap();
    let (mut records, mut unread) = (Vec::new(), assignment.count());
    while unread > 0 {
        let message = match consumer.poll(PATIENCE).expect("a record or the end of a partition") {
            Ok(message) => message,
            Err(KafkaError::PartitionEOF(_)) => {
                unread -= 1;
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let mut bytes = [message.key().unwrap_or_default(), message.payload().unwrap_or_default()].join(&b'\n');
        for header in message.headers().into_iter().flat_map(Headers::iter) {
            bytes.extend([header.key.as_bytes(), header.value.unwrap_or_default()].concat());
        }
        records.push((message.topic().to_owned(), bytes));
    }
    records
}
