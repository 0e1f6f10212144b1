//! RAM users, from IMS ListUsers (`active,freeze`).

use serde::{Deserialize, Serialize};

use super::{Dates, Entity, Key, Kind, Labels, Millis, Names, Scope, Tag, Verb, entity::differing_fields};

/// The status of a frozen user as published; the API says `freeze`.
pub const FROZEN: &str = "frozen";

/// A RAM user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// UserId: stays through renames, and comes back out of the recycle bin.
    pub user_id: String,
    /// The part of the user principal name before `@`.
    pub user_name: String,
    /// `<name>@<alias or account>.onaliyun.com`.
    pub user_principal_name: String,
    /// DisplayName.
    pub display_name: Option<String>,
    /// Comments.
    pub comments: Option<String>,
    /// Email (China site only).
    pub email: Option<String>,
    /// MobilePhone (China site only).
    pub mobile_phone: Option<String>,
    /// `active`, `frozen`, or as received.
    pub status: String,
    /// `Manual`, `SCIM`, `CloudSSO`.
    pub provision_type: Option<String>,
    /// Tags, sorted by key.
    pub tags: Vec<Tag>,
    /// CreateDate.
    pub create_date: Option<Millis>,
    /// UpdateDate; moves by itself (logins), so it is published and not compared.
    pub update_date: Option<Millis>,
}

/// The scope of what is read by itself of this user; `None` if `parent` is no user.
pub(super) fn scope_of_user(kind: Kind, parent: &Key) -> Option<Scope> {
    (parent.kind() == Some(Kind::User)).then(|| Scope::children(kind, parent.components()))
}

/// The user that stands first in the key of what belongs to it.
pub(super) fn user_of(key: &Key) -> Vec<Key> {
    key.components().next().map(|user| key.sibling(Kind::User, &[user])).into_iter().collect()
}

impl Entity for User {
    const KIND: Kind = Kind::User;
    const MODEL_VERSION: &'static str = "1";

    fn key(&self, account: &str) -> Key {
        let id = if planted!(KeyByName) { &self.user_name } else { &self.user_id };
        Key::new(account, Kind::User, &[id])
    }

    fn scope(_: &Key) -> Scope {
        Scope::collection(Kind::User)
    }

    fn labels<'a>(&'a self, _: &Key, _: &'a Names) -> Labels<'a> {
        vec![("user_id", Some(&self.user_id)), ("user_name", Some(&self.user_name))]
    }

    fn name(&self) -> Option<&str> {
        Some(&self.user_name)
    }

    fn dates(&self) -> Dates {
        Dates { born: self.create_date, touched: self.update_date }
    }

    fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        differing_fields!(self, after,
            compared: [
                user_name, user_principal_name, display_name, comments, email, mobile_phone, status, provision_type,
                tags, create_date,
            ],
            not_compared: [user_id, update_date])
    }

    /// Another alias of the account is another principal name of everybody, and moves no date: an old answer looks the same.
    fn must_be_seen_twice(&self, after: &Self) -> bool {
        self.user_principal_name != after.user_principal_name
            && self.user_name == after.user_name
            && self.update_date == after.update_date
    }

    fn update_verb(&self, after: &Self) -> Verb {
        if self.user_name != after.user_name {
            Verb::Renamed
        } else if self.status == after.status {
            Verb::Updated
        } else if after.status == FROZEN {
            Verb::Frozen
        } else if self.status == FROZEN {
            Verb::Unfrozen
        } else {
            Verb::Updated
        }
    }
}
