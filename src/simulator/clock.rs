//! The simulated service's clock: the machine's, moved by an offset.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::ambient;

/// The clock by which the account dates its entities and its replies.
#[derive(Debug, Default)]
pub(super) struct Clock {
    offset_ms: AtomicI64,
    judges_by_machine_time: AtomicBool,
}

impl Clock {
    /// The account's time.
    #[must_use]
    pub(super) fn now(&self) -> Timestamp {
        let offset = SignedDuration::from_millis(self.offset_ms.load(Ordering::Relaxed));
        let now = ambient::now_elsewhere();
        now.checked_add(offset).unwrap_or(now)
    }

    /// The time by which requests are judged to be fresh.
    #[must_use]
    pub(super) fn judging(&self) -> Timestamp {
        if self.judges_by_machine_time.load(Ordering::Relaxed) { ambient::now_elsewhere() } else { self.now() }
    }

    /// Moves the clock to `offset_ms` ahead of the machine's.
    ///
    /// With `judge_by_machine_time` the freshness of requests is still judged by the machine's clock, so that clients
    /// with a right clock work in an account whose time is virtual.
    pub(super) fn set(&self, offset_ms: i64, judge_by_machine_time: bool) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
        self.judges_by_machine_time.store(judge_by_machine_time, Ordering::Relaxed);
    }
}

/// `time` cut to whole seconds: the services have no finer dates.
#[must_use]
pub(super) fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
