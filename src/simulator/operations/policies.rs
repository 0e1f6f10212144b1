//! Policies: RAM's, and ResourceManager's listing of them. Their versions have a file of their own.

use jiff::Timestamp;
use serde::Serialize;

use super::super::account::Account;
use super::super::draft::Draft;
use super::super::entities::{Policy, PolicyType, PolicyVersion, PrincipalType};
use super::super::error;
use super::super::keys::policy_key;
use super::super::page::{self, Rows};
use super::super::reply::Reply;
use super::policy_versions::VersionRow;
use super::tags::Tags;
use super::{Answer, Call, Operation, Service, documents, find, limits, read, write};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ram, "ListPolicies", list).by_marker(100, 1000),
    read(Service::ResourceManager, "ListPolicies", list_by_number).by_number(10, 100),
    read(Service::Ram, "GetPolicy", get),
    write(Service::Ram, "CreatePolicy", create),
    write(Service::Ram, "DeletePolicy", delete),
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyRow<'a> {
    policy_name: &'a str,
    policy_type: PolicyType,
    description: &'a str,
    default_version: &'a str,
    attachment_count: usize,
    create_date: Timestamp,
    update_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

impl<'a> PolicyRow<'a> {
    fn of(account: &Account, policy: &'a Policy) -> Self {
        let key = policy_key(policy.policy_type, &policy.policy_name);
        Self {
            policy_name: &policy.policy_name,
            policy_type: policy.policy_type,
            description: &policy.description,
            default_version: &policy.default_version,
            attachment_count: account.attachments.group_len(&key),
            create_date: policy.create_date,
            update_date: policy.update_date,
            tags: None,
        }
    }
}

fn list(call: &Call<'_>, account: &Account) -> Answer {
    let policy_type = find::policy_type(call)?;
    let tags = call.parameters.tags()?;
    let listed = |policy: &Policy| {
        policy_type.is_none_or(|wanted| policy.policy_type == wanted)
            && tags.iter().all(|tag| policy.tags.contains(tag))
    };
    let after = |place| account.policies.after(place).filter(|(_, policy)| listed(policy));
    page::by_marker(call, ("Policies", "Policy"), after, |policy| PolicyRow {
        tags: Tags::of(&policy.tags),
        ..PolicyRow::of(account, policy)
    })
}

fn list_by_number(call: &Call<'_>, account: &Account) -> Answer {
    let rows = match find::policy_type(call)? {
        None => Rows::All(&account.policies),
        Some(policy_type) => Rows::Some(account.policies.group(policy_type.as_str()).collect()),
    };
    page::by_number(call, ("Policies", "Policy"), rows, |policy| PolicyRow::of(account, policy))
}

fn get(call: &Call<'_>, account: &Account) -> Answer {
    let policy = find::policy(call, account)?;
    let default = policy.versions.iter().find(|version| version.version_id == policy.default_version);
    let default = default.map(|version| VersionRow::of(policy, version));
    Ok(Reply::done().with("Policy", &PolicyRow::of(account, policy)).with("DefaultPolicyVersion", &default))
}

fn create(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let policy_name = call.parameters.new_name("PolicyName", 128, "-")?.to_owned();
    let document = documents::check("PolicyDocument", call.parameters.required("PolicyDocument")?)?;
    if draft.policies.get(&policy_key(PolicyType::Custom, &policy_name)).is_some() {
        return Err(error::POLICY_EXISTS);
    }
    if draft.policies.group_len(PolicyType::Custom.as_str()) >= limits::CUSTOM_POLICIES {
        return Err(error::TOO_MANY_POLICIES);
    }
    let first =
        PolicyVersion { version_id: "v1".to_owned(), policy_document: document.to_owned(), create_date: call.now };
    let policy = Policy {
        policy_type: PolicyType::Custom,
        policy_name,
        description: call.parameters.bounded("Description", 1024)?.unwrap_or_default().to_owned(),
        default_version: first.version_id.clone(),
        last_version: 1,
        versions: vec![first],
        tags: call.parameters.tags()?,
        create_date: call.now,
        update_date: call.now,
    };
    let reply = Reply::done().with("Policy", &PolicyRow::of(draft, &policy));
    draft.insert(policy);
    Ok(reply)
}

fn delete(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let policy = find::custom_policy(call, draft)?;
    let key = policy_key(policy.policy_type, &policy.policy_name);
    if let Some(attachment) = draft.attachments.group(&key).next() {
        return Err(match attachment.principal_type {
            PrincipalType::User => error::POLICY_ON_USER,
            PrincipalType::Group => error::POLICY_ON_GROUP,
            PrincipalType::Role => error::POLICY_ON_ROLE,
        });
    }
    if policy.versions.len() > 1 && !call.parameters.flag("CascadingDelete")? {
        return Err(error::POLICY_HAS_VERSIONS);
    }
    draft.remove::<Policy>(&key);
    Ok(Reply::done())
}
