//! What one sync came to, for the log, the metrics and whoever ran it.

use std::{collections::BTreeMap, time::Duration};

use tracing::{info, warn};

use super::{
    Pipeline,
    publication::{Publication, unknown_by_reason},
};
use crate::{diff::Op, event::Outcome as SyncOutcome, metrics};

/// What one sync published.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its number.
    pub sequence: i64,
    /// Whether everything could be read.
    pub outcome: SyncOutcome,
    /// Events, by what they say.
    pub events: BTreeMap<Op, usize>,
    /// Scopes that are not known.
    pub unknown_scopes: usize,
    /// Calls to the cloud.
    pub calls: u64,
    /// From the beginning of the reading to the commit.
    pub elapsed: Duration,
}

impl Report {
    /// What `publication` published, once it is committed.
    pub(super) fn of(publication: &Publication, calls: u64, elapsed: Duration) -> Self {
        let mut events = BTreeMap::new();
        for change in &publication.diff().changes {
            *events.entry(change.op).or_default() += 1;
        }
        Self {
            sequence: publication.batch().sequence,
            outcome: publication.outcome(),
            events,
            unknown_scopes: unknown_by_reason(publication.diff()).values().map(|unknown| unknown.count).sum(),
            calls,
            elapsed,
        }
    }

    /// Count of all events.
    #[must_use]
    pub fn published(&self) -> usize {
        self.events.values().sum()
    }
}

impl Pipeline {
    /// Puts one sync into the log and the metrics.
    pub(super) fn tell(&self, publication: &Publication, report: &Report) {
        let count = |op| report.events.get(&op).copied().unwrap_or_default();
        info!(
            sync_id = %publication.batch().sync_id,
            sequence = report.sequence,
            outcome = report.outcome.as_str(),
            observed = count(Op::Observed),
            created = count(Op::Created),
            updated = count(Op::Updated),
            removed = count(Op::Removed),
            unknown_scopes = report.unknown_scopes,
            calls = report.calls,
            elapsed_ms = u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
            "{}", if report.published() == 0 { "nothing changed" } else { "published" }
        );
        for ((kind, reason), unknown) in unknown_by_reason(publication.diff()) {
            let (count, reason) = (unknown.count, reason.as_str());
            warn!(%kind, reason, count, scope = %unknown.example, detail = unknown.detail, "unknown, its state is kept");
        }
        for (kind, difference) in publication.diff().miscounted() {
            warn!(%kind, listed_minus_counted = difference, "listed and counted differ as they did not before");
        }
        self.measure(publication, report);
    }

    fn measure(&self, publication: &Publication, report: &Report) {
        self.metrics.sync_ended(
            match report.outcome {
                SyncOutcome::Complete => metrics::SyncOutcome::Complete,
                SyncOutcome::Partial => metrics::SyncOutcome::Partial,
                SyncOutcome::Failed => metrics::SyncOutcome::Failed,
            },
            report.elapsed,
        );
        let mut published = BTreeMap::<_, usize>::new();
        for change in &publication.diff().changes {
            *published.entry((change.kind, change.op)).or_default() += 1;
        }
        for ((kind, op), count) in published {
            let op = match op {
                Op::Created => metrics::Op::Create,
                Op::Updated => metrics::Op::Update,
                Op::Removed => metrics::Op::Delete,
                Op::Observed => metrics::Op::Read,
            };
            self.metrics.changes_published(kind.as_str(), op, count);
        }
        let unknown = unknown_by_reason(publication.diff()).into_iter();
        self.metrics.set_unknown_scopes(unknown.flat_map(|((kind, reason), unknown)| {
            std::iter::repeat_n((kind.as_str(), reason.as_str()), unknown.count)
        }));
        let records = publication.progress_by_kind().map(|(_, said)| said.count).sum::<u64>();
        self.metrics.set_state_records(usize::try_from(records).unwrap_or(usize::MAX));
        for (kind, said) in publication.progress_by_kind() {
            self.metrics.set_entities(kind.as_str(), usize::try_from(said.count).unwrap_or(usize::MAX));
            self.metrics.set_count_difference(kind.as_str(), said.count_difference.unwrap_or(0));
            let is_complete = publication.diff().kinds.get(&kind).is_some_and(|outcome| outcome.unknown.is_empty());
            if let (true, Some(at)) = (is_complete, said.complete_at) {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age fit 52 bits")]
                self.metrics.collection_complete(kind.as_str(), at.0 as f64 / 1_000.0);
            }
        }
    }
}
