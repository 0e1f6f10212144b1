//! What an administrator does, and the events that it leads to.

use serde_json::json;

use crate::support::cloud::{lookup, names, rows};
use crate::support::fold::{assert_same, content, fold};
use crate::support::process::{COMPLETE, PARTIAL};
use crate::support::world::{World, of_type, text, told};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_rename_is_one_event() {
    let world = World::small().await;
    let account = world.cloud.account().await;
    // A user who is in a group and has a policy: nothing may be said of those.
    let user_id = text(&rows(&account, "memberships")[0], "user_id").to_owned();
    let name = lookup(&account, "users", ("user_id", &user_id), "user_name");
    world.run_once().await.exits_with(COMPLETE);

    world.cloud.rename_user(&name, "renamed").await;
    assert_eq!(world.run_once().await.exits_with(COMPLETE).last_line(), "published 1");
    let events = world.events_of(2).await;
    assert_eq!(told(&events), [format!("user.renamed {}", world.key(&format!("user/{user_id}")))]);
    let renamed = &events[0];
    assert_eq!((&renamed["before"]["user_name"], &renamed["after"]["user_name"]), (&json!(name), &json!("renamed")));
    assert_eq!(renamed["changed_fields"], json!(["user_name", "user_principal_name"]));
    assert_eq!((text(renamed, "op"), renamed["previous_revision"].as_i64()), ("u", Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_removed_and_readded_member_gets_a_new_event_id() {
    let world = World::small().await;
    let cloud = &world.cloud;
    cloud.create_user("wanderer").await;
    cloud.create_group("travellers").await;
    world.run_once().await.exits_with(COMPLETE);

    // Each step is seen by a sync of its own.
    cloud.join("wanderer", "travellers").await;
    world.run_once().await.exits_with(COMPLETE);
    cloud.leave("wanderer", "travellers").await;
    world.run_once().await.exits_with(COMPLETE);
    cloud.advance_clock(10).await;
    cloud.join("wanderer", "travellers").await;
    world.run_once().await.exits_with(COMPLETE);
    // Both steps happen between two syncs: only the date betrays it.
    cloud.advance_clock(20).await;
    cloud.leave("wanderer", "travellers").await;
    cloud.join("wanderer", "travellers").await;
    world.run_once().await.exits_with(COMPLETE);

    let account = cloud.account().await;
    let user = lookup(&account, "users", ("user_name", "wanderer"), "user_id");
    let group = lookup(&account, "groups", ("group_name", "travellers"), "group_id");
    let key = world.key(&format!("membership/{group}/{user}"));
    let events = world.events().await;
    let of_key: Vec<_> = events.iter().filter(|event| event["key"] == key).cloned().collect();
    let verbs = ["membership.added", "membership.removed", "membership.added", "membership.readded"];
    assert_eq!(told(&of_key), verbs.map(|verb| format!("{verb} {key}")));
    let revisions: Vec<_> = of_key.iter().map(|event| event["revision"].as_i64().unwrap()).collect();
    assert_eq!(revisions, [2, 3, 4, 5]);
    assert_eq!(text(&of_key[3], "op"), "u");
    assert_same(&fold(&events), &content(&account));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_removal_is_confirmed_before_it_is_published() {
    let world = World::small().await;
    let cloud = &world.cloud;
    cloud.create_group("doomed").await;
    let account = cloud.account().await;
    let users: Vec<String> = names(&account, "users", "user_name").into_iter().take(2).collect();
    for user in &users {
        cloud.join(user, "doomed").await;
    }
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;

    // The first listing of the second sync is empty, and the one that confirms it is not.
    cloud.fault(json!({ "operation": "ListGroups", "fault": "empty", "times": 1 })).await;
    world.run_once().await;
    assert_eq!(cloud.end_faults().await, 1);
    assert_eq!(world.events().await, baseline, "a listing that was empty once is no removal");

    for user in &users {
        cloud.leave(user, "doomed").await;
    }
    cloud.delete_group("doomed").await;
    world.run_once().await.exits_with(COMPLETE);
    let removed: Vec<_> = world.events().await.split_off(baseline.len());
    let group = lookup(&account, "groups", ("group_name", "doomed"), "group_id");
    let types: Vec<&str> = removed.iter().map(|event| text(event, "event_type")).collect();
    assert_eq!(
        types,
        ["membership.removed", "membership.removed", "group.removed"],
        "edges go before what they hang on"
    );
    assert_eq!(removed[2]["key"], world.key(&format!("group/{group}")));
    for edge in of_type(&removed, "membership.removed") {
        // The group was not there to be asked for its members: they go with it.
        assert_eq!((text(edge, "cause"), text(edge, "op"), &edge["after"]), ("cascade", "d", &serde_json::Value::Null));
    }
    assert!(removed[2]["cause"].is_null());
    assert_same(&fold(&world.events().await), &content(&cloud.account().await));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_mass_removal_is_told_before_it_is_proven() {
    let world = World::small().await;
    world.cloud.create_group("doomed").await;
    world.run_once().await.exits_with(COMPLETE);
    let account = world.cloud.account().await;
    let held = rows(&account, "groups").len();
    for edge in rows(&account, "memberships") {
        let group = lookup(&account, "groups", ("group_id", text(edge, "group_id")), "group_name");
        let user = lookup(&account, "users", ("user_id", text(edge, "user_id")), "user_name");
        world.cloud.leave(&user, &group).await;
    }
    world.run_once().await.exits_with(COMPLETE);

    let notices = world.notices().await;
    let told: Vec<_> = notices.iter().map(|notice| text(notice, "notice_type")).collect();
    assert_eq!(told, ["sync.completed", "removals.suspected", "sync.completed"]);
    let message = text(&notices[1], "message");
    assert!(message.contains("entities of kind membership seem to be gone"), "{message}");
    assert_eq!(notices[1]["sequence"], 1, "a notice does not advance the sequence");
    assert!(held > 0 && rows(&world.cloud.account().await, "memberships").is_empty());
    assert_same(&fold(&world.events().await), &content(&world.cloud.account().await));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn what_every_listing_lacks_stays_as_long_as_the_service_finds_it() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;
    for operation in ["ListUsers", "ListGroups", "ListRoles", "ListPolicies"] {
        world.cloud.fault(json!({ "operation": operation, "fault": "empty" })).await;
    }
    world.run_once().await.exits_with(PARTIAL);
    assert_eq!(world.events().await, baseline);
    world.cloud.end_faults().await;
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(world.events().await, baseline, "nothing to take back either");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_listing_from_a_replica_that_lags_behind_is_no_removal() {
    let world = World::small().await;
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);
    // The lagging replica has not heard of the user yet. The first fault does nothing: it is in the way of the second
    // until the user was published.
    cloud.fault(json!({ "operation": "ListUsers", "fault": "slow", "delay_ms": 0, "times": 2 })).await;
    cloud.fault(json!({ "operation": "ListUsers", "fault": "stale", "times": 2 })).await;
    cloud.create_user("newcomer").await;
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(cloud.struck().await, [2, 0], "users are listed first and last");
    let published = world.events().await;
    assert_eq!(of_type(&published, "user.added").len(), 1);

    world.run_once().await;
    assert_eq!(cloud.struck().await, [2, 2], "both listings were stale");
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(told(&world.events().await), told(&published));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn every_kind_of_change_is_told_as_what_it_is() {
    let world = World::small().await;
    let cloud = &world.cloud;
    cloud.create_user("mover").await;
    cloud.create_policy("revised").await;
    world.run_once().await.exits_with(COMPLETE);

    cloud.freeze("mover").await;
    cloud.create_role("fresh-role").await;
    cloud.create_policy("fresh-policy").await;
    cloud.revise_policy("revised").await;
    cloud.attach("Custom", "fresh-policy", "mover").await;
    world.run_once().await.exits_with(COMPLETE);
    let mut types: Vec<String> =
        world.events_of(2).await.iter().map(|event| text(event, "event_type").to_owned()).collect();
    types.sort();
    assert_eq!(types, ["policy.created", "policy.updated", "policy_attachment.added", "role.added", "user.frozen"]);

    cloud.unfreeze("mover").await;
    cloud.detach("Custom", "fresh-policy", "mover").await;
    cloud.delete_role("fresh-role").await;
    cloud.delete_user("mover").await;
    world.run_once().await.exits_with(COMPLETE);
    let types: Vec<String> =
        world.events_of(3).await.iter().map(|event| text(event, "event_type").to_owned()).collect();
    // By kind, in the order in which the product lists kinds: edges first, then what they hang on.
    assert_eq!(types, ["policy_attachment.removed", "user.removed", "role.removed"]);
    assert_same(&fold(&world.events().await), &content(&cloud.account().await));
}
