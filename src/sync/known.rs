//! What the published state knows of each kind, for people: how much, how old, and why not all.

use std::collections::BTreeSet;

use crate::{
    model::{Kind, Millis, Reason, Scope},
    state::State,
};

/// What is known of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The kind.
    pub kind: Kind,
    /// How much of it.
    pub how: How,
    /// How many entities the state has.
    pub entities: u64,
    /// The end of its last complete reading; none if there was none.
    pub complete_at: Option<Millis>,
    /// Scopes that are not known.
    pub unknown_scopes: usize,
    /// One of them.
    pub example: Option<UnknownScope>,
}

/// How much of a kind was read the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// All.
    Complete,
    /// All but some scopes.
    Partial,
    /// Nothing.
    Unknown,
    /// It is left out by configuration.
    Off,
}

/// A scope that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownScope {
    /// The scope.
    pub scope: Scope,
    /// Why it is not known.
    pub reason: Reason,
    /// The beginning of its last reading; none if it was never read.
    pub since: Option<Millis>,
}

/// Every kind of `state` that is read, or ever was, or was to be; none before the first sync.
pub(super) fn known(state: &State, read: &BTreeSet<Kind>) -> Vec<Known> {
    let Some(progress) = state.progress().filter(|progress| progress.sequence > 0) else { return Vec::new() };
    let of_kind = |kind: Kind| {
        let mut unknown = state.scopes().values().filter(|record| record.scope.kind() == Some(kind));
        let example = unknown.next().map(|record| UnknownScope {
            scope: record.scope.clone(),
            reason: record.reason,
            since: record.since,
        });
        let said = progress.collections.get(&kind);
        let is_whole = state.scopes().contains_key(&Scope::collection(kind));
        Known {
            kind,
            how: match &example {
                _ if !read.contains(&kind) => How::Off,
                None if said.is_some_and(|said| said.begun_at.is_some()) => How::Complete,
                Some(_) if !is_whole => How::Partial,
                _ => How::Unknown,
            },
            entities: said.map_or(0, |said| said.count),
            complete_at: said.and_then(|said| said.complete_at),
            unknown_scopes: usize::from(example.is_some()) + unknown.count(),
            example,
        }
    };
    Kind::ALL.iter().copied().map(of_kind).collect()
}
