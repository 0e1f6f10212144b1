//! The most memory that the daemon ever holds while the largest account goes through it, against the bytes of the state
//! that it published: the baseline, and in another figure also a change and a replay. The daemon is the real program in a
//! process of its own.

use ramstream::sync::Topics;

use crate::{
    account::Size,
    recovery::read_plainly,
    services::{Daemon, Simulator, number, unique},
    table::{Figure, Goal},
};

/// The pace of the simulated service is none of this figure's business.
const IN_A_HURRY: &[(&str, &str)] = &[
    ("RAMSTREAM_ALICLOUD__RATE_SHARE", "1"),
    ("RAMSTREAM_SYNC__INTERVAL", "30s"),
    ("RAMSTREAM_SYNC__CONFIRM_DELAY", "1s"),
    ("RAMSTREAM_SYNC__TIME_BUDGET", "10m"),
    ("RAMSTREAM_KAFKA__TRANSACTION_TIMEOUT", "5m"),
];

/// What every made-up account has beside its size: the password policy, the security preferences, two identity providers.
const SETTINGS: usize = 4;

pub(crate) fn measure(kafka: &str, registry: &str) -> anyhow::Result<[Figure; 2]> {
    let simulator = Simulator::start(&Size::LARGEST, 0, "off")?;
    let prefix = unique("bench");
    let mut daemon = Daemon::start(&simulator, kafka, registry, &prefix, IN_A_HURRY)?;
    let said = daemon.next_sync()?;
    let of_the_baseline = daemon.peak_memory_bytes()?;
    let observed = number(&said, "observed")?;
    anyhow::ensure!(
        observed == (Size::LARGEST.entities() + SETTINGS) as u64 && said["outcome"] == "complete",
        "{said}"
    );
    simulator.change()?;
    let mut later = daemon.next_sync()?;
    if number(&later, "updated")? == 0 {
        // It had begun before the change.
        later = daemon.next_sync()?;
    }
    let told = ["observed", "created", "updated", "removed"].map(|field| number(&later, field).ok());
    anyhow::ensure!(told == [0, 0, 1, 0].map(Some) && later["outcome"] == "complete", "{later}");
    daemon.replay()?;
    let of_all = daemon.peak_memory_bytes()?;

    let state = read_plainly(kafka, &Topics::new(&prefix, simulator.account_id()).state())?.entity_bytes;
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 bytes")]
    let figure = |name, peak: u64| Figure {
        name,
        measured: peak as f64 / state as f64,
        unit: " x",
        goal: Goal::AtMost(3.0),
        detail: format!("{} MB against {} MB, one round", peak / 1_000_000, state / 1_000_000),
    };
    Ok([
        figure("peak memory of the daemon's baseline of 270,000 entities, against its state's values", of_the_baseline),
        figure("the same after a change and a replay", of_all),
    ])
}
