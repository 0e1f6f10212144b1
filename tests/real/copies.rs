//! Two copies of the daemon serve one account: one publishes, the other waits and says so.

use serde_json::Value;

use crate::support::fold::{assert_same, check_sequences, content, fold};
use crate::support::process::COMPLETE;
use crate::support::world::{World, of_type, text};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn the_older_of_two_copies_parks_and_the_newer_goes_on() {
    let world = World::small().await;
    let mut older = world.start_daemon();
    older.syncs(1, "complete").await;
    let mut newer = world.start_daemon();
    newer.is_ready().await;
    let owner = world.last_claim().await;
    let why = older.readyz(503, "another copy owns the account").await;
    assert!(why.contains(text(&owner, "writer")), "it says who: {why}");
    assert!(older.metrics().await.contains("\nramstream_phase{phase=\"parked\"} 1\n"));
    assert_eq!(older.page("/livez").await.0, 200, "parked is alive");

    world.cloud.create_user("first").await;
    newer.syncs(1, "complete").await;
    assert_eq!(names_of_added(&world.events().await), ["first"]);
    assert!(older.metrics().await.contains("\nramstream_phase{phase=\"parked\"} 1\n"), "it stays parked");

    // A release lets the older go on.
    let (status, _) = newer.terminate().await;
    assert_eq!(status.code(), Some(COMPLETE));
    older.is_ready().await;
    world.cloud.create_user("second").await;
    older.syncs(1, "complete").await;
    assert_ne!(world.last_claim().await["writer"], owner["writer"]);
    let (status, _) = older.terminate().await;
    assert_eq!(status.code(), Some(COMPLETE));

    let events = world.events().await;
    assert_eq!(names_of_added(&events), ["first", "second"]);
    check_sequences(&world.syncs().await, &events);
    assert_same(&fold(&events), &content(&world.cloud.account().await));
}

fn names_of_added(events: &[Value]) -> Vec<&str> {
    of_type(events, "user.added").into_iter().map(|event| text(&event["after"], "user_name")).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_parked_copy_stops_in_order_and_leaves_the_claim_alone() {
    let world = World::small().await;
    let mut older = world.start_daemon();
    older.is_ready().await;
    let mut newer = world.start_daemon();
    newer.is_ready().await;
    older.readyz(503, "another copy owns the account").await;
    let owner = world.last_claim().await["writer"].clone();
    let (status, log) = older.terminate().await;
    assert_eq!(status.code(), Some(COMPLETE), "{log}");
    newer.syncs(1, "complete").await;
    assert_eq!(world.last_claim().await["writer"], owner);
    newer.terminate().await;
}
