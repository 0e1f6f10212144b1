//! The things an account holds: plain data, as in the account file and in the truth log.
//!
//! Dates are in whole seconds, as the services have them. Independent of the product's own model on purpose: the
//! simulator is what the product is checked against.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One tag of a user, role, policy or instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// At most 128 characters.
    pub key: String,
    /// May be empty.
    pub value: String,
}

/// Whether a user may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// May log in.
    Active,
    /// Deactivated in the console; no public operation does it.
    Frozen,
}

/// A RAM user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Eighteen digits.
    pub user_id: String,
    /// The part of the principal name before the `@`.
    pub user_name: String,
    /// Free text.
    pub display_name: String,
    /// Free text.
    #[serde(default)]
    pub comments: String,
    /// Only the China site has it.
    #[serde(default)]
    pub email: Option<String>,
    /// Only the China site has it.
    #[serde(default)]
    pub mobile_phone: Option<String>,
    /// Active or frozen.
    pub status: UserStatus,
    /// `Manual`, `SCIM` or `CloudSSO`.
    pub provision_type: String,
    /// At most 20.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Last console login.
    #[serde(default)]
    pub last_login_date: Option<Timestamp>,
    /// Whole seconds.
    pub create_date: Timestamp,
    /// Whole seconds.
    pub update_date: Timestamp,
}

/// A user group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The numeric id that IMS shows.
    pub group_id: String,
    /// The `g-…` id that RAM shows.
    pub ram_group_id: String,
    /// Unique without regard to case.
    pub group_name: String,
    /// Free text; IMS only.
    #[serde(default)]
    pub display_name: String,
    /// Free text.
    #[serde(default)]
    pub comments: String,
    /// Whole seconds.
    pub create_date: Timestamp,
    /// Whole seconds.
    pub update_date: Timestamp,
}

/// A user's place in a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// [`Group::group_id`].
    pub group_id: String,
    /// [`User::user_id`].
    pub user_id: String,
    /// Whole seconds.
    pub join_date: Timestamp,
}

/// A RAM role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Eighteen digits.
    pub role_id: String,
    /// Keeps its case; the role's ARN does not.
    pub role_name: String,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// The trust policy: JSON text.
    pub assume_role_policy_document: String,
    /// Seconds, 3600 to 43200.
    pub max_session_duration: u32,
    /// Made and kept by a cloud service.
    #[serde(default)]
    pub is_service_linked_role: bool,
    /// At most 20.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Whole seconds.
    pub create_date: Timestamp,
    /// Whole seconds.
    pub update_date: Timestamp,
}

/// Who owns a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyType {
    /// The account's own.
    Custom,
    /// Alibaba Cloud's.
    System,
}

impl PolicyType {
    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Custom => "Custom",
            Self::System => "System",
        }
    }
}

/// A permission policy with its versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Custom or system.
    pub policy_type: PolicyType,
    /// Unique within the type without regard to case.
    pub policy_name: String,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// The version in force, `v1`, `v2` and so on.
    pub default_version: String,
    /// The number of the newest version ever made; numbers are not used again.
    pub last_version: u32,
    /// Oldest first; at most five of a custom policy.
    pub versions: Vec<PolicyVersion>,
    /// At most 20.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Whole seconds.
    pub create_date: Timestamp,
    /// Whole seconds.
    pub update_date: Timestamp,
}

/// One version of a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyVersion {
    /// `v1`, `v2` and so on.
    pub version_id: String,
    /// JSON text.
    pub policy_document: String,
    /// Whole seconds.
    pub create_date: Timestamp,
}

/// A resource group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceGroup {
    /// `rg-` and fourteen letters or digits.
    pub id: String,
    /// Unique.
    pub name: String,
    /// Free text.
    pub display_name: String,
    /// Whole seconds.
    pub create_date: Timestamp,
}

/// What a policy can be attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalType {
    /// A user.
    User,
    /// A group.
    Group,
    /// A role.
    Role,
}

/// A policy attached to a principal in one scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// [`Policy::policy_type`].
    pub policy_type: PolicyType,
    /// [`Policy::policy_name`].
    pub policy_name: String,
    /// User, group or role.
    pub principal_type: PrincipalType,
    /// The principal's id.
    pub principal_id: String,
    /// The resource group; absent means the whole account.
    #[serde(default)]
    pub resource_group_id: Option<String>,
    /// Whole seconds.
    pub attach_date: Timestamp,
}

