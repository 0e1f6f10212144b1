//! Publishing one reading: attempts, until it is committed or no longer ours to commit.
//!
//! A reading belongs to the state that it began on, as its progress tells it, and to the claim. Whether an attempt whose
//! outcome is unknown was committed is found out by the next attempt's read: progress then carries this reading's own
//! sync id.

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
        let began_on = self.state.progress().cloned();
        let reading = self.pipeline.read(&self.state, &self.ledger);
        let Some(first) = shutdown.run_until_cancelled(reading).await else { return Ok(Synced::Abandoned) };
        let first = first.map_err(LifeError::account)?;
        self.pipeline.measure_missing(first.diff(), &self.state);
        let untold = self.tell_suspicions(&first).await;
        let proving = self.pipeline.prove(first, &self.state, &self.ledger);
        let Some(proven) = shutdown.run_until_cancelled(proving).await else { return Ok(Synced::Abandoned) };
        let Proven { reading, rounds, calls } = proven.map_err(LifeError::account)?;
        if self.state.progress() != began_on.as_ref() {
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
                return if self.state.progress().is_some() { Ok(Ending::Moved) } else { Err(refused) };
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
        let decide = |state: &State, claim: Option<&Claim>| match left(publication, me, state, claim) {
            Some(left) if !planted!(ReadingOfAnotherState) => Decision::Leave(left),
            _ => {
                let claim = Claim { writer: Some(me), sequence: batch.sequence };
                Decision::Send(Transaction { claim, records: publication.records(topics, encoder) })
            }
        };
        self.writer.attempt(&mut self.state, decide).await
    }
}

/// Why a publication may not be sent on this state under this claim; `None` if it may: the state is still the one that its
/// reading began on, and the claim still its own.
///
/// All of progress counts, not its sequence alone: a replay puts on record that it was served, and what is planned without
/// that would undo it. A broker that tells for a moment where the topic ended before makes a reading begin there.
fn left(publication: &Publication, me: Uuid, state: &State, claim: Option<&Claim>) -> Option<Left> {
    let progress = state.progress();
    if progress.is_some_and(|progress| progress.sync_id == Some(publication.batch().sync_id)) {
        return Some(Left::AlreadyCommitted);
    }
    let is_ours = claim.is_some_and(|claim| claim.writer == Some(me));
    (progress != publication.began_on() || !is_ours).then_some(Left::Moved)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        control::{Outcome, Request},
        diff::Diff,
        model::Millis,
        state::{Progress, progress_key},
        sync::publication::Reading,
    };

    const ACCOUNT: &str = "5481000000000001";
    const ME: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);
    const LINEAGE: Uuid = Uuid::from_u128(3);
    const READING: Uuid = Uuid::from_u128(4);

    /// What a reading that began on this state publishes.
    fn planned_on(state: &State) -> Publication {
        let (started_at, finished_at) = (ambient::now(), ambient::now());
        let (collections, diff) = (BTreeMap::new(), Diff::default());
        let reading = Reading { sync_id: READING, started_at, finished_at, collections, diff };
        Publication::plan(state, reading, None, LINEAGE)
    }

    fn state_with(progress: &Progress) -> State {
        let mut state = State::new(ACCOUNT);
        state.apply(progress_key(ACCOUNT).as_bytes(), Some(&progress.to_value())).unwrap();
        state
    }

    fn progress_at(lineage: Uuid, sequence: i64, sync_id: Uuid) -> Progress {
        let mut progress = Progress::first(lineage, ACCOUNT);
        (progress.sequence, progress.sync_id) = (sequence, Some(sync_id));
        progress
    }

    fn state_at(lineage: Uuid, sequence: i64, sync_id: Uuid) -> State {
        state_with(&progress_at(lineage, sequence, sync_id))
    }

    fn by(writer: Uuid) -> Option<Claim> {
        Some(Claim { writer: Some(writer), sequence: 7 })
    }

    #[test]
    fn a_reading_is_published_on_the_state_and_under_the_claim_that_it_began_on() {
        let before = state_at(LINEAGE, 7, Uuid::nil());
        assert!(left(&planned_on(&before), ME, &before, by(ME).as_ref()).is_none());
    }

    #[test]
    fn a_state_that_moved_and_a_claim_that_is_not_ours_discard_the_reading() {
        let before = state_at(LINEAGE, 7, Uuid::nil());
        let publication = planned_on(&before);
        let states = [
            state_at(LINEAGE, 8, Uuid::nil()),
            state_at(LINEAGE, 6, Uuid::nil()),
            state_at(OTHER, 7, Uuid::nil()),
            State::new(ACCOUNT),
        ];
        for state in states {
            let left = left(&publication, ME, &state, by(ME).as_ref());
            assert!(matches!(left, Some(Left::Moved)), "{:?}", state.progress());
        }
        let released = Some(Claim { writer: None, sequence: 7 });
        for claim in [by(OTHER), released, None] {
            let left = left(&publication, ME, &before, claim.as_ref());
            assert!(matches!(left, Some(Left::Moved)), "{claim:?}");
        }
    }

    #[test]
    fn a_replay_that_was_served_meanwhile_discards_the_reading_or_it_would_be_forgotten_and_served_again() {
        let before = progress_at(LINEAGE, 7, Uuid::nil());
        let asked = Request::parse(br#"{"format":1,"request_id":"r-1","action":"replay"}"#).unwrap();
        let mut served = before.clone();
        served.control.note(Outcome::completed(&asked, Millis(1_000), 7));
        let left = left(&planned_on(&state_with(&before)), ME, &state_with(&served), by(ME).as_ref());
        assert!(matches!(left, Some(Left::Moved)));
    }

    #[test]
    fn an_attempt_whose_answer_was_lost_is_found_by_its_own_sync_id() {
        let (before, after) = (state_at(LINEAGE, 7, Uuid::nil()), state_at(LINEAGE, 8, READING));
        let left = left(&planned_on(&before), ME, &after, by(ME).as_ref());
        assert!(matches!(left, Some(Left::AlreadyCommitted)));
    }

    #[test]
    fn a_lineage_begins_on_a_state_without_progress_only() {
        let first = planned_on(&State::new(ACCOUNT));
        assert!(left(&first, ME, &State::new(ACCOUNT), by(ME).as_ref()).is_none());
        let taken = state_at(OTHER, 1, Uuid::nil());
        assert!(matches!(left(&first, ME, &taken, by(ME).as_ref()), Some(Left::Moved)));
    }
}
