//! Actions and records in the words of the protocol: what a trace prints and a stored schedule is written in.

use std::fmt;

use crate::broker::{Claim, Fate, Record};
use crate::process::{At, Purpose, Step};
use crate::world::{Action, Fault, Request, World};

/// One line per action; no two actions of one world have the same.
pub(crate) fn line(world: &World, action: Action) -> String {
    match action {
        Action::Starts(index) if world.processes[index].at == At::NotStarted => format!("{}: starts", name(index)),
        Action::Starts(index) => format!("{}: restarts", name(index)),
        Action::Crashes(index) => format!("{}: crashes", name(index)),
        Action::Stops(index) => format!("{}: is told to end", name(index)),
        Action::GivesUpRelease(index) => format!("{}: ends without its release", name(index)),
        Action::Ordered(index) => format!("{}: is ordered to claim", name(index)),
        Action::TakesOver(index) => format!("{}: takes over, the owner is silent", name(index)),
        Action::Stalls(index) => format!("{}: read stalls before an open transaction", name(index)),
        Action::Wakes(index) => format!("{}: back-off ends", name(index)),
        Action::Steps(index, fault) => step_line(world, index, fault),
        Action::CloudChanges => "cloud: changes".to_owned(),
        Action::MarkerWritten => "broker: commit marker is written".to_owned(),
        Action::Arrives(request) => format!("network: late {request} arrives"),
        Action::TimesOut => "broker: transaction times out".to_owned(),
    }
}

fn step_line(world: &World, index: usize, fault: Option<Fault>) -> String {
    let process = &world.processes[index];
    let is_behind = process.position < world.broker.last_stable_offset();
    let step = match process.at {
        At::EndOpenTransaction => "ends an open transaction, init_transactions".to_owned(),
        At::VerifyState => "verifies: reads .state".to_owned(),
        At::VerifyTrace => "verifies: reads .syncs, watermark again".to_owned(),
        At::Refused => "refused, looks again".to_owned(),
        At::Running if is_behind && fault.is_none() => "reads on".to_owned(),
        At::Running => "reads .state, then the cloud".to_owned(),
        At::Parked => "parked, follows".to_owned(),
        At::Attempt(purpose, step) => format!("{} {}", purpose_word(purpose), attempt_step(purpose, step)),
        at => format!("{at:?}"),
    };
    let fault = match fault {
        None => String::new(),
        Some(Fault::Late) => " -- request late".to_owned(),
        Some(Fault::ReplyLost) => " -- reply lost".to_owned(),
        Some(Fault::Repeated) => " -- repeated".to_owned(),
        Some(Fault::Stale(end)) => format!(" -- stale, ends at {end}"),
    };
    format!("{}: {step}{fault}", name(index))
}

fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Claim => "claim",
        Purpose::Publish => "publish",
        Purpose::Release => "release",
    }
}

fn attempt_step(purpose: Purpose, step: Step) -> &'static str {
    match step {
        Step::Follow => "1: reads on",
        Step::Init => "2: init_transactions",
        Step::Read => "3: watermark, reads to it, decides",
        Step::SendClaim if purpose == Purpose::Release => "4: sends the released claim record",
        Step::SendClaim => "4: sends the claim record",
        Step::SendEvents => "5: sends events",
        Step::SendProgress => "5: sends progress",
        Step::Commit => "6: commits",
    }
}

fn name(index: usize) -> char {
    ['A', 'B', 'C'].get(index).copied().unwrap_or('?')
}

/// Whether a step led a process out of its straight way.
pub(crate) fn outcome(before: &World, after: &World) -> &'static str {
    let moved = before.processes.iter().zip(&after.processes).find(|(before, after)| before.at != after.at);
    match moved.map(|(_, after)| after.at) {
        Some(At::BackOff(_)) => " => failed, back-off",
        Some(At::Parked) => " => parked",
        Some(At::Refused) => " => refused",
        Some(At::Running) => " => owner",
        Some(At::Ended) => " => ended",
        Some(At::EndOpenTransaction) => " => begins",
        _ => "",
    }
}

/// The log on one line: what stands at which offset, and what became of it.
pub(crate) fn log(world: &World) -> String {
    let entries = world.broker.log.iter().zip(0..).map(|((record, fate), offset)| {
        let fate = match fate {
            Fate::Open => "open",
            Fate::Committed => "committed",
            Fate::Aborted => "aborted",
        };
        format!("{offset} {record} {fate}")
    });
    entries.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(Claim { writer: Some(writer), .. }) => write!(f, "claim of writer {writer}"),
            Self::Claim(Claim { by, .. }) => write!(f, "release by writer {by}"),
            Self::Events(events) => write!(f, "events of {} (value {})", events.sequence, events.value),
            Self::Progress(progress) => write!(f, "progress {}", progress.sequence),
            Self::Marker => f.write_str("marker"),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InitProducerId => f.write_str("InitProducerId"),
            Self::Produce { record, .. } => write!(f, "Produce of {record}"),
            Self::EndTxn { commit, .. } => write!(f, "EndTxn ({})", if *commit { "commit" } else { "abort" }),
        }
    }
}
