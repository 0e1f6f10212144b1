//! How to reach the brokers, and every client setting with its reason. Plain data.
//!
//! Four kinds of client, and why they differ, are each one function: producer, reader, watermark
//! client, admin client. Settings that carry a promise cannot be overridden.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaResult;
use rdkafka::producer::BaseProducer;

use super::client::{ProducerObserver, refused};
use super::error::ClientError;

/// How often a producer measures itself. It lives for one transaction, of which many take a tenth of a second.
const MEASURED_EVERY_MS: &str = "100";

/// Longest wait for a topic that the brokers do not know.
const TOPIC_PATIENCE: Duration = Duration::from_secs(30);

/// One record to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Topic name.
    pub topic: Arc<str>,
    /// Partition; `None` = murmur2 of the key, as the Java client's.
    pub partition: Option<i32>,
    /// Key.
    pub key: Vec<u8>,
    /// Value; `None` = tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers, in order.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
}

/// Records as they are taken, each encoded at that moment. An error ends the transaction without a commit.
pub type Records = Box<dyn Iterator<Item = Result<Record, Unencodable>> + Send>;

/// Why a record could not be encoded: any error.
pub type Unencodable = Box<dyn std::error::Error + Send + Sync>;

/// How to reach the brokers. `Debug` shows the names of the properties, never their values: there are
/// passwords among them.
#[derive(Clone)]
pub struct Connection {
    /// `host:port` of one or more brokers.
    pub bootstrap_servers: Vec<String>,
    /// Name of this client in broker logs and quotas.
    pub client_id: String,
    /// librdkafka refuses to read a partition without a group id. No group is joined, no offset is
    /// committed, and brokers with ACLs need not grant anything on it.
    pub group_id: String,
    /// Further librdkafka properties (security, sockets). Those in [`Connection::RESERVED`] are refused.
    pub properties: BTreeMap<String, String>,
    /// `compression.type` of the producer: `zstd`, `lz4`, `snappy`, `gzip` or `none`.
    pub compression: String,
    /// Largest record that is sent, in bytes (`message.max.bytes`).
    pub message_max_bytes: u32,
    /// `transaction.timeout.ms`: a transaction still open after this time is aborted by the broker.
    pub transaction_timeout: Duration,
    /// Limit of one request to a broker (watermarks, topics) in which nothing is streamed.
    pub request_timeout: Duration,
    /// A read to a proven end fails when its position has not moved for this long.
    pub read_stall_timeout: Duration,
    /// Told of every producer when it is gone, for metrics; must be quick.
    pub on_producer: Option<ProducerObserver>,
    /// Leads to a model cluster instead of to brokers.
    #[cfg(feature = "simulation")]
    pub model: Option<super::model::Link>,
}

impl Connection {
    /// Properties that carry a promise, or that have a field of their own.
    pub const RESERVED: [&'static str; 23] = [
        "acks",
        "allow.auto.create.topics",
        "auto.offset.reset",
        "bootstrap.servers",
        "client.id",
        "compression.codec",
        "compression.type",
        "delivery.report.only.error",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.gapless.guarantee",
        "enable.idempotence",
        "enable.partition.eof",
        "group.id",
        "isolation.level",
        "message.max.bytes",
        "message.timeout.ms",
        "metadata.broker.list",
        "partitioner",
        "request.required.acks",
        "retries",
        "transaction.timeout.ms",
        "transactional.id",
    ];

    /// A connection with the defaults of this program.
    #[must_use]
    pub fn new(bootstrap_servers: Vec<String>) -> Self {
        Self {
            bootstrap_servers,
            client_id: "ramstream".to_owned(),
            group_id: "ramstream".to_owned(),
            properties: BTreeMap::new(),
            compression: "zstd".to_owned(),
            message_max_bytes: 1_000_000,
            transaction_timeout: Duration::from_secs(60),
            request_timeout: Duration::from_secs(15),
            read_stall_timeout: Duration::from_secs(30),
            on_producer: None,
            #[cfg(feature = "simulation")]
            model: None,
        }
    }

    /// Says what is wrong with the properties: reserved, unknown, or not fitting together (librdkafka's
    /// own words). Makes a producer and drops it at once; nothing is asked of a broker. Blocks for a moment.
    pub fn check(&self) -> Result<(), ClientError> {
        if let Some(name) = self.properties.keys().find(|name| Self::RESERVED.contains(&name.as_str())) {
            return Err(ClientError::Configuration {
                reason: format!("`{name}` is set by ramstream itself; take it out of the Kafka properties"),
            });
        }
        let made: KafkaResult<BaseProducer> = self.producer("check").create();
        made.map(drop).map_err(refused)
    }

    fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
            .set("bootstrap.servers", self.bootstrap_servers.join(","))
            .set("client.id", &self.client_id)
            // A topic made by a metadata request would have the broker's default settings, and `.state`
            // without compaction loses the state.
            .set("allow.auto.create.topics", "false");
        config
    }

    /// One transaction, every record acknowledged by all in-sync replicas, in order.
    pub(super) fn producer(&self, transactional_id: &str) -> ClientConfig {
        let timeout_ms = self.transaction_timeout.as_millis().to_string();
        let mut config = self.base();
        config
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", &timeout_ms)
            .set("message.timeout.ms", &timeout_ms)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // The Java client's partitioner; librdkafka's default is CRC32.
            .set("partitioner", "murmur2_random")
            .set("compression.type", &self.compression)
            .set("message.max.bytes", self.message_max_bytes.to_string());
        // A full queue is back-pressure, not an error: these bound the memory of a transaction of any size.
        // A message takes about a kilobyte more than its bytes, most of it headers, which the second does not count.
        self.set_unless_given(&mut config, "queue.buffering.max.messages", "10000");
        self.set_unless_given(&mut config, "queue.buffering.max.kbytes", "8192");
        self.set_unless_given(&mut config, "linger.ms", "5");
        // A topic that is not there may be one that is just being made, and its records wait for it: not for as long as
        // the transaction may take, or it is the time that is said to be wrong and not the topic.
        let patience = TOPIC_PATIENCE.min(self.transaction_timeout / 2).as_millis().to_string();
        self.set_unless_given(&mut config, "topic.metadata.propagation.max.ms", &patience);
        if self.on_producer.is_some() {
            self.set_unless_given(&mut config, "statistics.interval.ms", MEASURED_EVERY_MS);
        }
        config
    }

    /// One record outside any transaction, acknowledged by all in-sync replicas.
    pub(super) fn appender(&self) -> ClientConfig {
        let timeout_ms = self.request_timeout.as_millis().to_string();
        let mut config = self.base();
        config
            .set("message.timeout.ms", &timeout_ms)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("partitioner", "murmur2_random")
            .set("message.max.bytes", self.message_max_bytes.to_string());
        self.set_unless_given(&mut config, "linger.ms", "0");
        let patience = (self.request_timeout / 3).as_millis().to_string();
        self.set_unless_given(&mut config, "topic.metadata.propagation.max.ms", &patience);
        if self.on_producer.is_some() {
            self.set_unless_given(&mut config, "statistics.interval.ms", MEASURED_EVERY_MS);
        }
        config
    }

    /// Sees committed records only, commits no offsets, and never jumps to an offset that it was not told.
    pub(super) fn reader(&self) -> ClientConfig {
        let mut config = self.base();
        config
            .set("group.id", &self.group_id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "false")
            .set("isolation.level", "read_committed")
            // Otherwise a recreated topic silently reads as "at the end".
            .set("auto.offset.reset", "error");
        // With librdkafka's usual fetch-ahead of 1,000 records a long log reads three times slower.
        self.set_unless_given(&mut config, "queued.min.messages", "100000");
        // Whenever that much is fetched ahead, the client would do nothing for a second.
        self.set_unless_given(&mut config, "fetch.queue.backoff.ms", "5");
        config
    }

    /// Sees the true end of a partition: under `read_committed` the watermark would be the last stable
    /// offset, which hides committed records behind another writer's open transaction.
    pub(super) fn watermark_client(&self) -> ClientConfig {
        let mut config = self.base();
        config.set("isolation.level", "read_uncommitted");
        config
    }

    /// Describes and creates topics.
    pub(super) fn admin(&self) -> ClientConfig {
        self.base()
    }

    /// Limit of `init_transactions`. Nothing of this producer is open yet, so a transaction's time-out, which may be short,
    /// is not enough by itself: a coordinator has to be found and connected to, and may first have to end what an older
    /// producer left open (it does so at once and does not wait for that one's time-out).
    pub(super) fn init_timeout(&self) -> Duration {
        self.transaction_timeout.max(self.request_timeout)
    }

    fn set_unless_given(&self, config: &mut ClientConfig, name: &str, value: &str) {
        if !self.properties.contains_key(name) {
            config.set(name, value);
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("client_id", &self.client_id)
            .field("properties", &self.properties.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Connection {
        let mut connection = Connection::new(vec!["127.0.0.1:9092".to_owned()]);
        connection.properties.insert(name.to_owned(), value.to_owned());
        connection
    }

    #[test]
    fn a_property_that_carries_a_promise_is_refused_by_name() {
        let error = with("isolation.level", "read_uncommitted").check().unwrap_err();
        assert!(error.to_string().contains("`isolation.level` is set by ramstream itself"), "{error}");
    }

    #[test]
    fn an_unknown_property_is_refused_by_name() {
        let error = with("sasl.pasword", "hunter2").check().unwrap_err();
        assert!(error.to_string().contains("sasl.pasword"), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn the_defaults_are_accepted_by_librdkafka() {
        with("socket.keepalive.enable", "true").check().unwrap();
    }

    #[test]
    fn debug_shows_no_property_value() {
        let shown = format!("{:?}", with("sasl.password", "hunter2"));
        assert!(shown.contains("sasl.password") && !shown.contains("hunter2"), "{shown}");
    }
}
