//! A transaction is committed, and nobody is told: nothing is guessed, nothing is repeated.

use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;

use crate::support::process::{COMPLETE, Daemon, eventually};
use crate::support::proxy::{Call, Proxy, Way};
use crate::support::world::{World, of_type, text};

/// Waits until the reply or request was lost.
async fn is_lost(proxy: &Proxy) {
    eventually("it is lost", async || (proxy.lost() > 0).then_some(())).await;
}

fn names_of_added(events: &[Value]) -> Vec<&str> {
    of_type(events, "user.added").into_iter().map(|event| text(&event["after"], "user_name")).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_commit_whose_reply_is_lost_is_neither_repeated_nor_forgotten() {
    let lose_its_reply = async |call: Call| {
        let mut world = World::small().await;
        let proxy = world.kafka_through_proxy();
        let mut daemon = world.start_daemon();
        daemon.syncs(1, "complete").await;
        proxy.lose_reply(call, Way::Cut);
        is_lost(&proxy).await;
        world.cloud.create_user("during").await;
        proxy.set(Way::Open);
        daemon.is_ready().await;
        daemon.syncs(1, "complete").await;
        world.settles_clean(daemon).await;
        assert_eq!(names_of_added(&world.events().await), ["during"], "{call:?}");
        assert_eq!(world.owners().await.len(), 2, "one owner, and its release: {call:?}");
    };
    join_all([Call::EndTxn, Call::Produce, Call::InitProducerId].map(lose_its_reply)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_commit_that_never_arrives_is_published_once_by_a_later_attempt() {
    let lose_it = async |call: Call| {
        let mut world = World::small().await;
        let proxy = world.kafka_through_proxy();
        let mut daemon = world.start_daemon();
        daemon.syncs(1, "complete").await;
        world.cloud.create_user("first").await;
        proxy.lose_request(call, Way::Refused);
        is_lost(&proxy).await;
        proxy.set(Way::Open);
        daemon.is_ready().await;
        world.settles_clean(daemon).await;
        assert_eq!(names_of_added(&world.events().await), ["first"], "{call:?}");
    };
    join_all([Call::EndTxn, Call::Produce].map(lose_it)).await;
}

/// Its next life must not take itself for a starter: its own claim has been followed by another.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_copy_whose_claim_was_committed_unheard_does_not_claim_over_its_superseder() {
    let mut world = World::small().await;
    let mut first = world.start_daemon();
    first.syncs(1, "complete").await;
    first.kill().await;

    let proxy = world.kafka_through_proxy();
    proxy.lose_reply(Call::EndTxn, Way::Silent);
    let mut deaf = world.start_daemon();
    is_lost(&proxy).await;
    let claims = world.owners().await.len();
    assert_eq!(claims, 2, "the claim was committed all the same");

    world.end_proxies();
    let mut newer = world.start_daemon();
    newer.is_ready().await;
    newer.syncs(1, "complete").await;
    let owner = world.last_claim().await["writer"].clone();

    // The deaf copy hears again: its commit is refused or answered late, and a new life begins.
    proxy.set(Way::Open);
    deaf.readyz(503, "another copy owns the account").await;
    world.cloud.create_user("after").await;
    newer.syncs(3, "complete").await;
    assert_eq!(world.last_claim().await["writer"], owner);
    assert_eq!(world.owners().await.len(), claims + 1, "nobody else has claimed");
    deaf.kill().await;
    world.settles_clean(newer).await;
}

/// A copy that reaches Kafka through a proxy, parked behind an owner that does not.
async fn parked_behind_a_proxy() -> (World, Proxy, Daemon, Daemon) {
    let mut world = World::small().await;
    let proxy = world.kafka_through_proxy();
    let mut parked = world.start_daemon();
    parked.is_ready().await;
    world.end_proxies();
    let mut owner = world.start_daemon();
    owner.is_ready().await;
    parked.readyz(503, "another copy owns the account").await;
    (world, proxy, parked, owner)
}

/// The copy that was ordered to claim goes on, and the owner of before parks.
async fn has_taken_over(world: &World, ordered: Daemon, mut before: Daemon) {
    before.readyz(503, "another copy owns the account").await;
    before.kill().await;
    world.settles_clean(ordered).await;
}

/// As where the owner publishes at the same moment, and each fences the other.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_order_to_claim_outlives_an_attempt_that_fails() {
    let fails_at = async |call: Call| {
        let (world, proxy, mut parked, owner) = parked_behind_a_proxy().await;
        // Neither is called by one that is parked.
        proxy.lose_request(call, Way::Cut);
        let admin = parked.admin().await;
        let ordered = async { world.ramstream(&["claim", "--url", &admin]).await };
        let mended = async {
            is_lost(&proxy).await;
            proxy.set(Way::Open);
        };
        let (ordered, ()) = tokio::join!(ordered, mended);
        assert_eq!(ordered.exits_with(COMPLETE).last_line(), "owns the account", "{call:?}");
        has_taken_over(&world, parked, owner).await;
    };
    join_all([Call::InitProducerId, Call::Produce, Call::EndTxn].map(fails_at)).await;
}

/// It cannot look at the state at the moment of the order.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_order_to_claim_waits_for_a_broker_that_is_away() {
    let (world, proxy, mut parked, owner) = parked_behind_a_proxy().await;
    let admin = parked.admin().await;
    proxy.set(Way::Refused);
    world.ramstream(&["claim", "--url", &admin, "--no-wait"]).await.exits_with(COMPLETE);
    // Longer than one look takes to fail.
    tokio::time::sleep(Duration::from_secs(12)).await;
    proxy.set(Way::Open);
    parked.is_ready().await;
    has_taken_over(&world, parked, owner).await;
}

/// The owner is cut off in the middle of a commit, another copy takes over, and the owner comes back.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_owner_that_was_cut_off_while_it_committed_parks_behind_its_successor() {
    let cut_off = async |call: Call| {
        let mut world = World::small().await;
        let proxy = world.kafka_through_proxy();
        let mut older = world.start_daemon();
        older.syncs(1, "complete").await;
        proxy.lose_reply(call, Way::Silent);
        is_lost(&proxy).await;
        world.end_proxies();
        world.cloud.create_user("meanwhile").await;
        let mut newer = world.start_daemon();
        newer.is_ready().await;
        newer.syncs(1, "complete").await;
        proxy.set(Way::Open);
        older.readyz(503, "another copy owns the account").await;
        newer.syncs(2, "complete").await;
        assert_eq!(world.owners().await.len(), 2, "each has claimed once: {call:?}");
        older.kill().await;
        world.settles_clean(newer).await;
        assert_eq!(names_of_added(&world.events().await), ["meanwhile"], "{call:?}");
    };
    join_all([Call::EndTxn, Call::Produce].map(cut_off)).await;
}
