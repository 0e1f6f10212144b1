//! The simulated account, driven over raw HTTP by a signer of its own.

#![allow(clippy::unwrap_used, reason = "a test may panic, and a helper of tests is not seen as one")]

mod client;
mod faults;
mod listings;
mod settings;
mod signatures;
mod truth;
mod writes;
