//! What was published against what the account really was.
//!
//! Windows are by the services' clock, which is the truth log's, in whole seconds and wide enough. A mutation is dated when
//! its request came, and shows a moment later; so a window is taken to begin a little earlier.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter::Peekable;

use super::super::fields::{Fields, agree, agree_but_for_alias, shown};
use super::super::fold::{ends, kind_of};
use super::super::log::{Log, Step};
use super::super::record::{Event, Notice};
use super::super::report::{At, Findings};
use super::super::truth::{Request, Truth};
use super::asked::{lies_about, lies_between, lies_of, operations_of, was_deceived, was_deceived_again, was_told_gone};
use super::notices::mass_removals;

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
        if was_deceived(truth, &event.key, from, to) {
            found.excuse();
            continue;
        }
        // An old answer says what was true once since the reading before.
        let lies = lies_about(truth, &event.key, from, to);
        let is_old = lies > 0;
        let from = event.previously_observed_at.filter(|before| is_old && *before < from).unwrap_or(from);
        let was = truth.between(&event.key, from, to);
        if was.is_empty() {
            not_known += 1;
            continue;
        }
        let after = event.after.as_deref();
        let says = shown(&event.key, after);
        // No date tells of which alias a principal name is; two readings outweigh one lie, unless the alias moves meanwhile.
        let account = format!("{}/account", log.account);
        let may_be_named_otherwise = lies > 1 || (is_old && truth.has_change(&account, from, to));
        let is_it = |was: &&Fields| agree(&says, was) || (may_be_named_otherwise && agree_but_for_alias(&says, was));
        found.check(was.iter().any(is_it), At::event(event), || {
            format!("it says {}, true was {was:?}", after.unwrap_or_default())
        });
    }
    if not_known > 0 {
        found.remark(format!(
            "what {not_known} events say of entities, or of a time, that the truth log says nothing of"
        ));
    }
}

/// Where much of a kind goes at once, its edges are asked for by a second operation, but for those that go with an end.
pub(super) fn removals(log: &Log, truth: &Truth, found: &mut Findings) {
    for batch in log.batches() {
        let much: Vec<&str> = mass_removals(log, batch).into_iter().map(|(kind, ..)| kind).collect();
        let removed: BTreeSet<&str> = removals_in(batch).map(|event| &*event.key).collect();
        let is_asked_again = |event: &Event| {
            matches!(event.kind(), "membership" | "policy_attachment")
                && much.contains(&event.kind())
                && event.cause.is_none()
                && !ends(&event.key).iter().any(|end| removed.contains(&**end))
        };
        for event in removals_in(batch) {
            let Some((from, to)) = read_window(log, event) else { continue };
            let deceived_again = || was_deceived_again(truth, &event.key, from, next_reading(log, event));
            if was_told_gone(truth, &event.key, from, to) && (!is_asked_again(event) || deceived_again()) {
                found.excuse();
                continue;
            }
            let was_absent = truth.between(&event.key, from, to).iter().any(|fields| fields.is_none());
            found.check(was_absent, At::event(event), || "it was there all the time that its sync read".to_owned());
        }
    }
}

fn removals_in(batch: &[Step]) -> impl Iterator<Item = &Event> {
    batch.iter().map(|step| &step.event).filter(|event| event.op == "d")
}

/// When a later sync began to read the event's collection: until then its own sync may have asked for it.
fn next_reading(log: &Log, event: &Event) -> i64 {
    let later = log.syncs.range(event.sequence + 1..).flat_map(|(_, syncs)| syncs);
    later.filter_map(|sync| sync.collection(event.kind())?.begun_at).next().unwrap_or(i64::MAX)
}

pub(super) fn windows(log: &Log, truth: &Truth, found: &mut Findings) {
    for event in log.events().filter(|event| event.op != "r") {
        let Some(from) = event.previously_observed_at else { continue };
        let (from, to) = (from.saturating_sub(SHOWS_WITHIN_MS), event.observed_at);
        // A change that an old answer hid is seen in a later window.
        if lies_about(truth, &event.key, from, to) > 0 {
            found.excuse();
            continue;
        }
        found.check(truth.has_change(&event.key, from, to), At::event(event), || {
            let dates: Vec<i64> = truth.changes(&event.key).iter().map(|change| change.at).collect();
            format!("between {from} and {to} nothing happened to it; it changed at {dates:?}")
        });
    }
}

/// The reader's fold, sync by sync.
struct Published<'a> {
    events: Peekable<Box<dyn Iterator<Item = &'a Event> + 'a>>,
    entities: BTreeMap<&'a str, Shown<'a>>,
}

