//! Two published states compared, in the words of the comparison of a state with a reading.
//!
//! Nothing here has to be proven: what a published state lacks was gone when it was published.

use super::{
    Change, Op, Span,
    compare::{difference, last_read, parse, was_missed},
};
use crate::{
    model::{Entity, ForKind, Key, Kind, Verb},
    state::{Held, State},
};

/// What happened to the entities of `kinds` from one published state to another, in publishing order.
///
/// What one state's collection or scope had never been read is observed, not added, in the other; and of a kind that
/// the later one never read nothing is removed.
#[must_use]
pub fn between(from: &State, to: &State, kinds: &[Kind]) -> Vec<Change> {
    struct Between<'a>(&'a State, &'a State);
    impl ForKind for Between<'_> {
        type Output = Vec<Change>;
        fn with<E: Entity>(self) -> Vec<Change> {
            let Self(from, to) = self;
            let said = to.progress_of(E::KIND);
            let window_end = said.seen_at();
            let span = |key: &Key| Span { from: last_read(from, E::KIND, key), to: window_end };
            let there = to.entities(E::KIND);
            let gone = from.entities(E::KIND).iter().filter(|(key, _)| said.baselined && !there.contains_key(*key));
            let gone = gone.map(|(key, held)| Change::removed(E::KIND, key.clone(), held, span(key), None));
            let upserts = there.iter().filter_map(|(key, held)| upsert::<E>(from, key, held, span(key)));
            gone.chain(upserts).collect()
        }
    }
    let mut changes: Vec<Change> = kinds.iter().flat_map(|kind| kind.with(Between(from, to))).collect();
    changes.sort_unstable_by(|a, b| a.publishing_order().cmp(&b.publishing_order()));
    changes
}

/// How `held` of the later state came to be what it is; `None` if it was so already.
fn upsert<E: Entity>(from: &State, key: &Key, held: &Held, span: Span) -> Option<Change> {
    let before = from.get(E::KIND, key);
    let (op, verb, changed_fields) = match before {
        Some(before) if before.entity == held.entity => return None,
        Some(before) => {
            let (verb, changed) = difference(&parse::<E>(&before.entity)?, &parse::<E>(&held.entity)?)?;
            (Op::Updated, verb, changed)
        }
        None if !from.progress_of(E::KIND).baselined || was_missed(from, E::KIND, key) => {
            (Op::Observed, Verb::Observed, Vec::new())
        }
        None => (Op::Created, E::NEW, Vec::new()),
    };
    let change = Change::upsert(E::KIND, key, (op, verb), changed_fields, before, &held.entity, span);
    Some(Change { other_version: held.other_version.clone(), ..change })
}
