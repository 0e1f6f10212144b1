//! The pace of calls: a token bucket per operation, and for ECS per region, too.
//!
//! Quotas are per operation (those of ECS are counted in each region by itself) and shared with everything else in the account (consoles, Terraform, scanners), so
//! each bucket fills at a configured share of the operation's quota and holds about one second's worth. Knows
//! neither retries nor the time budget beyond "not later than".

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::endpoints::Service;
use super::operation::Operation;

/// All buckets of one account.
pub(super) struct Limiter {
    /// The part of a quota that is used, above 0, at most 1.
    rate_share: f64,
    /// When each operation's bucket will be full again; an absent one is full.
    full_at: Mutex<HashMap<Bucket, Instant>>,
}

/// What has a quota of its own: an operation, in a region if its service counts by region.
type Bucket = (Service, &'static str, Option<Box<str>>);

fn bucket(operation: &Operation, region: Option<&str>) -> Bucket {
    (operation.service, operation.name, region.map(Into::into))
}

/// The turn would come after the deadline.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLate;

impl Limiter {
    pub(super) fn new(rate_share: f64) -> Self {
        Self { rate_share, full_at: Mutex::new(HashMap::new()) }
    }

    /// Takes a token and waits until it is due. Turns are given in the order of the calls.
    pub(super) async fn acquire(
        &self,
        operation: &Operation,
        region: Option<&str>,
        deadline: Instant,
    ) -> Result<(), TooLate> {
        let due = self.reserve(operation, region, Instant::now(), deadline)?;
        sleep_until(due).await;
        Ok(())
    }

    /// Lets nobody call `operation` (in `region`) for `pause`: the service asked for it.
    pub(super) fn hold(&self, operation: &Operation, region: Option<&str>, pause: Duration) {
        let (token, burst) = self.pace(operation);
        // The bucket is empty until `pause` is over, then one token is there.
        let full_at = Instant::now() + pause + burst - token;
        let mut all = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let held = all.entry(bucket(operation, region)).or_insert(full_at);
        *held = full_at.max(*held);
    }

    fn reserve(
        &self,
        operation: &Operation,
        region: Option<&str>,
        now: Instant,
        deadline: Instant,
    ) -> Result<Instant, TooLate> {
        let (token, burst) = self.pace(operation);
        let mut all = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = all.entry(bucket(operation, region)).or_insert(now);
        let then_full_at = (*full_at).max(now) + token;
        let due = then_full_at.checked_sub(burst).map_or(now, |due| due.max(now));
        if due > deadline {
            return Err(TooLate);
        }
        *full_at = then_full_at;
        Ok(due)
    }

    /// The time in which one token comes, and the time in which an empty bucket fills.
    fn pace(&self, operation: &Operation) -> (Duration, Duration) {
        let token = Duration::from_secs_f64(1.0 / (f64::from(operation.quota.per_second()) * self.rate_share));
        (token, token.max(Duration::from_secs(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alicloud::operation::Quota;

    /// Ten tokens per second at a share of 0.1.
    const CALM: Operation =
        Operation { service: Service::Ram, name: "Calm", ram_action: None, quota: Quota::Documented(100) };
    const OTHER: Operation =
        Operation { service: Service::Ram, name: "Other", ram_action: None, quota: Quota::Assumed(100) };

    fn in_a_minute() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    async fn time_of(limiter: &Limiter, calls: u32) -> Duration {
        let begun = Instant::now();
        for _ in 0..calls {
            limiter.acquire(&CALM, None, in_a_minute()).await.unwrap();
        }
        begun.elapsed()
    }

    fn about(measured: Duration, millis: u64) -> bool {
        measured.abs_diff(Duration::from_millis(millis)) <= Duration::from_millis(20)
    }

    #[tokio::test(start_paused = true)]
    async fn one_second_of_calls_goes_at_once_and_the_rest_at_the_share_of_the_quota() {
        let limiter = Limiter::new(0.1);
        assert_eq!(time_of(&limiter, 10).await, Duration::ZERO);
        let rest = time_of(&limiter, 20).await;
        assert!(about(rest, 2000), "{rest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn operations_do_not_wait_for_each_other() {
        let limiter = Limiter::new(0.1);
        time_of(&limiter, 15).await;
        let begun = Instant::now();
        limiter.acquire(&OTHER, None, in_a_minute()).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn regions_do_not_wait_for_each_other_and_one_that_is_held_holds_no_other() {
        let limiter = Limiter::new(0.1);
        limiter.hold(&CALM, Some("eu-central-1"), Duration::from_secs(5));
        let begun = Instant::now();
        for _ in 0..10 {
            limiter.acquire(&CALM, Some("cn-hangzhou"), in_a_minute()).await.unwrap();
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        limiter.acquire(&CALM, Some("eu-central-1"), in_a_minute()).await.unwrap();
        assert!(about(begun.elapsed(), 5000), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_after_the_deadline_is_refused_at_once_and_takes_no_token() {
        let limiter = Limiter::new(0.1);
        time_of(&limiter, 10).await;
        let begun = Instant::now();
        for _ in 0..100 {
            assert_eq!(limiter.acquire(&CALM, None, begun + Duration::from_millis(50)).await, Err(TooLate));
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        let next = time_of(&limiter, 1).await;
        assert!(about(next, 100), "{next:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_operation_waits_for_the_pause_that_the_service_asked_for() {
        let limiter = Limiter::new(0.1);
        limiter.hold(&CALM, None, Duration::from_secs(5));
        let first = time_of(&limiter, 1).await;
        assert!(about(first, 5000), "{first:?}");
        let second = time_of(&limiter, 1).await;
        assert!(about(second, 100), "{second:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn less_than_one_call_per_second_still_begins_at_once() {
        let limiter = Limiter::new(0.001);
        assert_eq!(time_of(&limiter, 1).await, Duration::ZERO);
        let second = time_of(&limiter, 1).await;
        assert!(about(second, 10_000), "{second:?}");
    }
}
