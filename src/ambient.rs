//! What a process takes from its surroundings: the wall clock, and chance.
//!
//! Everything between reading the account and publishing asks here, so that the deterministic simulation (the cargo
//! feature `simulation`, tests only) can put both under the rule of a seed and of tokio's paused clock. In every other
//! build these are the machine's clock and random numbers, straight.
//!
//! Lengths of time are not taken from here: `tokio::time::Instant` measures them, and pauses with the runtime.

#[cfg(feature = "simulation")]
mod simulated;

use jiff::Timestamp;
use uuid::Uuid;

#[cfg(feature = "simulation")]
pub use simulated::{Simulation, simulate};

/// The wall clock of this machine.
#[must_use]
pub fn now() -> Timestamp {
    #[cfg(feature = "simulation")]
    if let Some(now) = simulated::now() {
        return now;
    }
    Timestamp::now()
}

/// The wall clock of everybody else: under a simulation, it stays right where this machine's goes wrong.
#[must_use]
pub fn now_elsewhere() -> Timestamp {
    #[cfg(feature = "simulation")]
    if let Some(now) = simulated::now_elsewhere() {
        return now;
    }
    Timestamp::now()
}

/// A number from 0 to below 1.
#[must_use]
pub fn fraction() -> f64 {
    #[cfg(feature = "simulation")]
    if let Some(fraction) = simulated::draw() {
        return fraction;
    }
    rand::random()
}

/// A random UUID.
#[must_use]
pub fn uuid_v4() -> Uuid {
    #[cfg(feature = "simulation")]
    if let Some(bytes) = simulated::draw() {
        return uuid::Builder::from_random_bytes(bytes).into_uuid();
    }
    Uuid::new_v4()
}

/// A UUID that begins with the time.
#[must_use]
pub fn uuid_v7() -> Uuid {
    #[cfg(feature = "simulation")]
    if let Some((millis, bytes)) = simulated::now().zip(simulated::draw::<[u8; 10]>()) {
        let millis = u64::try_from(millis.as_millisecond()).unwrap_or(0);
        return uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid();
    }
    Uuid::now_v7()
}

/// Random letters and digits.
#[must_use]
pub fn text(length: usize) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fraction of 62 is an index")]
    let letter = || char::from(ALPHABET[(fraction() * 62.0) as usize]);
    std::iter::repeat_with(letter).take(length).collect()
}
