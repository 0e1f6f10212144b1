//! Every word of every row of the README's table of kinds: each comes of a deed of its own, out of the topic of its row,
//! and nothing else comes.
//!
//! What a deed is done to has the name of the word that must come of it: `user-frozen`, or, where it has no name, the
//! user whom it belongs to: `access-key-removed`.

use std::collections::BTreeMap;

use ramstream::simulator::seed::Size;
use serde_json::{Value, json};

use crate::support::cloud::{Cloud, lookup, rows, small};
use crate::support::fold::{check_sequences, fold};
use crate::support::process::COMPLETE;
use crate::support::world::{World, text};

const README: &str = include_str!("../../README.md");

const HERE: &str = "eu-central-1";

/// What there is one of, without a name.
const NAMELESS: &[&str] = &["account", "password_policy", "security_preference"];

/// What stands in a user's place, or hangs on one.
const OF_USERS: &[&str] = &["user", "access_key", "login_profile", "mfa_device", "membership", "policy_attachment"];

/// The README's table: of each kind the topic and the words.
fn table() -> BTreeMap<&'static str, (&'static str, Vec<&'static str>)> {
    let rows = README.lines().map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let rows = rows.filter(|cells| cells.len() == 6 && cells[1].starts_with("`."));
    let quoted = |cell: &'static str| cell.split('`').skip(1).step_by(2);
    rows.map(|cells| (cells[0], (cells[1].trim_matches(['`', '.']), quoted(cells[2]).collect()))).collect()
}

/// Every event type of the table, sorted.
fn promised() -> Vec<String> {
    let of_kind = |(kind, (_, verbs)): (&str, (&str, Vec<&str>))| {
        verbs.into_iter().map(|verb| format!("{kind}.{verb}")).collect::<Vec<_>>()
    };
    let mut promised: Vec<String> = table().into_iter().flat_map(of_kind).collect();
    promised.sort();
    promised
}

