//! The account itself, from RAM GetAccountAlias, IMS GetAccountMFAInfo and IMS GetDefaultDomain.

use serde::{Deserialize, Serialize};

use super::{Dates, Entity, Key, Kind, Labels, Names, Scope, entity::differing_fields};

/// The account. Version 1 had the alias alone; its records can still be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The alias; null if none is set (the service then answers with the account id).
    pub alias: Option<String>,
    /// IsMFAEnable: whether the root user logs in with a second factor; null in version 1.
    pub root_mfa_enabled: Option<bool>,
    /// DefaultDomainName: what stands behind the `@` of users' principal names; null in version 1.
    pub default_domain: Option<String>,
}

impl Entity for Account {
    const KIND: Kind = Kind::Account;
    const MODEL_VERSION: &'static str = "2";

    fn key(&self, account: &str) -> Key {
        Key::new(account, Kind::Account, &[])
    }

    fn scope(_: &Key) -> Scope {
        Scope::collection(Kind::Account)
    }

    fn labels<'a>(&'a self, _: &Key, _: &'a Names) -> Labels<'a> {
        vec![("alias", self.alias.as_deref())]
    }

    fn dates(&self) -> Dates {
        Dates::default()
    }

    fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        differing_fields!(self, after, compared: [alias, root_mfa_enabled, default_domain], not_compared: [])
    }

    /// No date tells an old answer from a new one.
    fn must_be_seen_twice(&self, _: &Self) -> bool {
        true
    }
}
