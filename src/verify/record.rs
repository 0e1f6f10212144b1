//! What was read, as the records say it: change events, records of `.syncs`, the state topic.
//!
//! Entities stay the JSON text that they are, in the order of their schema: ids and digests rest on that text.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    pub(super) offset: i64,
}

impl Default for Place {
    fn default() -> Self {
        Self { topic: "".into(), partition: 0, offset: 0 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]@{}", self.topic, self.partition, self.offset)
    }
}

/// A change event. The fields are those of its schema, beside where it stands and what stands around it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Event {
    #[serde(skip)]
    pub(super) place: Place,
    #[serde(skip)]
    pub(super) key: Arc<str>,
    #[serde(skip)]
    pub(super) headers: Vec<(String, String)>,
    pub(super) event_id: String,
    pub(super) event_type: String,
    pub(super) op: String,
    pub(super) cause: Option<String>,
    pub(super) lineage: String,
    pub(super) account_id: String,
    pub(super) sync_id: String,
    pub(super) sequence: i64,
    pub(super) batch_index: i64,
    pub(super) batch_size: i64,
    pub(super) revision: i64,
    pub(super) previous_revision: Option<i64>,
    pub(super) observed_at: i64,
    pub(super) previously_observed_at: Option<i64>,
    pub(super) replay_id: Option<String>,
    pub(super) changed_fields: Vec<String>,
    #[serde(deserialize_with = "text")]
    pub(super) before: Option<Arc<str>>,
    #[serde(deserialize_with = "text")]
    pub(super) after: Option<Arc<str>>,
}

impl Event {
    /// The kind in its type.
    pub(super) fn kind(&self) -> &str {
        self.event_type.split_once('.').map_or("", |(kind, _)| kind)
    }

    /// The verb in its type.
    pub(super) fn verb(&self) -> &str {
        self.event_type.split_once('.').map_or("", |(_, verb)| verb)
    }
}

/// A record of `.syncs`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Notice {
    /// It came after the reading of the events began: not all of its sync's events need to be among them.
    #[serde(skip)]
    pub(super) is_late: bool,
    #[serde(skip)]
    pub(super) place: Place,
    #[serde(skip)]
    pub(super) key: Arc<str>,
    #[serde(skip)]
    pub(super) headers: Vec<(String, String)>,
    pub(super) notice_type: String,
    pub(super) notice_id: String,
    pub(super) lineage: String,
    pub(super) account_id: String,
    pub(super) sync_id: Option<String>,
    pub(super) sequence: i64,
    pub(super) started_at: Option<i64>,
    pub(super) finished_at: Option<i64>,
    pub(super) batch_size: i64,
    pub(super) outcome: Option<String>,
    pub(super) collections: Vec<CollectionStatus>,
    pub(super) scopes: Vec<ScopeStatus>,
    pub(super) request_id: Option<String>,
    pub(super) kinds: Vec<KindCount>,
}

/// What a replay holds of one kind.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct KindCount {
    pub(super) kind: String,
    pub(super) count: i64,
    pub(super) digest: String,
}

impl Notice {
    pub(super) fn is_completion(&self) -> bool {
        self.notice_type == "sync.completed"
    }

    /// Whether it proves a replay.
    pub(super) fn is_replay(&self) -> bool {
        self.notice_type == "replay.completed"
    }

    /// Whether it begins a lineage, with nothing published in it yet.
    pub(super) fn is_start(&self) -> bool {
        self.notice_type == "lineage.started"
    }

    pub(super) fn is_complete(&self) -> bool {
        self.outcome.as_deref() == Some("complete")
    }

    /// What it says of the collection of `kind`.
    pub(super) fn collection(&self, kind: &str) -> Option<&CollectionStatus> {
        self.collections.iter().find(|status| status.kind == kind)
    }

    /// The scopes of the kind that it names, in their order: the collection itself comes first.
    pub(super) fn scopes_of(&self, kind: &str) -> Vec<&ScopeStatus> {
        self.scopes.iter().filter(|scope| scope.scope.split('/').next() == Some(kind)).collect()
    }

    /// Start and end of its reading by the daemon's own clock, Unix milliseconds.
    pub(super) fn window(&self) -> Option<(i64, i64)> {
        self.started_at.zip(self.finished_at)
    }
}

