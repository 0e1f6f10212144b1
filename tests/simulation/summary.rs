//! Many schedules, counted.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    thread::{self, Builder},
};

use serde_json::{Value, json};

use crate::{
    matrix::{CI_SCHEDULES, GROUPS, Group, MATRIX, Row, SOAK_SCHEDULES},
    run::{Ran, run},
    schedule::Schedule,
};

const STACK: usize = 64 << 20;
/// So many broken schedules are told; the others are only counted.
const TOLD: usize = 10;
/// In so many schedules every invariant is put to the test.
const MANY: u64 = 500;

/// What came of all schedules.
#[derive(Default)]
pub(crate) struct Summary {
    schedules: u64,
    syncs: u64,
    events: u64,
    fired: BTreeMap<&'static str, u64>,
    checked: BTreeMap<&'static str, u64>,
    excused: BTreeMap<&'static str, u64>,
    /// By seed: the invariants and the first reason of each.
    broken: BTreeMap<u64, BTreeMap<&'static str, String>>,
}

/// Runs a schedule for each seed, on all cores.
pub(crate) fn of(seeds: Range<u64>) -> Summary {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut summary = Summary::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return summary;
            }
            summary.take(seed, run(&Schedule::of(seed)));
        }
    };
    on_all_cores(work).into_iter().fold(Summary::default(), Summary::and)
}

/// Does the same work on a thread for each core. The futures of whole processes are large.
pub(crate) fn on_all_cores<T: Send>(work: impl Fn() -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let start = |_| Builder::new().stack_size(STACK).spawn_scoped(scope, &work).expect("a thread starts");
        let workers: Vec<_> = (0..threads).map(start).collect();
        workers.into_iter().map(|worker| worker.join().expect("no schedule panics")).collect()
    })
}

impl Summary {
    fn take(&mut self, seed: u64, ran: Ran) {
        self.schedules += 1;
        self.syncs += ran.syncs;
        self.events += ran.events;
        add(&mut self.fired, ran.fired);
        add(&mut self.checked, ran.checked);
        add(&mut self.excused, ran.excused);
        if !ran.violated.is_empty() {
            self.broken.insert(seed, ran.violated);
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.schedules += other.schedules;
        self.syncs += other.syncs;
        self.events += other.events;
        add(&mut self.fired, other.fired);
        add(&mut self.checked, other.checked);
        add(&mut self.excused, other.excused);
        self.broken.extend(other.broken);
        self
    }

    /// For machines: one JSON object, which `scripts/soak` adds to others.
    pub(crate) fn to_json(&self) -> Value {
        let in_soak = |row: &Row| row.least * SOAK_SCHEDULES / CI_SCHEDULES;
        let asked: BTreeMap<_, _> = MATRIX.iter().map(|row| (row.name, json!([row.unit, in_soak(row)]))).collect();
        let of_group = |group: &Group| json!([group.rows().collect::<Vec<_>>(), group.in_soak]);
        let groups: BTreeMap<_, _> = GROUPS.iter().map(|group| (group.name, of_group(group))).collect();
        json!({
            "run": "simulation",
            "schedules": self.schedules,
            "syncs": self.syncs,
            "events": self.events,
            "faults": self.fired,
            "invariants": self.checked,
            "asked": { "schedules": SOAK_SCHEDULES, "faults": asked, "groups": groups },
            "excused": self.excused,
            "violations": self.broken.len(),
            "broken": self.broken.keys().collect::<Vec<_>>(),
        })
    }

    /// The seeds whose schedules broke a promise.
    pub(crate) fn broken(&self) -> impl Iterator<Item = u64> {
        self.broken.keys().copied()
    }

    /// The invariants that nothing was held against, in many schedules.
    pub(crate) fn idle(&self) -> Vec<&'static str> {
        let idle = self.checked.iter().filter(|(_, checked)| self.schedules >= MANY && **checked == 0);
        idle.map(|(invariant, _)| *invariant).collect()
    }

    /// The faults that did not strike as often as the matrix asks of so many schedules.
    pub(crate) fn missing(&self) -> Vec<String> {
        let rows = MATRIX.iter().filter(|row| self.fired_of(row.name) < self.scaled(row.least));
        let rows = rows.map(|row| format!("{}: {} of {}", row.name, self.fired_of(row.name), self.scaled(row.least)));
        let groups = GROUPS.iter().filter(|group| self.fired_of_group(group) < self.scaled(group.in_ci));
        rows.chain(groups.map(|group| {
            format!("all of {}: {} of {}", group.name, self.fired_of_group(group), self.scaled(group.in_ci))
        }))
        .collect()
    }

    fn fired_of(&self, name: &str) -> u64 {
        self.fired.get(name).copied().unwrap_or(0)
    }

    fn fired_of_group(&self, group: &Group) -> u64 {
        group.rows().map(|name| self.fired_of(name)).sum()
    }

    /// What is asked of so many schedules as were run.
    fn scaled(&self, least: u64) -> u64 {
        least * self.schedules / CI_SCHEDULES
    }
}

fn add(all: &mut BTreeMap<&'static str, u64>, more: BTreeMap<&'static str, u64>) {
    for (name, count) in more {
        *all.entry(name).or_default() += count;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schedules, syncs, events, .. } = self;
        writeln!(f, "{schedules} schedules, {syncs} syncs, {events} events, {} broken\n", self.broken.len())?;
        writeln!(f, "{:<13} {:<32} {:>9} {:>9}  UNIT", "GROUP", "FAULT", "STRUCK", "AT LEAST")?;
        for row in MATRIX {
            let (struck, least) = (self.fired_of(row.name), self.scaled(row.least));
            writeln!(f, "{:<13} {:<32} {struck:>9} {least:>9}  {}", row.group, row.name, row.unit)?;
        }
        for group in GROUPS {
            let (struck, least) = (self.fired_of_group(group), self.scaled(group.in_ci));
            writeln!(f, "{:<13} {:<32} {struck:>9} {least:>9}", group.name, "together")?;
        }
        writeln!(f, "\n{:<18} {:>11} {:>11}", "INVARIANT", "CHECKED", "EXCUSED")?;
        for (name, checked) in &self.checked {
            let excused = self.excused.get(name).copied().unwrap_or(0);
            writeln!(f, "{name:<18} {checked:>11} {excused:>11}")?;
        }
        for (seed, violated) in self.broken.iter().take(TOLD) {
            writeln!(f, "\nseed {seed} (SIMULATION_SEED={seed} repeats it):")?;
            violated.iter().try_for_each(|(invariant, why)| writeln!(f, "  {invariant}: {why}"))?;
        }
        Ok(())
    }
}
