//! Which details are due, and which were read.
//!
//! A detail (a trust policy, the versions of a policy) costs a call of its own. It is read when the
//! entity is new, when its listing carries another mark than at the last read, or when
//! `detail_interval` is over; otherwise the held part stands. A detail that was read right after its entity's
//! change is read again by the next sync: an answer may be older than the listing was, and of two changes in
//! one second the second leaves no mark. After a start the held mark counts, and the first round is spread
//! over the interval; a round that no life is long enough for is due at twice the interval.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::model::{Dates, Key, Millis, Unknown, Window};

/// What in a listing tells that a detail may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    dates: Dates,
    version: Option<String>,
}

impl Mark {
    /// A mark that consists of dates alone.
    pub(crate) fn of(dates: Dates) -> Self {
        Self { dates, version: None }
    }

    /// Whether what is read from `begun_at` on (by the service's clock, as the dates are) shows every change
    /// that this mark can stand for.
    fn is_over_at(&self, begun_at: Millis) -> bool {
        self.dates.touched.is_none_or(|touched| begun_at.0 >= touched.0 + SETTLED_AFTER_MS)
    }

    /// The mark of a policy: its dates and its default version.
    pub(crate) fn of_version(dates: Dates, version: Option<String>) -> Self {
        Self { dates, version }
    }
}

/// So long after a change its detail may still be read as it was before: the services date in whole seconds, and a
/// replica that answers may lag behind the one that listed.
const SETTLED_AFTER_MS: i64 = 30_000;

/// A detail and when it was read, or why it was not.
pub(crate) type Read<T> = Result<(T, Window), Unknown>;

/// The details read in the current sync, not yet published.
#[derive(Debug)]
pub struct Round<T>(HashMap<Key, Result<Fresh<T>, Unknown>>);

/// A detail that was just read.
#[derive(Debug)]
pub struct Fresh<T> {
    pub(crate) detail: T,
    mark: Mark,
    window: Window,
}

impl<T> Default for Round<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Round<T> {
    /// What was read of `key` in this sync; `None` if it was not due.
    pub(crate) fn get(&self, key: &Key) -> Option<&Result<Fresh<T>, Unknown>> {
        self.0.get(key)
    }

    /// When the last of them was read to its end; `None` if none was read.
    pub(crate) fn ended_at(&self) -> Option<Timestamp> {
        self.0.values().flatten().map(|fresh| fresh.window.ended_at).max()
    }

    /// Takes what was read: of which entity, listed with which mark, and when.
    pub(crate) fn take(&mut self, read: impl IntoIterator<Item = (Key, Mark, Read<T>)>) {
        for (key, mark, outcome) in read {
            let fresh = outcome.map(|(detail, window)| Fresh { detail, mark, window });
            self.0.insert(key, fresh);
        }
    }
}

/// What was read when, over all syncs of this process.
#[derive(Debug)]
pub struct Ledger {
    seen: HashMap<Key, Seen>,
    started_at: Instant,
    interval: Duration,
    /// What was read before this, counted on from the start, is due whether or not its turn has come.
    overdue_before: Option<Timestamp>,
}

/// How much a detail that is due is to be read, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Urgency {
    /// It may have changed.
    Moved,
    /// It is not known.
    Unread,
    /// Its interval is over; of two the one that was read longer ago, or before this process.
    Old(Option<Instant>),
}

#[derive(Debug)]
struct Seen {
    mark: Mark,
    at: Instant,
    begun_at: Timestamp,
}

impl Ledger {
    /// An empty ledger; details are read anew every `interval`.
    #[must_use]
    pub fn new(interval: Duration) -> Self {
        Self { seen: HashMap::new(), started_at: Instant::now(), interval, overdue_before: None }
    }

    /// The ledger of a daemon that begins to own the account at `now`. It may not own it for a whole interval, and the next
    /// one may not either: so all details are due when the oldest of their kind is older than two intervals.
    #[must_use]
    pub fn of_daemon(interval: Duration, now: Timestamp) -> Self {
        Self::new(interval).overdue_after(interval.saturating_mul(2), now)
    }

    /// The ledger of a process that reads once at `now` and ends: it cannot spread a round, so all details are due when the
    /// oldest of their kind is older than `interval`.
    #[must_use]
    pub fn of_one_sync(interval: Duration, now: Timestamp) -> Self {
        Self::new(interval).overdue_after(interval, now)
    }

