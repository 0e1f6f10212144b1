//! Clocks and medians. Nothing here is a test: a slow machine gives other seconds, and much the same ratios.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The time that the calling thread has spent on a processor; what other processes take does not count.
fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The processor time that `work` takes on this thread.
pub(crate) fn cpu_time_of<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = thread_cpu_time();
    let done = work();
    (done, thread_cpu_time().saturating_sub(begun))
}

/// Two ways of doing the same, measured in turns.
#[derive(Default)]
pub(crate) struct Pairs(Vec<(Duration, Duration)>);

impl Pairs {
    /// Takes one round: ours, and what it is held against.
    pub(crate) fn push(&mut self, ours: Duration, theirs: Duration) {
        self.0.push((ours, theirs));
    }

    /// Both medians, each over its own rounds.
    pub(crate) fn medians(&self) -> (Duration, Duration) {
        let (ours, theirs): (Vec<_>, Vec<_>) = self.0.iter().copied().unzip();
        (median(ours), median(theirs))
    }

    /// The median over the rounds of ours / theirs: what disturbs a round disturbs both.
    pub(crate) fn ratio(&self) -> f64 {
        let mut ratios: Vec<f64> =
            self.0.iter().map(|(ours, theirs)| ours.as_secs_f64() / theirs.as_secs_f64()).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    }

    /// How many rounds there were.
    pub(crate) fn rounds(&self) -> usize {
        self.0.len()
    }
}

/// The middle one; of an even number the upper of the two.
pub(crate) fn median<T: Ord + Copy>(mut values: Vec<T>) -> T {
    values.sort_unstable();
    values[values.len() / 2]
}
