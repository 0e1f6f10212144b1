//! The daemon as its supervisor and its scraper see it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::cloud::rows;
use crate::support::process::{COMPLETE, eventually};
use crate::support::world::{World, told};
use crate::support::{outsider, outsider_sends};

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
        "ramstream_parked 0".to_owned(),
        "ramstream_sync_interval_seconds 1".to_owned(),
        format!("ramstream_entities{{kind=\"user\"}} {users}"),
        format!("ramstream_changes_published_total{{kind=\"user\",op=\"r\"}} {users}"),
    ] {
        assert!(metrics.lines().any(|found| found == line), "no {line:?} in\n{metrics}");
    }
    let (key_id, secret) = world.cloud.key();
    assert!(!metrics.contains(key_id) && !metrics.contains(secret));

    world.cloud.create_user("counted").await;
    daemon.syncs(1, "complete").await;
    let created = "ramstream_changes_published_total{kind=\"user\",op=\"c\"} 1";
    let metrics = daemon.metrics().await;
    assert!(metrics.lines().any(|found| found == created), "no {created:?} in\n{metrics}");
    let (_, log) = daemon.terminate().await;
    assert!(!log.contains(secret), "the secret stands in the log");
    assert_eq!(told(&world.events().await).iter().filter(|event| event.starts_with("user.added")).count(), 1);
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
async fn a_single_run_releases_the_account_too() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    let claim = world.last_claim().await;
    assert!(claim["writer"].is_null(), "{claim}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_daemon_stopped_in_the_middle_of_a_sync_gives_it_up_and_says_so() {
    let mut world = World::small().await;
    world.set("SYNC__SHUTDOWN_DEADLINE", "1s");
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
