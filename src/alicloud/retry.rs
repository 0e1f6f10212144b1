//! When a failed call is tried again, and when it is given up. Nothing else in the crate repeats a call.
//!
//! Promises that no call is repeated beyond its reading's deadline, and that nothing loops: the clock is
//! corrected once per call, a reply that makes no sense is asked for a few times only. Randomness and time
//! are arguments.

use std::time::Duration;

use tokio::time::Instant;

use super::error::CallError;
use super::exchange::ExchangeError;

/// How often a reply that cannot be read is asked for before it counts as the service's answer.
const UNREADABLE_ATTEMPTS: u32 = 3;

/// Exponential back-off with full jitter.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The shortest wait.
    pub floor: Duration,
    /// The longest wait, unless the service asks for a longer one.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { floor: Duration::from_millis(100), cap: Duration::from_secs(20) }
    }
}

impl Backoff {
    /// The wait after the failed attempt number `attempt` (from 1): `jitter` (0 to 1) of the way from the floor to
    /// twice the floor, four times the floor, … at most the cap.
    #[must_use]
    pub fn wait(&self, attempt: u32, jitter: f64) -> Duration {
        let ceiling = self.floor.saturating_mul(1 << attempt.min(20)).min(self.cap).max(self.floor);
        self.floor + (ceiling - self.floor).mul_f64(jitter)
    }
}

/// Whether a failed attempt may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// The answer would be the same.
    Never,
    /// Another time may go well; the service asked for this pause at least.
    After(Duration),
    /// The reply made no sense; a few attempts decide whether that is an accident.
    AFewTimes,
    /// The service's clock is `offset_secs` ahead of ours: once, with that correction.
    WithClockOffset(i64),
}

/// An attempt that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: CallError,
    pub(super) again: Again,
}

/// The patience with one call.
pub(super) struct Patience {
    deadline: Instant,
    backoff: Backoff,
    attempt: u32,
    unreadable: u32,
    clock_corrected: bool,
    /// Why the attempt before failed.
    last: Option<CallError>,
}

impl Patience {
    pub(super) fn new(backoff: Backoff, deadline: Instant) -> Self {
        Self { deadline, backoff, attempt: 1, unreadable: 0, clock_corrected: false, last: None }
    }

    /// The number of the attempt under way, from 1.
    pub(super) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The wait before the next attempt, or the error with which the call ends.
    pub(super) fn after(&mut self, failed: Failed, now: Instant, jitter: f64) -> Result<Duration, CallError> {
        let Failed { error, again } = failed;
        let backoff = self.backoff.wait(self.attempt, jitter);
        let wait = match again {
            Again::Never => return Err(self.ending(error)),
            Again::After(pause) => pause + backoff,
            Again::AFewTimes => {
                self.unreadable += 1;
                if self.unreadable >= UNREADABLE_ATTEMPTS {
                    return Err(error);
                }
                backoff
            }
            Again::WithClockOffset(_) if self.clock_corrected => return Err(error),
            Again::WithClockOffset(_) => {
                self.clock_corrected = true;
                Duration::ZERO
            }
        };
        // Waiting for the deadline only to give up there would help nobody.
        if now + wait >= self.deadline {
            return Err(error);
        }
        self.attempt += 1;
        self.last = Some(error);
        Ok(wait)
    }

    /// That time ran out does not say why: the failure before does.
    fn ending(&mut self, error: CallError) -> CallError {
        let time_ran_out = matches!(
            error,
            CallError::OutOfTime { .. } | CallError::NoReply { source: ExchangeError::BudgetUsedUp, .. }
        );
        if time_ran_out { self.last.take().unwrap_or(error) } else { error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alicloud::ims;

    fn failed(again: Again) -> Failed {
        Failed { error: CallError::broken_reply(&ims::LIST_USERS, None, "is a test"), again }
    }

    fn patience(budget_ms: u64) -> (Patience, Instant) {
        let now = Instant::now();
        let backoff = Backoff { floor: Duration::from_millis(100), cap: Duration::from_secs(1) };
        (Patience::new(backoff, now + Duration::from_millis(budget_ms)), now)
    }

    #[test]
    fn waits_double_between_floor_and_cap() {
        let backoff = Backoff { floor: Duration::from_millis(100), cap: Duration::from_secs(1) };
        let longest: Vec<u128> = (1..=5).map(|n| backoff.wait(n, 1.0).as_millis()).collect();
        assert_eq!(longest, [200, 400, 800, 1000, 1000]);
        assert_eq!(backoff.wait(4, 0.0).as_millis(), 100);
        assert_eq!(backoff.wait(u32::MAX, 1.0).as_millis(), 1000);
    }

    #[test]
    fn the_pause_that_the_service_asks_for_comes_on_top() {
        let (mut patience, now) = patience(60_000);
        let wait = patience.after(failed(Again::After(Duration::from_secs(7))), now, 0.0).unwrap();
        assert_eq!(wait, Duration::from_millis(7100));
    }

    #[test]
    fn a_wait_beyond_the_deadline_is_not_begun() {
        let (mut patience, now) = patience(5_000);
        assert!(patience.after(failed(Again::After(Duration::from_secs(7))), now, 0.0).is_err());
        assert!(patience.after(failed(Again::After(Duration::ZERO)), now, 0.0).is_ok());
    }

    #[test]
    fn an_unreadable_reply_is_asked_for_three_times_and_the_clock_is_corrected_once() {
        let (mut patience, now) = patience(60_000);
        assert!(patience.after(failed(Again::AFewTimes), now, 0.5).is_ok());
        assert_eq!(patience.after(failed(Again::WithClockOffset(9)), now, 0.5).unwrap(), Duration::ZERO);
        assert!(patience.after(failed(Again::AFewTimes), now, 0.5).is_ok());
        assert_eq!(patience.attempt(), 4);
        assert!(patience.after(failed(Again::WithClockOffset(9)), now, 0.5).is_err());
        assert!(patience.after(failed(Again::AFewTimes), now, 0.5).is_err());
    }

    #[test]
    fn running_out_of_time_after_a_failure_ends_with_that_failure() {
        let operation = &ims::LIST_USERS;
        let before_its_turn = || CallError::OutOfTime { operation };
        let before_its_reply = || CallError::NoReply { operation, source: ExchangeError::BudgetUsedUp };
        for error in [before_its_turn(), before_its_reply()] {
            let (mut patience, now) = patience(60_000);
            patience.after(failed(Again::AFewTimes), now, 0.0).unwrap();
            let error = patience.after(Failed { error, again: Again::Never }, now, 0.0).unwrap_err();
            assert!(matches!(error, CallError::BrokenReply { .. }), "{error}");
        }
        let (mut patience, now) = patience(60_000);
        let first = Failed { error: before_its_turn(), again: Again::Never };
        assert!(matches!(patience.after(first, now, 0.0), Err(CallError::OutOfTime { .. })));
    }
}
