//! One schedule from its beginning to its judgement.

use std::{
    collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    sync::LazyLock,
    time::Duration,
};

use ramstream::{
    kafka::model::{self, Isolation},
    model::Kind,
    state::State,
    sync::{Phase, Schemas},
    verify::{self, KnownSchemas, Question, RawRecord, Report},
};
use rand::{SeedableRng as _, rngs::StdRng};
use tokio::{
    runtime::Builder,
    task::LocalSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    claims,
    copy::Copy,
    faults::{Fault, Harm, Ill},
    life::Deed,
    schedule::{APART, Event, Schedule},
    syncs,
    trace::Trace,
    world::{PREFIX, World},
};

/// A quiet account with everything in reach has two complete syncs within so many intervals. Back-off and
/// take-over are counted in minutes, so there is an hour for them.
const PATIENCE_INTERVALS: u32 = 40;
const PATIENCE: Duration = Duration::from_secs(3600);

/// Longer than an attempt whose transaction is timed out.
const UNDER_WAY: Duration = Duration::from_secs(180);

/// So often the account may change hands once nothing goes wrong any more: each copy may have to claim, and to find out
/// that it was superseded. More is an endless quarrel.
const CHANGES_OF_OWNER: usize = 10;

/// What came of a schedule.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// How often each fault took effect.
    pub(crate) fired: BTreeMap<&'static str, u64>,
    /// Committed syncs.
    pub(crate) syncs: u64,
    /// Published events.
    pub(crate) events: u64,
    /// Things held against each invariant.
    pub(crate) checked: BTreeMap<&'static str, u64>,
    /// Things not held against each, for the account lied.
    pub(crate) excused: BTreeMap<&'static str, u64>,
    /// What was violated, with its first reason.
    pub(crate) violated: BTreeMap<&'static str, String>,
    /// Of all that was published.
    pub(crate) digest: u64,
}

impl Ran {
    fn violates(&mut self, invariant: &'static str, why: impl Into<String>) {
        self.violated.entry(invariant).or_insert_with(|| why.into());
    }

    fn check(&mut self, invariant: &'static str, holds: bool, why: impl FnOnce() -> String) {
        *self.checked.entry(invariant).or_default() += 1;
        if !holds {
            self.violates(invariant, why());
        }
    }

    fn take(&mut self, report: &Report) {
        for verdict in &report.verdicts {
            *self.checked.entry(verdict.invariant).or_default() += verdict.checked;
            *self.excused.entry(verdict.invariant).or_default() += verdict.excused;
            if let Some(violation) = verdict.violations.first() {
                self.violates(verdict.invariant, violation.to_string());
            }
        }
    }
}

/// Runs a schedule in virtual time, on this thread.
pub(crate) fn run(schedule: &Schedule) -> Ran {
    told(schedule, None)
}

/// The same, with its story in a trace.
pub(crate) fn told(schedule: &Schedule, trace: Option<Trace>) -> Ran {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    LocalSet::new().block_on(&runtime.expect("a runtime needs nothing"), live(schedule, trace))
}

async fn live(schedule: &Schedule, trace: Option<Trace>) -> Ran {
    let mut ran = Ran::default();
    let mut world = World::new(schedule);
    populate(&mut world, schedule);
    sleep(APART).await;
    play(&mut world, schedule).await;
    world.heal();
    if schedule.has_harm() {
        fail_closed(&mut world, schedule, &mut ran).await;
    } else {
        come_to_rest(&mut world, schedule, &mut ran).await;
        if !schedule.has_stale_replies() {
            let refusals = world.refusals();
            ran.check("refused", refusals.is_empty(), || format!("a sound state was refused: {refusals:?}"));
        }
        world.terminate_all().await;
        judge(&world, schedule, &mut ran);
        judge_claims(&world, schedule, &mut ran);
    }
    ran.digest = digest(&world);
    ran.fired = world.fired();
    if let Some(trace) = trace {
        trace.end(&world);
    }
    ran
}

