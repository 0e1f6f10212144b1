//! Complete or unknown: what could not be read is never taken for a change, and nothing of it is lost.

use std::collections::BTreeSet;

use ramstream::simulator::seed::Size;
use serde_json::{Value, json};

use crate::support::cloud::{lookup, names, rows, small};
use crate::support::fold::{assert_same, check_sequences, content, fold};
use crate::support::process::{COMPLETE, PARTIAL};
use crate::support::world::{World, collection, of_type, text, told};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_failed_page_publishes_nothing() {
    // More groups than a page holds.
    let mut world = World::of(Size { groups: 130, ..small() }).await;
    world.set("SYNC__TIME_BUDGET", "5s");
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;

    cloud.fault(json!({ "operation": "ListGroups", "page": 2, "fault": "http_5xx" })).await;
    let account = cloud.account().await;
    let gone = names(&account, "groups", "group_name").into_iter().find(|name| is_empty(&account, name)).unwrap();
    cloud.delete_group(&gone).await;
    cloud.create_group("unseen").await;
    cloud.create_user("seen").await;
    world.run_once().await.exits_with(PARTIAL);
    assert!(cloud.end_faults().await > 0, "the second page was asked for");

    let published: Vec<Value> = world.events().await.split_off(baseline.len());
    let types: Vec<&str> = published.iter().map(|event| text(event, "event_type")).collect();
    assert_eq!(types, ["user.added"], "everything else flows, and nothing is said of groups");
    let syncs = world.syncs().await;
    let groups = collection(&syncs[1], "group");
    assert_eq!((text(&syncs[1], "outcome"), text(groups, "status")), ("partial", "unknown"), "{groups}");
    assert!(matches!(text(groups, "reason"), "unavailable" | "out_of_time"), "{groups}");
    assert!(groups["stale_since"].is_i64(), "{groups}");

    // What happened meanwhile is found by the next complete listing.
    world.run_once().await.exits_with(COMPLETE);
    let events = world.events().await;
    let found: Vec<Value> = events.iter().filter(|event| event["sequence"] == 3).cloned().collect();
    assert_eq!((of_type(&found, "group.removed").len(), of_type(&found, "group.added").len(), found.len()), (1, 1, 2));
    assert_same(&fold(&events), &content(&cloud.account().await));
    check_sequences(&world.syncs().await, &events);
}

