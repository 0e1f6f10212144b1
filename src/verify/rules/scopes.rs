//! What a sync record says of unknown scopes: its collections count them, and it names the first of them.

use super::super::log::Log;
use super::super::record::{CollectionStatus, Notice};
use super::super::report::{At, Findings};

/// So many are named at most; the others are only counted.
const NAMED: usize = 20;

pub(super) fn scopes(log: &Log, found: &mut Findings) {
    let mut before: Option<&Notice> = None;
    for sync in log.syncs.values().filter_map(|records| records.last()) {
        let read = || sync.collections.iter().filter(|status| status.status != "off");
        let counted = read().map(|status| usize::try_from(status.stale_scopes).unwrap_or(0)).sum::<usize>();
        found.check(sync.scopes.len() == counted.min(NAMED), At::notice(sync), || {
            format!("it names {} unknown scopes, its collections count {counted}", sync.scopes.len())
        });
        for status in read() {
            let wrong = wrong_count(sync, status).or_else(|| wrong_since(sync, status, before?));
            found
                .check(wrong.is_none(), At::notice(sync), || format!("{}: {}", status.kind, wrong.unwrap_or_default()));
        }
        before = Some(sync);
    }
}

/// What in a collection's status does not fit the scopes that are named.
fn wrong_count(sync: &Notice, status: &CollectionStatus) -> Option<String> {
    let named = sync.scopes_of(&status.kind);
    let are_all_named = status.are_all(&named);
    if named.is_empty() && !are_all_named {
        return None;
    }
    let expected = match named.first() {
        None => &["complete", "not_due"][..],
        Some(first) if first.scope == status.kind => &["unknown"],
        Some(_) => &["partial"],
    };
    if !expected.contains(&&*status.status) {
        return Some(format!("it is said to be {}, the scopes that are named make it {expected:?}", status.status));
    }
    let reason = named.first().map(|first| &first.reason);
    if status.reason.as_ref() != reason {
        return Some(format!("its reason is {:?}, that of the first scope is {reason:?}", status.reason));
    }
    let since = named.iter().filter_map(|scope| scope.since).min();
    (are_all_named && status.stale_since != since)
        .then(|| format!("it is stale since {:?}, its scopes since {since:?}", status.stale_since))
}

/// A scope that was unknown before is unknown since then, and one of what was all known since that was read.
fn wrong_since(sync: &Notice, status: &CollectionStatus, before: &Notice) -> Option<String> {
    let last = before.collection(&status.kind)?;
    let was_named = before.scopes_of(&status.kind);
    sync.scopes_of(&status.kind).into_iter().find_map(|scope| {
        let since = match was_named.iter().find(|was| was.scope == scope.scope) {
            Some(was) => was.since,
            None if last.status == "complete" && last.stale_scopes == 0 => last.begun_at,
            None => return None,
        };
        (scope.since != since).then(|| {
            format!("{} is said to be unknown since {:?}, it was known until {since:?}", scope.scope, scope.since)
        })
    })
}
