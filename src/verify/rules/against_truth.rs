//! What was published against what the account really was.
//!
//! Windows are by the services' clock, which is the truth log's, in whole seconds and wide enough. A mutation is dated when
//! its request came, and shows a moment later; so a window is taken to begin a little earlier.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter::Peekable;

use super::super::fold::{ends, kind_of};
use super::super::log::Log;
use super::super::record::{CollectionStatus, Event, Notice};
use super::super::report::{At, Findings};
use super::super::truth::{Fields, Request, Truth, shown};

/// How long after its date a mutation may show, in milliseconds.
const SHOWS_WITHIN_MS: i64 = 250;

/// A window ends up to so many milliseconds behind its last answer: dates are cut to seconds, and a second is added.
const WINDOWS_END_LATE_MS: i64 = 1_000;

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
        if was_deceived(truth, event.kind(), from, to) {
            continue;
        }
        // An old answer says what was true once since the reading before.
        let is_old = lies(truth, event.kind(), from, to) > 0;
        let from = event.previously_observed_at.filter(|before| is_old && *before < from).unwrap_or(from);
        let was = truth.between(&event.key, from, to);
        if was.is_empty() {
            not_known += 1;
            continue;
        }
        let after = event.after.as_deref();
        let says = shown(&event.key, after);
        found.check(was.contains(&&says), At::event(event), || {
            format!("it says {}, true was {was:?}", after.unwrap_or_default())
        });
    }
    if not_known > 0 {
        found.remark(format!(
            "what {not_known} events say of entities, or of a time, that the truth log says nothing of"
        ));
    }
}

pub(super) fn removals(log: &Log, truth: &Truth, found: &mut Findings) {
    for event in log.events().filter(|event| event.op == "d") {
        let Some((from, to)) = read_window(log, event) else { continue };
        if was_deceived(truth, event.kind(), from, to) {
            continue;
        }
        let was_absent = truth.between(&event.key, from, to).iter().any(|fields| fields.is_none());
        found.check(was_absent, At::event(event), || "it was there all the time that its sync read".to_owned());
    }
}

