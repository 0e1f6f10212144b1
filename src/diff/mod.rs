//! Comparison of a reading with the published state: what changed, what is doubtful, what is unknown.
//!
//! It promises that nothing becomes a removal unless its scope was read to its end and it was
//! missing in two listings, and that applying the changes to the state gives the reading. It is
//! pure: it knows neither the clock nor where things came from.

mod between;
mod change;
mod compare;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{Collection, Entity, ForKind, Key, Kind, Millis, Rank, Reason, Scope, Unknown},
    state::State,
};

pub use between::between;
pub use change::{Cause, Change, Op, Span};
use compare::{Compared, compare_kind, last_read};

/// Everything that one comparison found.
#[derive(Debug, Default)]
pub struct Diff {
    /// The changes, in publishing order; at most one a key.
    pub changes: Vec<Change>,
    /// What was done with each kind that was read.
    pub kinds: BTreeMap<Kind, KindOutcome>,
}

/// What the comparison says of one kind.
#[derive(Debug, Default, Clone)]
pub struct KindOutcome {
    /// Whether it was published as a baseline.
    pub baseline: bool,
    /// The scopes of which nothing is known, with the reason.
    pub unknown: BTreeMap<Scope, Unknown>,
    /// Keys that seem to be gone, or seem to have been there all along, in one listing only: a
    /// second listing must confirm them. Until then they are as in the state.
    pub doubtful: BTreeSet<Key>,
    /// Those of the doubtful keys that are there, and seem to lack something.
    pub lacking: BTreeSet<Key>,
    /// How many more were listed than an independent count says, where that is news: neither none nor
    /// as many as last time.
    pub miscounted: Option<i64>,
}

impl Diff {
    /// The keys that need a second listing, by kind.
    pub fn doubtful(&self) -> impl Iterator<Item = (Kind, &BTreeSet<Key>)> {
        self.kinds.iter().filter(|(_, kind)| !kind.doubtful.is_empty()).map(|(kind, of)| (*kind, &of.doubtful))
    }
}

/// Compares what was read with the published state.
#[must_use]
pub fn compare(state: &State, collections: &BTreeMap<Kind, Collection>) -> Diff {
    struct Compare<'a>(&'a State, &'a BTreeMap<Kind, Collection>, &'a Collection);
    impl ForKind for Compare<'_> {
        type Output = Compared;
        fn with<E: Entity>(self) -> Compared {
            compare_kind::<E>(self.0, self.1, self.2)
        }
    }
    let mut diff = Diff::default();
    let mut changes = Changes::new();
    for (kind, collection) in collections {
        let mut compared = kind.with(Compare(state, collections, collection));
        changes.append(&mut compared.changes);
        diff.kinds.insert(*kind, compared.outcome);
    }
    if !planted!(CascadeForgotten) {
        cascade(state, &mut changes);
    }
    for (kind, collection) in collections {
        let outcome = diff.kinds.entry(*kind).or_default();
        judge_by_parents(state, collection, &changes, &mut outcome.unknown);
    }
    diff.take(state, changes);
    diff
}

impl Diff {
    /// Of each kind that needs a second listing, how many entities seem to be gone, of how many.
    pub fn missing<'a>(&'a self, state: &'a State) -> impl Iterator<Item = (Kind, usize, usize)> + 'a {
        let missing = |kind: Kind, keys: &BTreeSet<Key>| {
            let lacking = self.kinds.get(&kind).map(|outcome| &outcome.lacking);
            let is_there = |key: &Key| lacking.is_some_and(|lacking| lacking.contains(key));
            keys.iter().filter(|key| state.get(kind, key).is_some() && !is_there(key)).count()
        };
        self.doubtful().map(move |(kind, keys)| (kind, missing(kind, keys), state.entities(kind).len()))
    }

    /// The collections of which so much seems to be gone that it is to be said before it is proven: how
    /// many of how many. More than five and more than a tenth, or all of it.
    #[must_use]
    pub fn suspected_removals(&self, state: &State) -> Vec<(Kind, usize, usize)> {
        let is_much = |(_, missing, held): &(Kind, usize, usize)| {
            *missing > 5.max(held / 10) || (*missing > 0 && missing == held)
        };
        self.missing(state).filter(is_much).collect()
    }

    /// The kinds whose listing and independent count disagree as they did not before.
    pub fn miscounted(&self) -> impl Iterator<Item = (Kind, i64)> {
        self.kinds.iter().filter_map(|(kind, outcome)| Some((*kind, outcome.miscounted?)))
    }

    /// Whether what was read of `key`, or of the scope that it names, is what the state says once the changes are in it.
    #[must_use]
    pub fn knows(&self, key: &Key) -> bool {
        let Some((kind, outcome)) = key.kind().and_then(|kind| Some((kind, self.kinds.get(&kind)?))) else {
            return false;
        };
        let own = Scope::entity(key);
        let beneath =
            outcome.unknown.range::<Scope, _>(&own..).take_while(|(scope, _)| scope.as_str().starts_with(own.as_str()));
        !kind.scopes_around(key).iter().any(|scope| outcome.unknown.contains_key(scope))
            && !beneath.into_iter().any(|(scope, _)| scope.wider().any(|wider| wider == own))
    }

