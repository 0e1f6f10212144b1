//! Fail closed: what is lost, foreign or wrong is refused by name, and nothing is published.

use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use serde_json::json;

use crate::support::process::{COMPLETE, REFUSED};
use crate::support::world::{EVENT_TOPICS, World};
use crate::support::{admin, kafka, recreate, registry, settled, truncate};

async fn create(topic: &str, cleanup_policy: &str) -> bool {
    let topic = NewTopic::new(topic, 1, TopicReplication::Fixed(1)).set("cleanup.policy", cleanup_policy);
    let results = admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
    results[0].is_ok()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_recreated_state_topic_is_not_a_first_run() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    let (events, notices) = (world.events().await, world.notices().await);

    recreate(&world.state_topic(), "compact").await;
    for _ in 0..2 {
        let refused = world.run_once().await.exits_with(REFUSED);
        refused.says(&["not taken for a first run", "sequence 1", &world.topic("syncs")]);
    }
    assert_eq!((world.events().await, world.notices().await), (events, notices), "nothing is published");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_state_topic_recreated_under_a_daemon_stops_it_from_publishing() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    recreate(&world.state_topic(), "compact").await;
    // It may have seen the topic missing first, or made it anew itself.
    daemon.logs("not taken for a first run").await;
    let syncs = world.syncs().await.len();
    world.cloud.create_user("unpublished").await;
    // It looks again each interval, and stays refused.
    daemon.readyz(503, "not taken for a first run").await;
    assert!(world.events().await.iter().all(|event| event["op"] == "r"), "nothing but the baseline");
    assert_eq!(world.syncs().await.len(), syncs);
    let (status, _) = daemon.terminate().await;
    assert_eq!(status.code(), Some(COMPLETE));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_state_topic_truncated_under_a_daemon_stops_it_from_publishing() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    truncate(&world.state_topic()).await;
    world.cloud.create_user("unpublished").await;
    daemon.readyz(503, "begins at offset 3").await;
    assert!(world.events().await.iter().all(|event| event["op"] == "r"), "nothing but the baseline");
    let (status, _) = daemon.terminate().await;
    assert_eq!(status.code(), Some(COMPLETE));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn another_accounts_credentials_publish_nothing() {
    let mut world = World::small().await;
    let owner = world.cloud.account_id().to_owned();
    world.set("ACCOUNT__ID", "1999999999999999");
    world.run_once().await.exits_with(REFUSED).says(&[&owner, "1999999999999999"]);
    assert!(world.has_no_topic());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn missing_topics_are_created_as_they_should_be() {
    let mut world = World::small().await;
    world.unset("KAFKA__EVENT_PARTITIONS");
    world.run_once().await.exits_with(COMPLETE);
    for topic in EVENT_TOPICS {
        let settings = [("cleanup.policy", "delete"), ("retention.ms", "2592000000")];
        assert_topic(&world.topic(topic), 6, &settings).await;
    }
    assert_topic(&world.topic("syncs"), 1, &[("cleanup.policy", "delete"), ("retention.ms", "7776000000")]).await;
    assert_topic(&world.state_topic(), 1, &[("cleanup.policy", "compact")]).await;
}

/// The broker's own word on a topic.
async fn assert_topic(topic: &str, partitions: usize, settings: &[(&str, &str)]) {
    use rdkafka::admin::ResourceSpecifier;
    let admin = admin();
    let metadata = admin.inner().fetch_metadata(Some(topic), std::time::Duration::from_secs(10)).unwrap();
    assert_eq!(metadata.topics()[0].partitions().len(), partitions, "{topic}");
    let described = admin.describe_configs([&ResourceSpecifier::Topic(topic)], &AdminOptions::new()).await.unwrap();
    let described = described[0].as_ref().unwrap().entry_map();
    for (name, value) in settings {
        assert_eq!(described[name].value.as_deref(), Some(*value), "{name} of {topic}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_state_topic_that_is_not_compacted_is_refused_by_name() {
    let world = World::small().await;
    assert!(create(&world.state_topic(), "delete").await);
    settled(&kafka()).await;
    world.run_once().await.exits_with(REFUSED).says(&[&world.state_topic(), "cleanup.policy"]);
    assert!(world.state_records().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn missing_topics_that_may_not_be_created_are_refused_by_name() {
    let mut world = World::small().await;
    world.set("KAFKA__CREATE_TOPICS", "false");
    world.run_once().await.exits_with(REFUSED).says(&[&world.state_topic(), &world.topic("users"), "kafka-topics"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_incompatible_schema_in_the_registry_is_refused_by_name() {
    let world = World::small().await;
    let subject = format!("{}-value", world.topic("users"));
    let other = r#"{"type":"record","name":"UserChange","namespace":"com.alibabacloud.identity",
        "fields":[{"name":"event_id","type":"long"}]}"#;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let registered = client.post(format!("{}/subjects/{subject}/versions", registry()));
    let registered = registered.header("content-type", "application/json");
    let registered = registered.body(json!({ "schema": other }).to_string()).send().await.unwrap();
    assert!(registered.status().is_success(), "{registered:?}");

    world.run_once().await.exits_with(REFUSED).says(&[&subject, &registry()]);
    assert!(world.events().await.is_empty() && world.notices().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn lookup_only_mode_names_the_missing_subject() {
    let mut world = World::small().await;
    world.set("REGISTRY__MODE", "lookup");
    let subject = format!("{}-value", world.topic("accounts"));
    world.run_once().await.exits_with(REFUSED).says(&[&subject, &registry()]);
    assert!(world.events().await.is_empty());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let subjects = client.get(format!("{}/subjects", registry())).send().await.unwrap().text().await.unwrap();
    assert!(!subjects.contains(&world.prefix), "nothing was registered");

    // Once they are registered, looking them up is enough.
    world.set("REGISTRY__MODE", "register");
    world.run_once().await.exits_with(COMPLETE);
    world.set("REGISTRY__MODE", "lookup");
    world.run_once().await.exits_with(COMPLETE);
}
