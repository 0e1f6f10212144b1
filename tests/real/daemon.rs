//! The daemon as its supervisor and its scraper see it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::cloud::rows;
use crate::support::process::{COMPLETE, eventually};
use crate::support::proxy::Way;
use crate::support::world::{World, told};
use crate::support::{alter_topic, kafka, outsider, outsider_sends};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_daemon_serves_metrics_and_health() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.is_ready().await;
    daemon.syncs(1, "complete").await;
    assert_eq!(daemon.page("/livez").await.0, 200);
    let metrics = daemon.metrics().await;
    let users = rows(&world.cloud.account().await, "users").len();
    for line in [
        "ramstream_ready 1".to_owned(),
        "ramstream_phase{phase=\"running\"} 1".to_owned(),
        "ramstream_sync_interval_seconds 1".to_owned(),
        format!("ramstream_entities{{kind=\"user\"}} {users}"),
        format!("ramstream_changes_published_total{{event_type=\"user.observed\"}} {users}"),
    ] {
        assert!(metrics.lines().any(|found| found == line), "no {line:?} in\n{metrics}");
    }
    let (key_id, secret) = world.cloud.key();
    assert!(!metrics.contains(key_id) && !metrics.contains(secret));

    world.cloud.create_user("counted").await;
    daemon.syncs(1, "complete").await;
    let created = "ramstream_changes_published_total{event_type=\"user.added\"} 1";
    let metrics = daemon.metrics().await;
    assert!(metrics.lines().any(|found| found == created), "no {created:?} in\n{metrics}");
    let (_, log) = daemon.terminate().await;
    assert!(!log.contains(secret), "the secret stands in the log");
    assert_eq!(told(&world.events().await).iter().filter(|event| event.starts_with("user.added")).count(), 1);
}

/// With an interval of hours it goes on with one reading for hours.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_daemon_that_cannot_publish_is_alive_and_not_ready_until_it_can() {
    let mut world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    let policies = world.topic("policies");
    alter_topic(&kafka(), &policies, &[("max.message.bytes", "300")]).await;
    world.cloud.create_policy("large").await;
    world.set("SYNC__INTERVAL", "6h");
    let mut daemon = world.start_daemon();
    let why = daemon.readyz(503, "publishing: ").await;
    assert!(why.contains(&policies) && why.contains("too large"), "{why}");
    assert_eq!(why.lines().count(), 1, "the state is verified, the account claimed: {why}");
    assert_eq!(daemon.page("/livez").await.0, 200);
    assert!(daemon.metrics().await.lines().any(|line| line == "ramstream_ready 0"));
    alter_topic(&kafka(), &policies, &[("max.message.bytes", "1048576")]).await;
    daemon.is_ready().await;
    daemon.terminate().await;
    let is_large = |event: &serde_json::Value| event["event_type"] == "policy.created";
    assert_eq!(world.events().await.iter().filter(|event| is_large(event)).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_stopped_daemon_releases_the_account() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let claim = world.last_claim().await;
    assert!(claim["writer"].is_string(), "{claim}");

    let asked = Instant::now();
    let (status, log) = daemon.terminate().await;
    // The default of sync.shutdown_deadline.
    assert!(asked.elapsed() < Duration::from_secs(25), "{:?}", asked.elapsed());
    assert_eq!(status.code(), Some(COMPLETE), "{log}");
    assert!(log.contains("released the account"), "{log}");
    let claim = world.last_claim().await;
    assert!(claim["writer"].is_null(), "{claim}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_daemon_whose_brokers_are_silent_ends_in_time_without_a_release() {
    let mut world = World::small().await;
    let proxy = world.kafka_through_proxy();
    // The default, which a call of librdkafka waits for.
    world.set("KAFKA__TRANSACTION_TIMEOUT", "60s");
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    proxy.set(Way::Silent);
    let asked = Instant::now();
    let (status, log) = daemon.terminate().await;
    assert!(asked.elapsed() < Duration::from_secs(25), "{:?}", asked.elapsed());
    assert_eq!(status.code(), Some(COMPLETE), "{log}");
    assert!(log.contains("stopped without a release"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_single_run_releases_the_account_too() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    let claim = world.last_claim().await;
    assert!(claim["writer"].is_null(), "{claim}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_daemon_stopped_in_the_middle_of_a_sync_gives_it_up_and_says_so() {
    let world = World::small().await;
    world.cloud.fault(json!({ "operation": "ListUsers", "fault": "slow", "delay_ms": 30_000 })).await;
    let daemon = world.start_daemon();
    eventually("a listing under way", async || (world.cloud.struck().await[0] > 0).then_some(())).await;

    let asked = Instant::now();
    let (status, log) = daemon.terminate().await;
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert_eq!(status.code(), Some(COMPLETE), "{log}");
    assert!(log.contains("nothing of that reading is published") && log.contains("released the account"), "{log}");
    assert!(world.last_claim().await["writer"].is_null());
    assert!(world.events().await.is_empty() && world.syncs().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_start_ends_the_transaction_that_a_dead_copy_left_open() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    // What a copy leaves behind that was killed between the claim record and the commit.
    let id = format!("ramstream.{}", world.cloud.account_id());
    let dead = outsider(Some(&id));
    outsider_sends(&dead, &world.state_topic(), &world.key("~claim"), "never committed");
    drop(dead);

    let begun = Instant::now();
    world.run_once().await.exits_with(COMPLETE);
    // Without that, it waits for the transaction's own time-out: a minute.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(world.syncs().await.len(), 2);
}
