//! Resource Access Management: alias, roles and policies.
//!
//! Items hold what is compared, as received; counters of attachments, which are visible as attachments, are not read.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;

use super::answer::Dated;
use super::endpoints::Service;
use super::error::CallError;
use super::operation::{Operation, Quota};
use super::paging::{Identified, Listed, at_once, by_marker, marked_page, only_item};
use super::session::Session;
use super::wire::{self, Tag};
use crate::model::Listing;

/// Gets the account's alias.
pub const GET_ACCOUNT_ALIAS: Operation = operation("GetAccountAlias", "ram:GetAccountAlias", Quota::Assumed(100));
/// Lists roles.
pub const LIST_ROLES: Operation = operation("ListRoles", "ram:ListRoles", Quota::Assumed(100));
/// Gets one role, with its trust policy.
pub const GET_ROLE: Operation = operation("GetRole", "ram:GetRole", Quota::Documented(100));
/// Lists policies.
pub const LIST_POLICIES: Operation = operation("ListPolicies", "ram:ListPolicies", Quota::Documented(100));
/// Gets one policy.
pub const GET_POLICY: Operation = operation("GetPolicy", "ram:GetPolicy", Quota::Assumed(100));
/// Lists the versions of a policy.
pub const LIST_POLICY_VERSIONS: Operation =
    operation("ListPolicyVersions", "ram:ListPolicyVersions", Quota::Assumed(100));

/// Lists the policies attached to a user, those of the whole account only.
pub const LIST_POLICIES_FOR_USER: Operation =
    operation("ListPoliciesForUser", "ram:ListPoliciesForUser", Quota::Documented(100));
/// Lists the policies attached to a group, those of the whole account only.
pub const LIST_POLICIES_FOR_GROUP: Operation =
    operation("ListPoliciesForGroup", "ram:ListPoliciesForGroup", Quota::Assumed(100));
/// Lists the policies attached to a role, those of the whole account only.
pub const LIST_POLICIES_FOR_ROLE: Operation =
    operation("ListPoliciesForRole", "ram:ListPoliciesForRole", Quota::Documented(100));

const fn operation(name: &'static str, ram_action: &'static str, quota: Quota) -> Operation {
    Operation { service: Service::Ram, name, ram_action: Some(ram_action), quota }
}

/// The most roles of an account by default (adjustable).
const MOST_ROLES: u32 = 1000;
/// The most policies of one type: 1,500 custom ones by default (adjustable); no source counts the system's.
const MOST_POLICIES: u32 = 5000;

/// The account's alias.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountAlias {
    /// The alias; where none is set, the service was seen to give the account's id.
    #[serde(deserialize_with = "wire::text")]
    pub account_alias: Option<String>,
}

/// A role, as the listing gives it: without trust policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Role {
    /// The id.
    #[serde(deserialize_with = "wire::id")]
    pub role_id: String,
    /// The name.
    #[serde(deserialize_with = "wire::id")]
    pub role_name: String,
    /// The ARN; in lower case, so no name can be read out of it.
    #[serde(default, deserialize_with = "wire::text")]
    pub arn: Option<String>,
    /// The description.
    #[serde(default, deserialize_with = "wire::text")]
    pub description: Option<String>,
    /// The longest session, in seconds.
    #[serde(rename = "MaxSessionDuration")]
    pub max_session_duration_secs: Option<u32>,
    /// When it was created.
    #[serde(default, deserialize_with = "wire::time")]
    pub create_date: Option<Timestamp>,
    /// When it was last updated.
    #[serde(default, deserialize_with = "wire::time")]
    pub update_date: Option<Timestamp>,
    /// The tags, in the order of the service.
    #[serde(default, deserialize_with = "wire::tags")]
    pub tags: Vec<Tag>,
}

impl Identified for Role {
    fn identity(&self) -> impl Ord {
        self.role_id.as_str()
    }
}

/// What only the reading of a single role gives.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleDetail {
    /// The id: another one than the listing's is another role under the name.
    #[serde(deserialize_with = "wire::id")]
    pub role_id: String,
    /// `<role>@role.<alias>.onaliyunservice.com`, by which attachments name it.
    #[serde(default, deserialize_with = "wire::text")]
    pub role_principal_name: Option<String>,
    /// The trust policy, JSON text.
    #[serde(deserialize_with = "wire::id")]
    pub assume_role_policy_document: String,
    /// Whether a service made it for itself.
    pub is_service_linked_role: Option<bool>,
    /// When it was last updated.
    #[serde(default, deserialize_with = "wire::time")]
    pub update_date: Option<Timestamp>,
}

/// Whose a policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyType {
    /// The account's own.
    Custom,
    /// Alibaba Cloud's.
    System,
}

impl PolicyType {
    /// The word of the service.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Custom => "Custom",
            Self::System => "System",
        }
    }
}

