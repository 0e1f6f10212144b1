//! The records of the state topic: JSON, so that they can be read without a registry.
//!
//! Every record says its `format`; a record of a format that is not known here stops the reader,
//! for it was written by a newer version. Format 2 differs from 1 in the kinds that there can be, and in
//! nothing else, so that records of both stand side by side.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Digest;
use crate::{
    control::Journal,
    model::{Key, Kind, Millis, Reason, Scope},
};

/// The format that this version writes; it reads that and all before it. 2: the kinds of account-wide settings, identity
/// providers, instances, and what users have (access keys, login profiles, MFA devices).
const FORMAT: u32 = 2;

/// What a reader must understand to read what this version writes. A new kind raises it, and
/// `FORMAT` with it: an older version must not take the new kind's records for somebody else's.
pub const MIN_READER: u32 = 2;

/// Why a record of the state topic cannot be used. Nothing may be published after any of these.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The key is none of this account's.
    #[error("the state topic holds a record with the key {0:?}, which is none of this account's")]
    Key(String),
    /// The kind is none that this version knows.
    #[error("the state topic holds the record {0:?} of a kind that this version does not know: run the newer version")]
    UnknownKind(String),
    /// The value is not what a record looks like.
    #[error("the state record {key} cannot be read")]
    Malformed {
        /// Its key.
        key: String,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A newer version wrote it.
    #[error("the state record {key} has format {format}, this version reads up to {FORMAT}: run the newer version")]
    Newer {
        /// Its key.
        key: String,
        /// Its format.
        format: u32,
    },
    /// Progress belongs to another account.
    #[error("the progress record belongs to account {found}, not to {expected}")]
    ForeignProgress {
        /// The account in the record.
        found: String,
        /// The account of this state.
        expected: String,
    },
}

/// The record of one entity; `entity` comes last, so that a reader needs no look-ahead.
#[derive(Debug, Serialize, Deserialize)]
pub struct EntityRecord<'a> {
    format: u32,
    /// The version of the kind under which it was written.
    #[serde(borrow)]
    pub model_version: std::borrow::Cow<'a, str>,
    /// The sequence that last changed it.
    pub revision: i64,
    /// Its JSON, as in `after`.
    #[serde(borrow)]
    pub entity: &'a RawValue,
}

impl<'a> EntityRecord<'a> {
    /// Reads the value of the record with this key.
    ///
    /// # Errors
    /// The value is malformed or of a newer format.
    pub fn parse(key: &str, value: &'a [u8]) -> Result<Self, RecordError> {
        let malformed = |source| RecordError::Malformed { key: key.to_owned(), source };
        let text = std::str::from_utf8(value).map_err(|error| malformed(serde::de::Error::custom(error)))?;
        let record: Self = serde_json::from_str(text).map_err(malformed)?;
        check_format(key, record.format)?;
        if record.revision < 0 {
            return Err(malformed(serde::de::Error::custom("its revision is negative")));
        }
        Ok(record)
    }
}

/// The value of an entity's record.
#[must_use]
pub fn entity_record(model_version: &str, revision: i64, entity: &str) -> Vec<u8> {
    let version = serde_json::Value::from(model_version);
    format!(r#"{{"format":{FORMAT},"model_version":{version},"revision":{revision},"entity":{entity}}}"#).into_bytes()
}

/// How far the account has been published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    format: u32,
    min_reader: u32,
    /// UUID of this state's history.
    pub lineage: Uuid,
    /// The account.
    pub account_id: String,
    /// Number of the last committed sync; 0 before the first.
    pub sequence: i64,
    /// The reading of the cloud that it came from.
    pub sync_id: Option<Uuid>,
    /// What is known of each collection.
    pub collections: BTreeMap<Kind, CollectionProgress>,
    /// How far requests were read, and what became of the last ones.
    #[serde(default, skip_serializing_if = "Journal::is_empty")]
    pub control: Journal,
}

/// What progress says of one collection.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CollectionProgress {
    /// The version under which it was last read.
    pub model_version: String,
    /// Whether it has had its baseline under that version.
    pub baselined: bool,
    /// Start of the window of its last reading. Scopes that were not read in it have records of their own, with an
    /// earlier start.
    pub begun_at: Option<Millis>,
    /// End of the window of its last complete reading.
    pub complete_at: Option<Millis>,
    /// Count of its records.
    pub count: u64,
    /// Digest of its records.
    pub digest: Digest,
    /// Listed minus independently counted, at the last reading that could be counted.
    pub count_difference: Option<i64>,
}

