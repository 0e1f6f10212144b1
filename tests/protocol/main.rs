//! The publishing protocol as an explicit-state model: broker, network, cloud and two or three copies, explored
//! breadth first.
//!
//! It is written from the rules, not from the code, in the code's words: `kafka::attempt` (the six steps),
//! `kafka::claim` (the judgement), `sync::{daemon, claiming, park, publish, recover}` (start, claim, run, park,
//! verify). `docs/reliability.md` says what is modelled and what is not.

mod actions;
mod attempt;
mod broker;
mod explore;
mod laws;
mod necessary;
mod process;
mod rules;
mod steps;
mod words;
mod world;

use std::time::Instant;

use broker::{VERSIONS, Version};
use explore::Model;
use rules::{Bounds, Rules, Waiting};

/// Two copies, one start each; one orderly end, one change, one sync.
const TWO_COPIES: Bounds =
    Bounds { processes: 2, starts: 2, stops: 1, orders: 0, changes: 1, sequences: 1, faults: 0, inits: Some(6) };

/// A claim alone, with two faults.
const TWO_FAULTS: Bounds = Bounds { stops: 0, changes: 0, sequences: 0, faults: 2, ..TWO_COPIES };

/// One fault anywhere between the start and the release.
const ONE_FAULT: Bounds = Bounds { faults: 1, ..TWO_COPIES };

/// A parked copy that gets out by order, by takeover or by release, while the other one restarts.
const PARKING: Bounds = Bounds { starts: 3, orders: 1, changes: 0, sequences: 0, inits: Some(9), ..TWO_COPIES };

/// Three copies that claim.
const THREE_COPIES: Bounds =
    Bounds { processes: 3, starts: 3, stops: 0, changes: 0, sequences: 0, inits: Some(7), ..TWO_COPIES };

#[test]
fn every_promise_is_kept_whatever_one_fault_does_on_an_old_broker() {
    keeps_every_promise(Version::Old, ONE_FAULT);
}

#[test]
fn every_promise_is_kept_whatever_one_fault_does_on_a_verifying_broker() {
    keeps_every_promise(Version::Verifying, ONE_FAULT);
}

#[test]
fn every_promise_is_kept_whatever_one_fault_does_with_an_epoch_per_transaction() {
    keeps_every_promise(Version::EpochPerTransaction, ONE_FAULT);
}

#[test]
fn every_promise_is_kept_whatever_two_faults_do_to_claims() {
    for version in VERSIONS {
        keeps_every_promise(version, TWO_FAULTS);
    }
}

#[test]
fn every_promise_is_kept_whatever_lets_a_parked_copy_out() {
    keeps_every_promise(Version::Old, PARKING);
}

#[test]
fn every_promise_is_kept_by_three_copies() {
    keeps_every_promise(Version::Old, THREE_COPIES);
}

#[test]
fn nobody_is_fenced_for_ever_where_back_off_is_longer_than_a_claim() {
    never_goes_in_circles(Version::Old, Bounds { stops: 0, changes: 0, faults: 1, ..TWO_COPIES });
    never_goes_in_circles(Version::Old, THREE_COPIES);
}

#[test]
#[ignore = "tens of millions of worlds: run it with --release"]
fn every_promise_is_kept_deeper() {
    for version in VERSIONS {
        keeps_every_promise(version, Bounds { stops: 0, faults: 2, ..TWO_COPIES });
        keeps_every_promise(version, Bounds { faults: 3, ..TWO_FAULTS });
        keeps_every_promise(version, Bounds { faults: 1, inits: Some(8), ..PARKING });
        keeps_every_promise(version, Bounds { faults: 1, ..THREE_COPIES });
        keeps_every_promise(version, Bounds { stops: 1, sequences: 1, ..THREE_COPIES });
    }
    keeps_every_promise(Version::Old, Bounds { starts: 3, sequences: 2, inits: Some(7), ..ONE_FAULT });
    never_goes_in_circles(Version::Old, Bounds { faults: 1, ..PARKING });
    never_goes_in_circles(Version::Old, Bounds { stops: 1, ..THREE_COPIES });
}

fn keeps_every_promise(version: Version, bounds: Bounds) {
    let model =
        Model { version, bounds, rules: Rules::KEPT, waiting: Waiting::Any, log_limit: usize::MAX, sought: None };
    let begun = Instant::now();
    let explored = model.explore();
    println!("{version:?}, {bounds:?}: {} states in {:.1?}", explored.states, begun.elapsed());
    add_up(explored.states);
    if let Some(found) = explored.counterexample {
        panic!("{}\n{}", found.violation, model.trace(&found.actions));
    }
}

fn never_goes_in_circles(version: Version, bounds: Bounds) {
    let bounds = Bounds { inits: None, ..bounds };
    let model = Model { version, bounds, rules: Rules::KEPT, waiting: Waiting::Fair, log_limit: 100, sought: None };
    let begun = Instant::now();
    let explored = model.explore_for_cycles();
    println!("fair, {version:?}, {bounds:?}: {} states in {:.1?}", explored.states, begun.elapsed());
    add_up(explored.states);
    assert_eq!(explored.cut, 0, "the log grows without end: attempts are begun for ever");
    if let Some(found) = explored.counterexample {
        panic!("{}\n{}", found.violation, model.trace(&found.actions));
    }
}

/// For machines: `scripts/soak-table` adds it to others.
fn add_up(worlds: usize) {
    println!(r#"summary: {{"run": "protocol", "worlds": {worlds}}}"#);
}
