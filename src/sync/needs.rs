//! Which operations each kind is read by: what the least-privilege policy consists of, and what an operation that is
//! denied leaves unknown. The one place that says so; the compiler asks for the line of a new kind.

use std::collections::BTreeSet;

use crate::{
    alicloud::{
        Operation,
        ecs::{DESCRIBE_INSTANCE_RAM_ROLE, DESCRIBE_INSTANCES, DESCRIBE_REGIONS},
        ims::{
            GET_ACCOUNT_SUMMARY, GET_GROUP, GET_USER, LIST_GROUPS, LIST_GROUPS_FOR_USER, LIST_USERS,
            LIST_USERS_FOR_GROUP,
        },
        ims_providers::{GET_OIDC_PROVIDER, GET_SAML_PROVIDER, LIST_OIDC_PROVIDERS, LIST_SAML_PROVIDERS},
        ims_settings::{GET_ACCOUNT_MFA_INFO, GET_DEFAULT_DOMAIN, GET_PASSWORD_POLICY, GET_SECURITY_PREFERENCE},
        ram::{
            GET_ACCOUNT_ALIAS, GET_POLICY, GET_ROLE, LIST_POLICIES, LIST_POLICIES_FOR_GROUP, LIST_POLICIES_FOR_ROLE,
            LIST_POLICIES_FOR_USER, LIST_POLICY_VERSIONS, LIST_ROLES,
        },
        resource_manager::LIST_POLICY_ATTACHMENTS,
        sign_in::{GET_LOGIN_PROFILE, GET_USER_MFA_INFO, LIST_ACCESS_KEYS, LIST_VIRTUAL_MFA_DEVICES},
    },
    model::Kind,
};

/// What a kind is read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// Without one of these, the kind or part of it is unknown.
    pub reading: &'static [&'static Operation],
    /// Asked only where something is doubtful: without one of these, what seems to be removed may be held.
    pub proving: &'static [&'static Operation],
}

/// What `kind` is read by.
#[must_use]
pub fn needs(kind: Kind) -> Needs {
    match kind {
        Kind::Account => {
            Needs { reading: &[&GET_ACCOUNT_ALIAS, &GET_ACCOUNT_MFA_INFO, &GET_DEFAULT_DOMAIN], proving: &[] }
        }
        Kind::User => Needs { reading: &[&LIST_USERS], proving: &[&GET_USER, &GET_ACCOUNT_SUMMARY] },
        Kind::Group => Needs { reading: &[&LIST_GROUPS], proving: &[&GET_GROUP, &GET_ACCOUNT_SUMMARY] },
        Kind::Role => Needs { reading: &[&LIST_ROLES, &GET_ROLE], proving: &[&GET_ACCOUNT_SUMMARY] },
        Kind::Policy => {
            Needs { reading: &[&LIST_POLICIES, &LIST_POLICY_VERSIONS], proving: &[&GET_POLICY, &GET_ACCOUNT_SUMMARY] }
        }
        Kind::PasswordPolicy => Needs { reading: &[&GET_PASSWORD_POLICY], proving: &[] },
        Kind::SecurityPreference => Needs { reading: &[&GET_SECURITY_PREFERENCE], proving: &[] },
        Kind::IdentityProvider => Needs {
            reading: &[&LIST_SAML_PROVIDERS, &GET_SAML_PROVIDER, &LIST_OIDC_PROVIDERS],
            proving: &[&GET_OIDC_PROVIDER],
        },
        Kind::Instance => {
            Needs { reading: &[&DESCRIBE_REGIONS, &DESCRIBE_INSTANCES, &DESCRIBE_INSTANCE_RAM_ROLE], proving: &[] }
        }
        // Asked for by the users' names.
        Kind::AccessKey => Needs { reading: &[&LIST_USERS, &LIST_ACCESS_KEYS], proving: &[] },
        Kind::LoginProfile => Needs { reading: &[&LIST_USERS, &GET_LOGIN_PROFILE], proving: &[] },
        Kind::MfaDevice => {
            Needs { reading: &[&LIST_USERS, &LIST_VIRTUAL_MFA_DEVICES, &GET_USER_MFA_INFO], proving: &[] }
        }
        // Asked for by the groups' names, and from the other end by the users'.
        Kind::Membership => {
            Needs { reading: &[&LIST_GROUPS, &LIST_USERS_FOR_GROUP], proving: &[&LIST_USERS, &LIST_GROUPS_FOR_USER] }
        }
        // Its rows have names, which lead to ids by the listings of the principals.
        Kind::PolicyAttachment => Needs {
            reading: &[&LIST_POLICY_ATTACHMENTS, &LIST_USERS, &LIST_GROUPS, &LIST_ROLES],
            proving: &[&LIST_POLICIES_FOR_USER, &LIST_POLICIES_FOR_GROUP, &LIST_POLICIES_FOR_ROLE],
        },
    }
}

/// The RAM actions that reading `kinds` needs, each once.
#[must_use]
pub fn actions(kinds: &[Kind]) -> BTreeSet<&'static str> {
    let needs = kinds.iter().map(|kind| needs(*kind));
    let operations = needs.flat_map(|needs| needs.reading.iter().chain(needs.proving));
    operations.filter_map(|operation| operation.ram_action).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alicloud::OPERATIONS;

    #[test]
    fn every_operation_that_needs_an_action_is_needed_by_a_kind_and_no_other() {
        let all: BTreeSet<&str> = OPERATIONS.iter().filter_map(|operation| operation.ram_action).collect();
        assert_eq!(actions(Kind::ALL), all);
    }

    #[test]
    fn fewer_kinds_need_fewer_actions() {
        let expected = ["ram:GetAccountSummary", "ram:GetPasswordPolicy", "ram:GetUser", "ram:ListUsers"];
        assert_eq!(actions(&[Kind::User, Kind::PasswordPolicy]), BTreeSet::from(expected));
    }
}
