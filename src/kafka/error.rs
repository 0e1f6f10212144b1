//! What can go wrong, by what the caller can do about it.
//!
//! For a write there is one answer to all of these: drop the producer (done already), wait
//! ([`super::backoff`]), begin a new attempt. The variants exist for the text that a person reads, and
//! to tell "mend the configuration" from "try again". The broker's error code is never branched on.

use std::time::Duration;

/// What a fold may answer: any error; the read stops at that record and keeps its place.
pub type FoldError = Box<dyn std::error::Error + Send + Sync>;

/// One operation of the Kafka client failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Mend the configuration.
    #[error("invalid Kafka configuration: {reason}")]
    Configuration {
        /// What is wrong, naming the property.
        reason: String,
    },
    /// Mend the login: the brokers were reached, and do not let this client in.
    #[error(
        "authentication failed: {reason}; \
         check kafka.sasl_username, kafka.sasl_password and kafka.sasl_mechanism against the brokers' users"
    )]
    Authentication {
        /// librdkafka's text, which is the broker's.
        reason: String,
    },
    /// Mend the certificates: the brokers were reached, and there is no trust.
    #[error(
        "no trusted TLS connection: {reason}; check that kafka.ssl_ca_file holds the CA of the brokers' certificates, \
         that these are made out to the names in kafka.brokers, and, where the brokers ask for one, \
         kafka.ssl_certificate_file"
    )]
    Tls {
        /// librdkafka's text, which is OpenSSL's.
        reason: String,
    },
    /// Use other brokers.
    #[error(
        "these brokers do not support transactions, without which nothing can be published exactly once; \
         use Apache Kafka 2.5 or newer, or a service that offers its transactions"
    )]
    TransactionsUnsupported,
    /// Grant the right.
    #[error(
        "this Kafka user may not use the transactional id: grant Write on it (`ramstream topics acls` prints the \
         commands)"
    )]
    TransactionalIdDenied,
    /// The reader's offset is not in the partition any more: the topic was recreated or truncated.
    #[error("offset no longer in the partition; the topic was recreated or truncated")]
    OffsetOutOfRange,
    /// Records were not delivered, so the transaction must not be committed.
    #[error("{delivered} of {sent} records were delivered; first failure: {reason}")]
    Undelivered {
        /// Records handed to the client.
        sent: u64,
        /// Records acknowledged by the broker.
        delivered: u64,
        /// The first delivery failure.
        reason: String,
    },
    /// A record could not be encoded: a fault of this program.
    #[error("a record could not be encoded, nothing was committed")]
    Unencodable {
        /// What is wrong with it.
        #[source]
        source: super::connection::Unencodable,
    },
    /// Anything else: unreachable, fenced, refused, unknown. Try again.
    #[error("{operation} failed: {reason}")]
    Failed {
        /// The operation, as in a log line.
        operation: &'static str,
        /// librdkafka's text.
        reason: String,
    },
}

/// A record was not appended, or nobody knows whether it was.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The client could not be made, or gave up.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// It is not there, or is being made.
    #[error("there is no topic {topic}; `ramstream run` creates it if kafka.create_topics is true")]
    NoTopic {
        /// Topic.
        topic: String,
    },
    /// Grant it.
    #[error("the topic {topic} may not be written: grant Write and Describe on it to this Kafka user")]
    Denied {
        /// Topic.
        topic: String,
    },
    /// It may stand there all the same.
    #[error("the brokers did not acknowledge the record for {topic} ({reason}); it may have been written all the same")]
    Unacknowledged {
        /// Topic.
        topic: String,
        /// librdkafka's text.
        reason: String,
    },
}

/// A read did not reach its proven end. What was read until then has been folded.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The client failed; try again.
    #[error("reading {topic} [{partition}]")]
    Client {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// What failed.
        #[source]
        source: ClientError,
    },
    /// The position stopped short of the watermark; an open transaction of another writer does that.
    #[error(
        "reading {topic} [{partition}] stood still at {position} of {watermark} for {waited:?}{trouble}; \
         a transaction that is still open hides what follows it"
    )]
    Stalled {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// Where the reader stands.
        position: i64,
        /// Where it had to get.
        watermark: i64,
        /// How long it did not move.
        waited: Duration,
        /// The client's last complaint, if any, with a leading separator.
        trouble: String,
    },
    /// The partition ends before what was read from it: recreated, truncated, or lost by its leader.
    /// Never a first run: everything held in memory is to be thrown away and verified anew.
    #[error(
        "{topic} [{partition}] was read up to {position}, but now ends at {watermark}: \
         the topic was recreated, or its brokers lost acknowledged records"
    )]
    Recreated {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// Where the reader stands.
        position: i64,
        /// The end of the partition, if it was looked at.
        watermark: String,
    },
    /// Records that were not read yet are gone; or, of a topic from which nothing is ever deleted, any.
    #[error("{topic} [{partition}] was read up to {position}, and records below {low_watermark} have been deleted")]
    Truncated {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// The next offset to read.
        position: i64,
        /// The first offset there is.
        low_watermark: i64,
    },
    /// The fold refused a record.
    #[error("record {offset} of {topic} [{partition}] was refused")]
    Fold {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// Offset of the record.
        offset: i64,
        /// Why.
        #[source]
        source: FoldError,
    },
}

