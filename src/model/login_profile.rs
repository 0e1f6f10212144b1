//! Login profiles: whether and how a user may sign in to the console, from IMS GetLoginProfile.

use serde::{Deserialize, Serialize};

use super::{
    Dates, Entity, Key, Kind, Labels, Millis, Names, Scope, Verb,
    entity::{differing_fields, switched},
    user::{scope_of_user, user_of},
};

/// The login profile of a user; who has none cannot sign in with a password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoginProfile {
    /// The id of the user.
    pub user_id: String,
    /// `active`, `inactive`, or as received.
    pub status: String,
    /// MFABindRequired.
    pub mfa_bind_required: Option<bool>,
    /// PasswordResetRequired: at the next sign-in.
    pub password_reset_required: Option<bool>,
    /// UpdateDate; may move by itself, so it is published and not compared.
    pub update_date: Option<Millis>,
}

impl Entity for LoginProfile {
    const KIND: Kind = Kind::LoginProfile;
    const MODEL_VERSION: &'static str = "1";

    fn key(&self, account: &str) -> Key {
        Key::new(account, Kind::LoginProfile, &[&self.user_id])
    }

    fn scope(key: &Key) -> Scope {
        Scope::children(Kind::LoginProfile, key.components().take(1))
    }

    fn ends(key: &Key) -> Vec<Key> {
        user_of(key)
    }

    fn scope_under(parent: &Key) -> Option<Scope> {
        scope_of_user(Kind::LoginProfile, parent)
    }

    fn labels<'a>(&'a self, key: &Key, names: &'a Names) -> Labels<'a> {
        let user_name = key.components().next().and_then(|user| names.of(Kind::User, user));
        vec![("user_id", Some(&self.user_id)), ("user_name", user_name)]
    }

    fn dates(&self) -> Dates {
        Dates { born: None, touched: self.update_date }
    }

    fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        differing_fields!(self, after,
            compared: [status, mfa_bind_required, password_reset_required],
            not_compared: [user_id, update_date])
    }

    fn update_verb(&self, after: &Self) -> Verb {
        switched(&self.status, &after.status)
    }
}
