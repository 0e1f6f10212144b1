//! The requests that were read and are not on record yet, in the order of their topic.

use std::collections::BTreeMap;

use super::{Action, Ended, Journal, Malformed, Outcome, REMEMBERED, Request, RequestId};
use crate::model::Millis;

/// Why a request expires.
const TOO_LATE: &str = "its not_after has passed";

/// So many entries are held at most. What follows them stands in the topic, and is read once they are on record: whoever may
/// write there could fill the memory otherwise. It is no more than the journal remembers, so that nothing is forgotten that
/// was served and that the cursor does not pass yet.
const MOST_ENTRIES: usize = REMEMBERED;

/// Where a record stands in the `.control` topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

/// A record of the `.control` topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands.
    pub place: Place,
    /// The caller's id, if there is one.
    pub id: Option<RequestId>,
    /// How it stands.
    pub standing: Standing,
}

/// How a record of the `.control` topic stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is to be served.
    Waiting(Request),
    /// It has ended, which is not on record yet.
    Ended(Outcome),
    /// It was served and is on record by its id; the cursor does not pass it yet.
    Served,
    /// It is no request, or asks for what there is not.
    Refused(String),
    /// Records before it were deleted unread, from this offset on.
    Gap {
        /// The first one.
        from: i64,
    },
}

/// What one record came to.
#[derive(Debug)]
pub enum Taken<'a> {
    /// Something to be served, or to be told of.
    Entry(&'a Entry),
    /// A request that is known already, or the end of one that waited: there is nothing more to say of it.
    Known(RequestId),
}

/// See the module's page.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    entries: Vec<Entry>,
    positions: BTreeMap<i32, i64>,
}

impl Queue {
    /// Begins where the journal ends.
    #[must_use]
    pub fn behind(journal: &Journal) -> Self {
        Self { entries: Vec::new(), positions: journal.cursor.clone() }
    }

    /// The next offset to read of a partition; `None` if it was never read.
    #[must_use]
    pub fn position(&self, partition: i32) -> Option<i64> {
        self.positions.get(&partition).copied()
    }

