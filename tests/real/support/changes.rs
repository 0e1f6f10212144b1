//! The account's own life: changes at random, as administrators make them.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::Value;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::cloud::{Cloud, lookup, names, rows};
use super::world::text;

/// Between two changes of the account.
const PAUSE: Duration = Duration::from_millis(120);

/// So many there are at least, so that there is always something to be changed: chance alone ends at none.
const LEAST_USERS: usize = 8;
const LEAST_GROUPS: usize = 3;

/// More than so many are too many: one goes, of users [`MANY`] at once.
const MOST_USERS: usize = 20;
const MOST_OTHERS: usize = 10;

/// So many users at once are a mass removal of an account as small as this.
const MANY: usize = 8;

/// Changes the account at random until it is to be calm; returns how often.
pub(crate) async fn change_until(calm: &CancellationToken, cloud: &Cloud, seed: u64) -> u64 {
    let mut random = StdRng::seed_from_u64(!seed);
    let mut count = 0;
    while !calm.is_cancelled() {
        count += 1;
        change(cloud, &mut random, count).await;
        sleep(PAUSE).await;
    }
    count
}

/// One change that the service accepts.
async fn change(cloud: &Cloud, random: &mut StdRng, number: u64) {
    let account = cloud.account().await;
    let users = names(&account, "users", "user_name");
    let groups = names(&account, "groups", "group_name");
    let (roles, policies) = (names(&account, "roles", "role_name"), custom_policies(&account));
    if users.len() < LEAST_USERS {
        return cloud.create_user(&format!("user-{number}")).await;
    }
    if groups.len() < LEAST_GROUPS {
        return cloud.create_group(&format!("group-{number}")).await;
    }
    if users.len() > MOST_USERS {
        return delete_users(cloud, &account, &users[..MANY]).await;
    }
    let (user, group) = (users.choose(random).unwrap(), groups.choose(random).unwrap());
    match random.random_range(0..19) {
        0 | 1 => cloud.create_user(&format!("user-{number}")).await,
        2 => cloud.rename_user(user, &format!("renamed-{number}")).await,
        3 => cloud.freeze(user).await,
        4 => cloud.unfreeze(user).await,
        5 if groups.len() > MOST_OTHERS => delete_group(cloud, &account, group).await,
        5 => cloud.create_group(&format!("group-{number}")).await,
        6 => delete_user(cloud, &account, user).await,
        7 => delete_group(cloud, &account, group).await,
        8 if !is_member(&account, user, group) => cloud.join(user, group).await,
        8 => leave_some_group(cloud, &account, random).await,
        9 if policies.len() > MOST_OTHERS => delete_policy(cloud, &account, policies.choose(random).unwrap()).await,
        9 => {
            let policy = format!("policy-{number}");
            cloud.create_policy(&policy).await;
            cloud.attach("Custom", &policy, user).await;
        }
        10 => match rows(&account, "attachments").choose(random) {
            Some(row) => cloud.detach_row(&account, row).await,
            None => cloud.create_role(&format!("role-{number}")).await,
        },
        11 => cloud.root_mfa(number.is_multiple_of(2)).await,
        12 => {
            let length = (8 + number % 20).to_string();
            cloud.ims("SetPasswordPolicy", &[("MinimumPasswordLength", &length)]).await;
        }
        13 => provider_comes_or_goes(cloud, &account, number).await,
        15 if !has(&account, "login_profiles", user) => cloud.allow_sign_in(user).await,
        15 => cloud.forbid_sign_in(user).await,
        16 if !has(&account, "mfa_devices", user) => drop(cloud.bind_device(user, &format!("device-{number}")).await),
        16 => cloud.unbind_device(user).await,
        17 | 18 if !has(&account, "access_keys", user) => drop(cloud.create_key(user).await),
        17 => {
            let user_id = lookup(&account, "users", ("user_name", user), "user_id");
            let key = lookup(&account, "access_keys", ("user_id", &user_id), "access_key_id");
            cloud.delete_key(user, &key).await;
        }
        _ if roles.len() > MOST_OTHERS => delete_role(cloud, &account, roles.choose(random).unwrap()).await,
        _ => cloud.create_role(&format!("role-{number}")).await,
    }
}

