//! `[kafka]`: brokers, topics, transactions, security.

use std::path::PathBuf;
use std::time::Duration;

use super::kafka_properties;
use super::parse::{self, DAY, HOUR, MINUTE, Parsed, SECOND};
use super::problem::Fault;
use super::reader::Reader;
use super::source::Raw;
use crate::secret::Secret;

/// Kafka's own limit for the name of a topic, less our longest suffix (`.snapshot.security-preferences`, 30) and some air.
const TOPIC_PREFIX_MAX_CHARS: usize = 200;

/// Where the events go, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kafka {
    /// `kafka.brokers`: `host:port` of some brokers.
    pub brokers: Vec<String>,
    /// `kafka.client_id`: the name of this client in the brokers' logs and quotas.
    pub client_id: String,
    /// `kafka.group_id`: a name that librdkafka asks of every reader; no group is joined, no offset committed.
    pub group_id: String,
    /// `kafka.topic_prefix`: every topic is called `<prefix>.<something>`.
    pub topic_prefix: String,
    /// `kafka.transactional_id_prefix`: the transactional id is `<prefix>.<account>`.
    pub transactional_id_prefix: String,
    /// `kafka.create_topics`: whether missing topics are created.
    pub create_topics: bool,
    /// `kafka.event_partitions`: of each event topic that is created.
    pub event_partitions: i32,
    /// `kafka.event_retention`: of each event topic that is created.
    pub event_retention: Duration,
    /// `kafka.syncs_retention`: of the topic of sync records, if it is created.
    pub syncs_retention: Duration,
    /// `kafka.replication_factor`: of each topic that is created.
    pub replication_factor: i32,
    /// `kafka.transaction_timeout`: the brokers abort a transaction that is open for longer.
    pub transaction_timeout: Duration,
    /// `kafka.message_max_bytes`: a larger record is not sent.
    pub message_max_bytes: u32,
    /// `kafka.compression`: a codec by its name in librdkafka (`compression.codec`).
    pub compression: &'static str,
    /// How the connection to the brokers is protected.
    pub security: KafkaSecurity,
    /// `[kafka.properties]`: further properties of librdkafka, none of which ramstream sets itself.
    pub properties: Vec<(String, String)>,
}

/// Encryption and login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaSecurity {
    /// `kafka.security_protocol`.
    pub protocol: SecurityProtocol,
    /// The login; present exactly with the `sasl_…` protocols.
    pub sasl: Option<Sasl>,
    /// `kafka.ssl_ca_file`: PEM certificates to trust instead of the system's.
    pub ssl_ca_file: Option<PathBuf>,
    /// The certificate that ramstream shows.
    pub client_certificate: Option<ClientCertificate>,
}

/// `kafka.security_protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// Neither encrypted nor logged in.
    Plaintext,
    /// TLS.
    Ssl,
    /// A login over an open connection.
    SaslPlaintext,
    /// A login over TLS.
    SaslSsl,
}

/// A login by name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sasl {
    /// `kafka.sasl_mechanism`, by its registered name.
    pub mechanism: &'static str,
    /// `kafka.sasl_username`.
    pub username: String,
    /// `kafka.sasl_password`.
    pub password: Secret,
}

/// A certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// `kafka.ssl_certificate_file`, PEM.
    pub certificate_file: PathBuf,
    /// `kafka.ssl_key_file`, PEM.
    pub key_file: PathBuf,
    /// `kafka.ssl_key_password`, if the key is encrypted.
    pub key_password: Option<Secret>,
}

const PROTOCOLS: &[(&str, SecurityProtocol)] = &[
    ("ssl", SecurityProtocol::Ssl),
    ("sasl_ssl", SecurityProtocol::SaslSsl),
    ("plaintext", SecurityProtocol::Plaintext),
    ("sasl_plaintext", SecurityProtocol::SaslPlaintext),
];

/// What this build of librdkafka can do without gssapi and curl.
const MECHANISMS: &[(&str, &str)] =
    &[("SCRAM-SHA-512", "SCRAM-SHA-512"), ("SCRAM-SHA-256", "SCRAM-SHA-256"), ("PLAIN", "PLAIN")];

const CODECS: &[(&str, &str)] =
    &[("zstd", "zstd"), ("lz4", "lz4"), ("snappy", "snappy"), ("gzip", "gzip"), ("none", "none")];

impl Kafka {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let brokers = "set it to some of the brokers, such as [\"kafka-1:9093\", \"kafka-2:9093\"]";
        let retention = || parse::duration(HOUR..=3650 * DAY);
        Self {
            brokers: r.required("kafka.brokers", brokers, parse::list(broker)),
            client_id: r.value("kafka.client_id", "ramstream", parse::text),
            group_id: r.value("kafka.group_id", "ramstream", parse::text),
            topic_prefix: r.value("kafka.topic_prefix", "alicloud.identity", topic_prefix),
            transactional_id_prefix: r.value("kafka.transactional_id_prefix", "ramstream", parse::text),
            create_topics: r.value("kafka.create_topics", "true", parse::boolean),
            event_partitions: r.value("kafka.event_partitions", "6", parse::integer(1..=1000)),
            event_retention: r.value("kafka.event_retention", "30d", retention()),
            syncs_retention: r.value("kafka.syncs_retention", "90d", retention()),
            replication_factor: r.value("kafka.replication_factor", "3", parse::integer(1..=16)),
            // The brokers' transaction.max.timeout.ms is 15 minutes unless they say otherwise.
            transaction_timeout: r.value("kafka.transaction_timeout", "60s", parse::duration(SECOND..=15 * MINUTE)),
            message_max_bytes: r.value("kafka.message_max_bytes", "1MB", parse::size(64 << 10..=1_000_000_000)),
            compression: r.value("kafka.compression", "zstd", parse::one_of(CODECS)),
            security: KafkaSecurity::read(r),
            properties: kafka_properties::read(r),
        }
    }

    /// What librdkafka has to be told of encryption and login, and [`Kafka::properties`], which have other names.
    /// All are `Secret` because the password is among them.
    #[must_use]
    pub fn connection_properties(&self) -> Vec<(String, Secret)> {
        let passed = self.properties.iter().map(|(name, value)| (name.clone(), Secret::new(value)));
        let security = self.security.properties().into_iter().map(|(name, value)| (name.to_owned(), value));
        passed.chain(security).collect()
    }
}

