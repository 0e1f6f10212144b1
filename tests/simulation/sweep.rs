//! A crash at every step: a short schedule over and over, in which the first life of the only copy ends at the first
//! step, the second one, and so on, until a life ends before that; then pairs of such steps, drawn, for two lives in a row.
//!
//! A step is one poll of the copy: what it does between two of them nobody else sees. `SIMULATION_EVERY_STEP=1` takes
//! every step and not every so many; `SIMULATION_PAIRS` says how many pairs.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{Rng, SeedableRng as _, rngs::StdRng};
use serde_json::json;

use crate::{
    asks,
    life::Deed,
    number, run,
    run::Ran,
    schedule::{Broker, Event, Schedule},
    summary::on_all_cores,
    world::CONTROL_PARTITIONS,
};

const EVERY_STEP: u64 = 5;
const PAIRS: u64 = 200;
const INTERVAL: Duration = Duration::from_secs(10);
/// Whoever is dead is started again once in so much time.
const RESTARTED: Duration = Duration::from_secs(1);
const BROKERS: [Broker; 3] = [Broker::Old, Broker::Verifying, Broker::EpochPerTransaction];

/// Three syncs or more of an account in which something happens, and of which a replay and a sync are asked.
fn short(seed: u64, kills: Vec<u64>) -> Schedule {
    let base = Schedule::of(seed);
    let random = &mut StdRng::seed_from_u64(seed);
    let length = INTERVAL * 3;
    let mut events: Vec<(Duration, Event)> = (0..30).map(|at| (RESTARTED * at, Event::Start { copy: 0 })).collect();
    // Two seconds apart, so that each is dated by itself.
    events.extend((1..14).map(|at| (RESTARTED * 2 * at, Event::Deed(Deed::draw(random, base.names)))));
    let asks = asks::draw(2 * seed + 1, length, CONTROL_PARTITIONS);
    events.extend(asks.into_iter().map(|(at, ask)| (at, Event::Ask(ask))));
    events.sort_by_key(|(at, _)| *at);
    Schedule {
        kills,
        events,
        length,
        least_syncs: 4,
        interval: INTERVAL,
        copies: 1,
        broker: BROKERS[seed as usize % BROKERS.len()],
        confirm_delay: Duration::from_secs(2),
        takeover_after: None,
        service_clock: 0,
        ..base
    }
}

/// Runs them on all cores, until `run` says that there is no more; what was violated, by schedule and kills.
fn all(run: impl Fn(u64, &Mutex<Vec<String>>) -> bool + Sync) -> Vec<String> {
    let (next, broken) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    on_all_cores(|| while run(next.fetch_add(1, Ordering::Relaxed), &broken) {});
    broken.into_inner().expect("nobody panicked")
}

fn killed(seed: u64, kills: Vec<u64>, broken: &Mutex<Vec<String>>) -> Ran {
    let told = format!("schedule {seed}, killed at {kills:?}");
    let ran = run::run(&short(seed, kills));
    if !ran.violated.is_empty() {
        broken.lock().expect("nobody panicked").push(format!("{told}: {:?}", ran.violated));
    }
    ran
}

fn kills(ran: &Ran) -> u64 {
    ran.fired["killed at a step"]
}

#[test]
fn a_crash_at_any_step_breaks_no_promise() {
    let every = number("SIMULATION_EVERY_STEP").unwrap_or(EVERY_STEP).max(1);
    let pairs = number("SIMULATION_PAIRS").unwrap_or(PAIRS) / BROKERS.len() as u64;
    let (mut broken, mut struck) = (Vec::new(), 0);
    for seed in 0..BROKERS.len() as u64 {
        let steps = AtomicU64::new(0);
        broken.extend(all(|turn, broken| {
            let step = 1 + turn * every;
            let is_killed = kills(&killed(seed, vec![step], broken)) == 1;
            steps.fetch_max(if is_killed { step } else { 0 }, Ordering::Relaxed);
            is_killed
        }));
        let (steps, twice) = (steps.into_inner(), AtomicU64::new(0));
        assert!(steps > 500, "schedule {seed}: a life of three syncs takes more than {steps} steps");
        broken.extend(all(|turn, broken| {
            if turn >= pairs {
                return false;
            }
            let random = &mut StdRng::seed_from_u64(turn);
            let pair = vec![random.random_range(1..=steps), random.random_range(1..=steps)];
            twice.fetch_add(kills(&killed(seed, pair, broken)), Ordering::Relaxed);
            true
        }));
        struck += steps.div_ceil(every) + twice.into_inner();
        println!("schedule {seed}: killed at every step of {every} up to {steps}, and at {pairs} pairs");
    }
    let summary = json!({ "run": "sweep", "kills": struck, "violations": broken.len() });
    println!("summary: {summary}");
    assert!(broken.is_empty(), "{} runs broke a promise; first: {:#?}", broken.len(), &broken[..broken.len().min(5)]);
}
