//! Reading an account at 20 ms latency with no detail due: how long it takes, and how many calls.
//!
//! The daemon and the simulated account are processes of their own, with the daemon's default settings. The time is the
//! daemon's own for a whole sync: from before the first call until the transaction is committed.

use crate::{
    account::Size,
    measure::median,
    services::{Daemon, Simulator, number, unique},
    table::{Figure, Goal},
};

const ROUNDS: usize = 7;
const LATENCY_MS: u32 = 20;

pub(crate) fn measure(kafka: &str, registry: &str) -> anyhow::Result<[Figure; 2]> {
    let simulator = Simulator::start(&Size::USUAL, LATENCY_MS, "100")?;
    let mut daemon =
        Daemon::start(&simulator, kafka, registry, &unique("bench"), &[("RAMSTREAM_SYNC__INTERVAL", "2s")])?;
    // The first sync is the baseline: it reads every detail.
    daemon.next_sync()?;
    let (mut times_ms, mut calls) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let said = daemon.next_sync()?;
        anyhow::ensure!(said["message"] == "nothing changed" && said["outcome"] == "complete", "{said}");
        times_ms.push(number(&said, "elapsed_ms")?);
        calls.push(number(&said, "calls")?);
    }
    let (time_ms, calls) = (median(times_ms.clone()), median(calls));
    let name = ["one sync of 4,237 entities at 20 ms latency, no detail due", "calls of that sync"];
    #[expect(clippy::cast_precision_loss, reason = "milliseconds and calls are small")]
    Ok([
        Figure {
            name: name[0],
            measured: time_ms as f64 / 1_000.0,
            unit: " s",
            goal: Goal::AtMost(1.0),
            detail: format!(
                "{} to {} ms in {ROUNDS} rounds, from the first call to the commit",
                times_ms.iter().min().unwrap_or(&0),
                times_ms.iter().max().unwrap_or(&0),
            ),
        },
        Figure {
            name: name[1],
            measured: calls as f64,
            unit: " calls",
            goal: Goal::AtMost(100.0),
            detail: "users, groups and roles twice; 50 groups' members; attachments, policies, alias, counts"
                .to_owned(),
        },
    ])
}