/// About half of what there can be is there at the beginning.
fn populate(world: &mut World<'_>, schedule: &Schedule) {
    let random = &mut StdRng::seed_from_u64(!schedule.seed);
    for _ in 0..60 {
        world.happens(Deed::draw(random, schedule.names));
    }
}

/// Lets everything happen at its time.
async fn play(world: &mut World<'_>, schedule: &Schedule) {
    let began = Instant::now();
    let mut ends: BTreeSet<(Duration, usize)> = BTreeSet::new();
    for (number, (at, event)) in schedule.events.iter().enumerate() {
        end_until(world, began, &mut ends, *at).await;
        sleep_until(began + *at).await;
        match *event {
            Event::Deed(deed) => world.happens(deed),
            Event::Ask(ask) => world.is_asked(ask),
            Event::Start { copy } => world.start(copy),
            Event::Fault(fault, lasts) => {
                world.begin(number, fault);
                ends.insert((at.saturating_add(lasts), number));
            }
        }
    }
    end_until(world, began, &mut ends, schedule.length).await;
}

async fn end_until(world: &mut World<'_>, began: Instant, ends: &mut BTreeSet<(Duration, usize)>, until: Duration) {
    while let Some((at, number)) = ends.first().copied().filter(|(at, _)| *at <= until) {
        sleep_until(began + at).await;
        world.end(number);
        ends.pop_first();
    }
}

/// Nothing goes wrong any more and nobody changes anything: two complete syncs come, one copy runs, the
/// others park.
async fn come_to_rest(world: &mut World<'_>, schedule: &Schedule, ran: &mut Ran) {
    world.start_all();
    let syncs = syncs::Reader::new(&world.topics.syncs());
    let before = syncs.read(&world.cluster).len();
    let changes = |world: &World<'_>| {
        claims::changes_of_owner(&world.cluster.records(&world.topics.state(), Isolation::Uncommitted))
    };
    let changes_before = changes(world);
    let deadline = Instant::now() + schedule.interval * PATIENCE_INTERVALS + PATIENCE;
    loop {
        sleep(schedule.interval).await;
        // One that was told to stop before may only have ended now.
        world.start_all();
        let done = syncs.read(&world.cluster);
        ran.syncs = done.len() as u64;
        // The first one may have begun while something still went wrong.
        let quiet = &done[(before + 1).min(done.len())..];
        let rests = quiet.len() >= 2 && quiet.iter().rev().take(2).all(syncs::Sync::is_complete);
        let phases: Vec<Phase> = world.copies().map(|copy| copy.phase()).collect();
        let is_one = has_one_owner(&phases);
        let unanswered = world.unanswered();
        if rests && is_one && unanswered.is_none() && done.len() >= schedule.least_syncs as usize {
            let changes = changes(world) - changes_before;
            let is_peace = changes <= CHANGES_OF_OWNER;
            ran.check("liveness", is_peace, || format!("the account changed hands {changes} times in peace"));
            break;
        }
        if Instant::now() >= deadline {
            let told = format!("copies: {phases:?}; last: {:?}", done.last());
            ran.check("liveness", rests, || format!("no two complete syncs; {told}"));
            ran.check("one-writer", is_one, || told);
            ran.check("answered", unanswered.is_none(), || unanswered.unwrap_or_default());
            return;
        }
    }
    ran.check("one-writer", true, String::new);
    ran.check("answered", true, String::new);
    hand_over(world, schedule, ran).await;
}

/// One copy runs, and all others park.
fn has_one_owner(phases: &[Phase]) -> bool {
    let running = phases.iter().filter(|phase| phase.owns()).count();
    let parked = phases.iter().filter(|phase| matches!(phase, Phase::Parked { .. })).count();
    running == 1 && running + parked == phases.len()
}

