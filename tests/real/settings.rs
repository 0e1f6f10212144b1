//! What holds for the whole account: its root user, its default domain, its password policy, its security preferences.

use serde_json::{Value, json};

use crate::support::fold::{assert_same, check_sequences, content, fold};
use crate::support::process::{COMPLETE, PARTIAL};
use crate::support::world::{World, collection, text, told};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_changed_setting_of_the_account_is_one_event_that_names_what_changed() {
    let world = World::small().await;
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);

    cloud.root_mfa(false).await;
    cloud.ims("SetPasswordPolicy", &[("MinimumPasswordLength", "20"), ("HardExpire", "true")]).await;
    let masks = ("LoginNetworkMasks", "203.0.113.0/24;10.0.0.0/8");
    cloud.ims("SetSecurityPreference", &[masks, ("LoginSessionDuration", "8")]).await;
    world.run_once().await.exits_with(COMPLETE);

    let events = world.events_of(2).await;
    let kinds = ["account", "password_policy", "security_preference"];
    assert_eq!(told(&events), kinds.map(|kind| format!("{kind}.updated {}", world.key(kind))));
    let [account, policy, preference] = &events[..] else { panic!("{events:?}") };
    assert_eq!(account["changed_fields"], json!(["root_mfa_enabled"]));
    assert_eq!(
        (&account["before"]["root_mfa_enabled"], &account["after"]["root_mfa_enabled"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(text(account, "model_version"), "2");
    assert_eq!(policy["changed_fields"], json!(["minimum_length", "expired_bars_login"]));
    assert_eq!((&policy["before"]["minimum_length"], &policy["after"]["minimum_length"]), (&json!(12), &json!(20)));
    assert_eq!(preference["changed_fields"], json!(["login_session_duration_hours", "login_network_masks"]));
    assert_eq!(preference["before"]["login_network_masks"], json!(["10.0.0.0/8", "192.168.0.0/16"]), "sorted");
    assert_eq!(preference["after"]["login_network_masks"], json!(["10.0.0.0/8", "203.0.113.0/24"]), "sorted");

    // The same masks in another order are the same.
    cloud.ims("SetSecurityPreference", &[("LoginNetworkMasks", "10.0.0.0/8;203.0.113.0/24")]).await;
    assert_eq!(world.run_once().await.exits_with(COMPLETE).last_line(), "nothing changed");
    let events = world.events().await;
    assert_same(&fold(&events), &content(&cloud.account().await));
    check_sequences(&world.syncs().await, &events);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn another_default_domain_is_another_alias_and_renames_nobody() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    world.cloud.ims("SetDefaultDomain", &[("DefaultDomainName", "moved.onaliyun.com")]).await;
    world.run_once().await.exits_with(COMPLETE);
    let events = world.events_of(2).await;
    let account = &events[0];
    assert_eq!(told(&events[..1]), [format!("account.updated {}", world.key("account"))]);
    assert_eq!(account["changed_fields"], json!(["alias", "default_domain"]));
    assert_eq!(
        (text(&account["after"], "alias"), text(&account["after"], "default_domain")),
        ("moved", "moved.onaliyun.com")
    );
    let of_users = |event: &Value| (text(event, "event_type").to_owned(), event["changed_fields"].clone());
    let rest: Vec<_> = events[1..].iter().map(of_users).collect();
    assert!(rest.iter().all(|told| *told == ("user.updated".to_owned(), json!(["user_principal_name"]))), "{rest:?}");
    assert!(!rest.is_empty(), "users are named by the domain");
}

/// Of each of the account's three parts, and of each setting.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_setting_of_which_one_part_cannot_be_read_is_unknown_and_no_change() {
    let world = World::small().await;
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;
    cloud.root_mfa(false).await;
    cloud.ims("SetPasswordPolicy", &[("MaxPasswordAge", "30")]).await;
    cloud.ims("SetSecurityPreference", &[("EnableSaveMFATicket", "true")]).await;

    for operation in ["GetAccountAlias", "GetAccountMFAInfo", "GetDefaultDomain"] {
        for other in [operation, "GetPasswordPolicy", "GetSecurityPreference"] {
            cloud.fault(json!({ "operation": other, "fault": "deny" })).await;
        }
        world.run_once().await.exits_with(PARTIAL);
        assert!(cloud.struck().await.iter().all(|times| *times > 0), "{operation}");
        cloud.end_faults().await;
        assert_eq!(world.events().await, baseline, "{operation} was denied, so the account is held");
        let syncs = world.syncs().await;
        for kind in ["account", "password_policy", "security_preference"] {
            let said = collection(syncs.last().unwrap(), kind);
            assert_eq!((text(said, "status"), text(said, "reason")), ("unknown", "denied"), "{operation}: {said}");
            assert_eq!(said["entities"], 1, "it is held: {said}");
        }
    }

    world.run_once().await.exits_with(COMPLETE);
    let found = world.events().await.split_off(baseline.len());
    let kinds = ["account", "password_policy", "security_preference"];
    assert_eq!(told(&found), kinds.map(|kind| format!("{kind}.updated {}", world.key(kind))), "nothing is lost");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_setting_that_was_never_read_before_is_observed_and_not_changed() {
    let world = World::small().await;
    let cloud = &world.cloud;
    for operation in ["GetDefaultDomain", "GetPasswordPolicy", "GetSecurityPreference"] {
        cloud.fault(json!({ "operation": operation, "fault": "deny" })).await;
    }
    world.run_once().await.exits_with(PARTIAL);
    cloud.end_faults().await;
    world.run_once().await.exits_with(COMPLETE);
    let kinds = ["account", "password_policy", "security_preference"];
    let events = world.events_of(2).await;
    assert_eq!(told(&events), kinds.map(|kind| format!("{kind}.observed {}", world.key(kind))));
    assert!(events.iter().all(|event| event["op"] == "r"));
}
