//! The subjects of the schemas, and what a registry holds under each: looked at, nothing registered.

use std::sync::Arc;

use super::Topics;
use crate::{
    avro::{SYNCS_SCHEMA, why_not_compatible},
    kafka::{RegistryError, registry::Registry},
    model::Kind,
};

/// A schema, and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// As the registry calls it.
    pub name: String,
    /// The topic whose values it describes.
    pub topic: Arc<str>,
    /// The kind; none of the sync records.
    pub kind: Option<Kind>,
    /// Word for word what is registered.
    pub schema: &'static str,
}

impl Subject {
    fn new(topic: Arc<str>, kind: Option<Kind>) -> Self {
        let schema = kind.map_or(SYNCS_SCHEMA, Kind::schema);
        Self { name: subject_of(&topic), topic, kind, schema }
    }
}

/// The subject of a topic's values (TopicNameStrategy).
pub(super) fn subject_of(topic: &str) -> String {
    format!("{topic}-value")
}

/// Every subject of one account's topics: events, sync records, replays.
#[must_use]
pub fn subjects(topics: &Topics) -> Vec<Subject> {
    let of = |topic_of: fn(&Topics, Kind) -> Arc<str>| {
        Kind::ALL.iter().map(move |kind| Subject::new(topic_of(topics, *kind), Some(*kind)))
    };
    of(Topics::of).chain([Subject::new(topics.syncs(), None)]).chain(of(Topics::snapshot_of)).collect()
}

/// How a schema stands under its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// It is registered, with this id.
    Registered(u32),
    /// There is nothing under the subject yet.
    New,
    /// It is not registered, and fits every version that is.
    Fits {
        /// How many there are.
        versions: usize,
    },
    /// It is not registered, and readers of this version and it do not read each other's records.
    Unfit {
        /// The version.
        version: u32,
        /// Why.
        reason: String,
    },
}

/// What was found under a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectReport {
    /// How the schema stands.
    pub fit: Fit,
    /// The compatibility level, where somebody chose another one than ramstream sets.
    pub other_level: Option<String>,
}

/// Looks at one subject; nothing is registered and no level set.
///
/// # Errors
/// The registry cannot be reached, or refuses.
pub async fn look_at(registry: &Registry, subject: &Subject) -> Result<SubjectReport, RegistryError> {
    let standing = registry.standing(&subject.name, subject.schema).await?;
    let unfit = |(version, text): &(u32, String)| Some((*version, why_not_compatible(subject.schema, text)?));
    let fit = match (standing.id, standing.versions.len(), standing.versions.iter().find_map(unfit)) {
        (Some(id), _, _) => Fit::Registered(id),
        (None, 0, _) => Fit::New,
        (None, versions, None) => Fit::Fits { versions },
        (None, _, Some((version, reason))) => Fit::Unfit { version, reason },
    };
    Ok(SubjectReport { fit, other_level: standing.other_level().map(str::to_owned) })
}
