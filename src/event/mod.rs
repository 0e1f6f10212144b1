//! Change events: what a change becomes when it is published. Ids, types, headers, windows.
//!
//! Pure: the same changes in the same batch are the same bytes, so a retry repeats nothing.

mod notice;
mod row;

use std::borrow::Cow;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{
    diff::{Cause, Change},
    model::{Key, Millis},
    state::Progress,
};

pub use notice::{CollectionStatus, KindCount, Notice, NoticeType, Outcome, ScopeStatus};
pub use row::{Replay, Row, Tally, row_id, rows};

/// What all events of one transaction have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// UUID of the state's history.
    pub lineage: Uuid,
    /// The account.
    pub account_id: String,
    /// Its label from the configuration.
    pub account_name: Option<String>,
    /// The reading of the cloud.
    pub sync_id: Uuid,
    /// The number of the sync.
    pub sequence: i64,
    /// Count of its events.
    pub size: usize,
}

impl Batch {
    /// What a transaction written on `progress` has in common with the last sync, without events of its own.
    #[must_use]
    pub fn of(progress: &Progress, account_name: Option<&str>) -> Self {
        Self {
            lineage: progress.lineage,
            account_id: progress.account_id.clone(),
            account_name: account_name.map(str::to_owned),
            // At sequence 0 there is no reading, and nothing that an event could be made of.
            sync_id: progress.sync_id.unwrap_or_default(),
            sequence: progress.sequence,
            size: 0,
        }
    }
}

/// The fields that every event begins with, in schema order; see `schemas/*.avsc`.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope<'a> {
    /// UUIDv5: the same fact has the same id.
    pub event_id: Uuid,
    /// `<kind>.<verb>`.
    pub event_type: String,
    /// The change.
    pub change: &'a Change,
    /// What it shares with the other events of its transaction.
    pub batch: &'a Batch,
    /// Its position in the batch, from 0.
    pub batch_index: usize,
    /// The sequence that last changed the key: that of the batch, unless it is a row of a replay.
    pub revision: i64,
    /// The replay that it is a row of, if somebody asked for one.
    pub replay_id: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    /// The envelope of the event at this position of the batch.
    #[must_use]
    pub fn new(batch: &'a Batch, batch_index: usize, change: &'a Change) -> Self {
        Self {
            event_id: event_id(batch, change),
            event_type: format!("{}.{}", change.kind, change.verb),
            change,
            batch,
            batch_index,
            revision: batch.sequence,
            replay_id: None,
        }
    }

    /// Why it was published, where its own reading does not show it.
    #[must_use]
    pub fn cause(&self) -> Option<&'static str> {
        self.change.cause.map(Cause::as_str)
    }

    /// The headers, by which a router can pick without decoding: a CloudEvents 1.0 event in binary mode.
    #[must_use]
    pub fn headers(&self) -> Headers {
        cloud_event(
            self.event_id,
            &self.event_type,
            &self.batch.account_id,
            self.change.key.as_str(),
            self.change.span.to,
        )
    }
}

/// Headers of a record, in order; those that are always the same are not copied.
pub type Headers = Vec<(&'static str, Cow<'static, str>)>;

/// The headers of a CloudEvents 1.0 event in the Kafka binding's binary mode.
#[must_use]
pub fn cloud_event(id: Uuid, event_type: &str, account: &str, subject: &str, at: Millis) -> Headers {
    let time = Timestamp::from_millisecond(at.0).map(|time| format!("{time:.3}")).unwrap_or_default();
    vec![
        ("ce_specversion", "1.0".into()),
        ("ce_id", id.to_string().into()),
        ("ce_type", ["com.alibabacloud.identity.", event_type, ".v1"].concat().into()),
        ("ce_source", ["/alicloud/", account].concat().into()),
        ("ce_subject", subject.to_owned().into()),
        ("ce_time", time.into()),
        ("content-type", "application/avro".into()),
    ]
}

/// UUIDv5 in the lineage of sequence, key, op and the SHA-256 of the entity's JSON as stored,
/// joined by line feeds; the hash is the empty string if no entity is left.
fn event_id(batch: &Batch, change: &Change) -> Uuid {
    let state = change.after.as_ref().map(|after| hex::encode(Sha256::digest(after.as_bytes()))).unwrap_or_default();
    let sequence = if planted!(EventIdReused) { 0 } else { batch.sequence };
    let name = format!("{}\n{}\n{}\n{state}", sequence, change.key, change.op.as_str());
    Uuid::new_v5(&batch.lineage, name.as_bytes())
}

/// Keys of events as they are sent.
#[must_use]
pub fn record_key(key: &Key) -> Vec<u8> {
    key.as_str().as_bytes().to_vec()
}

#[cfg(test)]
mod tests;
