//! Change events: what a change becomes when it is published. Ids, types, headers, windows.
//!
//! Pure: the same changes in the same batch are the same bytes, so a retry repeats nothing.

mod cloud_event;
mod notice;
mod row;

use std::fmt::{self, Write as _};

use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{
    diff::{Cause, Change},
    model::Key,
    state::Progress,
};

use cloud_event::headers;
pub use cloud_event::{EventType, Headers};
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
    /// What happened to what.
    pub event_type: EventType,
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
            event_type: EventType::of(change.kind, change.verb),
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
        headers(
            self.event_id,
            self.event_type.of_cloud_event().into(),
            &self.batch.account_id,
            self.change.key.as_str(),
            self.change.span.to,
        )
    }
}

/// UUIDv5 of this name in the lineage (RFC 9562, section 5.5). As [`Uuid::new_v5`], but the name is nowhere written down,
/// and SHA-1 is the processor's own where it has one.
fn uuid_v5(lineage: Uuid, name: fmt::Arguments<'_>) -> Uuid {
    struct Hashed(Sha1);
    impl fmt::Write for Hashed {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.update(text);
            Ok(())
        }
    }
    let mut hashed = Hashed(Sha1::new_with_prefix(lineage));
    hashed.write_fmt(name).expect("ids, numbers and words can be written, and hashing does not fail");
    let mut first = [0; 16];
    first.copy_from_slice(&hashed.0.finalize()[..16]);
    uuid::Builder::from_sha1_bytes(first).into_uuid()
}

/// UUIDv5 in the lineage of sequence, key, op and the SHA-256 of the entity's JSON as stored,
/// joined by line feeds; the hash is the empty string if no entity is left.
fn event_id(batch: &Batch, change: &Change) -> Uuid {
    let state = change.after.as_ref().map(|after| hex::encode(Sha256::digest(after.as_bytes()))).unwrap_or_default();
    let sequence = if planted!(EventIdReused) { 0 } else { batch.sequence };
    uuid_v5(batch.lineage, format_args!("{sequence}\n{}\n{}\n{state}", change.key, change.op.as_str()))
}

/// Keys of events as they are sent.
#[must_use]
pub fn record_key(key: &Key) -> Vec<u8> {
    key.as_str().as_bytes().to_vec()
}

#[cfg(test)]
mod tests;