/// The provider of this name comes, or goes if it is there.
async fn provider_comes_or_goes(cloud: &Cloud, account: &Value, number: u64) {
    const NAME: &str = "OIDCProviderName";
    if names(account, "identity_providers", "provider_name").iter().any(|name| name == "roaming") {
        cloud.ims("DeleteOIDCProvider", &[(NAME, "roaming")]).await;
    } else {
        let issuer = format!("https://issuer-{number}.example.com");
        cloud.ims("CreateOIDCProvider", &[(NAME, "roaming"), ("IssuerUrl", &issuer)]).await;
    }
}

/// A mass removal: users of the account, of those that have been there longest.
pub(crate) async fn remove_many(cloud: &Cloud) {
    let account = cloud.account().await;
    let users = names(&account, "users", "user_name");
    delete_users(cloud, &account, &users[..MANY.min(users.len())]).await;
}

/// Custom policies of one version: the service deletes no others.
fn custom_policies(account: &Value) -> Vec<String> {
    let is_deletable = |row: &&Value| row["policy_type"] == "Custom" && rows(row, "versions").len() == 1;
    let custom = rows(account, "policies").iter().filter(is_deletable);
    custom.map(|row| text(row, "policy_name").to_owned()).collect()
}

fn has(account: &Value, table: &str, user: &str) -> bool {
    let user_id = lookup(account, "users", ("user_name", user), "user_id");
    rows(account, table).iter().any(|row| row["user_id"] == user_id.as_str())
}

fn is_member(account: &Value, user: &str, group: &str) -> bool {
    let user = lookup(account, "users", ("user_name", user), "user_id");
    let group = lookup(account, "groups", ("group_name", group), "group_id");
    rows(account, "memberships").iter().any(|row| row["user_id"] == user.as_str() && row["group_id"] == group.as_str())
}

async fn leave_some_group(cloud: &Cloud, account: &Value, random: &mut StdRng) {
    if let Some(row) = rows(account, "memberships").choose(random) {
        leave(cloud, account, row).await;
    }
}

async fn leave(cloud: &Cloud, account: &Value, membership: &Value) {
    let user = lookup(account, "users", ("user_id", text(membership, "user_id")), "user_name");
    let group = lookup(account, "groups", ("group_id", text(membership, "group_id")), "group_name");
    cloud.leave(&user, &group).await;
}

async fn delete_user(cloud: &Cloud, account: &Value, user: &str) {
    strip(cloud, account, "user_id", &lookup(account, "users", ("user_name", user), "user_id")).await;
    cloud.delete_user(user).await;
}

async fn delete_users(cloud: &Cloud, account: &Value, users: &[String]) {
    for user in users {
        delete_user(cloud, account, user).await;
    }
}

async fn delete_role(cloud: &Cloud, account: &Value, role: &str) {
    strip(cloud, account, "role_id", &lookup(account, "roles", ("role_name", role), "role_id")).await;
    cloud.delete_role(role).await;
}

async fn delete_policy(cloud: &Cloud, account: &Value, policy: &str) {
    let is_of_it = |row: &&Value| row["policy_type"] == "Custom" && row["policy_name"] == policy;
    for row in rows(account, "attachments").iter().filter(is_of_it) {
        cloud.detach_row(account, row).await;
    }
    cloud.delete_policy(policy).await;
}

async fn delete_group(cloud: &Cloud, account: &Value, group: &str) {
    strip(cloud, account, "group_id", &lookup(account, "groups", ("group_name", group), "group_id")).await;
    cloud.delete_group(group).await;
}

/// Takes away whatever hangs on a user, group or role: the service deletes only what is bare.
async fn strip(cloud: &Cloud, account: &Value, field: &str, id: &str) {
    for row in rows(account, "memberships").iter().filter(|row| row[field] == id) {
        leave(cloud, account, row).await;
    }
    for row in rows(account, "attachments").iter().filter(|row| row["principal_id"] == id) {
        cloud.detach_row(account, row).await;
    }
}
