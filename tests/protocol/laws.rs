//! What must never be.

use std::fmt;

use crate::broker::{Claim, Fate, Offset, Progress, Record, Transaction};
use crate::process::At;
use crate::rules::Rules;
use crate::world::World;

/// A broken promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Violation {
    CommittedTwice,
    Torn,
    RolledBack,
    OlderValue,
    TwoWriters,
    ClaimedAgain,
    AnsweredTwice,
    AbortedBehindCommitted,
    StableOffsetHangs,
    FalseRefusal,
    AllParked,
    EndlessFencing,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CommittedTwice => "a sequence is committed twice, or one is left out",
            Self::Torn => "a transaction is torn: events are committed without their progress",
            Self::RolledBack => "the state is rolled back",
            Self::OlderValue => "an older cloud value is published over a newer one",
            Self::TwoWriters => "a copy writes over another copy's claim",
            Self::ClaimedAgain => "a superseded copy claims again without a new mandate",
            Self::AnsweredTwice => "a release is answered after another claim has answered it",
            Self::AbortedBehindCommitted => "an aborted attempt of a sequence lands behind its commit",
            Self::StableOffsetHangs => "the last stable offset hangs: a record is open and no transaction will end it",
            Self::FalseRefusal => "a copy takes a sound state for a rolled back one, with no stale read",
            Self::AllParked => "all copies are parked and nothing lets one out",
            Self::EndlessFencing => "the copies fence each other in a cycle without progress",
        })
    }
}

/// The promises that this world breaks.
pub(crate) fn broken(world: &World, rules: &Rules) -> Vec<Violation> {
    let mut broken = history(&world.broker.log);
    broken.extend(aborted_behind_committed(&world.broker.log));
    broken.extend(hangs(world));
    broken.extend(refusal(world));
    broken.extend(all_parked(world, rules));
    broken
}

/// What the committed records, in their order, say.
#[derive(Default)]
struct History {
    claims: Vec<(Offset, Claim)>,
    progress: Option<Progress>,
    events: Option<Progress>,
    broken: Vec<Violation>,
}

fn history(log: &[(Record, Fate)]) -> Vec<Violation> {
    let mut history = History::default();
    let committed = log.iter().zip(0..).filter(|((_, fate), _)| *fate == Fate::Committed);
    for ((record, _), offset) in committed {
        match *record {
            Record::Claim(claim) => history.claim(claim, offset),
            Record::Events(events) => history.events(events),
            Record::Progress(progress) => history.progress(progress),
            Record::Marker => history.judge(history.events.is_some(), Violation::Torn),
        }
    }
    history.broken
}

impl History {
    fn sequence(&self) -> u8 {
        self.progress.map_or(0, |progress| progress.sequence)
    }

    fn judge(&mut self, is_broken: bool, violation: Violation) {
        if is_broken {
            self.broken.push(violation);
        }
    }

    fn claim(&mut self, claim: Claim, offset: Offset) {
        let last = self.claims.last().copied();
        let is_foreign = last.is_none_or(|(_, last)| last.by != claim.by);
        if claim.claims {
            let has_mandate = |earlier: &Claim| (earlier.by, earlier.mandate) == (claim.by, claim.mandate);
            let is_used_up = self.claims.iter().any(|(_, earlier)| has_mandate(earlier));
            let answers_last = claim.answers.is_none_or(|answers| last.is_some_and(|(offset, _)| offset == answers));
            self.judge(is_foreign && is_used_up, Violation::ClaimedAgain);
            self.judge(is_foreign && !answers_last, Violation::AnsweredTwice);
        } else {
            self.judge(is_foreign, Violation::TwoWriters);
        }
        self.judge(claim.copied.is_some_and(|copied| copied.sequence < self.sequence()), Violation::RolledBack);
        self.claims.push((offset, claim));
    }

    fn events(&mut self, events: Progress) {
        self.judge(events.sequence != self.sequence() + 1, Violation::CommittedTwice);
        self.events = Some(events);
    }

    fn progress(&mut self, progress: Progress) {
        let is_whole = self.events.take() == Some(progress);
        let is_older = self.progress.replace(progress).is_some_and(|last| progress.value < last.value);
        self.judge(!is_whole, Violation::Torn);
        self.judge(is_older, Violation::OlderValue);
    }
}

fn aborted_behind_committed(log: &[(Record, Fate)]) -> Option<Violation> {
    let mut committed = 0;
    for entry in log {
        match entry {
            (Record::Events(events), Fate::Committed) => committed = events.sequence,
            (Record::Events(events), Fate::Aborted) if events.sequence <= committed => {
                return Some(Violation::AbortedBehindCommitted);
            }
            _ => {}
        }
    }
    None
}

fn hangs(world: &World) -> Option<Violation> {
    let is_ending = matches!(world.broker.transaction, Transaction::Ongoing | Transaction::PrepareCommit);
    let is_open = world.broker.last_stable_offset() < world.broker.high_watermark();
    (is_open && !is_ending).then_some(Violation::StableOffsetHangs)
}

fn refusal(world: &World) -> Option<Violation> {
    let is_refused = world.processes.iter().any(|process| process.at == At::Refused);
    (is_refused && !world.stale_read).then_some(Violation::FalseRefusal)
}

/// A dead copy is somebody's to restart, and a release lets one out: neither is to be waited for in vain.
fn all_parked(world: &World, rules: &Rules) -> Option<Violation> {
    let is_out = |at| matches!(at, At::Parked | At::Ended | At::NotStarted);
    let parked = world.processes.iter().filter(|process| process.at == At::Parked).count();
    let is_released = world.owner().is_none_or(|claim| claim.writer.is_none());
    let is_committing = world.broker.transaction == Transaction::PrepareCommit;
    let goes_on = is_committing || (is_released && rules.v2_parked_may_leave);
    let all_are_out = parked > 0 && world.processes.iter().all(|process| is_out(process.at));
    (all_are_out && !goes_on).then_some(Violation::AllParked)
}
