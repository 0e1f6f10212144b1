//! The checker on what was really published: clean after faults, and not clean after a forgery.

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};

use crate::support::cloud::{names, rows};
use crate::support::process::{COMPLETE, PARTIAL, UNAVAILABLE};
use crate::support::world::{PARTITIONS, World, text};
use crate::support::{PATIENCE, kafka, outsider, outsider_sends, unique};

/// As documented: something is violated; nothing could be judged.
const VIOLATED: i32 = 1;
const USAGE: i32 = 64;

/// What this story does not put to the test: `removals.rs` has mass removals, `state/` new lineages, `replay.rs` replays,
/// and `faults/` end with two syncs of a quiet account.
const ELSEWHERE: [&str; 4] = ["suspected", "lineages", "replays", "settled"];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn what_was_published_through_faults_is_clean_also_for_readers_without_isolation() {
    let world = changed_through_faults().await;
    let (finished, report) = world.verify(&[]).await;
    let finished = finished.exits_with(COMPLETE);
    for verdict in report["verdicts"].as_array().unwrap() {
        let is_tried = verdict["checked"].as_u64() > Some(0);
        assert!(is_tried || ELSEWHERE.contains(&text(verdict, "invariant")), "it was put to the test: {verdict}");
        assert_eq!(verdict["violated"], 0, "{verdict}");
    }
    assert_eq!(report["to_sequence"], world.syncs().await.len(), "{}", finished.stdout);
    assert_eq!(report["events"], world.events().await.len());

    let (finished, report) = world.verify(&["--read-uncommitted"]).await;
    finished.exits_with(COMPLETE);
    assert_eq!(report["to_sequence"], world.syncs().await.len() - 1, "the last one is not decided");

    let (finished, report) = world.verify(&["--from-sequence", "2"]).await;
    finished.exits_with(COMPLETE);
    assert_eq!(report["from_sequence"], 2);
}

/// A baseline, changes of all sorts, a sync that could not read the groups, quiet syncs, and a killed daemon.
async fn changed_through_faults() -> World {
    let mut world = World::small().await;
    world.set("SYNC__TIME_BUDGET", "5s");
    world.run_once().await.exits_with(COMPLETE);
    let cloud = &world.cloud;
    let account = cloud.account().await;
    let users = names(&account, "users", "user_name");

    cloud.create_user("new").await;
    cloud.create_group("admins").await;
    cloud.join("new", "admins").await;
    cloud.create_policy("mine").await;
    cloud.attach("Custom", "mine", "new").await;
    cloud.rename_user(&users[0], "renamed").await;
    cloud.freeze(&users[1]).await;
    world.run_once().await.exits_with(COMPLETE);

    cloud.fault(json!({ "operation": "ListGroups", "fault": "http_5xx" })).await;
    cloud.fault(json!({ "operation": "ListUsers", "fault": "empty", "times": 1 })).await;
    cloud.create_role("operators").await;
    world.run_once().await.exits_with(PARTIAL);
    assert!(cloud.end_faults().await > 0);

    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    cloud.leave("new", "admins").await;
    cloud.detach("Custom", "mine", "new").await;
    daemon.kill().await;
    cloud.delete_user("new").await;
    cloud.delete_group("admins").await;
    cloud.revise_policy("mine").await;
    let account = cloud.account().await;
    cloud.detach_row(&account, &rows(&account, "attachments")[0]).await;
    for _ in 0..3 {
        world.run_once().await.exits_with(COMPLETE);
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn judging_while_the_daemon_publishes_is_clean() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let changing = async {
        for number in 0.. {
            world.cloud.create_user(&format!("user-{number}")).await;
            daemon.next_logs("\"outcome\"").await;
        }
    };
    let judging = async {
        for _ in 0..3 {
            world.verify(&[]).await.0.exits_with(COMPLETE);
            world.verify(&["--read-uncommitted"]).await.0.exits_with(COMPLETE);
        }
    };
    tokio::select! {
        () = changing => {}
        () = judging => {}
    }
    assert!(world.syncs().await.len() > 3, "it published all the while");
    daemon.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_forged_record_is_named_with_its_place_and_the_invariant() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    world.run_once().await.exits_with(COMPLETE);
    world.verify(&[]).await.0.exits_with(COMPLETE);

    let copied = copy_last(&world.topic("users"));
    let (finished, report) = world.verify(&[]).await;
    finished.exits_with(VIOLATED);
    let violation = &violations(&report, "event-ids")[0];
    assert_eq!(violation["topic"], world.topic("users"));
    assert_eq!(violation["key"], copied.as_str());
    assert!(text(violation, "reason").contains("stands at"), "{violation}");
    for invariant in ["batches", "headers", "order", "before"] {
        assert!(!violations(&report, invariant).is_empty(), "{invariant}: {report}");
    }
    for invariant in ["readable", "edges", "state", "progress"] {
        assert!(violations(&report, invariant).is_empty(), "{invariant}: {report}");
    }

    outsider_sends(&outsider(None), &world.topic("groups"), &world.key("group/1"), "no Avro");
    let (_, report) = world.verify(&[]).await;
    assert_eq!(violations(&report, "readable")[0]["topic"], world.topic("groups"));

    let stored = world.key(&format!("user/{}", names(&world.cloud.account().await, "users", "user_id")[0]));
    let hidden = r#"{"format":1,"model_version":"1","revision":1,"entity":{}}"#;
    outsider_sends(&outsider(None), &world.state_topic(), &stored, hidden);
    let (_, report) = world.verify(&[]).await;
    let violation = &violations(&report, "state")[0];
    assert_eq!(violation["key"], stored.as_str(), "{violation}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn what_cannot_be_judged_is_no_violation() {
    let mut world = World::small().await;
    let (finished, _) = world.verify(&[]).await;
    finished.exits_with(UNAVAILABLE).says(&["there is no topic", "syncs"]);
    let (finished, _) = world.verify(&["--from-sequence", "0"]).await;
    finished.exits_with(USAGE);
    world.run_once().await.exits_with(COMPLETE);
    world.set("REGISTRY__URL", "http://127.0.0.1:9");
    let (finished, _) = world.verify(&[]).await;
    finished.exits_with(UNAVAILABLE).says(&["127.0.0.1:9", "schema"]);
}

fn violations<'a>(report: &'a Value, invariant: &str) -> &'a [Value] {
    let verdicts = report["verdicts"].as_array().unwrap_or_else(|| panic!("no verdicts in {report}"));
    let verdict = verdicts.iter().find(|verdict| verdict["invariant"] == invariant);
    verdict.unwrap_or_else(|| panic!("no {invariant}"))["violations"].as_array().unwrap()
}

/// Sends a record of a topic again as it stands there, without its headers; returns its key.
fn copy_last(topic: &str) -> String {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka())
        .set("group.id", unique("forger"))
        .set("isolation.level", "read_committed")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let message = consumer.poll(PATIENCE).expect("there is a record").unwrap();
    let (key, value) = (message.key().unwrap(), message.payload().unwrap());
    let producer = outsider(None);
    let copy = BaseRecord::to(topic).partition(message.partition()).key(key).payload(value);
    producer.send(copy).map_err(|(error, _)| error).unwrap();
    producer.flush(PATIENCE).unwrap();
    String::from_utf8(key.to_vec()).unwrap()
}
