//! The broker dies in the middle of transactions, or is away for long: changes coalesce, and none is lost.

use std::time::Duration;

use rand::Rng;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::changes::change_until;
use crate::support::cloud::small;
use crate::support::process::Daemon;
use crate::support::services::OwnService;
use crate::support::world::World;

/// The daemon has read its state and begins to send.
async fn begins_a_transaction(daemon: &mut Daemon) {
    daemon.next_logs("state log read to its end").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_broker_that_dies_in_the_middle_of_transactions_loses_and_repeats_nothing() {
    let kafka = OwnService::kafka(&[]).await;
    let mut world = World::on(kafka.address(), small()).await;
    world.set("LOG__LEVEL", "info,ramstream::kafka=debug");
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;

    let calm = CancellationToken::new();
    let killing = async {
        for _ in 0..3 {
            begins_a_transaction(&mut daemon).await;
            let within = rand::rng().random_range(0..12);
            sleep(Duration::from_millis(within)).await;
            kafka.kill().await;
            kafka.start_again().await;
            daemon.is_ready().await;
            daemon.syncs(1, "complete").await;
        }
        calm.cancel();
    };
    tokio::join!(killing, change_until(&calm, &world.cloud, rand::random()));
    world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn what_changes_while_the_broker_is_away_for_longer_than_a_transaction_may_last_is_published_once() {
    let kafka = OwnService::kafka(&[]).await;
    let mut world = World::on(kafka.address(), small()).await;
    world.set("LOG__LEVEL", "info,ramstream::kafka=debug");
    world.set("KAFKA__TRANSACTION_TIMEOUT", "3s");
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let before = world.syncs().await.len();

    begins_a_transaction(&mut daemon).await;
    kafka.kill().await;
    for change in ["first", "second", "third"] {
        world.cloud.create_user(change).await;
        world.cloud.rename_user(change, &format!("{change}-renamed")).await;
        sleep(Duration::from_secs(2)).await;
    }
    daemon.logs("publishing failed, beginning a new attempt").await;
    world.cloud.delete_user("first-renamed").await;
    kafka.start_again().await;
    daemon.is_ready().await;
    world.settles_clean(daemon).await;

    let events = world.events().await;
    let added: Vec<_> = events.iter().filter(|event| event["event_type"] == "user.added").collect();
    let names: Vec<_> = added.iter().map(|event| event["after"]["user_name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), 2, "what was undone meanwhile is not seen: {names:?}");
    assert!(names.contains(&"second-renamed") && names.contains(&"third-renamed"), "{names:?}");
    assert!(world.syncs().await.len() > before, "it went on");
}
