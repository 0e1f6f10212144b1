//! One kind as it was read: what was found, and which scopes are known.
//!
//! A [`Collection`] can be made from [`Complete`] listings only, so what was not read to its end
//! cannot reach the comparison: it is an unknown scope, and unknown scopes keep their state.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Complete, Key, Kind, Listing, Reason, Unknown, Window};

/// What is read as one: a collection (`user`), one parent's children (`membership/<group id>`), or
/// one entity whose details are read by themselves (`role/<role id>`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(String);

impl Scope {
    /// A whole collection.
    #[must_use]
    pub fn collection(kind: Kind) -> Self {
        Self(kind.as_str().to_owned())
    }

    /// The part of a collection that `components` (encoded as in keys) single out.
    pub fn children<'a>(kind: Kind, components: impl IntoIterator<Item = &'a str>) -> Self {
        let mut text = kind.as_str().to_owned();
        for component in components {
            text.push('/');
            text.push_str(component);
        }
        Self(text)
    }

    /// One entity.
    #[must_use]
    pub fn entity(key: &Key) -> Self {
        Self(key.path().to_owned())
    }

    /// The scopes that it lies in by its name, from the narrowest to the widest: `a/b` and `a` for `a/b/c`.
    pub fn wider(&self) -> impl Iterator<Item = Self> {
        self.0.rmatch_indices('/').map(|(end, _)| Self(self.0[..end].to_owned()))
    }

    /// The kind that it is a scope of.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_name(self.0.split('/').next()?)
    }

    /// The scope as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Scope {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entity in a complete listing.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Known with all that is compared: its JSON as it is to be stored, shared with the state if it stands there.
    Known(Arc<str>),
    /// There (or not proven gone), but not known with everything: neither added nor updated, only present.
    Unread(Unknown),
}

/// One kind as it was read in one sync.
#[derive(Debug, Clone)]
pub struct Collection {
    kind: Kind,
    /// Sorted by key, each key once.
    found: Vec<(Key, Found)>,
    window: Option<Window>,
    covered: Covered,
    unknown: BTreeMap<Scope, Unknown>,
    /// What was looked at in two listings, with what the first of them had of it.
    twice: BTreeMap<Key, Option<Found>>,
    count_difference: Option<i64>,
}

/// Which scopes the listings cover; of any other scope nothing is known.
#[derive(Debug, Clone)]
enum Covered {
    Everything,
    Only(BTreeSet<Scope>),
}

impl Collection {
    fn empty(kind: Kind, covered: Covered) -> Self {
        Self {
            kind,
            found: Vec::new(),
            window: None,
            covered,
            unknown: BTreeMap::new(),
            twice: BTreeMap::new(),
            count_difference: None,
        }
    }

    /// A kind of which nothing is known.
    #[must_use]
    pub fn unknown(kind: Kind, why: Unknown) -> Self {
        let unknown = BTreeMap::from([(Scope::collection(kind), why)]);
        Self { unknown, ..Self::empty(kind, Covered::Only(BTreeSet::new())) }
    }

    /// A kind that one listing covers whole.
    #[must_use]
    pub fn whole(kind: Kind, listing: Complete<(Key, Found)>) -> Self {
        let mut collection = Self { window: Some(listing.window()), ..Self::empty(kind, Covered::Everything) };
        collection.add(listing.into_items());
        collection
    }

    /// A kind that one listing covers whole, or of which nothing is known.
    #[must_use]
    pub fn whole_or_unknown(kind: Kind, listing: Listing<(Key, Found)>) -> Self {
        listing.map_or_else(|why| Self::unknown(kind, why), |listing| Self::whole(kind, listing))
    }

    /// A kind that is read parent by parent, after the parents were listed at `parents_window`. Held
    /// entities of scopes that are not named here are unknown.
    #[must_use]
    pub fn by_scope(
        kind: Kind,
        parents_window: Window,
        listings: impl IntoIterator<Item = (Scope, Listing<(Key, Found)>)>,
    ) -> Self {
        let mut collection = Self::empty(kind, Covered::Everything);
        let mut window = parents_window;
        let (mut items, mut covered) = (Vec::new(), BTreeSet::new());
        for (scope, listing) in listings {
            match listing {
                Ok(listing) => {
                    window = window.and(listing.window());
                    items.append(&mut listing.into_items());
                    covered.insert(scope);
                }
                Err(why) if is_taken_for_empty(why.reason) => {
                    covered.insert(scope);
                }
                Err(why) => {
                    collection.unknown.insert(scope, why);
                }
            }
        }
        collection.add(items);
        Self { covered: Covered::Only(covered), window: Some(window), ..collection }
    }

