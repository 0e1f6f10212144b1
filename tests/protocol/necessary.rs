//! No rule is there for nothing: without it, a promise is broken.
//!
//! The shortest schedules that break one are kept in `traces/`, one line per step, and replayed here. The ignored
//! test searches them again; with `PROTOCOL_WRITE_TRACES=1` it writes them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::broker::Version;
use crate::explore::Model;
use crate::laws::{self, Violation};
use crate::rules::{Bounds, Rules, Waiting};
use crate::words;
use crate::world::{Action, World};
use crate::{ONE_FAULT, TWO_COPIES};

/// A rule, and what happens without it.
struct Case {
    /// Name of the stored schedule.
    name: &'static str,
    switch_off: fn(&mut Rules),
    violation: Violation,
    version: Version,
    bounds: Bounds,
    waiting: Waiting,
    /// The rules that the case starts from, with and without its own.
    base: Rules,
}

impl Case {
    const fn new(name: &'static str, switch_off: fn(&mut Rules), violation: Violation, bounds: Bounds) -> Self {
        let (version, waiting, base) = (Version::Old, Waiting::Any, Rules::KEPT);
        Self { name, switch_off, violation, version, bounds, waiting, base }
    }

    fn model(&self, is_kept: bool) -> Model {
        let mut rules = self.base;
        if !is_kept {
            (self.switch_off)(&mut rules);
        }
        // Without back-off attempts follow each other for ever; the shortest cycle needs no record at all.
        let log_limit = if self.waiting == Waiting::Fair { 8 } else { usize::MAX };
        let (version, bounds, waiting) = (self.version, self.bounds, self.waiting);
        Model { version, bounds, rules, waiting, log_limit, sought: Some(self.violation) }
    }

    fn path(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol/traces").join(format!("{}.txt", self.name))
    }

    fn stored(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path()).expect("every case has its schedule");
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }
}

const NO_FAULT: Bounds = Bounds { changes: 0, sequences: 0, ..TWO_COPIES };
const CLAIMS_ONLY: Bounds = Bounds { stops: 0, changes: 0, sequences: 0, ..ONE_FAULT };
const ONE_SYNC: Bounds = Bounds { stops: 0, changes: 0, ..ONE_FAULT };

fn cases() -> Vec<Case> {
    use Violation::*;
    let without_v6 = Rules { v6_offset_must_be_p: false, ..Rules::KEPT };
    vec![
        Case::new("v1", |rules| rules.v1_fenced_is_any_failure = false, AllParked, Bounds { faults: 2, ..CLAIMS_ONLY }),
        Case::new("v2", |rules| rules.v2_parked_may_leave = false, AllParked, NO_FAULT),
        Case::new("v3", |rules| rules.v3_still_picture = false, FalseRefusal, Bounds { faults: 0, ..ONE_SYNC }),
        Case::new("v4", |rules| rules.v4_followed_claim_parks = false, ClaimedAgain, CLAIMS_ONLY),
        Case {
            waiting: Waiting::Fair,
            ..Case::new(
                "v5",
                |rules| rules.v5_back_off = false,
                EndlessFencing,
                Bounds { stops: 0, inits: None, ..NO_FAULT },
            )
        },
        Case::new("v6-two-writers", |rules| rules.v6_offset_must_be_p = false, TwoWriters, ONE_SYNC),
        Case::new("v6-committed-twice", |rules| rules.v6_offset_must_be_p = false, CommittedTwice, ONE_SYNC),
        Case::new(
            "v7",
            |rules| rules.v7_offset_before_events = false,
            AbortedBehindCommitted,
            Bounds { inits: Some(7), ..ONE_SYNC },
        ),
        Case::new(
            "v8",
            |rules| rules.v8_mandate_while_last = false,
            AnsweredTwice,
            Bounds { starts: 3, inits: Some(9), ..NO_FAULT },
        ),
        Case::new("v9", |rules| rules.v9_one_transaction = false, Torn, ONE_SYNC),
        Case {
            version: Version::Verifying,
            ..Case::new("v9-verifying", |rules| rules.v9_one_transaction = false, Torn, ONE_SYNC)
        },
        Case::new("v10", |rules| rules.v10_no_abort = false, StableOffsetHangs, CLAIMS_ONLY),
        Case::new(
            "v11",
            |rules| rules.v11_reading_belongs = false,
            OlderValue,
            Bounds { sequences: 2, inits: Some(9), ..TWO_COPIES },
        ),
        Case { base: without_v6, ..Case::new("v13", |rules| rules.v13_claim_key = false, RolledBack, ONE_SYNC) },
    ]
}

