//! The printed policy is enough, and no more than that: the account enforces it, whole and with each action taken away.

use std::collections::BTreeSet;

use ramstream::model::Kind;
use ramstream::sync::needs;
use serde_json::Value;

use crate::support::fold::{assert_same, content, fold};
use crate::support::process::{COMPLETE, PARTIAL};
use crate::support::world::{World, collection, text};

/// The policy without one action.
fn without(policy: &Value, action: &str) -> Value {
    let mut policy = policy.clone();
    policy["Statement"][0]["Action"].as_array_mut().unwrap().retain(|other| other != action);
    policy
}

fn actions(operations: &[&ramstream::alicloud::Operation]) -> BTreeSet<&'static str> {
    operations.iter().map(|operation| operation.ram_action.unwrap()).collect()
}

/// What is unknown without the action.
fn read_by(action: &str) -> BTreeSet<Kind> {
    let needs_it = |kind: &Kind| actions(needs(*kind).reading).contains(action);
    Kind::ALL.iter().copied().filter(needs_it).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn without_an_action_what_it_covers_is_unknown_and_everything_else_still_flows() {
    let mut world = World::small().await;
    // Every detail is read in every sync.
    world.set("SYNC__DETAIL_INTERVAL", "1s");
    let printed = world.ramstream(&["policy"]).await.exits_with(COMPLETE);
    let policy: Value = serde_json::from_str(&printed.stdout).unwrap();
    world.cloud.enforce(&policy).await;
    world.run_once().await.exits_with(COMPLETE);
    assert_same(&fold(&world.events().await), &content(&world.cloud.account().await));

    let all: Vec<String> =
        policy["Statement"][0]["Action"].as_array().unwrap().iter().map(|it| it.as_str().unwrap().to_owned()).collect();
    assert!(all.len() >= 17, "{all:?}");
    for action in &all {
        let reading = read_by(action);
        world.cloud.enforce(&without(&policy, action)).await;
        world.run_once().await.exits_with(if reading.is_empty() { COMPLETE } else { PARTIAL });
        let syncs = world.syncs().await;
        let last = syncs.last().unwrap();
        for kind in Kind::ALL {
            let told = collection(last, kind.as_str());
            let is_whole = text(told, "status") == "complete";
            assert_eq!(is_whole, !reading.contains(kind), "{kind} without {action}: {told}");
            if !is_whole {
                // What hangs on a listing of another kind is told to hang on it.
                let is_parents = ["ram:ListUsers", "ram:ListGroups", "ram:ListRoles"].contains(&action.as_str());
                let by_parent = is_parents && matches!(kind, Kind::Membership | Kind::PolicyAttachment);
                let reason = text(told, "reason");
                assert!(
                    reason == "denied" || by_parent && reason == "parent_unknown",
                    "{kind} without {action}: {told}"
                );
            }
        }
    }
    let events = world.events().await;
    assert!(events.iter().all(|event| event["sequence"] == 1), "nothing changed, and nothing was said to");

    world.cloud.enforce(&policy).await;
    world.run_once().await.exits_with(COMPLETE);
    assert_same(&fold(&world.events().await), &content(&world.cloud.account().await));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn what_is_removed_while_the_proof_is_denied_is_held_and_what_is_added_flows() {
    let world = World::small().await;
    let printed = world.ramstream(&["policy"]).await.exits_with(COMPLETE);
    let policy: Value = serde_json::from_str(&printed.stdout).unwrap();
    world.cloud.create_user("leaves").await;
    world.run_once().await.exits_with(COMPLETE);
    let before = world.events().await.len();

    world.cloud.delete_user("leaves").await;
    world.cloud.create_user("comes").await;
    world.cloud.enforce(&without(&policy, "ram:GetUser")).await;
    world.run_once().await.exits_with(PARTIAL);
    let told: Vec<Value> = world.events().await.split_off(before);
    let types: Vec<&str> = told.iter().map(|event| text(event, "event_type")).collect();
    assert_eq!(types, ["user.added"]);

    world.cloud.enforce(&policy).await;
    world.run_once().await.exits_with(COMPLETE);
    assert_same(&fold(&world.events().await), &content(&world.cloud.account().await));
}
