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
        /// Who, and since which sequence.
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

    /// Enters `phase`.
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Still in the same phase, and alive.
    pub(super) fn tick(&self) {
        self.phase.send_modify(|_| ());
    }
}
