//! One attempt, as `kafka::attempt` has it: the six steps in their order, and what a failure leads to.

use crate::broker::{Claim, Failure, Offset, Progress, Record};
use crate::process::{At, Judgement, Purpose, Step};
use crate::rules::Rules;
use crate::world::{Fault, Request, World, begin};

impl World {
    /// One step of an attempt.
    pub(crate) fn attempt(&mut self, index: usize, purpose: Purpose, step: Step, fault: Option<Fault>, rules: &Rules) {
        let done = match step {
            Step::Follow => return self.follow_before_init(index, purpose, fault, rules),
            Step::Init => self.fresh_producer(index, fault),
            Step::Read => return self.read_and_decide(index, purpose, fault, rules),
            Step::SendClaim => self.send_claim(index, purpose, fault, rules),
            Step::SendEvents => self.send(index, Record::Events(self.publication(index)), fault).map(drop),
            Step::SendProgress => self.send(index, Record::Progress(self.publication(index)), fault).map(drop),
            Step::Commit => self.commit(index, fault, rules),
        };
        let next = match step {
            Step::Init => Step::Read,
            Step::SendClaim if purpose == Purpose::Publish => Step::SendEvents,
            Step::SendEvents => Step::SendProgress,
            _ => Step::Commit,
        };
        match done {
            Err(failure) => self.fail(index, Some(failure), rules),
            Ok(()) if step == Step::Commit => self.committed(index, purpose, rules),
            Ok(()) => self.processes[index].at = At::Attempt(purpose, next),
        }
    }

    /// Step 1: no proof, no waiting. A foreign claim is last → park, no init.
    fn follow_before_init(&mut self, index: usize, purpose: Purpose, fault: Option<Fault>, rules: &Rules) {
        if fault.is_none() {
            self.follow(index);
        }
        let process = &self.processes[index];
        let is_kept = process.producer.is_some() && !rules.v9_one_transaction;
        let next = if is_kept { Step::Read } else { Step::Init };
        match process.judgement(&self.broker, Some(purpose), rules) {
            Some(Judgement::Superseded) => self.superseded(index, purpose, rules),
            _ => self.processes[index].at = At::Attempt(purpose, next),
        }
    }

    /// Step 2.
    fn fresh_producer(&mut self, index: usize, fault: Option<Fault>) -> Result<(), Failure> {
        self.processes[index].producer = None;
        let epoch = self.init(fault)?;
        self.processes[index].producer = Some(epoch);
        Ok(())
    }

    /// Step 3: decide from this read only.
    fn read_and_decide(&mut self, index: usize, purpose: Purpose, fault: Option<Fault>, rules: &Rules) {
        self.read_to_proven_end(index, fault);
        let judgement = self.processes[index].judgement(&self.broker, Some(purpose), rules);
        let is_owner = judgement == Some(Judgement::Owner);
        match (judgement, purpose) {
            (None, _) => self.fail(index, None, rules),
            (Some(Judgement::Superseded), _) => self.superseded(index, purpose, rules),
            (_, Purpose::Publish) => self.decide_publication(index, is_owner, rules),
            (_, Purpose::Release) if !is_owner => self.processes[index].end(At::Ended),
            _ => self.processes[index].at = At::Attempt(purpose, Step::SendClaim),
        }
    }

    /// Whether the reading belongs to the state and the claim as read; else it is discarded.
    fn decide_publication(&mut self, index: usize, is_owner: bool, rules: &Rules) {
        let sequence = self.sequence(index);
        let found = self.processes[index].progress(&self.broker);
        let process = &mut self.processes[index];
        let reading = process.reading.as_mut().expect("a publication has a reading");
        let was_committed = found.is_some_and(|found| (found.sequence, found.by) == (reading.sequence, reading.by));
        if !rules.v11_reading_belongs {
            reading.sequence = sequence + 1;
        }
        if is_owner && !was_committed && sequence + 1 == reading.sequence {
            process.at = At::Attempt(Purpose::Publish, Step::SendClaim);
        } else {
            process.reading = None;
            process.producer = None;
            process.at = At::Running;
        }
    }

