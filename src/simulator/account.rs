//! What the simulated account holds: plain data, loaded from and saved to one JSON file.
//!
//! Promises: whatever is loaded is consistent (unique keys, no edge without its ends). Independent of the product's own
//! model on purpose: the simulator is what the product is checked against. Does not know requests or services.

use std::path::Path;
use std::{fs, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::table::{Row, Table};

/// One account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Sixteen digits.
    pub account_id: String,
    /// The alias in every principal name; the account id stands in when there is none.
    #[serde(default)]
    pub alias: Option<String>,
    /// How many ids were ever given out, so that none is given out twice.
    #[serde(default)]
    pub ids_issued: u64,
    /// RAM users.
    #[serde(default)]
    pub users: Table<User>,
    /// User groups.
    #[serde(default)]
    pub groups: Table<Group>,
    /// Which user is in which group.
    #[serde(default)]
    pub memberships: Table<Membership>,
    /// RAM roles.
    #[serde(default)]
    pub roles: Table<Role>,
    /// Custom and system policies.
    #[serde(default)]
    pub policies: Table<Policy>,
    /// Resource groups.
    #[serde(default)]
    pub resource_groups: Table<ResourceGroup>,
    /// Which policy is attached to which principal, and in which scope.
    #[serde(default)]
    pub attachments: Table<Attachment>,
}

/// One tag of a user, role or policy.
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

/// The key of a row by its id.
#[must_use]
pub(super) fn id_key(id: &str) -> String {
    format!("id:{id}")
}

/// The key of a row by its name; names are unique without regard to case.
#[must_use]
pub(super) fn name_key(name: &str) -> String {
    format!("name:{}", name.to_lowercase())
}

/// The key of a policy, and the group of its attachments.
#[must_use]
pub(super) fn policy_key(policy_type: PolicyType, name: &str) -> String {
    format!("{}:{}", policy_type.as_str(), name.to_lowercase())
}

/// The group of the attachments of a principal.
#[must_use]
pub(super) fn principal_key(principal_type: PrincipalType, id: &str) -> String {
    format!("{principal_type:?}:{id}")
}

/// The key of a user's place in a group.
#[must_use]
pub(super) fn membership_key(group_id: &str, user_id: &str) -> String {
    format!("{group_id}/{user_id}")
}

/// The group of a group's memberships.
#[must_use]
pub(super) fn members_key(group_id: &str) -> String {
    format!("group:{group_id}")
}

/// The group of a user's memberships.
#[must_use]
pub(super) fn joined_key(user_id: &str) -> String {
    format!("user:{user_id}")
}

/// The group of the attachments of one scope.
#[must_use]
pub(super) fn scope_key(resource_group_id: Option<&str>) -> String {
    format!("scope:{}", resource_group_id.unwrap_or("account"))
}

impl Attachment {
    /// The key of this attachment: all five parts.
    #[must_use]
    pub fn key(&self) -> String {
        let policy = policy_key(self.policy_type, &self.policy_name);
        let principal = principal_key(self.principal_type, &self.principal_id);
        format!("{policy}/{principal}/{}", scope_key(self.resource_group_id.as_deref()))
    }
}

macro_rules! row {
    ($row:ty, $kind:literal, $table:ident, $keys:expr, $groups:expr) => {
        impl Row for $row {
            const KIND: &'static str = $kind;
            fn keys(&self) -> Vec<String> {
                ($keys)(self)
            }
            fn groups(&self) -> Vec<String> {
                ($groups)(self)
            }
            fn table(account: &Account) -> &Table<Self> {
                &account.$table
            }
            fn table_mut(account: &mut Account) -> &mut Table<Self> {
                &mut account.$table
            }
        }
    };
}