impl fmt::Display for PolicyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A policy, as the listing gives it: without document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    /// The name; the service does not tell upper from lower case.
    #[serde(deserialize_with = "wire::id")]
    pub policy_name: String,
    /// The description; the language of a system policy's follows the caller.
    #[serde(default, deserialize_with = "wire::text")]
    pub description: Option<String>,
    /// The version in force, e.g. `v1`.
    #[serde(default, deserialize_with = "wire::text")]
    pub default_version: Option<String>,
    /// When it was created.
    #[serde(default, deserialize_with = "wire::time")]
    pub create_date: Option<Timestamp>,
    /// When it was last updated.
    #[serde(default, deserialize_with = "wire::time")]
    pub update_date: Option<Timestamp>,
    /// The tags, in the order of the service.
    #[serde(default, deserialize_with = "wire::tags")]
    pub tags: Vec<Tag>,
}

impl Identified for Policy {
    fn identity(&self) -> impl Ord {
        self.policy_name.as_str()
    }
}

/// A policy as attached to one user, group or role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachedPolicy {
    /// `Custom` or `System`.
    #[serde(deserialize_with = "wire::id")]
    pub policy_type: String,
    /// The policy's name.
    #[serde(deserialize_with = "wire::id")]
    pub policy_name: String,
}

impl Identified for AttachedPolicy {
    fn identity(&self) -> impl Ord {
        (self.policy_type.as_str(), self.policy_name.as_str())
    }
}

/// A version of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyVersion {
    /// The version, e.g. `v1`.
    #[serde(deserialize_with = "wire::id")]
    pub version_id: String,
    /// Whether it is in force.
    pub is_default_version: Option<bool>,
    /// The document, JSON text.
    #[serde(default, deserialize_with = "wire::text")]
    pub policy_document: Option<String>,
    /// When it was created.
    #[serde(default, deserialize_with = "wire::time")]
    pub create_date: Option<Timestamp>,
}

impl Identified for PolicyVersion {
    fn identity(&self) -> impl Ord {
        self.version_id.as_str()
    }
}

marked_page!(RolesPage { "Roles": RoleList { "Role": [Role] } });
marked_page!(PoliciesPage { "Policies": PolicyList { "Policy": [Policy] } });
marked_page!(AttachedPoliciesPage { "Policies": AttachedPolicyList { "Policy": [AttachedPolicy] } });
marked_page!(PolicyVersionsPage { "PolicyVersions": PolicyVersionList { "PolicyVersion": [PolicyVersion] } });

/// Reads the account's alias: a collection of exactly one item.
///
/// # Errors
///
/// Why it is not known.
pub async fn get_account_alias(session: &Session) -> Listing<AccountAlias> {
    only_item(session, &GET_ACCOUNT_ALIAS).await
}

/// Lists all roles.
///
/// # Errors
///
/// Why the listing is not known.
pub async fn list_roles(session: &Session) -> Listing<Role> {
    let listed = Listed { operation: &LIST_ROLES, parameters: &[], page_size: 1000, largest: MOST_ROLES };
    by_marker::<RolesPage, _>(session, &listed).await
}

/// Reads the role of this name.
///
/// # Errors
///
/// The failure of the call.
pub async fn get_role(session: &Session, role_name: &str) -> Result<Dated<RoleDetail>, CallError> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(rename = "Role", deserialize_with = "wire::object")]
        role: RoleDetail,
    }
    Ok(session.call::<Reply>(&GET_ROLE, &[("RoleName", role_name)]).await?.map(|reply| reply.role).dated())
}

/// Lists all policies of one type.
///
/// # Errors
///
/// Why the listing is not known.
pub async fn list_policies(session: &Session, policy_type: PolicyType) -> Listing<Policy> {
    let parameters = [("PolicyType", policy_type.as_str())];
    let listed = Listed { operation: &LIST_POLICIES, parameters: &parameters, page_size: 1000, largest: MOST_POLICIES };
    by_marker::<PoliciesPage, _>(session, &listed).await
}

/// Lists the versions of a policy (at most five of a custom one).
///
/// # Errors
///
/// Why the listing is not known; a policy that does not exist has no empty listing, it has none.
pub async fn list_policy_versions(
    session: &Session,
    policy_type: PolicyType,
    policy_name: &str,
) -> Listing<PolicyVersion> {
    let parameters = [("PolicyType", policy_type.as_str()), ("PolicyName", policy_name)];
    at_once::<PolicyVersionsPage, _>(session, &LIST_POLICY_VERSIONS, &parameters).await
}

/// Whom a policy is attached to, as RAM's operations ask for it: by its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Principal<'a> {
    /// The user of this user name (the principal name before the `@`).
    User(&'a str),
    /// The group of this name.
    Group(&'a str),
    /// The role of this name.
    Role(&'a str),
}

/// Lists the policies attached to one principal in the whole account: grants limited to a resource group are not among
/// them. The operations have no pages.
///
/// # Errors
///
/// Why the listing is not known; a principal that does not exist has no empty listing, but none.
pub async fn list_policies_for(session: &Session, principal: Principal<'_>) -> Listing<AttachedPolicy> {
    let (operation, parameter) = match principal {
        Principal::User(name) => (&LIST_POLICIES_FOR_USER, ("UserName", name)),
        Principal::Group(name) => (&LIST_POLICIES_FOR_GROUP, ("GroupName", name)),
        Principal::Role(name) => (&LIST_POLICIES_FOR_ROLE, ("RoleName", name)),
    };
    at_once::<AttachedPoliciesPage, _>(session, operation, &[parameter]).await
}
