//! **ramstream**: change data capture for Alibaba Cloud identity (RAM).
//!
//! On an interval the daemon lists one account's identity inventory through signed, read-only API
//! calls, compares each *complete* listing with the last *published* state, and publishes every
//! difference as an Avro change event to Kafka, together with the new state, in one transaction.
//!
//! # Code map
//!
//! Arrows point one way; `tests/architecture.rs` reads the `use` lines and fails on any other.
//!
//! ```text
//! alicloud ──► model ◄── state ◄── diff ◄── event ◄── avro ──► (bytes)        schemas/*.avsc
//!    │                                                  │
//!    └──────────────┐                        ┌── kafka ─┘  (knows bytes, topics, transactions, claims)
//!                   ▼                        ▼
//!                  sync  (the only orchestrator: collect → compare → publish)
//!                   ▲
//!        http · metrics · config · cli
//! simulator: an Alibaba account behind real HTTP; demo: everything in one process
//! ```
//!
//! | module | knows | does not know |
//! |---|---|---|
//! | [`model`] | the kinds: fields, keys, words, what is compared; `Complete` and `Unknown` | where a listing came from |
//! | [`state`] | the published state: entity records, progress, digests | how it is stored |
//! | [`diff`] | how a reading becomes changes | I/O, the clock, randomness |
//! | [`event`] | ids, types, headers and order of events | Avro, Kafka |
//! | [`avro`] | the schemas and the encoding | topics' names on a broker |
//! | [`alicloud`] | signing, paging, throttling, one file per service | Kafka |
//! | [`kafka`] | transactions, claims, proofs of end, topics, the registry | users and groups |
//! | [`sync`] | the cycle: collect, confirm, compare, publish, park | HTTP and broker details |
//! | [`simulator`] | the services' behaviour, throttling, faults | everything above |

#![warn(missing_docs)]

pub mod model;
pub mod state;
pub mod diff;
pub mod event;
pub mod avro;

pub mod alicloud;
pub mod kafka;
pub mod sync;

pub mod config;
pub mod http;
pub mod metrics;
pub mod secret;

pub mod cli;
pub mod demo;
pub mod simulator;
