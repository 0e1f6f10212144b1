//! The list of kinds: the one place that names them all.

use std::fmt;

use super::{
    Entity, Key, Scope, access_key::AccessKey, account::Account, fields::serde_as_text, group::Group,
    identity_provider::IdentityProvider, instance::Instance, login_profile::LoginProfile, membership::Membership,
    mfa_device::MfaDevice, password_policy::PasswordPolicy, policy::Policy, policy_attachment::PolicyAttachment,
    role::Role, security_preference::SecurityPreference, user::User,
};

/// What a kind is to the others; decides the order inside a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Stands by itself.
    Entity,
    /// Belongs to one entity.
    Child,
    /// Joins two entities.
    Edge,
}

/// Something to be done with the type behind a [`Kind`]; see [`Kind::with`].
pub trait ForKind {
    /// What comes of it.
    type Output;
    /// Does it with `E`.
    fn with<E: Entity>(self) -> Self::Output;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $rank:ident, $name:literal, $plural:literal;)*) => {
        /// The kinds of entities, in publishing order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind, in publishing order.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The kind in one snake_case word: in keys, event types, metrics and configuration.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The plural with dashes: the last part of topic names and the name of the schema file.
            #[must_use]
            pub const fn plural(self) -> &'static str {
                match self { $(Self::$kind => $plural,)* }
            }

            /// What it is to the others.
            #[must_use]
            pub const fn rank(self) -> Rank {
                match self { $(Self::$kind => Rank::$rank,)* }
            }

            /// The Avro schema of its change events, as registered.
            #[must_use]
            pub const fn schema(self) -> &'static str {
                match self { $(Self::$kind => include_str!(concat!("../../schemas/", $plural, ".avsc")),)* }
            }

            /// The version of what is compared and published of it.
            #[must_use]
            pub const fn model_version(self) -> &'static str {
                match self { $(Self::$kind => <$kind as Entity>::MODEL_VERSION,)* }
            }

            /// The scope that the entity of this kind with this key belongs to.
            #[must_use]
            pub fn scope_of(self, key: &Key) -> Scope {
                match self { $(Self::$kind => $kind::scope(key),)* }
            }

            /// The scope of the entities of this kind that are read under `parent`, if there are any.
            #[must_use]
            pub fn scope_under(self, parent: &Key) -> Option<Scope> {
                match self { $(Self::$kind => $kind::scope_under(parent),)* }
            }

            /// What must be in the state for the entity of this kind with this key to be published.
            #[must_use]
            pub fn ends_of(self, key: &Key) -> Vec<Key> {
                match self { $(Self::$kind => $kind::ends(key),)* }
            }

            /// Runs `task` with the type of this kind: the way from a kind known at run time to its fields.
            pub fn with<T: ForKind>(self, task: T) -> T::Output {
                match self { $(Self::$kind => task.with::<$kind>(),)* }
            }
        }
    };
}

kinds! {
    /// The account itself: its alias, its root user's second factor, its default domain.
    Account: Entity, "account", "accounts";
    /// RAM users, active and frozen.
    User: Entity, "user", "users";
    /// RAM user groups.
    Group: Entity, "group", "groups";
    /// RAM roles.
    Role: Entity, "role", "roles";
    /// RAM policies, custom and system.
    Policy: Entity, "policy", "policies";
    /// ECS instances and the RAM roles that they carry.
    Instance: Entity, "instance", "instances";
    /// The account's password policy.
    PasswordPolicy: Entity, "password_policy", "password-policies";
    /// The account's security preferences.
    SecurityPreference: Entity, "security_preference", "security-preferences";
    /// SAML and OIDC identity providers.
    IdentityProvider: Entity, "identity_provider", "identity-providers";
    /// Access keys of users.
    AccessKey: Child, "access_key", "access-keys";
    /// How users sign in to the console.
    LoginProfile: Child, "login_profile", "login-profiles";
    /// Second factors of users.
    MfaDevice: Child, "mfa_device", "mfa-devices";
    /// A user in a group.
    Membership: Edge, "membership", "memberships";
    /// A policy attached to a user, group or role.
    PolicyAttachment: Edge, "policy_attachment", "policy-attachments";
}

impl Kind {
    /// The name that edges carry of the entity of this kind with this JSON, if it has one.
    #[must_use]
    pub fn name_in(self, json: &str) -> Option<String> {
        struct NameIn<'a>(&'a str);
        impl ForKind for NameIn<'_> {
            type Output = Option<String>;
            fn with<E: Entity>(self) -> Option<String> {
                serde_json::from_str::<E>(self.0).ok()?.name().map(str::to_owned)
            }
        }
        self.with(NameIn(json))
    }

    /// The scopes that the entity of this kind with this key lies in, from itself to the widest.
    #[must_use]
    pub fn scopes_around(self, key: &Key) -> Vec<Scope> {
        let own = self.scope_of(key);
        let wider: Vec<Scope> = own.wider().collect();
        [Scope::entity(key), own].into_iter().chain(wider).collect()
    }

    /// The kind with this snake_case name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

serde_as_text!(Kind);

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_come_before_children_and_edges_and_names_are_unique() {
        assert!(Kind::ALL.is_sorted_by_key(|kind| kind.rank()));
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.as_str()), Some(*kind));
        }
    }
}
