//! What watches the daemon is of one piece: metrics, their table, rules, alerts, dashboards and the runbook.

#![allow(clippy::unwrap_used)]

#[path = "../metrics_table/mod.rs"]
mod metrics_table;

mod alerts;
mod dashboards;
mod exit_codes;
mod runbook;
mod table;
mod words;
