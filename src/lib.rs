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
//! model ◄── control ◄── state ◄── diff ◄── event ◄── avro     pure; schemas/*.avsc     (a ◄── b: b uses a)
//!   ▲                                     ▲
//! alicloud            kafka               │
//!   ▲                   ▲                 │
//!   └───────────────── sync ──────────────┘       the only orchestrator: collect → compare → publish
//!                       ▲
//! snapshot, config, http, metrics, admin ◄── cli, demo   faces; simulator, verify, tail stand apart
//! ```
//!
//! | module | knows | does not know |
//! |---|---|---|
//! | [`model`] | the kinds: fields, keys, words, what is compared; `Complete` and `Unknown` | where a listing came from |
//! | [`control`] | requests: how they look, which are served, what is remembered of them | who asks, who serves |
//! | [`state`] | the published state: entity records, progress, digests | how it is stored |
//! | [`diff`] | how a reading becomes changes | I/O, the clock, randomness |
//! | [`event`] | ids, types, headers and order of events | Avro, Kafka |
//! | [`framing`] | what stands in front of a datum, and where it ends | what a record says |
//! | [`avro`] | the schemas and the encoding | topics' names on a broker |
//! | [`alicloud`] | signing, paging, throttling; a file per service | Kafka |
//! | [`kafka`] | transactions, claims, proofs of end, topics, the registry | users and groups |
//! | [`snapshot`] | the state as files: written whole, read back and proven whole | Kafka, the cloud |
//! | [`sync`] | the cycle: collect, confirm, compare, publish, park | HTTP and broker details |
//! | [`config`] | the file, the environment, every mistake at once | what the values are used for |
//! | [`ambient`] | the wall clock and chance | who asks |
//! | [`metrics`], [`http`] | figures and health, and who may ask for them | the cycle |
//! | [`admin`] | requests over HTTP: who may ask, and how one stands; the status page | who serves them |
//! | [`cli`] | the commands, and how configuration becomes parts | |
//! | [`simulator`] | the services' behaviour, throttling, faults | everything above |
//! | [`decode`] | records by the schema in the registry, as any consumer | our own schemas |
//! | [`verify`] | what the topics promise, and how to see that they keep it | how events and state are made |
//! | [`words`] | an event in words, and strangers' text made harmless | the kinds |
//! | [`tail`] | records of the topics as lines for people and programs | the kinds |
//! | [`demo`] | all of it in one process | |
//! | `intake` | every reader of foreign bytes, for fuzzing | |
//! | [`planted`] | which mistakes can be switched on in tests; in no ordinary build | who makes them |
//!
//! # Invariants
//!
//! 1. Only [`model::Complete`] listings reach the comparison, and only `alicloud::paging` makes them.
//! 2. Nothing is removed that was not missing twice; what could not be read keeps its state.
//! 3. The state in memory changes only by reading the state topic.
//! 4. One sync is one transaction; its first record is the claim, its last is progress.
//! 5. A transaction is never aborted by hand and no outcome is guessed: the producer is dropped, the
//!    next attempt reads what came of it.
//! 6. A reading is published only on the state and under the claim that it began on.
//!
//! # To add a kind
//!
//! A file in [`model`] and a line in `model/kind.rs` (entities, then children, then edges); a schema
//! in `schemas/`; its operations in [`alicloud`], in [`alicloud::OPERATIONS`] and, how each is tried, in [`alicloud::trial`]; a file in
//! `sync/collect/` and its line in `sync/needs.rs`, where the compiler asks for them; both versions in `state/record.rs`; a row in
//! the README; the simulator; in the checker what it hangs on (`verify/fold.rs`) and its rows (`verify/truth.rs`).

#![warn(missing_docs)]

#[macro_use]
pub mod planted;
pub mod ambient;

pub mod model;
pub mod control;
pub mod state;
pub mod diff;
pub mod event;
pub mod framing;
pub mod words;
pub mod avro;

pub mod alicloud;
pub mod kafka;
pub mod snapshot;
pub mod sync;

pub mod admin;
pub mod config;
pub mod http;
pub mod metrics;
pub mod secret;

pub mod cli;
pub mod decode;
pub mod demo;
#[doc(hidden)]
pub mod intake;
pub mod simulator;
pub mod tail;
pub mod verify;
