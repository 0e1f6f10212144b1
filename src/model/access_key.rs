//! Access keys of users, from IMS ListAccessKeys.

use serde::{Deserialize, Serialize};

use super::{
    Dates, Entity, Key, Kind, Labels, Millis, Names, Scope, Verb,
    entity::{differing_fields, switched},
    user::{scope_of_user, user_of},
};

/// An access key of a user. Its secret is never shown again by the service, and never asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccessKey {
    /// AccessKeyId.
    pub access_key_id: String,
    /// The id of its owner.
    pub user_id: String,
    /// `active`, `inactive`, or as received.
    pub status: String,
    /// CreateDate.
    pub create_date: Option<Millis>,
    /// UpdateDate; published, not compared.
    pub update_date: Option<Millis>,
}

/// The owner stands in the key, as the parent stands in every child's: what a key hangs on can be told from the key alone.
impl Entity for AccessKey {
    const KIND: Kind = Kind::AccessKey;
    const MODEL_VERSION: &'static str = "1";
    const NEW: Verb = Verb::Created;

    fn key(&self, account: &str) -> Key {
        Key::new(account, Kind::AccessKey, &[&self.user_id, &self.access_key_id])
    }

    fn scope(key: &Key) -> Scope {
        Scope::children(Kind::AccessKey, key.components().take(1))
    }

    fn ends(key: &Key) -> Vec<Key> {
        user_of(key)
    }

    fn scope_under(parent: &Key) -> Option<Scope> {
        scope_of_user(Kind::AccessKey, parent)
    }

    fn labels<'a>(&'a self, key: &Key, names: &'a Names) -> Labels<'a> {
        let user_name = key.components().next().and_then(|user| names.of(Kind::User, user));
        vec![("access_key_id", Some(&self.access_key_id)), ("user_id", Some(&self.user_id)), ("user_name", user_name)]
    }

    fn dates(&self) -> Dates {
        Dates { born: self.create_date, touched: self.update_date }
    }

    fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        differing_fields!(self, after,
            compared: [status, create_date],
            not_compared: [access_key_id, user_id, update_date])
    }

    fn update_verb(&self, after: &Self) -> Verb {
        switched(&self.status, &after.status)
    }
}
