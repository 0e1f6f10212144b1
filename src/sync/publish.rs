//! Publishing one reading: attempts, until it is committed or no longer ours to commit.
//!
//! A reading belongs to the state (lineage, sequence) and to the claim that it began on. Whether an
//! attempt whose outcome is unknown was committed is found out by the next attempt's read: progress
//! then carries this reading's own sync id.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use super::{
    Pipeline,
    cycle::Proven,
    details::Ledger,
    lately::Lately,
    publication::Publication,
    recover::LifeError,
    report::Report,
    status::{Phase, Status},
};
use crate::{
    ambient,
    avro::Encoder,
    control::Queue,
    event::Batch,
    kafka::{AttemptError, Claim, Decision, Outcome, Transaction, Writer, backoff::Backoff, error::Step},
    metrics::{Purpose, TransactionOutcome},
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
    pub(super) row_encoder: Arc<Encoder>,
    pub(super) ledger: Ledger,
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
    /// One sync: read, compare, publish, and put on record what was `heard` before it began. A reading is given up at
    /// `shutdown`, publishing is not.
    pub(super) async fn sync(
        &mut self,
        heard: &Queue,
        status: &Status,
        shutdown: &CancellationToken,
    ) -> Result<Synced, LifeError> {
        let begun = Instant::now();
        self.writer.log().read_to_proven_end(&mut self.state).await.map_err(LifeError::read)?;
        let began_on = place(&self.state);
        let reading = self.pipeline.read(&self.state, &self.ledger);
        let Some(first) = shutdown.run_until_cancelled(reading).await else { return Ok(Synced::Abandoned) };
        let first = first.map_err(LifeError::account)?;
        self.pipeline.measure_missing(first.diff(), &self.state);
        let untold = self.tell_suspicions(&first).await;
        let proving = self.pipeline.prove(first, &self.state, &self.ledger);
        let Some(proven) = shutdown.run_until_cancelled(proving).await else { return Ok(Synced::Abandoned) };
        let Proven { reading, rounds, calls } = proven.map_err(LifeError::account)?;
        if place(&self.state) != began_on {
            return Ok(Synced::Discarded);
        }
        let name = self.pipeline.name.as_deref();
        let publication = Publication::plan(&self.state, reading, name, ambient::uuid_v4());
        let publication = Arc::new(publication.answering(heard).telling_first(untold));
        match self.publish(&publication, begun, status).await? {
            Ending::Moved => return Ok(Synced::Discarded),
            Ending::Superseded(claim) => return Ok(Synced::Superseded(claim)),
            Ending::Committed => {}
        }
        let is_published = |key: &Key| publication.diff().knows(key);
        self.ledger.commit(rounds.roles, is_published);
        self.ledger.commit(rounds.policies, is_published);
        self.ledger.commit(rounds.providers, is_published);
        self.ledger.commit(rounds.users, is_published);
        let report = Report::of(&publication, calls.total(), begun.elapsed());
        self.pipeline.tell(&publication, &report);
        let tell = |lately: &mut Lately| lately.published(ambient::now(), &publication, &self.encoder, &report);
        status.desk().tell_lately(tell);
        Ok(Synced::Published(report))
    }

    /// Attempts until the reading is committed or no longer ours to commit. After an interval without
    /// success this life ends, and the next one reads the account afresh.
    async fn publish(
        &mut self,
        publication: &Arc<Publication>,
        begun: Instant,
        status: &Status,
    ) -> Result<Ending, LifeError> {
        let patience = self.pipeline.rhythm.interval.unwrap_or(Duration::MAX).max(LEAST_PATIENCE);
        let mut backoff = Backoff::default();
        let mut was_refused = false;
        loop {
            if publication.batch().sequence == FIRST_SEQUENCE
                && let Err(refused) = self.pipeline.prove_first_run(publication.batch().lineage).await
            {
                // The trace may be that of another copy, which has published meanwhile; then the state says so, too.
                self.writer.log().read_to_proven_end(&mut self.state).await.map_err(LifeError::read)?;
                return if place(&self.state).is_some() { Ok(Ending::Moved) } else { Err(refused) };
            }
            let attempt_begun = Instant::now();
            let outcome = self.attempt(publication).await.map(Ending::of);
            let metric = outcome.as_ref().map_or(TransactionOutcome::Failed, Ending::metric);
            self.pipeline.metrics.transaction_ended(Purpose::Sync, metric, attempt_begun.elapsed());
            let failure = match outcome {
                Ok(ending) => {
                    if backoff.failures() > 0 && matches!(ending, Ending::Committed) {
                        status.enter(Phase::Running);
                    }
                    return Ok(ending);
                }
                Err(AttemptError::Client { step: Step::Commit, .. }) if planted!(UnknownIsCommitted) => {
                    let records = publication.records(&self.pipeline.topics, &self.encoder).flatten();
                    for record in records.filter(|record| record.topic == self.pipeline.topics.state()) {
                        self.state.apply(&record.key, record.value.as_deref()).map_err(LifeError::unavailable)?;
                    }
                    return Ok(Ending::Committed);
                }
                Err(error) => LifeError::attempt(error),
            };
            // One such read may be of a moment; what stands is for a person, and not ready meanwhile.
            let is_refused = matches!(failure, LifeError::Refused(_));
            if is_refused && was_refused {
                return Err(failure);
            }
            was_refused = is_refused;
            let why = failure.to_string();
            if begun.elapsed() > patience {
                return Err(LifeError::Unavailable(why));
            }
            let wait = backoff.after_failure(ambient::fraction());
            warn!(error = why, wait_secs = wait.as_secs(), "publishing failed, beginning a new attempt");
            status.enter(Phase::Failing { why });
            sleep(wait).await;
        }
    }

    async fn attempt(&mut self, publication: &Arc<Publication>) -> Result<Outcome<Left>, AttemptError> {
        let (me, topics, encoder) = (self.pipeline.me, &self.pipeline.topics, &self.encoder);
        let batch = publication.batch();
        let decide = |state: &State, claim: Option<&Claim>| match left(batch, me, state, claim) {
            Some(left) if !planted!(ReadingOfAnotherState) => Decision::Leave(left),
            _ => {
                let claim = Claim { writer: Some(me), sequence: batch.sequence };
                Decision::Send(Transaction { claim, records: publication.records(topics, encoder) })
            }
        };
        self.writer.attempt(&mut self.state, decide).await
    }
}