    fn overdue_after(self, age: Duration, now: Timestamp) -> Self {
        let before = SignedDuration::try_from(age).ok().and_then(|age| now.checked_sub(age).ok());
        Self { overdue_before: Some(before.unwrap_or(Timestamp::MIN)), ..self }
    }

    /// Whether the detail of `key`, listed with `mark`, is to be read. `held` is the mark in the published state, if the
    /// entity is there, and `begun_at` when the oldest detail that is held was read.
    pub(crate) fn is_due<T>(
        &self,
        key: &Key,
        mark: &Mark,
        held: Option<&Mark>,
        round: &Round<T>,
        begun_at: Option<Millis>,
    ) -> bool {
        self.urgency(key, mark, held, round, begun_at).is_some()
    }

    /// How urgent it is to read what [`Ledger::is_due`] calls due; `None` if it is not.
    pub(crate) fn urgency<T>(
        &self,
        key: &Key,
        mark: &Mark,
        held: Option<&Mark>,
        round: &Round<T>,
        begun_at: Option<Millis>,
    ) -> Option<Urgency> {
        if self.has_moved(key, mark, held, round) {
            return Some(if held.is_some() { Urgency::Moved } else { Urgency::Unread });
        }
        let (is_due, read_at) = match (round.get(key), self.seen.get(key)) {
            (Some(Ok(_)), _) => (false, None),
            (_, Some(seen)) if !seen.mark.is_over_at(seen.begun_at.into()) => return Some(Urgency::Moved),
            // Read by an earlier process, nobody knows whether late enough.
            (_, None) if begun_at.is_some_and(|begun_at| !mark.is_over_at(begun_at)) => return Some(Urgency::Moved),
            (_, Some(seen)) => (seen.at.elapsed() >= self.interval, Some(seen.at)),
            (_, None) => (self.is_overdue(begun_at) || self.is_its_turn(key), None),
        };
        is_due.then_some(Urgency::Old(read_at))
    }

    /// After a start the first round is spread over the interval.
    fn is_its_turn(&self, key: &Key) -> bool {
        self.started_at.elapsed() >= self.interval.mul_f64(place(key))
    }

    fn is_overdue(&self, begun_at: Option<Millis>) -> bool {
        let elapsed = SignedDuration::try_from(self.started_at.elapsed()).unwrap_or(SignedDuration::MAX);
        let before = self.overdue_before.map(|before| Millis::from(before.saturating_add(elapsed).unwrap_or(before)));
        matches!((begun_at, before), (Some(begun_at), Some(before)) if begun_at <= before)
    }

    /// Whether there is no detail of `key`, or only one of another time than that of the listing which gave `mark`.
    pub(crate) fn has_moved<T>(&self, key: &Key, mark: &Mark, held: Option<&Mark>, round: &Round<T>) -> bool {
        match (round.get(key), self.seen.get(key), held) {
            (Some(Ok(_)), _, _) if planted!(OldDetailTaken) => false,
            (Some(Ok(fresh)), _, _) => fresh.mark != *mark,
            (_, Some(seen), Some(_)) => seen.mark != *mark,
            (_, None, Some(held)) => held != mark,
            (_, _, None) => true,
        }
    }

    /// The earliest moment at which one of the details that stand now was read; `held` is that of
    /// details that stand since before this process. `None` if `keys` is empty.
    pub(crate) fn oldest<T>(&self, keys: &[Key], round: &Round<T>, held: Option<Millis>) -> Option<Timestamp> {
        let held = held.and_then(|held| Timestamp::from_millisecond(held.0).ok());
        let read_at = |key: &Key| match (round.get(key), self.seen.get(key)) {
            (Some(Ok(fresh)), _) => Some(fresh.window.begun_at),
            (_, Some(seen)) => Some(seen.begun_at),
            (_, None) => held,
        };
        keys.iter().filter_map(read_at).min()
    }

    /// Takes over what was read in a sync that is published now, as far as it is in the state by that: of
    /// anything else (its listing was stale, a record too large) the detail is to be read again.
    pub(crate) fn commit<T>(&mut self, round: Round<T>, is_published: impl Fn(&Key) -> bool) {
        let at = Instant::now();
        let read = round.0.into_iter().filter_map(|(key, fresh)| Some((key, fresh.ok()?)));
        let read = read.filter(|(key, _)| is_published(key));
        self.seen
            .extend(read.map(|(key, fresh)| (key, Seen { mark: fresh.mark, at, begun_at: fresh.window.begun_at })));
    }
}

