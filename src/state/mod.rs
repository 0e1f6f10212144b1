//! The published state of one account: what the state topic says, folded.
//!
//! It is only ever changed by records read from the topic ([`State::apply`]), so it is never ahead
//! of what was committed. It knows how records look and how they are proven whole ([`State::verify`]);
//! it does not know how they are stored or who may write them.

mod digest;
mod record;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use crate::model::{Entity, ForKind, Head, Key, Kind, Names, Rank, Redacted, Scope};

pub use digest::Digest;
pub use record::{
    CollectionProgress, EntityRecord, MIN_READER, Progress, RecordError, ScopeRecord, entity_record, progress_key,
    scope_key,
};

/// An entity in the state.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The sequence that last changed it.
    pub revision: i64,
    /// Its JSON: `after` of its last event.
    pub entity: Arc<str>,
    /// The version under which it was written, if that is not its kind's own. One word: there are many.
    pub other_version: Option<Arc<String>>,
    is_current: bool,
    digest: Digest,
}

impl Held {
    /// Whether it was written under the present version of its kind, as configured.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.is_current
    }

    /// Its share of the digest over its kind.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// The published state of one account.
#[derive(Debug, Clone)]
pub struct State {
    account: String,
    redacted: Arc<Redacted>,
    entities: BTreeMap<Kind, BTreeMap<Key, Held>>,
    digests: BTreeMap<Kind, Digest>,
    progress: Option<Progress>,
    scopes: BTreeMap<Scope, ScopeRecord>,
    bytes: usize,
}

/// Why a state is not the whole, unharmed state of the account.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Harm {
    /// There are records, but no progress.
    #[error("the state topic holds {records} records and no progress record: it was truncated or filled by hand")]
    NoProgress {
        /// How many records there are.
        records: usize,
    },
    /// Counts or digests differ from those in progress.
    #[error(
        "the state topic holds {found} records of kind {kind}, progress {sequence} says {expected}{}: \
         records were lost, changed or added by another writer",
        if found == expected { " (with other contents)" } else { "" }
    )]
    Differs {
        /// The kind.
        kind: Kind,
        /// The sequence of progress.
        sequence: i64,
        /// Count in the topic.
        found: u64,
        /// Count in progress.
        expected: u64,
    },
    /// A record is newer than progress.
    #[error("the record {key} has revision {revision}, progress only {sequence}: progress was rolled back or removed")]
    NewerThanProgress {
        /// Its key.
        key: Key,
        /// Its revision.
        revision: i64,
        /// The sequence of progress.
        sequence: i64,
    },
}

