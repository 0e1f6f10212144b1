//! How users get in: access keys, login profiles and MFA devices, each read with a call a user.

use serde_json::{Value, json};

use crate::support::cloud::{lookup, small};
use crate::support::fold::{assert_same, content, fold};
use crate::support::process::{COMPLETE, PARTIAL};
use crate::support::world::{World, collection, text, told};

/// A world in which every sync reads every detail, with a user of its own.
async fn world() -> (World, String) {
    let mut world = World::of(small()).await;
    world.set("SYNC__DETAIL_INTERVAL", "1s");
    world.cloud.create_user("keeper").await;
    let user_id = lookup(&world.cloud.account().await, "users", ("user_name", "keeper"), "user_id");
    world.run_once().await.exits_with(COMPLETE);
    (world, user_id)
}

async fn pause() {
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
}

/// What the next sync tells.
async fn next(world: &World) -> Vec<String> {
    pause().await;
    let before = world.events().await.len();
    world.run_once().await.exits_with(COMPLETE);
    told(&world.events().await.split_off(before))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_access_key_comes_is_switched_goes_and_goes_with_its_owner() {
    let (world, user_id) = world().await;
    let cloud = &world.cloud;
    let key_id = cloud.create_key("keeper").await;
    let key = world.key(&format!("access_key/{user_id}/{key_id}"));
    assert_eq!(next(&world).await, [format!("access_key.created {key}")]);
    cloud.switch_key("keeper", &key_id, "Inactive").await;
    assert_eq!(next(&world).await, [format!("access_key.deactivated {key}")]);
    cloud.switch_key("keeper", &key_id, "Active").await;
    assert_eq!(next(&world).await, [format!("access_key.activated {key}")]);
    assert_same(&fold(&world.events().await), &content(&cloud.account().await));
    cloud.delete_key("keeper", &key_id).await;
    assert_eq!(next(&world).await, [format!("access_key.removed {key}")]);

    let other = cloud.create_key("keeper").await;
    assert_eq!(next(&world).await.len(), 1);
    cloud.delete_user("keeper").await;
    let (other, user) = (world.key(&format!("access_key/{user_id}/{other}")), world.key(&format!("user/{user_id}")));
    assert_eq!(next(&world).await, [format!("access_key.removed {other}"), format!("user.removed {user}")]);
    let cascade = world.events().await.into_iter().rfind(|event| event["key"] == other).unwrap();
    assert_eq!((text(&cascade, "cause"), text(&cascade, "user_name")), ("cascade", "keeper"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_login_profile_comes_changes_goes_comes_back_and_goes_with_its_user() {
    let (world, user_id) = world().await;
    let cloud = &world.cloud;
    let key = world.key(&format!("login_profile/{user_id}"));
    cloud.allow_sign_in("keeper").await;
    assert_eq!(next(&world).await, [format!("login_profile.added {key}")]);
    cloud.require_mfa("keeper").await;
    assert_eq!(next(&world).await, [format!("login_profile.updated {key}")]);
    let updated = world.events().await.pop().unwrap();
    assert_eq!(updated["changed_fields"], json!(["mfa_bind_required"]));
    cloud.forbid_sign_in("keeper").await;
    assert_eq!(next(&world).await, [format!("login_profile.removed {key}")]);
    cloud.allow_sign_in("keeper").await;
    assert_eq!(next(&world).await, [format!("login_profile.added {key}")]);
    assert_same(&fold(&world.events().await), &content(&cloud.account().await));
    cloud.delete_user("keeper").await;
    assert_eq!(next(&world).await.first(), Some(&format!("login_profile.removed {key}")));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_device_that_both_operations_show_is_one_and_a_security_key_is_one_too() {
    let (world, user_id) = world().await;
    let cloud = &world.cloud;
    let serial = cloud.bind_device("keeper", "phone").await;
    let encoded = serial.replace(':', "%3A").replace('/', "%2F");
    let key = world.key(&format!("mfa_device/{user_id}/VMFA/{encoded}"));
    assert_eq!(next(&world).await, [format!("mfa_device.added {key}")]);
    // Both steps happen between two syncs: only the date betrays it.
    cloud.unbind_device("keeper").await;
    pause().await;
    cloud.rebind_device("keeper", &serial).await;
    assert_eq!(next(&world).await, [format!("mfa_device.readded {key}")]);
    cloud.unbind_device("keeper").await;
    assert_eq!(next(&world).await, [format!("mfa_device.removed {key}")]);
    cloud.bind_security_key("keeper").await;
    let security_key = world.key(&format!("mfa_device/{user_id}/U2F/"));
    assert_eq!(next(&world).await, [format!("mfa_device.added {security_key}")]);
    assert_same(&fold(&world.events().await), &content(&cloud.account().await));
    cloud.delete_user("keeper").await;
    assert_eq!(next(&world).await.first(), Some(&format!("mfa_device.removed {security_key}")));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn what_is_denied_for_one_user_is_unknown_of_that_user_alone() {
    let (world, user_id) = world().await;
    let cloud = &world.cloud;
    cloud.create_key("keeper").await;
    cloud.allow_sign_in("keeper").await;
    cloud.bind_security_key("keeper").await;
    assert_eq!(next(&world).await.len(), 3);

    let alias = text(&cloud.account().await, "alias").to_owned();
    let whom = json!({ "UserPrincipalName": format!("keeper@{alias}.onaliyun.com") });
    for operation in ["ListAccessKeys", "GetLoginProfile", "GetUserMFAInfo"] {
        cloud.fault(json!({ "operation": operation, "fault": "deny", "parameters": whom })).await;
    }
    cloud.create_user("other").await;
    let others_key = cloud.create_key("other").await;
    pause().await;
    let before = world.events().await;
    world.run_once().await.exits_with(PARTIAL);
    let sync = world.syncs().await.pop().unwrap();
    for kind in ["access_key", "login_profile", "mfa_device"] {
        let status = collection(&sync, kind);
        assert_eq!((text(status, "status"), text(status, "reason")), ("partial", "denied"), "{kind}");
        assert_eq!((&status["stale_scopes"], &status["removed"]), (&json!(1), &json!(0)), "{kind}");
        let scopes: Vec<&Value> = sync["scopes"].as_array().unwrap().iter().collect();
        assert!(scopes.iter().any(|scope| text(scope, "scope") == format!("{kind}/{user_id}")), "{sync}");
    }
    let told = told(&world.events().await.split_off(before.len()));
    assert!(
        told.iter().any(|event| event.starts_with("access_key.created") && event.ends_with(&others_key)),
        "{told:?}"
    );
    assert!(!told.iter().any(|event| event.contains(&user_id)), "{told:?}");
    cloud.end_faults().await;
    assert_eq!(next(&world).await, Vec::<String>::new());
    assert_same(&fold(&world.events().await), &content(&cloud.account().await));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_kind_that_is_switched_off_is_not_read_and_is_compared_when_it_is_on_again() {
    let (mut world, user_id) = world().await;
    let key_id = world.cloud.create_key("keeper").await;
    assert_eq!(next(&world).await.len(), 1);

    world.set("COLLECT__ACCESS_KEY", "false");
    world.cloud.fault(json!({ "operation": "ListAccessKeys", "fault": "http_5xx" })).await;
    world.cloud.delete_key("keeper", &key_id).await;
    assert_eq!(next(&world).await, Vec::<String>::new());
    assert_eq!(world.cloud.end_faults().await, 0, "no operation of a kind that is off is called");
    let sync = world.syncs().await.pop().unwrap();
    let status = collection(&sync, "access_key");
    assert_eq!((text(status, "status"), &status["entities"]), ("off", &json!(1)));

    world.set("COLLECT__ACCESS_KEY", "true");
    let key = world.key(&format!("access_key/{user_id}/{key_id}"));
    assert_eq!(next(&world).await, [format!("access_key.removed {key}")]);
    let notices = world.notices().await;
    let restored: Vec<&Value> =
        notices.iter().filter(|notice| text(notice, "notice_type") == "coverage.restored").collect();
    assert_eq!(restored.len(), 1, "{notices:?}");
    assert_eq!(text(restored[0], "message"), "access_key");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_user_whose_date_moved_is_asked_at_once_and_nobody_else_before_the_interval() {
    let world = World::of(small()).await;
    let cloud = &world.cloud;
    cloud.create_user("keeper").await;
    cloud.create_user("other").await;
    // What is read within half a minute of a change is read again by the next sync.
    cloud.advance_clock(60).await;
    world.run_once().await.exits_with(COMPLETE);
    let (seen, unseen) = (cloud.create_key("keeper").await, cloud.create_key("other").await);
    cloud.advance_clock(70).await;
    cloud.rename_user("keeper", "kept").await;
    let told = next(&world).await;
    assert!(told.iter().any(|event| event.ends_with(&seen)), "{told:?}");
    assert!(!told.iter().any(|event| event.ends_with(&unseen)), "{told:?}");
}
