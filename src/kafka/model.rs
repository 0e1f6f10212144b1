//! A model of a Kafka cluster, for simulation: what `kafka::client` asks of Kafka, answered in this process.
//!
//! Promises: the same seed, calls and schedule give the same answers; all time is tokio's clock; a request is a
//! message, so that giving up on an operation stops neither it nor its answer; what brokers do with
//! transactions, markers, epochs and sequence numbers is Kafka's. The scenarios in `tests/kafka_scenarios`
//! hold it against real brokers.
//!
//! Not modelled: replication (only what it lets through: stale answers, lost records), quotas, access rights,
//! consumer groups, compression, epochs running out.
//!
//! Reading order: [`weather`] (what may go wrong), `partition` and `coordinator` (what brokers know), `broker`
//! (requests applied), `cluster` (what happens in its own time), `link` (requests on their way), `producer` and
//! `reader` (the clients), `outsider` (everybody else).

mod broker;
mod chance;
mod cluster;
mod coordinator;
mod link;
mod outsider;
mod partition;
mod producer;
mod reader;
pub mod weather;

pub use broker::{Settings, Version};
pub use cluster::Cluster;
pub use link::Link;
pub use outsider::{Isolation, Record};
pub use weather::Weather;

pub(super) use producer::Producer;
pub(super) use reader::{Reader, WatermarkClient};
