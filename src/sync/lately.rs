//! What this process has done lately, for people: its last syncs, and what they published, in words.
//!
//! Bounded, and gone with the process; the topics have all of it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use super::{
    publication::{Publication, unknown_by_reason},
    report::Report,
};
use crate::{
    avro::Encoder,
    diff::Op,
    model::{Kind, Reason},
    words::{Told, harmless},
};

/// So many syncs are remembered.
const SYNCS: usize = 100;

/// So many changes are remembered.
const CHANGES: usize = 50;

/// No text is remembered longer than this, in characters.
const LONGEST: usize = 300;

/// See the module's page; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lately {
    /// Since when it is remembered.
    pub since: Timestamp,
    /// The last syncs, the oldest first.
    pub syncs: Arc<VecDeque<SyncEnd>>,
    /// What the last ones published, the oldest first.
    pub changes: Arc<VecDeque<Changed>>,
    /// What the last published one could not read, by kind.
    pub unknown: Arc<BTreeMap<Kind, Vec<Unread>>>,
}

/// A sync that has ended.
#[derive(Debug, Clone)]
pub struct SyncEnd {
    /// When it ended.
    pub at: Timestamp,
    /// How long it took.
    pub elapsed: Duration,
    /// What it came to, or why it was not published.
    pub came_to: Result<Report, String>,
}

/// A change that was published.
#[derive(Debug, Clone)]
pub struct Changed {
    /// When its sync ended.
    pub at: Timestamp,
    /// The number of its sync.
    pub sequence: i64,
    /// What happened.
    pub op: Op,
    /// Its event's type: `user.added` and so on.
    pub event_type: String,
    /// Who it is about, and what changed.
    pub words: String,
}

/// Scopes that could not be read for one reason.
#[derive(Debug, Clone)]
pub struct Unread {
    /// The reason.
    pub reason: Reason,
    /// How many.
    pub count: usize,
    /// The story of one of them.
    pub detail: String,
}

impl Lately {
    /// A sync that was published ended `at` this time.
    pub(super) fn published(&mut self, at: Timestamp, publication: &Publication, encoder: &Encoder, report: &Report) {
        self.note(SyncEnd { at, elapsed: report.elapsed, came_to: Ok(report.clone()) });
        let changes = &publication.diff().changes;
        let fresh = (changes.len().saturating_sub(CHANGES)..changes.len()).map(|index| {
            let change = &changes[index];
            let (event_type, words) = words(publication, index, encoder)
                .unwrap_or_else(|why| (format!("{}.{}", change.kind, change.verb), format!("{} ({why})", change.key)));
            Changed { at, sequence: report.sequence, op: change.op, event_type, words: shortened(&words) }
        });
        keep(&mut self.changes, fresh, CHANGES);
        let mut unknown = BTreeMap::<_, Vec<_>>::new();
        for ((kind, reason), scopes) in unknown_by_reason(publication.diff()) {
            let detail = shortened(&harmless(&format!("{}: {}", scopes.example, scopes.detail)));
            unknown.entry(kind).or_default().push(Unread { reason, count: scopes.count, detail });
        }
        self.unknown = Arc::new(unknown);
    }

    /// A sync ended `at` this time that was not published.
    pub(super) fn unpublished(&mut self, at: Timestamp, elapsed: Duration, why: &str) {
        self.note(SyncEnd { at, elapsed, came_to: Err(shortened(&harmless(why))) });
    }

    fn note(&mut self, sync: SyncEnd) {
        keep(&mut self.syncs, [sync], SYNCS);
    }
}

/// The type of an event, and what it says.
fn words(publication: &Publication, index: usize, encoder: &Encoder) -> Result<(String, String), String> {
    let (key, event) = publication.event_as_read(index, encoder).map_err(|error| error.to_string())?;
    let Told { event_type, who, changes, cause } = Told::of(event, key.as_str())?;
    let words: Vec<String> = [who].into_iter().chain(changes).chain(cause).collect();
    Ok((event_type, words.join("  ")))
}

fn keep<T: Clone>(kept: &mut Arc<VecDeque<T>>, fresh: impl IntoIterator<Item = T>, most: usize) {
    let kept = Arc::make_mut(kept);
    kept.extend(fresh);
    kept.drain(..kept.len().saturating_sub(most));
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "lately_tests.rs"]
mod tests;