/// Whether an access key or a login profile works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// It works.
    Active,
    /// It was switched off.
    Inactive,
    /// A word that no page of the vendor has, so nobody translates it. Only the control address sets it.
    #[serde(rename = "Suspended")]
    Suspended,
}

impl Switch {
    /// As the API spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
            Self::Suspended => "Suspended",
        }
    }
}

/// An access key of a user; its secret is kept nowhere but with the keys that verify.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// `LTAI…`.
    pub access_key_id: String,
    /// [`User::user_id`] of its owner.
    pub user_id: String,
    /// Whether it works.
    pub status: Switch,
    /// Whole seconds.
    pub create_date: Timestamp,
    /// Whole seconds.
    pub update_date: Timestamp,
}

/// How a user signs in to the console.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginProfile {
    /// [`User::user_id`].
    pub user_id: String,
    /// Whether the user may sign in.
    pub status: Switch,
    /// Whether a second factor must be bound.
    pub mfa_bind_required: bool,
    /// Whether the password must be changed at the next sign-in.
    pub password_reset_required: bool,
    /// Whole seconds.
    pub create_date: Timestamp,
    /// Whole seconds.
    pub update_date: Timestamp,
}

/// A second factor: a virtual device, bound or not, or another one, which is always bound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MfaDevice {
    /// `VMFA` or `U2F`.
    pub device_type: String,
    /// `acs:ram::<account>:mfa/<name>` of a virtual one; empty of any other.
    pub serial_number: String,
    /// [`User::user_id`] of the user that it is bound to.
    #[serde(default)]
    pub user_id: Option<String>,
    /// When it was bound; whole seconds.
    #[serde(default)]
    pub activate_date: Option<Timestamp>,
}

impl MfaDevice {
    /// The API's word for a virtual one.
    pub const VIRTUAL: &str = "VMFA";

    /// Whether it is a virtual one.
    #[must_use]
    pub fn is_virtual(&self) -> bool {
        self.device_type == Self::VIRTUAL
    }
}

/// An ECS instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// The region that it is in.
    pub region: String,
    /// `i-` and twenty letters or digits.
    pub instance_id: String,
    /// Not unique.
    pub instance_name: String,
    /// The private network; the classic network without one.
    #[serde(default)]
    pub vpc_id: Option<String>,
    /// The RAM role that it carries.
    #[serde(default)]
    pub role_name: Option<String>,
    /// `Running`, `Stopped`.
    pub status: String,
    /// At most 20.
    #[serde(default)]
    pub tags: Vec<Tag>,
    /// Whole seconds; the service shows minutes.
    pub creation_time: Timestamp,
}

/// The protocol that an identity provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderType {
    /// SAML 2.0.
    Saml,
    /// OpenID Connect.
    Oidc,
}

impl ProviderType {
    /// As it stands in ARNs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Saml => "saml",
            Self::Oidc => "oidc",
        }
    }

    /// The parameter that names a provider.
    #[must_use]
    pub fn name_parameter(self) -> &'static str {
        match self {
            Self::Saml => "SAMLProviderName",
            Self::Oidc => "OIDCProviderName",
        }
    }
}

/// An identity provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityProvider {
    /// SAML or OIDC.
    pub provider_type: ProviderType,
    /// Unique within the type.
    pub provider_name: String,
    /// Free text.
    #[serde(default)]
    pub description: String,
    /// SAML: Base64 of the metadata.
    #[serde(default)]
    pub encoded_metadata: String,
    /// SAML: `rsa-sha256` or `rsa-sha1`.
    #[serde(default)]
    pub authn_sign_algo: String,
    /// OIDC: unique.
    #[serde(default)]
    pub issuer_url: String,
    /// OIDC: in the order in which they were added.
    #[serde(default)]
    pub client_ids: Vec<String>,
    /// OIDC: in the order in which they were added.
    #[serde(default)]
    pub fingerprints: Vec<String>,
    /// OIDC: 1 to 168.
    #[serde(default)]
    pub issuance_limit_hours: u32,
    /// Whole seconds.
    pub create_date: Timestamp,
    /// Whole seconds.
    pub update_date: Timestamp,
}
