//! How the services name entities in parameters: the one place where RAM's and IMS's ways of naming are told apart.

use super::super::account::Account;
use super::super::entities::{Group, Policy, PolicyType, PrincipalType, ResourceGroup, Role, User};
use super::super::error::{self, ServiceError};
use super::super::keys::{id_key, name_key, policy_key};
use super::{Call, Service};

/// The user that the call names: by name in RAM; in IMS by principal name or, where the operation takes one, by id.
pub(super) fn user<'a>(call: &Call<'_>, account: &'a Account) -> Result<&'a User, ServiceError> {
    if call.service() == Service::Ims {
        if let Some(id) = call.parameters.text("UserId") {
            return account.users.get(&id_key(id)).ok_or(error::USER_NOT_EXIST);
        }
        let principal_name = call.parameters.required("UserPrincipalName")?;
        return user_by_principal_name(account, principal_name).ok_or(error::USER_NOT_EXIST);
    }
    let name = call.parameters.required("UserName")?;
    account.users.get(&name_key(name)).ok_or(error::USER_NOT_EXIST)
}

/// The group that `GroupName` names.
pub(super) fn group<'a>(call: &Call<'_>, account: &'a Account) -> Result<&'a Group, ServiceError> {
    let name = call.parameters.required("GroupName")?;
    account.groups.get(&name_key(name)).ok_or(error::GROUP_NOT_EXIST)
}

/// The role that `RoleName` names.
pub(super) fn role<'a>(call: &Call<'_>, account: &'a Account) -> Result<&'a Role, ServiceError> {
    let name = call.parameters.required("RoleName")?;
    account.roles.get(&name_key(name)).ok_or(error::ROLE_NOT_EXIST)
}

/// The policy that `PolicyName` and `PolicyType` name.
pub(super) fn policy<'a>(call: &Call<'_>, account: &'a Account) -> Result<&'a Policy, ServiceError> {
    let name = call.parameters.required("PolicyName")?;
    let policy_type = policy_type(call)?.ok_or_else(|| ServiceError::missing("PolicyType"))?;
    account.policies.get(&policy_key(policy_type, name)).ok_or(error::POLICY_NOT_EXIST)
}

/// The custom policy that `PolicyName` names: only those can be changed.
pub(super) fn custom_policy<'a>(call: &Call<'_>, account: &'a Account) -> Result<&'a Policy, ServiceError> {
    let name = call.parameters.required("PolicyName")?;
    account.policies.get(&policy_key(PolicyType::Custom, name)).ok_or(error::POLICY_NOT_EXIST)
}

/// `PolicyType`, if it was sent.
pub(super) fn policy_type(call: &Call<'_>) -> Result<Option<PolicyType>, ServiceError> {
    match call.parameters.text("PolicyType") {
        None => Ok(None),
        Some("Custom") => Ok(Some(PolicyType::Custom)),
        Some("System") => Ok(Some(PolicyType::System)),
        Some(_) => Err(ServiceError::invalid("PolicyType")),
    }
}

/// The scope that `ResourceGroupId` names: absent or the account's id means the whole account.
pub(super) fn scope(call: &Call<'_>, account: &Account) -> Result<Option<String>, ServiceError> {
    match call.parameters.text("ResourceGroupId") {
        None => Ok(None),
        Some(id) if id == account.account_id => Ok(None),
        Some(id) => {
            let group: &ResourceGroup =
                account.resource_groups.get(&id_key(id)).ok_or(error::RESOURCE_GROUP_NOT_EXIST)?;
            Ok(Some(group.id.clone()))
        }
    }
}

/// A user's principal name.
pub(super) fn user_principal_name(account: &Account, user_name: &str) -> String {
    format!("{user_name}@{}", account.domain())
}

/// The principal name of any principal, as ResourceManager lists it.
pub(super) fn principal_name(account: &Account, principal_type: PrincipalType, id: &str) -> String {
    let (key, alias) = (id_key(id), account.alias_or_id());
    let name = match principal_type {
        PrincipalType::User => account.users.get(&key).map(|user| format!("{}@{alias}.onaliyun.com", user.user_name)),
        PrincipalType::Group => {
            account.groups.get(&key).map(|group| format!("{}@group.{alias}.onaliyun.com", group.group_name))
        }
        PrincipalType::Role => account.roles.get(&key).map(|role| role_principal_name(account, role)),
    };
    name.unwrap_or_default()
}

/// A role's principal name.
pub(super) fn role_principal_name(account: &Account, role: &Role) -> String {
    format!("{}@role.{}.onaliyunservice.com", role.role_name, account.alias_or_id())
}

/// The type and id of the principal with this principal name.
pub(super) fn principal(account: &Account, principal_name: &str) -> Option<(PrincipalType, String)> {
    let (name, domain) = principal_name.rsplit_once('@')?;
    let key = name_key(name);
    if domain.eq_ignore_ascii_case(&format!("group.{}", account.domain())) {
        return Some((PrincipalType::Group, account.groups.get(&key)?.group_id.clone()));
    }
    if domain.eq_ignore_ascii_case(&format!("role.{}.onaliyunservice.com", account.alias_or_id())) {
        return Some((PrincipalType::Role, account.roles.get(&key)?.role_id.clone()));
    }
    Some((PrincipalType::User, user_by_principal_name(account, principal_name)?.user_id.clone()))
}

/// The user with this principal name; the account id is always a valid domain, also where an alias is set.
fn user_by_principal_name<'a>(account: &'a Account, principal_name: &str) -> Option<&'a User> {
    let name = local_part(account, principal_name)?;
    account.users.get(&name_key(name))
}

/// The part before the `@` of a principal name of this account.
pub(super) fn local_part<'a>(account: &Account, principal_name: &'a str) -> Option<&'a str> {
    let (name, domain) = principal_name.rsplit_once('@')?;
    let by_id = format!("{}.onaliyun.com", account.account_id);
    (domain.eq_ignore_ascii_case(&account.domain()) || domain.eq_ignore_ascii_case(&by_id)).then_some(name)
}