/// Where a state stands in its history.
fn place(state: &State) -> Option<(Uuid, i64)> {
    state.progress().map(|progress| (progress.lineage, progress.sequence))
}

/// Why a batch may not be sent on this state under this claim; `None` if it may: the state is still the
/// one that its reading began on, and the claim still its own.
fn left(batch: &Batch, me: Uuid, state: &State, claim: Option<&Claim>) -> Option<Left> {
    let progress = state.progress();
    if progress.is_some_and(|progress| progress.sync_id == Some(batch.sync_id)) {
        return Some(Left::AlreadyCommitted);
    }
    let began_on = match place(state) {
        Some((lineage, sequence)) => (lineage, sequence + 1) == (batch.lineage, batch.sequence),
        None => batch.sequence == FIRST_SEQUENCE,
    };
    let is_ours = claim.is_some_and(|claim| claim.writer == Some(me));
    (!began_on || !is_ours).then_some(Left::Moved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Progress, progress_key};

    const ACCOUNT: &str = "5481000000000001";
    const ME: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);
    const LINEAGE: Uuid = Uuid::from_u128(3);
    const READING: Uuid = Uuid::from_u128(4);

    /// The eighth sync of the lineage.
    fn batch() -> Batch {
        Batch {
            lineage: LINEAGE,
            account_id: ACCOUNT.into(),
            account_name: None,
            sync_id: READING,
            sequence: 8,
            size: 0,
        }
    }

    fn state_at(lineage: Uuid, sequence: i64, sync_id: Uuid) -> State {
        let mut progress = Progress::first(lineage, ACCOUNT);
        (progress.sequence, progress.sync_id) = (sequence, Some(sync_id));
        let mut state = State::new(ACCOUNT);
        state.apply(progress_key(ACCOUNT).as_bytes(), Some(&progress.to_value())).unwrap();
        state
    }

    fn by(writer: Uuid) -> Option<Claim> {
        Some(Claim { writer: Some(writer), sequence: 7 })
    }

    #[test]
    fn a_reading_is_published_on_the_state_and_under_the_claim_that_it_began_on() {
        let before = state_at(LINEAGE, 7, Uuid::nil());
        assert!(left(&batch(), ME, &before, by(ME).as_ref()).is_none());
    }

    #[test]
    fn a_state_that_moved_and_a_claim_that_is_not_ours_discard_the_reading() {
        let states = [
            state_at(LINEAGE, 8, Uuid::nil()),
            state_at(LINEAGE, 6, Uuid::nil()),
            state_at(OTHER, 7, Uuid::nil()),
            State::new(ACCOUNT),
        ];
        for state in states {
            let left = left(&batch(), ME, &state, by(ME).as_ref());
            assert!(matches!(left, Some(Left::Moved)), "{:?}", state.progress());
        }
        let released = Some(Claim { writer: None, sequence: 7 });
        for claim in [by(OTHER), released, None] {
            let left = left(&batch(), ME, &state_at(LINEAGE, 7, Uuid::nil()), claim.as_ref());
            assert!(matches!(left, Some(Left::Moved)), "{claim:?}");
        }
    }

    #[test]
    fn an_attempt_whose_answer_was_lost_is_found_by_its_own_sync_id() {
        let after = state_at(LINEAGE, 8, READING);
        assert!(matches!(left(&batch(), ME, &after, by(ME).as_ref()), Some(Left::AlreadyCommitted)));
    }

    #[test]
    fn a_lineage_begins_on_a_state_without_progress_only() {
        let first = Batch { sequence: FIRST_SEQUENCE, ..batch() };
        assert!(left(&first, ME, &State::new(ACCOUNT), by(ME).as_ref()).is_none());
        let taken = state_at(OTHER, 1, Uuid::nil());
        assert!(matches!(left(&first, ME, &taken, by(ME).as_ref()), Some(Left::Moved)));
    }
}
