//! kill -9 at any moment: nothing is lost, nothing is said twice.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::cloud::{Cloud, lookup, names, rows};
use crate::support::fold::{assert_same, check_sequences, content, fold, sort_out};
use crate::support::process::{COMPLETE, Daemon};
use crate::support::world::{World, text};

/// How often the daemon is killed, unless the environment says otherwise.
const KILLS: u32 = 12;

/// Between two changes of the account.
const PAUSE: Duration = Duration::from_millis(120);

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_killed_daemon_repeats_nothing_and_loses_nothing() {
    let kills = setting("TEST_KILLS", u64::from(KILLS));
    let seed = setting("TEST_SEED", rand::random());
    println!("TEST_SEED={seed} TEST_KILLS={kills}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut world = World::small().await;
    world.set("LOG__LEVEL", "info,ramstream::kafka=debug");

    let calm = CancellationToken::new();
    let killing = async {
        for kill in 0..kills {
            let mut daemon = world.start_daemon();
            let within = approach(&mut daemon, kill).await;
            sleep(random.random_range(Duration::ZERO..within)).await;
            daemon.kill().await;
        }
        calm.cancel();
    };
    let ((), mutations) = tokio::join!(killing, mutate(&world.cloud, seed, &calm));
    assert!(mutations > kills, "the account moved all the while: {mutations} changes");

    let mut daemon = world.start_daemon();
    daemon.is_ready().await;
    daemon.syncs(2, "complete").await;
    daemon.terminate().await;

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
}

/// Follows the daemon to where the kill is aimed at: in turn the way to the claim, the first sync, and a sync that follows
/// a committed one; every other time the few milliseconds of a transaction. Returns within how long to kill it.
async fn approach(daemon: &mut Daemon, kill: u64) -> Duration {
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

/// Changes the account at random until it is to be calm; returns how often.
async fn mutate(cloud: &Cloud, seed: u64, calm: &CancellationToken) -> u64 {
    let mut random = StdRng::seed_from_u64(!seed);
    let mut count = 0;
    while !calm.is_cancelled() {
        count += 1;
        change(cloud, &mut random, count).await;
        sleep(PAUSE).await;
    }
    count
}

/// One change that the service accepts.
async fn change(cloud: &Cloud, random: &mut StdRng, number: u64) {
    let account = cloud.account().await;
    let users = names(&account, "users", "user_name");
    let groups = names(&account, "groups", "group_name");
    let (Some(user), Some(group)) = (users.choose(random), groups.choose(random)) else {
        return cloud.create_user(&format!("user-{number}")).await;
    };
    match random.random_range(0..12) {
        0 => cloud.create_user(&format!("user-{number}")).await,
        1 => cloud.rename_user(user, &format!("renamed-{number}")).await,
        2 => cloud.freeze(user).await,
        3 => cloud.unfreeze(user).await,
        4 => cloud.create_group(&format!("group-{number}")).await,
        5 => delete_group(cloud, &account, group).await,
        6 => delete_user(cloud, &account, user).await,
        7 if !is_member(&account, user, group) => cloud.join(user, group).await,
        7 | 8 => leave_some_group(cloud, &account, random).await,
        9 => {
            let policy = format!("policy-{number}");
            cloud.create_policy(&policy).await;
            cloud.attach("Custom", &policy, user).await;
        }
        10 => match rows(&account, "attachments").choose(random) {
            Some(row) => cloud.detach_row(&account, row).await,
            None => cloud.create_role(&format!("role-{number}")).await,
        },
        _ => cloud.create_role(&format!("role-{number}")).await,
    }
}

fn is_member(account: &Value, user: &str, group: &str) -> bool {
    let user = lookup(account, "users", ("user_name", user), "user_id");
    let group = lookup(account, "groups", ("group_name", group), "group_id");
    rows(account, "memberships").iter().any(|row| row["user_id"] == user.as_str() && row["group_id"] == group.as_str())
}

async fn leave_some_group(cloud: &Cloud, account: &Value, random: &mut StdRng) {
    if let Some(row) = rows(account, "memberships").choose(random) {
        leave(cloud, account, row).await;
    }
}

async fn leave(cloud: &Cloud, account: &Value, membership: &Value) {
    let user = lookup(account, "users", ("user_id", text(membership, "user_id")), "user_name");
    let group = lookup(account, "groups", ("group_id", text(membership, "group_id")), "group_name");
    cloud.leave(&user, &group).await;
}

async fn delete_user(cloud: &Cloud, account: &Value, user: &str) {
    strip(cloud, account, "user_id", &lookup(account, "users", ("user_name", user), "user_id")).await;
    cloud.delete_user(user).await;
}

async fn delete_group(cloud: &Cloud, account: &Value, group: &str) {
    strip(cloud, account, "group_id", &lookup(account, "groups", ("group_name", group), "group_id")).await;
    cloud.delete_group(group).await;
}

/// Takes away whatever hangs on a user or group: the service deletes only what is bare.
async fn strip(cloud: &Cloud, account: &Value, field: &str, id: &str) {
    for row in rows(account, "memberships").iter().filter(|row| row[field] == id) {
        leave(cloud, account, row).await;
    }
    for row in rows(account, "attachments").iter().filter(|row| row["principal_id"] == id) {
        cloud.detach_row(account, row).await;
    }
}