/// The owner lets go, and one of those that wait goes on.
async fn hand_over(world: &mut World<'_>, schedule: &Schedule, ran: &mut Ran) {
    let is_running = |copy: &&Copy| copy.phase().owns();
    let Some(owner) = world.copies().find(is_running).filter(|_| world.copies().count() > 1) else { return };
    owner.terminate();
    let goes_on = || world.copies().any(|copy| is_running(&copy) && !copy.has_ended());
    let deadline = Instant::now() + schedule.interval + PATIENCE;
    while (!owner.has_ended() || !goes_on()) && Instant::now() < deadline {
        sleep(Duration::from_secs(1)).await;
    }
    let goes_on = goes_on();
    ran.check("liveness", goes_on, || "the owner let go, and nobody went on".to_owned());
}

/// Every committed record of every topic but the state's, which is harmed.
type Published = BTreeMap<String, Vec<model::Record>>;

fn published(world: &World<'_>) -> Published {
    let state = world.topics.state().to_string();
    let others = names(world).into_iter().filter(|name| *name != state);
    others.map(|name| (name.clone(), world.cluster.records(&name, Isolation::Committed))).collect()
}

/// What is published in the next intervals, if anything ever was, is published on a harmed state.
async fn stays_unpublished(world: &World<'_>, schedule: &Schedule, ran: &mut Ran) {
    let before = published(world);
    sleep(schedule.interval * 6).await;
    let after = published(world);
    let was_published = before.values().any(|records| !records.is_empty());
    ran.check("fails-closed", !was_published || after == before, || {
        let more = |(name, records): (&String, &Vec<_>)| format!("{} in {name}", records.len() - before[name].len());
        let grown = after.iter().filter(|(name, records)| records.len() > before[*name].len());
        format!("published on a harmed state: {:?}", grown.map(more).collect::<Vec<_>>())
    });
}

/// The state is lost, and nobody takes the account for a new one.
async fn fail_closed(world: &mut World<'_>, schedule: &Schedule, ran: &mut Ran) {
    let was_cut = [Harm::Truncated, Harm::RolledBack].into_iter().any(|harm| world.was_harmed(harm));
    if was_cut {
        // Whoever runs finds out before it publishes again; what was under way is given time to end.
        sleep(UNDER_WAY).await;
    }
    // What was under way may stand behind what is left. Then nothing need be missing: whoever goes on has verified that.
    let state = world.cluster.records(&world.topics.state(), Isolation::Committed);
    let may_be_whole = schedule.has(Harm::RolledBack) && claims::has_gap(&state) && is_whole(world, &state);
    if was_cut && !may_be_whole {
        stays_unpublished(world, schedule, ran).await;
    }
    world.terminate_all().await;
    // What was committed before may become visible behind the end of its process only.
    sleep(UNDER_WAY).await;
    if schedule.has(Harm::RecordLost) {
        world.lose_a_record();
    }
    ran.syncs = syncs::Reader::new(&world.topics.syncs()).read(&world.cluster).len() as u64;
    judge(world, schedule, ran);
    let was_spared = |harm| schedule.has(harm) && !world.was_harmed(harm);
    if may_be_whole || [Harm::RolledBack, Harm::RecordLost].into_iter().any(was_spared) {
        return;
    }
    world.start_all();
    stays_unpublished(world, schedule, ran).await;
    let claims = world.cluster.records(&world.topics.state(), Isolation::Committed).len();
    let phases: Vec<Phase> = world.copies().map(|copy| copy.phase()).collect();
    ran.check("fails-closed", !phases.iter().any(Phase::owns) || ran.syncs == 0, || {
        format!("{phases:?} with {claims} records of state")
    });
    world.terminate_all().await;
}

/// Whether the state holds what its progress says.
fn is_whole(world: &World<'_>, records: &[model::Record]) -> bool {
    let mut state = State::new(&world.account.account_id);
    let is_claim = |record: &&model::Record| record.key.ends_with(b"/~claim");
    let is_taken = |record: &model::Record| state.apply(&record.key, record.value.as_deref()).is_ok();
    records.iter().filter(|record| !is_claim(record)).all(is_taken) && state.verify().is_ok()
}

