//! The first run, and what a reader by another hand finds after it.

use ramstream::simulator::seed::Size;

use crate::support::cloud::small;
use crate::support::fold::{assert_same, check_sequences, content, fold};
use crate::support::process::COMPLETE;
use crate::support::world::{EVENT_TOPICS, World, collection, text};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn the_first_run_is_a_baseline() {
    let mut world = World::small().await;
    world.set("COLLECT__INSTANCE", "true");
    let first = world.run_once().await.exits_with(COMPLETE);

    let events = world.events().await;
    assert_eq!(first.last_line(), format!("published {}", events.len()));
    for event in &events {
        assert_eq!((text(event, "op"), &event["before"]), ("r", &serde_json::Value::Null), "{event}");
        assert!(text(event, "event_type").ends_with(".observed"), "{event}");
        assert_eq!((event["sequence"].as_i64(), event["batch_size"].as_u64()), (Some(1), Some(events.len() as u64)));
        assert_eq!(event["changed_fields"], serde_json::json!([]), "{event}");
    }
    let account = content(&world.cloud.account().await);
    assert_same(&fold(&events), &account);

    let syncs = world.syncs().await;
    check_sequences(&syncs, &events);
    assert_eq!((syncs.len(), text(&syncs[0], "outcome")), (1, "complete"));
    for kind in ramstream::model::Kind::ALL.iter().map(|kind| kind.as_str()) {
        let said = collection(&syncs[0], kind);
        let prefix = world.key(&format!("{kind}/"));
        let held = account.keys().filter(|key| format!("{key}/").starts_with(&prefix)).count();
        assert_eq!((text(said, "status"), &said["baseline"]), ("complete", &true.into()), "{said}");
        assert_eq!(said["entities"].as_u64(), Some(held as u64), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_run_on_a_quiet_account_publishes_nothing_and_advances_the_sequence() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;
    for _ in 0..2 {
        let quiet = world.run_once().await.exits_with(COMPLETE);
        assert_eq!(quiet.last_line(), "nothing changed");
    }
    assert_eq!(world.events().await, baseline);
    let syncs = world.syncs().await;
    check_sequences(&syncs, &baseline);
    assert_eq!(syncs.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn every_topic_is_decoded_by_the_confluent_python_client() {
    let size = Size { access_keys: 2, login_profiles: 2, mfa_devices: 2, instances: 2, ..small() };
    let mut world = World::of(size).await;
    world.set("COLLECT__INSTANCE", "true");
    world.run_once().await.exits_with(COMPLETE);
    world.cloud.create_user("decoded").await;
    world.run_once().await.exits_with(COMPLETE);
    // The reader exits with an error at the first record that it cannot decode.
    let events = world.events().await;
    for topic in EVENT_TOPICS {
        let of_topic = events.iter().filter(|event| event["topic"] == world.topic(topic));
        assert!(of_topic.count() > 0, "nothing in {topic}");
    }
    let created = events.last().unwrap();
    assert_eq!((text(created, "event_type"), text(created, "op")), ("user.added", "c"));
    assert_eq!(created["after"]["user_name"], "decoded");
    let create_date = created["after"]["create_date"].as_i64().unwrap();
    let (from, to) = (created["previously_observed_at"].as_i64().unwrap(), created["observed_at"].as_i64().unwrap());
    assert!(from <= create_date && create_date <= to, "{from} <= {create_date} <= {to}");
    assert_eq!(world.notices().await.len(), 2);
}
