//! One change, as a value: the end of the typed world. Everything behind it works on keys and JSON.

use std::sync::Arc;

use crate::{
    model::{Key, Kind, Millis, Rank, Verb},
    state::Held,
};

/// What happened to a key, as Debezium's letters say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Op {
    /// It is new (`c`).
    Created,
    /// It changed (`u`).
    Updated,
    /// It is gone (`d`).
    Removed,
    /// It is there (`r`): a baseline.
    Observed,
}

impl Op {
    /// The letter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "c",
            Self::Updated => "u",
            Self::Removed => "d",
            Self::Observed => "r",
        }
    }
}

/// Why a change was published, where it was not its own reading that showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// An entity that it hangs on was removed.
    Cascade,
}

impl Cause {
    /// The cause in one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cascade => "cascade",
        }
    }
}

/// The time in which a change happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Start of the previous complete reading of its scope; `None` if there was none.
    pub from: Option<Millis>,
    /// End of the reading that shows it.
    pub to: Millis,
}

/// One difference between the published state and what was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The kind.
    pub kind: Kind,
    /// The key.
    pub key: Key,
    /// What happened.
    pub op: Op,
    /// The word for it.
    pub verb: Verb,
    /// Why, where its own reading does not show it.
    pub cause: Option<Cause>,
    /// The names of the compared fields that differ; empty unless updated.
    pub changed_fields: Vec<&'static str>,
    /// The entity's JSON as held until now.
    pub before: Option<Arc<str>>,
    /// The entity's JSON from now on.
    pub after: Option<Arc<str>>,
    /// The version of the kind under which the entity that it leaves (or the one that it takes away) was written, if that
    /// is not the present one.
    pub other_version: Option<Arc<String>>,
    /// The revision of `before`.
    pub previous_revision: Option<i64>,
    /// When it happened.
    pub span: Span,
}

impl Change {
    /// The version of the kind under which the entity that it leaves, or takes away, was written.
    #[must_use]
    pub fn model_version(&self) -> &str {
        self.other_version.as_ref().map_or(self.kind.model_version(), |version| version)
    }

    /// The removal of what was `held`.
    #[must_use]
    pub fn removed(kind: Kind, key: Key, held: &Held, span: Span, cause: Option<Cause>) -> Self {
        Self {
            kind,
            key,
            op: Op::Removed,
            verb: Verb::Removed,
            cause,
            changed_fields: Vec::new(),
            before: Some(held.entity.clone()),
            after: None,
            other_version: held.other_version.clone(),
            previous_revision: Some(held.revision),
            span,
        }
    }

    /// That `after` is there, in place of what was `held`, if anything was.
    #[must_use]
    pub fn upsert(
        kind: Kind,
        key: &Key,
        (op, verb): (Op, Verb),
        changed_fields: Vec<&'static str>,
        held: Option<&Held>,
        after: &Arc<str>,
        span: Span,
    ) -> Self {
        Self {
            kind,
            key: key.clone(),
            op,
            verb,
            cause: None,
            changed_fields,
            before: held.map(|held| Arc::clone(&held.entity)),
            after: Some(Arc::clone(after)),
            other_version: None,
            previous_revision: held.map(|held| held.revision),
            span,
        }
    }

    /// The place in a transaction: removals of edges, children and entities, then entities,
    /// children and edges; within these by kind, then key.
    #[must_use]
    pub fn publishing_order(&self) -> (u8, Kind, &Key) {
        let phase = match (self.op, self.kind.rank()) {
            (Op::Removed, Rank::Edge) => 0,
            (Op::Removed, Rank::Child) => 1,
            (Op::Removed, Rank::Entity) => 2,
            (_, Rank::Edge) if planted!(EdgesFirst) => 2,
            (_, _) if planted!(UpsertsFirst) => 0,
            (_, Rank::Entity) => 3,
            (_, Rank::Child) => 4,
            (_, Rank::Edge) => 5,
        };
        (phase, self.kind, &self.key)
    }
}
