//! The simulated account: one table per kind, loaded from and saved to one JSON file.
//!
//! Promises: whatever is loaded is consistent (unique keys, no edge without its ends). Does not know requests or services.

use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::entities::{
    AccessKey, Attachment, Group, IdentityProvider, Instance, LoginProfile, Membership, MfaDevice, Policy,
    PrincipalType, ResourceGroup, Role, User,
};
use super::keys::{id_key, policy_key};
use super::named;
use super::settings::{PasswordPolicy, SecurityPreference};
use super::table::Table;

/// One account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Sixteen digits.
    pub account_id: String,
    /// The alias in every principal name; the account id stands in when there is none.
    #[serde(default)]
    pub alias: Option<String>,
    /// Whether the root user has a second factor.
    #[serde(default)]
    pub root_mfa_enabled: bool,
    /// The password policy.
    #[serde(default)]
    pub password_policy: PasswordPolicy,
    /// The security preferences.
    #[serde(default)]
    pub security_preference: SecurityPreference,
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
    /// Access keys of users.
    #[serde(default)]
    pub access_keys: Table<AccessKey>,
    /// How users sign in.
    #[serde(default)]
    pub login_profiles: Table<LoginProfile>,
    /// Second factors.
    #[serde(default)]
    pub mfa_devices: Table<MfaDevice>,
    /// SAML and OIDC identity providers.
    #[serde(default)]
    pub identity_providers: Table<IdentityProvider>,
    /// The regions that the account can use.
    #[serde(default = "regions")]
    pub regions: Vec<String>,
    /// ECS instances.
    #[serde(default)]
    pub instances: Table<Instance>,
}

/// A few of the service's.
fn regions() -> Vec<String> {
    ["cn-hangzhou", "ap-southeast-1", "eu-central-1"].map(str::to_owned).into()
}

impl Account {
    /// An account without anything in it.
    #[must_use]
    pub fn empty(account_id: impl Into<String>) -> Self {
        Self {
            account_id: account_id.into(),
            alias: None,
            root_mfa_enabled: false,
            password_policy: PasswordPolicy::default(),
            security_preference: SecurityPreference::default(),
            ids_issued: 0,
            users: Table::default(),
            groups: Table::default(),
            memberships: Table::default(),
            roles: Table::default(),
            policies: Table::default(),
            resource_groups: Table::default(),
            attachments: Table::default(),
            access_keys: Table::default(),
            login_profiles: Table::default(),
            mfa_devices: Table::default(),
            regions: regions(),
            instances: Table::default(),
            identity_providers: Table::default(),
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
        let text = fs::read(path).map_err(|error| named(path, &error))?;
        let account: Self = serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))?;
        account.check_edges().map_err(invalid)?;
        Ok(account)
    }

    /// Writes `path` through a temporary file beside it, so that a crash leaves the old one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let temporary = path.with_extension("tmp");
        let text = serde_json::to_vec_pretty(self)?;
        let written = fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, path));
        written.map_err(|error| named(path, &error))
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
        let owners = self.access_keys.iter().map(|row| ("access_keys", &row.user_id));
        let owners = owners.chain(self.login_profiles.iter().map(|row| ("login_profiles", &row.user_id)));
        let bound = self.mfa_devices.iter().filter_map(|row| Some(("mfa_devices", row.user_id.as_ref()?)));
        for (table, user_id) in owners.chain(bound) {
            if self.users.get(&id_key(user_id)).is_none() {
                return Err(format!("{table}: user {user_id} is missing"));
            }
        }
        Ok(())
    }
}
