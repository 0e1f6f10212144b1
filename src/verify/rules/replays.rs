//! What a replay's rows say, against the notice that proves them and the fold that they must be.

use std::collections::{BTreeMap, BTreeSet};

use super::super::fold::{Proof, kind_of, last_events, proofs};
use super::super::log::Log;
use super::super::record::{Event, Notice, same_entity};
use super::super::report::{At, Findings};

/// A replay is there whole or not at all, is proven by its notice, and is what the events say at its sequence.
pub(super) fn replays(log: &Log, found: &mut Findings) {
    let mut rows: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for row in &log.rows {
        rows.entry(row.replay_id.as_deref().unwrap_or_default()).or_default().push(row);
    }
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for notice in log.notices.iter().filter(|notice| notice.is_replay()) {
        let id = notice.request_id.as_deref().unwrap_or_default();
        found.check(seen.insert(id), At::notice(notice), || format!("the replay {id} was served before"));
        let rows = rows.remove(id).unwrap_or_default();
        proves(notice, &rows, found);
        agree_with_each_other(notice, &rows, found);
        if log.from_beginning {
            are_the_fold(log, notice, &rows, found);
        }
    }
    // What is written while this is read may be seen in part.
    let newest = log.last_sequence().unwrap_or(0);
    for (id, rows) in rows {
        let is_over = rows.iter().any(|row| row.sequence < newest);
        found.check(!is_over, At::event(rows[0]), || {
            format!("{} rows of the replay {id}, which no notice proves", rows.len())
        });
    }
}

/// Count and digest of each kind.
fn proves(notice: &Notice, rows: &[&Event], found: &mut Findings) {
    let mut there = proofs(rows.iter().copied());
    for said in &notice.kinds {
        let Proof { count, digest } = there.remove(&*said.kind).unwrap_or_default();
        found.check((said.count, &said.digest) == (count, &digest), At::notice(notice), || {
            let (kind, announced, sum) = (&said.kind, said.count, &said.digest);
            format!(
                "it announces {announced} rows of kind {kind} with the digest {sum}, there are {count} with {digest}"
            )
        });
    }
    found.check(there.is_empty(), At::notice(notice), || {
        format!("there are rows of kinds that it does not name: {there:?}")
    });
}

fn agree_with_each_other(notice: &Notice, rows: &[&Event], found: &mut Findings) {
    let size = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let indices: BTreeSet<i64> = rows.iter().map(|row| row.batch_index).collect();
    let is_whole = indices.len() == rows.len() && indices.iter().next_back().is_none_or(|last| last + 1 == size);
    found.check(is_whole, At::notice(notice), || "batch_index does not count the rows from 0".to_owned());
    for row in rows {
        let is_of_it =
            (row.sequence, &row.sync_id) == (notice.sequence, notice.sync_id.as_ref().unwrap_or(&row.sync_id));
        found.check(is_of_it && row.batch_size == size, At::event(row), || {
            format!(
                "it says sequence {} of {} rows, the replay has {} and {size}",
                row.sequence, row.batch_size, notice.sequence
            )
        });
        let is_row = row.op == "r" && row.verb() == "observed" && row.after.is_some();
        let says_more = row.before.is_some()
            || row.previous_revision.is_some()
            || row.previously_observed_at.is_some()
            || row.cause.is_some();
        found.check(is_row && !says_more, At::event(row), || {
            "a row says that something is there, and nothing more".to_owned()
        });
    }
}

/// Every entity of its kinds as the events left it at its sequence, with the revision of its last event.
fn are_the_fold(log: &Log, notice: &Notice, rows: &[&Event], found: &mut Findings) {
    let covered: BTreeSet<&str> = notice.kinds.iter().map(|of| &*of.kind).collect();
    let mut held = last_events(&log.steps, notice.sequence);
    held.retain(|key, event| event.after.is_some() && covered.contains(kind_of(key)));
    for row in rows {
        let last = held.remove(&*row.key);
        let is_it = last.is_some_and(|event| {
            event.revision == row.revision && same_entity(event.after.as_deref(), row.after.as_deref())
        });
        found.check(is_it, At::event(row), || {
            let last = last.map(|event| (event.revision, &event.after));
            format!("it says revision {} and {:?}, the events say {last:?}", row.revision, row.after)
        });
    }
    found.check(held.is_empty(), At::notice(notice), || format!("it lacks {:?}", held.keys().next()));
}
