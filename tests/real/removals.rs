//! A mass removal: told at once, proven one by one within the rate share, held where it cannot be proven.

use std::collections::{BTreeMap, BTreeSet};

use ramstream::simulator::seed::Size;
use serde_json::{Value, json};

use crate::support::cloud::{Cloud, lookup, rows, small};
use crate::support::fold::{assert_same, content, fold};
use crate::support::process::{COMPLETE, PARTIAL};
use crate::support::world::{World, collection, of_type, text, told};

/// A row that matches the account's own scope, or one of a resource group.
fn is_whole_account(row: &Value) -> bool {
    row["resource_group_id"].is_null()
}

fn attachment_key(world: &World, row: &Value) -> String {
    let scope = row["resource_group_id"].as_str().unwrap_or("account");
    let policy_type = text(row, "policy_type").to_ascii_lowercase();
    let policy = text(row, "policy_name").to_ascii_lowercase();
    let (kind, id) = (text(row, "principal_type"), text(row, "principal_id"));
    world.key(&format!("policy_attachment/{policy_type}/{policy}/{kind}/{id}/{scope}"))
}

/// The scopes that the last sync record names, with what it says of each.
fn named(sync: &Value) -> BTreeMap<&str, (&str, &str)> {
    let scopes = sync["scopes"].as_array().unwrap().iter();
    scopes.map(|scope| (text(scope, "scope"), (text(scope, "reason"), text(scope, "detail")))).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn members_that_every_listing_lacks_stay_if_their_users_are_still_in_the_group() {
    let world = World::small().await;
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;
    let account = cloud.account().await;
    let [left, stays, ..] = rows(&account, "memberships") else { panic!("no two memberships") };
    let user = lookup(&account, "users", ("user_id", text(left, "user_id")), "user_name");
    let group = lookup(&account, "groups", ("group_id", text(left, "group_id")), "group_name");

    // One really left; of all others only the listing by group says so.
    cloud.leave(&user, &group).await;
    cloud.fault(json!({ "operation": "ListUsersForGroup", "fault": "empty" })).await;
    world.run_once().await.exits_with(PARTIAL);
    let removed: Vec<Value> = world.events().await.split_off(baseline.len());
    let key = |row: &Value| format!("membership/{}/{}", text(row, "group_id"), text(row, "user_id"));
    assert_eq!(told(&removed), [format!("membership.removed {}", world.key(&key(left)))]);
    let notices = world.notices().await;
    assert_eq!(text(&notices[1], "notice_type"), "removals.suspected");
    let (stays, others) = (key(stays), rows(&account, "memberships").len() - 1);
    let sync = &notices[2];
    assert_eq!(collection(sync, "membership")["stale_scopes"], others);
    let (reason, detail) = named(sync)[stays.as_str()];
    assert_eq!(reason, "removals_unproven");
    assert!(detail.contains("ListGroupsForUser still lists it"), "{detail}");

    // Where the second operation fails, nothing is proven either, and the suspicion is told again with its beginning.
    cloud.fault(json!({ "operation": "ListGroupsForUser", "fault": "deny" })).await;
    world.run_once().await.exits_with(PARTIAL);
    assert_eq!(cloud.struck().await.iter().filter(|struck| **struck > 0).count(), 2);
    cloud.end_faults().await;
    let notices = world.notices().await;
    let suspected = &notices[3];
    assert_eq!(text(suspected, "notice_type"), "removals.suspected");
    assert!(text(suspected, "message").contains("unproven since"), "{suspected}");
    assert!(suspected["scopes"].as_array().unwrap().iter().all(|scope| scope["since"].is_i64()), "{suspected}");
    let (_, detail) = named(&notices[4])[stays.as_str()];
    assert!(detail.contains("grant ram:ListGroupsForUser"), "{detail}");

    assert_eq!(world.run_once().await.exits_with(COMPLETE).last_line(), "nothing changed");
    assert_same(&fold(&world.events().await), &content(&cloud.account().await));
    world.verify(&[]).await.0.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn attachments_that_the_listing_lacks_stay_if_another_operation_shows_them() {
    let world = World::of(Size { attachments: 40, ..small() }).await;
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;
    let account = cloud.account().await;
    let attached = rows(&account, "attachments");
    let gone = [true, false].map(|whole| attached.iter().find(|row| is_whole_account(row) == whole).unwrap());

    for row in gone {
        cloud.detach_row(&account, row).await;
    }
    // The listing of everything is empty, and the one that is asked for one policy is not.
    for kind in ["IMSUser", "IMSGroup", "ServiceRole"] {
        let only = json!({ "PrincipalType": kind });
        let nothing =
            json!({ "operation": "ListPolicyAttachments", "parameters": only, "fault": "slow", "delay_ms": 0 });
        cloud.fault(nothing).await;
    }
    cloud.fault(json!({ "operation": "ListPolicyAttachments", "fault": "empty" })).await;
    world.run_once().await.exits_with(PARTIAL);
    assert_eq!(cloud.struck().await[3], 2, "all were listed twice");
    cloud.end_faults().await;

    let removed: Vec<Value> = world.events().await.split_off(baseline.len());
    let keys: BTreeSet<&str> = removed.iter().map(|event| text(event, "key")).collect();
    let wanted = gone.map(|row| attachment_key(&world, row));
    assert_eq!(keys, wanted.iter().map(String::as_str).collect());
    assert_eq!(of_type(&removed, "policy_attachment.removed").len(), 2);
    let notices = world.notices().await;
    let told: Vec<_> = notices.iter().map(|notice| text(notice, "notice_type")).collect();
    assert_eq!(told, ["sync.completed", "removals.suspected", "sync.completed"]);
    let held = collection(&notices[2], "policy_attachment");
    assert_eq!((&held["stale_scopes"], text(held, "reason")), (&json!(attached.len() - 2), "removals_unproven"));

    assert_eq!(world.run_once().await.exits_with(COMPLETE).last_line(), "nothing changed");
    assert_same(&fold(&world.events().await), &content(&cloud.account().await));
    world.verify(&[]).await.0.exits_with(COMPLETE);
}

/// Deletes users with everything that hangs on them, as a person must: edges first.
async fn delete_users(cloud: &Cloud, account: &Value, users: &[Value]) {
    let ids: BTreeSet<&str> = users.iter().map(|user| text(user, "user_id")).collect();
    let group_name = |row: &Value| lookup(account, "groups", ("group_id", text(row, "group_id")), "group_name");
    let user_name = |id: &str| lookup(account, "users", ("user_id", id), "user_name");
    for row in rows(account, "memberships").iter().filter(|row| ids.contains(text(row, "user_id"))) {
        cloud.leave(&user_name(text(row, "user_id")), &group_name(row)).await;
    }
    for row in rows(account, "attachments").iter().filter(|row| ids.contains(text(row, "principal_id"))) {
        cloud.detach_row(account, row).await;
    }
    for user in users {
        cloud.delete_user(text(user, "user_name")).await;
    }
}

/// When an operation was called, in Unix milliseconds.
fn dates(requests: &[Value], operation: &str) -> Vec<i64> {
    let asked = requests.iter().filter(|request| request["operation"] == operation);
    let mut dates: Vec<i64> = asked.map(|request| request["received_ms"].as_i64().unwrap()).collect();
    dates.sort_unstable();
    dates
}

/// In no stretch of time are there more calls than the limiter gives: what comes at `per_second`, and the second's worth
/// that it holds. Calls that this machine held up arrive closer together than they were due: two seconds of that are
/// allowed for.
#[track_caller]
fn assert_paced(operation: &str, dates: &[i64], per_second: f64) {
    for (first, from) in dates.iter().enumerate() {
        for (last, to) in dates.iter().enumerate().skip(first) {
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let (calls, seconds) = ((last - first + 1) as f64, (to - from) as f64 / 1_000.0);
            let most = per_second * (seconds + 1.0 + 2.0);
            assert!(
                calls <= most,
                "{calls} calls of {operation} in {seconds} s, at most {per_second} a second are due"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_thousand_users_who_go_at_once_are_told_first_and_confirmed_at_the_configured_pace() {
    const GONE: usize = 1_000;
    const STAY: usize = 40;
    // The services grant 100 calls a second of each operation that confirms.
    const PER_SECOND: f64 = 50.0;
    let size = Size { users: GONE + STAY, memberships: 400, attachments: 300, ..small() };
    let mut world = World::of(size).await;
    world.set("ALICLOUD__RATE_SHARE", "0.5");
    world.run_once().await.exits_with(COMPLETE);
    let account = world.cloud.account().await;
    // Of those who stay some are in groups, and of those who go, too.
    let mut rest = rows(&account, "users").to_vec();
    let mut gone: Vec<Value> = rest.drain(STAY / 2..STAY / 2 + GONE).collect();
    delete_users(&world.cloud, &account, &gone).await;
    // The others stay, but leave their groups: these edges go with nobody.
    let rest: BTreeSet<&str> = rest.iter().map(|user| text(user, "user_id")).collect();
    let mut left = 0;
    for row in rows(&account, "memberships").iter().filter(|row| rest.contains(text(row, "user_id"))) {
        let name = |table, field: &str, wanted| lookup(&account, table, (field, text(row, field)), wanted);
        world.cloud.leave(&name("users", "user_id", "user_name"), &name("groups", "group_id", "group_name")).await;
        left += 1;
    }
    assert!(left > 0, "somebody stays who was in a group");
    let before = world.requests().len();
    world.run_once().await.exits_with(COMPLETE);

    let removed = world.events_of(2).await;
    gone.sort_by_key(|user| text(user, "user_id").to_owned());
    let wanted: BTreeSet<String> =
        gone.iter().map(|user| world.key(&format!("user/{}", text(user, "user_id")))).collect();
    let keys = of_type(&removed, "user.removed").into_iter().map(|event| text(event, "key").to_owned()).collect();
    assert_eq!(wanted, keys);
    assert_same(&fold(&world.events().await), &content(&world.cloud.account().await));

    let requests = world.requests().split_off(before);
    let asked_for = dates(&requests, "GetUser");
    assert_eq!(asked_for.len(), GONE, "each is asked for once");
    let second = dates(&requests, "ListGroupsForUser");
    assert!(
        !second.is_empty() && second.len() <= rest.len(),
        "those who stay are asked for their groups, and nobody else"
    );
    for operation in
        ["GetUser", "ListGroupsForUser", "ListPoliciesForUser", "ListPoliciesForGroup", "ListPoliciesForRole"]
    {
        assert_paced(operation, &dates(&requests, operation), PER_SECOND);
    }
    assert_paced("ListPolicyAttachments", &dates(&requests, "ListPolicyAttachments"), PER_SECOND / 2.0);

    let notices = world.notices().await;
    let types: Vec<&str> = notices.iter().map(|notice| text(notice, "notice_type")).collect();
    assert_eq!((types[0], types[types.len() - 1]), ("sync.completed", "sync.completed"));
    assert!(types[1..types.len() - 1].iter().all(|told| *told == "removals.suspected"), "{types:?}");
    let users = notices.iter().find(|notice| notice["message"].as_str().is_some_and(|said| said.contains("kind user")));
    let users = users.expect("the users are told of before they are published");
    assert_eq!(text(users, "message"), format!("{GONE} of {} entities of kind user seem to be gone", GONE + STAY));
    assert!(users["finished_at"].as_i64().unwrap() <= asked_for[0], "told of before the first was asked for");
    world.verify(&[]).await.0.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn removals_that_cannot_be_proven_in_time_are_held_and_published_by_later_syncs() {
    const GONE: usize = 150;
    let mut world = World::of(Size { users: GONE + 10, memberships: 0, ..small() }).await;
    world.set("ALICLOUD__RATE_SHARE", "0.1");
    world.set("SYNC__TIME_BUDGET", "5s");
    // Nor could it ask each of them for these.
    for kind in ["ACCESS_KEY", "LOGIN_PROFILE", "MFA_DEVICE"] {
        world.set(&format!("COLLECT__{kind}"), "false");
    }
    world.run_once().await.exits_with(COMPLETE);
    let account = world.cloud.account().await;
    delete_users(&world.cloud, &account, &rows(&account, "users")[..GONE]).await;

    let mut published = 0;
    for sync in 2.. {
        let ended = world.run_once().await;
        let removed = of_type(&world.events_of(sync).await, "user.removed").len();
        published += removed;
        if published == GONE {
            ended.exits_with(COMPLETE);
            assert!(sync > 2, "one sync cannot ask for {GONE} at 10 a second in 5 seconds");
            break;
        }
        ended.exits_with(PARTIAL);
        assert!(removed > 0, "each sync gets on");
        let record = world.syncs().await.pop().unwrap();
        let users = collection(&record, "user");
        assert_eq!((&users["stale_scopes"], text(users, "reason")), (&json!(GONE - published), "removals_unproven"));
    }
    assert_same(&fold(&world.events().await), &content(&world.cloud.account().await));
    world.verify(&[]).await.0.exits_with(COMPLETE);
}
