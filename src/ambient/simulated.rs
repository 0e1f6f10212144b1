//! The surroundings of one thread under a seed: its clock is tokio's, its chance a seeded generator.

use std::cell::RefCell;
use std::marker::PhantomData;

use jiff::{SignedDuration, Timestamp};
use rand::distr::{Distribution, StandardUniform};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::Instant;

thread_local! {
    static HERE: RefCell<Option<Surroundings>> = const { RefCell::new(None) };
}

struct Surroundings {
    random: StdRng,
    epoch: Timestamp,
    began: Instant,
    offset: SignedDuration,
}

/// Puts this thread's clock and chance under `seed` until the returned guard is dropped. It is `epoch` now.
///
/// To be called inside of the runtime whose paused clock is to count, which must be of the current-thread flavour.
#[must_use = "the simulation ends when this is dropped"]
pub fn simulate(seed: u64, epoch: Timestamp) -> Simulation {
    let random = StdRng::seed_from_u64(seed);
    let surroundings = Surroundings { random, epoch, began: Instant::now(), offset: SignedDuration::ZERO };
    HERE.with_borrow_mut(|here| *here = Some(surroundings));
    Simulation { bound_to_its_thread: PhantomData }
}

/// A simulation of this thread's surroundings.
#[derive(Debug)]
pub struct Simulation {
    bound_to_its_thread: PhantomData<*const ()>,
}

impl Simulation {
    /// Moves this machine's clock by `offset` from the right time.
    pub fn set_clock_offset(&self, offset: SignedDuration) {
        HERE.with_borrow_mut(|here| {
            if let Some(here) = here {
                here.offset = offset;
            }
        });
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        HERE.with_borrow_mut(|here| *here = None);
    }
}

impl Surroundings {
    fn at(&self, offset: SignedDuration) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.began.elapsed()).unwrap_or(SignedDuration::MAX);
        let now = self.epoch.checked_add(elapsed).unwrap_or(Timestamp::MAX);
        now.checked_add(offset).unwrap_or(now)
    }
}

pub(super) fn now() -> Option<Timestamp> {
    HERE.with_borrow(|here| here.as_ref().map(|here| here.at(here.offset)))
}

pub(super) fn now_elsewhere() -> Option<Timestamp> {
    HERE.with_borrow(|here| here.as_ref().map(|here| here.at(SignedDuration::ZERO)))
}

pub(super) fn draw<T>() -> Option<T>
where
    StandardUniform: Distribution<T>,
{
    HERE.with_borrow_mut(|here| here.as_mut().map(|here| here.random.random()))
}
