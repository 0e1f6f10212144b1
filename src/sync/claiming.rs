//! Owning the account: the claim at the start and after parking, the release at the end.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    Pipeline,
    publish::Owner,
    recover::{LifeError, chain},
};
use crate::{
    ambient,
    kafka::{Claim, Decision, Outcome, Transaction, Writer, backoff::Backoff, end_open_transaction},
    metrics::Purpose,
    state::State,
};

/// How long what moved a parked copy stands while attempts fail; `ramstream claim` waits no longer either.
const STANDS: Duration = Duration::from_secs(60);

/// What came of a claim.
pub(super) enum Claimed {
    /// This copy owns the account.
    Owned,
    /// Another one does.
    Superseded(Claim),
}

impl Pipeline {
    /// Ends what a dead process left open in Kafka: until then it hides the end of the state.
    pub(super) async fn end_open_transaction(&self) -> Result<(), LifeError> {
        let ended = end_open_transaction(&self.connection, &self.transactional_id, &self.topics.state()).await;
        ended.map_err(LifeError::unavailable)
    }

    /// One attempt with only the claim record.
    pub(super) async fn claim(&self, writer: &mut Writer, state: &mut State) -> Result<Claimed, LifeError> {
        let (me, begun) = (self.me, Instant::now());
        let outcome = writer
            .attempt(state, |state: &State, _: Option<&Claim>| {
                if let Err(harm) = state.verify() {
                    return Decision::Leave(harm);
                }
                let claim = Claim { writer: Some(me), sequence: sequence(state) };
                Decision::Send(Transaction { claim, records: Box::new(std::iter::empty()) })
            })
            .await;
        self.count_attempt(Purpose::Claim, &outcome, begun);
        match outcome {
            Ok(Outcome::Committed { .. }) => Ok(Claimed::Owned),
            Ok(Outcome::Superseded(claim)) => Ok(Claimed::Superseded(claim)),
            Ok(Outcome::Left(harm)) => Err(LifeError::Refused(harm.into())),
            Err(error) => Err(LifeError::Unavailable(chain(&error))),
        }
    }

    /// Lets go of the account in order, so that a parked copy goes on at once.
    pub(super) async fn release(&self, writer: &mut Writer, state: &mut State) {
        let (me, begun) = (self.me, Instant::now());
        let released = writer
            .attempt(state, |state: &State, claim: Option<&Claim>| {
                if claim.is_none_or(|claim| claim.writer != Some(me)) {
                    return Decision::Leave(());
                }
                let claim = Claim { writer: None, sequence: sequence(state) };
                Decision::Send(Transaction { claim, records: Box::new(std::iter::empty()) })
            })
            .await;
        self.count_attempt(Purpose::Release, &released, begun);
        match released {
            Ok(Outcome::Committed { .. }) => info!("released the account"),
            Ok(_) => info!("nothing to release: another copy owns the account"),
            Err(error) => {
                tracing::warn!(error = chain(&error), "could not release the account; a restart claims it all the same")
            }
        }
    }
}

impl Owner<'_> {
    /// Claims after parking. What moved this copy stands although an attempt fails, as one does that meets a publication
    /// of the owner: the two fence each other.
    pub(super) async fn claim_after_parking(&mut self, shutdown: &CancellationToken) -> Result<Claimed, LifeError> {
        let (begun, mut backoff) = (Instant::now(), Backoff::default());
        loop {
            let why = match self.try_to_claim().await {
                Err(LifeError::Unavailable(why)) if begun.elapsed() < STANDS => why,
                ended => return ended,
            };
            let wait = backoff.after_failure(ambient::fraction());
            warn!(why, wait_secs = wait.as_secs(), "could not claim, trying again");
            if shutdown.run_until_cancelled(sleep(wait)).await.is_none() {
                return Err(LifeError::Unavailable(why));
            }
        }
    }

    async fn try_to_claim(&mut self) -> Result<Claimed, LifeError> {
        self.pipeline.end_open_transaction().await?;
        self.pipeline.verify(self.writer.log(), &mut self.state).await?;
        self.pipeline.claim(&mut self.writer, &mut self.state).await
    }
}

fn sequence(state: &State) -> i64 {
    state.progress().map_or(0, |progress| progress.sequence)
}
