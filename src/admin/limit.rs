//! So many a second, and some more at once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A token bucket.
pub(super) struct Bucket {
    per_second: f64,
    burst: f64,
    level: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub(super) fn new(per_second: u32, burst: u32) -> Self {
        let (per_second, burst) = (f64::from(per_second), f64::from(burst));
        Self { per_second, burst, level: Mutex::new((burst, Instant::now())) }
    }

    /// Takes one, or says how long it takes until there is one.
    pub(super) fn take(&self) -> Result<(), Duration> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let refilled = level.0 + self.per_second * now.duration_since(level.1).as_secs_f64();
        *level = (refilled.min(self.burst), now);
        if level.0 >= 1.0 {
            level.0 -= 1.0;
            Ok(())
        } else {
            Err(Duration::from_secs_f64((1.0 - level.0) / self.per_second))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_through_and_then_so_many_a_second() {
        let bucket = Bucket::new(10, 20);
        assert!((0..20).all(|_| bucket.take().is_ok()));
        assert_eq!(bucket.take(), Err(Duration::from_millis(100)));
        tokio::time::advance(Duration::from_millis(200)).await;
        assert_eq!((bucket.take().is_ok(), bucket.take().is_ok(), bucket.take().is_ok()), (true, true, false));
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!((0..100).filter(|_| bucket.take().is_ok()).count(), 20);
    }
}
