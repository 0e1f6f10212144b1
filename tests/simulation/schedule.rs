//! What a seed says: an account, one to three copies, a broker, and what happens when.

use std::time::Duration;

use rand::{Rng, SeedableRng as _, rngs::StdRng};

use crate::asks::{self, Ask};
use crate::faults::{self, Fault, Harm};
use crate::life::{Deed, Names};
use crate::world::CONTROL_PARTITIONS;

/// So many syncs are committed before all faults end.
pub(crate) const LEAST_SYNCS: u32 = 20;

/// Longer than the resolution of the account's dates.
pub(crate) const APART: Duration = Duration::from_millis(1_100);

const HARMS: [Harm; 5] = [Harm::Deleted, Harm::Recreated, Harm::Truncated, Harm::RolledBack, Harm::RecordLost];

/// One schedule. The same seed is always the same one.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) names: Names,
    pub(crate) copies: usize,
    pub(crate) broker: Broker,
    pub(crate) interval: Duration,
    pub(crate) confirm_delay: Duration,
    pub(crate) detail_interval: Duration,
    pub(crate) takeover_after: Option<Duration>,
    /// The account's clock against the right time, in seconds.
    pub(crate) service_clock: i64,
    /// In the order of their time.
    pub(crate) events: Vec<(Duration, Event)>,
    /// Behind this nothing is begun any more.
    pub(crate) length: Duration,
    /// So many syncs are committed before it ends.
    pub(crate) least_syncs: u32,
    /// The first copy's first life ends at this step, its second one at the next, and so on.
    pub(crate) kills: Vec<u64>,
}

/// What the brokers know of KIP-890.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broker {
    Old,
    Verifying,
    EpochPerTransaction,
}

/// What happens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// People do something to the account.
    Deed(Deed),
    /// A copy is started; the first one always at once.
    Start { copy: usize },
    /// Somebody asks for something.
    Ask(Ask),
    /// Something goes wrong for so long.
    Fault(Fault, Duration),
}

impl Schedule {
    /// The schedule of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let random = &mut StdRng::seed_from_u64(seed);
        let names = Names::draw(random);
        let copies = [1, 1, 1, 2, 2, 3][random.random_range(0..6)];
        let interval = Duration::from_secs(random.random_range(40..=90));
        let mut events = Vec::new();
        for copy in 0..copies {
            let at = if copy == 0 { Duration::ZERO } else { within(random, interval * 8) };
            events.push((at, Event::Start { copy }));
        }
        let mut length = interval * LEAST_SYNCS;
        for _ in 0..random.random_range(3..=10) {
            let at = within(random, interval * LEAST_SYNCS);
            let fault = faults::draw(random, copies);
            let lasts = fault.draw_duration(random, interval);
            length = length.max(at + lasts);
            events.push((at, Event::Fault(fault, lasts)));
        }
        for _ in 0..random.random_range(10..=60) {
            events.push((within(random, length), Event::Deed(Deed::draw(random, names))));
        }
        if random.random_ratio(1, 6) {
            let all = if random.random_bool(0.5) { Deed::DeleteAllUsers } else { Deed::EmptyAllGroups };
            events.push((within(random, length), Event::Deed(all)));
        }
        let asks = asks::draw(seed, length, CONTROL_PARTITIONS);
        events.extend(asks.into_iter().map(|(at, ask)| (at, Event::Ask(ask))));
        if random.random_ratio(1, 30) {
            let harm = HARMS[random.random_range(0..HARMS.len())];
            let at = within(random, length / 2) + length / 4;
            events.retain(|(earlier, _)| *earlier < at);
            events.push((at, Event::Fault(Fault::Harm(harm), Duration::ZERO)));
            length = at;
        }
        events.sort_by_key(|(at, _)| *at);
        keep_apart(&mut events);
        let service_clock = if random.random_ratio(1, 6) { faults::draw_clock(random) } else { 0 };
        Self {
            seed,
            names,
            copies,
            broker: [Broker::Old, Broker::Verifying, Broker::EpochPerTransaction][random.random_range(0..3)],
            interval,
            confirm_delay: Duration::from_secs(random.random_range(3..=12)),
            detail_interval: interval * random.random_range(2..=12),
            takeover_after: random.random_bool(0.3).then(|| interval * 4),
            service_clock,
            events,
            length,
            least_syncs: LEAST_SYNCS,
            kills: Vec::new(),
        }
    }
}

/// The account dates changes in whole seconds: of two within one second, between which something is read, nothing betrays
/// the second until the next sync. (`docs/reliability.md` says so among the limits.)
fn keep_apart(events: &mut [(Duration, Event)]) {
    let mut free = APART;
    for (at, _) in events.iter_mut().filter(|(_, event)| matches!(event, Event::Deed(_))) {
        *at = (*at).max(free);
        free = *at + APART;
    }
    events.sort_by_key(|(at, _)| *at);
}

fn within(random: &mut StdRng, time: Duration) -> Duration {
    time.mul_f64(random.random())
}
