//! Schema ids: resolved once, kept for good.
//!
//! An id never changes its schema, so a registry that goes away later stops nothing.

use std::{collections::BTreeMap, fmt, sync::Arc};

use tokio::sync::OnceCell;
use tracing::{info, warn};

use super::{Topics, recover::LifeError, subjects::subject_of};
use crate::{
    avro::{Encoder, SYNCS_SCHEMA},
    kafka::{
        RegistryError,
        registry::{Compatibility, Registry, Resolved},
    },
    metrics::{LookupOutcome, Metrics},
    model::Kind,
};

/// The schemas of one account's topics in one registry.
pub struct Schemas {
    source: Source,
    metrics: Option<Arc<Metrics>>,
    encoder: OnceCell<Arc<Encoder>>,
    row_encoder: OnceCell<Arc<Encoder>>,
}

/// Who says the ids.
enum Source {
    Registry(Registry),
    /// The places in [`Schemas::fixed_texts`].
    #[cfg(feature = "simulation")]
    Fixed,
}

impl Schemas {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self::of(Source::Registry(registry))
    }

    fn of(source: Source) -> Self {
        Self { source, metrics: None, encoder: OnceCell::new(), row_encoder: OnceCell::new() }
    }

    /// The same, with what is asked of the registry counted.
    #[must_use]
    pub fn counted_by(self, metrics: &Arc<Metrics>) -> Self {
        Self { metrics: Some(Arc::clone(metrics)), ..self }
    }

    /// The ids of [`Schemas::fixed_texts`], without a registry.
    #[cfg(feature = "simulation")]
    #[must_use]
    pub fn fixed() -> Self {
        Self::of(Source::Fixed)
    }

    /// The fixed ids with their schemas.
    #[cfg(feature = "simulation")]
    #[must_use]
    pub fn fixed_texts() -> BTreeMap<u32, &'static str> {
        (1..).zip(Kind::ALL.iter().map(|kind| kind.schema()).chain([SYNCS_SCHEMA])).collect()
    }

    /// The encoder with the id of every schema; the first success is kept.
    pub(super) async fn encoder(&self, topics: &Topics) -> Result<Arc<Encoder>, LifeError> {
        self.encoder.get_or_try_init(|| self.resolve_all(topics, Topics::of)).await.map(Arc::clone)
    }

    /// The same for the rows of replays: their topics have subjects of their own.
    pub(super) async fn row_encoder(&self, topics: &Topics) -> Result<Arc<Encoder>, LifeError> {
        self.row_encoder.get_or_try_init(|| self.resolve_all(topics, Topics::snapshot_of)).await.map(Arc::clone)
    }

    async fn resolve_all(
        &self,
        topics: &Topics,
        topic_of: fn(&Topics, Kind) -> Arc<str>,
    ) -> Result<Arc<Encoder>, LifeError> {
        let mut ids = BTreeMap::new();
        for kind in Kind::ALL {
            ids.insert(*kind, self.resolve(&topic_of(topics, *kind), kind.schema()).await?);
        }
        let syncs = self.resolve(&topics.syncs(), SYNCS_SCHEMA).await?;
        Ok(Arc::new(Encoder::new(|kind| ids[&kind], syncs).map_err(LifeError::unavailable)?))
    }

    async fn resolve(&self, topic: &str, schema: &str) -> Result<u32, LifeError> {
        let subject = subject_of(topic);
        #[cfg_attr(
            not(feature = "simulation"),
            expect(clippy::infallible_destructuring_match, reason = "the simulation has another source")
        )]
        let registry = match &self.source {
            Source::Registry(registry) => registry,
            #[cfg(feature = "simulation")]
            Source::Fixed => {
                let fixed = Self::fixed_texts().into_iter().find(|(_, text)| *text == schema);
                let missing = || LifeError::Unavailable(format!("no fixed id for {subject}"));
                return fixed.map(|(id, _)| id).ok_or_else(missing);
            }
        };
        let resolved = registry.resolve(&subject, schema).await;
        self.count(&resolved);
        let resolved = resolved.map_err(LifeError::registry)?;
        match resolved.compatibility {
            Compatibility::Set { .. } => info!(subject, "set the subject to FULL_TRANSITIVE"),
            Compatibility::Left { level } => {
                warn!(
                    subject,
                    level, "the subject has another compatibility level than FULL_TRANSITIVE, left as it is"
                );
            }
            Compatibility::NotSupported { reason } => {
                warn!(subject, reason, "the registry keeps no compatibility levels")
            }
            Compatibility::NotAsked | Compatibility::AlreadySet => {}
        }
        Ok(resolved.id)
    }
}

impl Schemas {
    fn count(&self, resolved: &Result<Resolved, RegistryError>) {
        let outcome = match resolved {
            Ok(_) => LookupOutcome::Ok,
            Err(RegistryError::Unreachable { .. }) => LookupOutcome::Unreachable,
            Err(_) => LookupOutcome::Refused,
        };
        self.metrics.iter().for_each(|metrics| metrics.looked_up(outcome));
    }
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schemas").field("resolved", &self.encoder.initialized()).finish_non_exhaustive()
    }
}
