//! The only way to change an account: every change is noted with what stood there before and after.
//!
//! Does not know why something changes, nor whether it may: the operations have checked that.

use std::ops::Deref;

use serde::Serialize;
use serde_json::Value;

use super::account::Account;
use super::ids;
use super::keys::id_key;
use super::settings::{PasswordPolicy, SecurityPreference};
use super::table::Row;

/// One row that was added, changed or taken out.
#[derive(Debug, Serialize)]
pub struct Change {
    /// [`Row::KIND`], or `account`, `password_policy`, `security_preference`.
    pub kind: &'static str,
    /// The whole row before; absent if it was added.
    pub before: Option<Value>,
    /// The whole row after; absent if it was taken out.
    pub after: Option<Value>,
}

/// An account being changed. Reads go straight through to it.
#[derive(Debug)]
pub struct Draft<'a> {
    account: &'a mut Account,
    changes: Vec<Change>,
}

impl Deref for Draft<'_> {
    type Target = Account;

    fn deref(&self) -> &Account {
        self.account
    }
}

impl<'a> Draft<'a> {
    /// Begins to change `account`.
    pub fn new(account: &'a mut Account) -> Self {
        Self { account, changes: Vec::new() }
    }

    /// What was changed, in order.
    #[must_use]
    pub fn into_changes(self) -> Vec<Change> {
        self.changes
    }

    /// Adds a row whose keys the caller has checked to be free.
    pub fn insert<T: Row>(&mut self, row: T) {
        let after = Some(json(&row));
        T::table_mut(self.account).insert(row).expect("the operation checked that the keys are free");
        self.changes.push(Change { kind: T::KIND, before: None, after });
    }

    /// Puts `row` in the place of the row with the same first key.
    pub fn replace<T: Row>(&mut self, row: T) {
        let after = Some(json(&row));
        let before = T::table_mut(self.account).replace(row).expect("the operation found the row it replaces");
        self.changes.push(Change { kind: T::KIND, before: Some(json(before.as_ref())), after });
    }

    /// Takes the row with `key` out, if it is there.
    pub fn remove<T: Row>(&mut self, key: &str) {
        if let Some(row) = T::table_mut(self.account).remove(key) {
            self.changes.push(Change { kind: T::KIND, before: Some(json(row.as_ref())), after: None });
        }
    }

    /// Sets or clears the account's alias.
    pub fn set_alias(&mut self, alias: Option<String>) {
        self.change_account(|account| account.alias = alias);
    }

    /// Gives the root user a second factor, or takes it away.
    pub fn set_root_mfa(&mut self, is_enabled: bool) {
        self.change_account(|account| account.root_mfa_enabled = is_enabled);
    }

    fn change_account(&mut self, change: impl FnOnce(&mut Account)) {
        let row = |account: &Account| {
            serde_json::json!({
                "alias": account.alias,
                "root_mfa_enabled": account.root_mfa_enabled,
                "default_domain": account.domain(),
            })
        };
        let before = Some(row(self.account));
        change(self.account);
        self.changes.push(Change { kind: "account", before, after: Some(row(self.account)) });
    }

    /// Sets the password policy.
    pub(super) fn set_password_policy(&mut self, policy: PasswordPolicy) {
        let after = Some(json(&policy));
        let before = Some(json(&std::mem::replace(&mut self.account.password_policy, policy)));
        self.changes.push(Change { kind: "password_policy", before, after });
    }

    /// Sets the security preferences.
    pub(super) fn set_security_preference(&mut self, preference: SecurityPreference) {
        let after = Some(json(&preference));
        let before = Some(json(&std::mem::replace(&mut self.account.security_preference, preference)));
        self.changes.push(Change { kind: "security_preference", before, after });
    }

    /// Sets the regions that the account can use.
    pub fn set_regions(&mut self, regions: Vec<String>) {
        let before = Some(serde_json::json!({ "regions": self.account.regions }));
        self.account.regions = regions;
        let after = Some(serde_json::json!({ "regions": self.account.regions }));
        self.changes.push(Change { kind: "regions", before, after });
    }

    /// A number whose ids (see [`super::ids`]) nothing in this account has; none is given out twice.
    pub(super) fn new_id_seed(&mut self) -> u64 {
        loop {
            self.account.ids_issued += 1;
            let seed = self.account.ids_issued;
            // An account file written by hand may hold ids that were never counted.
            let Account { users, groups, roles, instances, .. } = &*self.account;
            let (numeric, group) = (id_key(&ids::numeric(seed)), id_key(&ids::ims_group(seed)));
            let is_free = users.get(&numeric).is_none() && roles.get(&numeric).is_none();
            if is_free && groups.get(&group).is_none() && instances.get(&id_key(&ids::instance(seed))).is_none() {
                return seed;
            }
        }
    }
}

fn json<T: Serialize>(row: &T) -> Value {
    serde_json::to_value(row).expect("rows are structs of texts and numbers, which always have a JSON form")
}
