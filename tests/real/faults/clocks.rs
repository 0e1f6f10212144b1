//! The services' clock goes another way than ours: minutes, an hour, years.

use crate::support::fold::{assert_same, check_sequences, content, fold};
use crate::support::world::{World, of_type};

const MINUTE: i32 = 60;
const HOUR: i32 = 60 * MINUTE;
const YEAR: i32 = 365 * 24 * HOUR;

/// The services' clock was set so all the time.
async fn is_followed(offset_seconds: i32) {
    let world = World::with_clock(offset_seconds).await;
    let mut daemon = world.start_daemon();
    daemon.logs("clock refused by the service").await;
    daemon.syncs(1, "complete").await;
    // Only what has been made under this clock: a user of before would be dated back by a change.
    for name in ["stays", "goes"] {
        world.cloud.create_user(name).await;
    }
    daemon.syncs(1, "complete").await;
    world.cloud.rename_user("stays", "renamed").await;
    world.cloud.delete_user("goes").await;
    let report = world.settles_clean(daemon).await;
    let events = world.events().await;
    for (event_type, count) in [("user.added", 2), ("user.renamed", 1), ("user.removed", 1)] {
        assert_eq!(of_type(&events, event_type).len(), count, "{event_type}: {report}");
    }
}

/// The services' clock moves under a running daemon, and back. The account's own dates jump with it, so no order of time
/// is left that a checker could hold the windows against; what is published must be the account all the same.
async fn may_jump(offset_seconds: i32) {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    for offset_seconds in [offset_seconds, 0] {
        world.cloud.advance_clock(offset_seconds).await;
        world.cloud.create_user(&format!("at-{}", offset_seconds.unsigned_abs())).await;
        daemon.syncs(1, "complete").await;
    }
    daemon.syncs(1, "complete").await;
    let (_, log) = daemon.terminate().await;
    assert_eq!(log.matches("clock refused by the service").count(), 2, "{log}");
    let events = world.events().await;
    check_sequences(&world.syncs().await, &events);
    assert_same(&fold(&events), &content(&world.cloud.account().await));
    assert_eq!(of_type(&events, "user.added").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_service_clock_that_is_twenty_minutes_off_is_followed() {
    tokio::join!(is_followed(20 * MINUTE), is_followed(-20 * MINUTE), may_jump(20 * MINUTE), may_jump(-20 * MINUTE));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_service_clock_that_is_an_hour_off_is_followed() {
    tokio::join!(is_followed(HOUR), is_followed(-HOUR), may_jump(HOUR), may_jump(-HOUR));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_service_clock_that_is_ten_years_off_is_followed() {
    tokio::join!(is_followed(10 * YEAR), is_followed(-10 * YEAR), may_jump(10 * YEAR), may_jump(-10 * YEAR));
}
