//! The printed policy is enough, and no more than that: the account enforces it, whole and with each action taken away.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ramstream::model::Kind;
use ramstream::simulator::seed::Size;
use ramstream::sync::needs;
use serde_json::Value;

use crate::support::cloud::{Cloud, names, rows, small};
use crate::support::fold::{assert_same, content, fold};
use crate::support::process::{COMPLETE, PARTIAL};
use crate::support::world::{World, collection, text};

/// Another trust policy than any made-up role has.
const TRUST: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["fc.aliyuncs.com"]}}]}"#;

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

/// What the events come to, but for instances: the account's content, written down by hand, leaves them out.
fn without_instances(events: &[Value]) -> BTreeMap<String, Value> {
    let mut folded = fold(events);
    folded.retain(|key, _| !key.contains("/instance/"));
    folded
}

/// Something happens for which the operation of this action is called: details are read only when they are due.
async fn make_due(cloud: &Cloud, account: &Value, action: &str) {
    let first = |table, field| names(account, table, field).swap_remove(0);
    match action {
        "ram:GetRole" => cloud.retrust_role(&first("roles", "role_name"), TRUST).await,
        "ram:ListPolicyVersions" => {
            let custom = rows(account, "policies")
                .iter()
                .find(|row| text(row, "policy_type").eq_ignore_ascii_case("custom"))
                .unwrap();
            cloud.revise_policy(text(custom, "policy_name")).await;
        }
        "ram:GetSAMLProvider" => {
            let parameters = [
                ("SAMLProviderName", "corporate-sso"),
                ("NewEncodedSAMLMetadataDocument", &*BASE64.encode("<EntityDescriptor/>")),
            ];
            cloud.ims("UpdateSAMLProvider", &parameters).await;
        }
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn without_an_action_what_it_covers_is_unknown_and_everything_else_still_flows() {
    let mut world = World::of(Size { instances: 4, ..small() }).await;
    world.set("COLLECT__INSTANCE", "true");
    let printed = world.ramstream(&["policy"]).await.exits_with(COMPLETE);
    let policy: Value = serde_json::from_str(&printed.stdout).unwrap();
    let all = policy["Statement"][0]["Action"].as_array().unwrap().clone();
    assert!(all.len() >= 32, "{all:?}");
    world.cloud.enforce(&policy).await;
    world.run_once().await.exits_with(COMPLETE);
    let account = world.cloud.account().await;
    assert_same(&without_instances(&world.events().await), &content(&account));

    for (n, action) in all.iter().enumerate() {
        let action = action.as_str().unwrap();
        world.cloud.enforce(&Value::Null).await;
        world.cloud.create_user(&format!("flows-{n}")).await;
        make_due(&world.cloud, &account, action).await;
        world.cloud.enforce(&without(&policy, action)).await;
        let reading = read_by(action);
        world.run_once().await.exits_with(if reading.is_empty() { COMPLETE } else { PARTIAL });
        let syncs = world.syncs().await;
        let last = syncs.last().unwrap();
        for kind in Kind::ALL {
            let told = collection(last, kind.as_str());
            let is_whole = text(told, "status") == "complete";
            assert_eq!(is_whole, !reading.contains(kind), "{kind} without {action}: {told}");
            if !is_whole {
                // What hangs on a listing of another kind is told to hang on it.
                let is_parents = ["ram:ListUsers", "ram:ListGroups", "ram:ListRoles"].contains(&action);
                let of_users = matches!(kind, Kind::AccessKey | Kind::LoginProfile | Kind::MfaDevice);
                let by_parent = is_parents && (of_users || matches!(kind, Kind::Membership | Kind::PolicyAttachment));
                let reason = text(told, "reason");
                let is_told = reason == "denied" || by_parent && reason == "parent_unknown";
                assert!(is_told, "{kind} without {action}: {told}");
            }
        }
        let added = collection(last, "user")["added"].as_i64().unwrap();
        assert_eq!(added > 0, !reading.contains(&Kind::User), "a user without {action}: {last}");
    }
    let events = world.events().await;
    assert!(events.iter().all(|event| event["op"] != "d"), "nothing was removed, and nothing is said to be");

    world.cloud.enforce(&policy).await;
    world.run_once().await.exits_with(COMPLETE);
    assert_same(&without_instances(&world.events().await), &content(&world.cloud.account().await));
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
