//! All chance of a cluster: one generator, drawn from in the order of events.

use std::ops::RangeInclusive;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

pub(super) struct Chance(StdRng);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    pub(super) fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.0.random_bool(probability.min(1.0))
    }

    pub(super) fn between(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        if range.is_empty() { *range.start() } else { self.0.random_range(range.clone()) }
    }

    /// One of `0..count`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        self.0.random_range(0..count)
    }
}