fn name_for(event_type: &str) -> String {
    event_type.replace(['.', '_'], "-")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn every_word_of_every_kind_comes_of_its_own_deed_out_of_the_topic_of_its_row() {
    let mut world = World::of(Size { instances: 2, ..small() }).await;
    world.set("COLLECT__INSTANCE", "true");
    // It syncs when it is asked to, so that no sync falls among the deeds.
    world.set("SYNC__INTERVAL", "disabled");
    world.set("SYNC__DETAIL_INTERVAL", "1s");
    let cloud = &world.cloud;
    prepare(cloud).await;
    let mut daemon = world.start_daemon();
    let admin = daemon.admin().await;
    daemon.is_ready().await;
    let sync = async || world.ramstream(&["sync", "--url", &admin]).await.exits_with(COMPLETE);
    sync().await;

    // What is dated now is dated later than the baseline, by more than ECS's minute.
    cloud.advance_clock(120).await;
    settings(cloud).await;
    users(cloud).await;
    groups_and_roles(cloud).await;
    policies_and_providers(cloud).await;
    instances(cloud).await;
    sign_in(cloud).await;
    edges(cloud).await;
    sync().await;
    let (status, log) = daemon.terminate().await;
    assert_eq!(status.code(), Some(COMPLETE), "{log}");

    let events = world.events().await;
    let (baseline, changes): (Vec<Value>, Vec<Value>) =
        events.iter().cloned().partition(|event| event["sequence"] == 1);
    let mut observed: Vec<&str> = baseline.iter().map(|event| text(event, "event_type")).collect();
    observed.sort_unstable();
    observed.dedup();
    assert_eq!(observed, table().keys().map(|kind| format!("{kind}.observed")).collect::<Vec<_>>());
    let mut told: Vec<&str> = changes.iter().map(|event| text(event, "event_type")).collect();
    told.sort_unstable();
    assert_eq!(told, promised(), "each word once");
    for event in &events {
        let (kind, _) = text(event, "event_type").split_once('.').unwrap();
        assert_eq!(text(event, "topic"), world.topic(table()[kind].0), "{event}");
        let whom = name_for(text(event, "event_type"));
        let is_of_whom = NAMELESS.contains(&kind) || event.to_string().contains(&format!("\"{whom}\""));
        assert!(event["sequence"] == 1 || is_of_whom, "it is not of {whom}: {event}");
    }
    fold(&events);
    check_sequences(&world.syncs().await, &events);
    world.verify(&[]).await.0.exits_with(COMPLETE);
}

/// Everything that is there before its word comes; what the word says is new is not.
async fn prepare(cloud: &Cloud) {
    cloud.create_group("members").await;
    cloud.create_role("carried").await;
    cloud.create_policy("attached").await;
    for event_type in promised() {
        let (kind, verb) = event_type.split_once('.').unwrap();
        let (name, is_new) = (name_for(&event_type), ["added", "created"].contains(&verb));
        if OF_USERS.contains(&kind) && !(kind == "user" && is_new) {
            cloud.create_user(&name).await;
        }
        match kind {
            _ if is_new => {}
            "group" => cloud.create_group(&name).await,
            "role" => cloud.create_role(&name).await,
            "policy" => cloud.create_policy(&name).await,
            "identity_provider" => create_provider(cloud, &name).await,
            "instance" => {
                let role = (verb == "role_detached").then_some("carried");
                cloud.run_instance(HERE, &name, role).await;
            }
            "access_key" => drop(cloud.create_key(&name).await),
            "login_profile" => cloud.allow_sign_in(&name).await,
            "mfa_device" => drop(cloud.bind_device(&name, &name).await),
            "membership" => cloud.join(&name, "members").await,
            "policy_attachment" => cloud.attach("Custom", "attached", &name).await,
            _ => {}
        }
    }
    cloud.freeze("user-unfrozen").await;
    for user in ["access-key-activated", "access-key-updated"] {
        cloud.switch_key(user, &key_of(cloud, user).await, "Inactive").await;
    }
    cloud.switch_sign_in("login-profile-activated", "Inactive").await;
}

async fn settings(cloud: &Cloud) {
    cloud.root_mfa(false).await;
    cloud.ims("SetPasswordPolicy", &[("MinimumPasswordLength", "20")]).await;
    cloud.ims("SetSecurityPreference", &[("LoginSessionDuration", "8")]).await;
}

async fn users(cloud: &Cloud) {
    cloud.create_user("user-added").await;
    cloud.delete_user("user-removed").await;
    cloud.rename_user("user-renamed", "another-user").await;
    cloud.freeze("user-frozen").await;
    cloud.unfreeze("user-unfrozen").await;
    cloud.ram("UpdateUser", &[("UserName", "user-updated"), ("NewDisplayName", "She herself")]).await;
    date_anew(cloud, "users", ("user_name", "user-readded"), "user_id").await;
}

async fn groups_and_roles(cloud: &Cloud) {
    cloud.create_group("group-added").await;
    cloud.delete_group("group-removed").await;
    cloud.ram("UpdateGroup", &[("GroupName", "group-renamed"), ("NewGroupName", "another-group")]).await;
    cloud.ram("UpdateGroup", &[("GroupName", "group-updated"), ("NewComments", "They themselves")]).await;
    date_anew(cloud, "groups", ("group_name", "group-readded"), "group_id").await;

    cloud.create_role("role-added").await;
    cloud.delete_role("role-removed").await;
    let statement =
        json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": ["fc.aliyuncs.com"] } });
    cloud.retrust_role("role-updated", &json!({ "Version": "1", "Statement": [statement] }).to_string()).await;
    // No public operation renames a role.
    let renamed = lookup(&cloud.account().await, "roles", ("role_name", "role-renamed"), "role_id");
    cloud.edit("roles", &renamed, json!({ "role_name": "another-role", "update_date": cloud.now() })).await;
    date_anew(cloud, "roles", ("role_name", "role-readded"), "role_id").await;
}

async fn policies_and_providers(cloud: &Cloud) {
    cloud.create_policy("policy-created").await;
    cloud.delete_policy("policy-removed").await;
    cloud.delete_policy("policy-readded").await;
    cloud.create_policy("policy-readded").await;
    cloud.revise_policy("policy-updated").await;

    let delete = async |name: &str| cloud.ims("DeleteOIDCProvider", &[("OIDCProviderName", name)]).await;
    create_provider(cloud, "identity-provider-added").await;
    delete("identity-provider-removed").await;
    delete("identity-provider-readded").await;
    create_provider(cloud, "identity-provider-readded").await;
    let client = [("OIDCProviderName", "identity-provider-updated"), ("ClientId", "another")];
    cloud.ims("AddClientIdToOIDCProvider", &client).await;
}

async fn instances(cloud: &Cloud) {
    let account = cloud.account().await;
    let id = |name: &str| lookup(&account, "instances", ("instance_name", name), "instance_id");
    let act = async |action: &str, name: &str, more: &[(&str, &str)]| {
        cloud.instance(action, (HERE, id(name).as_str()), more).await;
    };
    cloud.run_instance(HERE, "instance-added", None).await;
    act("StopInstance", "instance-removed", &[]).await;
    act("DeleteInstance", "instance-removed", &[]).await;
    cloud.recreate_instance(&id("instance-readded")).await;
    act("ModifyInstanceAttribute", "instance-renamed", &[("InstanceName", "another-instance")]).await;
    act("AttachInstanceRamRole", "instance-role-attached", &[("RamRoleName", "carried")]).await;
    act("DetachInstanceRamRole", "instance-role-detached", &[]).await;
    act("StopInstance", "instance-updated", &[]).await;
}

async fn sign_in(cloud: &Cloud) {
    let switch = async |user: &str, status: &str| cloud.switch_key(user, &key_of(cloud, user).await, status).await;
    cloud.create_key("access-key-created").await;
    switch("access-key-activated", "Active").await;
    switch("access-key-deactivated", "Inactive").await;
    cloud.delete_key("access-key-removed", &key_of(cloud, "access-key-removed").await).await;
    // From one status that is not active to another.
    let updated = key_of(cloud, "access-key-updated").await;
    cloud.edit("access_keys", &updated, json!({ "status": "Suspended", "update_date": cloud.now() })).await;
    let readded = key_of(cloud, "access-key-readded").await;
    date_anew(cloud, "access_keys", ("access_key_id", &readded), "access_key_id").await;

    cloud.allow_sign_in("login-profile-added").await;
    cloud.switch_sign_in("login-profile-activated", "Active").await;
    cloud.switch_sign_in("login-profile-deactivated", "Inactive").await;
    cloud.require_mfa("login-profile-updated").await;
    cloud.forbid_sign_in("login-profile-removed").await;

    cloud.bind_device("mfa-device-added", "mfa-device-added").await;
    cloud.unbind_device("mfa-device-removed").await;
    cloud.unbind_device("mfa-device-readded").await;
    let serial = format!("acs:ram::{}:mfa/mfa-device-readded", cloud.account_id());
    cloud.rebind_device("mfa-device-readded", &serial).await;
}

async fn edges(cloud: &Cloud) {
    cloud.join("membership-added", "members").await;
    cloud.leave("membership-removed", "members").await;
    cloud.leave("membership-readded", "members").await;
    cloud.join("membership-readded", "members").await;

    cloud.attach("Custom", "attached", "policy-attachment-added").await;
    cloud.detach("Custom", "attached", "policy-attachment-removed").await;
    cloud.detach("Custom", "attached", "policy-attachment-readded").await;
    cloud.attach("Custom", "attached", "policy-attachment-readded").await;
}

async fn create_provider(cloud: &Cloud, name: &str) {
    let issuer = format!("https://{name}.example.com");
    let parameters = [("OIDCProviderName", name), ("IssuerUrl", &issuer), ("ClientIds", "web"), ("Fingerprints", "0a")];
    cloud.ims("CreateOIDCProvider", &parameters).await;
}

/// Removed and made again under its id: no public operation gives an id twice, so the service only says so.
async fn date_anew(cloud: &Cloud, table: &str, named: (&str, &str), id: &str) {
    let id = lookup(&cloud.account().await, table, named, id);
    cloud.edit(table, &id, json!({ "create_date": cloud.now(), "update_date": cloud.now() })).await;
}

/// The id of a user's only key.
async fn key_of(cloud: &Cloud, user: &str) -> String {
    let account = cloud.account().await;
    let user_id = lookup(&account, "users", ("user_name", user), "user_id");
    let mut keys = rows(&account, "access_keys").iter().filter(|row| row["user_id"] == user_id.as_str());
    text(keys.next().unwrap(), "access_key_id").to_owned()
}