/// What an event left of its key.
struct Shown<'a> {
    entity: Option<&'a str>,
    /// What is compared of it. Most entities stay as they are, and are held against the account sync by sync.
    fields: Fields,
}

impl<'a> Published<'a> {
    /// Before the first event; `None` if that was not read.
    fn from_beginning(log: &'a Log) -> Option<Self> {
        let events: Box<dyn Iterator<Item = &'a Event> + 'a> = Box::new(log.events());
        log.from_beginning.then(|| Self { events: events.peekable(), entities: BTreeMap::new() })
    }

    /// Takes the events up to `sequence`; the keys that were never held before.
    fn go_on_to(&mut self, sequence: i64) -> Vec<&'a str> {
        let mut new = Vec::new();
        while let Some(event) = self.events.next_if(|event| event.sequence <= sequence) {
            let (key, entity) = (&*event.key, event.after.as_deref());
            let before = self.entities.insert(key, Shown { entity, fields: shown(key, entity) });
            new.extend(before.is_none().then_some(key));
        }
        new
    }

    fn entity(&self, key: &str) -> Option<&'a str> {
        self.entities.get(key)?.entity
    }

    /// Whether it is what the account says that it was.
    fn fits(&self, key: &str, was: &Fields) -> bool {
        self.entities.get(key).map_or(was.is_none(), |shown| agree(&shown.fields, was))
    }
}

/// Nothing is excused here but that the account lied.
pub(super) fn settled(log: &Log, truth: &Truth, found: &mut Findings) {
    let Some(mut published) = Published::from_beginning(log) else { return };
    let syncs: Vec<&Notice> = log.syncs.values().flatten().collect();
    for pair in syncs.windows(2).filter(|pair| pair.iter().all(|sync| sync.is_complete())) {
        published.go_on_to(pair[1].sequence);
        let from = pair[0].collections.iter().filter_map(|status| status.begun_at).min();
        let to = pair[1].collections.iter().filter_map(|status| status.complete_at).max();
        let Some((from, to)) = from.map(|from| from - SHOWS_WITHIN_MS).zip(to) else { continue };
        if !truth.is_quiet(from, to) {
            continue;
        }
        if lies_between(truth, from, to).next().is_some() {
            found.excuse();
            continue;
        }
        let keys: BTreeSet<&str> = truth.keys().chain(published.entities.keys().copied()).collect();
        // Of a kind that is left out by configuration, or that nobody reads, nothing is known.
        let reads = |sync: &Notice, kind: &str| sync.collection(kind).is_some_and(|status| status.status != "off");
        let is_read = |key: &&str| pair.iter().all(|sync| reads(sync, kind_of(key)));
        for key in keys.into_iter().filter(is_read) {
            let [was] = truth.between(key, from, to)[..] else { continue };
            let after = published.entity(key);
            found.check(published.fits(key, was), At::key(key, pair[1].sequence), || {
                format!("nothing happened while two complete syncs read; it was {was:?}, published is {after:?}")
            });
        }
    }
}

/// What a collection is read in: a listing.
fn scope_of(key: &str) -> Vec<&str> {
    let parts: Vec<&str> = key.split('/').collect();
    match parts[..] {
        [
            _,
            kind @ ("membership" | "policy" | "identity_provider" | "access_key" | "login_profile" | "mfa_device"),
            parent,
            ..,
        ] => vec![kind, parent],
        // Its role is read by another call than its listing.
        [_, kind @ "instance", region, id] => vec![kind, region, id],
        [_, kind @ "policy_attachment", _, _, principal_type, principal, _] => vec![kind, principal_type, principal],
        _ => vec![kind_of(key)],
    }
}

