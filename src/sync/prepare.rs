//! What must be in place before anything is read or written: topics with the right settings.

use tracing::{info, warn};

use super::{Pipeline, account_topics::AccountTopics, recover::LifeError, refusal::Refusal};
use crate::kafka::topics::{Presence, Severity, TopicReport, TopicSpec, ensure};

impl Pipeline {
    /// Looks at the topics, makes missing ones where that is allowed, and refuses wrong ones by name.
    pub(super) async fn prepare_topics(&self) -> Result<(), LifeError> {
        self.account_topics().prepare().await
    }
}

impl AccountTopics {
    /// See [`Pipeline::prepare_topics`].
    pub(super) async fn prepare(&self) -> Result<(), LifeError> {
        let Some(settings) = &self.settings else { return Ok(()) };
        let reports = self.reports(&self.topics.plan(settings), settings.create).await?;
        reports.iter().for_each(tell);
        refusal(&reports).map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    /// Looks at these topics and, if `create`, makes missing ones.
    pub(super) async fn reports(&self, plan: &[TopicSpec], create: bool) -> Result<Vec<TopicReport>, LifeError> {
        ensure(&self.connection, plan, create).await.map_err(LifeError::unavailable)
    }
}

/// What makes it impossible to go on with these topics, all in one.
pub(super) fn refusal(reports: &[TopicReport]) -> Option<Refusal> {
    let refused: Vec<String> = reports.iter().flat_map(refusals).collect();
    (!refused.is_empty()).then(|| Refusal::Topics(refused.join("\n")))
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
            fix = finding.mend,
            "topic setting"
        );
    }
}

fn refusals(report: &TopicReport) -> impl Iterator<Item = String> {
    let refused = report.findings.iter().filter(|finding| finding.severity == Severity::Refused);
    refused.map(|finding| format!("topic {}: {} ({}); {}", report.name, finding.reason, finding.setting, finding.mend))
}