    /// A kind that one complete listing covers, except for the scopes in `unknown`: the caller has taken
    /// what was found of them out.
    #[must_use]
    pub fn partly(kind: Kind, listing: Complete<(Key, Found)>, unknown: BTreeMap<Scope, Unknown>) -> Self {
        let mut collection = Self::whole(kind, listing);
        collection.unknown.extend(unknown);
        collection
    }

    /// Holds each key as it is in the state, if it is there, and adds none: whatever the listing has of it or
    /// lacks is not proven.
    pub fn hold(&mut self, keys: Vec<(Key, Unknown)>) {
        if !keys.is_empty() {
            self.add(keys.into_iter().map(|(key, why)| (key, Found::Unread(why))).collect());
        }
    }

    /// Adds scopes that were not read, because nothing says that they changed: they are known as they are held, which was
    /// read at a time that the caller puts into the window.
    pub fn stand(&mut self, scopes: impl IntoIterator<Item = Scope>, held: Vec<(Key, Found)>) {
        if let Covered::Only(covered) = &mut self.covered {
            covered.extend(scopes);
        }
        self.add(held);
    }

    /// Adds what another complete listing has of the scopes that are known.
    pub fn join(&mut self, listing: Complete<(Key, Found)>) {
        if let Some(window) = &mut self.window {
            *window = window.and(listing.window());
        }
        let listed = listing.into_items().into_iter().filter(|(key, _)| self.knows(&self.kind.scope_of(key)));
        let listed = listed.collect();
        self.add(listed);
    }

    /// Declares `scope` unknown after all; what was found of it is no longer known.
    fn mark_unknown(&mut self, scope: Scope, why: Unknown) {
        self.found.retain(|(key, _)| scope != self.kind.scope_of(key));
        if self.why_not(&scope).is_none() {
            self.unknown.insert(scope, why);
        }
    }

    /// Notes how many more were listed than an independent count says.
    pub fn note_count_difference(&mut self, listed_minus_counted: i64) {
        self.count_difference = Some(listed_minus_counted);
    }

    /// Stretches the window back to `begun_at`: some of what was found was read that early.
    pub fn begin_at(&mut self, begun_at: Timestamp) {
        if let Some(window) = &mut self.window {
            window.begun_at = window.begun_at.min(begun_at);
        }
    }

    /// Stretches the window to `ended_at`: some of what was found was read that late.
    pub fn end_at(&mut self, ended_at: Timestamp) {
        if let Some(window) = &mut self.window {
            window.ended_at = window.ended_at.max(ended_at);
        }
    }

    fn add(&mut self, items: Vec<(Key, Found)>) {
        for (key, found) in &items {
            if let Found::Unread(why) = found {
                self.unknown.insert(Scope::entity(key), why.clone());
            }
        }
        if self.found.is_empty() {
            self.found = items;
        } else {
            self.found.extend(items);
        }
        // Services list many things by their ids, in the order of the keys.
        if !self.found.is_sorted_by(|(a, _), (b, _)| a < b) {
            // Of two under one key the later one counts: the sort is stable, and of equal ones the first is kept.
            self.found.reverse();
            self.found.sort_by(|(a, _), (b, _)| a.cmp(b));
            self.found.dedup_by(|(next, _), (first, _)| next == first);
        }
        // What was made in place of a listing has room for its larger items.
        self.found.shrink_to_fit();
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What was found, sorted by key.
    #[must_use]
    pub fn found(&self) -> &[(Key, Found)] {
        &self.found
    }

    /// What was found under `key`.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Found> {
        self.found.binary_search_by(|(found, _)| found.cmp(key)).ok().map(|place| &self.found[place].1)
    }

    /// The unknown scopes, with the reason of each.
    #[must_use]
    pub fn unknown_scopes(&self) -> &BTreeMap<Scope, Unknown> {
        &self.unknown
    }

