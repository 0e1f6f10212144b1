//! What a copy does besides attempts: start, verify, run, park; and how it reads.

use crate::broker::{Claim, Failure, Progress};
use crate::process::{At, Judgement, Mandate, Process, Purpose, Step, claims, progress};
use crate::rules::Rules;
use crate::world::{Fault, Request, World};

impl World {
    /// The next step of a process, with what goes wrong in it.
    pub(crate) fn step(&mut self, index: usize, fault: Option<Fault>, rules: &Rules) {
        match self.processes[index].at {
            At::EndOpenTransaction => match self.init(fault) {
                Ok(_) => self.processes[index].at = At::VerifyState,
                Err(failure) => self.fail(index, Some(failure), rules),
            },
            At::VerifyState => {
                self.read_to_proven_end(index, fault);
                self.processes[index].at = At::VerifyTrace;
            }
            At::VerifyTrace => self.verify_trace(index, fault, rules),
            At::Refused => self.processes[index].at = At::VerifyState,
            At::Attempt(purpose, step) => self.attempt(index, purpose, step, fault, rules),
            At::Running => self.run(index, fault, rules),
            At::Parked => self.park(index, rules),
            At::NotStarted | At::Dead | At::Ended | At::BackOff(_) => unreachable!("there is no step"),
        }
    }

    /// Without V1: who is fenced while claiming looks for the claim that did it.
    pub(crate) fn park_if_another_claimed(&mut self, index: usize) {
        self.follow(index);
        let process = &mut self.processes[index];
        let another = process.last_claim(&self.broker).and_then(|(_, claim)| claim.writer);
        if another.is_some_and(|writer| writer != process.me) {
            process.at = At::Parked;
        }
    }

    /// Another writer's claim is last, or the own one was released: park, without producer and reading.
    pub(crate) fn superseded(&mut self, index: usize, purpose: Purpose, rules: &Rules) {
        let process = &mut self.processes[index];
        process.producer = None;
        process.at = At::Parked;
        if rules.v11_reading_belongs {
            process.reading = None;
        }
        if purpose == Purpose::Release {
            process.end(At::Ended);
        }
    }

    /// An owner between two syncs: it looks whether it was superseded, or reads the cloud.
    fn run(&mut self, index: usize, fault: Option<Fault>, rules: &Rules) {
        if fault.is_none() && self.processes[index].position < self.broker.last_stable_offset() {
            self.follow(index);
            if self.processes[index].judgement(&self.broker, None, rules) == Some(Judgement::Superseded) {
                self.superseded(index, Purpose::Publish, rules);
            }
            return;
        }
        self.read_to_proven_end(index, fault);
        let (sequence, value) = (self.sequence(index) + 1, self.cloud);
        let process = &mut self.processes[index];
        process.reading.get_or_insert(Progress { sequence, value, by: process.me });
        process.at = At::Attempt(Purpose::Publish, Step::Follow);
    }

    /// A parked copy follows the state, and leaves on a release.
    fn park(&mut self, index: usize, rules: &Rules) {
        self.follow(index);
        let last = self.processes[index].last_claim(&self.broker);
        if let (true, Some((offset, Claim { writer: None, .. }))) = (rules.v2_parked_may_leave, last) {
            self.leave_parking_after(index, Some(offset), rules);
        }
    }

    /// The account's trace in `.syncs`, and the watermark of `.state` again.
    fn verify_trace(&mut self, index: usize, fault: Option<Fault>, rules: &Rules) {
        let end = self.broker.high_watermark();
        let position = self.processes[index].position;
        let moved = fault.is_none() && end != position;
        let sequence_at = |end| progress(&self.broker, end).map_or(0, |progress| progress.sequence);
        let (trace, state) = (sequence_at(end), sequence_at(position));
        self.processes[index].at = if moved && rules.v3_still_picture {
            At::VerifyState
        } else if trace == state {
            At::Attempt(Purpose::Claim, Step::Follow)
        } else {
            At::Refused
        };
    }

    pub(crate) fn init(&mut self, fault: Option<Fault>) -> Result<u8, Failure> {
        self.left.inits = self.left.inits.map(|inits| inits - 1);
        if matches!(fault, Some(Fault::Late | Fault::Repeated)) {
            self.late.push(Request::InitProducerId);
        }
        match fault {
            Some(Fault::Late) => Err(Failure::Unknown),
            Some(Fault::ReplyLost) => {
                self.broker.init_producer_id();
                Err(Failure::Unknown)
            }
            _ => Ok(self.broker.init_producer_id()),
        }
    }

    pub(crate) fn follow(&mut self, index: usize) {
        let end = self.broker.last_stable_offset();
        let process = &mut self.processes[index];
        process.position = process.position.max(end);
    }

    pub(crate) fn read_to_proven_end(&mut self, index: usize, fault: Option<Fault>) {
        let end = match fault {
            Some(Fault::Stale(end)) => end,
            _ => self.broker.high_watermark(),
        };
        let process = &mut self.processes[index];
        process.position = process.position.max(end);
    }

    pub(crate) fn sequence(&self, index: usize) -> u8 {
        self.processes[index].progress(&self.broker).map_or(0, |progress| progress.sequence)
    }

    pub(crate) fn publication(&self, index: usize) -> Progress {
        self.processes[index].reading.expect("a publication has a reading")
    }

    /// The last committed claim, wherever anybody's read ends.
    pub(crate) fn owner(&self) -> Option<Claim> {
        claims(&self.broker, self.broker.high_watermark()).next_back().map(|(_, claim)| claim)
    }
}

impl Process {
    /// Ends, in order or not.
    pub(crate) fn end(&mut self, at: At) {
        *self = Self { at, mandate: Mandate::Unconditional, ..Self::NOT_STARTED };
    }
}
