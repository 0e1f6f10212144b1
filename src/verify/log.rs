//! The events of one lineage in their order, each with what a reader held of its key before it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::aborted::sort_out;
use super::record::{Event, Notice, Reading, StateRecord, Truncated, Unreadable};

/// What a reader holds of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// What came before was not read.
    Unknown,
    /// Nothing: it never was, or was removed.
    Nothing,
    /// The entity, and the event's revision.
    Entity { after: Arc<str>, revision: i64 },
}

/// An event, and what was held of its key when it came.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) event: Event,
    pub(super) held: Held,
    /// The sequence and offset of the key's event before.
    pub(super) previous: Option<(i64, i64)>,
}

/// A record of `.syncs` that begins a lineage, or is of another lineage than the one before it.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) notice: Notice,
    /// The lineage before it; `None` if it is the first record there is.
    pub(super) before: Option<String>,
    /// Whether its lineage has been there already.
    pub(super) is_return: bool,
}

/// The log of one lineage.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) account: String,
    /// The lineage of the last record that begins one or goes on with it.
    pub(super) lineage: Option<String>,
    /// Where a lineage begins, or another one goes on.
    pub(super) turns: Vec<Turn>,
    /// In the order of (sequence, batch_index); none below `from`, none that was sorted out.
    pub(super) steps: Vec<Step>,
    /// The rows of replays; none where they are not judged.
    pub(super) rows: Vec<Event>,
    /// The `sync.completed` records by sequence; more than one is a violation.
    pub(super) syncs: BTreeMap<i64, Vec<Notice>>,
    /// All records of `.syncs` of the lineage.
    pub(super) notices: Vec<Notice>,
    /// The first sequence that is judged.
    pub(super) from: i64,
    /// Whether `from` is the first sequence of the lineage, so that nothing was held before.
    pub(super) from_beginning: bool,
    pub(super) state: Option<Vec<StateRecord>>,
    pub(super) unreadable: Vec<Unreadable>,
    /// What is not judged.
    pub(super) remarks: Vec<String>,
}

impl Log {
    /// Puts in order what was read. `from_sequence` leaves out what is earlier.
    pub(super) fn new(mut reading: Reading, from_sequence: Option<i64>) -> Self {
        // Without isolation a start may be one that was aborted; a sync is sorted out below.
        let goes_on = |notice: &&Notice| notice.is_completion() || (notice.is_start() && !reading.uncommitted);
        let lineage = reading.notices.iter().rfind(goes_on).map(|last| last.lineage.clone());
        let turns = if reading.uncommitted { Vec::new() } else { turns(&reading.notices) };
        leave_out_other_lineages(lineage.as_deref(), &mut reading);
        if turns.first().is_some_and(|turn| turn.notice.is_start()) {
            leave_out_the_untraced(lineage.as_deref(), &mut reading);
        }
        if reading.uncommitted {
            sort_out(&mut reading);
        }
        let mut syncs: BTreeMap<i64, Vec<Notice>> = BTreeMap::new();
        for notice in reading.notices.iter().filter(|notice| notice.is_completion()) {
            syncs.entry(notice.sequence).or_default().push(notice.clone());
        }
        leave_out_what_came_meanwhile(&mut reading.events, &mut syncs);
        let from = first_to_judge(&reading, &syncs).max(from_sequence.unwrap_or(1));
        say_what_is_not_judged(&mut reading, from, syncs.keys().next_back().copied());
        syncs.retain(|sequence, _| *sequence >= from);
        leave_out_replays_that_cannot_be_judged(&mut reading, from);
        let Reading { account, mut events, rows, notices, state, unreadable, remarks, .. } = reading;
        let rows = rows.unwrap_or_default();
        events.retain(|event| event.sequence >= from);
        let from_beginning = from == 1;
        let steps = steps(events, from_beginning);
        Self { account, lineage, turns, steps, syncs, notices, from, from_beginning, state, unreadable, remarks, rows }
    }

    /// The last sequence.
    pub(super) fn last_sequence(&self) -> Option<i64> {
        self.syncs.keys().next_back().copied()
    }

    /// The events.
    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.steps.iter().map(|step| &step.event)
    }

    /// The steps of each sync.
    pub(super) fn batches(&self) -> impl Iterator<Item = &[Step]> {
        self.steps.chunk_by(|one, next| one.event.sequence == next.event.sequence)
    }

    /// The sync record of a sequence.
    pub(super) fn sync(&self, sequence: i64) -> Option<&Notice> {
        self.syncs.get(&sequence)?.last()
    }
}

fn turns(notices: &[Notice]) -> Vec<Turn> {
    let mut seen: HashSet<&str> = HashSet::new();
    let mut before: Option<&str> = None;
    let mut turns = Vec::new();
    for notice in notices.iter().filter(|notice| notice.is_completion() || notice.is_start()) {
        let is_return = !seen.insert(&notice.lineage);
        if notice.is_start() || before != Some(&notice.lineage) {
            turns.push(Turn { notice: notice.clone(), before: before.map(str::to_owned), is_return });
        }
        before = Some(&notice.lineage);
    }
    turns
}

