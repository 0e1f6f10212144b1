//! Publishing one reading: attempts, until it is committed or no longer ours to commit.
//!
//! A reading belongs to the state (lineage, sequence) and to the claim that it began on. Whether an
//! attempt whose outcome is unknown was committed is found out by the next attempt's read: progress
//! then carries this reading's own sync id.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use super::{
    Pipeline,
    cycle::Proven,
    details::Ledger,
    publication::{Publication, unknown_by_reason},
    recover::{LifeError, chain},
};
use crate::{
    avro::Encoder,
    diff::Op,
    event::Outcome as SyncOutcome,
    kafka::{Claim, Decision, Outcome, Transaction, Writer, backoff::Backoff},
    metrics::{self, TransactionOutcome},
    model::Key,
    state::State,
};

/// Attempts to publish a reading go on for at least this long.
const LEAST_PATIENCE: Duration = Duration::from_secs(60);

/// The sequence of the sync that begins a lineage.
const FIRST_SEQUENCE: i64 = 1;

/// The owner of an account: its writer, and the state as the topic says it.
pub(super) struct Owner<'a> {
    pub(super) pipeline: &'a Pipeline,
    pub(super) writer: Writer,
    pub(super) state: State,
    pub(super) encoder: Arc<Encoder>,
    pub(super) ledger: Ledger,
}

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
    /// Count of all events.
    #[must_use]
    pub fn published(&self) -> usize {
        self.events.values().sum()
    }
}

/// How a sync ended.
pub(super) enum Synced {
    /// It is committed.
    Published(Report),
    /// Another copy owns the account.
    Superseded(Claim),
    /// The state is another one by now: the cloud must be read again.
    Discarded,
    /// Told to stop while the cloud was read.
    Abandoned,
}

/// How the publishing of one reading ended.
enum Ending {
    /// It is committed, by the last attempt or by an earlier one whose answer was lost.
    Committed,
    /// Another copy owns the account.
    Superseded(Claim),
    /// The state or the claim is not the one that the reading began on.
    Moved,
}

/// What an attempt decides at step 3 against sending.
enum Left {
    /// An earlier attempt of this reading was committed after all.
    AlreadyCommitted,
    /// The state or the claim is not the one that the reading began on.
    Moved,
}

impl Ending {
    fn of(outcome: Outcome<Left>) -> Self {
        match outcome {
            Outcome::Committed { .. } | Outcome::Left(Left::AlreadyCommitted) => Self::Committed,
            Outcome::Superseded(claim) => Self::Superseded(claim),
            Outcome::Left(Left::Moved) => Self::Moved,
        }
    }

    fn metric(&self) -> TransactionOutcome {
        match self {
            Self::Committed => TransactionOutcome::Committed,
            Self::Superseded(_) | Self::Moved => TransactionOutcome::Superseded,
        }
    }
}

impl Owner<'_> {
    /// One sync: read, compare, publish. A reading is given up at `shutdown`, publishing is not.
    pub(super) async fn sync(&mut self, shutdown: &CancellationToken) -> Result<Synced, LifeError> {
        let begun = Instant::now();
        self.writer.log().read_to_proven_end(&mut self.state).await.map_err(LifeError::read)?;
        let reading = self.pipeline.read(&self.state, &self.ledger);
        let Some(proven) = shutdown.run_until_cancelled(reading).await else { return Ok(Synced::Abandoned) };
        let Proven { reading, rounds, calls } = proven.map_err(|error| LifeError::refused(chain(&error)))?;
        let name = self.pipeline.name.as_deref();
        let publication = Arc::new(Publication::plan(&self.state, reading, name, Uuid::new_v4()));
        match self.publish(&publication, begun).await? {
            Ending::Moved => return Ok(Synced::Discarded),
            Ending::Superseded(claim) => return Ok(Synced::Superseded(claim)),
            Ending::Committed => {}
        }
        let is_published = |key: &Key| publication.diff().knows(key);
        self.ledger.commit(rounds.roles, is_published);
        self.ledger.commit(rounds.policies, is_published);
        let report = report(&publication, calls.total(), begun.elapsed());
        self.pipeline.tell(&publication, &report);
        Ok(Synced::Published(report))
    }

    /// Attempts until the reading is committed or no longer ours to commit. After an interval without
    /// success this life ends, and the next one reads the account afresh.
    async fn publish(&mut self, publication: &Arc<Publication>, begun: Instant) -> Result<Ending, LifeError> {
        let patience = self.pipeline.rhythm.interval.unwrap_or(Duration::MAX).max(LEAST_PATIENCE);
        let mut backoff = Backoff::default();
        loop {
            if publication.batch().sequence == FIRST_SEQUENCE {
                self.pipeline.prove_first_run(publication.batch().lineage).await?;
            }
            let attempt_begun = Instant::now();
            let outcome = self.attempt(publication).await.map(Ending::of);
            let metric = outcome.as_ref().map_or(TransactionOutcome::Failed, Ending::metric);
            self.pipeline.metrics.transaction_ended(metric, attempt_begun.elapsed());
            let why = match outcome {
                Ok(ending) => return Ok(ending),
                Err(error) => chain(&error),
            };
            if begun.elapsed() > patience {
                return Err(LifeError::Unavailable(why));
            }
            let wait = backoff.after_failure(rand::random());
            warn!(error = why, wait_secs = wait.as_secs(), "publishing failed, beginning a new attempt");
            sleep(wait).await;
        }
    }

    async fn attempt(&mut self, publication: &Arc<Publication>) -> Result<Outcome<Left>, crate::kafka::AttemptError> {
        let (me, topics, encoder) = (self.pipeline.me, &self.pipeline.topics, &self.encoder);
        let batch = publication.batch();
        self.writer
            .attempt(&mut self.state, |state: &State, claim: Option<&Claim>| {
                let progress = state.progress().map(|progress| (progress.lineage, progress.sequence, progress.sync_id));
                match progress {
                    Some((_, _, Some(sync_id))) if sync_id == batch.sync_id => {
                        return Decision::Leave(Left::AlreadyCommitted);
                    }
                    Some((lineage, sequence, _)) if (lineage, sequence + 1) != (batch.lineage, batch.sequence) => {
                        return Decision::Leave(Left::Moved);
                    }
                    None if batch.sequence != 1 => return Decision::Leave(Left::Moved),
                    _ => {}
                }
                if claim.is_none_or(|claim| claim.writer != Some(me)) {
                    return Decision::Leave(Left::Moved);
                }
                let claim = Claim { writer: Some(me), sequence: batch.sequence };
                Decision::Send(Transaction { claim, records: publication.records(topics, encoder) })
            })
            .await
    }
}

impl Pipeline {
    /// Puts one sync into the log and the metrics.
    fn tell(&self, publication: &Publication, report: &Report) {
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
            let is_complete = publication.diff().kinds.get(&kind).is_some_and(|outcome| outcome.unknown.is_empty());
            if let (true, Some(at)) = (is_complete, said.complete_at) {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age fit 52 bits")]
                self.metrics.collection_complete(kind.as_str(), at.0 as f64 / 1_000.0);
            }
        }
    }
}

fn report(publication: &Publication, calls: u64, elapsed: Duration) -> Report {
    let mut events = BTreeMap::new();
    for change in &publication.diff().changes {
        *events.entry(change.op).or_default() += 1;
    }
    Report {
        sequence: publication.batch().sequence,
        outcome: publication.outcome(),
        events,
        unknown_scopes: publication.diff().kinds.values().map(|outcome| outcome.unknown.len()).sum(),
        calls,
        elapsed,
    }
}