pub(super) fn windows(log: &Log, truth: &Truth, found: &mut Findings) {
    for event in log.events().filter(|event| event.op != "r") {
        let Some(from) = event.previously_observed_at else { continue };
        let (from, to) = (from.saturating_sub(SHOWS_WITHIN_MS), event.observed_at);
        // A change that an old answer hid is seen in a later window.
        if lies(truth, event.kind(), from, to) > 0 {
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
        self.entities.get(key).map_or(was.is_none(), |shown| shown.fields == *was)
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
        if !truth.is_quiet(from, to) || truth.requests_between(from, to).any(|request| request.is_lie) {
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
            if lies(truth, &status.kind, from, to) > 0 {
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
                window_of_both(pair, kind).filter(|(from, to)| lies(truth, kind, *from, *to) == 0)
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

/// The operations that read a kind: its listing, then its details.
const READ_BY: [(&str, &[&str]); 14] = [
    ("account", &["GetAccountAlias", "GetAccountMFAInfo", "GetDefaultDomain"]),
    ("user", &["ListUsers"]),
    ("group", &["ListGroups"]),
    ("membership", &["ListUsersForGroup"]),
    ("role", &["ListRoles", "GetRole"]),
    ("policy", &["ListPolicies", "ListPolicyVersions"]),
    ("policy_attachment", &["ListPolicyAttachments"]),
    ("password_policy", &["GetPasswordPolicy"]),
    ("security_preference", &["GetSecurityPreference"]),
    ("identity_provider", &["ListSAMLProviders", "ListOIDCProviders", "GetSAMLProvider", "GetOIDCProvider"]),
    ("instance", &["DescribeRegions", "DescribeInstances", "DescribeInstanceRamRole"]),
    ("access_key", &["ListAccessKeys"]),
    ("login_profile", &["GetLoginProfile"]),
    ("mfa_device", &["ListVirtualMFADevices", "GetUserMFAInfo"]),
];

/// Those that are asked for by a name or an id, which may go meanwhile.
const BY_NAME: [&str; 9] = [
    "ListUsersForGroup",
    "GetRole",
    "ListPolicyVersions",
    "GetSAMLProvider",
    "GetOIDCProvider",
    "DescribeInstanceRamRole",
    "ListAccessKeys",
    "GetLoginProfile",
    "GetUserMFAInfo",
];

/// The listings that a kind is read through, beside its own: those that its names come from.
const NAMED_BY: [(&str, &[&str]); 5] = [
    ("membership", &["ListGroups"]),
    ("policy_attachment", &["ListUsers", "ListGroups", "ListRoles"]),
    ("access_key", &["ListUsers"]),
    ("login_profile", &["ListUsers"]),
    ("mfa_device", &["ListUsers"]),
];

/// How often the account lied (gave an old answer, or an empty one) to whoever read `kind` meanwhile.
fn lies(truth: &Truth, kind: &str, from: i64, to: i64) -> usize {
    let named_by = NAMED_BY.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, operations)| operations);
    let of_kind = |operation: &str| operations_of(kind).contains(&operation) || named_by.contains(&operation);
    truth.requests_between(from, to).filter(|request| request.is_lie && of_kind(&request.operation)).count()
}

/// Whether what was read of the kind rests on more lies than the evidence can outweigh: for an entity the account is asked
/// by itself; an edge is listed twice; what there is one of is read once.
fn was_deceived(truth: &Truth, kind: &str, from: i64, to: i64) -> bool {
    let bearable = match kind {
        "membership" | "policy_attachment" | "access_key" | "login_profile" | "mfa_device" => 1,
        // Seen twice before they count as changed.
        "account" | "password_policy" | "security_preference" => 1,
        // Without a date nothing tells an old answer from a new one; the point read of an instance is the listing, too.
        "instance" => 0,
        // Nobody counts them: two listings and what is asked by the name are all there is.
        "identity_provider" => 2,
        // It is asked for by its name only: once renamed, two readings of two listings each outweigh that.
        "group" => 3,
        _ => return false,
    };
    lies(truth, kind, from, to) > bearable
}

fn operations_of(kind: &str) -> &'static [&'static str] {
    READ_BY.iter().find(|(of, _)| *of == kind).map_or(&[], |(_, operations)| operations)
}

/// A collection of which a read failed each time that it was tried was not complete. Of one that is asked for by a name
/// nothing is said if anything of the account changed since the sync began: the name may have gone. If several copies read
/// at the time, one of them must have had all its answers: which one published the sync is not told.
pub(super) fn honest<'a>(log: &Log, truth: &'a Truth, found: &mut Findings) {
    let syncs: Vec<&Notice> = log.syncs.values().flatten().collect();
    for (index, sync) in syncs.iter().copied().enumerate() {
        let Some((may_begin, has_begun)) = reading_began(sync) else { continue };
        let next = syncs[index + 1..].iter().copied().find_map(reading_began);
        let (next_may_begin, next_has_begun) = next.unwrap_or((i64::MAX, i64::MAX));
        for status in sync.collections.iter().filter(|status| status.status == "complete") {
            let Some((begun, to)) = status.complete_window() else { continue };
            // What came before it has certainly begun may be of the sync before: it speaks for this one, and never against it.
            let from = begun.max(has_begun);
            let may_begin = may_begin.min(from);
            let is_quiet = truth.is_quiet(may_begin, to);
            let is_telling = |request: &&Request| {
                let operation = request.operation.as_str();
                operations_of(&status.kind).contains(&operation) && (is_quiet || !BY_NAME.contains(&operation))
            };
            let mut clients: BTreeMap<&str, Answers<'_>> = BTreeMap::new();
            for request in truth.requests_between(from, to).filter(|request| !is_failure(request)) {
                clients.entry(&request.client).or_default();
            }
            // What is asked for by itself comes behind the listings, and may take long to be answered.
            for request in truth.requests_between(may_begin, next_has_begun.max(to)).filter(is_telling) {
                let Some(answers) = clients.get_mut(request.client.as_str()) else { continue };
                let subject = (request.operation.as_str(), request.subject.as_str());
                // What came when the next sync may have begun may be of that one: a window ends with its second.
                let is_certainly_its_own = (from..=to.min(next_may_begin)).contains(&request.received_ms);
                if is_certainly_its_own || (request.received_ms < from && !is_failure(request)) {
                    answers.entry(subject).or_insert((false, request));
                }
                if let Some(read) = answers.get_mut(&subject) {
                    read.0 |= !is_failure(request);
                }
            }
            let unread_by = |answers: Answers<'a>| answers.into_values().find(|(once, _)| !once);
            let unread: Vec<_> = clients.into_values().map(unread_by).collect();
            let unread = unread.into_iter().min_by_key(Option::is_some).flatten().map(|(_, request)| request);
            found.check(unread.is_none(), At::notice(sync), || {
                let what = unread.map(|request| (&request.operation, &request.subject, request.status, &request.code));
                format!("it says that {} is complete, but this was not answered: {what:?}", status.kind)
            });
        }
    }
}

/// When the sync began to read, by the services' clock, at the earliest and at the latest: as long before its last answer
/// as it lasted by its own clock, which may be wrong, but only goes forward.
fn reading_began(sync: &Notice) -> Option<(i64, i64)> {
    let read = sync.collections.iter().filter_map(CollectionStatus::complete_window).map(|(_, to)| to).max()?;
    let lasted = sync.finished_at?.saturating_sub(sync.started_at?);
    let latest = read.saturating_sub(lasted);
    Some((latest.saturating_sub(WINDOWS_END_LATE_MS), latest))
}

/// By operation and subject: whether it was answered once, and the first request for it.
type Answers<'a> = BTreeMap<(&'a str, &'a str), (bool, &'a Request)>;

/// The codes of ECS for "there is none".
const NONE: [&str; 2] = ["InvalidRegionId.NotFound", "InvalidInstanceId.NotFound"];

/// "There is none" is an answer.
fn is_failure(request: &Request) -> bool {
    let says_none = |code: &str| code.starts_with("EntityNotExist") || NONE.contains(&code);
    let is_none = request.code.as_deref().is_some_and(says_none);
    (request.status == 0 || request.status >= 400) && !is_none
}
