//! What one sync came to, for the log, the metrics and whoever ran it.

use std::{collections::BTreeMap, time::Duration};

use tracing::{info, warn};
use uuid::Uuid;

use super::{
    Pipeline,
    publication::{Publication, unknown_by_reason},
};
use crate::{
    diff::{Diff, Op},
    event::Outcome as SyncOutcome,
    metrics,
    model::{Kind, Reason, Verb},
    state::{CollectionProgress, State},
};

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

    /// What became of it. Nothing published is "no change" only as far as it was looked.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match (self.published(), self.outcome) {
            (1.., _) => "published",
            (0, SyncOutcome::Complete) => "nothing changed",
            (0, SyncOutcome::Partial) => "no change in what could be read",
            (0, SyncOutcome::Failed) => "nothing could be read",
        }
    }
}

impl Pipeline {
    /// Puts one sync into the log and the metrics.
    pub(super) fn tell(&self, publication: &Publication, report: &Report) {
        let count = |op| report.events.get(&op).copied().unwrap_or_default();
        // The level of a line has to be a constant.
        macro_rules! line {
            ($level:ident) => {
                $level!(
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
                    "{}", report.words()
                )
            };
        }
        match report.outcome {
            SyncOutcome::Failed => line!(warn),
            SyncOutcome::Complete | SyncOutcome::Partial => line!(info),
        }
        for ((kind, reason), unknown) in unknown_by_reason(publication.diff()) {
            let (count, reason) = (unknown.count, reason.as_str());
            warn!(%kind, reason, count, scope = %unknown.example, detail = unknown.detail, "unknown, its state is kept");
        }
        for (kind, difference) in publication.diff().miscounted() {
            warn!(%kind, listed_minus_counted = difference, "listed and counted numbers differ, unlike before");
        }
        self.measure(publication, report);
    }

    /// Shows what the first reading of a sync misses, before it is proven.
    pub(super) fn measure_missing(&self, diff: &Diff, state: &State) {
        for (kind, missing, _) in diff.missing(state) {
            self.metrics.set_removals_waiting(kind, missing);
        }
        for (kind, ..) in diff.suspected_removals(state) {
            self.metrics.set_guard(kind, true);
        }
    }

    /// Shows the state that the topic says, whoever published it.
    pub(super) fn measure_state(&self, state: &State) {
        self.metrics.set_state(state.count(), state.bytes());
        let Some(progress) = state.progress() else { return };
        self.measure_reading(progress.sync_id);
        for (kind, said) in &progress.collections {
            self.measure_collection(*kind, said);
        }
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
        self.measure_reading(Some(publication.batch().sync_id));
        let mut published = BTreeMap::<_, (Verb, usize)>::new();
        for change in &publication.diff().changes {
            published.entry((change.kind, change.verb.as_str())).or_insert((change.verb, 0)).1 += 1;
        }
        for ((kind, _), (verb, count)) in published {
            self.metrics.changes_published(kind, verb, count);
        }
        let unknown = unknown_by_reason(publication.diff()).into_iter();
        let unknown: BTreeMap<_, _> = unknown.map(|(of, unknown)| (of, unknown.count)).collect();
        self.metrics.set_unknown_scopes(&unknown);
        for (kind, said) in publication.progress_by_kind() {
            self.measure_collection(kind, said);
            let unproven = unknown.get(&(kind, Reason::RemovalsUnproven)).copied().unwrap_or_default();
            self.metrics.set_removals_waiting(kind, unproven);
            if unproven == 0 {
                self.metrics.set_guard(kind, false);
            }
        }
    }

    fn measure_collection(&self, kind: Kind, said: &CollectionProgress) {
        self.metrics.set_entities(kind, usize::try_from(said.count).unwrap_or(usize::MAX));
        self.metrics.set_count_difference(kind, said.count_difference.unwrap_or(0));
        if let Some(at) = said.complete_at.filter(|_| self.kinds.contains(&kind)) {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age fit 52 bits")]
            self.metrics.collection_complete(kind, at.0 as f64 / 1_000.0);
        }
    }

    /// The id of a reading holds the time at which it began.
    fn measure_reading(&self, sync_id: Option<Uuid>) {
        if let Some((seconds, nanos)) = sync_id.and_then(|id| id.get_timestamp()).map(|time| time.to_unix()) {
            self.metrics.published(Duration::new(seconds, nanos).as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn did_not_look_is_never_told_as_no_change() {
        let words = |outcome, events: &[(Op, usize)]| {
            let events = events.iter().copied().collect();
            Report { sequence: 7, outcome, events, unknown_scopes: 0, calls: 0, elapsed: Duration::ZERO }.words()
        };
        for (outcome, told) in [
            (SyncOutcome::Complete, "nothing changed"),
            (SyncOutcome::Partial, "no change in what could be read"),
            (SyncOutcome::Failed, "nothing could be read"),
        ] {
            assert_eq!(words(outcome, &[]), told);
            assert_eq!(words(outcome, &[(Op::Created, 0), (Op::Updated, 2)]), "published");
        }
    }
}