/// Everything that was published, by the checker; without the state where that is harmed.
fn judge(world: &World<'_>, schedule: &Schedule, ran: &mut Ran) {
    static SCHEMAS: LazyLock<KnownSchemas> =
        LazyLock::new(|| KnownSchemas::new(Schemas::fixed_texts()).expect("the schemas are schemas"));
    let truth = world.account.truth_lines();
    // Without isolation the same must come out; the aborted records make it dearer, so not every time.
    let isolations = [verify::Isolation::ReadCommitted, verify::Isolation::ReadUncommitted];
    let judged = if schedule.seed.is_multiple_of(4) { &isolations[..] } else { &isolations[..1] };
    for isolation in judged {
        let question = Question {
            topic_prefix: PREFIX.to_owned(),
            account_id: world.account.account_id.clone(),
            isolation: *isolation,
            from_sequence: None,
        };
        let mut topics = topics(world, *isolation);
        if schedule.has_harm() {
            topics.retain(|(name, _)| *name != *world.topics.state());
        }
        let report = verify::judge_records(&question, &SCHEMAS, &topics, Some(&truth));
        match report {
            Ok(report) => {
                ran.events = report.events as u64;
                ran.take(&report);
            }
            Err(error) => ran.violates("readable", format!("nothing can be judged: {error}")),
        }
    }
}

fn judge_claims(world: &World<'_>, schedule: &Schedule, ran: &mut Ran) {
    if schedule.takeover_after.is_none() {
        let returned = claims::first_return(&world.cluster.records(&world.topics.state(), Isolation::Committed));
        ran.check("claims", returned.is_none(), || returned.unwrap_or_default());
    }
}

fn topics(world: &World<'_>, isolation: verify::Isolation) -> Vec<(String, Vec<RawRecord>)> {
    let visible = match isolation {
        verify::Isolation::ReadCommitted => Isolation::Committed,
        verify::Isolation::ReadUncommitted => Isolation::Uncommitted,
    };
    let names = names(world).into_iter();
    names.map(|name| (name.clone(), world.cluster.records(&name, visible).into_iter().map(raw).collect())).collect()
}

fn names(world: &World<'_>) -> Vec<String> {
    let kinds = Kind::ALL.iter().map(|kind| world.topics.of(*kind));
    let snapshots = Kind::ALL.iter().map(|kind| world.topics.snapshot_of(*kind));
    kinds.chain(snapshots).chain([world.topics.syncs(), world.topics.state()]).map(|name| name.to_string()).collect()
}

fn raw(record: model::Record) -> RawRecord {
    let headers = record.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
    let model::Record { partition, offset, key, value, .. } = record;
    RawRecord { partition, offset, key, value, headers }
}

/// Of every record, whatever became of it.
fn digest(world: &World<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for name in names(world) {
        for record in world.cluster.records(&name, Isolation::Uncommitted) {
            (record.partition, record.offset, &record.key, &record.value, &record.headers).hash(&mut hasher);
        }
    }
    hasher.finish()
}

impl Schedule {
    fn has(&self, harm: Harm) -> bool {
        self.events.iter().any(|(_, event)| matches!(event, Event::Fault(Fault::Harm(done), _) if *done == harm))
    }

    /// Whether brokers tell what was true once: then a copy may refuse what it sees, and look again.
    fn has_stale_replies(&self) -> bool {
        let is_stale = |ill: Ill| matches!(ill, Ill::StaleWatermark | Ill::StaleFetch);
        let events = self.events.iter().map(|(_, event)| *event);
        events.into_iter().any(|event| {
            let Event::Fault(Fault::Brokers { weather, .. } | Fault::BrokersOfOne { weather, .. }, _) = event else {
                return false;
            };
            is_stale(weather)
        })
    }

    fn has_harm(&self) -> bool {
        self.events.iter().any(|(_, event)| matches!(event, Event::Fault(Fault::Harm(_), _)))
    }
}
