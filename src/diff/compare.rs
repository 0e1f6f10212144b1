//! One kind compared: the walk over what was found and what is held.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use super::{Change, KindOutcome, Op, Span};
use crate::{
    model::{Collection, Dates, Entity, Found, Head, Key, Kind, Millis, Reason, Scope, Unknown, Verb},
    state::{CollectionProgress, Held, State},
};

/// What came of one kind.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) changes: Vec<Change>,
    pub(super) outcome: KindOutcome,
}

/// One key as it was found, as it is held, or both.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) key: &'a Key,
    pub(super) found: Option<&'a Found>,
    pub(super) held: Option<&'a Held>,
}

impl Pair<'_> {
    /// Whether it was found as it is held, in the words of this version.
    fn is_unchanged(&self) -> bool {
        matches!((self.found, self.held), (Some(Found::Known(json)), Some(held)) if held.is_current() && *json == held.entity)
    }
}

/// Everything found or held of one kind, by key.
pub(super) fn pairs<'a>(found: &'a [(Key, Found)], held: &'a BTreeMap<Key, Held>) -> impl Iterator<Item = Pair<'a>> {
    let (mut found, mut held) = (found.iter().peekable(), held.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (found.peek(), held.peek()) {
            (Some((found, _)), Some((held, _))) => found.cmp(held),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let found = if order.is_le() { found.next() } else { None };
        let held = if order.is_ge() { held.next() } else { None };
        let key = found.map(|(key, _)| key).or(held.map(|(key, _)| key))?;
        Some(Pair { key, found: found.map(|(_, found)| found), held: held.map(|(_, held)| held) })
    })
}

/// Compares what was found of one kind, with what else was `read`, with what is held; the changes come by key.
pub(super) fn compare_kind<E: Entity>(
    state: &State,
    read: &BTreeMap<Kind, Collection>,
    collection: &Collection,
) -> Compared {
    let said = state.progress_of(E::KIND);
    let baseline = !said.baselined || said.model_version != state.model_version(E::KIND);
    let pairs: Vec<Pair<'_>> =
        pairs(collection.found(), state.entities(E::KIND)).filter(|pair| baseline || !pair.is_unchanged()).collect();
    let stale = stale_scopes::<E>(&pairs);
    let mut outcome = KindOutcome { unknown: collection.unknown_scopes().clone(), ..KindOutcome::default() };
    outcome.unknown.extend(stale.clone());
    let Some(window) = collection.window() else { return Compared { changes: Vec::new(), outcome } };
    outcome.baseline = baseline;
    let compared = Compared { changes: Vec::new(), outcome };
    let mut walk = Walk { state, read, collection, said, baseline, stale, to: window.ended_at.into(), compared };
    let fewer = walk.fewer_than_counted();
    walk.compared.outcome.miscounted = walk.miscounted();
    for pair in pairs {
        match (pair.found, pair.held) {
            (Some(Found::Known(json)), held) => walk.upsert::<E>(pair.key, held, json),
            (Some(Found::Unread(_)), _) => {}
            (None, Some(held)) => walk.removal::<E>(pair.key, held, fewer),
            (None, None) => {}
        }
    }
    walk.compared
}

/// The scopes whose listing is older than one already seen: a date in it moved backwards.
fn stale_scopes<E: Entity>(pairs: &[Pair<'_>]) -> BTreeMap<Scope, Unknown> {
    let mut stale = BTreeMap::new();
    for Pair { key, found, held } in pairs.iter().filter(|pair| !pair.is_unchanged()) {
        let (Some(Found::Known(json)), Some(held)) = (found, held) else { continue };
        let (Some(before), Some(after)) = (parse::<E>(&held.entity), parse::<E>(json)) else { continue };
        if after.dates().older_than(before.dates()) && !planted!(StaleListingBelieved) {
            let detail = format!("{key} carries an older date than in an earlier listing");
            stale.insert(E::scope(key), Unknown::new(Reason::Stale, detail));
        }
    }
    stale
}

struct Walk<'a> {
    state: &'a State,
    read: &'a BTreeMap<Kind, Collection>,
    collection: &'a Collection,
    said: CollectionProgress,
    baseline: bool,
    stale: BTreeMap<Scope, Unknown>,
    to: Millis,
    compared: Compared,
}