fn steps(mut events: Vec<Event>, from_beginning: bool) -> Vec<Step> {
    events.sort_by_key(|event| (event.sequence, event.batch_index, event.place.offset));
    let mut last: HashMap<Arc<str>, (Held, (i64, i64))> = HashMap::new();
    let mut steps = Vec::with_capacity(events.len());
    for event in events {
        let now = match &event.after {
            Some(after) => Held::Entity { after: Arc::clone(after), revision: event.revision },
            None => Held::Nothing,
        };
        let now = (now, (event.sequence, event.place.offset));
        let (held, previous) = match last.insert(Arc::clone(&event.key), now) {
            Some((held, previous)) => (held, Some(previous)),
            None if from_beginning => (Held::Nothing, None),
            None => (Held::Unknown, None),
        };
        steps.push(Step { event, held, previous });
    }
    steps
}

/// Who reads the topics knows a lineage by its sync records; an event of any other is nobody's and stays in. Where
/// retention has left an event of an earlier lineage, it has taken none of this one.
fn leave_out_other_lineages(lineage: Option<&str>, reading: &mut Reading) {
    let Some(lineage) = lineage else { return };
    let others = reading.notices.iter().filter(|notice| notice.is_completion() && notice.lineage != lineage);
    let others: HashSet<String> = others.map(|notice| notice.lineage.clone()).collect();
    if !others.is_empty() {
        reading.remarks.push(format!("earlier lineages of the account: {}", others.len()));
    }
    reading.events.retain(|event| !others.contains(&event.lineage));
    reading.rows.iter_mut().for_each(|rows| rows.retain(|row| !others.contains(&row.lineage)));
    reading.notices.retain(|notice| notice.lineage == lineage);
    reading.truncated.retain(|part| part.first.as_ref().is_none_or(|(first, _)| !others.contains(first)));
}

/// A lineage is only ever started after another one; if the sync topic knows none, it was itself lost.
fn leave_out_the_untraced(lineage: Option<&str>, reading: &mut Reading) {
    let read = reading.events.len();
    reading.events.retain(|event| Some(&*event.lineage) == lineage);
    let left_out = read - reading.events.len();
    if left_out > 0 {
        reading.remarks.push(format!("{left_out} events of lineages whose sync records are gone"));
    }
}

/// What was committed while the events were read may be among them in part.
fn leave_out_what_came_meanwhile(events: &mut Vec<Event>, syncs: &mut BTreeMap<i64, Vec<Notice>>) {
    let is_early = |(_, records): &(&i64, &Vec<Notice>)| records.iter().any(|record| !record.is_late);
    let horizon = syncs.iter().rev().find(is_early).map_or(0, |(sequence, _)| *sequence);
    let newer = syncs.split_off(&horizon.saturating_add(1));
    events.retain(|event| !newer.contains_key(&event.sequence));
}

/// Replays that were not read whole, or of a state that is not judged.
fn leave_out_replays_that_cannot_be_judged(reading: &mut Reading, from: i64) {
    if reading.rows.is_none() {
        reading.notices.retain(|notice| !notice.is_replay());
        reading.rows = None;
        reading.remarks.push("replays: their topics were not read, or not from the beginning".to_owned());
    }
    // Rows were read before the end of `.syncs`.
    let is_judged = |notice: &Notice| !notice.is_late && notice.sequence >= from;
    let left_out = reading.notices.iter().filter(|notice| notice.is_replay() && !is_judged(notice));
    let left_out: HashSet<Option<String>> = left_out.map(|notice| notice.request_id.clone()).collect();
    reading.notices.retain(|notice| !notice.is_replay() || is_judged(notice));
    let rows = reading.rows.iter_mut();
    rows.for_each(|rows| rows.retain(|row| row.sequence >= from && !left_out.contains(&row.replay_id)));
}

/// The first sequence of which retention can have taken neither the record nor an event. A partition of which nothing
/// is left does not tell, so there it is the one behind the last batch that lacks events.
fn first_to_judge(reading: &Reading, syncs: &BTreeMap<i64, Vec<Notice>>) -> i64 {
    let first_sync = syncs.keys().next().copied().filter(|_| reading.syncs_truncated).unwrap_or(1);
    let mut counts: HashMap<i64, i64> = HashMap::new();
    for event in &reading.events {
        *counts.entry(event.sequence).or_default() += 1;
    }
    let lacks = |(sequence, records): (&i64, &Vec<Notice>)| {
        let size = records.last().map_or(0, |sync| sync.batch_size);
        (counts.get(sequence).copied().unwrap_or(0) < size).then_some(sequence.saturating_add(1))
    };
    let behind_lacking = syncs.iter().rev().find_map(lacks).unwrap_or(1);
    let first =
        |part: &Truncated| part.first.as_ref().map_or(behind_lacking, |(_, sequence)| sequence.saturating_add(1));
    let firsts = reading.truncated.iter().map(first);
    firsts.max().unwrap_or(1).max(first_sync)
}

fn say_what_is_not_judged(reading: &mut Reading, from: i64, last: Option<i64>) {
    let remarks = &mut reading.remarks;
    for part in &reading.truncated {
        remarks.push(format!("retention has taken the beginning of {}[{}]", part.topic, part.partition));
    }
    if reading.syncs_truncated {
        remarks.push("retention has taken the beginning of the syncs topic".to_owned());
    }
    if from > 1 {
        remarks.push(format!("sequences below {from}; what was held before is taken from the first event of each key"));
    }
    match last {
        None => remarks.push("there is no sync record of this account that can be judged".to_owned()),
        Some(last) if last < from => remarks.push(format!("anything: the last sequence is {last}")),
        Some(_) => {}
    }
}
