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
async fn a_refused_daemon_says_so_and_counts_the_sync_that_it_gave_up() {
    let mut world = World::small().await;
    world.set("ACCOUNT__ID", "1999999999999999");
    let mut daemon = world.start_daemon();
    daemon.readyz(503, "1999999999999999").await;
    let scrape = daemon.metrics().await;
    let told = |wanted: &str, value: &str| {
        samples(&scrape).any(|sample| sample.name == wanted && sample.value > 0.0 && sample.labels[0].1 == value)
    };
    assert!(told("ramstream_phase", "refused") && !told("ramstream_phase", "running"), "{scrape}");
    assert!(told("ramstream_syncs_total", "unpublished") && !told("ramstream_syncs_total", "failed"), "{scrape}");
    daemon.terminate().await;
}
