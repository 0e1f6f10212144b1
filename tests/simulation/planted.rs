//! The checker can fail: every planted bug is caught, within a bounded number of schedules, by the judge that is
//! about it. The schedules are full of what brings the bug out; without a bug they break nothing.
//!
//! `SIMULATION_BUG=skip-last-page,no-backoff` tells what catches some of them, by the test that is left out otherwise.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use ramstream::planted::{self, Bug};
use rand::{Rng, SeedableRng as _, rngs::StdRng};

use crate::{
    faults::{Fault, Ill, When},
    life::Deed,
    run::{Ran, run},
    schedule::{Event, LEAST_SYNCS, Schedule},
    summary::on_all_cores,
};

/// What brings a bug out.
#[derive(Clone, Copy)]
enum Aim {
    /// A busy account.
    Life,
    /// Calls that fail, lie or hang: (fault, operation, share).
    Calls(&'static [(&'static str, &'static str, f64)]),
    /// The same, in pages of two rows.
    Pages(&'static [(&'static str, &'static str, f64)]),
    /// Three copies that come, go and are killed, while the brokers are ill.
    Storm(&'static [Ill]),
}

/// A bug, what brings it out, and which of the judges (invariants of the checker, or of the run itself) catch it.
struct Case {
    bug: Bug,
    aim: Aim,
    caught_by: &'static [&'static str],
}

const fn case(bug: Bug, aim: Aim, caught_by: &'static [&'static str]) -> Case {
    Case { bug, aim, caught_by }
}

const LIES: Aim = Aim::Calls(&[("stale", "*", 0.3), ("empty", "ListUsersForGroup", 0.3), ("stale", "ListUsers", 0.4)]);
const DETAILS: Aim = Aim::Calls(&[("deny", "GetRole", 1.0), ("deny", "ListPolicyVersions", 1.0)]);

/// The table.
const CASES: &[Case] = &[
    case(Bug::FirstPageOnly, Aim::Pages(&[]), &["instants"]),
    case(Bug::SkipLastPage, Aim::Pages(&[]), &["instants"]),
    case(Bug::FailedPageIsTheEnd, Aim::Pages(&[("http_5xx", "*", 0.7)]), &["instants"]),
    case(Bug::FailureIsEmpty, Aim::Calls(&[("http_5xx", "ListUsersForGroup", 1.0)]), &["removals"]),
    case(Bug::DeniedIsEmpty, Aim::Calls(&[("deny", "ListUsersForGroup", 1.0)]), &["removals", "honest"]),
    case(Bug::NotFoundIsEmpty, Aim::Calls(&[("stale", "ListUsersForGroup", 0.7)]), &["removals"]),
    case(Bug::NamesByFirstListing, Aim::Calls(&[("slow", "*", 0.05)]), &["instants"]),
    case(Bug::UnreadDetailIsNone, DETAILS, &["invented"]),
    case(Bug::OldDetailTaken, Aim::Calls(&[("slow", "*", 0.05)]), &["instants"]),
    case(Bug::StaleListingBelieved, LIES, &["invented"]),
    case(Bug::OldNewcomerBelieved, LIES, &["invented"]),
    case(Bug::NoSecondListing, LIES, &["removals"]),
    case(Bug::ConfirmedByItself, LIES, &["removals"]),
    case(
        Bug::PointReadLeftOut,
        Aim::Calls(&[("empty", "ListUsers", 1.0), ("empty", "ListGroups", 1.0)]),
        &["removals"],
    ),
    case(Bug::UnknownScopeIsGone, Aim::Calls(&[("error", "ListUsersForGroup", 1.0)]), &["removals"]),
    case(Bug::SuspicionUntold, Aim::Life, &["suspected"]),
    case(Bug::CascadeForgotten, Aim::Life, &["edges"]),
    case(Bug::DanglingPublished, Aim::Calls(&[("slow", "*", 0.05)]), &["edges"]),
    case(Bug::KeyByName, Aim::Life, &["settled"]),
    case(Bug::BaselineAsAdded, Aim::Life, &["ops"]),
    case(Bug::WindowBeginsLate, Aim::Calls(&[("slow", "*", 0.05)]), &["true-windows"]),
    case(Bug::ScopeRecordForgotten, Aim::Calls(&[("error", "*", 0.9)]), &["true-windows"]),
    case(Bug::UnknownSaidComplete, Aim::Calls(&[("deny", "ListUsersForGroup", 1.0)]), &["honest"]),
    case(Bug::CoverageUntold, Aim::Calls(&[("deny", "ListUsers", 1.0)]), &["told-coverage"]),
    case(Bug::UpsertsFirst, Aim::Life, &["removals-first"]),
    case(Bug::EdgesFirst, Aim::Life, &["removals-first", "edges"]),
    case(Bug::StateWithoutEvents, Aim::Life, &["batches", "state"]),
    case(Bug::EventsWithoutState, Aim::Life, &["state"]),
    case(Bug::RevisionNotRaised, Aim::Life, &["state"]),
    case(Bug::DigestKeepsTombstones, Aim::Life, &["progress"]),
    case(Bug::ProgressNotRaised, Aim::Life, &["sequences"]),
    case(Bug::ProgressSkips, Aim::Life, &["sequences"]),
    case(Bug::EventIdReused, Aim::Life, &["event-ids"]),
    case(Bug::RandomEventId, Aim::Life, &["event-ids"]),
    case(Bug::DeliveryErrorDropped, Aim::Storm(&[Ill::RecordRefused, Ill::StorageFull]), &["batches"]),
    case(Bug::UnknownIsCommitted, Aim::Storm(&[Ill::RequestLost, Ill::ReplyLost, Ill::CutShort]), &["sequences"]),
    case(Bug::ReadingOfAnotherState, Aim::Storm(&[Ill::ReplyLost]), &["sequences"]),
    case(Bug::ClaimOffsetUnchecked, Aim::Storm(&[Ill::StaleWatermark, Ill::ReplyLost]), &["sequences"]),
    case(Bug::ClaimOffsetCheckedLate, Aim::Storm(&[Ill::StaleWatermark, Ill::ReplyLost]), &["sequences"]),
    case(Bug::EndsAtLastStable, Aim::Storm(&[Ill::MarkerLate, Ill::StaleFetch]), &["sequences"]),
    case(Bug::StalledIsTheEnd, Aim::Storm(&[Ill::MarkerLate, Ill::StaleFetch]), &["sequences"]),
    case(Bug::SupersededGoesOn, Aim::Storm(&[Ill::ReplyLost]), &["claims"]),
    case(Bug::ReleaseAnsweredTwice, Aim::Storm(&[]), &["claims"]),
    case(Bug::FailedClaimParks, Aim::Storm(&[Ill::ReplyLost]), &["liveness"]),
    case(Bug::ParkedForEver, Aim::Storm(&[]), &["liveness"]),
    case(Bug::NoBackoff, Aim::Storm(&[Ill::ReplyLost]), &["liveness"]),
    case(Bug::VerifiedInMotion, Aim::Storm(&[]), &["refused"]),
    case(Bug::MissingStateIsFirstRun, Aim::Storm(&[]), &["fails-closed"]),
];

/// Schedules until a bug must have been caught.
const MOST: u64 = 60;

impl Aim {
    fn schedule(self, seed: u64) -> Schedule {
        let base = Schedule::of(seed);
        let random = &mut StdRng::seed_from_u64(seed);
        let is_storm = matches!(self, Self::Storm(_));
        let interval = Duration::from_secs(if is_storm { 5 } else { 40 });
        let length = interval * if is_storm { 3 } else { 1 } * LEAST_SYNCS;
        let within = |random: &mut StdRng| length.mul_f64(random.random());
        let mut events = Vec::new();
        for _ in 0..120 {
            events.push((within(random), Event::Deed(Deed::draw(random, base.names))));
        }
        for deed in [Deed::DeleteAllUsers, Deed::EmptyAllGroups] {
            events.push((within(random), Event::Deed(deed)));
        }
        events.push((Duration::ZERO, Event::Start { copy: 0 }));
        match self {
            Self::Life => {}
            Self::Calls(faults) => events.extend(calls(random, faults, interval, length)),
            Self::Pages(faults) => {
                events.push((Duration::ZERO, Event::Fault(Fault::SmallPages { rows: 2 }, length)));
                events.extend(calls(random, faults, interval, length));
            }
            Self::Storm(ills) => {
                events.extend((1..3).map(|copy| (interval * copy, Event::Start { copy: copy as usize })));
                events.extend(storm(random, ills, length));
            }
        }
        events.sort_by_key(|(at, _)| *at);
        let confirm_delay = Duration::from_secs(if is_storm { 1 } else { 5 });
        let copies = if is_storm { 3 } else { 1 };
        Schedule { events, length, interval, copies, confirm_delay, takeover_after: None, service_clock: 0, ..base }
    }
}

fn calls(
    random: &mut StdRng,
    faults: &[(&'static str, &'static str, f64)],
    interval: Duration,
    length: Duration,
) -> Vec<(Duration, Event)> {
    let rounds = 0..if faults.is_empty() { 0 } else { 6 };
    let fault = |round: usize| {
        let (fault, operation, share) = faults[round % faults.len()];
        let lasts = interval.mul_f64(random.random_range(1.0..3.0));
        (length.mul_f64(random.random()), Event::Fault(Fault::Calls { fault, operation, share }, lasts))
    };
    rounds.map(fault).collect()
}

fn storm(random: &mut StdRng, ills: &[Ill], length: Duration) -> Vec<(Duration, Event)> {
    let mut events = Vec::new();
    let mut at = Duration::from_secs(10);
    while at < length {
        let copy = random.random_range(0..3);
        let fault = match random.random_range(0..4) {
            0 => Fault::Kill { copy, when: When::Writing, steps: random.random_range(1..=30) },
            1 if !ills.is_empty() => {
                let weather = ills[random.random_range(0..ills.len())];
                Fault::Brokers { weather, share: random.random_range(0.1..0.6) }
            }
            _ => Fault::Terminate { copy },
        };
        events.push((at, Event::Fault(fault, Duration::from_secs(random.random_range(1..=6)))));
        at += Duration::from_secs(random.random_range(2..=8));
    }
    events
}

/// What the schedules with one bug came to.
#[derive(Default, Debug)]
struct Hunt {
    schedules: u64,
    /// How often a site of the bug was passed.
    reached: u64,
    /// By judge: the first seed that violates it, and its first reason.
    caught: BTreeMap<&'static str, (u64, String)>,
}

impl Hunt {
    /// Runs schedules from seed 0 on, on all cores, until `enough` has been caught.
    fn of(bug: Bug, aim: Aim, most: u64, enough: impl Fn(&BTreeSet<&'static str>) -> bool + Sync) -> Self {
        let (next, done) = (AtomicU64::new(0), AtomicBool::new(false));
        let work = || {
            let mut hunt = Self::default();
            while !done.load(Ordering::Relaxed) {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= most {
                    break;
                }
                hunt.run(bug, &aim.schedule(seed));
                if enough(&hunt.caught.keys().copied().collect()) {
                    done.store(true, Ordering::Relaxed);
                }
            }
            hunt
        };
        on_all_cores(work).into_iter().fold(Self::default(), Self::and)
    }

    fn run(&mut self, bug: Bug, schedule: &Schedule) {
        let guard = planted::with(bug);
        let ran = run(schedule);
        self.reached += guard.reached();
        drop(guard);
        self.schedules += 1;
        for (judge, why) in ran.violated {
            self.caught.entry(judge).or_insert((schedule.seed, why));
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.schedules += other.schedules;
        self.reached += other.reached;
        for (judge, (seed, why)) in other.caught {
            let first = self.caught.entry(judge).or_insert((seed, why.clone()));
            if seed < first.0 {
                *first = (seed, why);
            }
        }
        self
    }
}

/// For a person: what catches each bug, and what the same schedules come to without it.
#[test]
#[ignore = "tells, and holds nothing"]
fn what_catches_each_bug() {
    let wanted = env::var("SIMULATION_BUG").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split(',').filter(|name| !name.is_empty()).collect();
    let most = crate::number("SIMULATION_SCHEDULES").unwrap_or(MOST);
    for case in CASES.iter().filter(|case| wanted.is_empty() || wanted.contains(&case.bug.name())) {
        let hunt = Hunt::of(case.bug, case.aim, most, |caught| !caught.is_empty());
        println!("{:<26} {:>4} schedules, reached {:>7}", case.bug.name(), hunt.schedules, hunt.reached);
        let mut seeds = BTreeSet::new();
        for (judge, (seed, why)) in &hunt.caught {
            println!("    {judge} (seed {seed}): {}", why.chars().take(240).collect::<String>());
            seeds.insert(*seed);
        }
        for seed in seeds {
            let Ran { violated, .. } = run(&case.aim.schedule(seed));
            violated.iter().for_each(|(judge, why)| {
                println!("    ! also without it (seed {seed}): {judge}: {}", why.chars().take(300).collect::<String>())
            });
        }
    }
}
