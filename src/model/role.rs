//! RAM roles, from RAM ListRoles with GetRole for the trust policy.

use serde::{Deserialize, Serialize};

use super::{
    Dates, Document, Entity, Key, Kind, Labels, Millis, Names, Scope, Tag, TrustChange, TrustedPrincipal, Verb,
    entity::differing_fields,
};

/// A RAM role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// RoleId.
    pub role_id: String,
    /// RoleName.
    pub role_name: String,
    /// Description.
    pub description: Option<String>,
    /// AssumeRolePolicyDocument: who may assume the role (from GetRole).
    pub trust_policy: Option<Document>,
    /// MaxSessionDuration, in seconds.
    pub max_session_duration_secs: Option<i64>,
    /// Whether it is a service-linked role (from GetRole).
    pub service_linked: Option<bool>,
    /// Tags, sorted by key.
    pub tags: Vec<Tag>,
    /// CreateDate.
    pub create_date: Option<Millis>,
    /// UpdateDate; published, not compared.
    pub update_date: Option<Millis>,
}

impl Entity for Role {
    const KIND: Kind = Kind::Role;
    const MODEL_VERSION: &'static str = "1";

    fn key(&self, account: &str) -> Key {
        Key::new(account, Kind::Role, &[&self.role_id])
    }

    fn scope(_: &Key) -> Scope {
        Scope::collection(Kind::Role)
    }

    fn labels<'a>(&'a self, _: &Key, _: &'a Names) -> Labels<'a> {
        vec![("role_id", Some(&self.role_id)), ("role_name", Some(&self.role_name))]
    }

    fn meaning(before: Option<&Self>, after: Option<&Self>) -> Vec<(&'static str, Option<Vec<TrustedPrincipal>>)> {
        let trust = |role: Option<&Self>| role.and_then(|role| role.trust_policy.clone());
        let change = TrustChange::between(trust(before).as_ref(), trust(after).as_ref());
        let (added, removed) = change.map(|change| (change.added, change.removed)).unzip();
        vec![("trust_added", added), ("trust_removed", removed)]
    }

    fn name(&self) -> Option<&str> {
        Some(&self.role_name)
    }

    fn dates(&self) -> Dates {
        Dates { born: self.create_date, touched: self.update_date }
    }

    fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        differing_fields!(self, after,
            compared: [
                role_name, description, trust_policy, max_session_duration_secs, service_linked, tags, create_date,
            ],
            not_compared: [role_id, update_date])
    }

    fn update_verb(&self, after: &Self) -> Verb {
        if self.role_name == after.role_name { Verb::Updated } else { Verb::Renamed }
    }
}
