//! The model of Kafka that the simulation runs on: held against the scenarios that real brokers are held
//! against (`tests/real/kafka_protocol.rs`), and its faults by themselves.

#![cfg(feature = "simulation")]
#![allow(clippy::unwrap_used)]

#[path = "../kafka_scenarios/mod.rs"]
#[macro_use]
mod kafka_scenarios;

mod faults;
mod scenarios;
