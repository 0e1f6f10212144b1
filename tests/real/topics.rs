//! Topics are described, created and judged on a real broker.

use std::sync::Arc;
use std::time::Duration;

use ramstream::kafka::topics::{Presence, Severity, TopicSpec, ensure, rehearse};
use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};

use serde_json::Value;

use crate::support::process::{COMPLETE, REFUSED, UNAVAILABLE};
use crate::support::world::World;
use crate::support::{admin, alter_topic, connection, event_topic, kafka, settled, state_topic, unique};

async fn existing(name: &str, partitions: i32, settings: &[(&str, &str)]) {
    let topic = settings
        .iter()
        .fold(NewTopic::new(name, partitions, TopicReplication::Fixed(1)), |topic, (key, value)| topic.set(key, value));
    let results = admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
    assert!(results[0].is_ok(), "{results:?}");
    settled(&kafka()).await;
}

async fn findings(spec: TopicSpec) -> Vec<(Severity, &'static str)> {
    let reports = ensure(&Arc::new(connection()), &[spec], true).await.unwrap();
    assert_eq!(reports[0].presence, Presence::Found);
    reports[0].findings.iter().map(|finding| (finding.severity, finding.setting)).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn missing_topics_are_created_as_asked_and_then_found() {
    let plan = [state_topic(unique("state")), event_topic(unique("events"))];
    let first = ensure(&Arc::new(connection()), &plan, true).await.unwrap();
    let second = ensure(&Arc::new(connection()), &plan, true).await.unwrap();
    for (created, found) in first.iter().zip(&second) {
        assert_eq!((created.presence, found.presence), (Presence::Created, Presence::Found));
        assert!(created.findings.is_empty() && found.findings.is_empty(), "{created:?} {found:?}");
    }
}

/// Both look before either creates, as where the brokers' metadata is late; whoever comes second must not take the topic
/// for its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_topic_that_another_creates_at_the_same_time_is_found_and_judged() {
    for _ in 0..5 {
        let name = unique("both");
        let (state, events) = ([state_topic(name.clone())], [event_topic(name)]);
        let connection = Arc::new(connection());
        let (one, other) =
            tokio::try_join!(ensure(&connection, &state, true), ensure(&connection, &events, true)).unwrap();
        let (created, found) = match one[0].presence {
            Presence::Created => (&one[0], &other[0]),
            _ => (&other[0], &one[0]),
        };
        assert_eq!((created.presence, found.presence), (Presence::Created, Presence::Found));
        assert!(created.findings.is_empty(), "{created:?}");
        assert!(found.is_refused(), "it has the other's settings: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_missing_topic_is_refused_with_the_command_that_makes_it_and_not_made_by_asking() {
    let spec = event_topic(unique("events"));
    for _ in 0..2 {
        let reports = ensure(&Arc::new(connection()), std::slice::from_ref(&spec), false).await.unwrap();
        assert_eq!(reports[0].presence, Presence::Missing);
        assert!(reports[0].is_refused());
        let mend = &reports[0].findings[0].mend;
        let options =
            "--partitions 6 --replication-factor 1 --config cleanup.policy=delete --config retention.ms=3600000";
        assert!(mend.contains(&spec.name) && mend.ends_with(options), "{mend}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn more_replicas_than_brokers_is_refused_by_name() {
    let spec = TopicSpec { replication: 3, ..event_topic(unique("events")) };
    let reports = ensure(&Arc::new(connection()), &[spec], true).await.unwrap();
    let finding = &reports[0].findings[0];
    assert_eq!((finding.severity, finding.setting), (Severity::Refused, "replication"));
    assert!(finding.reason.contains("3 replicas are asked for, but the cluster has 1 broker(s)"), "{finding:?}");
    assert_eq!(finding.mend, "set kafka.replication_factor to 1, or add brokers");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn state_that_is_not_exactly_compacted_is_refused_by_name() {
    for policy in ["delete", "compact,delete"] {
        let name = unique("state");
        existing(&name, 1, &[("cleanup.policy", policy)]).await;
        assert_eq!(findings(state_topic(name)).await, [(Severity::Refused, "cleanup.policy")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn state_in_two_partitions_is_refused_by_name() {
    let name = unique("state");
    existing(&name, 2, &[("cleanup.policy", "compact")]).await;
    assert_eq!(findings(state_topic(name)).await, [(Severity::Refused, "partitions")]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn compacted_events_are_refused_and_short_retention_is_warned_of() {
    let compacted = unique("events");
    existing(&compacted, 6, &[("cleanup.policy", "compact"), ("retention.ms", "-1")]).await;
    assert_eq!(findings(event_topic(compacted)).await, [(Severity::Refused, "cleanup.policy")]);
    let short = unique("events");
    existing(&short, 6, &[("retention.ms", "1000")]).await;
    assert_eq!(findings(event_topic(short)).await, [(Severity::Warning, "retention.ms")]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn brokers_that_are_not_there_are_an_error_and_not_a_missing_topic() {
    let mut dead = connection();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    dead.bootstrap_servers = vec![format!("127.0.0.1:{port}")];
    dead.request_timeout = Duration::from_secs(2);
    let error = ensure(&Arc::new(dead), &[event_topic(unique("events"))], true).await.unwrap_err();
    for text in ["check that the brokers are reachable", "Connection refused"] {
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_rehearsal_says_whether_a_missing_topic_could_be_made_and_makes_none() {
    let connection = Arc::new(connection());
    let plan = [event_topic(unique("events")), TopicSpec { replication: 3, ..event_topic(unique("events")) }];
    for _ in 0..2 {
        let reports = rehearse(&connection, &plan, true).await.unwrap();
        assert_eq!(reports[0].presence, Presence::Missing);
        assert!(reports[0].findings.is_empty(), "{reports:?}");
        assert!(reports[1].is_refused(), "{reports:?}");
    }
    let odd = TopicSpec { settings: vec![("no.such.setting".into(), "1".into())], ..event_topic(unique("events")) };
    let reports = rehearse(&connection, &[odd], true).await.unwrap();
    assert!(reports[0].findings[0].reason.contains("could not be created"), "{reports:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn the_command_creates_what_it_then_finds_as_wanted_and_names_what_is_not() {
    let mut world = World::small().await;
    let describe = ["topics", "describe", "--format", "json"];
    let described = async |world: &World, code| -> Vec<Value> {
        let told: Value = serde_json::from_str(&world.ramstream(&describe).await.exits_with(code).stdout).unwrap();
        told["topics"].as_array().unwrap().clone()
    };
    let is = |topics: &[Value], presence: &str| {
        !topics.is_empty()
            && topics.iter().all(|topic| topic["presence"] == presence && topic["findings"] == Value::Array(vec![]))
    };
    assert!(is(&described(&world, COMPLETE).await, "missing"));
    world.set("KAFKA__CREATE_TOPICS", "false");
    let missing = described(&world, REFUSED).await;
    let mend = missing[0]["findings"][0]["fix"].as_str().unwrap();
    assert!(mend.starts_with("kafka-topics.sh --create --topic "), "{mend}");

    let created = world.ramstream(&["topics", "create"]).await.exits_with(COMPLETE);
    assert!(created.last_line().ends_with("nothing prevents publishing"), "{}", created.stdout);
    settled(&kafka()).await;
    assert!(is(&described(&world, COMPLETE).await, "found"));

    let state = world.state_topic();
    alter_topic(&kafka(), &state, &[("cleanup.policy", "delete")]).await;
    let told = world.ramstream(&["topics", "describe"]).await.exits_with(REFUSED).stdout;
    assert!(told.contains("refused: cleanup.policy is `delete`, must be exactly `compact`"), "{told}");
    let mend = format!("fix: kafka-configs.sh --alter --entity-type topics --entity-name {state}");
    assert!(told.contains(&mend), "{told}");

    world.set("KAFKA__BROKERS", "127.0.0.1:1");
    world.ramstream(&["topics", "describe"]).await.exits_with(UNAVAILABLE).says(&["kafka.brokers"]);
}
