//! The first reading of as many users as an account can have, each asked for keys, login profile and second factor: how
//! long it takes at 20 ms latency and the services' quotas, against the time that the quotas alone take.
//!
//! The daemon and the simulated account are processes of their own. The daemon may use the whole quota, for what is
//! measured is how close it comes to its share, whatever the share is; and it has the time for it in one sync.

use ramstream::alicloud::sign_in::{GET_LOGIN_PROFILE, GET_USER_MFA_INFO, LIST_ACCESS_KEYS};

use crate::{
    account::Size,
    services::{Daemon, Simulator, number, unique},
    table::{Figure, Goal},
};

const LATENCY_MS: u32 = 20;
const SETTINGS: &[(&str, &str)] = &[
    ("RAMSTREAM_ALICLOUD__RATE_SHARE", "1"),
    ("RAMSTREAM_SYNC__INTERVAL", "1h"),
    ("RAMSTREAM_SYNC__TIME_BUDGET", "10m"),
];
/// Three for each user, and those that read everything else.
const MOST_CALLS: f64 = 15_700.0;

pub(crate) fn measure(kafka: &str, registry: &str) -> anyhow::Result<[Figure; 2]> {
    let size = &Size::MOST_USERS;
    let simulator = Simulator::start(size, LATENCY_MS, "100")?;
    let mut daemon = Daemon::start(&simulator, kafka, registry, &unique("bench"), SETTINGS)?;
    let said = daemon.next_sync()?;
    let peak = daemon.peak_memory_bytes()?;
    anyhow::ensure!(said["outcome"] == "complete", "{said}");
    let (elapsed_ms, calls) = (number(&said, "elapsed_ms")?, number(&said, "calls")?);
    let quotas =
        [&LIST_ACCESS_KEYS, &GET_LOGIN_PROFILE, &GET_USER_MFA_INFO].map(|operation| operation.quota.per_second());
    let slowest = quotas.into_iter().min().unwrap_or(1);
    #[expect(clippy::cast_precision_loss, reason = "users, milliseconds and calls are small")]
    let (seconds, bound, calls) = (elapsed_ms as f64 / 1_000.0, size.users as f64 / f64::from(slowest), calls as f64);
    let time = Figure {
        name: "first sync of 5,000 users with two keys, login profile and MFA each, against what the quotas take",
        measured: seconds / bound,
        unit: " x",
        goal: Goal::AtMost(1.2),
        detail: format!(
            "{seconds:.1} s against {bound:.1} s ({slowest} calls a second), {LATENCY_MS} ms latency, {} MB at most, one round",
            peak / 1_000_000
        ),
    };
    let calls = Figure {
        name: "calls of that sync",
        measured: calls,
        unit: " calls",
        goal: Goal::AtMost(MOST_CALLS),
        detail: format!("three for each of {} users, and everything else", size.users),
    };
    Ok([time, calls])
}
