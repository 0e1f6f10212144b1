//! What every kind can say about itself.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use super::{Dates, Key, Kind, Names, Scope, TrustedPrincipal};

macro_rules! verbs {
    ($($(#[$doc:meta])* $verb:ident, $word:literal;)*) => {
        /// The word for a change, the second half of an event type.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Verb { $($(#[$doc])* $verb,)* }

        impl Verb {
            /// Every verb.
            pub const ALL: &[Self] = &[$(Self::$verb,)*];

            /// The verb as it stands in event types.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$verb => $word,)* }
            }
        }
    };
}

verbs! {
    /// It is new (entities and edges that somebody adds to a list).
    Added, "added";
    /// It is new (things that somebody makes: policies, access keys).
    Created, "created";
    /// It is gone.
    Removed, "removed";
    /// It is there (baselines and replays).
    Observed, "observed";
    /// It was removed and added again between two reads.
    Readded, "readded";
    /// It has another name and the same id.
    Renamed, "renamed";
    /// A user was frozen.
    Frozen, "frozen";
    /// A frozen user is active again.
    Unfrozen, "unfrozen";
    /// What was switched off works again.
    Activated, "activated";
    /// It was switched off.
    Deactivated, "deactivated";
    /// An instance carries a RAM role, or another one than before.
    RoleAttached, "role_attached";
    /// An instance carries no RAM role any more.
    RoleDetached, "role_detached";
    /// Anything else about it changed.
    Updated, "updated";
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Ids and names as they stand at the top level of an event: each field's name with its value.
pub type Labels<'a> = Vec<(&'static str, Option<&'a str>)>;

/// One kind of entity: the struct as stored and as published in `before` and `after`.
///
/// The serde form is both: fields in schema order, nulls written. Everything that is decided per
/// kind is decided here; what works on entities in general is written once over this trait.
pub trait Entity: Serialize + DeserializeOwned + Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    /// Its kind.
    const KIND: Kind;
    /// Rises when what is compared or published changes; the next reading is then a baseline.
    const MODEL_VERSION: &'static str;
    /// The word for a new one.
    const NEW: Verb = Verb::Added;

    /// Its key in `account`.
    fn key(&self, account: &str) -> Key;

    /// The scope that an entity with this key belongs to: what must be read completely to call it gone.
    fn scope(key: &Key) -> Scope;

    /// The entities that must be in the state for one with this key to be published, and that take it along.
    fn ends(key: &Key) -> Vec<Key> {
        let _ = key;
        Vec::new()
    }

    /// The scope of everything that hangs on `parent`, if that is a scope of this kind.
    fn scope_under(parent: &Key) -> Option<Scope> {
        let _ = parent;
        None
    }

    /// Its ids and names as they stand at the top level of its events, in schema order.
    fn labels<'a>(&'a self, key: &Key, names: &'a Names) -> Labels<'a>;

    /// What the change from `before` to `after` means, as the fields that stand behind `after` in its events, in schema
    /// order. Without either nothing is said: it was only observed.
    fn meaning(before: Option<&Self>, after: Option<&Self>) -> Vec<(&'static str, Option<Vec<TrustedPrincipal>>)> {
        let _ = (before, after);
        Vec::new()
    }

    /// Its own name, where it has one that edges carry.
    fn name(&self) -> Option<&str> {
        None
    }

    /// The dates that bear witness.
    fn dates(&self) -> Dates;

    /// The names of the compared fields in which `after` differs, in schema order.
    fn changed_fields(&self, after: &Self) -> Vec<&'static str>;

    /// The word for the change to `after`, where the kind has one that says more than `updated`.
    fn update_verb(&self, after: &Self) -> Verb {
        let _ = after;
        Verb::Updated
    }

    /// Whether the change to `after` is what an answer that lacks something would look like, too: then a second reading
    /// has to show it, as with a removal.
    fn must_be_seen_twice(&self, after: &Self) -> bool {
        let _ = after;
        false
    }
}

/// The status of what works, where the service says `Active`.
pub const ACTIVE: &str = "active";

/// The word for the change of something that has a status.
pub(super) fn switched(before: &str, after: &str) -> Verb {
    match (before == ACTIVE, after == ACTIVE) {
        (true, false) => Verb::Deactivated,
        (false, true) => Verb::Activated,
        (true, true) | (false, false) => Verb::Updated,
    }
}

/// Names the compared fields that differ between `$before` and `$after`. Every field of the struct
/// must be in one of the two lists, so a new field does not compile until it is decided.
macro_rules! differing_fields {
    ($before:expr, $after:expr, compared: [$($field:ident),* $(,)?], not_compared: [$($other:ident),* $(,)?]) => {{
        let Self { $($field,)* $($other: _,)* } = $before;
        let mut changed = Vec::new();
        $(if *$field != $after.$field { changed.push(stringify!($field)); })*
        changed
    }};
}
pub(super) use differing_fields;
