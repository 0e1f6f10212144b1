//! A copy of the daemon: what it knows, and how it judges it.

use crate::broker::{Broker, Claim, Offset, Progress, Record, WriterId};
use crate::rules::Rules;

/// What an attempt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    Claim,
    Publish,
    Release,
}

/// The steps of an attempt, numbered as in `kafka::attempt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// 1. Read on as far as `read_committed` delivers.
    Follow,
    /// 2. A fresh producer, `init_transactions`.
    Init,
    /// 3. Take the watermark and read to it; decide.
    Read,
    /// 4. Begin, send the claim record, compare its offset.
    SendClaim,
    /// 5. Events and the `.syncs` record ...
    SendEvents,
    /// ... and progress last.
    SendProgress,
    /// 6. Commit.
    Commit,
}

/// Where a process stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum At {
    NotStarted,
    /// Died, or ended without its release: somebody has to restart it, give an order or wait for a takeover.
    Dead,
    /// Ended in order.
    Ended,
    /// Ends what a dead process left open.
    EndOpenTransaction,
    /// Reads `.state`, to verify it.
    VerifyState,
    /// Reads `.syncs` and the watermark of `.state` again.
    VerifyTrace,
    /// The state and its trace tell different stories.
    Refused,
    Attempt(Purpose, Step),
    /// Waits to begin with `EndOpenTransaction` (`None`) or a new attempt.
    BackOff(Option<Purpose>),
    /// Owns the account, as far as it knows.
    Running,
    Parked,
}

/// What entitles a process to claim over the claim that it finds: `kafka::Mandate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mandate {
    Unconditional,
    WhileLast(Offset),
}

/// What the claims read so far mean: `kafka::Judgement`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    Owner,
    MayClaim,
    Superseded,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) at: At,
    pub(crate) me: WriterId,
    pub(crate) mandate: Mandate,
    pub(crate) mandate_given_at: Offset,
    /// Counts mandates, and says which claim a mandate answers, for the judge.
    pub(crate) mandates: u8,
    pub(crate) answers: Option<Offset>,
    /// The next offset to read. What was read is what the log delivers below it.
    pub(crate) position: Offset,
    /// Offset of the own last acknowledged record.
    pub(crate) acknowledged: Option<Offset>,
    /// The epoch of its producer.
    pub(crate) producer: Option<u8>,
    /// Whether the claim record of this attempt landed at p.
    pub(crate) landed_at_p: bool,
    /// A reading of the cloud and the sequence that it is to become.
    pub(crate) reading: Option<Progress>,
}

impl Process {
    pub(crate) const NOT_STARTED: Self = Self {
        at: At::NotStarted,
        me: 0,
        mandate: Mandate::Unconditional,
        mandate_given_at: 0,
        mandates: 0,
        answers: None,
        position: 0,
        acknowledged: None,
        producer: None,
        landed_at_p: true,
        reading: None,
    };

    /// A process start: a new writer that knows nothing.
    pub(crate) fn started(me: WriterId) -> Self {
        Self { at: At::EndOpenTransaction, me, ..Self::NOT_STARTED }
    }

    pub(crate) fn is_alive(&self) -> bool {
        !matches!(self.at, At::NotStarted | At::Dead | At::Ended)
    }

    pub(crate) fn is_within_an_attempt(&self) -> bool {
        matches!(self.at, At::Attempt(..))
    }

    pub(crate) fn last_claim(&self, broker: &Broker) -> Option<(Offset, Claim)> {
        claims(broker, self.position).next_back()
    }

    pub(crate) fn progress(&self, broker: &Broker) -> Option<Progress> {
        progress(broker, self.position)
    }

    /// `Writer::judgement` and `Claims::judge`. `None`: the read ended before the own last acknowledged record.
    pub(crate) fn judgement(&self, broker: &Broker, purpose: Option<Purpose>, rules: &Rules) -> Option<Judgement> {
        if self.acknowledged.is_some_and(|acknowledged| self.position <= acknowledged) {
            return None;
        }
        let Some((last_offset, last)) = self.last_claim(broker) else { return Some(Judgement::MayClaim) };
        if last.writer == Some(self.me) {
            return Some(Judgement::Owner);
        }
        let own = claims(broker, self.position).rfind(|(_, claim)| claim.writer == Some(self.me));
        let own_claim_was_followed = own.is_some_and(|(offset, _)| offset >= self.mandate_given_at);
        let claims_again = purpose == Some(Purpose::Claim) && !rules.v4_followed_claim_parks;
        Some(match self.mandate {
            _ if own_claim_was_followed && !claims_again => Judgement::Superseded,
            Mandate::Unconditional => Judgement::MayClaim,
            Mandate::WhileLast(offset) if offset == last_offset => Judgement::MayClaim,
            Mandate::WhileLast(_) => Judgement::Superseded,
        })
    }
}

/// The claims delivered below `position`.
pub(crate) fn claims(broker: &Broker, position: Offset) -> impl DoubleEndedIterator<Item = (Offset, Claim)> {
    broker.delivered(position).filter_map(|(offset, record)| match record {
        Record::Claim(claim) => Some((offset, claim)),
        _ => None,
    })
}

/// Progress as the fold has it below `position`.
pub(crate) fn progress(broker: &Broker, position: Offset) -> Option<Progress> {
    broker.delivered(position).rev().find_map(|(_, record)| match record {
        Record::Progress(progress) => Some(progress),
        Record::Claim(claim) => claim.copied,
        _ => None,
    })
}
