//! The checker can fail: every planted bug is caught, within a bounded number of schedules, by the invariant
//! that is about it.
//!
//! `SIMULATION_BUG=skip-last-page` looks for one bug alone and tells what catches it.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use ramstream::planted::{self, Bug};

use crate::{run::run, schedule::Schedule, summary::on_all_cores};

/// What the schedules with one bug came to.
#[derive(Default, Debug)]
struct Hunt {
    schedules: u64,
    /// How often a site of the bug was passed.
    reached: u64,
    /// By invariant: the first seed that violates it, and its first reason.
    caught: BTreeMap<&'static str, (u64, String)>,
}

impl Hunt {
    /// Runs schedules from seed 0 on, on all cores, until one violates what `enough` asks for.
    fn of(bug: Bug, most: u64, enough: impl Fn(&BTreeSet<&'static str>) -> bool + Sync) -> Self {
        let (next, done) = (AtomicU64::new(0), AtomicBool::new(false));
        let work = || {
            let mut hunt = Self::default();
            while !done.load(Ordering::Relaxed) {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= most {
                    break;
                }
                hunt.run(bug, seed);
                if enough(&hunt.caught.keys().copied().collect()) {
                    done.store(true, Ordering::Relaxed);
                }
            }
            hunt
        };
        on_all_cores(work).into_iter().fold(Self::default(), Self::and)
    }

    fn run(&mut self, bug: Bug, seed: u64) {
        let guard = planted::with(bug);
        let ran = run(&Schedule::of(seed));
        self.reached += guard.reached();
        drop(guard);
        self.schedules += 1;
        for (invariant, why) in ran.violated {
            self.caught.entry(invariant).or_insert((seed, why));
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.schedules += other.schedules;
        self.reached += other.reached;
        for (invariant, (seed, why)) in other.caught {
            let first = self.caught.entry(invariant).or_insert((seed, why.clone()));
            if seed < first.0 {
                *first = (seed, why);
            }
        }
        self
    }
}

/// For a person: what catches each bug. Run with `--ignored --nocapture`.
#[test]
#[ignore = "tells, and holds nothing"]
fn what_catches_each_bug() {
    let wanted = env::var("SIMULATION_BUG").ok();
    let most = crate::number("SIMULATION_SCHEDULES").unwrap_or(40);
    for bug in Bug::ALL
        .iter()
        .filter(|bug| wanted.as_ref().is_none_or(|wanted| wanted.split(',').any(|name| name == bug.name())))
    {
        let hunt = Hunt::of(*bug, most, |caught| wanted.is_none() && !caught.is_empty());
        println!("{:<28} {:>5} schedules, reached {:>8}", bug.name(), hunt.schedules, hunt.reached);
        for (invariant, (seed, why)) in &hunt.caught {
            println!("    {invariant} (seed {seed}): {}", why.chars().take(300).collect::<String>());
        }
    }
}
