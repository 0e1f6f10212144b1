//! What can happen next, within the bounds.

use crate::broker::Transaction;
use crate::process::{At, Process, Purpose, Step};
use crate::rules::{Rules, Waiting};
use crate::world::{Action, Fault, World};

impl World {
    /// Everything that can happen next.
    pub(crate) fn actions(&self, rules: &Rules, waiting: Waiting) -> Vec<Action> {
        let mut actions = Vec::with_capacity(16);
        for process in 0..self.processes.len() {
            self.actions_of(process, rules, waiting, &mut actions);
        }
        if self.left.changes > 0 {
            actions.push(Action::CloudChanges);
        }
        match self.broker.transaction {
            Transaction::PrepareCommit => actions.push(Action::MarkerWritten),
            Transaction::Ongoing if self.left.faults > 0 => actions.push(Action::TimesOut),
            _ => {}
        }
        actions.extend(self.late.iter().map(|request| Action::Arrives(*request)));
        actions
    }

    fn actions_of(&self, index: usize, rules: &Rules, waiting: Waiting, actions: &mut Vec<Action>) {
        let process = &self.processes[index];
        let others_are_still = || {
            let others = self.processes.iter().enumerate().filter(|(other, _)| *other != index);
            waiting == Waiting::Any || !others.map(|(_, other)| other).any(Process::is_within_an_attempt)
        };
        match process.at {
            At::NotStarted | At::Dead | At::Ended => {
                let is_next = process.at != At::NotStarted || self.is_first_not_started(index);
                if is_next && self.left.starts > 0 {
                    actions.push(Action::Starts(index));
                }
                return;
            }
            At::BackOff(purpose) => {
                if others_are_still() {
                    actions.push(Action::Wakes(index));
                }
                if purpose == Some(Purpose::Release) {
                    actions.push(Action::GivesUpRelease(index));
                }
            }
            At::Running if self.left.stops > 0 => actions.push(Action::Stops(index)),
            At::Parked if rules.v2_parked_may_leave && self.left.orders > 0 => {
                actions.extend([Action::Ordered(index), Action::TakesOver(index)]);
            }
            _ => {}
        }
        self.steps_of(index, rules, actions);
        if self.reads_to_proven_end(index) && self.is_blocked() && others_are_still() {
            actions.push(Action::Stalls(index));
        }
        if self.left.faults > 0 && process.is_alive() {
            actions.push(Action::Crashes(index));
        }
    }

    /// The next step of a process, as it should go and with each fault.
    fn steps_of(&self, index: usize, rules: &Rules, actions: &mut Vec<Action>) {
        let process = &self.processes[index];
        let with = |faults: &[Fault], actions: &mut Vec<Action>| {
            actions.push(Action::Steps(index, None));
            if self.left.faults > 0 {
                actions.extend(faults.iter().map(|fault| Action::Steps(index, Some(*fault))));
            }
        };
        let is_call = matches!(process.at, At::EndOpenTransaction | At::Attempt(_, Step::Init));
        if is_call && self.left.inits == Some(0) {
            return;
        }
        match process.at {
            At::EndOpenTransaction | At::Attempt(_, Step::Init | Step::Commit) => {
                with(&[Fault::Late, Fault::ReplyLost, Fault::Repeated], actions);
            }
            At::Attempt(_, Step::SendClaim | Step::SendEvents | Step::SendProgress) => {
                with(&[Fault::Late, Fault::ReplyLost], actions);
            }
            At::Refused => with(&[], actions),
            At::Attempt(_, Step::Follow) => {
                with(&[], actions);
                if self.has_more_to_read(process) && self.left.faults > 0 {
                    actions.push(Action::Steps(index, Some(Fault::Stale(process.position))));
                }
            }
            At::Parked => {
                if self.has_more_to_read(process) || self.sees_release(index, rules) {
                    with(&[], actions);
                }
            }
            At::Running if self.has_more_to_read(process) => actions.push(Action::Steps(index, None)),
            At::Running if !self.left_to_sync(process) => {}
            At::VerifyState | At::VerifyTrace | At::Attempt(_, Step::Read) | At::Running => {
                self.proven_reads_of(index, actions);
            }
            At::NotStarted | At::Dead | At::Ended | At::BackOff(_) => {}
        }
    }

    /// A read to the proven end, and those that a stale watermark cuts short.
    fn proven_reads_of(&self, index: usize, actions: &mut Vec<Action>) {
        if !self.is_blocked() {
            actions.push(Action::Steps(index, None));
        }
        if self.left.faults > 0 {
            let stale = self.broker.earlier_ends().filter(|end| *end >= self.processes[index].position);
            actions.extend(stale.map(|end| Action::Steps(index, Some(Fault::Stale(end)))));
        }
    }

    fn is_first_not_started(&self, index: usize) -> bool {
        self.processes.iter().position(|process| process.at == At::NotStarted) == Some(index)
    }

    fn left_to_sync(&self, process: &Process) -> bool {
        process.progress(&self.broker).map_or(0, |progress| progress.sequence) < self.left.sequences
    }

    /// A read to the proven end stands still in front of an open transaction.
    fn is_blocked(&self) -> bool {
        self.broker.last_stable_offset() < self.broker.high_watermark()
    }

    fn reads_to_proven_end(&self, index: usize) -> bool {
        let at = self.processes[index].at;
        matches!(at, At::VerifyState | At::VerifyTrace | At::Attempt(_, Step::Read))
    }

    fn has_more_to_read(&self, process: &Process) -> bool {
        process.position < self.broker.last_stable_offset()
    }

    fn sees_release(&self, index: usize, rules: &Rules) -> bool {
        let last = self.processes[index].last_claim(&self.broker);
        rules.v2_parked_may_leave && last.is_some_and(|(_, claim)| claim.writer.is_none())
    }
}