/// What one sync did with one collection.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CollectionStatus {
    pub(super) kind: String,
    pub(super) status: String,
    /// Start of its reading by the services' clock, Unix milliseconds.
    pub(super) begun_at: Option<i64>,
    /// End of its last complete reading by the services' clock, Unix milliseconds.
    pub(super) complete_at: Option<i64>,
    /// Why it, or the first of its scopes, is not known.
    pub(super) reason: Option<String>,
    /// How many of its scopes are not known.
    pub(super) stale_scopes: i64,
    /// Start of the last complete reading of the one that is unknown for longest, Unix milliseconds.
    pub(super) stale_since: Option<i64>,
    pub(super) entities: i64,
    pub(super) added: i64,
    pub(super) updated: i64,
    pub(super) removed: i64,
    pub(super) baseline: bool,
}

impl CollectionStatus {
    /// Start and end of its reading by the services' clock, Unix milliseconds; none if it was not read whole.
    pub(super) fn complete_window(&self) -> Option<(i64, i64)> {
        self.begun_at.zip(self.complete_at).filter(|_| self.status == "complete")
    }

    /// Whether these are all of its scopes that are not known: only the first ones are named.
    pub(super) fn are_all(&self, named: &[&ScopeStatus]) -> bool {
        usize::try_from(self.stale_scopes) == Ok(named.len())
    }
}

/// A scope that is not known.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ScopeStatus {
    pub(super) scope: String,
    pub(super) reason: String,
    /// Start of its last complete reading, Unix milliseconds.
    pub(super) since: Option<i64>,
}

/// A record of the state topic, as it stands there.
#[derive(Debug, Clone)]
pub(super) struct StateRecord {
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) value: Option<Vec<u8>>,
}

/// What the value of an entity's state record says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct StoredEntity {
    pub(super) revision: i64,
    #[serde(deserialize_with = "text")]
    pub(super) entity: Option<Arc<str>>,
}

/// What the progress record says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Progress {
    pub(super) lineage: String,
    pub(super) sequence: i64,
    pub(super) sync_id: Option<String>,
    pub(super) collections: BTreeMap<String, CollectionProgress>,
}

/// What progress says of one collection.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CollectionProgress {
    pub(super) count: u64,
    pub(super) digest: String,
}

/// A partition of an event topic of which retention has taken the beginning.
#[derive(Debug, Clone)]
pub(super) struct Truncated {
    pub(super) topic: Arc<str>,
    pub(super) partition: i32,
    /// Lineage and sequence of its first record of this account that is left.
    pub(super) first: Option<(String, i64)>,
}

/// A record of this account that is not what its topic holds.
#[derive(Debug, Clone)]
pub(super) struct Unreadable {
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) reason: String,
}

/// Everything that was read of one account.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) account: String,
    pub(super) events: Vec<Event>,
    /// Of replays; `None` if they were not read, or not all that there were.
    pub(super) rows: Option<Vec<Event>>,
    /// In the order of `.syncs`.
    pub(super) notices: Vec<Notice>,
    /// In the order of the topic; `None` if it was not read.
    pub(super) state: Option<Vec<StateRecord>>,
    pub(super) truncated: Vec<Truncated>,
    pub(super) unreadable: Vec<Unreadable>,
    /// Whether the beginning of `.syncs` is gone.
    pub(super) syncs_truncated: bool,
    /// Whether aborted records may be among those read.
    pub(super) uncommitted: bool,
    /// What could not be read or judged, in sentences.
    pub(super) remarks: Vec<String>,
}

/// Whether two texts are one entity. A field that is null and one that is not there are the same: what a version of a kind
/// does not have is null when it is told again under the schema of a later one.
pub(super) fn same_entity(one: Option<&str>, other: Option<&str>) -> bool {
    let fields = |text: &str| {
        let fields = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).ok()?;
        Some(fields.into_iter().filter(|(_, value)| !value.is_null()).collect::<BTreeMap<_, _>>())
    };
    one == other
        || one.zip(other).is_some_and(
            |(one, other)| matches!((fields(one), fields(other)), (Some(one), Some(other)) if one == other),
        )
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<str>>, D::Error> {
    let raw: Box<RawValue> = Box::deserialize(deserializer)?;
    Ok(if raw.get() == "null" { None } else { Some(raw.get().into()) })
}

#[cfg(test)]
mod tests {
    use super::same_entity;

    #[test]
    fn nulls_of_a_later_schema_make_no_other_entity_and_any_other_value_does() {
        let held = Some(r#"{"alias":"x"}"#);
        assert!(same_entity(held, held) && same_entity(None, None));
        assert!(same_entity(held, Some(r#"{"alias":"x","root_mfa_enabled":null}"#)));
        for other in [r#"{"alias":"y"}"#, r#"{"alias":"x","root_mfa_enabled":false}"#, r#"{"alias":null}"#, "{", "[]"] {
            assert!(!same_entity(held, Some(other)), "{other}");
        }
        assert!(!same_entity(held, None));
    }
}
