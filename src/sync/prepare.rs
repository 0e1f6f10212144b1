//! What must be in place before anything is read or written: topics with the right settings.

use tracing::{info, warn};

use super::{Pipeline, recover::LifeError};
use crate::kafka::topics::{Presence, Severity, TopicReport, ensure};

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
