//! What a live daemon exposes is what docs/metrics.md says, and every figure comes from something that happens.

use serde_json::json;

use crate::metrics_table::{Sample, documented, exposed, samples};
use crate::support::process::eventually;
use crate::support::world::World;

/// What nothing in a test's life makes other than zero: failures are tried by name in the tests of their parts.
const ZERO_WHERE_ALL_IS_WELL: &[&str] = &[
    // It counts whole seconds.
    "process_cpu_seconds_total",
    "ramstream_count_difference",
    "ramstream_credentials_exchanges_total",
    "ramstream_credentials_expiry_timestamp_seconds",
    "ramstream_guard_active",
    "ramstream_kafka_delivery_errors_total",
    "ramstream_removals_waiting",
    "ramstream_request_failures",
    "ramstream_requests_hidden",
    "ramstream_requests_waiting",
];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_live_daemon_exposes_what_the_documentation_says_and_nothing_else() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.is_ready().await;
    daemon.syncs(1, "complete").await;
    assert_eq!(exposed(&daemon.metrics().await), documented());

    // Whatever happens, there is no label more.
    world.cloud.throttle_reads(0.3).await;
    world.cloud.fault(json!({ "operation": "GetPasswordPolicy", "fault": "deny" })).await;
    world.ask_for_replay("everything");
    world.notice_of("everything", "replay.completed").await;
    for name in documented().keys().filter(|name| !ZERO_WHERE_ALL_IS_WELL.contains(&name.as_str())) {
        let count = format!("{name}_count");
        let is_moved = |sample: &Sample<'_>| [name, &count].iter().any(|it| *it == sample.name) && sample.value != 0.0;
        let what = format!("a figure other than zero of {name}");
        eventually(&what, async || samples(&daemon.metrics().await).any(|sample| is_moved(&sample)).then_some(()))
            .await;
    }
    assert_eq!(exposed(&daemon.metrics().await), documented());
    daemon.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_refused_daemon_says_so() {
    let mut world = World::small().await;
    world.set("ACCOUNT__ID", "1999999999999999");
    let mut daemon = world.start_daemon();
    daemon.readyz(503, "1999999999999999").await;
    let scrape = daemon.metrics().await;
    assert!(tells(&scrape, "ramstream_phase", "refused") && !tells(&scrape, "ramstream_phase", "running"), "{scrape}");
    daemon.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_sync_that_another_copy_overtakes_is_counted_as_unpublished() {
    let world = World::small().await;
    let mut older = world.start_daemon();
    older.syncs(1, "complete").await;
    let slow = json!({ "operation": "ListUsers", "fault": "slow", "delay_ms": 10_000, "times": 1 });
    world.cloud.fault(slow).await;
    eventually("a reading that takes long", async || (world.cloud.struck().await == [1]).then_some(())).await;
    let mut newer = world.start_daemon();
    newer.is_ready().await;
    older.readyz(503, "another copy owns the account").await;
    let scrape = older.metrics().await;
    assert!(tells(&scrape, "ramstream_syncs_total", "unpublished"), "{scrape}");
    assert!(!tells(&scrape, "ramstream_syncs_total", "failed"), "{scrape}");
    older.kill().await;
    newer.terminate().await;
}

/// Whether the metric is above zero with this value of its first label.
fn tells(scrape: &str, name: &str, label: &str) -> bool {
    samples(scrape).any(|sample| sample.name == name && sample.value > 0.0 && sample.labels[0].1 == label)
}
