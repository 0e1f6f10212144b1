//! Under which texts each kind of row is found.

use super::account::Account;
use super::entities::{
    AccessKey, Attachment, Group, IdentityProvider, Instance, LoginProfile, Membership, MfaDevice, Policy, PolicyType,
    PrincipalType, ProviderType, ResourceGroup, Role, User,
};
use super::table::{Row, Table};

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

/// The group of what belongs to a user.
#[must_use]
pub(super) fn owned_key(user_id: &str) -> String {
    format!("owner:{user_id}")
}

/// The group of the attachments of one scope.
#[must_use]
pub(super) fn scope_key(resource_group_id: Option<&str>) -> String {
    format!("scope:{}", resource_group_id.unwrap_or("account"))
}

/// The key of an identity provider by its name.
#[must_use]
pub(super) fn provider_key(of_type: ProviderType, name: &str) -> String {
    format!("{}:{}", of_type.as_str(), name.to_lowercase())
}

/// The key of an OIDC provider by its issuer.
#[must_use]
pub(super) fn issuer_key(url: &str) -> String {
    format!("issuer:{url}")
}

impl IdentityProvider {
    fn keys(&self) -> Vec<String> {
        let by_name = provider_key(self.provider_type, &self.provider_name);
        let by_issuer = (self.provider_type == ProviderType::Oidc).then(|| issuer_key(&self.issuer_url));
        [by_name].into_iter().chain(by_issuer).collect()
    }
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

row!(AccessKey, "access_key", access_keys, |row: &AccessKey| vec![id_key(&row.access_key_id)], |row: &AccessKey| vec![
    owned_key(&row.user_id)
]);
row!(
    LoginProfile,
    "login_profile",
    login_profiles,
    |row: &LoginProfile| vec![id_key(&row.user_id)],
    |row: &LoginProfile| vec![owned_key(&row.user_id)]
);
row!(
    MfaDevice,
    "mfa_device",
    mfa_devices,
    |row: &MfaDevice| vec![match (row.is_virtual(), &row.user_id) {
        (false, Some(user_id)) => format!("{}:{user_id}", row.device_type),
        _ => id_key(&row.serial_number),
    }],
    |row: &MfaDevice| row.user_id.as_deref().map(owned_key).into_iter().collect()
);
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
row!(IdentityProvider, "identity_provider", identity_providers, IdentityProvider::keys, |row: &IdentityProvider| vec![
    row.provider_type.as_str().to_owned()
]);
row!(Attachment, "policy_attachment", attachments, |row: &Attachment| vec![row.key()], |row: &Attachment| vec![
    policy_key(row.policy_type, &row.policy_name),
    principal_key(row.principal_type, &row.principal_id),
    scope_key(row.resource_group_id.as_deref()),
]);
row!(Instance, "instance", instances, |row: &Instance| vec![id_key(&row.instance_id)], |row: &Instance| vec![
    row.region.clone()
]);
