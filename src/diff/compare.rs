//! One kind compared: the walk over what was found and what is held.

use std::collections::BTreeMap;

use super::{Change, KindOutcome, Op, Span};
use crate::{
    model::{Collection, Entity, Found, Key, Millis, Reason, Scope, Unknown, Verb},
    state::{CollectionProgress, Held, State},
};

/// What came of one kind.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) changes: Vec<Change>,
    pub(super) outcome: KindOutcome,
}

/// Compares what was found of one kind with what is held.
pub(super) fn compare_kind<E: Entity>(state: &State, collection: &Collection) -> Compared {
    let said = state.collection(E::KIND);
    let baseline = !said.baselined || said.model_version != E::MODEL_VERSION;
    let stale = stale_scopes::<E>(state, collection);
    let mut outcome = KindOutcome { unknown: collection.unknown_scopes().clone(), ..KindOutcome::default() };
    outcome.unknown.extend(stale.clone());
    let Some(window) = collection.window() else { return Compared { changes: Vec::new(), outcome } };
    outcome.baseline = baseline;
    let compared = Compared { changes: Vec::new(), outcome };
    let mut walk = Walk { state, collection, said, baseline, stale, to: window.ended_at.into(), compared };
    walk.upserts::<E>();
    walk.removals::<E>();
    walk.compared
}

/// The scopes whose listing is older than one already seen: a date in it moved backwards.
fn stale_scopes<E: Entity>(state: &State, collection: &Collection) -> BTreeMap<Scope, Unknown> {
    let mut stale = BTreeMap::new();
    for (key, found) in collection.found() {
        let (Found::Known(json), Some(held)) = (found, state.get(E::KIND, key)) else { continue };
        if **json == *held.entity {
            continue;
        }
        let (Some(before), Some(after)) = (parse::<E>(&held.entity), parse::<E>(json)) else { continue };
        if after.dates().older_than(before.dates()) {
            let detail = format!("{key} carries an older date than in an earlier listing");
            stale.insert(E::scope(key), Unknown::new(Reason::Stale, detail));
        }
    }
    stale
}

struct Walk<'a> {
    state: &'a State,
    collection: &'a Collection,
    said: CollectionProgress,
    baseline: bool,
    stale: BTreeMap<Scope, Unknown>,
    to: Millis,
    compared: Compared,
}

impl Walk<'_> {
    fn upserts<E: Entity>(&mut self) {
        for (key, found) in self.collection.found() {
            let Found::Known(json) = found else { continue };
            if self.is_stale(&E::scope(key)) {
                continue;
            }
            match self.state.get(E::KIND, key) {
                None => self.new_entity::<E>(key, json),
                Some(held) if self.baseline || !held.is_current => self.push_observed::<E>(key, json),
                Some(held) if *held.entity == **json => {}
                Some(held) => self.difference::<E>(key, held, json),
            }
        }
    }

    fn new_entity<E: Entity>(&mut self, key: &Key, json: &str) {
        if self.baseline || self.was_missed::<E>(key) {
            return self.push_observed::<E>(key, json);
        }
        let born = parse::<E>(json).and_then(|entity| entity.dates().born);
        let last_read = last_read::<E>(self.state, key);
        let should_have_been_seen = matches!((born, last_read), (Some(born), Some(read)) if born < read);
        if should_have_been_seen && !self.collection.is_confirmed(key) {
            self.compared.outcome.doubtful.insert(key.clone());
            return;
        }
        self.push::<E>(key, Op::Created, E::NEW, json, None, Vec::new());
    }

    fn difference<E: Entity>(&mut self, key: &Key, held: &Held, json: &str) {
        let (Some(before), Some(after)) = (parse::<E>(&held.entity), parse::<E>(json)) else { return };
        let changed = before.changed_fields(&after);
        if changed.is_empty() {
            return;
        }
        let verb = if after.dates().born_after(before.dates()) { Verb::Readded } else { before.update_verb(&after) };
        self.push::<E>(key, Op::Updated, verb, json, Some(held), changed);
    }

    fn removals<E: Entity>(&mut self) {
        let fewer = self.fewer_than_counted();
        for (key, held) in self.state.entities(E::KIND) {
            let scope = E::scope(key);
            let is_known = self.collection.knows(&scope) && !self.is_stale(&scope);
            if self.collection.found().contains_key(key) || !is_known {
                continue;
            }
            if !self.collection.is_confirmed(key) {
                self.compared.outcome.doubtful.insert(key.clone());
            } else if let Some(fewer) = fewer {
                let detail = format!("{fewer} fewer were listed than GetAccountSummary counts");
                self.compared
                    .outcome
                    .unknown
                    .insert(Scope::entity(key), Unknown::new(Reason::RemovalsUnproven, detail));
            } else {
                let span = self.span::<E>(key);
                self.compared.changes.push(Change::removed(E::KIND, key.clone(), held, span, None));
            }
        }
    }

    /// By how many the listing falls behind an independent count, more than it did last time: some
    /// services count things that they do not list, always the same number of them.
    fn fewer_than_counted(&self) -> Option<i64> {
        let difference = self.collection.count_difference()?;
        let usual = self.said.count_difference.unwrap_or(0);
        (difference < usual).then_some(usual - difference)
    }

    /// Whether the comparison itself found that nothing of `scope` can be believed.
    fn is_stale(&self, scope: &Scope) -> bool {
        self.stale.contains_key(scope)
    }

    /// Whether its collection's baseline did not see it: then it is no news that it is there.
    fn was_missed<E: Entity>(&self, key: &Key) -> bool {
        scopes_of::<E>(key).iter().any(|scope| self.state.scopes().get(scope).is_some_and(|record| record.missed))
    }

    fn push_observed<E: Entity>(&mut self, key: &Key, json: &str) {
        self.push::<E>(key, Op::Observed, Verb::Observed, json, None, Vec::new());
    }

    fn push<E: Entity>(
        &mut self,
        key: &Key,
        op: Op,
        verb: Verb,
        json: &str,
        held: Option<&Held>,
        changed_fields: Vec<&'static str>,
    ) {
        self.compared.changes.push(Change {
            kind: E::KIND,
            key: key.clone(),
            op,
            verb,
            cause: None,
            changed_fields,
            before: held.map(|held| held.entity.clone()),
            after: Some(json.into()),
            previous_revision: held.map(|held| held.revision),
            span: if op == Op::Observed { Span { from: None, to: self.to } } else { self.span::<E>(key) },
        });
    }

    /// From the start of the last complete reading of the key's scope to the end of this one.
    fn span<E: Entity>(&self, key: &Key) -> Span {
        Span { from: last_read::<E>(self.state, key), to: self.to }
    }
}

/// Start of the last complete reading of what `key` belongs to; `None` if there was none.
pub(super) fn last_read<E: Entity>(state: &State, key: &Key) -> Option<Millis> {
    let stale = scopes_of::<E>(key).into_iter().find_map(|scope| state.scopes().get(&scope));
    stale.map_or_else(|| state.collection(E::KIND).begun_at, |record| record.since)
}

/// The scopes that a key belongs to, from the narrowest to the widest.
fn scopes_of<E: Entity>(key: &Key) -> [Scope; 3] {
    [Scope::entity(key), E::scope(key), Scope::collection(E::KIND)]
}

/// A held or found JSON with its fields. What this version wrote it can read; what it cannot read was
/// written under another version, and is observed anew when it is next known.
fn parse<E: Entity>(json: &str) -> Option<E> {
    serde_json::from_str(json).ok()
}
