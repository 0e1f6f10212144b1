//! Roles: RAM's, and ResourceManager's listing of them.
//!
//! No listing shows the trust policy; RAM's does not show whether a role is service-linked, ResourceManager's does.

use jiff::Timestamp;
use serde::Serialize;

use super::super::account::Account;
use super::super::draft::Draft;
use super::super::entities::{PrincipalType, Role};
use super::super::error;
use super::super::ids;
use super::super::keys::{id_key, name_key, principal_key};
use super::super::page::{self, Rows};
use super::super::reply::Reply;
use super::tags::Tags;
use super::{Answer, Call, Operation, Service, documents, find, limits, read, write};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ram, "ListRoles", list).by_marker(100, 1000),
    read(Service::ResourceManager, "ListRoles", list_by_number).by_number(10, 100),
    read(Service::Ram, "GetRole", get),
    write(Service::Ram, "CreateRole", create),
    write(Service::Ram, "UpdateRole", update),
    write(Service::Ram, "DeleteRole", delete),
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleRow<'a> {
    role_id: &'a str,
    role_name: &'a str,
    arn: String,
    description: &'a str,
    max_session_duration: u32,
    create_date: Timestamp,
    update_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_principal_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_service_linked_role: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assume_role_policy_document: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

impl<'a> RoleRow<'a> {
    fn of(account: &Account, role: &'a Role) -> Self {
        Self {
            role_id: &role.role_id,
            role_name: &role.role_name,
            arn: arn(account, role),
            description: &role.description,
            max_session_duration: role.max_session_duration,
            create_date: role.create_date,
            update_date: role.update_date,
            role_principal_name: None,
            is_service_linked_role: None,
            assume_role_policy_document: None,
            tags: None,
        }
    }

    /// With the trust policy, as the operations on one role show it.
    fn with_document(account: &Account, role: &'a Role) -> Self {
        Self { assume_role_policy_document: Some(&role.assume_role_policy_document), ..Self::of(account, role) }
    }
}

/// A role's ARN: the name in lower case, as the service writes it.
pub(super) fn arn(account: &Account, role: &Role) -> String {
    format!("acs:ram::{}:role/{}", account.account_id, role.role_name.to_lowercase())
}

fn list(call: &Call<'_>, account: &Account) -> Answer {
    let tags = call.parameters.tags()?;
    let has_tags = |role: &Role| tags.iter().all(|tag| role.tags.contains(tag));
    let after = |place| account.roles.after(place).filter(|(_, role)| has_tags(role));
    page::by_marker(call, ("Roles", "Role"), after, |role| RoleRow {
        tags: Tags::of(&role.tags),
        ..RoleRow::of(account, role)
    })
}

fn list_by_number(call: &Call<'_>, account: &Account) -> Answer {
    page::by_number(call, ("Roles", "Role"), Rows::All(&account.roles), |role| RoleRow {
        role_principal_name: Some(find::role_principal_name(account, role)),
        is_service_linked_role: Some(role.is_service_linked_role),
        ..RoleRow::of(account, role)
    })
}

fn get(call: &Call<'_>, account: &Account) -> Answer {
    let role = find::role(call, account)?;
    let row = RoleRow {
        role_principal_name: Some(find::role_principal_name(account, role)),
        is_service_linked_role: Some(role.is_service_linked_role),
        ..RoleRow::with_document(account, role)
    };
    Ok(Reply::done().with("Role", &row))
}

fn create(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let role_name = call.parameters.new_name("RoleName", 64, "-_.")?.to_owned();
    let document = documents::check("AssumeRolePolicyDocument", call.parameters.required("AssumeRolePolicyDocument")?)?;
    if draft.roles.get(&name_key(&role_name)).is_some() {
        return Err(error::ROLE_EXISTS);
    }
    if draft.roles.len() >= limits::ROLES {
        return Err(error::TOO_MANY_ROLES);
    }
    let role = Role {
        role_id: String::new(),
        role_name,
        description: call.parameters.bounded("Description", 1024)?.unwrap_or_default().to_owned(),
        assume_role_policy_document: document.to_owned(),
        max_session_duration: call.parameters.number("MaxSessionDuration", 3600, 3600..=43200)?,
        is_service_linked_role: false,
        tags: call.parameters.tags()?,
        create_date: call.now,
        update_date: call.now,
    };
    let role = Role { role_id: ids::numeric(draft.new_id_seed()), ..role };
    let reply = Reply::done().with("Role", &RoleRow::with_document(draft, &role));
    draft.insert(role);
    Ok(reply)
}

fn update(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let mut role = find::role(call, draft)?.clone();
    if let Some(document) = call.parameters.text("NewAssumeRolePolicyDocument") {
        role.assume_role_policy_document = documents::check("NewAssumeRolePolicyDocument", document)?.to_owned();
    }
    if let Some(description) = call.parameters.bounded("NewDescription", 1024)? {
        role.description = description.to_owned();
    }
    role.max_session_duration =
        call.parameters.number("NewMaxSessionDuration", role.max_session_duration, 3600..=43200)?;
    role.update_date = call.now;
    let reply = Reply::done().with("Role", &RoleRow::with_document(draft, &role));
    draft.replace(role);
    Ok(reply)
}

fn delete(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let role_id = find::role(call, draft)?.role_id.clone();
    if draft.attachments.group_len(&principal_key(PrincipalType::Role, &role_id)) > 0 {
        return Err(error::ROLE_HAS_POLICY);
    }
    draft.remove::<Role>(&id_key(&role_id));
    Ok(Reply::done())
}
