//! What a decoded record says, reduced to what a line shows.

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::model::Kind;

/// A change event as it came out of its topic.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    pub(super) event_type: String,
    pub(super) op: String,
    pub(super) sync_id: String,
    pub(super) batch_index: i64,
    /// Milliseconds since 1970.
    observed_at: i64,
    /// Milliseconds since 1970.
    previously_observed_at: Option<i64>,
    changed_fields: Vec<String>,
    before: Option<Value>,
    after: Option<Value>,
    /// Everything else: the ids and names of the entity among it.
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

/// The one record of a sync.
#[derive(Debug, Deserialize)]
pub(super) struct SyncRecord {
    pub(super) notice_type: String,
    pub(super) sync_id: Option<String>,
    pub(super) sequence: i64,
    pub(super) batch_size: usize,
    pub(super) outcome: Option<String>,
    pub(super) collections: Vec<CollectionStatus>,
}

/// What one sync did with one collection.
#[derive(Debug, Deserialize)]
pub(super) struct CollectionStatus {
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) reason: Option<String>,
    pub(super) entities: i64,
}

impl Event {
    /// The kind, which is the first word of the type.
    pub(super) fn kind(&self) -> anyhow::Result<Kind> {
        let word = self.event_type.split('.').next().unwrap_or_default();
        Kind::from_name(word).with_context(|| format!("{} is of no kind", self.event_type))
    }

    /// When it happened: not before the first, not after the second.
    pub(super) fn window(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let timestamp = |millis| Timestamp::from_millisecond(millis).ok();
        (self.previously_observed_at.and_then(timestamp), timestamp(self.observed_at))
    }

    /// Who or what changed, and how, in a few words.
    pub(super) fn subject(&self) -> anyhow::Result<String> {
        let kind = self.kind()?;
        let who = match kind {
            Kind::Membership => format!("{} in {}", self.label("user_name"), self.label("group_name")),
            Kind::PolicyAttachment => format!("{} on {}", self.label("policy_name"), self.label("principal_name")),
            Kind::Account => "account".to_owned(),
            Kind::AccessKey => format!("{} of {}", self.label("access_key_id"), self.label("user_name")),
            Kind::LoginProfile => self.label("user_name"),
            Kind::MfaDevice => format!("{} of {}", self.label("device_type"), self.label("user_name")),
            Kind::PasswordPolicy | Kind::SecurityPreference => kind.as_str().replace('_', " "),
            Kind::IdentityProvider => self.label("provider_name"),
            Kind::Instance | Kind::User | Kind::Group | Kind::Role | Kind::Policy => {
                self.label(&format!("{kind}_name"))
            }
        };
        let (Some(before), Some(after)) = (&self.before, &self.after) else { return Ok(who) };
        if self.event_type.ends_with(".renamed") {
            let name = format!("{kind}_name");
            return Ok(format!("{} → {}", text(&before[&name]), text(&after[&name])));
        }
        let Some(field) = self.changed_fields.first() else { return Ok(who) };
        Ok(format!("{who} {} → {}", text(&before[field]), text(&after[field])))
    }

    /// The beginning of the entity's own id, if it has one.
    pub(super) fn short_id(&self) -> anyhow::Result<Option<String>> {
        let id = self.rest.get(&format!("{}_id", self.kind()?)).and_then(Value::as_str);
        Ok(id.map(|id| format!("{}…", id.chars().take(4).collect::<String>())))
    }

    fn label(&self, name: &str) -> String {
        self.rest.get(name).map_or_else(|| "?".to_owned(), text)
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
