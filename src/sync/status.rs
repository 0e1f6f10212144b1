//! What the daemon is doing, for whoever shows it.

use tokio::sync::watch;

use super::desk::Desk;
use crate::ambient;

/// Where one account's pipeline stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Getting there: topics, schemas, the state.
    Starting,
    /// The state is read and verified, the claim is not committed yet.
    Claiming,
    /// It owns the account and publishes.
    Running,
    /// It owns the account, and the last attempt to publish has failed; it is tried again.
    Failing {
        /// Why.
        why: String,
    },
    /// Another copy owns the account.
    Parked {
        /// Who, the sequence of its last commit, and the mend.
        by: String,
    },
    /// Nothing may be published until somebody looks at it.
    Refused {
        /// Why, and the mend.
        why: String,
    },
    /// Something that is needed cannot be reached; it is tried again.
    Unavailable {
        /// What, and why.
        why: String,
    },
}

impl Phase {
    /// Whether this copy owns the account.
    #[must_use]
    pub fn owns(&self) -> bool {
        matches!(self, Self::Running | Self::Failing { .. })
    }
}

/// Where the daemon tells what it is doing. Every change is also a sign of life.
#[derive(Debug)]
pub struct Status {
    phase: watch::Sender<Phase>,
    desk: Desk,
}

impl Status {
    /// A status and the end that follows it.
    #[must_use]
    pub fn channel() -> (Self, watch::Receiver<Phase>) {
        let (sender, receiver) = watch::channel(Phase::Starting);
        (Self { phase: sender, desk: Desk::since(ambient::now()) }, receiver)
    }

    /// What is known of requests.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// A life begins. What ended the one before it is told until this one gets past it: nothing is mended by trying again.
    pub(super) fn begin(&self) {
        self.phase.send_modify(|phase| {
            if !matches!(phase, Phase::Unavailable { .. } | Phase::Refused { .. }) {
                *phase = Phase::Starting;
            }
        });
    }

    /// Enters `phase`.
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Still in the same phase, and alive.
    pub(super) fn tick(&self) {
        self.phase.send_modify(|_| ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_until_the_next_try_is_past_it_and_every_try_is_a_sign_of_life() {
        let why = || "no broker answers".to_owned();
        for reason in [Phase::Unavailable { why: why() }, Phase::Refused { why: why() }] {
            let (status, mut phases) = Status::channel();
            status.enter(reason.clone());
            phases.mark_unchanged();
            status.begin();
            assert!(phases.has_changed().unwrap());
            assert_eq!(*phases.borrow(), reason);
            status.enter(Phase::Claiming);
            assert_eq!(*phases.borrow(), Phase::Claiming);
        }
    }

    #[test]
    fn without_a_reason_a_life_is_starting() {
        let (status, phases) = Status::channel();
        status.enter(Phase::Running);
        status.begin();
        assert_eq!(*phases.borrow(), Phase::Starting);
    }
}
