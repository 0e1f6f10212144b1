//! Who calls, and temporary keys for roles.
//!
//! Who may assume a role is said in `issuing`.

use serde::Serialize;

use super::super::account::Account;
use super::super::authentication::Identity;
use super::super::entities::Role;
use super::super::error::{self, ServiceError};
use super::super::issuing::issue;
use super::super::keys::id_key;
use super::super::reply::Reply;
use super::{Answer, Call, Operation, Service, read, roles};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Sts, "GetCallerIdentity", get_caller_identity),
    read(Service::Sts, "AssumeRole", assume_role).quota(100),
    read(Service::Sts, "AssumeRoleWithOIDC", assume_role_with_oidc).quota(100).unsigned(),
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
        Identity::Anonymous => return Err(error::KEY_NOT_FOUND),
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
struct AssumedRoleUser {
    arn: String,
    assumed_role_id: String,
}

fn assume_role(call: &Call<'_>, account: &Account) -> Answer {
    let wanted = Wanted::of(call, account)?;
    if call.caller.identity == Identity::Root {
        return Err(error::ROOT_CANNOT_ASSUME);
    }
    let external_id = call.keys.issuing.rules().external_id;
    if external_id.is_some_and(|id| call.parameters.text("ExternalId") != Some(id.expose())) {
        return Err(error::NO_PERMISSION);
    }
    Ok(wanted.issue(call, account))
}

/// Code and status of a token that is not trusted are those that its users report (`AuthenticationFail.…`).
fn assume_role_with_oidc(call: &Call<'_>, account: &Account) -> Answer {
    let wanted = Wanted::of(call, account)?;
    let (provider_arn, token) = (call.parameters.required("OIDCProviderArn")?, call.parameters.required("OIDCToken")?);
    if !call.keys.issuing.trusts(provider_arn, token) {
        return Err(error::TOKEN_NOT_TRUSTED);
    }
    Ok(wanted.issue(call, account))
}

/// The session that is asked for.
struct Wanted<'a> {
    role: &'a Role,
    session_name: &'a str,
    seconds: u32,
}

impl<'a> Wanted<'a> {
    fn of(call: &'a Call<'_>, account: &'a Account) -> Result<Self, ServiceError> {
        let session_name = call.parameters.new_name("RoleSessionName", 64, ".-_@=,")?;
        let arn = call.parameters.required("RoleArn")?;
        let role = account.roles.iter().find(|role| roles::arn(account, role).eq_ignore_ascii_case(arn));
        let role = role.ok_or(error::ROLE_NOT_EXIST)?;
        let seconds = call.parameters.number("DurationSeconds", 3600, 900..=role.max_session_duration)?;
        Ok(Self { role, session_name, seconds })
    }

    fn issue(&self, call: &Call<'_>, account: &Account) -> Reply {
        let Self { role, session_name, seconds } = self;
        let identity = Identity::Session { role_id: role.role_id.clone(), session_name: (*session_name).to_owned() };
        let user = AssumedRoleUser {
            arn: session_arn(&account.account_id, role, session_name),
            assumed_role_id: format!("{}:{session_name}", role.role_id),
        };
        let credentials = issue(call.keys, identity, call.now, *seconds);
        Reply::done().with("Credentials", &credentials).with("AssumedRoleUser", &user)
    }
}

fn session_arn(account_id: &str, role: &Role, session_name: &str) -> String {
    format!("acs:ram::{account_id}:assumed-role/{}/{session_name}", role.role_name.to_lowercase())
}