    /// Holds these keys back, each for its reason, and with them what hangs on them.
    pub fn withhold(&mut self, state: &State, keys: BTreeMap<Key, Unknown>) {
        let mut changes = std::mem::take(&mut self.changes);
        changes.retain(|change| !keys.contains_key(&change.key));
        sort(&mut changes);
        for (key, why) in keys {
            let outcome = key.kind().and_then(|kind| self.kinds.get_mut(&kind));
            outcome.map(|outcome| outcome.unknown.insert(Scope::entity(&key), why));
        }
        self.take(state, changes);
    }

    /// Declares what is still doubtful after the second listing unknown: it stays as it is in the state.
    pub fn settle(&mut self) {
        for outcome in self.kinds.values_mut() {
            for key in std::mem::take(&mut outcome.doubtful) {
                let why = Unknown::new(Reason::RemovalsUnproven, format!("{key} was seen in one of two listings"));
                outcome.unknown.entry(Scope::entity(&key)).or_insert(why);
            }
        }
    }

    /// Takes the changes over in publishing order, without those whose ends are not in the state.
    ///
    /// What is held back for this is unknown, by itself alone: when its ends are there it is published
    /// with the window since it was last known, and observed, not added, if a baseline missed it.
    fn take(&mut self, state: &State, mut changes: Changes) {
        for edge in hold_back_dangling(state, &mut changes) {
            let detail = format!("{} depends on an entity that is not in the state", edge.key);
            let outcome = self.kinds.entry(edge.kind).or_default();
            outcome.unknown.entry(Scope::entity(&edge.key)).or_insert(Unknown::new(Reason::Dangling, detail));
        }
        self.changes = changes;
        self.changes.sort_unstable_by(|a, b| a.publishing_order().cmp(&b.publishing_order()));
    }
}

/// What is unknown of the children of one kind, by what becomes of their parents: of a parent that
/// stays and was not there to be asked, everything; of one that is removed, nothing.
fn judge_by_parents(state: &State, collection: &Collection, changes: &Changes, unknown: &mut BTreeMap<Scope, Unknown>) {
    if !collection.covers_everything() {
        hold_under_unasked_parents(state, collection, changes, unknown);
    }
    let removed = changes.iter().filter(|change| change.op == Op::Removed).map(|change| &change.key);
    for key in removed {
        collection.kind().scope_under(key).map(|scope| unknown.remove(&scope));
        // It may have been held for itself before its end took it along.
        unknown.remove(&Scope::entity(key));
    }
}

fn hold_under_unasked_parents(
    state: &State,
    collection: &Collection,
    changes: &Changes,
    unknown: &mut BTreeMap<Scope, Unknown>,
) {
    let parents = Kind::ALL.iter().filter(|kind| kind.rank() == Rank::Entity);
    let held = parents.flat_map(|kind| state.entities(*kind).keys());
    let new = changes.iter().filter(|change| change.op != Op::Removed).map(|change| &change.key);
    for scope in held.chain(new).filter_map(|parent| collection.kind().scope_under(parent)) {
        if !collection.covers(&scope) {
            let why = Unknown::new(Reason::ParentGone, "its parent was not there to be asked");
            unknown.entry(scope).or_insert(why);
        }
    }
}

/// Changes by kind and key, at most one a key.
type Changes = Vec<Change>;

/// Where the change of this key is, or where it would be.
fn find(changes: &[Change], kind: Kind, key: &Key) -> Result<usize, usize> {
    changes.binary_search_by(|change| (change.kind, &change.key).cmp(&(kind, key)))
}

fn sort(changes: &mut Changes) {
    changes.sort_unstable_by(|a, b| (a.kind, &a.key).cmp(&(b.kind, &b.key)));
}

/// A removed entity takes along every child and edge that hangs on it, whether or not their scopes
/// could be read.
fn cascade(state: &State, changes: &mut Changes) {
    let removals = changes.iter().filter(|change| change.op == Op::Removed);
    let removed: BTreeMap<Key, Millis> = removals.map(|change| (change.key.clone(), change.span.to)).collect();
    let gone: BTreeSet<Key> = removed.keys().cloned().collect();
    let mut taken_along = Changes::new();
    for (kind, key) in state.hanging_on(&gone) {
        let own = find(changes, kind, &key).ok().map(|place| &mut changes[place]);
        let end = kind.ends_of(&key).into_iter().find_map(|end| removed.get(&end));
        let (Some(to), Some(held)) = (end, state.get(kind, &key)) else { continue };
        // It may have gone before its end did, at any time since it was last seen itself.
        let span = Span { from: last_read(state, kind, &key), to: *to };
        let removal = Change::removed(kind, key, held, span, Some(Cause::Cascade));
        match own {
            Some(own) if own.op == Op::Removed => {}
            Some(own) => *own = removal,
            None => taken_along.push(removal),
        }
    }
    changes.append(&mut taken_along);
    sort(changes);
}

/// An edge or child is published only if its ends are in the state after this transaction.
fn hold_back_dangling(state: &State, changes: &mut Changes) -> Vec<Change> {
    let is_there = |key: &Key| {
        let Some(kind) = key.kind() else { return false };
        match find(changes, kind, key) {
            Ok(place) => changes[place].op != Op::Removed,
            Err(_) => state.get(kind, key).is_some(),
        }
    };
    let upserts = changes.iter().filter(|change| change.op != Op::Removed);
    let dangling = upserts.filter(|change| !change.kind.ends_of(&change.key).iter().all(is_there));
    let dangling = dangling.filter(|_| !planted!(DanglingPublished));
    let dangling: BTreeSet<Key> = dangling.map(|change| change.key.clone()).collect();
    changes.extract_if(.., |change| dangling.contains(&change.key)).collect()
}

#[cfg(test)]
mod tests;
