//! What was published against what the account really was.
//!
//! Windows are by the services' clock, which is the truth log's, in whole seconds and wide enough. A mutation is dated when
//! its request came, and shows a moment later; so a window is taken to begin a little earlier.

use std::collections::HashMap;

use super::super::fold::kind_of;
use super::super::log::Log;
use super::super::record::{Event, Notice};
use super::super::report::{At, Findings};
use super::super::truth::{Request, Truth, fits};

/// How long after its date a mutation may show, in milliseconds.
const SHOWS_WITHIN_MS: i64 = 250;

/// The window in which the event's sync read its collection; that of the event where the collection was not read.
fn read_window(log: &Log, event: &Event) -> Option<(i64, i64)> {
    let collection = log.sync(event.sequence)?.collection(event.kind())?;
    let from = collection.begun_at.or(event.previously_observed_at)?;
    Some((from.saturating_sub(SHOWS_WITHIN_MS), event.observed_at))
}

/// From where the first of two syncs began to read the collection to where the other had read it.
fn window_of_both(pair: &[&Notice], kind: &str) -> Option<(i64, i64)> {
    let (from, to) = (pair[0].collection(kind)?.begun_at?, pair[1].collection(kind)?.complete_at?);
    Some((from.saturating_sub(SHOWS_WITHIN_MS), to))
}

pub(super) fn invented(log: &Log, truth: &Truth, found: &mut Findings) {
    let mut not_known = 0;
    for event in log.events().filter(|event| event.after.is_some()) {
        let Some((from, to)) = read_window(log, event) else { continue };
        let was = truth.between(&event.key, from, to);
        if was.is_empty() {
            not_known += 1;
            continue;
        }
        let after = event.after.as_deref();
        found.check(was.iter().any(|fields| fits(&event.key, after, fields)), At::event(event), || {
            format!("it says {}, true was {was:?}", after.unwrap_or_default())
        });
    }
    if not_known > 0 {
        found
            .remark(format!("what {not_known} events say of entities that never changed while the truth log was kept"));
    }
}

pub(super) fn removals(log: &Log, truth: &Truth, found: &mut Findings) {
    for event in log.events().filter(|event| event.op == "d") {
        let Some((from, to)) = read_window(log, event) else { continue };
        let was_absent = truth.between(&event.key, from, to).iter().any(|fields| fields.is_none());
        found.check(was_absent, At::event(event), || "it was there all the time that its sync read".to_owned());
    }
}

pub(super) fn windows(log: &Log, truth: &Truth, found: &mut Findings) {
    for event in log.events().filter(|event| event.op != "r") {
        let Some(from) = event.previously_observed_at else { continue };
        let (from, to) = (from.saturating_sub(SHOWS_WITHIN_MS), event.observed_at);
        found.check(truth.has_change(&event.key, from, to), At::event(event), || {
            let dates: Vec<i64> = truth.changes(&event.key).iter().map(|change| change.at).collect();
            format!("between {from} and {to} nothing happened to it; it changed at {dates:?}")
        });
    }
}

pub(super) fn lost(log: &Log, truth: &Truth, found: &mut Findings) {
    if !log.from_beginning {
        found.remark("whether a change was lost: that takes the events from the first one on");
        return;
    }
    let syncs: Vec<&Notice> = log.syncs.values().flatten().collect();
    let (mut judged, mut events, mut last) = (0, log.events().peekable(), HashMap::new());
    for pair in syncs.windows(2).filter(|pair| pair.iter().all(|sync| sync.is_complete())) {
        judged += 1;
        while let Some(event) = events.next_if(|event| event.sequence <= pair[1].sequence) {
            last.insert(&*event.key, event);
        }
        for key in truth.keys() {
            let Some((from, to)) = window_of_both(pair, kind_of(key)) else { continue };
            // One value means that it was steady while both read.
            let [was] = truth.between(key, from, to)[..] else { continue };
            let after = last.get(key).and_then(|event| event.after.as_deref());
            found.check(fits(key, after, was), At::key(key, pair[1].sequence), || {
                format!("true was {was:?} while two complete syncs read, published is {after:?}")
            });
        }
    }
    if judged == 0 {
        found.remark("whether a change was lost: there are no two complete syncs in a row");
    }
}

/// A read that failed and was not repeated with success in the same sync was not complete. A sync's own window is by the
/// daemon's clock: with another clock than the account's, no request falls into it.
pub(super) fn honest(log: &Log, truth: &Truth, found: &mut Findings) {
    for sync in log.syncs.values().flatten() {
        let Some((from, to)) = sync.window() else { continue };
        let mut last: HashMap<(&str, &str), &Request> = HashMap::new();
        let during = |request: &&Request| request.received_ms >= from && request.answered_ms <= to;
        for request in truth.requests.iter().filter(during) {
            last.insert((&request.operation, &request.subject), request);
        }
        let failed = last.into_values().find(|request| is_failure(request));
        found.check(failed.is_none() || !sync.is_complete(), At::notice(sync), || {
            let what = failed.map(|request| (&request.operation, &request.subject, request.status, &request.code));
            format!("it says that it is complete, but this was not answered: {what:?}")
        });
    }
}

/// "There is none" is an answer.
fn is_failure(request: &Request) -> bool {
    let is_none = request.code.as_deref().is_some_and(|code| code.starts_with("EntityNotExist"));
    (request.status == 0 || request.status >= 400) && !is_none
}
