//! What must be in place before anything is read or written: topics with the right settings, schema ids.

use std::{collections::BTreeMap, sync::Arc};

use tracing::{info, warn};

use super::{Pipeline, recover::LifeError};
use crate::{
    avro::{Encoder, SYNCS_SCHEMA},
    kafka::topics::{Presence, Severity, TopicReport, ensure},
    model::Kind,
};

impl Pipeline {
    /// Looks at the topics, makes missing ones where that is allowed, and refuses wrong ones by name.
    pub(super) async fn prepare_topics(&self) -> Result<(), LifeError> {
        let Some(settings) = &self.topic_settings else { return Ok(()) };
        let plan = self.topics.plan(settings);
        let reports = ensure(&self.connection, &plan, settings.create).await.map_err(LifeError::unavailable)?;
        reports.iter().for_each(tell);
        let refused: Vec<String> = reports.iter().filter(|report| report.is_refused()).flat_map(refusals).collect();
        if refused.is_empty() { Ok(()) } else { Err(LifeError::refused(refused.join("\n"))) }
    }

    /// Resolves the id of every schema, and makes the encoder of them.
    pub(super) async fn resolve_schemas(&self) -> Result<Arc<Encoder>, LifeError> {
        let mut ids = BTreeMap::new();
        for kind in Kind::ALL {
            ids.insert(*kind, self.resolve(&self.topics.of(*kind), kind.schema()).await?);
        }
        let syncs = self.resolve(&self.topics.syncs(), SYNCS_SCHEMA).await?;
        Ok(Arc::new(Encoder::new(|kind| ids[&kind], syncs).map_err(LifeError::unavailable)?))
    }

    async fn resolve(&self, topic: &str, schema: &str) -> Result<u32, LifeError> {
        let resolved = self.registry.resolve(&format!("{topic}-value"), schema).await;
        Ok(resolved.map_err(LifeError::registry)?.id)
    }
}

fn tell(report: &TopicReport) {
    if report.presence == Presence::Created {
        info!(topic = report.name, "created topic");
    }
    for finding in report.findings.iter().filter(|finding| finding.severity == Severity::Warning) {
        warn!(
            topic = report.name,
            setting = finding.setting,
            reason = finding.reason,
            mend = finding.mend,
            "topic setting"
        );
    }
}

fn refusals(report: &TopicReport) -> impl Iterator<Item = String> {
    let refused = report.findings.iter().filter(|finding| finding.severity == Severity::Refused);
    refused.map(|finding| format!("topic {}: {} ({}); {}", report.name, finding.reason, finding.setting, finding.mend))
}
