//! What became of transactions, for the metrics.

use tokio::time::Instant;

use super::Pipeline;
use crate::{
    kafka::{AttemptError, Outcome},
    metrics::{Purpose, TransactionOutcome},
};

impl Pipeline {
    /// Counts an attempt that began then; one that had nothing to write was no transaction.
    pub(super) fn count_attempt<N>(&self, purpose: Purpose, ended: &Result<Outcome<N>, AttemptError>, begun: Instant) {
        let outcome = match ended {
            Ok(Outcome::Committed { .. }) => TransactionOutcome::Committed,
            Ok(Outcome::Superseded(_)) => TransactionOutcome::Superseded,
            Ok(Outcome::Left(_)) => return,
            Err(_) => TransactionOutcome::Failed,
        };
        self.metrics.transaction_ended(purpose, outcome, begun.elapsed());
    }
}
