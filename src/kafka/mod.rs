//! The Kafka side: one partition read to a proven end, claims, and writes that are one attempt each.
//!
//! Promises: what [`Writer::attempt`] reports as committed is committed exactly once, together, and
//! behind nothing that the decision did not see; a read that ends early is an error and never a short
//! answer; two writers never both publish.
//!
//! Deliberately unknown here: what a record means. This module sees bytes, topics, transactions and
//! claims; a user or a group is never named.
//!
//! Reading order: [`claim`] (who owns), [`log`] (what was written), [`attempt`] (how a write happens),
//! then `client` (through which the two latter reach the Kafka client), [`topics`] and [`registry`] (what
//! must be in place before anything is written). [`ends`] tells a follower what
//! is hidden from it, [`follow`] is for those who only look on, [`trial`] for those who only
//! want to know whether all that would work,
//! [`append`](mod@append) writes one record without a transaction.
//!
//! Rights that brokers with ACLs must grant (tried on Apache Kafka 4.3): `Write` and `Describe` on the
//! transactional id; `Read`, `Write`, `Describe` and `DescribeConfigs` on the topics, and `Create` where
//! topics are to be created. Nothing on the consumer group, nothing on the cluster.

pub mod append;
pub mod attempt;
pub mod backoff;
pub mod claim;
pub mod error;
pub mod log;

mod client;
pub mod connection;
#[cfg(feature = "simulation")]
pub mod model;

pub mod ends;
pub mod follow;
pub mod library;
pub mod registry;
pub mod topic_log;
pub mod topics;
pub mod trial;

pub use append::{Appended, append};
pub use attempt::{Decision, Outcome, Transaction, Writer, end_open_transaction};
pub use claim::{Claim, Judgement, Mandate};
pub use client::{ProducerObserver, ProducerReport, Watermarks};
pub use connection::{Connection, Record, Records, Unencodable};
pub use ends::{Ends, Hidden};
pub use error::{AppendError, AttemptError, ClientError, FoldError, ReadError, RegistryError, TopicsError};
pub use log::{Fold, PartitionLog, StateLog};
pub use topic_log::{TopicFold, TopicLog};
