//! `[sync]`: when the account is read, and how long that may take.

use std::time::Duration;

use super::parse::{self, DAY, HOUR, MINUTE, SECOND};
use super::reader::Reader;

/// The rhythm of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sync {
    /// `sync.interval`: from the beginning of one sync to that of the next; `None` = only on request.
    pub interval: Option<Duration>,
    /// Each beginning is put off by a random time up to this, so that many daemons spread out: `sync.jitter`, a share
    /// of the interval, as a time.
    pub jitter: Duration,
    /// `sync.detail_interval`: details that are not due for another reason are read again after this.
    pub detail_interval: Duration,
    /// `sync.time_budget`: for all calls of one reading, retries included; confirming has as much again for its
    /// listings, and for what it asks one by one.
    pub time_budget: Duration,
    /// `sync.confirm_delay`: what seems to be removed is looked for again, this long after the first look.
    pub confirm_delay: Duration,
    /// `sync.takeover_after`: a parked copy takes over when the owner has committed nothing for this long; `None` = never.
    pub takeover_after: Option<Duration>,
    /// `sync.shutdown_deadline`: on a signal, the time to finish or give up what is under way.
    pub shutdown_deadline: Duration,
}

impl Sync {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let interval = r.value("sync.interval", "5m", parse::or_word("disabled", parse::duration(SECOND..=30 * DAY)));
        let jitter = r.value("sync.jitter", "0.05", parse::fraction(0.0..=0.5));
        let sync = Self {
            interval,
            jitter: interval.map_or(Duration::ZERO, |interval| interval.mul_f64(jitter)),
            detail_interval: r.value("sync.detail_interval", "1h", parse::duration(SECOND..=30 * DAY)),
            time_budget: r.value("sync.time_budget", "4m", parse::duration(SECOND..=DAY)),
            confirm_delay: r.value("sync.confirm_delay", "30s", parse::duration(SECOND..=HOUR)),
            takeover_after: r.value(
                "sync.takeover_after",
                "off",
                parse::or_word("off", parse::duration(MINUTE..=30 * DAY)),
            ),
            shutdown_deadline: r.value("sync.shutdown_deadline", "25s", parse::duration(SECOND..=HOUR)),
        };
        sync.check(r);
        sync
    }

    fn check(&self, r: &mut Reader<'_>) {
        if self.confirm_delay >= self.time_budget {
            let reason = "is not shorter than sync.time_budget: no removal could ever be confirmed";
            r.fault("sync.confirm_delay", reason, "shorten it, or lengthen sync.time_budget");
        }
        if let (Some(interval), Some(after)) = (self.interval, self.takeover_after)
            && after <= interval
        {
            let reason = "is not longer than sync.interval: a healthy owner would be taken over between two syncs";
            r.fault("sync.takeover_after", reason, "make it several intervals long");
        }
    }
}
