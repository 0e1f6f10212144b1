//! Somebody else leaves a transaction open in a topic that is read: what it hides is not taken for the end.

use crate::support::process::COMPLETE;
use crate::support::world::World;
use crate::support::{outsider, outsider_sends, unique};

/// Another account's key: what stands under it is nobody's business here.
const OTHER_ACCOUNT: &str = "1999999999999999";

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
    let id = unique("outsider");
    let hanging = outsider(Some(&id));
    outsider_sends(&hanging, &world.topic("syncs"), OTHER_ACCOUNT, "hidden");

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
async fn a_hanging_transaction_in_an_event_topic_stops_nothing_and_is_sorted_out() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let id = unique("outsider");
    let hanging = outsider(Some(&id));
    outsider_sends(&hanging, &world.topic("users"), &world.key("user/1"), "hidden");
    world.cloud.create_user("while-it-hangs").await;
    daemon.syncs(2, "complete").await;
    daemon.terminate().await;
    world.run_once().await.exits_with(COMPLETE);
    end(&id);
    world.run_once().await.exits_with(COMPLETE);
    // Without isolation, what somebody else wrote and took back cannot be told from a forgery.
    world.verify(&[]).await.0.exits_with(COMPLETE);
}