/// A number that is always the same for one key, and tells nothing of it.
pub(crate) fn scattered(key: &Key) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// A place in [0, 1) that is always the same for one key: where in the first interval it is due.
fn place(key: &Key) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a place needs no more than 52 bits")]
    let place = (scattered(key) >> 12) as f64 / (1_u64 << 52) as f64;
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Reason};

    const INTERVAL: Duration = Duration::from_secs(3_600);

    fn key() -> Key {
        Key::new("5481", Kind::Role, &["1"])
    }

    fn mark(touched: i64) -> Mark {
        Mark::of(Dates { born: Some(Millis(1)), touched: Some(Millis(touched)) })
    }

    fn read_at(second: i64, touched: i64) -> Round<()> {
        let at = Timestamp::from_second(second).unwrap();
        let mut round = Round::default();
        round.take(vec![(key(), mark(touched), Ok(((), Window { begun_at: at, ended_at: at })))]);
        round
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_a_moved_and_an_old_detail_are_due() {
        let mut ledger = Ledger::new(INTERVAL);
        let none = Round::<()>::default();
        assert!(ledger.is_due(&key(), &mark(5), None, &none, None), "new");
        assert!(!ledger.is_due(&key(), &mark(5), Some(&mark(5)), &none, None), "held, and this process is young");
        assert!(ledger.is_due(&key(), &mark(6), Some(&mark(5)), &none, None), "moved since before the start");
        ledger.commit(read_at(100, 6), |_| true);
        assert!(
            !ledger.is_due(&key(), &mark(6), Some(&mark(5)), &none, None),
            "read since, although the state holds the old mark"
        );
        assert!(ledger.is_due(&key(), &mark(7), Some(&mark(5)), &none, None), "moved again");
        tokio::time::advance(INTERVAL).await;
        assert!(ledger.is_due(&key(), &mark(6), Some(&mark(5)), &none, None), "the interval is over");
        assert!(!ledger.is_due(&key(), &mark(6), Some(&mark(5)), &read_at(200, 6), None), "read in this sync");
    }

    #[test]
    fn a_detail_read_within_half_a_minute_of_the_change_is_due_again_after_a_restart_too() {
        let (none, touched) = (Round::<()>::default(), mark(100_000));
        for (second, is_due) in [(100, true), (129, true), (130, false)] {
            let mut ledger = Ledger::new(INTERVAL);
            ledger.commit(read_at(second, 100_000), |_| true);
            let again = ledger.is_due(&key(), &touched, Some(&touched), &none, None);
            assert_eq!(again, is_due, "changed in second 100, read in second {second}");
            let restarted = Ledger::new(INTERVAL);
            let again = restarted.is_due(&key(), &touched, Some(&touched), &none, Some(Millis(second * 1_000)));
            assert_eq!(again, is_due, "changed in second 100, read in second {second} by an earlier process");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_detail_that_no_life_was_long_enough_to_read_is_due_two_intervals_after_the_oldest() {
        let now = Timestamp::from_second(10_000).unwrap();
        let is_due = |ledger: &Ledger, begun_at| is_due_unchanged(ledger, &last(), begun_at);
        let ledger = Ledger::of_daemon(INTERVAL, now);
        assert!(is_due(&ledger, 2_800_000) && !is_due(&ledger, 2_801_000));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(is_due(&ledger, 2_801_000), "while it waits for its turn it grows older");
    }

    /// Whether a detail is due of which nothing changed, and of whose kind the oldest was read at `begun_at`.
    fn is_due_unchanged(ledger: &Ledger, key: &Key, begun_at: i64) -> bool {
        ledger.is_due(key, &mark(5), Some(&mark(5)), &Round::<()>::default(), Some(Millis(begun_at)))
    }

    /// A key whose turn comes late in the interval.
    fn last() -> Key {
        let keys = (0..).map(|n: u32| Key::new("5481", Kind::Role, &[&n.to_string()]));
        keys.into_iter().find(|key| place(key) > 0.9).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_start_every_held_detail_is_due_within_one_interval() {
        let ledger = Ledger::new(INTERVAL);
        tokio::time::advance(INTERVAL).await;
        assert!(ledger.is_due(&key(), &mark(5), Some(&mark(5)), &Round::<()>::default(), None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_reads_once_reads_what_is_older_than_the_interval() {
        let now = Timestamp::from_second(10_000).unwrap();
        let is_due = |ledger: &Ledger, begun_at| is_due_unchanged(ledger, &key(), begun_at);
        let ledger = Ledger::of_one_sync(INTERVAL, now);
        assert!(is_due(&ledger, 6_400_000) && !is_due(&ledger, 6_401_000));
        assert!(!is_due(&Ledger::of_daemon(INTERVAL, now), 6_400_000), "a daemon spreads its first round");
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_have_changed_comes_before_what_is_unknown_and_that_before_what_is_old() {
        let mut ledger = Ledger::new(INTERVAL);
        let urgency = |ledger: &Ledger, listed: &Mark, held: Option<&Mark>| {
            ledger.urgency(&key(), listed, held, &Round::<()>::default(), None)
        };
        ledger.commit(read_at(100, 5), |_| true);
        let moved = urgency(&ledger, &mark(6), Some(&mark(5)));
        let unread = urgency(&ledger, &mark(5), None);
        assert_eq!(urgency(&ledger, &mark(5), Some(&mark(5))), None);
        tokio::time::advance(INTERVAL).await;
        let old = urgency(&ledger, &mark(5), Some(&mark(5)));
        let before_this_process = urgency(&Ledger::new(Duration::ZERO), &mark(5), Some(&mark(5)));
        assert!(moved < unread && unread < before_this_process && before_this_process < old);
        assert!([moved, unread, before_this_process, old].iter().all(Option::is_some));
    }

    #[test]
    fn a_detail_that_was_not_read_is_no_reading() {
        let mut ledger = Ledger::new(INTERVAL);
        let mut round = Round::<()>::default();
        round.take(vec![(key(), mark(5), Err(Unknown::new(Reason::Throttled, "GetRole")))]);
        ledger.commit(round, |_| true);
        assert!(ledger.is_due(&key(), &mark(5), None, &Round::<()>::default(), None));
    }

    #[test]
    fn a_detail_that_was_read_and_not_published_is_read_again() {
        let mut ledger = Ledger::new(INTERVAL);
        ledger.commit(read_at(100, 6), |_| false);
        assert!(ledger.is_due(&key(), &mark(6), Some(&mark(5)), &Round::<()>::default(), None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_detail_is_of_another_time_than_the_listing_only_if_the_mark_moved_in_between() {
        let mut ledger = Ledger::new(INTERVAL);
        assert!(ledger.has_moved(&key(), &mark(6), Some(&mark(5)), &Round::<()>::default()), "after a start");
        assert!(ledger.has_moved(&key(), &mark(7), None, &read_at(100, 6)), "read before it moved");
        assert!(!ledger.has_moved(&key(), &mark(6), None, &read_at(100, 6)));
        ledger.commit(read_at(100, 6), |_| true);
        tokio::time::advance(INTERVAL).await;
        assert!(!ledger.has_moved(&key(), &mark(6), Some(&mark(5)), &Round::<()>::default()), "only due");
    }

    #[test]
    fn a_round_ends_with_the_last_detail_that_was_read() {
        assert_eq!(Round::<()>::default().ended_at(), None);
        let mut round = read_at(100, 5);
        let window = |begun, ended| Window {
            begun_at: Timestamp::from_second(begun).unwrap(),
            ended_at: Timestamp::from_second(ended).unwrap(),
        };
        round.take(vec![(Key::new("5481", Kind::Role, &["other"]), mark(5), Ok(((), window(90, 140))))]);
        assert_eq!(round.ended_at(), Some(Timestamp::from_second(140).unwrap()));
    }

    #[test]
    fn the_window_reaches_back_to_the_oldest_detail_that_stands() {
        let mut ledger = Ledger::new(INTERVAL);
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(ledger.oldest(&[key()], &Round::<()>::default(), Some(Millis(50_000))), Some(at(50)));
        ledger.commit(read_at(100, 5), |_| true);
        assert_eq!(ledger.oldest(&[key()], &Round::<()>::default(), Some(Millis(50_000))), Some(at(100)));
        assert_eq!(ledger.oldest(&[key()], &read_at(200, 5), None), Some(at(200)));
        assert_eq!(ledger.oldest(&[], &read_at(200, 5), None), None);
    }
}