/// Whether the group has neither members nor policies, so that it can be deleted.
fn is_empty(account: &Value, group: &str) -> bool {
    let id = lookup(account, "groups", ("group_name", group), "group_id");
    rows(account, "memberships").iter().all(|row| row["group_id"] != id.as_str())
        && rows(account, "attachments").iter().all(|row| row["principal_id"] != id.as_str())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_throttled_read_is_unknown_not_empty() {
    let mut world = World::small().await;
    // The throttled calls are given up some time before it ends: the longer it is, the more is left to list the groups again.
    world.set("SYNC__TIME_BUDGET", "10s");
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;

    cloud.fault(json!({ "operation": "ListUsersForGroup", "fault": "throttle" })).await;
    assert_eq!(world.run_once().await.exits_with(PARTIAL).last_line(), "no change in what could be read");
    assert!(cloud.end_faults().await > 0, "members were asked for");
    assert_eq!(world.events().await, baseline);
    let syncs = world.syncs().await;
    let members = collection(&syncs[1], "membership");
    assert_eq!(text(members, "reason"), "throttled", "{members}");
    assert_eq!(members["entities"], collection(&syncs[0], "membership")["entities"], "they are held");

    assert_eq!(world.run_once().await.exits_with(COMPLETE).last_line(), "nothing changed");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_throttled_first_run_is_no_empty_baseline() {
    let mut world = World::small().await;
    world.set("SYNC__TIME_BUDGET", "3s");
    let cloud = &world.cloud;
    cloud.fault(json!({ "operation": "ListUsers", "fault": "throttle" })).await;
    world.run_once().await.exits_with(PARTIAL);
    assert!(cloud.end_faults().await > 0);
    assert!(of_type(&world.events().await, "user.observed").is_empty());

    // Read for the first time now: still a baseline, and not "added".
    world.run_once().await.exits_with(COMPLETE);
    let events = world.events().await;
    assert!(events.iter().all(|event| event["op"] == "r"), "{:#?}", told(&events));
    assert_same(&fold(&events), &content(&cloud.account().await));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_denied_operation_is_a_coverage_notice_and_keeps_the_state() {
    let world = World::small().await;
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;

    cloud.fault(json!({ "operation": "ListPolicyAttachments", "fault": "deny" })).await;
    for _ in 0..2 {
        world.run_once().await.exits_with(PARTIAL);
    }
    cloud.end_faults().await;
    assert_eq!(world.events().await, baseline, "its state is held");
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(world.events().await, baseline);

    let notices = world.notices().await;
    let told: Vec<(&str, i64)> =
        notices.iter().map(|notice| (text(notice, "notice_type"), notice["sequence"].as_i64().unwrap())).collect();
    let wanted = [
        ("sync.completed", 1),
        ("coverage.lost", 2),
        ("sync.completed", 2),
        ("sync.completed", 3),
        ("coverage.restored", 4),
        ("sync.completed", 4),
    ];
    assert_eq!(told, wanted, "said once when it is lost, and once when it is back");
    assert!(text(&notices[1], "message").contains("policy_attachment"), "{}", notices[1]);
    let denied = collection(&notices[3], "policy_attachment");
    assert_eq!((text(denied, "status"), text(denied, "reason")), ("unknown", "denied"), "{denied}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_count_that_was_once_behind_holds_removals_back_once_and_not_for_ever() {
    let world = World::small().await;
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);
    // One more is listed than counted.
    cloud.fault(json!({ "operation": "GetAccountSummary", "fault": "stale" })).await;
    cloud.create_user("uncounted").await;
    world.run_once().await.exits_with(COMPLETE);
    assert!(cloud.end_faults().await > 0, "it was counted");

    // Now both agree: compared with the last time, one is missing.
    cloud.delete_user("uncounted").await;
    world.run_once().await.exits_with(PARTIAL);
    assert_eq!(text(collection(&world.syncs().await[2], "user"), "reason"), "removals_unproven");
    world.run_once().await.exits_with(COMPLETE);
    let events = world.events_of(4).await;
    assert_eq!(events.iter().map(|event| text(event, "event_type")).collect::<Vec<_>>(), ["user.removed"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_count_that_differs_is_reported_without_a_removal_and_once() {
    const SAID: &str = "listed and counted numbers differ, unlike before";
    let world = World::small().await;
    let cloud = &world.cloud;
    let counted = async || world.syncs().await.pop().unwrap()["collections"][1]["count_difference"].clone();
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(counted().await, 0);

    // The first count is one behind, and the second is not: that is no news.
    cloud.fault(json!({ "operation": "GetAccountSummary", "fault": "stale", "times": 1 })).await;
    cloud.create_user("counted-late").await;
    let ended = world.run_once().await.exits_with(COMPLETE);
    assert!(!ended.stderr.contains(SAID), "{}", ended.stderr);
    assert_eq!((cloud.end_faults().await, counted().await), (1, json!(0)));

    cloud.fault(json!({ "operation": "GetAccountSummary", "fault": "stale" })).await;
    cloud.create_user("uncounted").await;
    world.run_once().await.exits_with(COMPLETE).says(&[SAID, "\"kind\":\"user\"", "\"listed_minus_counted\":1"]);
    assert_eq!((cloud.struck().await, counted().await), (vec![2], json!(1)), "counted again before it was said");
    assert_eq!(of_type(&world.events_of(3).await, "user.added").len(), 1, "nothing is held back for it");

    let ended = world.run_once().await.exits_with(COMPLETE);
    assert!(!ended.stderr.contains(SAID), "{}", ended.stderr);
    assert_eq!((cloud.end_faults().await, counted().await), (3, json!(1)), "it stands in every record, and is no news");
    world.verify(&[]).await.0.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn users_without_names_hold_their_own_attachments_back_and_not_those_of_groups_and_roles() {
    let world = World::of(Size { attachments: 80, ..small() }).await;
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);
    let account = cloud.account().await;
    let of = |kind: &str| rows(&account, "attachments").iter().find(|row| row["principal_type"] == kind).unwrap();
    let gone = ["user", "group", "role"].map(of);
    for row in gone {
        cloud.detach_row(&account, row).await;
    }
    cloud.fault(json!({ "operation": "ListUsers", "fault": "deny" })).await;
    world.run_once().await.exits_with(PARTIAL);
    assert!(cloud.end_faults().await > 0);
    let removed = |events: Vec<Value>| {
        assert!(events.iter().all(|event| text(event, "event_type") == "policy_attachment.removed"), "{events:?}");
        events.iter().map(|event| text(event, "principal_id").to_owned()).collect::<BTreeSet<_>>()
    };
    let ids = |rows: &[&Value]| rows.iter().map(|row| text(row, "principal_id").to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(removed(world.events_of(2).await), ids(&gone[1..]));
    let record = world.syncs().await.pop().unwrap();
    let attached = collection(&record, "policy_attachment");
    assert_eq!((text(attached, "status"), text(attached, "reason")), ("partial", "parent_unknown"), "{record}");
    let scopes = record["scopes"].as_array().unwrap().iter().map(|scope| text(scope, "scope")).collect::<Vec<_>>();
    let unknown = ["user", "access_key", "login_profile", "mfa_device", "policy_attachment/user"];
    assert_eq!(scopes, unknown, "{record}");

    // What was missed is found when the names are known again, with the window since they were.
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(removed(world.events_of(3).await), ids(&gone[..1]));
    assert_same(&fold(&world.events().await), &content(&cloud.account().await));
    world.verify(&[]).await.0.exits_with(COMPLETE);
}
