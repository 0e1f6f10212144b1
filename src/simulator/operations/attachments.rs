//! Which policy is attached to whom, and in which scope: ResourceManager's listing of all, and how they come and go.

use jiff::Timestamp;
use serde::Serialize;

use super::super::account::Account;
use super::super::draft::Draft;
use super::super::entities::{Attachment, Policy, PolicyType, PrincipalType};
use super::super::error::{self, ServiceError};
use super::super::keys::{policy_key, principal_key, scope_key};
use super::super::page::{self, Rows};
use super::super::reply::Reply;
use super::{Answer, Call, Operation, Service, find, limits, read, write};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::ResourceManager, "ListPolicyAttachments", list).by_number(10, 100),
    write(Service::ResourceManager, "AttachPolicy", attach),
    write(Service::ResourceManager, "DetachPolicy", detach),
    write(Service::Ram, "AttachPolicyToUser", attach).quota(10),
    write(Service::Ram, "AttachPolicyToGroup", attach).quota(10),
    write(Service::Ram, "AttachPolicyToRole", attach).quota(10),
    write(Service::Ram, "DetachPolicyFromUser", detach).quota(10),
    write(Service::Ram, "DetachPolicyFromGroup", detach).quota(10),
    write(Service::Ram, "DetachPolicyFromRole", detach).quota(10),
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachmentRow<'a> {
    policy_name: &'a str,
    policy_type: PolicyType,
    principal_name: String,
    principal_type: &'static str,
    resource_group_id: &'a str,
    description: &'a str,
    attach_date: Timestamp,
}

impl<'a> AttachmentRow<'a> {
    fn of(account: &'a Account, attachment: &'a Attachment) -> Self {
        Self {
            policy_name: &attachment.policy_name,
            policy_type: attachment.policy_type,
            principal_name: find::principal_name(account, attachment.principal_type, &attachment.principal_id),
            principal_type: principal_word(attachment.principal_type),
            resource_group_id: attachment.resource_group_id.as_deref().unwrap_or(&account.account_id),
            description: &policy_of(account, attachment).description,
            attach_date: attachment.attach_date,
        }
    }
}

/// ResourceManager's word for a kind of principal.
fn principal_word(principal_type: PrincipalType) -> &'static str {
    match principal_type {
        PrincipalType::User => "IMSUser",
        PrincipalType::Group => "IMSGroup",
        PrincipalType::Role => "ServiceRole",
    }
}

fn list(call: &Call<'_>, account: &Account) -> Answer {
    let filter = Filter::read(call, account)?;
    let rows = if filter.is_empty() { Rows::All(&account.attachments) } else { Rows::Some(filter.rows(account)) };
    page::by_number(call, ("PolicyAttachments", "PolicyAttachment"), rows, |row| AttachmentRow::of(account, row))
}

/// What ListPolicyAttachments is asked to show; every part that is there must fit.
#[derive(Default)]
struct Filter {
    policy_type: Option<PolicyType>,
    policy_name: Option<String>,
    principal_type: Option<PrincipalType>,
    /// A principal name is looked up at once; `Some(None)` is one that nobody has.
    principal: Option<Option<(PrincipalType, String)>>,
    /// The account's id for the account scope, which a resource group cannot have.
    scope: Option<String>,
}

impl Filter {
    fn read(call: &Call<'_>, account: &Account) -> Result<Self, ServiceError> {
        let owned = |name: &str| call.parameters.text(name).map(str::to_owned);
        Ok(Self {
            policy_type: find::policy_type(call)?,
            policy_name: owned("PolicyName"),
            principal_type: principal_type(call)?,
            principal: call.parameters.text("PrincipalName").map(|name| find::principal(account, name)),
            scope: owned("ResourceGroupId"),
        })
    }

    fn is_empty(&self) -> bool {
        let Self { policy_type, policy_name, principal_type, principal, scope } = self;
        let narrow = policy_name.is_some() || principal.is_some() || scope.is_some();
        policy_type.is_none() && principal_type.is_none() && !narrow
    }

    /// The rows that fit, looked up by the narrowest index that applies.
    fn rows<'a>(&self, account: &'a Account) -> Vec<&'a Attachment> {
        let table = &account.attachments;
        let fits = |row: &&Attachment| self.fits(account, row);
        match (&self.principal, &self.policy_name, self.policy_type, &self.scope) {
            (Some(None), ..) => Vec::new(),
            (Some(Some((kind, id))), ..) => table.group(&principal_key(*kind, id)).filter(fits).collect(),
            (None, Some(name), Some(kind), _) => table.group(&policy_key(kind, name)).filter(fits).collect(),
            (None, _, _, Some(scope)) => {
                let scope = Some(scope.as_str()).filter(|scope| *scope != account.account_id);
                table.group(&scope_key(scope)).filter(fits).collect()
            }
            (None, ..) => table.iter().filter(fits).collect(),
        }
    }

    fn fits(&self, account: &Account, row: &Attachment) -> bool {
        let scope = row.resource_group_id.as_deref().unwrap_or(&account.account_id);
        self.policy_type.is_none_or(|wanted| row.policy_type == wanted)
            && self.policy_name.as_deref().is_none_or(|wanted| row.policy_name.eq_ignore_ascii_case(wanted))
            && self.principal_type.is_none_or(|wanted| row.principal_type == wanted)
            && self.scope.as_deref().is_none_or(|wanted| scope == wanted)
    }
}

