//! Permission lost and regained, by the scope records: what a sync tells of it.
//!
//! Pure, as the publication that it belongs to. It does not know which operation was denied, only
//! what could not be read for it.

use std::collections::BTreeSet;

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
    let before: BTreeSet<&Scope> =
        state.scopes().keys().filter(of_kind).filter(|scope| was_denied(state, scope)).collect();
    let mut after = before.clone();
    for (scope, record) in scopes.iter().filter(|(scope, _)| of_kind(&scope)) {
        match record {
            Some(record) if record.reason == Reason::Denied => after.insert(scope),
            _ => after.remove(scope),
        };
    }
    let unknown = &reading.diff.kinds[&kind].unknown;
    let tell = |is_whole: bool| {
        let [before, after] = [&before, &after].map(|denied| {
            denied.iter().copied().filter(|scope| (**scope == collection) == is_whole).collect::<Vec<_>>()
        });
        match (before.first(), after.first()) {
            (None, Some(scope)) => {
                let why = unknown.get(*scope).map(|why| format!(": {why}")).unwrap_or_default();
                let others = after.len() - 1;
                let message = format!(
                    "{scope}{why}{}",
                    if others == 0 { String::new() } else { format!(" (and {others} more)") }
                );
                Some((NoticeType::CoverageLost, (*scope).clone(), message))
            }
            (Some(_), None) => {
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

/// Whether this reading covers a scope that has no record any more; if not, its parent is gone.
fn was_read(state: &State, reading: &Reading, scope: &Scope) -> bool {
    let Some((kind, read)) = scope.kind().and_then(|kind| Some((kind, reading.collections.get(&kind)?))) else {
        return false;
    };
    *scope == Scope::collection(kind) || around(state, kind, scope).iter().any(|scope| read.knows(scope))
}

/// The scope, and those that it lies in, from the narrowest to the widest.
pub(super) fn around(state: &State, kind: Kind, scope: &Scope) -> Vec<Scope> {
    let key = Key::parse(state.account(), &format!("{}/{scope}", state.account()));
    let wider = key.map(|(kind, key)| kind.scope_of(&key));
    [Some(scope.clone()), wider, Some(Scope::collection(kind))].into_iter().flatten().collect()
}