impl State {
    /// The state of an account of which nothing has been read yet.
    #[must_use]
    pub fn new(account: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            redacted: Arc::default(),
            entities: Kind::ALL.iter().map(|kind| (*kind, BTreeMap::new())).collect(),
            digests: Kind::ALL.iter().map(|kind| (*kind, Digest::default())).collect(),
            progress: None,
            scopes: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// The same, of an account of which these fields are left out. To be said before any record is taken in.
    #[must_use]
    pub fn leaving_out(self, redacted: Arc<Redacted>) -> Self {
        Self { redacted, ..self }
    }

    /// Whether `field` of `kind` is left out by configuration.
    #[must_use]
    pub fn leaves_out(&self, kind: Kind, field: &str) -> bool {
        self.redacted.has(kind, field)
    }

    /// The version of what is compared and published of `kind` now.
    #[must_use]
    pub fn model_version(&self, kind: Kind) -> &str {
        self.redacted.model_version(kind)
    }

    /// The same, if it is not the kind's own.
    #[must_use]
    pub fn other_version(&self, kind: Kind) -> Option<Arc<String>> {
        other_version(kind, self.model_version(kind))
    }

    /// The account that it belongs to.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Takes one record of the state topic in; `None` is a tombstone. Private records of others
    /// (the claim) are left alone.
    ///
    /// # Errors
    /// The record belongs to another account, was written by a newer version, or cannot be read.
    pub fn apply(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), RecordError> {
        let key = std::str::from_utf8(key).map_err(|_| RecordError::Key(String::from_utf8_lossy(key).into_owned()))?;
        let private = key.strip_prefix(self.account.as_str()).and_then(|rest| rest.strip_prefix("/~"));
        match private {
            Some("progress") => self.progress = value.map(|value| Progress::parse(&self.account, value)).transpose()?,
            Some(rest) => {
                if rest.starts_with("scope/") {
                    self.apply_scope(key, value)?;
                }
            }
            None => self.apply_entity(key, value)?,
        }
        Ok(())
    }

    fn apply_scope(&mut self, key: &str, value: Option<&[u8]>) -> Result<(), RecordError> {
        match value {
            Some(value) => {
                let record = ScopeRecord::parse(key, value)?;
                self.scopes.insert(record.scope.clone(), record);
            }
            None => {
                let scope = key.strip_prefix(&self.account).and_then(|rest| rest.strip_prefix("/~scope/"));
                scope.map(|scope| self.scopes.remove(scope));
            }
        }
        Ok(())
    }

    fn apply_entity(&mut self, key: &str, value: Option<&[u8]>) -> Result<(), RecordError> {
        let (kind, parsed) = Key::parse(&self.account, key).ok_or_else(|| self.not_ours(key))?;
        let digest = self.digests.entry(kind).or_default();
        let entities = self.entities.entry(kind).or_default();
        let old = match value {
            Some(value) => {
                let record = EntityRecord::parse(key, value)?;
                let held = Held {
                    revision: record.revision,
                    entity: record.entity.get().into(),
                    other_version: other_version(kind, &record.model_version),
                    is_current: record.model_version == self.redacted.model_version(kind),
                    digest: Digest::of(key.as_bytes(), value),
                };
                digest.add(held.digest);
                self.bytes += held.entity.len();
                entities.insert(parsed, held)
            }
            None => entities.remove(&parsed),
        };
        if let Some(old) = old {
            digest.subtract(old.digest);
            self.bytes -= old.entity.len();
        }
        Ok(())
    }

    fn not_ours(&self, key: &str) -> RecordError {
        let path = key.strip_prefix(&self.account).and_then(|rest| rest.strip_prefix('/'));
        let names_no_kind = |path: &str| path.split('/').next().and_then(Kind::from_name).is_none();
        if path.is_some_and(names_no_kind) {
            RecordError::UnknownKind(key.to_owned())
        } else {
            RecordError::Key(key.to_owned())
        }
    }

    /// The progress record, if there is one.
    #[must_use]
    pub fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref()
    }

    /// What progress says of `kind`; the default if it has never been read.
    #[must_use]
    pub fn progress_of(&self, kind: Kind) -> CollectionProgress {
        self.progress.as_ref().and_then(|progress| progress.collections.get(&kind).cloned()).unwrap_or_default()
    }

    /// The entities of `kind`, by key.
    #[must_use]
    pub fn entities(&self, kind: Kind) -> &BTreeMap<Key, Held> {
        static NONE: BTreeMap<Key, Held> = BTreeMap::new();
        self.entities.get(&kind).unwrap_or(&NONE)
    }

