//! Throttling: so many calls of an operation per second, as the services count, and a share of calls at random.
//!
//! Counts by the machine's own time, in whole seconds since the start; the simulated clock does not move it.

use std::collections::HashMap;
use std::sync::Mutex;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::error::{self, ServiceError};
use super::operations::{Operation, Service};

/// What is throttled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Per cent of the vendor's quotas that each operation grants; `null` grants everything.
    pub quota_percent: Option<u32>,
    /// Per cent of the calls that are throttled at random, whatever the quota.
    pub percent_of_calls: u32,
    /// The operation that is throttled at random; `null` is all of them.
    pub operation: Option<String>,
    /// `x-acs-retry-after` of a throttled reply in milliseconds; `null` leaves the header out, as is usual.
    pub retry_after_ms: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { quota_percent: Some(100), percent_of_calls: 0, operation: None, retry_after_ms: None }
    }
}

/// How much each operation was used in the current second.
#[derive(Debug)]
pub struct Throttle {
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limits: Limits,
    random: StdRng,
    used: HashMap<Counted, (u64, u32)>,
}

/// What has a quota of its own: an operation by version and action, and for ECS in each region.
type Counted = (&'static str, &'static str, String);

impl Throttle {
    /// With these limits, throttling at random by `seed`.
    #[must_use]
    pub fn new(limits: Limits, seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed);
        Self { started: Instant::now(), state: Mutex::new(State { limits, random, used: HashMap::new() }) }
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> Limits {
        super::lock(&self.state).limits.clone()
    }

    /// Puts other limits in force.
    pub fn set(&self, limits: Limits) {
        super::lock(&self.state).limits = limits;
    }

    /// Counts a call of `operation`, of a regional service in this region.
    ///
    /// # Errors
    /// `Throttling.User` when it is one too many.
    pub fn admit(&self, operation: &'static Operation, region: Option<&str>) -> Result<(), ServiceError> {
        let region = region.filter(|_| operation.service == Service::Ecs).unwrap_or_default();
        let second = self.started.elapsed().as_secs();
        let mut state = super::lock(&self.state);
        if state.within_quota(operation, region, second) && !state.is_unlucky(operation) {
            return Ok(());
        }
        Err(ServiceError { retry_after_ms: state.limits.retry_after_ms, ..error::THROTTLED })
    }
}

impl State {
    fn within_quota(&mut self, operation: &'static Operation, region: &str, second: u64) -> bool {
        let Some(percent) = self.limits.quota_percent else { return true };
        let quota = u64::from(operation.quota_per_second) * u64::from(percent) / 100;
        let (since, calls) =
            self.used.entry((operation.service.version(), operation.name, region.to_owned())).or_default();
        if *since != second {
            (*since, *calls) = (second, 0);
        }
        *calls += 1;
        u64::from(*calls) <= quota
    }

    fn is_unlucky(&mut self, operation: &Operation) -> bool {
        let Limits { percent_of_calls, operation: only, .. } = &self.limits;
        let concerned = only.as_deref().is_none_or(|name| name == operation.name);
        *percent_of_calls > 0 && concerned && self.random.random_range(0..100) < *percent_of_calls
    }
}
