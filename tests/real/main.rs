//! Tests against a real Apache Kafka and a real schema registry. `make test` starts both and runs these;
//! `cargo test` alone leaves them out.

#![allow(clippy::unwrap_used)]

#[path = "../kafka_scenarios/mod.rs"]
#[macro_use]
mod kafka_scenarios;

mod acls;
mod admin;
mod baseline;
mod changes;
mod check;
mod completeness;
mod consumers;
mod copies;
mod crash;
mod daemon;
mod edges;
mod every_event;
mod faults;
#[path = "../secrets/forms.rs"]
mod forms;
mod headers;
#[path = "../../src/admin/tests/html.rs"]
mod html;
mod identity_providers;
mod instances;
mod kafka_protocol;
mod least_privilege;
mod listeners_tls;
mod logins;
mod metrics;
#[path = "../metrics_table/mod.rs"]
mod metrics_table;
mod prometheus;
mod refusals;
mod registry;
mod replay;
mod removals;
mod replicas;
mod schemas;
mod secrets;
mod settings;
mod sign_in;
mod snapshot;
mod state;
mod status_page;
mod support;
mod tail;
mod throttling;
mod topics;
mod verify;
