//! Permission lost and regained, and kinds switched on again, by the scope records: what a sync tells of it.
//!
//! Pure, as the publication that it belongs to. It does not know which operation was denied, only
//! what could not be read for it.

use std::{cmp::Reverse, collections::BTreeSet};

use super::publication::Reading;
use crate::{
    event::NoticeType,
    model::{Key, Kind, Reason, Scope},
    state::{ScopeRecord, State},
};

/// What is to be told of permission to read one kind. The collection has an operation, and so have all
/// scopes in it together: each is told of once, not scope by scope.
pub(super) fn coverage(
    state: &State,
    reading: &Reading,
    scopes: &[(Scope, Option<ScopeRecord>)],
    kind: Kind,
) -> Vec<(NoticeType, Scope, String)> {
    if planted!(CoverageUntold) {
        return Vec::new();
    }
    let collection = Scope::collection(kind);
    let of_kind = |scope: &&Scope| scope.kind() == Some(kind);
    let not_covered = |record: &ScopeRecord| record.reason == Reason::Denied || was_switched_off(record);
    let denied = |record: &ScopeRecord| record.reason == Reason::Denied;
    let before = |is_so: &dyn Fn(&ScopeRecord) -> bool| -> BTreeSet<&Scope> {
        let records = state.scopes().iter().filter(|(scope, record)| of_kind(scope) && is_so(record));
        records.map(|(scope, _)| scope).collect()
    };
    let after = |is_so: &dyn Fn(&ScopeRecord) -> bool| {
        let mut after = before(is_so);
        for (scope, record) in scopes.iter().filter(|(scope, _)| of_kind(&scope)) {
            match record {
                Some(record) if is_so(record) => after.insert(scope),
                _ => after.remove(scope),
            };
        }
        after
    };
    let (denied_before, denied_after) = (before(&denied), after(&denied));
    let (before, after) = (before(&not_covered), after(&not_covered));
    let unknown = &reading.diff.kinds[&kind].unknown;
    let tell = |is_whole: bool| {
        let [denied_before, denied_after, before, after] =
            [&denied_before, &denied_after, &before, &after].map(|scopes| {
                scopes.iter().copied().filter(|scope| (**scope == collection) == is_whole).collect::<Vec<_>>()
            });
        match (denied_before.first(), denied_after.first()) {
            (None, Some(scope)) => {
                let why = unknown.get(*scope).map(|why| format!(": {why}")).unwrap_or_default();
                let others = denied_after.len() - 1;
                let message = format!(
                    "{scope}{why}{}",
                    if others == 0 { String::new() } else { format!(" (and {others} more)") }
                );
                Some((NoticeType::CoverageLost, (*scope).clone(), message))
            }
            _ if after.is_empty() => {
                let scope = before.into_iter().find(|scope| was_read(state, reading, scope))?;
                Some((NoticeType::CoverageRestored, scope.clone(), scope.to_string()))
            }
            _ => None,
        }
    };
    [true, false].into_iter().filter_map(tell).collect()
}

/// Whether a scope was unknown for want of permission when it was last looked at.
pub(super) fn was_denied(state: &State, scope: &Scope) -> bool {
    state.scopes().get(scope).is_some_and(|record| record.reason == Reason::Denied)
}

/// Whether it was read once, and then left out by configuration.
fn was_switched_off(record: &ScopeRecord) -> bool {
    record.reason == Reason::Off && record.since.is_some()
}

/// Whether this reading covers a scope that has no record any more; if not, its parent is gone.
fn was_read(state: &State, reading: &Reading, scope: &Scope) -> bool {
    let Some((kind, read)) = scope.kind().and_then(|kind| Some((kind, reading.collections.get(&kind)?))) else {
        return false;
    };
    *scope == Scope::collection(kind) || around(state, kind, scope).iter().any(|scope| read.knows(scope))
}

/// The scope, and those that it lies in, from the narrowest to the widest.
pub(super) fn around(state: &State, kind: Kind, scope: &Scope) -> Vec<Scope> {
    // It may be an entity, which lies in its own scope, or a scope, which lies in what its name says.
    let key = Key::parse(state.account(), &format!("{}/{scope}", state.account()));
    let of_entity = key.map(|(kind, key)| kind.scopes_around(&key)).unwrap_or_default();
    let around = of_entity.into_iter().chain([scope.clone()]).chain(scope.wider());
    let mut around: Vec<Scope> = around.chain([Scope::collection(kind)]).collect();
    around.sort_by_key(|scope| Reverse(scope.wider().count()));
    around
}
