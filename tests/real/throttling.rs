//! Throttled calls, a few to half of them: every sync ends complete or honestly partial, and nothing is ever wrong.

use serde_json::Value;

use crate::support::cloud::{Cloud, rows};
use crate::support::fold::{assert_same, check_sequences, content, fold};
use crate::support::process::{COMPLETE, PARTIAL};
use crate::support::world::{World, text};

/// As documented: nothing could be read.
const FAILED: i32 = 1;

/// Why a scope is not known where calls are throttled while the account changes: too many of them were, the time was up, it
/// hangs on something for which that is so, or what is gone could not be proven gone.
const REASONS: [&str; 7] = [
    "throttled",
    "out_of_time",
    "detail_unread",
    "parent_unknown",
    "removals_unproven",
    // Of edges, where a listing of their ends could not be read.
    "dangling",
    "unresolved_name",
];

/// Changes of all sorts, other ones each round.
async fn change(cloud: &Cloud, round: usize) {
    let (user, group, policy) = (format!("user-{round}"), format!("group-{round}"), format!("policy-{round}"));
    cloud.create_user(&user).await;
    cloud.create_group(&group).await;
    cloud.join(&user, &group).await;
    cloud.create_policy(&policy).await;
    cloud.attach("Custom", &policy, &user).await;
    cloud.create_role(&format!("role-{round}")).await;
    let account = cloud.account().await;
    if let Some(row) = rows(&account, "attachments").first() {
        cloud.detach_row(&account, row).await;
    }
    if let Some(last) = round.checked_sub(1) {
        let (user, group) = (format!("user-{last}"), format!("group-{last}"));
        cloud.leave(&user, &group).await;
        cloud.delete_group(&group).await;
        cloud.delete_role(&format!("role-{last}")).await;
        cloud.revise_policy(&format!("policy-{last}")).await;
        cloud.freeze(&user).await;
    }
}

/// A few syncs with this share of calls throttled, then quiet ones; says how each throttled one ended.
async fn synced_under(share: f64, time_budget: &str) -> (World, Vec<String>) {
    let mut world = World::small().await;
    world.set("SYNC__TIME_BUDGET", time_budget);
    let mut throttled = 0;
    let mut round = 0;
    // One call in a hundred may take some syncs to strike.
    while round < 4 || (throttled == 0 && round < 60) {
        change(&world.cloud, round).await;
        world.cloud.throttle_reads(share).await;
        let ended = world.run_once().await;
        throttled += world.cloud.end_faults().await;
        let record = world.syncs().await.pop().unwrap();
        let wanted = match text(&record, "outcome") {
            "complete" => COMPLETE,
            "partial" => PARTIAL,
            _ => FAILED,
        };
        ended.exits_with(wanted);
        says_why(&record);
        round += 1;
        assert_eq!(record["sequence"], round, "also a sync that could read nothing says so");
    }
    assert!(throttled > 0, "calls were throttled");
    let outcomes = world.syncs().await.iter().map(|sync| text(sync, "outcome").to_owned()).collect();
    for _ in 0..2 {
        world.run_once().await.exits_with(COMPLETE);
    }
    (world, outcomes)
}

/// A sync that is not complete names a reason for each collection that is not.
fn says_why(sync: &Value) {
    let unread = |of: &&Value| matches!(text(of, "status"), "partial" | "unknown");
    let unread: Vec<&Value> = sync["collections"].as_array().unwrap().iter().filter(unread).collect();
    assert_eq!(unread.is_empty(), text(sync, "outcome") == "complete", "{sync}");
    for of in unread {
        assert!(REASONS.contains(&text(of, "reason")), "{of}");
        assert!(of["stale_scopes"].as_u64() > Some(0), "{of}");
    }
}

/// What was published is true, by the checker and by the account itself.
async fn assert_true(world: &World) {
    let (finished, report) = world.verify(&[]).await;
    finished.exits_with(COMPLETE);
    let judged = |verdict: &&Value| verdict["checked"].as_u64() > Some(0);
    let verdicts = report["verdicts"].as_array().unwrap();
    assert!(verdicts.iter().filter(judged).count() > verdicts.len() / 2, "{report}");
    let events = world.events().await;
    assert_same(&fold(&events), &content(&world.cloud.account().await));
    check_sequences(&world.syncs().await, &events);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn one_call_in_a_hundred_throttled_costs_nothing_but_a_retry() {
    let (world, outcomes) = synced_under(0.01, "30s").await;
    assert!(outcomes.iter().all(|outcome| outcome == "complete"), "{outcomes:?}");
    assert_true(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn one_call_in_ten_throttled_is_never_wrong() {
    let (world, outcomes) = synced_under(0.1, "30s").await;
    assert!(outcomes.iter().all(|outcome| outcome != "failed"), "retries bring most of it: {outcomes:?}");
    assert_true(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn every_second_call_throttled_is_never_wrong() {
    let (world, _) = synced_under(0.5, "30s").await;
    assert_true(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn every_second_call_throttled_with_little_time_is_partial_and_never_wrong() {
    let (world, outcomes) = synced_under(0.5, "2s").await;
    assert!(outcomes.iter().any(|outcome| outcome != "complete"), "{outcomes:?}");
    assert_true(&world).await;
}
