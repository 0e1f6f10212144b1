//! The versions of policies. Numbers are not used again, also not after the newest version was deleted.

use jiff::Timestamp;
use serde::Serialize;

use super::super::account::Account;
use super::super::draft::Draft;
use super::super::entities::{Policy, PolicyVersion};
use super::super::error::{self, ServiceError};
use super::super::reply::Reply;
use super::{Answer, Call, Operation, Service, documents, find, limits, read, write};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ram, "GetPolicyVersion", get),
    read(Service::Ram, "ListPolicyVersions", list),
    write(Service::Ram, "CreatePolicyVersion", create),
    write(Service::Ram, "DeletePolicyVersion", delete),
    write(Service::Ram, "SetDefaultPolicyVersion", set_default),
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VersionRow<'a> {
    version_id: &'a str,
    is_default_version: bool,
    policy_document: &'a str,
    create_date: Timestamp,
}

impl<'a> VersionRow<'a> {
    pub(super) fn of(policy: &Policy, version: &'a PolicyVersion) -> Self {
        Self {
            version_id: &version.version_id,
            is_default_version: version.version_id == policy.default_version,
            policy_document: &version.policy_document,
            create_date: version.create_date,
        }
    }
}

fn get(call: &Call<'_>, account: &Account) -> Answer {
    let policy = find::policy(call, account)?;
    let version = &policy.versions[named(call, policy)?];
    Ok(Reply::done().with("PolicyVersion", &VersionRow::of(policy, version)))
}

fn list(call: &Call<'_>, account: &Account) -> Answer {
    let policy = find::policy(call, account)?;
    let rows: Vec<_> = policy.versions.iter().map(|version| VersionRow::of(policy, version)).collect();
    Ok(Reply::done().with_rows("PolicyVersions", "PolicyVersion", &rows))
}

fn create(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let mut policy = find::custom_policy(call, draft)?.clone();
    let document = documents::check("PolicyDocument", call.parameters.required("PolicyDocument")?)?;
    if policy.versions.len() >= limits::VERSIONS_PER_POLICY {
        drop_oldest(call, &mut policy)?;
    }
    policy.last_version += 1;
    let version = PolicyVersion {
        version_id: format!("v{}", policy.last_version),
        policy_document: document.to_owned(),
        create_date: call.now,
    };
    if call.parameters.flag("SetAsDefault")? {
        policy.default_version.clone_from(&version.version_id);
    }
    policy.update_date = call.now;
    let reply = Reply::done().with("PolicyVersion", &VersionRow::of(&policy, &version));
    policy.versions.push(version);
    draft.replace(policy);
    Ok(reply)
}

/// Makes room for a sixth version if the call asks for that.
fn drop_oldest(call: &Call<'_>, policy: &mut Policy) -> Result<(), ServiceError> {
    if call.parameters.text("RotateStrategy") != Some("DeleteOldestNonDefaultVersionWhenLimitExceeded") {
        return Err(error::TOO_MANY_VERSIONS);
    }
    let oldest = policy.versions.iter().position(|version| version.version_id != policy.default_version);
    policy.versions.remove(oldest.ok_or(error::TOO_MANY_VERSIONS)?);
    Ok(())
}

fn delete(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let mut policy = find::custom_policy(call, draft)?.clone();
    let index = named(call, &policy)?;
    if policy.versions[index].version_id == policy.default_version {
        return Err(error::VERSION_IS_DEFAULT);
    }
    policy.versions.remove(index);
    policy.update_date = call.now;
    draft.replace(policy);
    Ok(Reply::done())
}

fn set_default(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let mut policy = find::custom_policy(call, draft)?.clone();
    let index = named(call, &policy)?;
    policy.default_version = policy.versions[index].version_id.clone();
    policy.update_date = call.now;
    draft.replace(policy);
    Ok(Reply::done())
}

/// Where in the policy the version stands that `VersionId` names.
fn named(call: &Call<'_>, policy: &Policy) -> Result<usize, ServiceError> {
    let id = call.parameters.required("VersionId")?;
    if id.strip_prefix('v').is_none_or(|number| number.parse::<u32>().is_err()) {
        return Err(ServiceError::invalid_format("VersionId"));
    }
    policy.versions.iter().position(|version| version.version_id == id).ok_or(error::VERSION_NOT_EXIST)
}
