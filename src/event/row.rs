//! Rows of a replay: the published state at one sequence, once more, as events.
//!
//! One maker for all who tell the state again: a replay to topics and an export to files have the same rows.

use uuid::Uuid;

use super::{Batch, Envelope, EventType, uuid_v5};
use crate::{
    diff::{Change, Op, Span},
    model::{Key, Kind, Millis, Verb},
    state::{Digest, Held, State},
};

/// What all rows of one replay have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    batch: Batch,
    replay_id: Option<String>,
}

/// One entity of the state as a row, by its place among the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    change: Change,
    revision: i64,
    batch_index: usize,
}

/// How many rows there are, and the digest by which whoever holds them proves that they are all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Count of rows.
    pub count: u64,
    /// Sum mod 2^128 of the first 16 bytes of SHA-256 of each event id's text.
    pub digest: Digest,
}

impl Replay {
    /// A replay of these kinds of `state`, by the request's id if there was a request; `None` before there is progress.
    #[must_use]
    pub fn of(state: &State, kinds: &[Kind], account_name: Option<&str>, replay_id: Option<&str>) -> Option<Self> {
        let size = kinds.iter().map(|kind| state.entities(*kind).len()).sum();
        let batch = Batch { size, ..Batch::of(state.progress()?, account_name) };
        Some(Self { batch, replay_id: replay_id.map(str::to_owned) })
    }

    /// What its rows have in common with each other as events of one transaction.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The envelope of one of its rows.
    #[must_use]
    pub fn envelope<'a>(&'a self, row: &'a Row) -> Envelope<'a> {
        let replay_id = self.replay_id.as_deref();
        Envelope {
            event_id: row_id(self.batch.lineage, replay_id, self.batch.sequence, &row.change.key),
            event_type: EventType::of(row.change.kind, row.change.verb),
            change: &row.change,
            batch: &self.batch,
            batch_index: row.batch_index,
            revision: row.revision,
            replay_id,
        }
    }
}

/// The rows of one kind by key, the first with this place among the rows of all kinds. They share their JSON with
/// the state.
pub fn rows(state: &State, kind: Kind, first_index: usize) -> impl Iterator<Item = Row> {
    let observed_at = state.progress_of(kind).seen_at();
    let held = state.entities(kind).iter().zip(first_index..);
    held.map(move |((key, held), batch_index)| Row::new(kind, key, held, observed_at, batch_index))
}

impl Row {
    /// What is `held` under `key`, by its place among the rows.
    #[must_use]
    pub fn new(kind: Kind, key: &Key, held: &Held, observed_at: Millis, batch_index: usize) -> Self {
        let (word, span) = ((Op::Observed, Verb::Observed), Span { from: None, to: observed_at });
        let change = Change::upsert(kind, key, word, Vec::new(), None, &held.entity, span);
        let change = Change { other_version: held.other_version.clone(), ..change };
        Self { change, revision: held.revision, batch_index }
    }

    /// The row as the observation that it is: kind, key and what is held.
    #[must_use]
    pub fn change(&self) -> &Change {
        &self.change
    }
}

impl Tally {
    /// Counts the row with this event id.
    pub fn add(&mut self, event_id: &str) {
        self.count += 1;
        self.digest.add(Digest::of_text(event_id));
    }
}

/// The event id of a row: UUIDv5 in the lineage of the word `replay`, the replay's id (empty if nobody asked for it),
/// the sequence and the key, joined by line feeds.
#[must_use]
pub fn row_id(lineage: Uuid, replay_id: Option<&str>, sequence: i64, key: &Key) -> Uuid {
    uuid_v5(lineage, format_args!("replay\n{}\n{sequence}\n{key}", replay_id.unwrap_or_default()))
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