fn principal_type(call: &Call<'_>) -> Result<Option<PrincipalType>, ServiceError> {
    match call.parameters.text("PrincipalType") {
        None => Ok(None),
        Some("IMSUser") => Ok(Some(PrincipalType::User)),
        Some("IMSGroup") => Ok(Some(PrincipalType::Group)),
        Some("ServiceRole") => Ok(Some(PrincipalType::Role)),
        Some(_) => Err(ServiceError::invalid("PrincipalType")),
    }
}

/// The principal that a call is about: ResourceManager's by principal name, RAM's by the operation's own kind.
pub(super) fn principal(call: &Call<'_>, account: &Account) -> Result<(PrincipalType, String), ServiceError> {
    if call.service() == Service::ResourceManager {
        let wanted = principal_type(call)?.ok_or_else(|| ServiceError::missing("PrincipalType"))?;
        let name = call.parameters.required("PrincipalName")?;
        return find::principal(account, name).filter(|(found, _)| *found == wanted).ok_or(not_exist(wanted));
    }
    Ok(match call.operation.name {
        name if name.ends_with("User") => (PrincipalType::User, find::user(call, account)?.user_id.clone()),
        name if name.ends_with("Group") => (PrincipalType::Group, find::group(call, account)?.group_id.clone()),
        _ => (PrincipalType::Role, find::role(call, account)?.role_id.clone()),
    })
}

fn not_exist(principal_type: PrincipalType) -> ServiceError {
    match principal_type {
        PrincipalType::User => error::USER_NOT_EXIST,
        PrincipalType::Group => error::GROUP_NOT_EXIST,
        PrincipalType::Role => error::ROLE_NOT_EXIST,
    }
}

fn attach(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let attachment = named(call, draft)?;
    if draft.attachments.get(&attachment.key()).is_some() {
        return Err(match attachment.principal_type {
            PrincipalType::User => error::USER_POLICY_EXISTS,
            PrincipalType::Group => error::GROUP_POLICY_EXISTS,
            PrincipalType::Role => error::ROLE_POLICY_EXISTS,
        });
    }
    let principal = principal_key(attachment.principal_type, &attachment.principal_id);
    let held = draft.attachments.group(&principal).filter(|row| row.policy_type == attachment.policy_type).count();
    let limit = match attachment.policy_type {
        PolicyType::System => limits::SYSTEM_POLICIES_PER_PRINCIPAL,
        PolicyType::Custom => limits::CUSTOM_POLICIES_PER_PRINCIPAL,
    };
    if held >= limit {
        return Err(match attachment.principal_type {
            PrincipalType::User => error::TOO_MANY_POLICIES_ON_USER,
            PrincipalType::Group => error::TOO_MANY_POLICIES_ON_GROUP,
            PrincipalType::Role => error::TOO_MANY_POLICIES_ON_ROLE,
        });
    }
    draft.insert(attachment);
    Ok(Reply::done())
}

fn detach(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let attachment = named(call, draft)?;
    if draft.attachments.get(&attachment.key()).is_none() {
        return Err(match attachment.principal_type {
            PrincipalType::User => error::USER_POLICY_NOT_EXIST,
            PrincipalType::Group => error::GROUP_POLICY_NOT_EXIST,
            PrincipalType::Role => error::ROLE_POLICY_NOT_EXIST,
        });
    }
    draft.remove::<Attachment>(&attachment.key());
    Ok(Reply::done())
}

/// The attachment that a call names; every part of it exists, the whole may not.
fn named(call: &Call<'_>, account: &Account) -> Result<Attachment, ServiceError> {
    let (principal_type, principal_id) = principal(call, account)?;
    let policy = find::policy(call, account)?;
    Ok(Attachment {
        policy_type: policy.policy_type,
        policy_name: policy.policy_name.clone(),
        principal_type,
        principal_id,
        resource_group_id: find::scope(call, account)?,
        attach_date: call.now,
    })
}

pub(super) fn policy_of<'a>(account: &'a Account, attachment: &Attachment) -> &'a Policy {
    let key = policy_key(attachment.policy_type, &attachment.policy_name);
    account.policies.get(&key).expect("an attached policy cannot be deleted")
}
