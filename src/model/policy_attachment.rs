//! Policies attached to users, groups and roles, from ResourceManager ListPolicyAttachments.

use serde::{Deserialize, Serialize};

use super::{Dates, Entity, Key, Kind, Labels, Millis, Names, Scope, entity::differing_fields, policy::PolicyType};

/// The scope of a grant that holds in the whole account.
pub const WHOLE_ACCOUNT: &str = "account";

/// A policy attached to a user, group or role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyAttachment {
    /// Custom or system.
    pub policy_type: PolicyType,
    /// PolicyName as received.
    pub policy_name: String,
    /// The kind of the principal: `user`, `group` or `role`.
    pub principal_type: Kind,
    /// The principal's id.
    pub principal_id: String,
    /// `account`, or the resource group (`rg-…`) that the grant is limited to.
    pub scope: String,
    /// AttachDate.
    pub attach_date: Option<Millis>,
}

impl PolicyAttachment {
    /// The scope of everything attached to principals of one kind.
    #[must_use]
    pub fn scope_of_principals(kind: Kind) -> Scope {
        Scope::children(Kind::PolicyAttachment, [kind.as_str()])
    }

    /// The scope of everything attached to one user, group or role.
    #[must_use]
    pub fn scope_of_principal(principal: &Key) -> Scope {
        Scope::children(Kind::PolicyAttachment, principal.path().split('/'))
    }

    /// All of a key but the principal's id: the policy, the kind of principal, the scope of the grant.
    #[must_use]
    pub fn grant(key: &Key) -> Vec<&str> {
        key.components().take(3).chain(key.components().skip(4)).collect()
    }
}

/// The policy that a key names.
fn policy_of(key: &Key) -> Option<Key> {
    let mut components = key.components();
    Some(key.sibling(Kind::Policy, &[components.next()?, components.next()?]))
}

/// The principal that a key names.
fn principal_of(key: &Key) -> Option<Key> {
    let mut components = key.components().skip(2);
    Some(key.sibling(Kind::from_name(components.next()?)?, &[components.next()?]))
}

impl Entity for PolicyAttachment {
    const KIND: Kind = Kind::PolicyAttachment;
    const MODEL_VERSION: &'static str = "1";

    fn key(&self, account: &str) -> Key {
        let name = self.policy_name.to_ascii_lowercase();
        let components =
            [self.policy_type.as_str(), &name, self.principal_type.as_str(), &self.principal_id, &self.scope];
        Key::new(account, Kind::PolicyAttachment, &components)
    }

    fn scope(key: &Key) -> Scope {
        Scope::children(Kind::PolicyAttachment, key.components().skip(2).take(2))
    }

    fn ends(key: &Key) -> Vec<Key> {
        policy_of(key).zip(principal_of(key)).map(|(policy, principal)| vec![policy, principal]).unwrap_or_default()
    }

    fn scope_under(parent: &Key) -> Option<Scope> {
        matches!(parent.kind()?, Kind::User | Kind::Group | Kind::Role).then(|| Self::scope_of_principal(parent))
    }

    fn labels<'a>(&'a self, key: &Key, names: &'a Names) -> Labels<'a> {
        let principal_name = key.components().nth(3).and_then(|principal| names.of(self.principal_type, principal));
        vec![
            ("policy_type", Some(self.policy_type.as_str())),
            ("policy_name", Some(&self.policy_name)),
            ("principal_type", Some(self.principal_type.as_str())),
            ("principal_id", Some(&self.principal_id)),
            ("scope", Some(&self.scope)),
            ("principal_name", principal_name),
        ]
    }

    fn dates(&self) -> Dates {
        Dates { born: self.attach_date, touched: None }
    }

    fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        differing_fields!(self, after,
            compared: [attach_date],
            not_compared: [policy_type, policy_name, principal_type, principal_id, scope])
    }
}