/// How a schedule ended.
#[derive(Debug, PartialEq)]
enum Replayed {
    /// With this, at the last step.
    Broken(Violation),
    /// A step of it cannot happen.
    Impossible(String),
    /// No promise was broken.
    Unbroken,
}

fn replay(model: &Model, schedule: &[String]) -> Replayed {
    let mut worlds = vec![model.first()];
    for line in schedule {
        let world = worlds.last().expect("there is a first one");
        let Some(action) = action_of(model, world, line) else { return Replayed::Impossible(line.clone()) };
        let next = world.after(action, &model.rules);
        if let Some(violation) = laws::broken(&next, &model.rules).into_iter().find(|one| Some(*one) == model.sought) {
            assert_eq!(worlds.len(), schedule.len(), "{violation} before the end of the schedule");
            return Replayed::Broken(violation);
        }
        worlds.push(next);
    }
    match worlds.pop() {
        Some(last) if worlds.contains(&last) => Replayed::Broken(Violation::EndlessFencing),
        _ => Replayed::Unbroken,
    }
}

fn action_of(model: &Model, world: &World, line: &str) -> Option<Action> {
    world.actions(&model.rules, model.waiting).into_iter().find(|action| words::line(world, *action) == line)
}

#[test]
fn without_its_rule_each_stored_schedule_breaks_a_promise_and_with_it_none() {
    for case in cases() {
        let schedule = case.stored();
        let without = replay(&case.model(false), &schedule);
        assert_eq!(without, Replayed::Broken(case.violation), "{} without its rule", case.name);
        let with = replay(&case.model(true), &schedule);
        assert!(!matches!(with, Replayed::Broken(_)), "{} with its rule: {with:?}", case.name);
    }
}

#[test]
#[ignore = "searches for minutes: run it with --release"]
fn the_stored_schedules_are_the_shortest() {
    for case in cases() {
        let model = case.model(false);
        let explored = if case.waiting == Waiting::Fair { model.explore_for_cycles() } else { model.explore() };
        let found = explored.counterexample.unwrap_or_else(|| panic!("{} is not needed", case.name));
        assert_eq!(found.violation, case.violation, "{}", case.name);
        println!("{}: {}, {} steps, {} states", case.name, found.violation, found.actions.len(), explored.states);
        println!("{}", model.trace(&found.actions));
        if env::var_os("PROTOCOL_WRITE_TRACES").is_some() {
            let mut text = format!("# {}: {}\n", case.name, found.violation);
            for line in model.lines(&found.actions) {
                writeln!(text, "{line}").expect("a string takes everything");
            }
            fs::write(case.path(), text).expect("the checkout can be written");
        }
        assert_eq!(case.stored().len(), found.actions.len(), "{}", case.name);
    }
}

/// What newer brokers or another rule make harmless: V9 where every transaction has its own epoch, V10 where a
/// record outside of a transaction is rejected, V13 where the claim's offset is compared.
#[test]
#[ignore = "millions of worlds: run it with --release"]
fn three_rules_are_spare_where_something_else_keeps_their_promise() {
    let with = |version, inits, switch_off: fn(&mut Rules)| {
        let case = Case { version, ..Case::new("", switch_off, Violation::Torn, Bounds { inits, ..ONE_SYNC }) };
        let explored = Model { sought: None, ..case.model(false) }.explore();
        println!("{version:?}: {} states", explored.states);
        explored.counterexample
    };
    assert!(with(Version::EpochPerTransaction, Some(4), |rules| rules.v9_one_transaction = false).is_none());
    assert!(with(Version::Verifying, Some(6), |rules| rules.v10_no_abort = false).is_none());
    assert!(with(Version::EpochPerTransaction, Some(6), |rules| rules.v10_no_abort = false).is_none());
    assert!(with(Version::Old, Some(6), |rules| rules.v13_claim_key = false).is_none());
}
