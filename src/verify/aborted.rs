//! What a reader without isolation has to sort out: records of transactions that were aborted.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::fold::proofs;
use super::record::{Event, Notice, Reading};

/// Leaves only what counts by the rules of the documentation.
pub(super) fn sort_out(reading: &mut Reading) {
    let decided = sort_out_events(reading);
    sort_out_replays(reading, decided);
}

/// The rule for readers without isolation: an event counts only if its `sync_id` is that of the last sync record with
/// its sequence, once a higher sequence exists. A repeat has the same id and the same content.
fn sort_out_events(Reading { events, notices, remarks, .. }: &mut Reading) -> i64 {
    let completions = notices.iter().filter(|notice| notice.is_completion());
    let last: BTreeMap<i64, Notice> = completions.map(|notice| (notice.sequence, notice.clone())).collect();
    let decided = last.keys().rev().nth(1).copied().unwrap_or(0);
    let read = events.len();
    let mut seen: HashMap<String, [Option<Arc<str>>; 3]> = HashMap::new();
    events.retain(|event| {
        let counts = last.get(&event.sequence).is_some_and(|sync| sync.sync_id.as_ref() == Some(&event.sync_id));
        let content = [Some(Arc::clone(&event.key)), event.before.clone(), event.after.clone()];
        let mut is_repeat = || seen.insert(event.event_id.clone(), content.clone()).is_some_and(|seen| seen == content);
        event.sequence <= decided && counts && !is_repeat()
    });
    notices.retain(|notice| !notice.is_completion());
    notices.extend(last.into_values().filter(|notice| notice.sequence <= decided));
    remarks.push("how lineages follow each other: what was aborted cannot be told from what was not".to_owned());
    let sorted_out = read - events.len();
    remarks.push(format!(
        "without isolation the last sequence is undecided: judged is up to {decided}; {sorted_out} events were sorted out"
    ));
    decided
}

/// The rows of one request at one sequence count, each once, if a `replay.completed` of both has their counts and digests.
/// It may be an aborted attempt's own: its rows are the published state at that sequence all the same. Of several attempts
/// that are whole the last is judged. A notice without its rows may be an aborted one, too, so it is no violation.
fn sort_out_replays(Reading { rows, notices, remarks, .. }: &mut Reading, decided: i64) {
    let Some(rows) = rows else { return };
    let read = rows.len();
    let mut seen: HashSet<String> = HashSet::new();
    rows.retain(|row| seen.insert(row.event_id.clone()));
    let mut attempts: HashMap<(Option<&str>, i64), Vec<&Event>> = HashMap::new();
    for row in rows.iter() {
        attempts.entry((row.replay_id.as_deref(), row.sequence)).or_default().push(row);
    }
    let is_proven = |notice: &&Notice| {
        let attempt = attempts.get(&(notice.request_id.as_deref(), notice.sequence));
        let mut there = proofs(attempt.into_iter().flatten().copied());
        let mut said = notice.kinds.iter();
        let is_said = said.all(|of| {
            let proof = there.remove(&*of.kind).unwrap_or_default();
            (proof.count, proof.digest) == (of.count, of.digest.clone())
        });
        notice.sequence <= decided && !notice.is_late && is_said && there.is_empty()
    };
    let told = notices.iter().filter(|notice| notice.is_replay());
    let proven: BTreeMap<Option<String>, Notice> =
        told.filter(is_proven).map(|notice| (notice.request_id.clone(), notice.clone())).collect();
    rows.retain(|row| proven.get(&row.replay_id).is_some_and(|notice| notice.sequence == row.sequence));
    notices.retain(|notice| !notice.is_replay());
    notices.extend(proven.into_values());
    let sorted_out = read - rows.len();
    remarks.push(format!(
        "without isolation a replay that is not whole cannot be told from an aborted one: {sorted_out} rows were sorted out"
    ));
}
