//! Addresses of the services, names that no other test uses, and clients by another hand than the
//! product's: plain rdkafka, for what an outsider does to a topic.

pub(crate) mod browser;
pub(crate) mod changes;
pub(crate) mod cloud;
pub(crate) mod fold;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod seen;
pub(crate) mod services;
pub(crate) mod world;

use std::sync::Arc;
use std::time::Duration;

use ramstream::kafka::Connection;
use ramstream::kafka::topics::{Cleanup, TopicSpec, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn kafka() -> String {
    std::env::var("TEST_KAFKA").expect("TEST_KAFKA is host:port of a broker; run `make test`")
}

pub(crate) fn registry() -> String {
    std::env::var("TEST_REGISTRY").expect("TEST_REGISTRY is a base URL; run `make test`")
}

/// A number from the environment.
pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", uuid::Uuid::now_v7().simple())
}

pub(crate) fn connection() -> Connection {
    Connection::new(vec![kafka()])
}

pub(crate) fn state_topic(name: String) -> TopicSpec {
    TopicSpec { name, partitions: 1, replication: 1, cleanup: Cleanup::Compact, retention: None, settings: Vec::new() }
}

pub(crate) fn event_topic(name: String) -> TopicSpec {
    let retention = Some(Duration::from_secs(3600));
    TopicSpec { name, partitions: 6, replication: 1, cleanup: Cleanup::Delete, retention, settings: Vec::new() }
}

pub(crate) async fn create(spec: TopicSpec) -> Arc<str> {
    let name: Arc<str> = spec.name.as_str().into();
    let reports = ensure(&Arc::new(connection()), &[spec], true).await.unwrap();
    assert!(reports[0].findings.is_empty(), "{reports:?}");
    name
}

pub(crate) fn admin() -> AdminClient<DefaultClientContext> {
    admin_of(&kafka())
}

pub(crate) fn admin_of(kafka: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", kafka).create().unwrap()
}

/// Waits until the broker itself knows what it was told so far: it answers before that. It learns in order, so that it knows
/// everything once it knows of a topic that is made now.
pub(crate) async fn settled(kafka: &str) {
    let (admin, last) = (admin_of(kafka), unique("last"));
    let topic = NewTopic::new(&last, 1, TopicReplication::Fixed(1));
    let results = admin.create_topics([&topic], &AdminOptions::new()).await.unwrap();
    assert!(results[0].is_ok(), "{results:?}");
    process::eventually("the broker knows what it was told", async || {
        let metadata = admin.inner().fetch_metadata(Some(&last), PATIENCE).unwrap();
        metadata.topics()[0].error().is_none().then_some(())
    })
    .await;
}

/// Sets these of a topic's settings, and all others back to the broker's.
pub(crate) async fn alter_topic(kafka: &str, topic: &str, settings: &[(&str, &str)]) {
    let topic = AlterConfig::new(ResourceSpecifier::Topic(topic));
    let topic = settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
    let results = admin_of(kafka).alter_configs([&topic], &AdminOptions::new()).await.unwrap();
    assert!(results[0].is_ok(), "{results:?}");
    settled(kafka).await;
}

pub(crate) async fn delete(topic: &str) {
    let results = admin().delete_topics(&[topic], &AdminOptions::new()).await.unwrap();
    assert!(results[0].is_ok(), "{results:?}");
}

/// Somebody else writing: with an id, inside a transaction that is left open.
pub(crate) fn outsider(transactional_id: Option<&str>) -> BaseProducer {
    outsider_at(&kafka(), transactional_id)
}

/// The same on a broker of a test's own.
pub(crate) fn outsider_at(kafka: &str, transactional_id: Option<&str>) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka).set("linger.ms", "0");
    if let Some(id) = transactional_id {
        // Brokers abort nothing while a test lasts.
        config.set("transactional.id", id).set("transaction.timeout.ms", "600000");
    }
    let producer: BaseProducer = config.create().unwrap();
    if transactional_id.is_some() {
        producer.init_transactions(PATIENCE).unwrap();
        producer.begin_transaction().unwrap();
    }
    producer
}

pub(crate) fn outsider_sends(producer: &BaseProducer, topic: &str, key: &str, value: &str) {
    producer.send(BaseRecord::to(topic).key(key).payload(value)).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
}

/// Tombstones, as somebody else writes them.
pub(crate) fn outsider_deletes(producer: &BaseProducer, topic: &str, key: &str) {
    let tombstone: BaseRecord<'_, str, [u8]> = BaseRecord::to(topic).key(key);
    producer.send(tombstone).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
}

/// (offset, key, value) of everything in partition 0 up to its end, as a plain reader sees it.
pub(crate) fn read(topic: &str, isolation_level: &str) -> Vec<(i64, String, Option<String>)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka())
        .set("group.id", unique("reader"))
        .set("isolation.level", isolation_level)
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&assignment).unwrap();
    let mut records = Vec::new();
    loop {
        match consumer.poll(PATIENCE).expect("a record or the end of the partition") {
            Ok(message) => {
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                let value = message.payload().map(text);
                records.push((message.offset(), message.key().map(text).unwrap(), value));
            }
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => return records,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Deletes a topic and makes it anew, as an operator does. A daemon that runs may be faster at making it.
pub(crate) async fn recreate(topic: &str, cleanup_policy: &str) {
    delete(topic).await;
    let made = async || {
        let topic = NewTopic::new(topic, 1, TopicReplication::Fixed(1)).set("cleanup.policy", cleanup_policy);
        let made = admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
        matches!(made[0], Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))).then_some(())
    };
    process::eventually("the topic can be made again", made).await;
    settled(&kafka()).await;
}

pub(crate) async fn set_policy(topic: &str, policy: &str) {
    alter_topic(&kafka(), topic, &[("cleanup.policy", policy)]).await;
}

/// Deletes the first three records; brokers only do that where the policy is to delete.
pub(crate) async fn truncate(topic: &str) {
    set_policy(topic, "delete").await;
    delete_records(topic, 3).await;
    set_policy(topic, "compact").await;
}

/// Deletes the records below this offset, as retention does.
pub(crate) async fn delete_records(topic: &str, below: i64) {
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(topic, 0, Offset::Offset(below)).unwrap();
    let deleted = admin().delete_records(&before, &AdminOptions::new()).await.unwrap();
    deleted.elements()[0].error().unwrap();
}

/// Resident memory of this process, in bytes.
pub(crate) fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