row!(User, "user", users, |row: &User| vec![id_key(&row.user_id), name_key(&row.user_name)], |_| Vec::new());
row!(Group, "group", groups, |row: &Group| vec![id_key(&row.group_id), name_key(&row.group_name)], |_| Vec::new());
row!(Role, "role", roles, |row: &Role| vec![id_key(&row.role_id), name_key(&row.role_name)], |_| Vec::new());
row!(
    Membership,
    "membership",
    memberships,
    |row: &Membership| vec![membership_key(&row.group_id, &row.user_id)],
    |row: &Membership| vec![members_key(&row.group_id), joined_key(&row.user_id)]
);
row!(
    Policy,
    "policy",
    policies,
    |row: &Policy| vec![policy_key(row.policy_type, &row.policy_name)],
    |row: &Policy| vec![row.policy_type.as_str().to_owned()]
);
row!(
    ResourceGroup,
    "resource_group",
    resource_groups,
    |row: &ResourceGroup| vec![id_key(&row.id), name_key(&row.name)],
    |_| Vec::new()
);
row!(Attachment, "policy_attachment", attachments, |row: &Attachment| vec![row.key()], |row: &Attachment| vec![
    policy_key(row.policy_type, &row.policy_name),
    principal_key(row.principal_type, &row.principal_id),
    scope_key(row.resource_group_id.as_deref()),
]);

impl Account {
    /// An account without anything in it.
    #[must_use]
    pub fn empty(account_id: impl Into<String>) -> Self {
        Self {
            account_id: account_id.into(),
            alias: None,
            ids_issued: 0,
            users: Table::default(),
            groups: Table::default(),
            memberships: Table::default(),
            roles: Table::default(),
            policies: Table::default(),
            resource_groups: Table::default(),
            attachments: Table::default(),
        }
    }

    /// The alias, or the account id where none is set (so does GetAccountAlias).
    #[must_use]
    pub fn alias_or_id(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.account_id)
    }

    /// The default domain: what stands behind the `@` of every user's principal name.
    #[must_use]
    pub fn domain(&self) -> String {
        format!("{}.onaliyun.com", self.alias_or_id())
    }

    /// Reads `path`.
    ///
    /// # Errors
    /// The file cannot be read, is not such a JSON document, or holds an edge without its ends; the text says which.
    pub fn load(path: &Path) -> io::Result<Self> {
        let invalid =
            |reason: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {reason}", path.display()));
        let account: Self = serde_json::from_slice(&fs::read(path)?).map_err(|error| invalid(error.to_string()))?;
        account.check_edges().map_err(invalid)?;
        Ok(account)
    }

    /// Writes `path` through a temporary file beside it, so that a crash leaves the old one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let temporary = path.with_extension("tmp");
        fs::write(&temporary, serde_json::to_vec_pretty(self)?)?;
        fs::rename(&temporary, path)
    }

    /// Whether a principal with this id exists.
    #[must_use]
    pub fn has_principal(&self, principal_type: PrincipalType, id: &str) -> bool {
        let key = id_key(id);
        match principal_type {
            PrincipalType::User => self.users.get(&key).is_some(),
            PrincipalType::Group => self.groups.get(&key).is_some(),
            PrincipalType::Role => self.roles.get(&key).is_some(),
        }
    }

    fn check_edges(&self) -> Result<(), String> {
        for row in self.memberships.iter() {
            if self.users.get(&id_key(&row.user_id)).is_none() || self.groups.get(&id_key(&row.group_id)).is_none() {
                return Err(format!("memberships: user {} or group {} is missing", row.user_id, row.group_id));
            }
        }
        for row in self.attachments.iter() {
            let scoped = row.resource_group_id.as_deref().map(id_key);
            let whole = self.has_principal(row.principal_type, &row.principal_id)
                && self.policies.get(&policy_key(row.policy_type, &row.policy_name)).is_some()
                && scoped.is_none_or(|key| self.resource_groups.get(&key).is_some());
            if !whole {
                return Err(format!("attachments: an end of {} is missing", row.key()));
            }
        }
        Ok(())
    }
}