/// A collection that was read whole is, scope by scope, what the account was at one and the same instant of its window.
/// A listing in several pages is of several instants, so there each entity is judged by itself. Where the account lied
/// (an old answer, an empty one) nobody can know what it was.
pub(super) fn instants(log: &Log, truth: &Truth, found: &mut Findings) {
    let Some(mut published) = Published::from_beginning(log) else {
        let what = "whether a collection is the account at one instant: that takes the events from the first one on";
        return found.remark(what);
    };
    // Kind, scope, and the keys in it.
    let mut keys: BTreeMap<&str, BTreeMap<Vec<&str>, BTreeSet<&str>>> = BTreeMap::new();
    let mut new: Vec<&str> = truth.keys().collect();
    for (sequence, sync) in log.syncs.iter().filter_map(|(sequence, records)| Some((*sequence, records.last()?))) {
        new.extend(published.go_on_to(sequence));
        for key in new.drain(..) {
            keys.entry(kind_of(key)).or_default().entry(scope_of(key)).or_default().insert(key);
        }
        for status in sync.collections.iter().filter(|status| status.status == "complete") {
            let Some((from, to)) = status.begun_at.map(|from| from - SHOWS_WITHIN_MS).zip(status.complete_at) else {
                continue;
            };
            if lies_of(truth, &status.kind, from, to) > 0 {
                found.excuse();
                continue;
            }
            let is_its_own = |request: &Request| operations_of(&status.kind).contains(&request.operation.as_str());
            let has_pages =
                truth.requests_between(from, to).any(|request| request.is_later_page && is_its_own(request));
            let Some(scopes) = keys.get(&*status.kind) else { continue };
            let alone: BTreeMap<Vec<&str>, BTreeSet<&str>> = match has_pages {
                true => scopes.values().flatten().map(|key| (vec![*key], BTreeSet::from([*key]))).collect(),
                false => BTreeMap::new(),
            };
            for (scope, keys) in if has_pages { &alone } else { scopes } {
                let wrong = wrong_at_every_instant(truth, keys, &published, (from, to));
                found.check(wrong.is_none(), At::notice(sync), || {
                    format!(
                        "{} is at no instant from {from} to {to} what was published: {}",
                        scope.join("/"),
                        wrong.unwrap_or_default()
                    )
                });
            }
        }
    }
}

/// The first key of those that is wrong whichever instant is taken, or all that never were right together.
fn wrong_at_every_instant(
    truth: &Truth,
    keys: &BTreeSet<&str>,
    published: &Published<'_>,
    (from, to): (i64, i64),
) -> Option<String> {
    let mut moving: Vec<(i64, &str, bool)> = Vec::new();
    let mut right: BTreeMap<&str, bool> = BTreeMap::new();
    for key in keys {
        let after = published.entity(key);
        // An edge is published with its ends, and held back alone until then; it goes with the end that goes.
        if after.is_none() && ends(key).iter().any(|end| published.entity(end).is_none()) {
            continue;
        }
        let was = truth.between(key, from, to);
        let fit: Vec<bool> = was.iter().map(|fields| published.fits(key, fields)).collect();
        if !fit.is_empty() && !fit.contains(&true) {
            return Some(format!("{key} was {was:?}, published is {after:?}"));
        }
        if let [first, later @ ..] = &fit[..] {
            right.insert(key, *first);
            let at = truth.changes(key).iter().map(|change| change.at).filter(|at| (from..=to).contains(at));
            moving.extend(at.zip(later).map(|(at, fits)| (at, *key, *fits)));
        }
    }
    moving.sort_by_key(|(at, ..)| *at);
    let mut wrong = right.values().filter(|right| !**right).count();
    for (_, key, fits) in &moving {
        if wrong == 0 {
            break;
        }
        let before = right.insert(key, *fits).unwrap_or(true);
        wrong = wrong + usize::from(!fits) - usize::from(!before);
    }
    let moved = || moving.iter().map(|(at, key, _)| format!("{key} at {at}")).collect::<Vec<_>>().join(", ");
    (wrong > 0).then(|| format!("it changed in between: {}", moved()))
}

pub(super) fn lost(log: &Log, truth: &Truth, found: &mut Findings) {
    let Some(mut published) = Published::from_beginning(log) else {
        return found.remark("whether a change was lost: that takes the events from the first one on");
    };
    let syncs: Vec<&Notice> = log.syncs.values().flatten().collect();
    let mut judged = 0;
    for pair in syncs.windows(2).filter(|pair| pair.iter().all(|sync| sync.is_complete())) {
        judged += 1;
        published.go_on_to(pair[1].sequence);
        // All of a kind have the same window, and the same answers in it.
        let mut windows = HashMap::new();
        for key in truth.keys() {
            let window = *windows.entry(kind_of(key)).or_insert_with_key(|kind| {
                let (from, to) = window_of_both(pair, kind)?;
                let is_deceived = lies_of(truth, kind, from, to) > 0;
                is_deceived.then(|| found.excuse());
                (!is_deceived).then_some((from, to))
            });
            let Some((from, to)) = window else { continue };
            // One value means that it was steady while both read.
            let [was] = truth.between(key, from, to)[..] else { continue };
            let after = published.entity(key);
            if after.is_none() && ends(key).iter().any(|end| published.entity(end).is_none()) {
                continue;
            }
            found.check(published.fits(key, was), At::key(key, pair[1].sequence), || {
                format!("true was {was:?} while two complete syncs read, published is {after:?}")
            });
        }
    }
    if judged == 0 {
        found.remark("whether a change was lost: there are no two complete syncs in a row");
    }
}
