//! RAM policies, from RAM ListPolicies with ListPolicyVersions for the documents of custom ones.

use serde::{Deserialize, Serialize};

use super::{
    Dates, Document, Entity, Key, Kind, Labels, Millis, Names, Scope, Tag, Verb, entity::differing_fields,
    fields::serde_as_text,
};

/// Whose policy it is, as it stands in keys and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyType {
    /// Made by the account.
    Custom,
    /// Made by Alibaba Cloud.
    System,
}

serde_as_text!(PolicyType);

impl PolicyType {
    /// Both types.
    pub const ALL: &[Self] = &[Self::Custom, Self::System];

    /// The type as it stands in keys and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Custom => "custom",
            Self::System => "system",
        }
    }

    /// The scope of all policies of this type: each type has a listing of its own.
    #[must_use]
    pub fn scope(self) -> Scope {
        Scope::children(Kind::Policy, [self.as_str()])
    }

    /// The key of the policy of this type with this name. Policy names are case-insensitive, so the
    /// key holds them in ASCII lower case.
    #[must_use]
    pub fn key(self, account: &str, name: &str) -> Key {
        Key::new(account, Kind::Policy, &[self.as_str(), &name.to_ascii_lowercase()])
    }
}

/// One version of a custom policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// VersionId, `v1`.
    pub version_id: String,
    /// CreateDate.
    pub create_date: Option<Millis>,
    /// PolicyDocument.
    pub document: Option<Document>,
}

/// A RAM policy. Of a system policy only the default version is compared and published: its
/// description changes with the caller's language and its document is public.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Custom or system.
    pub policy_type: PolicyType,
    /// PolicyName as received.
    pub policy_name: String,
    /// Description (custom only).
    pub description: Option<String>,
    /// DefaultVersion, `v1`.
    pub default_version: Option<String>,
    /// The document of the default version (custom only).
    pub default_document: Option<Document>,
    /// All versions, by their number (custom only).
    pub versions: Vec<PolicyVersion>,
    /// Tags, sorted by key (custom only).
    pub tags: Vec<Tag>,
    /// CreateDate (custom only).
    pub create_date: Option<Millis>,
    /// UpdateDate (custom only); published, not compared.
    pub update_date: Option<Millis>,
}

impl Entity for Policy {
    const KIND: Kind = Kind::Policy;
    const MODEL_VERSION: &'static str = "1";
    const NEW: Verb = Verb::Created;

    fn key(&self, account: &str) -> Key {
        self.policy_type.key(account, &self.policy_name)
    }

    fn scope(key: &Key) -> Scope {
        Scope::children(Kind::Policy, key.components().take(1))
    }

    fn labels<'a>(&'a self, _: &Key, _: &'a Names) -> Labels<'a> {
        vec![("policy_type", Some(self.policy_type.as_str())), ("policy_name", Some(&self.policy_name))]
    }

    fn dates(&self) -> Dates {
        Dates { born: self.create_date, touched: self.update_date }
    }

    fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        differing_fields!(self, after,
            compared: [description, default_version, default_document, versions, tags, create_date],
            not_compared: [policy_type, policy_name, update_date])
    }

    /// Of a system policy no date tells an old answer from a new one.
    fn must_be_seen_twice(&self, _: &Self) -> bool {
        self.policy_type == PolicyType::System
    }
}