    /// Step 4: the first record sent is the claim record; its offset must be p.
    fn send_claim(
        &mut self,
        index: usize,
        purpose: Purpose,
        fault: Option<Fault>,
        rules: &Rules,
    ) -> Result<(), Failure> {
        let process = &self.processes[index];
        let p = process.position;
        let claims = purpose == Purpose::Claim;
        let claim = Claim {
            writer: (purpose != Purpose::Release).then_some(process.me),
            by: process.me,
            mandate: process.mandates,
            answers: process.answers.filter(|_| claims),
            claims,
            copied: (claims && !rules.v13_claim_key)
                .then(|| process.progress(&self.broker).unwrap_or(Progress { sequence: 0, value: 0, by: process.me })),
        };
        self.broker.add_partition(process.producer.expect("step 2 made it"))?;
        let offset = self.send(index, Record::Claim(claim), fault)?;
        self.processes[index].landed_at_p = offset == p;
        if rules.v7_offset_before_events { self.compare_offset(index, rules) } else { Ok(()) }
    }

    fn compare_offset(&self, index: usize, rules: &Rules) -> Result<(), Failure> {
        let is_fine = self.processes[index].landed_at_p || !rules.v6_offset_must_be_p;
        if is_fine { Ok(()) } else { Err(Failure::Unknown) }
    }

    /// Sends one record and waits for its delivery.
    fn send(&mut self, index: usize, record: Record, fault: Option<Fault>) -> Result<Offset, Failure> {
        let epoch = self.processes[index].producer.expect("step 2 made it");
        if fault == Some(Fault::Late) {
            self.late.push(Request::Produce { record, epoch });
            return Err(Failure::Unknown);
        }
        let offset = self.broker.produce(epoch, record)?;
        if fault == Some(Fault::ReplyLost) {
            return Err(Failure::Unknown);
        }
        self.processes[index].acknowledged = Some(offset);
        Ok(offset)
    }

    /// Step 6.
    fn commit(&mut self, index: usize, fault: Option<Fault>, rules: &Rules) -> Result<(), Failure> {
        self.compare_offset(index, rules)?;
        let epoch = self.processes[index].producer.expect("step 2 made it");
        let request = Request::EndTxn { commit: true, epoch };
        if fault == Some(Fault::Late) {
            self.late.push(request);
            return Err(Failure::Unknown);
        }
        let next_epoch = self.broker.end_transaction(epoch, true)?;
        if fault == Some(Fault::ReplyLost) {
            return Err(Failure::Unknown);
        }
        if fault == Some(Fault::Repeated) {
            self.late.push(request);
        }
        self.processes[index].producer = Some(next_epoch);
        Ok(())
    }

    fn committed(&mut self, index: usize, purpose: Purpose, rules: &Rules) {
        let process = &mut self.processes[index];
        if rules.v9_one_transaction {
            process.producer = None;
        }
        match purpose {
            Purpose::Claim => process.at = At::Running,
            Purpose::Publish => {
                process.reading = None;
                process.at = At::Running;
            }
            Purpose::Release => process.end(At::Ended),
        }
    }

    /// Any failure is the same failure: drop the producer, wait, begin a new attempt.
    pub(crate) fn fail(&mut self, index: usize, failure: Option<Failure>, rules: &Rules) {
        let process = &mut self.processes[index];
        let dropped = process.producer.take();
        let At::Attempt(purpose, step) = process.at else {
            process.at = if rules.v5_back_off { At::BackOff(None) } else { begin(None) };
            return;
        };
        let is_begun = !matches!(step, Step::Follow | Step::Init | Step::Read);
        process.at = if rules.v5_back_off { At::BackOff(Some(purpose)) } else { begin(Some(purpose)) };
        if let (false, true, Some(epoch)) = (rules.v10_no_abort, is_begun, dropped) {
            // Whatever comes of it, the producer is dropped.
            self.broker.end_transaction(epoch, false).ok();
        }
        if failure == Some(Failure::Fenced) && purpose == Purpose::Claim && !rules.v1_fenced_is_any_failure {
            self.park_if_another_claimed(index);
        }
    }
}