    /// When it was read; `None` if no listing was complete.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        self.window
    }

    /// Listed minus independently counted, if it was counted.
    #[must_use]
    pub fn count_difference(&self) -> Option<i64> {
        self.count_difference
    }

    /// Why the collection as a whole is unknown, if it is.
    #[must_use]
    pub fn why_unknown(&self) -> Option<&Unknown> {
        self.unknown.get(&Scope::collection(self.kind))
    }

    /// Whether every scope of it is known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unknown.is_empty()
    }

    /// Whether the absence of an entity of `scope` means something: the scope was read to its end.
    #[must_use]
    pub fn knows(&self, scope: &Scope) -> bool {
        let is_covered = match &self.covered {
            Covered::Everything => true,
            Covered::Only(scopes) => scopes.contains(scope),
        };
        is_covered && self.why_not(scope).is_none()
    }

    /// Whether the reading says of every scope that it was read, or why not.
    #[must_use]
    pub fn covers_everything(&self) -> bool {
        matches!(self.covered, Covered::Everything)
    }

    /// Whether the reading says anything of `scope`: that it was read, or why not.
    #[must_use]
    pub fn covers(&self, scope: &Scope) -> bool {
        self.knows(scope) || self.why_not(scope).is_some()
    }

    /// Why nothing is known of `scope`: for its own sake, or for that of a wider one.
    fn why_not(&self, scope: &Scope) -> Option<&Unknown> {
        if self.unknown.is_empty() {
            return None;
        }
        self.unknown.get(scope).or_else(|| scope.wider().find_map(|wider| self.unknown.get(&wider)))
    }

    /// Whether `key` was there, or missing, in two listings that lie far enough apart.
    #[must_use]
    pub fn is_confirmed(&self, key: &Key) -> bool {
        self.twice.contains_key(key)
    }

    /// What the first of two listings had under `key`, if both had it.
    #[must_use]
    pub fn found_before(&self, key: &Key) -> Option<&Found> {
        self.twice.get(key)?.as_ref()
    }

    /// Replaces the scopes that were read a second time: `doubtful` are the keys whose change the
    /// first reading could not prove, and `second` the later reading of at least their scopes.
    ///
    /// Of a scope that the second reading does not cover nothing is known any more.
    #[must_use]
    pub fn confirmed_by(mut self, second: Self, doubtful: BTreeSet<Key>) -> Self {
        if doubtful.is_empty() {
            // It was read again for its count alone.
            self.count_difference = second.count_difference.or(self.count_difference);
            return self;
        }
        let scopes: BTreeSet<Scope> = doubtful.iter().map(|key| self.kind.scope_of(key)).collect();
        if let Some(why) = second.why_unknown() {
            for scope in scopes {
                self.mark_unknown(scope, why.clone());
            }
            return self;
        }
        let read_again = |key: &Key| scopes.contains(&self.kind.scope_of(key));
        for (key, _) in self.found.iter().filter(|(key, _)| read_again(key)) {
            self.unknown.remove(&Scope::entity(key));
        }
        // What one reading has and the other lacks was not seen twice, whichever way it was doubtful.
        let had = doubtful.into_iter().map(|key| (self.get(&key).cloned(), key));
        let is_seen_twice = |(had, key): &(Option<Found>, Key)| had.is_some() == second.get(key).is_some();
        let twice: Vec<_> = had.filter(is_seen_twice).map(|(had, key)| (key, had)).collect();
        self.found.retain(|(key, _)| !read_again(key));
        for scope in &scopes {
            match second.why_not(scope) {
                Some(why) => self.mark_unknown(scope.clone(), why.clone()),
                None if second.knows(scope) => {}
                None => {
                    let why = Unknown::new(Reason::ParentGone, "its parent was gone when it was listed again");
                    self.mark_unknown(scope.clone(), why);
                }
            }
        }
        let again = second.found.into_iter().filter(|(key, _)| scopes.contains(&self.kind.scope_of(key)));
        self.add(again.collect());
        if let (Some(first), Some(later)) = (self.window, second.window) {
            self.window = Some(first.and(later));
        }
        self.twice.extend(twice);
        self.count_difference = second.count_difference.or(self.count_difference);
        self
    }
}

/// None is, but for planted bugs.
fn is_taken_for_empty(reason: Reason) -> bool {
    match reason {
        Reason::Denied => planted!(DeniedIsEmpty),
        _ => planted!(FailureIsEmpty),
    }
}
