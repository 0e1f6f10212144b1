//! How long to wait before a new attempt. Pure: the random number comes in as an argument.
//!
//! Any failure is the same failure, so there is one back-off. It must be longer than another copy's
//! claim takes, or two copies fence each other for ever.

use std::time::Duration;

/// A fresh producer, `init_transactions`, a read and a transaction with one record took 0.07–0.53 s on
/// Apache Kafka 4.3 (librdkafka asks again for a producer id on a 500 ms timer); this is four times that.
const LONGER_THAN_A_CLAIM: Duration = Duration::from_secs(2);
/// Beyond this a longer wait only delays recovery.
const CEILING: Duration = Duration::from_secs(60);

/// The growing wait between failed attempts.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure: between `floor` and twice `floor`, where the floor is 2 s and
    /// doubles with every failure in a row up to one minute. `random` is in `0.0..1.0`.
    pub fn after_failure(&mut self, random: f64) -> Duration {
        let floor = LONGER_THAN_A_CLAIM.saturating_mul(1 << self.failures.min(5)).min(CEILING);
        self.failures = self.failures.saturating_add(1);
        floor + floor.mul_f64(random.clamp(0.0, 1.0))
    }

    /// An attempt went through: the next failure is a first one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row so far.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_and_stays_below_two_minutes() {
        let mut backoff = Backoff::default();
        let floors: Vec<u64> = (0..8).map(|_| backoff.after_failure(0.0).as_secs()).collect();
        assert_eq!(floors, [2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(backoff.after_failure(1.0).as_secs(), 120);
    }

    #[test]
    fn two_copies_that_failed_together_do_not_wait_the_same_time() {
        let (mut one, mut other) = (Backoff::default(), Backoff::default());
        assert_eq!(one.after_failure(0.25), Duration::from_millis(2500));
        assert_eq!(other.after_failure(0.75), Duration::from_millis(3500));
    }

    #[test]
    fn success_starts_over() {
        let mut backoff = Backoff::default();
        backoff.after_failure(0.0);
        backoff.reset();
        assert_eq!(backoff.after_failure(0.0).as_secs(), 2);
        assert_eq!(backoff.failures(), 1);
    }
}
