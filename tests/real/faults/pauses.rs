//! Copies that are stopped (SIGSTOP) and woken in any order: one goes on, the others park, nobody is fenced for ever.

use futures::future::join_all;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tokio_util::sync::CancellationToken;

use crate::support::changes::change_until;
use crate::support::process::Daemon;
use crate::support::setting;
use crate::support::world::World;

/// What is done to a copy, by its number.
#[derive(Debug, Clone, Copy)]
enum Do {
    Start,
    Pause(usize),
    Wake(usize),
    /// The copy comes to own the account.
    Owns(usize),
    /// The copy comes to see that it does not.
    Parks(usize),
}
use Do::{Owns, Parks, Pause, Start, Wake};

/// Carries the steps out while the account changes; then exactly `owner` goes on, and each start has claimed once.
async fn play(steps: &[Do], owner: usize) {
    let world = World::small().await;
    let calm = CancellationToken::new();
    let playing = async {
        let mut copies: Vec<Daemon> = Vec::new();
        for step in steps {
            match *step {
                Start => copies.push(world.start_daemon()),
                Pause(copy) => copies[copy].pause().await,
                Wake(copy) => copies[copy].wake().await,
                Owns(copy) => {
                    copies[copy].is_ready().await;
                    copies[copy].syncs(0, "complete").await;
                }
                Parks(copy) => drop(copies[copy].readyz(503, "another copy owns the account").await),
            }
        }
        calm.cancel();
        copies
    };
    let (mut copies, _) = tokio::join!(playing, change_until(&calm, &world.cloud, rand::random()));
    ends_with_one_owner(&world, &mut copies, owner).await;
    let survivor = copies.swap_remove(owner);
    for parked in copies {
        parked.kill().await;
    }
    world.settles_clean(survivor).await;
}

async fn ends_with_one_owner(world: &World, copies: &mut [Daemon], owner: usize) {
    for (copy, daemon) in copies.iter_mut().enumerate().filter(|(copy, _)| *copy != owner) {
        let why = daemon.readyz(503, "another copy owns the account").await;
        assert!(why.contains("writer"), "copy {copy} says who: {why}");
    }
    copies[owner].is_ready().await;
    let before = world.owners().await;
    copies[owner].syncs(3, "complete").await;
    let after = world.owners().await;
    assert_eq!(before, after, "nobody claims any more");
    assert_eq!(after.len(), copies.len(), "each start has claimed once, and none twice: {after:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_owner_that_is_woken_after_another_has_claimed_parks() {
    play(&[Start, Owns(0), Pause(0), Start, Owns(1), Wake(0), Parks(0)], 1).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn two_copies_that_are_woken_in_either_order_leave_the_later_claim_in_force() {
    let begin = [Start, Owns(0), Start, Owns(1), Parks(0), Pause(0), Pause(1)];
    let orders = [[Wake(0), Wake(1)], [Wake(1), Wake(0)]];
    join_all(orders.map(async |wake| play(&[begin.as_slice(), wake.as_slice()].concat(), 1).await)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn of_three_copies_that_are_paused_and_woken_at_random_the_last_to_claim_goes_on() {
    let seed = setting("TEST_SEED", rand::random());
    println!("TEST_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut steps = vec![Start, Owns(0), Pause(0), Start, Owns(1), Pause(1), Start, Owns(2)];
    let mut wake = vec![Wake(0), Wake(1), Pause(2)];
    wake.shuffle(&mut random);
    steps.append(&mut wake);
    steps.extend([Wake(2), Parks(0), Parks(1), Pause(2), Pause(0), Wake(0), Wake(2), Owns(2)]);
    play(&steps, 2).await;
}

/// The owner is stopped amid its transactions, over and over: it is the only copy, so it goes on.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_owner_that_is_paused_longer_than_its_transaction_may_last_loses_and_repeats_nothing() {
    let mut world = World::small().await;
    world.set("KAFKA__TRANSACTION_TIMEOUT", "3s");
    world.set("LOG__LEVEL", "info,ramstream::kafka=debug");
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    for pause in 0..3 {
        world.cloud.create_user(&format!("user-{pause}")).await;
        daemon.next_logs("state log read to its end").await;
        daemon.pause().await;
        // The broker looks for transactions that have timed out every ten seconds.
        tokio::time::sleep(std::time::Duration::from_secs(if pause == 0 { 14 } else { 1 })).await;
        daemon.wake().await;
        daemon.is_ready().await;
    }
    world.settles_clean(daemon).await;
}
