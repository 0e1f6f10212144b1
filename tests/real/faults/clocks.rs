//! The services' clock goes another way than ours: minutes, an hour, years.

use crate::support::process::COMPLETE;
use crate::support::world::World;

const MINUTE: i32 = 60;
const HOUR: i32 = 60 * MINUTE;
const YEAR: i32 = 365 * 24 * HOUR;

/// The account's clock moves while the daemon runs, so that its requests are refused as expired, and once more back.
async fn follows(offset_seconds: i32) {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    world.cloud.advance_clock(offset_seconds).await;
    daemon.logs("clock refused by the service").await;
    let name = |when: &str| format!("{when}-{}", offset_seconds.unsigned_abs());
    world.cloud.create_user(&name("moved")).await;
    daemon.syncs(2, "complete").await;
    daemon.terminate().await;

    // One that starts under the moved clock.
    world.cloud.delete_user(&name("moved")).await;
    for _ in 0..2 {
        world.run_once().await.exits_with(COMPLETE);
    }
    world.cloud.advance_clock(0).await;
    world.cloud.create_user(&name("back")).await;
    let daemon = world.start_daemon();
    world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_service_clock_that_is_twenty_minutes_off_is_followed() {
    tokio::join!(follows(20 * MINUTE), follows(-20 * MINUTE));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_service_clock_that_is_an_hour_off_is_followed() {
    tokio::join!(follows(HOUR), follows(-HOUR));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_service_clock_that_is_ten_years_off_is_followed() {
    tokio::join!(follows(10 * YEAR), follows(-10 * YEAR));
}
