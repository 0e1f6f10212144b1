//! kill -9 at any moment: nothing is lost, nothing is said twice.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::changes::change_until;
use crate::support::fold::{assert_same, check_sequences, content, fold, sort_out};
use crate::support::process::{COMPLETE, Daemon};
use crate::support::seen::Seen;
use crate::support::setting;
use crate::support::world::World;

/// How often the daemon is killed, unless the environment says otherwise.
const KILLS: u32 = 12;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_killed_daemon_repeats_nothing_and_loses_nothing() {
    let kills = setting("TEST_KILLS", u64::from(KILLS));
    let seed = setting("TEST_SEED", rand::random());
    println!("TEST_SEED={seed} TEST_KILLS={kills}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut world = World::small().await;
    world.set("LOG__LEVEL", "info,ramstream::kafka=debug");
    // What users sign in with moves no date.
    world.set("SYNC__DETAIL_INTERVAL", "1s");
    world.set("REGISTRY__USERNAME", "daemon");
    world.set("REGISTRY__PASSWORD", "canary/registry+password=5");
    let mut seen = Seen::default();

    let calm = CancellationToken::new();
    let killing = async {
        for kill in 0..kills {
            let mut daemon = world.start_daemon();
            let within = approach(&mut daemon, kill).await;
            sleep(random.random_range(Duration::ZERO..within)).await;
            seen.add(&format!("the log of life {kill}"), daemon.log());
            daemon.kill().await;
        }
        calm.cancel();
    };
    let ((), mutations) = tokio::join!(killing, change_until(&calm, &world.cloud, seed));
    assert!(mutations > kills, "the account moved all the while: {mutations} changes");

    let mut daemon = world.start_daemon();
    daemon.is_ready().await;
    daemon.syncs(2, "complete").await;
    seen.add("the log of the last life", daemon.terminate().await.1);

    let events = world.events().await;
    let syncs = world.syncs().await;
    println!("{mutations} changes, {} syncs, {} events", syncs.len(), events.len());
    assert!(syncs.len() as u64 > kills / 3, "syncs were committed between the kills");
    check_sequences(&syncs, &events);
    assert_same(&fold(&events), &content(&world.cloud.account().await));
    let (all, attempts) = world.uncommitted().await;
    let aborted = world.aborted_state_records().await;
    println!(
        "without isolation: {} sync records, {} events, {aborted} aborted records of state",
        attempts.len(),
        all.len()
    );
    assert_eq!(sort_out(all, &attempts), events, "what was aborted can be sorted out");
    assert!(events.iter().any(|event| event["op"] != "r"), "changes were published, and not the baseline alone");
    // The product's own checker knows the account's every change as well.
    world.verify(&[]).await.0.exits_with(COMPLETE);
    world.verify(&["--read-uncommitted"]).await.0.exits_with(COMPLETE);

    seen.all_of(&world);
    seen.hold_none_of(&world.secrets());
}

/// Follows the daemon to where the kill is aimed at: in turn the way to the claim, the first sync, and a sync that follows
/// a committed one; every other time the few milliseconds of a transaction. Returns within how long to kill it.
pub(crate) async fn approach(daemon: &mut Daemon, kill: u64) -> Duration {
    const CYCLE: Duration = Duration::from_secs(2);
    const TRANSACTION: Duration = Duration::from_millis(24);
    match kill % 6 {
        0 => return CYCLE,
        2 => daemon.is_ready().await,
        4 => drop(daemon.logs("\"outcome\"").await),
        _ => {
            daemon.logs("\"outcome\"").await;
            daemon.next_logs("state log read to its end").await;
            return TRANSACTION;
        }
    }
    CYCLE
}