    /// The entities of `kind` in `scope`, which is the beginning of their keys' paths.
    pub fn in_scope<'a>(&'a self, kind: Kind, scope: &Scope) -> impl Iterator<Item = (&'a Key, &'a Held)> + use<'a> {
        let entities = self.entities(kind);
        let own = format!("{}/{scope}", self.account);
        let beneath = format!("{own}/");
        let itself = entities.get_key_value(own.as_str());
        let from = (Bound::Included(beneath.as_str()), Bound::Unbounded);
        let children = entities.range::<str, _>(from);
        itself.into_iter().chain(children.take_while(move |(key, _)| key.as_str().starts_with(&beneath)))
    }

    /// The entity with this key.
    #[must_use]
    pub fn get(&self, kind: Kind, key: &Key) -> Option<&Held> {
        self.entities(kind).get(key)
    }

    /// The entity with this key, with its fields.
    #[must_use]
    pub fn read<E: Entity>(&self, key: &Key) -> Option<E> {
        self.get(E::KIND, key).and_then(|held| serde_json::from_str(&held.entity).ok())
    }

    /// The head of the entity with this key.
    #[must_use]
    pub fn head(&self, kind: Kind, key: &Key) -> Option<Head> {
        self.get(kind, key).and_then(|held| serde_json::from_str(&held.entity).ok())
    }

    /// The digest over all records of `kind`.
    #[must_use]
    pub fn digest(&self, kind: Kind) -> Digest {
        self.digests.get(&kind).copied().unwrap_or_default()
    }

    /// The scopes that are stale, or that their collection's baseline missed.
    #[must_use]
    pub fn scopes(&self) -> &BTreeMap<Scope, ScopeRecord> {
        &self.scopes
    }

    /// Whether nothing at all has been read: no entity, no progress, no scope.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.progress.is_none() && self.scopes.is_empty() && self.count() == 0
    }

    /// Count of all entities.
    #[must_use]
    pub fn count(&self) -> usize {
        self.entities.values().map(BTreeMap::len).sum()
    }

    /// Size of the JSON of all entities.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The keys of all entities that have a name which edges carry, with that name.
    #[must_use]
    pub fn names(&self) -> Names {
        let named = Kind::ALL.iter().filter(|kind| kind.rank() == Rank::Entity);
        let held = named.flat_map(|kind| self.entities(*kind).iter().map(|(key, held)| (*kind, key, held)));
        held.filter_map(|(kind, key, held)| Some((key.clone(), kind.name_in(&held.entity)?))).collect()
    }

    /// Checks that the records are exactly those that progress counted.
    ///
    /// # Errors
    /// What is wrong, in one sentence.
    pub fn verify(&self) -> Result<(), Harm> {
        self.harms().into_iter().next().map_or(Ok(()), Err)
    }

    /// Everything in which the records are not those that progress counted.
    #[must_use]
    pub fn harms(&self) -> Vec<Harm> {
        let Some(progress) = &self.progress else {
            let records = self.count() + self.scopes.len();
            return if records == 0 { Vec::new() } else { vec![Harm::NoProgress { records }] };
        };
        let sequence = progress.sequence;
        let mut harms = Vec::new();
        for (kind, held) in &self.entities {
            if let Some((key, held)) = held.iter().find(|(_, held)| held.revision > sequence) {
                harms.push(Harm::NewerThanProgress { key: key.clone(), revision: held.revision, sequence });
            }
            let said = self.progress_of(*kind);
            let found = held.len() as u64;
            if (found, self.digest(*kind)) != (said.count, said.digest) {
                harms.push(Harm::Differs { kind: *kind, sequence, found, expected: said.count });
            }
        }
        harms
    }

    /// The keys of every child and edge that hangs on one of `gone`, with their kind.
    #[must_use]
    pub fn hanging_on(&self, gone: &BTreeSet<Key>) -> Vec<(Kind, Key)> {
        struct Hanging<'a>(&'a State, &'a BTreeSet<Key>);
        impl ForKind for Hanging<'_> {
            type Output = Vec<(Kind, Key)>;
            fn with<E: Entity>(self) -> Self::Output {
                let keys = self.0.entities(E::KIND).keys();
                let hanging = keys.filter(|key| E::ends(key).iter().any(|end| self.1.contains(end)));
                hanging.map(|key| (E::KIND, key.clone())).collect()
            }
        }
        if gone.is_empty() {
            return Vec::new();
        }
        Kind::ALL.iter().flat_map(|kind| kind.with(Hanging(self, gone))).collect()
    }
}

fn other_version(kind: Kind, version: &str) -> Option<Arc<String>> {
    (version != kind.model_version()).then(|| Arc::new(version.to_owned()))
}

#[cfg(test)]
mod tests;