    /// The entries that are not on record yet.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether no more is to be taken in for now.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.entries.len() >= MOST_ENTRIES
    }

    /// A partition was read up to this offset.
    pub fn read_to(&mut self, partition: i32, offset: i64) {
        let position = self.positions.entry(partition).or_insert(offset);
        *position = offset.max(*position);
    }

    /// The records of a partition from its position up to `offset` were deleted before they were read.
    pub fn gap(&mut self, partition: i32, offset: i64) {
        let from = self.positions.insert(partition, offset).unwrap_or(0);
        self.push(Place { partition, offset }, None, Standing::Gap { from });
    }

    /// Takes one record of this account in and judges it.
    pub fn take(
        &mut self,
        place: Place,
        value: Option<&[u8]>,
        journal: &Journal,
        (now, sequence): (Millis, i64),
    ) -> Taken<'_> {
        self.read_to(place.partition, place.offset + 1);
        let request = match Request::parse(value.unwrap_or_default()) {
            Ok(request) => request,
            Err(Malformed { id, reason }) => return self.push(place, id, Standing::Refused(reason)),
        };
        let id = request.id.clone();
        if request.action == Action::Cancel {
            if self.end_waiting(|waiting| waiting.id == id, Ended::Cancelled, None, (now, sequence)) {
                return Taken::Known(id);
            }
            let why = format!("there is nothing to cancel: no request {id} waits");
            return self.push(place, Some(id), Standing::Refused(why));
        }
        if journal.outcome(&id).is_some() || self.entries.iter().any(|entry| entry.decides() == Some(&id)) {
            return Taken::Known(id);
        }
        let end = |ended, reason: String| {
            Standing::Ended(Outcome { reason: Some(reason), ..outcome(&request, ended, now, sequence) })
        };
        let standing = if request.is_expired(now) {
            end(Ended::Expired, TOO_LATE.to_owned())
        } else if let (Action::Replay { .. }, Some(waiting)) = (&request.action, self.replay()) {
            end(
                Ended::Rejected,
                format!("busy: the replay {} waits; ask again, with a new id, when it has ended", waiting.id),
            )
        } else {
            Standing::Waiting(request)
        };
        self.push(place, Some(id), standing)
    }

    /// Ends the replay that waits and could not be served, for `why`, if nothing more can be taken in behind it: not even
    /// that it is cancelled would be heard.
    pub fn give_up_if_full(&mut self, why: &str, at: (Millis, i64)) {
        if self.is_full() {
            let reason = format!(
                "it could not be served, and too much was asked for behind it; ask again, with a new id: {why}"
            );
            self.end_waiting(Request::is_replay, Ended::Rejected, Some(&reason), at);
        }
    }

    /// Ends what is too late to be served.
    pub fn expire(&mut self, now: Millis, sequence: i64) {
        self.end_waiting(|request| request.is_expired(now), Ended::Expired, Some(TOO_LATE), (now, sequence));
    }

    /// Ends the requests that wait and are meant; whether there was any.
    fn end_waiting(
        &mut self,
        is_meant: impl Fn(&Request) -> bool,
        ended: Ended,
        reason: Option<&str>,
        (now, sequence): (Millis, i64),
    ) -> bool {
        let mut has_ended = false;
        for entry in &mut self.entries {
            if let Some(request) = entry.waits().filter(|request| is_meant(request)) {
                let reason = reason.map(str::to_owned);
                entry.standing = Standing::Ended(Outcome { reason, ..outcome(request, ended, now, sequence) });
                has_ended = true;
            }
        }
        has_ended
    }

    /// The replay that waits; there is one at most.
    #[must_use]
    pub fn replay(&self) -> Option<&Request> {
        self.waiting().find(|request| request.is_replay())
    }

    /// The syncs that wait. One sync serves all that were asked for before it began.
    pub fn syncs(&self) -> impl Iterator<Item = &Request> {
        self.waiting().filter(|request| request.action == Action::Sync)
    }

    fn waiting(&self) -> impl Iterator<Item = &Request> {
        self.entries.iter().filter_map(Entry::waits)
    }

    /// What goes on record with a transaction that serves `served`: the journal after it, and the entries that it is
    /// to tell of. Of each partition only what stands before the first request that still waits, so that the cursor
    /// passes nothing that is not on record.
    #[must_use]
    pub fn settle(&self, journal: &Journal, served: &[Outcome], now: Millis) -> (Journal, Vec<Entry>) {
        let mut after = journal.clone();
        let mut told = Vec::new();
        let mut cursor = journal.cursor.clone();
        cursor.extend(&self.positions);
        let mut stopped: Vec<i32> = Vec::new();
        for entry in &self.entries {
            let Place { partition, offset } = entry.place;
            let outcome = entry.waits().and_then(|asked| served.iter().find(|outcome| outcome.request_id == asked.id));
            // What is served behind one that waits is on record by its id, though the cursor does not pass it.
            if outcome.is_none() && stopped.contains(&partition) {
                continue;
            }
            let standing = outcome.map_or_else(|| entry.standing.clone(), |outcome| Standing::Ended(outcome.clone()));
            match &standing {
                Standing::Waiting(_) if planted!(CursorPassesWaiting) => continue,
                Standing::Waiting(_) => {
                    stopped.push(partition);
                    cursor.insert(partition, offset);
                    continue;
                }
                Standing::Served => continue,
                Standing::Ended(outcome) => after.note(outcome.clone()),
                Standing::Refused(_) | Standing::Gap { .. } => {}
            }
            told.push(Entry { standing, ..entry.clone() });
        }
        after.cursor = cursor;
        if after != *journal || !told.is_empty() {
            after.written_at = Some(now);
        }
        (after, told)
    }

    /// Forgets what is on record. A journal that is ahead of what was read is about a topic that has been made anew since:
    /// of this one it says nothing.
    pub fn forget(&mut self, journal: &Journal) {
        let read_to = |partition| self.positions.get(&partition).copied().unwrap_or(i64::MAX);
        let is_on_record = |Place { partition, offset }| {
            journal.cursor.get(&partition).is_some_and(|next| offset < *next && *next <= read_to(partition))
        };
        self.entries.retain(|entry| match entry.standing {
            // It is about what lies before its place.
            Standing::Gap { .. } => !is_on_record(Place { offset: entry.place.offset - 1, ..entry.place }),
            _ => !is_on_record(entry.place),
        });
        for entry in &mut self.entries {
            // Also what has been too late, or cancelled, since it was handed to whom it was served by.
            if entry.decides().is_some_and(|id| journal.outcome(id).is_some()) {
                entry.standing = Standing::Served;
            }
        }
    }

    fn push(&mut self, place: Place, id: Option<RequestId>, standing: Standing) -> Taken<'_> {
        Taken::Entry(self.entries.push_mut(Entry { place, id, standing }))
    }
}

