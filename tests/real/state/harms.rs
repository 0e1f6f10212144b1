//! Harms to the state topic: the refusal of each, what the commands say of it, and the way back.

use serde_json::{Value, json};

use crate::support::process::{COMPLETE, REFUSED};
use crate::support::world::{World, text};
use crate::support::{outsider, outsider_deletes, outsider_sends, recreate, set_policy, truncate};

const OTHER_ACCOUNT: &str = "1999999999999999";

/// Published twice, the second time without a change.
async fn published() -> World {
    let world = World::small().await;
    for _ in 0..2 {
        world.run_once().await.exits_with(COMPLETE);
    }
    world
}

/// Keys and values that hold, of the account's entities.
async fn held(world: &World) -> Vec<(String, Value)> {
    let prefix = world.key("~");
    let mut held = std::collections::BTreeMap::new();
    for record in world.state_records().await {
        let key = text(&record, "key").to_owned();
        if !key.starts_with(&prefix) {
            held.insert(key, record["value"].clone());
        }
    }
    held.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

/// The values of the progress record, oldest first.
async fn progress(world: &World) -> Vec<Value> {
    let key = world.key("~progress");
    let records = world.state_records().await.into_iter();
    records.filter(|record| record["key"] == key.as_str()).map(|mut record| record["value"].take()).collect()
}

fn send(world: &World, key: &str, value: &Value) {
    outsider_sends(&outsider(None), &world.state_topic(), key, &value.to_string());
}

fn remove(world: &World, key: &str) {
    outsider_deletes(&outsider(None), &world.state_topic(), key);
}

/// The daemon refuses and publishes nothing; describe, verify and the refusal name the same section.
async fn is_refused(world: &World, section: &str, check: &str, says: &[&str]) {
    let before = world.notices().await.len();
    let link = format!("docs/runbook.md#{section}");
    world.run_once().await.exits_with(REFUSED).says(says).says(&[&link]);
    assert_eq!(world.notices().await.len(), before, "nothing is published");
    let sections = world.sections().await;
    assert!(sections.iter().any(|named| named == section), "{section}: {sections:?}");
    let refused = world.refused_checks().await;
    assert!(refused.iter().any(|name| name == check), "{check}: {refused:?}");
}

/// A new lineage in place, with which the account goes on.
async fn begins_anew(world: &World) {
    world.new_lineage(&["--yes"]).await.exits_with(COMPLETE);
    world.run_once().await.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn records_that_are_not_those_of_progress_are_refused_and_given_up_by_a_new_lineage() {
    let world = published().await;
    // Compacted wrongly, or deleted by hand.
    let (key, _) = held(&world).await.pop().unwrap();
    remove(&world, &key);
    is_refused(&world, "counts-differ", "counts", &["is damaged", "records were lost"]).await;
    begins_anew(&world).await;

    // Progress without records.
    for (key, _) in held(&world).await {
        remove(&world, &key);
    }
    is_refused(&world, "counts-differ", "counts", &["holds 0 records"]).await;
    begins_anew(&world).await;

    // Records without progress.
    remove(&world, &world.key("~progress"));
    is_refused(&world, "progress-missing", "progress", &["no progress record"]).await;
    begins_anew(&world).await;

    let old = world.last_lineage().await;
    // A record of a sync that progress does not know.
    let (key, mut value) = held(&world).await.pop().unwrap();
    value["revision"] = json!(99);
    send(&world, &key, &value);
    is_refused(&world, "records-newer-than-progress", "revisions", &["revision 99"]).await;
    begins_anew(&world).await;
    world.goes_on_in_a_new_lineage(&old).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn another_history_than_the_sync_topic_tells_is_refused_and_given_up_by_a_new_lineage() {
    let world = published().await;
    let old = world.last_lineage().await;
    let progress_key = world.key("~progress");
    let [first, second] = progress(&world).await.try_into().unwrap();
    assert_eq!((&first["sequence"], &second["sequence"]), (&1.into(), &2.into()));
    // Rolled back: nothing but progress differs between the two.
    send(&world, &progress_key, &first);
    is_refused(&world, "rolled-back", "trace", &["sequence 1", "sequence 2", &world.topic("syncs")]).await;
    // As it was.
    send(&world, &progress_key, &second);
    assert_eq!(world.refused_checks().await, [""; 0]);

    let mut other = second.clone();
    other["lineage"] = json!("6ba7b810-9dad-41d1-80b4-00c04fd430c8");
    send(&world, &progress_key, &other);
    is_refused(&world, "other-lineage", "trace", &["6ba7b810-9dad-41d1-80b4-00c04fd430c8", &old]).await;
    begins_anew(&world).await;
    world.goes_on_in_a_new_lineage(&old).await;

    // The sync topic is gone, the state is not.
    let old = world.last_lineage().await;
    recreate(&world.topic("syncs"), "delete").await;
    is_refused(&world, "rolled-back", "trace", &["says nothing of this account"]).await;
    begins_anew(&world).await;
    world.goes_on_after(&old, "(what came before is not known)").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_topic_that_stops_its_readers_has_to_be_made_anew_first() {
    let world = published().await;
    let (key, mut value) = held(&world).await.pop().unwrap();
    value["format"] = json!(99);
    send(&world, &key, &value);
    stops_readers(&world, "newer-version", "records", &["format 99", "run the newer version"]).await;

    // Filled with a copy of another account's state.
    for (key, value) in held(&world).await {
        send(&world, &key.replace(world.cloud.account_id(), OTHER_ACCOUNT), &value);
    }
    let count = held(&world).await.iter().filter(|(key, _)| key.starts_with(OTHER_ACCOUNT)).count();
    assert_eq!(world.described().await["unusable_records"], count);
    stops_readers(&world, "foreign-records", "records", &[OTHER_ACCOUNT, "none of this account's"]).await;

    let mut foreign = progress(&world).await.pop().unwrap();
    foreign["account_id"] = json!(OTHER_ACCOUNT);
    send(&world, &world.key("~progress"), &foreign);
    stops_readers(&world, "foreign-records", "records", &[OTHER_ACCOUNT, "progress"]).await;

    send(&world, &world.key("user/1"), &json!("no record"));
    stops_readers(&world, "unreadable-record", "records", &["cannot be read", "only ramstream may"]).await;

    remove(&world, &world.key("~claim"));
    stops_readers(&world, "unreadable-record", "records", &["claim record is a tombstone"]).await;

    let old = world.last_lineage().await;
    truncate(&world.state_topic()).await;
    stops_readers(&world, "state-truncated", "whole", &["begins at offset 3"]).await;
    world.goes_on_in_a_new_lineage(&old).await;
}

/// Refused also by `new-lineage`, which tells how to make the topic anew; and when that is done, it goes on.
async fn stops_readers(world: &World, section: &str, check: &str, says: &[&str]) {
    is_refused(world, section, check, says).await;
    let topic = world.state_topic();
    let delete = format!("--delete --topic {topic}");
    let create =
        format!("--create --topic {topic} --partitions 1 --replication-factor 1 --config cleanup.policy=compact");
    world.new_lineage(&["--yes"]).await.exits_with(REFUSED).says(&["kafka-topics.sh", &delete, &create]);
    recreate(&topic, "compact").await;
    assert_eq!(world.sections().await, ["state-lost"]);
    begins_anew(world).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_policy_that_deletes_is_refused_until_it_is_set_right() {
    let world = published().await;
    let topic = world.state_topic();
    set_policy(&topic, "delete").await;
    let command = format!("kafka-configs.sh --alter --entity-type topics --entity-name {topic}");
    is_refused(&world, "topic-settings", "topics", &[&command, "cleanup.policy=compact"]).await;
    world.new_lineage(&["--yes"]).await.exits_with(REFUSED).says(&["fix this first", &command]);
    set_policy(&topic, "compact").await;
    assert_eq!(world.refused_checks().await, [""; 0]);
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(world.syncs().await.len(), 3, "nothing was lost");
}
