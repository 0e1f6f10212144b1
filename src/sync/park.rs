//! Parked: alive, not ready, without a producer and without a reading; it follows the state and waits.
//!
//! It leaves on a release, on an operator's order, or, where that is configured, when the owner has committed
//! nothing for `takeover_after`; but for an order only if the claim that moved it is still the last one.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};

use super::{
    known::known,
    publish::Owner,
    recover::LifeError,
    status::{Phase, Status},
};
use crate::kafka::{Claim, Mandate};

/// How often the state is looked at: the longest delay of a takeover after a release.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Owner<'_> {
    /// Waits until there is a mandate to claim again. `by` is the claim that superseded this copy.
    pub(super) async fn park(&mut self, by: Claim, status: &Status) -> Result<Mandate, LifeError> {
        let by = text(&by);
        warn!(by, "superseded, parking");
        status.enter(Phase::Parked { by });
        status.desk().forget_orders();
        self.pipeline.metrics.parked();
        let mut sign = self.sign_of_life();
        let mut moved_at = Instant::now();
        let mut is_ordered = false;
        loop {
            is_ordered |= timeout(LOOK_EVERY, status.desk().claim_asked()).await.is_ok();
            status.tick();
            match self.writer.log().follow(&mut self.state).await.map_err(LifeError::read) {
                Ok(()) => {}
                // Out of reach is no reason to begin anew: a beginner claims, and this copy has no mandate to.
                Err(LifeError::Unavailable(why)) => {
                    debug!(why, "cannot look at the state, still parked");
                    continue;
                }
                Err(refused) => return Err(refused),
            }
            status.desk().show_progress(self.state.progress());
            if self.sign_of_life() != sign {
                status.desk().show_known(known(&self.state, &self.pipeline.kinds));
                (sign, moved_at) = (self.sign_of_life(), Instant::now());
                self.pipeline.measure_state(&self.state);
            }
            let Some(last) = self.writer.log().last_claim() else { continue };
            let last = *last;
            let silent = self.pipeline.rhythm.takeover_after.is_some_and(|limit| moved_at.elapsed() >= limit);
            if last.claim.writer.is_none() && !planted!(ParkedForEver) {
                info!("released: leaving the park");
                return Ok(Mandate::WhileLast { claim_offset: last.offset });
            }
            if is_ordered {
                info!("ordered to claim: leaving the park");
                return Ok(Mandate::Unconditional);
            }
            if silent && self.owner_is_silent_since(sign).await {
                info!("the owner has committed nothing for sync.takeover_after: leaving the park");
                return Ok(Mandate::WhileLast { claim_offset: last.offset });
            }
            status.enter(Phase::Parked { by: text(&last.claim) });
        }
    }
}

impl Owner<'_> {
    /// What moves with everything that an owner commits: the last sequence and the last claim.
    fn sign_of_life(&mut self) -> (Option<i64>, Option<i64>) {
        let sequence = self.state.progress().map(|progress| progress.sequence);
        (sequence, self.writer.log().last_claim().map(|claim| claim.offset))
    }

    /// Whether the brokers themselves say that nothing was committed since this `sign`. What is not
    /// delivered while they cannot be reached is no silence. (An owner that died amid a transaction
    /// hides the end: it is ended first, as at a start.)
    async fn owner_is_silent_since(&mut self, sign: (Option<i64>, Option<i64>)) -> bool {
        let ended = self.pipeline.end_open_transaction().await;
        let proven = ended.is_ok() && self.writer.log().read_to_proven_end(&mut self.state).await.is_ok();
        proven && self.sign_of_life() == sign
    }
}

/// Who it is, and what to do. Every commit of the owner repeats its claim, with the sequence by then.
fn text(claim: &Claim) -> String {
    let sequence = claim.sequence;
    match claim.writer {
        Some(writer) => format!(
            "another copy owns the account: writer {writer}, which committed last at sequence {sequence}; stop one of the \
             two, or run `ramstream claim` here"
        ),
        None => format!("nobody owns the account: it was released at sequence {sequence}"),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_parked_copy_says_who_owns_the_account_and_what_to_do() {
        let claim = Claim { writer: Some(Uuid::from_u128(1)), sequence: 6 };
        assert_eq!(
            text(&claim),
            "another copy owns the account: writer 00000000-0000-0000-0000-000000000001, which committed last at \
             sequence 6; stop one of the two, or run `ramstream claim` here"
        );
        let released = Claim { writer: None, sequence: 6 };
        assert_eq!(text(&released), "nobody owns the account: it was released at sequence 6");
    }
}
