//! What `.syncs` must have told: permission lost and regained, much that is gone, a new lineage.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::super::fold::{ends, kind_of, last_events};
use super::super::log::{Log, Step};
use super::super::record::{CollectionStatus, Notice};
use super::super::report::{At, Findings};

/// A removal of more than so many, or of more than a tenth, is said before it is published.
const FEW: i64 = 5;

/// The notice of this type about `subject` in the reading of `sync`; its id says what it is about.
fn notice_of<'a>(log: &'a Log, sync: &Notice, notice_type: &str, subject: &str) -> Option<&'a Notice> {
    let name = format!("{notice_type}\n{}\n{subject}", sync.sync_id.as_deref().unwrap_or_default());
    let id = Uuid::new_v5(&Uuid::parse_str(&sync.lineage).ok()?, name.as_bytes()).to_string();
    log.notices.iter().find(|notice| notice.notice_type == notice_type && notice.notice_id == id)
}

pub(super) fn suspected(log: &Log, found: &mut Findings) {
    for batch in log.batches() {
        let Some(sync) = log.sync(batch[0].event.sequence) else { continue };
        for (kind, removed, held) in mass_removals(log, batch) {
            let told = notice_of(log, sync, "removals.suspected", kind);
            let is_before = told.is_some_and(|told| told.place.offset < sync.place.offset);
            found.check(is_before, At::notice(sync), || {
                format!("{removed} of {held} entities of kind {kind} were removed, and nothing was said of it before")
            });
        }
    }
}

/// The kinds of which a batch removes much: how many of how many. Edges that go with what they hang on are not counted:
/// what they hang on is.
pub(super) fn mass_removals<'a>(log: &Log, batch: &'a [Step]) -> Vec<(&'a str, i64, i64)> {
    let sequence = batch[0].event.sequence;
    let (Some(_), Some(previous)) = (log.sync(sequence), log.sync(sequence - 1)) else { return Vec::new() };
    let mut removed: BTreeMap<&str, i64> = BTreeMap::new();
    for event in batch.iter().map(|step| &step.event).filter(|event| event.op == "d" && event.cause.is_none()) {
        *removed.entry(kind_of(&event.key)).or_default() += 1;
    }
    let held = |kind: &str| previous.collection(kind).map_or(0, |status| status.entities);
    let removed = removed.into_iter().map(|(kind, removed)| (kind, removed, held(kind)));
    removed.filter(|(_, removed, held)| *removed > FEW.max(held / 10) || removed == held).collect()
}

/// What is known of the permission to read one kind.
#[derive(Default)]
struct Denied<'a> {
    /// Whether its listing is denied.
    whole: bool,
    /// The scopes in it that are; `None` where not all that were unknown were named.
    parts: Option<BTreeSet<&'a str>>,
    /// Whether it is left out by configuration: that hides what becomes of the permission.
    is_off: bool,
}

/// Each kind is judged twice: by its listing as a whole, and by all scopes in it together.
pub(super) fn told_coverage(log: &Log, found: &mut Findings) {
    let mut denied: BTreeMap<&str, Denied<'_>> = BTreeMap::new();
    let mut is_first = !log.from_beginning;
    for sync in log.syncs.values().filter_map(|records| records.last()) {
        for status in &sync.collections {
            let unknown = unknown_scopes(sync, status);
            let all_are_named = unknown.len() == usize::try_from(status.stale_scopes).unwrap_or(usize::MAX);
            let began = || Denied { whole: false, parts: Some(BTreeSet::new()), is_off: false };
            let before = denied.remove(status.kind.as_str()).unwrap_or_else(began);
            let (is_unknown, is_off) = (status.status == "unknown", status.status == "off");
            let mut now = Denied { whole: is_unknown, parts: before.parts.clone(), is_off };
            now.whole &= before.whole || status.reason.as_deref() == Some("denied");
            if status.status != "unknown" {
                now.parts = still_denied(&unknown, before.parts.as_ref()).filter(|_| all_are_named);
            }
            if !is_first && !before.is_off && !now.is_off {
                let whole = |denied| if denied { BTreeSet::from([status.kind.as_str()]) } else { BTreeSet::new() };
                judge(log, sync, &whole(before.whole), &whole(now.whole), found);
                if before.whole == now.whole {
                    let told = ["coverage.lost", "coverage.restored"].map(|of| notice_of(log, sync, of, &status.kind));
                    found.check(told.iter().all(Option::is_none), At::notice(sync), || {
                        format!("permission to list {} is as it was, and a change of it is told", status.kind)
                    });
                }
                if let (Some(before), Some(now)) = (&before.parts, &now.parts) {
                    // What was denied may be gone altogether: then there is nothing to read again.
                    if !now.is_empty() || before.iter().any(|scope| is_there(log, sync.sequence, scope)) {
                        judge(log, sync, before, now, found);
                    }
                }
            }
            denied.insert(&status.kind, now);
        }
        is_first = false;
    }
}

/// The first loss and the last return are told, of any one of the scopes.
fn judge(log: &Log, sync: &Notice, before: &BTreeSet<&str>, now: &BTreeSet<&str>, found: &mut Findings) {
    let (notice_type, scopes) = match (before.is_empty(), now.is_empty()) {
        (true, false) => ("coverage.lost", now),
        (false, true) => ("coverage.restored", before),
        _ => return,
    };
    let told = scopes.iter().any(|scope| notice_of(log, sync, notice_type, scope).is_some());
    found.check(told, At::notice(sync), || format!("no {notice_type} of {scopes:?}"));
}

/// The scopes of a collection that the sync record names, with the reason of each.
fn unknown_scopes<'a>(sync: &'a Notice, status: &CollectionStatus) -> BTreeMap<&'a str, &'a str> {
    let scopes = sync.scopes_of(&status.kind).into_iter();
    scopes.map(|unknown| (unknown.scope.as_str(), unknown.reason.as_str())).collect()
}

/// Whether a scope is the wider one, or part of it.
pub(super) fn lies_in(scope: &str, wider: &str) -> bool {
    scope.strip_prefix(wider).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Lost permission is remembered until the scope is read, whatever else goes wrong with it meanwhile.
fn still_denied<'a>(
    unknown: &BTreeMap<&'a str, &'a str>,
    before: Option<&BTreeSet<&'a str>>,
) -> Option<BTreeSet<&'a str>> {
    if before.is_none() && !unknown.is_empty() {
        return None;
    }
    let is_unknown = |scope: &&&str| unknown.keys().any(|wider| lies_in(scope, wider));
    let denied = unknown.iter().filter(|(_, reason)| **reason == "denied").map(|(scope, _)| *scope);
    Some(before.into_iter().flatten().filter(is_unknown).copied().chain(denied).collect())
}

/// Whether that to which the scope belongs (itself, or its parent), or anything in it, is still held.
fn is_there(log: &Log, sequence: i64, scope: &str) -> bool {
    let inner = scope.split_once('/').map_or("", |(_, inner)| inner);
    let held = last_events(&log.steps, sequence);
    let mut entities = held.iter().filter(|(key, event)| event.after.is_some() && ends(key).is_empty());
    entities.any(|(key, _)| {
        let path = key.split_once('/').map_or("", |(_, path)| path);
        let without_kind = path.split_once('/').map_or("", |(_, rest)| rest);
        lies_in(path, scope) || path == inner || (!inner.is_empty() && without_kind == inner)
    })
}
