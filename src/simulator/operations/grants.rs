//! RAM's own view of attachments: by principal, and by policy. It shows those to the whole account only;
//! ResourceManager's listing shows every scope.

use jiff::Timestamp;
use serde::Serialize;

use super::super::account::Account;
use super::super::entities::{PolicyType, PrincipalType};
use super::super::keys::{id_key, policy_key, principal_key};
use super::super::reply::Reply;
use super::attachments::{policy_of, principal};
use super::{Answer, Call, Operation, Service, find, read, roles};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ram, "ListPoliciesForUser", list_policies),
    read(Service::Ram, "ListPoliciesForGroup", list_policies),
    read(Service::Ram, "ListPoliciesForRole", list_policies),
    read(Service::Ram, "ListEntitiesForPolicy", list_entities),
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedPolicyRow<'a> {
    policy_name: &'a str,
    policy_type: PolicyType,
    description: &'a str,
    default_version: &'a str,
    attach_date: Timestamp,
}

fn list_policies(call: &Call<'_>, account: &Account) -> Answer {
    let (principal_type, id) = principal(call, account)?;
    let attached = account.attachments.group(&principal_key(principal_type, &id));
    let rows: Vec<_> = attached
        .filter(|attachment| attachment.resource_group_id.is_none())
        .map(|attachment| {
            let policy = policy_of(account, attachment);
            AttachedPolicyRow {
                policy_name: &policy.policy_name,
                policy_type: policy.policy_type,
                description: &policy.description,
                default_version: &policy.default_version,
                attach_date: attachment.attach_date,
            }
        })
        .collect();
    Ok(Reply::done().with_rows("Policies", "Policy", &rows))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedUserRow<'a> {
    user_id: &'a str,
    user_name: &'a str,
    display_name: &'a str,
    attach_date: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedGroupRow<'a> {
    group_name: &'a str,
    comments: &'a str,
    attach_date: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedRoleRow<'a> {
    role_id: &'a str,
    role_name: &'a str,
    arn: String,
    /// Empty in recordings of the real service, also where the role has a description.
    description: &'static str,
    attach_date: Timestamp,
}

fn list_entities(call: &Call<'_>, account: &Account) -> Answer {
    let policy = find::policy(call, account)?;
    let key = policy_key(policy.policy_type, &policy.policy_name);
    let attached = |wanted: PrincipalType| {
        account
            .attachments
            .group(&key)
            .filter(move |row| row.principal_type == wanted && row.resource_group_id.is_none())
    };
    let users: Vec<_> = attached(PrincipalType::User)
        .filter_map(|row| Some((row, account.users.get(&id_key(&row.principal_id))?)))
        .map(|(row, user)| AttachedUserRow {
            user_id: &user.user_id,
            user_name: &user.user_name,
            display_name: &user.display_name,
            attach_date: row.attach_date,
        })
        .collect();
    let groups: Vec<_> = attached(PrincipalType::Group)
        .filter_map(|row| Some((row, account.groups.get(&id_key(&row.principal_id))?)))
        .map(|(row, group)| AttachedGroupRow {
            group_name: &group.group_name,
            comments: &group.comments,
            attach_date: row.attach_date,
        })
        .collect();
    let roles: Vec<_> = attached(PrincipalType::Role)
        .filter_map(|row| Some((row, account.roles.get(&id_key(&row.principal_id))?)))
        .map(|(row, role)| AttachedRoleRow {
            role_id: &role.role_id,
            role_name: &role.role_name,
            arn: roles::arn(account, role),
            description: "",
            attach_date: row.attach_date,
        })
        .collect();
    let reply = Reply::done().with_rows("Groups", "Group", &groups).with_rows("Roles", "Role", &roles);
    Ok(reply.with_rows("Users", "User", &users))
}
