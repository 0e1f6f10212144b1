//! Two copies of the daemon serve one account: one publishes, the other waits and says so.

use serde_json::Value;

use crate::support::fold::{assert_same, check_sequences, content, fold};
use crate::support::process::{COMPLETE, Daemon};
use crate::support::proxy::Way;
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_copy_with_another_accounts_credentials_leaves_the_owner_alone() {
    let (world, other) = (World::small().await, World::small().await);
    let mut owner = world.start_daemon();
    owner.syncs(1, "complete").await;
    let claim = world.last_claim().await["writer"].clone();

    let mut command = other.command(&["run"]);
    for (key, value) in [("ACCOUNT__ID", world.cloud.account_id()), ("KAFKA__TOPIC_PREFIX", &world.prefix)] {
        command.env(format!("RAMSTREAM_{key}"), value);
    }
    let mut stranger = Daemon::start(command);
    for _ in 0..2 {
        stranger.next_logs("refused: nothing is published").await;
    }
    stranger.readyz(503, &format!("the credentials belong to account {}", other.cloud.account_id())).await;
    world.cloud.create_user("after").await;
    owner.syncs(2, "complete").await;
    assert_eq!(world.last_claim().await["writer"], claim);
    assert_eq!(names_of_added(&world.events().await), ["after"]);
    let (status, _) = stranger.terminate().await;
    assert_eq!(status.code(), Some(COMPLETE));
    world.settles_clean(owner).await;
}

/// Its life has ended, and the next one cannot begin: the claim is all that is left of it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_owner_that_is_stopped_between_two_lives_lets_go_of_the_account() {
    let mut world = World::small().await;
    let mut parked = world.start_daemon();
    parked.is_ready().await;
    let (kafka, registry) = (world.kafka_through_proxy(), world.registry_through_proxy());
    let mut owner = world.start_daemon();
    owner.is_ready().await;
    parked.readyz(503, "another copy owns the account").await;

    for proxy in [&kafka, &registry] {
        proxy.set(Way::Refused);
    }
    owner.next_logs("unavailable, trying again").await;
    kafka.set(Way::Open);
    while registry.struck() == 0 {
        owner.next_logs("unavailable, trying again").await;
    }
    let (status, log) = owner.terminate().await;
    assert_eq!(status.code(), Some(COMPLETE), "{log}");
    parked.is_ready().await;
    world.end_proxies();
    world.settles_clean(parked).await;
}
