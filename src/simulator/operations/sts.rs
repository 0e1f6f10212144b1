//! Who calls, and temporary keys for roles.
//!
//! Does not evaluate trust policies: whoever is not the root account may assume any role.

use jiff::SignedDuration;
use serde::Serialize;

use super::super::account::Account;
use super::super::authentication::{Identity, Key};
use super::super::entities::Role;
use super::super::error;
use super::super::keys::id_key;
use super::super::reply::Reply;
use super::{Answer, Call, Operation, Service, read, roles};
use crate::ambient;
use crate::secret::Secret;

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Sts, "GetCallerIdentity", get_caller_identity),
    read(Service::Sts, "AssumeRole", assume_role).quota(100),
];

fn get_caller_identity(call: &Call<'_>, account: &Account) -> Answer {
    let account_id = account.account_id.as_str();
    let reply = |identity_type: &str, principal_id: &str, arn: String| {
        Reply::done()
            .with("IdentityType", &identity_type)
            .with("AccountId", &account_id)
            .with("PrincipalId", &principal_id)
            .with("Arn", &arn)
    };
    Ok(match &call.caller.identity {
        Identity::Root => {
            reply("Account", account_id, format!("acs:ram::{account_id}:root")).with("UserId", &account_id)
        }
        Identity::User(user_id) => {
            let user = account.users.get(&id_key(user_id)).ok_or(error::KEY_NOT_FOUND)?;
            let arn = format!("acs:ram::{account_id}:user/{}", user.user_name);
            reply("RAMUser", user_id, arn).with("UserId", user_id)
        }
        Identity::Session { role_id, session_name } => {
            let role = account.roles.get(&id_key(role_id)).ok_or(error::KEY_NOT_FOUND)?;
            let arn = session_arn(account_id, role, session_name);
            reply("AssumedRoleUser", &format!("{role_id}:{session_name}"), arn).with("RoleId", role_id)
        }
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    access_key_id: &'a str,
    access_key_secret: &'a str,
    security_token: &'a str,
    expiration: jiff::Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    arn: String,
    assumed_role_id: String,
}

fn assume_role(call: &Call<'_>, account: &Account) -> Answer {
    let session_name = call.parameters.new_name("RoleSessionName", 64, ".-_@=,")?;
    let arn = call.parameters.required("RoleArn")?;
    let role = account.roles.iter().find(|role| roles::arn(account, role).eq_ignore_ascii_case(arn));
    let role = role.ok_or(error::ROLE_NOT_EXIST)?;
    let seconds = call.parameters.number("DurationSeconds", 3600, 900..=role.max_session_duration)?;
    if call.caller.identity == Identity::Root {
        return Err(error::ROOT_CANNOT_ASSUME);
    }
    let access_key_id = format!("STS.{}", ambient::text(24));
    let (secret, token) = (ambient::text(44), format!("CAIS{}", ambient::text(180)));
    let expiration = call.now + SignedDuration::from_secs(i64::from(seconds));
    let identity = Identity::Session { role_id: role.role_id.clone(), session_name: session_name.to_owned() };
    let session = Some((Secret::new(token.clone()), expiration));
    call.keys.add(access_key_id.clone(), Key { secret: Secret::new(secret.clone()), identity, session });
    let credentials =
        Credentials { access_key_id: &access_key_id, access_key_secret: &secret, security_token: &token, expiration };
    let user = AssumedRoleUser {
        arn: session_arn(&account.account_id, role, session_name),
        assumed_role_id: format!("{}:{session_name}", role.role_id),
    };
    Ok(Reply::done().with("Credentials", &credentials).with("AssumedRoleUser", &user))
}

fn session_arn(account_id: &str, role: &Role, session_name: &str) -> String {
    format!("acs:ram::{account_id}:assumed-role/{}/{session_name}", role.role_name.to_lowercase())
}
