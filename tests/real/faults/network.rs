//! The network between each pair: reset, refused, silent, silent one way, slow.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::changes::change_until;
use crate::support::process::{Daemon, eventually};
use crate::support::proxy::{Proxy, Way};
use crate::support::world::World;

const WAYS: [Way; 6] = [
    Way::Cut,
    Way::Refused,
    Way::Silent,
    Way::NoRequests,
    Way::NoReplies,
    Way::Slow { latency: Duration::from_millis(80), bytes_per_second: 50_000 },
];

/// How long a fault lasts once it has struck.
const LASTS: Duration = Duration::from_millis(1500);

/// Enough for a switch of the way to be seen.
const MOMENT: Duration = Duration::from_millis(50);

/// Each fault in turn, until it has struck, while the account changes; between them the daemon must get something done.
async fn strike_in_turn(world: &World, daemon: &mut Daemon, proxy: &Proxy) {
    let calm = CancellationToken::new();
    let striking = async {
        for way in WAYS {
            let before = proxy.struck();
            proxy.set(way);
            eventually(&format!("{way:?} strikes"), async || (proxy.struck() > before).then_some(())).await;
            sleep(LASTS).await;
            // What was held is late, and then the connection is lost: requests may arrive that nobody waits for any more.
            for way in [Way::Open, Way::Cut, Way::Open] {
                proxy.set(way);
                sleep(MOMENT).await;
            }
            daemon.is_ready().await;
            daemon.syncs(0, "complete").await;
        }
        calm.cancel();
    };
    tokio::join!(striking, change_until(&calm, &world.cloud, rand::random()));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_bad_network_to_the_account_invents_and_loses_nothing() {
    let mut world = World::small().await;
    let proxy = world.account_through_proxy();
    world.set("SYNC__TIME_BUDGET", "5s");
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    strike_in_turn(&world, &mut daemon, &proxy).await;
    let report = world.settles_clean(daemon).await;
    assert!(report["events"].as_u64() > Some(60), "changes were published, and not the baseline alone: {report}");
    assert!(proxy.bytes() > 100_000, "the account was read through the proxy");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_bad_network_to_kafka_invents_and_loses_nothing() {
    let mut world = World::small().await;
    let proxy = world.kafka_through_proxy();
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    strike_in_turn(&world, &mut daemon, &proxy).await;
    world.settles_clean(daemon).await;
    assert!(proxy.bytes() > 100_000, "everything went through the proxy");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_bad_network_to_the_registry_delays_the_start_in_whatever_way_it_is_bad() {
    for way in WAYS {
        // New to the registry, so that its schemas are registered on this way.
        let mut world = World::small().await;
        let proxy = world.registry_through_proxy();
        proxy.set(way);
        let mut daemon = world.start_daemon();
        if matches!(way, Way::Slow { .. }) {
            daemon.is_ready().await;
            assert!(proxy.struck() > 0, "{way:?}");
        } else {
            daemon.readyz(503, &proxy.address()).await;
            // A port that nobody listens on counts nobody.
            assert!(proxy.struck() > 0 && (way == Way::Refused || proxy.connections() > 0), "{way:?}");
            assert!(world.events().await.is_empty(), "nothing is published before the ids are known: {way:?}");
            // What was held is late, and then the connection is lost.
            for way in [Way::Open, Way::Cut, Way::Open] {
                proxy.set(way);
                sleep(MOMENT).await;
            }
        }
        world.cloud.create_user("under-way").await;
        world.settles_clean(daemon).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_start_that_waits_for_the_registry_for_minutes_is_alive() {
    let mut world = World::small().await;
    let proxy = world.registry_through_proxy();
    world.set("REGISTRY__TIMEOUT", "5m");
    proxy.set(Way::Silent);
    let mut daemon = world.start_daemon();
    eventually("it waits", async || (proxy.struck() > 0).then_some(())).await;
    // /livez fails after a minute without a sign of life.
    sleep(Duration::from_secs(65)).await;
    assert_eq!(daemon.page("/livez").await.0, 200);
    assert!(world.events().await.is_empty(), "nothing is published before the ids are known");
    proxy.set(Way::Open);
    world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_bad_network_to_the_registry_is_nothing_to_a_daemon_that_knows_its_ids() {
    let mut world = World::small().await;
    let proxy = world.registry_through_proxy();
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let asked = proxy.connections();
    for way in WAYS {
        proxy.set(way);
        world.cloud.create_user(&format!("while-{}", WAYS.iter().position(|other| *other == way).unwrap())).await;
        daemon.syncs(1, "complete").await;
    }
    assert_eq!(proxy.connections(), asked);
    proxy.set(Way::Open);
    world.settles_clean(daemon).await;
}
