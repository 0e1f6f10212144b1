//! The simulated account, driven over raw HTTP by a signer of its own.

mod client;
mod faults;
mod listings;
mod signatures;
mod truth;
mod writes;
