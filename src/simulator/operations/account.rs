//! The account itself: its alias, its default domain and its counters.

use serde::Serialize;

use super::super::account::Account;
use super::super::draft::Draft;
use super::super::entities::PolicyType;
use super::super::error::{self, ServiceError};
use super::super::reply::Reply;
use super::{Answer, Call, Operation, Service, limits, read, write};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ram, "GetAccountAlias", get_alias),
    write(Service::Ram, "SetAccountAlias", set_alias),
    write(Service::Ram, "ClearAccountAlias", clear_alias),
    read(Service::Ims, "GetDefaultDomain", get_default_domain),
    write(Service::Ims, "SetDefaultDomain", set_default_domain),
    read(Service::Ims, "GetAccountSummary", get_summary),
];

fn get_alias(_: &Call<'_>, account: &Account) -> Answer {
    Ok(Reply::done().with("AccountAlias", &account.alias_or_id()))
}

fn set_alias(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let alias = call.parameters.required("AccountAlias")?;
    if !(3..=63).contains(&alias.len()) {
        return Err(ServiceError::invalid_length("AccountAlias"));
    }
    check_alias("AccountAlias", alias)?;
    if draft.alias.is_some() {
        return Err(error::ALIAS_EXISTS);
    }
    draft.set_alias(Some(alias.to_owned()));
    Ok(Reply::done())
}

fn check_alias(parameter: &str, alias: &str) -> Result<(), ServiceError> {
    let plain = alias.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !plain || alias.starts_with('-') || alias.ends_with('-') || alias.contains("--") {
        return Err(ServiceError::invalid_format(parameter));
    }
    Ok(())
}

fn clear_alias(_: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    if draft.alias.is_none() {
        return Err(error::ALIAS_NOT_EXIST);
    }
    draft.set_alias(None);
    Ok(Reply::done())
}

fn get_default_domain(_: &Call<'_>, account: &Account) -> Answer {
    Ok(Reply::done().with("DefaultDomainName", &account.domain()))
}

/// The default domain is `<alias>.onaliyun.com`, or has the account's id in place of the alias: it is the alias that is set.
fn set_default_domain(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    const NAME: &str = "DefaultDomainName";
    let name = call.parameters.required(NAME)?;
    if name.chars().count() > 64 {
        return Err(ServiceError::invalid_length(NAME));
    }
    let alias = name.strip_suffix(".onaliyun.com").ok_or_else(|| ServiceError::invalid_format(NAME))?;
    check_alias(NAME, alias)?;
    draft.set_alias(Some(alias.to_owned()).filter(|alias| *alias != draft.account_id));
    Ok(Reply::done().with(NAME, &draft.domain()))
}

/// Counters and limits, in the fields that hold what this account can hold.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SummaryMap {
    users: usize,
    groups: usize,
    roles: usize,
    policies: usize,
    #[serde(rename = "MFADevices")]
    mfa_devices: usize,
    #[serde(rename = "MFADevicesInUse")]
    mfa_devices_in_use: usize,
    users_quota: usize,
    groups_quota: usize,
    roles_quota: usize,
    policies_quota: usize,
    groups_per_user_quota: usize,
    access_keys_per_user_quota: usize,
    #[serde(rename = "VirtualMFADevicesQuota")]
    virtual_mfa_devices_quota: usize,
    attached_policies_per_user_quota: usize,
    attached_policies_per_group_quota: usize,
    attached_policies_per_role_quota: usize,
    attached_system_policies_per_user_quota: usize,
    attached_system_policies_per_group_quota: usize,
    attached_system_policies_per_role_quota: usize,
    versions_per_policy_quota: usize,
    policy_size_quota: usize,
}

fn get_summary(_: &Call<'_>, account: &Account) -> Answer {
    let virtual_ones = || account.mfa_devices.iter().filter(|device| device.is_virtual());
    let summary = SummaryMap {
        users: account.users.len(),
        groups: account.groups.len(),
        roles: account.roles.len(),
        policies: account.policies.group_len(PolicyType::Custom.as_str()),
        mfa_devices: virtual_ones().count(),
        mfa_devices_in_use: virtual_ones().filter(|device| device.user_id.is_some()).count(),
        users_quota: limits::USERS,
        groups_quota: limits::GROUPS,
        roles_quota: limits::ROLES,
        policies_quota: limits::CUSTOM_POLICIES,
        groups_per_user_quota: limits::GROUPS_PER_USER,
        access_keys_per_user_quota: limits::ACCESS_KEYS_PER_USER,
        virtual_mfa_devices_quota: limits::MFA_DEVICES,
        attached_policies_per_user_quota: limits::CUSTOM_POLICIES_PER_PRINCIPAL,
        attached_policies_per_group_quota: limits::CUSTOM_POLICIES_PER_PRINCIPAL,
        attached_policies_per_role_quota: limits::CUSTOM_POLICIES_PER_PRINCIPAL,
        attached_system_policies_per_user_quota: limits::SYSTEM_POLICIES_PER_PRINCIPAL,
        attached_system_policies_per_group_quota: limits::SYSTEM_POLICIES_PER_PRINCIPAL,
        attached_system_policies_per_role_quota: limits::SYSTEM_POLICIES_PER_PRINCIPAL,
        versions_per_policy_quota: limits::VERSIONS_PER_POLICY,
        policy_size_quota: limits::DOCUMENT_CHARACTERS,
    };
    Ok(Reply::done().with("SummaryMap", &summary))
}