/// A step of an attempt, for the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Step 2.
    Init,
    /// Step 4: begin.
    Begin,
    /// Step 4: the claim record.
    Claim,
    /// Step 5.
    Send,
    /// Step 6; the outcome is unknown until the log is read.
    Commit,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Init => "initialising transactions",
            Self::Begin => "beginning the transaction",
            Self::Claim => "sending the claim record",
            Self::Send => "sending records",
            Self::Commit => "committing (the outcome is unknown until the log is read)",
        })
    }
}

/// An attempt failed. Its producer is dropped; whether anything was committed is decided by reading.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// Step 1 or 3.
    #[error("reading the state log")]
    Read(#[source] ReadError),
    /// Step 3 ended before the own last acknowledged record: a stale watermark. Ownership is not judged.
    #[error("the state log seems to end at {position}, before its own acknowledged record {acknowledged}")]
    BehindAcknowledged {
        /// Where the read ended.
        position: i64,
        /// Offset of the own last acknowledged record.
        acknowledged: i64,
    },
    /// Step 4: somebody wrote between the read and the claim record. Nothing was committed.
    #[error("the claim record landed at {found}, not at {expected}: another writer came between")]
    OffsetMismatch {
        /// The position that the proven read ended at.
        expected: i64,
        /// Where the claim record landed.
        found: i64,
    },
    /// The transaction outlived its time-out.
    #[error(
        "the transaction took {elapsed:?}, but `transaction.timeout.ms` is {limit_ms}; \
         raise it (and `transaction.max.timeout.ms` on the brokers, if needed)"
    )]
    TooSlow {
        /// Time since begin.
        elapsed: Duration,
        /// The setting, in milliseconds.
        limit_ms: u128,
        /// What failed first.
        #[source]
        source: Box<AttemptError>,
    },
    /// Steps 2, 4, 5 and 6.
    #[error("{step}")]
    Client {
        /// Which step.
        step: Step,
        /// What failed.
        #[source]
        source: ClientError,
    },
}

/// The topics could not be looked at, so nothing is known about them. What is wrong with a topic that
/// could be looked at is a [`super::topics::Finding`].
#[derive(Debug, thiserror::Error)]
pub enum TopicsError {
    /// The client was refused, and by what.
    #[error("describing topics")]
    Client(#[source] ClientError),
    /// There was no answer, or one that says nothing.
    #[error(
        "describing topics: {reason}; check that the brokers are reachable (kafka.brokers, kafka.security_protocol) \
         and that `Describe` is granted"
    )]
    Unanswered {
        /// The client's text.
        reason: String,
    },
}

impl From<ClientError> for TopicsError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Failed { .. } => Self::Unanswered { reason: error.to_string() },
            other => Self::Client(other),
        }
    }
}

/// A schema id could not be had. Subject, address, reason and mend are in the text.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Mend the configuration.
    #[error("invalid schema registry configuration: {reason}")]
    Configuration {
        /// What is wrong.
        reason: String,
    },
    /// A human decides: another schema lives under the subject.
    #[error(
        "schema registry {url} refused the schema of subject {subject} as incompatible: {reason}; \
         another program or a newer ramstream registered under this subject: use another topic prefix, \
         or run the version that matches"
    )]
    Incompatible {
        /// Subject.
        subject: String,
        /// Base address of the registry.
        url: String,
        /// The registry's text.
        reason: String,
    },
    /// Register the schema, or allow this program to.
    #[error(
        "schema registry {url} does not have this schema under subject {subject}; \
         register it first (`ramstream schemas register`), or let ramstream register it"
    )]
    NotRegistered {
        /// Subject.
        subject: String,
        /// Base address of the registry.
        url: String,
    },
    /// Mend the credentials or their rights.
    #[error(
        "schema registry {url} denied access to subject {subject}: {reason}; \
         check the credentials and their rights on this subject"
    )]
    Denied {
        /// Subject.
        subject: String,
        /// Base address of the registry.
        url: String,
        /// The registry's text.
        reason: String,
    },
    /// The registry answered something that this program cannot use.
    #[error(
        "schema registry {url} rejected subject {subject}: {reason}; \
         check that the address is the base of its Confluent API"
    )]
    Rejected {
        /// Subject.
        subject: String,
        /// Base address of the registry.
        url: String,
        /// The registry's text.
        reason: String,
    },
    /// Try again later; it was tried several times.
    #[error(
        "schema registry {url} cannot be reached for subject {subject}: {reason}; check the address, and that it runs"
    )]
    Unreachable {
        /// Subject.
        subject: String,
        /// Base address of the registry that was tried last.
        url: String,
        /// The last failure.
        reason: String,
    },
}