/// `host:port`; an IPv6 address stands in brackets.
fn broker(raw: &Raw) -> Parsed<String> {
    let text = parse::text(raw)?;
    let (host, port) = text.rsplit_once(':').unwrap_or((&text, ""));
    let host_is_fine = !host.is_empty() && !host.contains(['/', '@', ' ', ',']);
    if host_is_fine && port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Ok(text);
    }
    // Before an @ there may be a password.
    let shown = if text.contains('@') { "the text".to_owned() } else { format!("{text:?}") };
    Err(Fault::new(format!("{shown} is not a broker's address"), "write host:port, such as \"kafka-1:9093\""))
}

fn topic_prefix(raw: &Raw) -> Parsed<String> {
    let prefix = parse::text(raw)?;
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if prefix.bytes().all(legal) && prefix.len() <= TOPIC_PREFIX_MAX_CHARS && !prefix.ends_with('.') {
        return Ok(prefix);
    }
    let mend = format!("use letters, digits, '.', '_' and '-', at most {TOPIC_PREFIX_MAX_CHARS}, no dot at the end");
    Err(Fault::new(format!("{prefix:?} cannot begin a topic's name"), mend))
}

impl SecurityProtocol {
    /// The word for it, in the configuration and in librdkafka.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        PROTOCOLS.iter().find(|(_, protocol)| *protocol == self).map_or("", |(word, _)| word)
    }

    fn has_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }

    fn has_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }
}

impl KafkaSecurity {
    fn read(r: &mut Reader<'_>) -> Self {
        let protocol = r.value("kafka.security_protocol", "ssl", parse::one_of(PROTOCOLS));
        let security = Self {
            protocol,
            sasl: Sasl::read(r, protocol),
            ssl_ca_file: r.optional("kafka.ssl_ca_file", parse::file),
            client_certificate: ClientCertificate::read(r),
        };
        for key in ["kafka.ssl_ca_file", "kafka.ssl_certificate_file"] {
            if r.is_given(key) && !protocol.has_tls() {
                let reason = format!("is without effect while security_protocol is {:?}", protocol.as_str());
                r.fault(key, reason, "set kafka.security_protocol to \"ssl\" or \"sasl_ssl\", or take the key out");
            }
        }
        security
    }

    fn properties(&self) -> Vec<(&'static str, Secret)> {
        let path = |path: &PathBuf| Secret::new(path.display().to_string());
        let mut properties = vec![("security.protocol", Secret::new(self.protocol.as_str()))];
        if let Some(sasl) = &self.sasl {
            properties.push(("sasl.mechanism", Secret::new(sasl.mechanism)));
            properties.push(("sasl.username", Secret::new(&sasl.username)));
            properties.push(("sasl.password", sasl.password.clone()));
        }
        properties.extend(self.ssl_ca_file.as_ref().map(|file| ("ssl.ca.location", path(file))));
        if let Some(certificate) = &self.client_certificate {
            properties.push(("ssl.certificate.location", path(&certificate.certificate_file)));
            properties.push(("ssl.key.location", path(&certificate.key_file)));
            properties.extend(certificate.key_password.clone().map(|password| ("ssl.key.password", password)));
        }
        properties
    }
}

impl Sasl {
    fn read(r: &mut Reader<'_>, protocol: SecurityProtocol) -> Option<Self> {
        let mechanism = r.value("kafka.sasl_mechanism", "SCRAM-SHA-512", parse::one_of(MECHANISMS));
        let username = r.optional("kafka.sasl_username", parse::text);
        let password = r.secret("kafka.sasl_password");
        if !protocol.has_sasl() {
            if username.is_some() || password.is_some() {
                let reason = format!("a login is given, but security_protocol is {:?}", protocol.as_str());
                r.fault(
                    "kafka.sasl_username",
                    reason,
                    "set kafka.security_protocol to \"sasl_ssl\", or take the login out",
                );
            }
            return None;
        }
        if username.is_none() {
            r.missing("kafka.sasl_username", "security_protocol asks for a login");
        }
        if password.is_none() {
            r.missing(
                "kafka.sasl_password",
                "security_protocol asks for a login; sasl_password_file names a file with it",
            );
        }
        if protocol == SecurityProtocol::SaslPlaintext && mechanism == "PLAIN" {
            r.warn("kafka.sasl_mechanism", "the password is sent over the network in clear text", "use sasl_ssl");
        }
        Some(Self { mechanism, username: username?, password: password? })
    }
}

impl ClientCertificate {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let certificate_file = r.optional("kafka.ssl_certificate_file", parse::file);
        let key_file = r.secret_file("kafka.ssl_key_file");
        let key_password = r.secret("kafka.ssl_key_password");
        let [certificate, key] = ["kafka.ssl_certificate_file", "kafka.ssl_key_file"].map(|key| r.is_given(key));
        if certificate && !key {
            r.missing("kafka.ssl_key_file", "ssl_certificate_file needs its key");
        } else if key && !certificate {
            r.missing("kafka.ssl_certificate_file", "ssl_key_file needs its certificate");
        }
        Some(Self { certificate_file: certificate_file?, key_file: key_file?, key_password })
    }
}
