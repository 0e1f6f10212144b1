//! The daemon's real code, from reading the account to publishing, in virtual time: seeded schedules of
//! faults against a simulated account and a model cluster, judged by the checker that users have, too.
//!
//! | file | what is there |
//! |---|---|
//! | `schedule`, `life`, `asks`, `faults` | what a seed says: when which copy starts, what people do and ask, what goes wrong |
//! | `world`, `copy` | the account, the cluster and the copies that it happens to |
//! | `matrix` | how often each fault must have struck |
//! | `run`, `syncs`, `claims` | one schedule from its beginning to its judgement |
//! | `sweep` | one short schedule over and over, killed at every step |
//! | `planted` | schedules aimed at planted bugs, each of which must be caught |
//! | `trace` | the story of one schedule, for a person |
//! | `summary` | many schedules, counted and held against the matrix |
//!
//! `SIMULATION_SCHEDULES` (how many) and `SIMULATION_FROM` (the first seed) choose what is run;
//! `SIMULATION_SEED=7` runs one schedule alone, twice, and prints it; `SIMULATION_TRACE=DIRECTORY` keeps what the service
//! did, what the daemon said and what was published.

mod asks;
mod claims;
mod copy;
mod faults;
mod life;
mod matrix;
mod planted;
mod run;
mod schedule;
mod summary;
mod sweep;
mod syncs;
mod trace;
mod world;

use std::env;

use mimalloc::MiMalloc;
use schedule::Schedule;
use trace::Trace;

/// A schedule is millions of short-lived allocations: with the system's allocator they take a quarter of its time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// So many schedules are run where nobody says otherwise.
const SCHEDULES: u64 = 10_000;

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}: set it to a whole number")))
}

#[test]
fn no_schedule_of_faults_breaks_a_promise() {
    if number("SIMULATION_SEED").is_some() {
        return;
    }
    let from = number("SIMULATION_FROM").unwrap_or(0);
    let schedules = number("SIMULATION_SCHEDULES").unwrap_or(SCHEDULES);
    let summary = summary::of(from..from + schedules);
    println!("{summary}\nsummary: {}", summary.to_json());
    let broken: Vec<u64> = summary.broken().collect();
    assert!(broken.is_empty(), "these schedules broke a promise: {broken:?}");
    let idle = summary.idle();
    assert!(idle.is_empty(), "void: nothing was held against these invariants: {idle:?}");
    let missing = summary.missing();
    assert!(missing.is_empty(), "void: these faults did not strike often enough: {missing:?}");
}

#[test]
fn a_seed_is_the_same_schedule_every_time() {
    let alone = number("SIMULATION_SEED");
    let (first, end) = alone.map_or((0, 20), |seed| (seed, seed + 1));
    let runs = summary::on_all_cores(|| (first..end).map(|seed| run::run(&Schedule::of(seed))).collect::<Vec<_>>());
    if let Some(seed) = alone {
        println!("{:#?}\n{:#?}", Schedule::of(seed), runs[0]);
        if let Some(directory) = env::var_os("SIMULATION_TRACE") {
            run::told(&Schedule::of(seed), Some(Trace::begin(directory.into())));
        }
    }
    let told = |runs: &[run::Ran]| runs.iter().map(|ran| (ran.digest, ran.fired.clone())).collect::<Vec<_>>();
    assert!(runs.windows(2).all(|pair| told(&pair[0]) == told(&pair[1])), "two runs of a seed differ");
    assert!(runs.len() > 1, "one core runs each seed once: nothing to compare");
}
