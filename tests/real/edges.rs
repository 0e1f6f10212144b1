//! Memberships and attachments whose ends go, or cannot be read: they never outlive an end, and never go unsaid.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::cloud::lookup;
use crate::support::fold::{assert_same, content, fold};
use crate::support::process::{COMPLETE, PARTIAL};
use crate::support::world::{World, collection, text, told};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_user_and_a_policy_that_go_take_edges_along_that_nobody_could_read() {
    let world = World::small().await;
    let cloud = &world.cloud;
    cloud.create_user("leaver").await;
    cloud.create_user("stayer").await;
    cloud.create_group("team").await;
    cloud.create_policy("power").await;
    for user in ["leaver", "stayer"] {
        cloud.join(user, "team").await;
        cloud.attach("Custom", "power", user).await;
    }
    cloud.attach("System", "AdministratorAccess", "leaver").await;
    world.run_once().await.exits_with(COMPLETE);
    let account = cloud.account().await;
    let id = |table, name: &str, value, wanted| lookup(&account, table, (name, value), wanted);
    let leaver = id("users", "user_name", "leaver", "user_id");
    let stayer = id("users", "user_name", "stayer", "user_id");
    let team = id("groups", "group_name", "team", "group_id");

    cloud.leave("leaver", "team").await;
    cloud.leave("stayer", "team").await;
    cloud.detach("System", "AdministratorAccess", "leaver").await;
    for user in ["leaver", "stayer"] {
        cloud.detach("Custom", "power", user).await;
    }
    cloud.delete_user("leaver").await;
    cloud.delete_policy("power").await;
    for operation in ["ListUsersForGroup", "ListPolicyAttachments"] {
        cloud.fault(json!({ "operation": operation, "fault": "deny" })).await;
    }
    world.run_once().await.exits_with(PARTIAL);
    cloud.end_faults().await;
    let removed = world.events_of(2).await;
    let keys: BTreeSet<String> = removed.iter().map(|event| text(event, "key").to_owned()).collect();
    let edges = [
        format!("membership/{team}/{leaver}"),
        format!("policy_attachment/custom/power/user/{leaver}/account"),
        format!("policy_attachment/custom/power/user/{stayer}/account"),
        format!("policy_attachment/system/administratoraccess/user/{leaver}/account"),
    ];
    let ends = [format!("user/{leaver}"), "policy/custom/power".to_owned()];
    assert_eq!(keys, edges.iter().chain(&ends).map(|path| world.key(path)).collect());
    for event in &removed {
        let is_edge = edges.iter().any(|path| world.key(path) == text(event, "key"));
        assert_eq!((text(event, "op"), event["cause"] == "cascade"), ("d", is_edge), "{event}");
    }

    // The membership that ended by itself is found when it can be read again.
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(
        told(&world.events_of(3).await),
        [format!("membership.removed {}", world.key(&format!("membership/{team}/{stayer}")))]
    );
    assert_same(&fold(&world.events().await), &content(&cloud.account().await));
    world.verify(&[]).await.0.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn edges_of_users_and_policies_that_are_unknown_wait_for_new_ends_and_for_nothing_else() {
    let world = World::small().await;
    let cloud = &world.cloud;
    cloud.create_user("known").await;
    cloud.create_group("team").await;
    cloud.create_policy("held").await;
    world.run_once().await.exits_with(COMPLETE);

    cloud.create_user("new").await;
    cloud.create_policy("fresh").await;
    for user in ["known", "new"] {
        cloud.join(user, "team").await;
        cloud.attach("Custom", "held", user).await;
        cloud.attach("Custom", "fresh", user).await;
    }
    cloud.fault(json!({ "operation": "ListPolicies", "fault": "deny" })).await;
    world.run_once().await.exits_with(PARTIAL);
    let types = |events: &[Value]| {
        let mut types: Vec<String> = events.iter().map(|event| text(event, "event_type").to_owned()).collect();
        types.sort();
        types
    };
    let seen = world.events_of(2).await;
    let wanted =
        ["membership.added", "membership.added", "policy_attachment.added", "policy_attachment.added", "user.added"];
    assert_eq!(types(&seen), wanted, "an attachment of the policy that nobody could read waits for it");
    let record = world.syncs().await.pop().unwrap();
    assert_eq!(text(collection(&record, "policy_attachment"), "reason"), "dangling", "{record}");
    cloud.end_faults().await;

    cloud.create_user("newest").await;
    cloud.join("newest", "team").await;
    cloud.fault(json!({ "operation": "ListUsers", "fault": "deny" })).await;
    world.run_once().await.exits_with(PARTIAL);
    cloud.end_faults().await;
    let seen = world.events_of(3).await;
    assert_eq!(types(&seen), ["policy.created"], "attachments of users wait for their names");
    let record = world.syncs().await.pop().unwrap();
    assert_eq!(text(collection(&record, "membership"), "reason"), "dangling", "{record}");

    world.run_once().await.exits_with(COMPLETE);
    let wanted = ["membership.added", "policy_attachment.added", "policy_attachment.added", "user.added"];
    assert_eq!(types(&world.events_of(4).await), wanted);
    assert_same(&fold(&world.events().await), &content(&cloud.account().await));
    world.verify(&[]).await.0.exits_with(COMPLETE);
}