impl Walk<'_> {
    fn upsert<E: Entity>(&mut self, key: &Key, held: Option<&Held>, json: &Arc<str>) {
        if self.is_stale::<E>(key) {
            return;
        }
        match held {
            None => self.new_entity::<E>(key, json),
            Some(held) if self.baseline || !held.is_current() => self.push_observed::<E>(key, Some(held), json),
            Some(held) => self.difference::<E>(key, held, json),
        }
    }

    fn new_entity<E: Entity>(&mut self, key: &Key, json: &Arc<str>) {
        if self.baseline || was_missed(self.state, E::KIND, key) {
            return self.push_observed::<E>(key, None, json);
        }
        let dates = parse::<E>(json).map(|entity| entity.dates()).unwrap_or_default();
        let last_read = last_read(self.state, E::KIND, key);
        // Without a date it may be an old answer that shows what is gone.
        let may_be_old = last_read.is_some_and(|read| dates.born.is_none_or(|born| born < read));
        if (may_be_old || self.is_older_than_an_end::<E>(key, dates))
            && !self.collection.is_confirmed(key)
            && !planted!(OldNewcomerBelieved)
        {
            self.compared.outcome.doubtful.insert(key.clone());
            return;
        }
        self.push::<E>(key, Op::Created, E::NEW, json, None, Vec::new());
    }

    fn difference<E: Entity>(&mut self, key: &Key, held: &Held, json: &Arc<str>) {
        let (Some(before), Some(after)) = (parse::<E>(&held.entity), parse::<E>(json)) else { return };
        let change = difference(&before, &after);
        let may_be_newborn = after.dates().born.is_none() || after.dates().born_after(before.dates());
        let may_be_anothers = may_be_newborn
            && change.is_some()
            && self.is_older_than_an_end::<E>(key, after.dates())
            && !self.was_the_same_before(key, &after);
        if may_be_anothers || (before.must_be_seen_twice(&after) && !self.was_alike_before(key, &after)) {
            self.compared.outcome.doubtful.insert(key.clone());
            self.compared.outcome.lacking.insert(key.clone());
        } else if let Some((verb, changed)) = change {
            self.push::<E>(key, Op::Updated, verb, json, Some(held), changed);
        }
    }

    /// Whether it began before one of its ends was last changed. What is asked for by a name may then be, in an old answer,
    /// that of whoever had the name before.
    fn is_older_than_an_end<E: Entity>(&self, key: &Key, dates: Dates) -> bool {
        let touched = |end: Key| {
            let kind = end.kind()?;
            let head = match self.read.get(&kind).and_then(|ends| ends.get(&end)) {
                Some(Found::Known(json)) => serde_json::from_str(json).ok(),
                Some(Found::Unread(_)) | None => self.state.head(kind, &end),
            };
            head.and_then(|head: Head| head.dates().touched)
        };
        let began = dates.born.or(dates.touched);
        began.is_some_and(|began| E::ends(key).into_iter().filter_map(touched).any(|touched| began < touched))
    }

    /// What the first of two listings showed under `key`.
    fn first_found<E: Entity>(&self, key: &Key) -> Option<E> {
        let Some(Found::Known(json)) = self.collection.found_before(key) else { return None };
        parse(json)
    }

    /// Whether two listings show `entity`, and differ in nothing.
    fn was_the_same_before<E: Entity>(&self, key: &Key, entity: &E) -> bool {
        self.first_found::<E>(key).is_some_and(|first| first.changed_fields(entity).is_empty())
    }

    /// Whether two listings show `entity`, and differ in it by nothing that must be seen twice in its turn.
    fn was_alike_before<E: Entity>(&self, key: &Key, entity: &E) -> bool {
        let is_alike = |first: E| first.changed_fields(entity).is_empty() || !first.must_be_seen_twice(entity);
        self.first_found(key).is_some_and(is_alike)
    }

    fn removal<E: Entity>(&mut self, key: &Key, held: &Held, fewer: Option<i64>) {
        let scope = E::scope(key);
        if !self.collection.knows(&scope) || self.is_stale::<E>(key) {
            return;
        }
        if !self.collection.is_confirmed(key) && !planted!(NoSecondListing) {
            self.compared.outcome.doubtful.insert(key.clone());
        } else if let Some(fewer) = fewer {
            let detail = format!("{fewer} fewer were listed than GetAccountSummary counts");
            let why = Unknown::new(Reason::RemovalsUnproven, detail);
            self.compared.outcome.unknown.insert(Scope::entity(key), why);
        } else {
            let span = self.span::<E>(key);
            self.compared.changes.push(Change::removed(E::KIND, key.clone(), held, span, None));
        }
    }

    /// By how many the listing falls behind an independent count, more than it did last time: some
    /// services count things that they do not list, always the same number of them.
    fn fewer_than_counted(&self) -> Option<i64> {
        let difference = self.collection.count_difference()?;
        let usual = self.said.count_difference.unwrap_or(0);
        (difference < usual).then_some(usual - difference)
    }

    /// By how many the listing differs from an independent count, if it did not do so last time.
    fn miscounted(&self) -> Option<i64> {
        let difference = self.collection.count_difference()?;
        (difference != 0 && Some(difference) != self.said.count_difference).then_some(difference)
    }

    /// Whether the comparison itself found that nothing of the key's scope can be believed.
    fn is_stale<E: Entity>(&self, key: &Key) -> bool {
        !self.stale.is_empty() && self.stale.contains_key(&E::scope(key))
    }

    /// What was held under another version of the kind is told as it was, but what differs is no change of the account.
    fn push_observed<E: Entity>(&mut self, key: &Key, held: Option<&Held>, json: &Arc<str>) {
        if planted!(BaselineAsAdded) {
            return self.push::<E>(key, Op::Created, E::NEW, json, None, Vec::new());
        }
        self.push::<E>(key, Op::Observed, Verb::Observed, json, held, Vec::new());
    }

    fn push<E: Entity>(
        &mut self,
        key: &Key,
        op: Op,
        verb: Verb,
        json: &Arc<str>,
        held: Option<&Held>,
        changed_fields: Vec<&'static str>,
    ) {
        let span = if op == Op::Observed { Span { from: None, to: self.to } } else { self.span::<E>(key) };
        let change = Change::upsert(E::KIND, key, (op, verb), changed_fields, held, json, span);
        let other_version = self.state.other_version(E::KIND);
        self.compared.changes.push(Change { other_version, ..change });
    }

    /// From the start of the last complete reading of the key's scope to the end of this one.
    fn span<E: Entity>(&self, key: &Key) -> Span {
        Span { from: last_read(self.state, E::KIND, key), to: self.to }
    }
}