impl Entry {
    /// The request, if it is to be served.
    #[must_use]
    pub fn waits(&self) -> Option<&Request> {
        match &self.standing {
            Standing::Waiting(request) => Some(request),
            _ => None,
        }
    }

    /// The request that it decides: one that waits, or has ended.
    fn decides(&self) -> Option<&RequestId> {
        self.id.as_ref().filter(|_| matches!(self.standing, Standing::Waiting(_) | Standing::Ended(_)))
    }
}

/// How `request` ended.
fn outcome(request: &Request, ended: Ended, at: Millis, sequence: i64) -> Outcome {
    Outcome {
        request_id: request.id.clone(),
        action: request.action.as_str().to_owned(),
        ended,
        at,
        sequence,
        rows: BTreeMap::new(),
        reason: None,
        sync_outcome: None,
    }
}

impl Outcome {
    /// That `request` was done.
    #[must_use]
    pub fn completed(request: &Request, at: Millis, sequence: i64) -> Self {
        outcome(request, Ended::Completed, at, sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: (Millis, i64) = (Millis(1_000), 7);

    fn request(id: &str, action: &str) -> String {
        format!(r#"{{"format":1,"request_id":"{id}","action":"{action}"}}"#)
    }

    fn take(queue: &mut Queue, offset: i64, value: &str) {
        queue.take(Place { partition: 0, offset }, Some(value.as_bytes()), &Journal::default(), NOW);
    }

    fn ids(outcomes: &[Entry]) -> Vec<(&str, &'static str)> {
        let told = outcomes.iter().map(|entry| {
            let id = entry.id.as_ref().map_or("", RequestId::as_str);
            match &entry.standing {
                Standing::Ended(outcome) => (id, outcome.ended.as_str()),
                Standing::Refused(_) => (id, "refused"),
                Standing::Gap { .. } => (id, "gap"),
                Standing::Waiting(_) | Standing::Served => (id, "?"),
            }
        });
        told.collect()
    }

    #[test]
    fn one_replay_waits_and_another_is_busy_until_it_has_ended() {
        let mut queue = Queue::default();
        take(&mut queue, 0, &request("a", "replay"));
        take(&mut queue, 1, &request("b", "replay"));
        let (before, told) = queue.settle(&Journal::default(), &[], Millis(2));
        assert_eq!((before.cursor[&0], told.len()), (0, 0), "nothing behind what waits goes on record");
        let done = Outcome::completed(queue.replay().unwrap(), Millis(2), 7);
        let (journal, told) = queue.settle(&Journal::default(), &[done], Millis(2));
        assert_eq!(ids(&told), [("a", "completed"), ("b", "rejected")]);
        assert_eq!((journal.cursor[&0], journal.written_at), (2, Some(Millis(2))));
        queue.forget(&journal);
        assert!(queue.entries().is_empty());
        take(&mut queue, 2, &request("c", "replay"));
        assert_eq!(queue.replay().unwrap().id.as_str(), "c");
    }

    #[test]
    fn what_is_served_behind_one_that_waits_is_on_record_and_not_served_again() {
        let mut queue = Queue::default();
        take(&mut queue, 0, &request("s", "sync"));
        take(&mut queue, 1, &request("a", "replay"));
        let done = Outcome::completed(queue.replay().unwrap(), Millis(2), 7);
        let (journal, _) = queue.settle(&Journal::default(), &[done], Millis(2));
        assert_eq!((journal.cursor[&0], journal.written_at), (0, Some(Millis(2))));
        assert!(journal.outcome(&RequestId::try_from("a".to_owned()).unwrap()).is_some());
        queue.forget(&journal);
        assert_eq!((queue.replay(), queue.syncs().count()), (None, 1));
        // Whoever starts behind this journal reads both again.
        let mut next = Queue::behind(&journal);
        for (offset, value) in [(0, request("s", "sync")), (1, request("a", "replay"))] {
            next.take(Place { partition: 0, offset }, Some(value.as_bytes()), &journal, NOW);
        }
        assert_eq!((next.replay(), next.syncs().count()), (None, 1));
        let served: Vec<_> = next.syncs().map(|request| Outcome::completed(request, Millis(3), 8)).collect();
        let (after, _) = next.settle(&journal, &served, Millis(3));
        assert_eq!((after.cursor[&0], after.outcomes().count()), (2, 2));
    }

    #[test]
    fn what_is_served_while_it_is_cancelled_or_too_late_has_one_end() {
        let mut queue = Queue::default();
        take(&mut queue, 0, &request("a", "replay"));
        take(&mut queue, 1, r#"{"format":1,"request_id":"s","action":"sync","not_after":"1970-01-01T00:00:05Z"}"#);
        take(&mut queue, 2, &request("t", "sync"));
        let served: Vec<_> = queue.syncs().map(|request| Outcome::completed(request, Millis(6_000), 8)).collect();
        // The sync under way has them, and works on what was heard as it began.
        let (journal, _) = queue.clone().settle(&Journal::default(), &served, Millis(6_000));
        queue.expire(Millis(6_000), 7);
        take(&mut queue, 3, &request("t", "cancel"));
        queue.forget(&journal);
        let done = Outcome::completed(queue.replay().unwrap(), Millis(7_000), 8);
        let (after, told) = queue.settle(&journal, &[done], Millis(7_000));
        assert_eq!(ids(&told), [("a", "completed")]);
        let ends: Vec<_> = after.outcomes().map(|outcome| (outcome.request_id.as_str(), outcome.ended)).collect();
        assert_eq!(ends, [("s", Ended::Completed), ("t", Ended::Completed), ("a", Ended::Completed)]);
    }

    #[test]
    fn a_request_with_a_known_id_is_the_same_request() {
        let mut queue = Queue::default();
        take(&mut queue, 0, &request("a", "sync"));
        take(&mut queue, 1, &request("a", "sync"));
        assert_eq!(queue.syncs().count(), 1);
        let served: Vec<_> = queue.syncs().map(|request| Outcome::completed(request, Millis(2), 8)).collect();
        let (journal, told) = queue.settle(&Journal::default(), &served, Millis(2));
        assert_eq!((ids(&told), journal.cursor[&0]), (vec![("a", "completed")], 2));
        let mut later = Queue::behind(&journal);
        later.take(Place { partition: 0, offset: 2 }, Some(request("a", "sync").as_bytes()), &journal, NOW);
        assert_eq!((later.syncs().count(), later.settle(&journal, &[], Millis(3)).1.len()), (0, 0));
    }

    #[test]
    fn a_cancel_ends_what_waits_and_nothing_else() {
        let mut queue = Queue::default();
        take(&mut queue, 0, &request("a", "replay"));
        take(&mut queue, 1, &request("b", "cancel"));
        take(&mut queue, 2, &request("a", "cancel"));
        let (journal, told) = queue.settle(&Journal::default(), &[], Millis(2));
        assert_eq!(ids(&told), [("a", "cancelled"), ("b", "refused")]);
        assert_eq!((journal.cursor[&0], queue.replay()), (3, None));
    }

    #[test]
    fn what_is_too_late_expires_when_it_is_read_and_while_it_waits() {
        let until =
            |at: &str| format!(r#"{{"format":1,"request_id":"{}","action":"replay","not_after":"{at}"}}"#, &at[20..23]);
        let mut queue = Queue::default();
        take(&mut queue, 0, &until("1970-01-01T00:00:00.999Z"));
        take(&mut queue, 1, &until("1970-01-01T00:00:01.500Z"));
        queue.expire(Millis(1_500), 7);
        assert!(queue.replay().is_some());
        queue.expire(Millis(1_501), 7);
        let (_, told) = queue.settle(&Journal::default(), &[], Millis(2_000));
        assert_eq!(ids(&told), [("999", "expired"), ("500", "expired")]);
    }

    #[test]
    fn a_cursor_of_a_topic_that_was_made_anew_since_hides_no_request() {
        let mut old = Journal::default();
        old.cursor.insert(0, 1_000);
        let mut queue = Queue::behind(&old);
        queue.gap(0, 0);
        take(&mut queue, 0, &request("a", "sync"));
        queue.forget(&old);
        let (journal, told) = queue.settle(&old, &[], Millis(2));
        assert_eq!((ids(&told), journal.cursor[&0]), (vec![("", "gap")], 0));
        queue.forget(&journal);
        assert_eq!((queue.entries().len(), queue.syncs().count()), (1, 1), "it is told once, and the request waits");
    }

    #[test]
    fn each_partition_has_a_cursor_of_its_own_and_deleted_records_are_told_once() {
        let mut read_once = Journal::default();
        read_once.cursor.insert(1, 4);
        let mut queue = Queue::behind(&read_once);
        take(&mut queue, 0, &request("a", "replay"));
        queue.gap(1, 9);
        queue.read_to(2, 3);
        let (journal, told) = queue.settle(&Journal::default(), &[], Millis(2));
        assert_eq!(
            told,
            [Entry { place: Place { partition: 1, offset: 9 }, id: None, standing: Standing::Gap { from: 4 } }]
        );
        assert_eq!(journal.cursor, BTreeMap::from([(0, 0), (1, 9), (2, 3)]));
        queue.forget(&journal);
        assert_eq!(queue.entries().len(), 1);
    }

    #[test]
    fn a_malformed_record_is_refused_and_stops_nothing() {
        let mut queue = Queue::default();
        take(&mut queue, 0, "garbage");
        queue.take(Place { partition: 0, offset: 1 }, None, &Journal::default(), NOW);
        take(&mut queue, 2, &request("a", "sync"));
        let (journal, told) = queue.settle(&Journal::default(), &[], Millis(2));
        assert_eq!((ids(&told), journal.cursor[&0]), (vec![("", "refused"), ("", "refused")], 2));
    }

    #[test]
    fn a_hundred_entries_are_held_and_a_repeated_request_is_none() {
        let mut queue = Queue::default();
        for offset in 0..99 {
            take(&mut queue, offset, &request(&offset.to_string(), "sync"));
        }
        take(&mut queue, 99, &request("0", "sync"));
        assert!(!queue.is_full());
        take(&mut queue, 100, &request("one more", "sync"));
        assert!(queue.is_full());
        let served: Vec<_> = queue.syncs().map(|request| Outcome::completed(request, Millis(2), 8)).collect();
        let (journal, told) = queue.settle(&Journal::default(), &served, Millis(2));
        queue.forget(&journal);
        assert_eq!((told.len(), queue.entries().len(), queue.is_full()), (100, 0, false));
    }

    #[test]
    fn what_is_served_behind_one_that_waits_keeps_its_place_or_the_journal_would_forget_it() {
        let mut queue = Queue::default();
        take(&mut queue, 0, &request("a", "replay"));
        for offset in 1..100 {
            take(&mut queue, offset, &request(&offset.to_string(), "sync"));
        }
        let served: Vec<_> = queue.syncs().map(|request| Outcome::completed(request, Millis(2), 8)).collect();
        let (journal, _) = queue.settle(&Journal::default(), &served, Millis(2));
        queue.forget(&journal);
        assert_eq!((journal.cursor[&0], queue.syncs().count(), queue.is_full()), (0, 0, true));
        let known = |id: i64| journal.outcome(&RequestId::try_from(id.to_string()).unwrap()).is_some();
        assert!((1..100).all(known), "whoever reads them again serves none of them");
    }

    #[test]
    fn a_replay_that_cannot_be_served_gives_way_when_nothing_more_can_be_heard_behind_it() {
        let mut queue = Queue::default();
        take(&mut queue, 0, &request("a", "replay"));
        for offset in 1..99 {
            take(&mut queue, offset, "garbage");
        }
        queue.give_up_if_full("no right to write", NOW);
        assert!(queue.replay().is_some(), "there is room for its end");
        take(&mut queue, 99, "garbage");
        queue.give_up_if_full("no right to write", NOW);
        let (journal, told) = queue.settle(&Journal::default(), &[], Millis(2));
        assert_eq!((ids(&told)[0], told.len(), journal.cursor[&0]), (("a", "rejected"), 100, 100));
    }

    #[test]
    fn the_last_hundred_outcomes_are_remembered() {
        let mut journal = Journal::default();
        for number in 0..=REMEMBERED {
            let request = Request::parse(request(&number.to_string(), "sync").as_bytes()).unwrap();
            journal.note(Outcome::completed(&request, Millis(0), 1));
        }
        let known = |id: &str| journal.outcome(&RequestId::try_from(id.to_owned()).unwrap()).is_some();
        assert!(!known("0") && known("1") && known("100"));
        assert_eq!(serde_json::from_str::<Journal>(&serde_json::to_string(&journal).unwrap()).unwrap(), journal);
    }
}
