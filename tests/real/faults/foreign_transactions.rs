//! Somebody else leaves a transaction open in a topic that is read: what it hides is not taken for the end.

use rdkafka::producer::BaseProducer;
use serde_json::{Value, json};

use crate::support::process::{COMPLETE, Daemon};
use crate::support::world::{World, of_type};
use crate::support::{outsider, outsider_sends, unique};

/// Another account's key: what stands under it is nobody's business here.
const OTHER_ACCOUNT: &str = "1999999999999999";

/// A transaction with one record in it: its transactional id, and the producer that holds it open.
fn left_open(topic: &str, key: &str, value: &str) -> (String, BaseProducer) {
    let id = unique("outsider");
    let hanging = outsider(Some(&id));
    outsider_sends(&hanging, topic, key, value);
    (id, hanging)
}

/// The next producer with its id ends what the one before it left open.
fn end(transactional_id: &str) {
    drop(outsider(Some(transactional_id)));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_hanging_transaction_in_the_sync_topic_stops_no_owner_and_lets_nobody_start_on_half_a_trace() {
    let mut world = World::small().await;
    world.set("KAFKA__PROPERTIES__SOCKET_TIMEOUT_MS", "5000");
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let (id, _hanging) = left_open(&world.topic("syncs"), OTHER_ACCOUNT, "hidden");

    world.cloud.create_user("while-it-hangs").await;
    daemon.syncs(2, "complete").await;
    daemon.terminate().await;
    let mut next = world.start_daemon();
    let why = next.readyz(503, "a transaction that is still open hides what follows it").await;
    assert!(why.contains(&world.topic("syncs")), "it says where: {why}");

    end(&id);
    next.is_ready().await;
    world.settles_clean(next).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_hanging_transaction_in_the_control_topic_is_told_and_what_was_asked_for_is_served_once_it_ends() {
    const SAID: &str = "requests are hidden: a transaction that somebody left open";
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let (id, _hanging) = left_open(&world.topic("control"), world.cloud.account_id(), "no request");
    world.ask_for_replay("behind-it");

    let said: Value = serde_json::from_str(&daemon.logs(SAID).await).unwrap();
    assert_eq!((&said["level"], &said["partition"], &said["offset"]), (&json!("WARN"), &json!(0), &json!(0)), "{said}");
    assert_eq!(hidden(&mut daemon).await, "1");
    world.cloud.create_user("while-it-hangs").await;
    daemon.syncs(2, "complete").await;
    let told_of = async || world.notices().await.iter().any(|notice| notice["request_id"] == "behind-it");
    assert!(!told_of().await, "it waits");

    end(&id);
    daemon.logs("requests are hidden no longer").await;
    world.notice_of("behind-it", "replay.completed").await;
    assert_eq!(hidden(&mut daemon).await, "0");
    assert_eq!(daemon.log().matches(SAID).count(), 1, "it is said once");
    world.settles_clean(daemon).await;
}

/// What the metric says of requests that are hidden.
async fn hidden(daemon: &mut Daemon) -> String {
    let scrape = daemon.metrics().await;
    let line = scrape.lines().find_map(|line| line.strip_prefix("ramstream_requests_hidden "));
    line.expect("it is there").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_hanging_transaction_in_the_state_topic_stops_the_owner_and_a_start_and_both_say_why() {
    const WHY: &str = "a transaction that is still open hides what follows it";
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let (id, _hanging) = left_open(&world.state_topic(), OTHER_ACCOUNT, "hidden");

    world.cloud.create_user("while-it-hangs").await;
    let said = daemon.logs(WHY).await;
    assert!(said.contains(&world.state_topic()), "it says where: {said}");
    daemon.kill().await;
    let before = world.syncs().await;
    let mut next = world.start_daemon();
    let why = next.readyz(503, WHY).await;
    assert!(why.contains(&world.state_topic()), "it says where: {why}");
    assert_eq!(world.syncs().await, before, "nothing is published on half a state");

    end(&id);
    next.is_ready().await;
    next.syncs(2, "complete").await;
    next.terminate().await;
    assert_eq!(of_type(&world.events().await, "user.added").len(), 1, "the change is not lost");
    // Without isolation, what somebody else wrote and took back cannot be told from a forgery.
    world.verify(&[]).await.0.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_hanging_transaction_in_an_event_topic_stops_nothing_and_is_sorted_out() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let (id, _hanging) = left_open(&world.topic("users"), &world.key("user/1"), "hidden");
    world.cloud.create_user("while-it-hangs").await;
    daemon.syncs(2, "complete").await;
    daemon.terminate().await;
    world.run_once().await.exits_with(COMPLETE);
    end(&id);
    world.run_once().await.exits_with(COMPLETE);
    // Without isolation, what somebody else wrote and took back cannot be told from a forgery.
    world.verify(&[]).await.0.exits_with(COMPLETE);
}