/// The word for the change from `before` to `after`, and the compared fields that differ; `None` if none does.
pub(super) fn difference<E: Entity>(before: &E, after: &E) -> Option<(Verb, Vec<&'static str>)> {
    let changed = before.changed_fields(after);
    let verb = if after.dates().born_after(before.dates()) { Verb::Readded } else { before.update_verb(after) };
    (!changed.is_empty()).then_some((verb, changed))
}

/// Whether its collection's baseline did not see it: then it is no news that it is there.
pub(super) fn was_missed(state: &State, kind: Kind, key: &Key) -> bool {
    let scopes = kind.scopes_around(key);
    scopes.iter().any(|scope| state.scopes().get(scope).is_some_and(|record| record.missed))
}

/// Start of the last complete reading of what `key` belongs to; `None` if there was none.
pub(super) fn last_read(state: &State, kind: Kind, key: &Key) -> Option<Millis> {
    if planted!(WindowBeginsLate) {
        return state.progress_of(kind).complete_at;
    }
    let stale = kind.scopes_around(key).into_iter().find_map(|scope| state.scopes().get(&scope));
    stale.map_or_else(|| state.progress_of(kind).begun_at, |record| record.since)
}

/// A held or found JSON with its fields. What this version wrote it can read; what it cannot read was
/// written under another version, and is observed anew when it is next known.
pub(super) fn parse<E: Entity>(json: &str) -> Option<E> {
    serde_json::from_str(json).ok()
}