impl CollectionProgress {
    /// When what the state holds of the collection was seen: at the last complete reading. What is in the state was read,
    /// even where nobody could say yet that it was all.
    #[must_use]
    pub fn seen_at(&self) -> Millis {
        self.complete_at.or(self.begun_at).unwrap_or(Millis(0))
    }
}

impl Progress {
    /// Progress of a state that begins.
    #[must_use]
    pub fn first(lineage: Uuid, account_id: impl Into<String>) -> Self {
        Self {
            format: FORMAT,
            min_reader: MIN_READER,
            lineage,
            account_id: account_id.into(),
            sequence: 0,
            sync_id: None,
            collections: BTreeMap::new(),
            control: Journal::default(),
        }
    }

    pub(super) fn parse(account: &str, value: &[u8]) -> Result<Self, RecordError> {
        let key = progress_key(account);
        // A newer version may have changed anything but this, so it is looked at first.
        #[derive(Deserialize)]
        struct Reader {
            min_reader: u32,
        }
        let malformed = |source| RecordError::Malformed { key: key.clone(), source };
        let reader: Reader = serde_json::from_slice(value).map_err(malformed)?;
        check_format(&key, reader.min_reader)?;
        let mut progress: Self = serde_json::from_slice(value).map_err(malformed)?;
        check_format(&key, progress.format)?;
        // What is written on it next is written by this version.
        (progress.format, progress.min_reader) = (FORMAT, MIN_READER);
        // The next one has to fit, too.
        if !(0..i64::MAX).contains(&progress.sequence) {
            return Err(malformed(serde::de::Error::custom("its sequence is out of range")));
        }
        if progress.account_id != account {
            return Err(RecordError::ForeignProgress { found: progress.account_id, expected: account.to_owned() });
        }
        Ok(progress)
    }

    /// The value of the progress record.
    #[must_use]
    pub fn to_value(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("progress has string keys only")
    }
}

/// A scope that is stale, or that its collection's baseline missed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScopeRecord {
    format: u32,
    /// The scope.
    pub scope: Scope,
    /// Start of the window of its last complete reading; null if it was never read.
    pub since: Option<Millis>,
    /// Why it is not known.
    pub reason: Reason,
    /// Whether it had no part in its collection's baseline: its first complete reading is one.
    pub missed: bool,
}

impl ScopeRecord {
    /// A record that `scope` is not known.
    #[must_use]
    pub fn new(scope: Scope, since: Option<Millis>, reason: Reason, missed: bool) -> Self {
        Self { format: FORMAT, scope, since, reason, missed }
    }

    pub(super) fn parse(key: &str, value: &[u8]) -> Result<Self, RecordError> {
        let malformed = |source| RecordError::Malformed { key: key.to_owned(), source };
        let record: Self = serde_json::from_slice(value).map_err(malformed)?;
        check_format(key, record.format)?;
        if !key.ends_with(&format!("/~scope/{}", record.scope)) {
            return Err(malformed(serde::de::Error::custom("it is about another scope than its key")));
        }
        Ok(record)
    }

    /// The value of the scope record.
    #[must_use]
    pub fn to_value(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a scope record has string keys only")
    }
}

/// The key of the progress record.
#[must_use]
pub fn progress_key(account: &str) -> String {
    format!("{account}/~progress")
}

/// The key of the record of a scope.
#[must_use]
pub fn scope_key(account: &str, scope: &Scope) -> String {
    format!("{account}/~scope/{scope}")
}

fn check_format(key: &str, format: u32) -> Result<(), RecordError> {
    match format {
        1..=FORMAT => Ok(()),
        0 => {
            let source = serde::de::Error::custom("there never was a format 0");
            Err(RecordError::Malformed { key: key.to_owned(), source })
        }
        _ => Err(RecordError::Newer { key: key.to_owned(), format }),
    }
}

/// The key of an entity as bytes of a Kafka record.
impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        self.as_str().as_bytes()
    }
}
