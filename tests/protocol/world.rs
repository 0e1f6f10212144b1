//! Broker, network, cloud and copies together, and what becomes of them when something happens.
//!
//! A call is one step: request, answer, and what the client does with it. What can go wrong with it is a
//! [`Fault`]: a late request stays in the network and arrives at any later moment, or never (then it was
//! lost). A pause is that the others go on.

use crate::broker::{Broker, Fate, Offset, Record, Version};
use crate::process::{At, Mandate, Process, Purpose, Step};
use crate::rules::{Bounds, Rules};

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fault {
    /// The request is late or lost; its client gives up.
    Late,
    /// The request is served, the answer is lost.
    ReplyLost,
    /// The request is served and answered; a second copy is still under way.
    Repeated,
    /// The watermark is that of an earlier moment, as a deposed leader says it; the read ends there.
    Stale(Offset),
}

/// A request that is under way on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Request {
    InitProducerId,
    Produce { record: Record, epoch: u8 },
    EndTxn { commit: bool, epoch: u8 },
}

/// One thing that happens; the number is the process's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Starts, or restarts as another writer.
    Starts(usize),
    /// Ends at once; nobody is told.
    Crashes(usize),
    /// SIGTERM to an owner: it releases.
    Stops(usize),
    /// Ends without having released: the deadline is over.
    GivesUpRelease(usize),
    /// A parked copy is ordered to claim.
    Ordered(usize),
    /// A parked copy finds the owner silent for `takeover_after`.
    TakesOver(usize),
    /// Its next step, as it should go or with a fault.
    Steps(usize, Option<Fault>),
    /// Its read to a proven end times out in front of an open transaction.
    Stalls(usize),
    /// Its back-off ends.
    Wakes(usize),
    CloudChanges,
    MarkerWritten,
    /// A late request, or a second copy of one, reaches the broker.
    Arrives(Request),
    /// The broker ends a transaction that takes too long.
    TimesOut,
}

/// Everything there is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) processes: Vec<Process>,
    /// Requests under way whose client no longer waits, in a fixed order.
    pub(crate) late: Vec<Request>,
    pub(crate) cloud: u8,
    /// Process starts so far; the last one's writer.
    pub(crate) started: u8,
    /// Whether any read was stale.
    pub(crate) stale_read: bool,
    /// What may still happen.
    pub(crate) left: Bounds,
}

impl World {
    pub(crate) fn new(version: Version, bounds: Bounds) -> Self {
        Self {
            broker: Broker::new(version),
            processes: vec![Process::NOT_STARTED; usize::from(bounds.processes)],
            late: Vec::new(),
            cloud: 0,
            started: 0,
            stale_read: false,
            left: bounds,
        }
    }

    /// The world after `action`.
    pub(crate) fn after(&self, action: Action, rules: &Rules) -> Self {
        let mut world = self.clone();
        world.act(action, rules);
        world.forget_old_epochs();
        world
    }

    fn act(&mut self, action: Action, rules: &Rules) {
        match action {
            Action::Starts(index) => {
                self.left.starts -= 1;
                self.started += 1;
                self.processes[index] = Process::started(self.started);
            }
            Action::Crashes(index) => {
                self.left.faults -= 1;
                self.processes[index] = Process { at: At::Dead, ..Process::NOT_STARTED };
            }
            Action::Stops(index) => {
                self.left.stops -= 1;
                self.processes[index].reading = None;
                self.processes[index].at = At::Attempt(Purpose::Release, Step::Follow);
            }
            Action::GivesUpRelease(index) => {
                self.processes[index] = Process { at: At::Dead, ..Process::NOT_STARTED };
            }
            Action::Ordered(index) => {
                self.left.orders -= 1;
                self.leave_parking(index, Mandate::Unconditional, None);
            }
            Action::TakesOver(index) => {
                self.left.orders -= 1;
                let last = self.processes[index].last_claim(&self.broker).map(|(offset, _)| offset);
                self.leave_parking_after(index, last, rules);
            }
            Action::Steps(index, fault) => {
                self.left.faults -= u8::from(fault.is_some());
                self.stale_read |= matches!(fault, Some(Fault::Stale(_)));
                self.step(index, fault, rules);
            }
            Action::Stalls(index) => self.fail(index, None, rules),
            Action::Wakes(index) => {
                if let At::BackOff(purpose) = self.processes[index].at {
                    self.processes[index].at = begin(purpose);
                }
            }
            Action::CloudChanges => {
                self.left.changes -= 1;
                self.cloud += 1;
            }
            Action::MarkerWritten => self.broker.write_marker(Fate::Committed),
            Action::Arrives(request) => self.arrive(request),
            Action::TimesOut => {
                self.left.faults -= 1;
                self.broker.init_producer_id();
            }
        }
    }

    /// Leaves parking for the claim at `last`: a release, or a silent owner's.
    pub(crate) fn leave_parking_after(&mut self, index: usize, last: Option<Offset>, rules: &Rules) {
        let mandate = match last {
            Some(offset) if rules.v8_mandate_while_last => Mandate::WhileLast(offset),
            _ => Mandate::Unconditional,
        };
        self.leave_parking(index, mandate, last);
    }

    fn leave_parking(&mut self, index: usize, mandate: Mandate, answers: Option<Offset>) {
        let process = &mut self.processes[index];
        process.mandate = mandate;
        process.mandate_given_at = process.position;
        process.mandates += 1;
        process.answers = answers;
        process.at = At::EndOpenTransaction;
    }

    fn arrive(&mut self, request: Request) {
        let found = self.late.iter().position(|late| *late == request).expect("it is under way");
        self.late.remove(found);
        // Nobody waits for the answer any more.
        match request {
            Request::InitProducerId => {
                self.broker.init_producer_id();
            }
            Request::Produce { record, epoch } => {
                self.broker.produce(epoch, record).ok();
            }
            Request::EndTxn { commit, epoch } => {
                self.broker.end_transaction(epoch, commit).ok();
            }
        }
    }

    /// A fenced request and a fenced producer stay what they are: only the current epoch has a number.
    fn forget_old_epochs(&mut self) {
        let current = self.broker.epoch;
        let renumbered = |epoch: u8| u8::from(epoch == current);
        for process in &mut self.processes {
            process.producer = process.producer.map(renumbered);
        }
        for request in &mut self.late {
            if let Request::Produce { epoch, .. } | Request::EndTxn { epoch, .. } = request {
                *epoch = renumbered(*epoch);
            }
        }
        self.late
            .retain(|request| !matches!(request, Request::Produce { epoch: 0, .. } | Request::EndTxn { epoch: 0, .. }));
        self.late.sort_unstable();
        self.broker.epoch = 1;
    }
}

/// Where a process begins after its back-off.
pub(crate) fn begin(purpose: Option<Purpose>) -> At {
    purpose.map_or(At::EndOpenTransaction, |purpose| At::Attempt(purpose, Step::Follow))
}
