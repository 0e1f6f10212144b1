//! What events say of each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::fold::{ends, kind_of};
use super::super::log::{Held, Log, Step, Turn};
use super::super::record::{Event, same_entity};
use super::super::report::{At, Findings};

pub(super) fn batches(log: &Log, found: &mut Findings) {
    let mut sizes: BTreeMap<i64, i64> = log.syncs.keys().map(|sequence| (*sequence, 0)).collect();
    for batch in log.batches() {
        sizes.insert(batch[0].event.sequence, count(batch.len()));
        for (index, Step { event, .. }) in batch.iter().enumerate() {
            found.check(event.batch_index == count(index), At::event(event), || {
                format!("batch_index {} stands where {index} should: one is missing or there twice", event.batch_index)
            });
            found.check(event.batch_size == count(batch.len()), At::event(event), || {
                format!("batch_size is {}, of the sync there are {} events", event.batch_size, batch.len())
            });
        }
    }
    for sync in log.syncs.values().flatten() {
        let there = sizes.get(&sync.sequence).copied().unwrap_or(0);
        found.check(sync.batch_size == there, At::notice(sync), || {
            format!("the sync record announces {} events, there are {there}", sync.batch_size)
        });
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn sequences(log: &Log, found: &mut Findings) {
    // A gap is one finding however wide it is: a single record may claim any sequence.
    let mut expected = log.from;
    for (sequence, records) in &log.syncs {
        if expected < *sequence {
            found
                .check(false, At::sequence(expected), || format!("0 sync.completed records up to sequence {sequence}"));
        }
        let records = records.len();
        found.check(records == 1, At::sequence(*sequence), || format!("{records} sync.completed records"));
        expected = sequence.saturating_add(1);
    }
    for event in log.events() {
        let sync_id = log.sync(event.sequence).map(|sync| sync.sync_id.as_deref());
        found.check(sync_id == Some(Some(&event.sync_id)), At::event(event), || match sync_id {
            None => "no sync.completed record has its sequence".to_owned(),
            Some(other) => format!("sync_id is {}, the sync record of its sequence has {other:?}", event.sync_id),
        });
    }
}

/// A state that was lost and taken for a first run would begin a lineage without a word.
pub(super) fn lineages(log: &Log, found: &mut Findings) {
    for Turn { notice, before, is_return } in &log.turns {
        found.check(!is_return, At::notice(notice), || {
            format!("{} of lineage {}, which had begun before", notice.notice_type, notice.lineage)
        });
        if !is_return {
            found.check(notice.is_start() || before.is_none(), At::notice(notice), || {
                format!("lineage {} goes on after {before:?} without a lineage.started", notice.lineage)
            });
        }
        found.check(!notice.is_start() || notice.sequence == 0, At::notice(notice), || {
            format!("a lineage that starts at sequence {}", notice.sequence)
        });
    }
}

pub(super) fn order(log: &Log, found: &mut Findings) {
    for Step { event, held, previous } in &log.steps {
        found.check(event.revision == event.sequence, At::event(event), || {
            format!("revision {} of a live event is not its sequence", event.revision)
        });
        if let Some((sequence, offset)) = *previous {
            found.check(sequence < event.sequence, At::event(event), || "the key changes twice in one sync".to_owned());
            found.check(offset < event.place.offset, At::event(event), || {
                format!("it stands before the key's event of sequence {sequence}, which is at offset {offset}")
            });
        }
        let revision = match held {
            Held::Unknown => continue,
            Held::Nothing => None,
            Held::Entity { revision, .. } => Some(*revision),
        };
        found.check(event.previous_revision == revision, At::event(event), || {
            format!("previous_revision is {:?}, held was {revision:?}", event.previous_revision)
        });
    }
}

pub(super) fn before(log: &Log, found: &mut Findings) {
    for Step { event, held, .. } in &log.steps {
        let held = match held {
            Held::Unknown => continue,
            Held::Nothing => None,
            Held::Entity { after, .. } => Some(after),
        };
        found.check(same_entity(event.before.as_deref(), held.map(|held| &**held)), At::event(event), || {
            let text = |entity: Option<&std::sync::Arc<str>>| entity.map_or("nothing".to_owned(), ToString::to_string);
            format!("before is {}, held was {}", text(event.before.as_ref()), text(held))
        });
    }
}

/// Removals of edges and of entities, then entities, then edges; in each kind by key.
pub(super) fn phases(log: &Log, found: &mut Findings) {
    let phase = |event: &Event| match (event.op == "d", ends(&event.key).is_empty()) {
        (true, false) => 0,
        (true, true) => 1,
        (false, true) => 2,
        (false, false) => 3,
    };
    for pair in log.batches().flat_map(|batch| batch.windows(2)) {
        let [earlier, later] = [&pair[0].event, &pair[1].event];
        let is_ordered = match (phase(earlier), phase(later)) {
            (one, other) if one == other => kind_of(&earlier.key) != kind_of(&later.key) || earlier.key <= later.key,
            (one, other) => one < other,
        };
        found.check(is_ordered, At::event(later), || {
            format!("it comes behind {} of {}, which comes later in a transaction", earlier.event_type, earlier.key)
        });
    }
}

/// Holds after every single event, for a transaction removes edges first and adds them last.
pub(super) fn edges(log: &Log, found: &mut Findings) {
    let mut held: HashMap<String, bool> = HashMap::new();
    let mut hanging: HashMap<String, BTreeSet<String>> = HashMap::new();
    for event in log.events() {
        let is_there = event.after.is_some();
        held.insert(event.key.to_string(), is_there);
        let ends = ends(&event.key);
        for end in &ends {
            let edges = hanging.entry(end.clone()).or_default();
            if is_there {
                edges.insert(event.key.to_string())
            } else {
                edges.remove(&*event.key)
            };
            let end_is_there = held.get(end).copied().unwrap_or(!log.from_beginning);
            found.check(!is_there || end_is_there, At::event(event), || {
                format!("{end}, on which it hangs, is not held")
            });
        }
        if ends.is_empty() {
            let left = hanging.get(&*event.key).and_then(|edges| edges.first());
            found.check(is_there || left.is_none(), At::event(event), || {
                format!("{} hangs on it and is still held", left.map_or("", String::as_str))
            });
        }
    }
}

/// What the sync records count, counted again.
pub(super) fn figures(log: &Log, found: &mut Findings) {
    let mut batches: BTreeMap<i64, &[Step]> = log.batches().map(|batch| (batch[0].event.sequence, batch)).collect();
    let mut entities: HashMap<&str, i64> = HashMap::new();
    for (sequence, syncs) in &log.syncs {
        let mut ops: HashMap<(&str, &str), i64> = HashMap::new();
        for Step { event, held, .. } in batches.remove(sequence).unwrap_or_default() {
            let kind = kind_of(&event.key);
            *ops.entry((kind, &event.op)).or_default() += 1;
            let was_held = matches!(held, Held::Entity { .. });
            *entities.entry(kind).or_default() += i64::from(event.after.is_some()) - i64::from(was_held);
        }
        for (sync, status) in syncs.iter().flat_map(|sync| sync.collections.iter().map(move |status| (sync, status))) {
            let op = |op| ops.get(&(status.kind.as_str(), op)).copied().unwrap_or(0);
            let mut pairs = vec![
                ("added", status.added, op("c")),
                ("updated", status.updated, op("u")),
                ("removed", status.removed, op("d")),
            ];
            if log.from_beginning {
                let entities = entities.get(status.kind.as_str()).copied().unwrap_or(0);
                pairs.push(("entities", status.entities, entities));
            }
            for (figure, said, counted) in pairs {
                found.check(said == counted, At::notice(sync), || {
                    format!("{figure} of {} is said to be {said}, counted are {counted}", status.kind)
                });
            }
        }
    }
}

/// The outcome in a word is what the collections say one by one.
pub(super) fn coverage(log: &Log, found: &mut Findings) {
    for sync in log.syncs.values().flatten() {
        let is_known = |status: &str| matches!(status, "complete" | "not_due");
        // Nobody wants to know of a kind that is left out by configuration.
        let statuses =
            || sync.collections.iter().map(|collection| collection.status.as_str()).filter(|status| *status != "off");
        let outcome = if statuses().all(is_known) {
            "complete"
        } else if statuses().all(|status| status == "unknown") {
            "failed"
        } else {
            "partial"
        };
        found.check(sync.outcome.as_deref() == Some(outcome), At::notice(sync), || {
            format!("outcome is {:?}, its collections make it {outcome}", sync.outcome)
        });
    }
}
