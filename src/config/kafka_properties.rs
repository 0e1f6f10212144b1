//! `[kafka.properties]`: what may be passed through to librdkafka, and what may not, with the reasons.

use rdkafka::ClientConfig;

use super::reader::Reader;

const TABLE: &str = "kafka.properties";

const RUNS_CODE: &str = "it loads code or runs a command";
const HOLDS_A_SECRET: &str =
    "it holds a secret, which this table would show; use the kafka.sasl_… and kafka.ssl_… keys";
const TYPED: &str = "it has a key of its own in [kafka]";
const OURS: &str = "ramstream sets it itself: exactly-once publishing depends on it";
const PROVES_THE_END: &str = "ramstream sets it itself: the proof of having read to the end depends on it";
const NO_MOCK: &str = "it replaces the brokers by a mock";
const WEAKENS_TLS: &str =
    "it switches off the check of the brokers' certificates; trust a private CA with kafka.ssl_ca_file";
const NOT_BUILT: &str = "this build of librdkafka has neither Kerberos nor OAUTHBEARER";
const NO_TEXT: &str = "it is not set by a text";

/// Names (a trailing `*` stands for any rest) that are refused, and why. librdkafka 2.12's CONFIGURATION.md lists them all;
/// every alias has to be here too.
const DENIED: &[(&str, &str)] = &[
    ("plugin.library.paths", RUNS_CODE),
    ("sasl.kerberos.kinit.cmd", RUNS_CODE),
    ("ssl.engine.*", RUNS_CODE),
    ("ssl.providers", RUNS_CODE),
    ("test.mock.*", NO_MOCK),
    ("sasl.kerberos.*", NOT_BUILT),
    ("sasl.oauthbearer.*", NOT_BUILT),
    ("enable.sasl.oauthbearer.unsecure.jwt", NOT_BUILT),
    ("https.ca.*", NOT_BUILT),
    ("enable.ssl.certificate.verification", WEAKENS_TLS),
    ("ssl.endpoint.identification.algorithm", WEAKENS_TLS),
    ("ssl.key.*", HOLDS_A_SECRET),
    ("ssl.keystore.*", HOLDS_A_SECRET),
    ("ssl.certificate.*", TYPED),
    ("ssl.ca.*", TYPED),
    ("sasl.*", TYPED),
    ("security.protocol", TYPED),
    ("bootstrap.servers", TYPED),
    ("metadata.broker.list", TYPED),
    ("client.id", TYPED),
    ("group.id", TYPED),
    ("compression.codec", TYPED),
    ("compression.type", TYPED),
    ("message.max.bytes", TYPED),
    ("transaction.timeout.ms", TYPED),
    ("transactional.id", OURS),
    ("enable.idempotence", OURS),
    ("enable.gapless.guarantee", OURS),
    ("acks", OURS),
    ("request.required.acks", OURS),
    ("max.in.flight", OURS),
    ("max.in.flight.requests.per.connection", OURS),
    ("retries", OURS),
    ("message.send.max.retries", OURS),
    ("message.timeout.ms", OURS),
    ("delivery.timeout.ms", OURS),
    ("partitioner", OURS),
    ("delivery.report.only.error", OURS),
    ("allow.auto.create.topics", OURS),
    ("queuing.strategy", OURS),
    ("group.*", PROVES_THE_END),
    ("isolation.level", PROVES_THE_END),
    ("auto.offset.reset", PROVES_THE_END),
    ("enable.auto.commit", PROVES_THE_END),
    ("auto.commit.*", PROVES_THE_END),
    ("enable.auto.offset.store", PROVES_THE_END),
    ("enable.partition.eof", PROVES_THE_END),
    ("offset.store.*", PROVES_THE_END),
    ("log.queue", NO_TEXT),
    ("opaque", NO_TEXT),
    ("interceptors", NO_TEXT),
    ("default_topic_conf", NO_TEXT),
    ("ssl_engine_callback_data", NO_TEXT),
    ("enabled_events", NO_TEXT),
];

/// The properties that may be passed on; each of the others is a problem.
pub(super) fn read(r: &mut Reader<'_>) -> Vec<(String, String)> {
    let given = r.table(TABLE);
    given.into_iter().filter(|(name, value)| is_fine(r, name, value)).collect()
}

fn is_fine(r: &mut Reader<'_>, name: &str, value: &str) -> bool {
    let key = format!("{TABLE}.{name}");
    if let Some(reason) = denied(name) {
        r.fault(&key, format!("is not passed through: {reason}"), "take it out");
        return false;
    }
    // librdkafka's own error repeats the value, which under a mistyped name may be a password.
    if ClientConfig::new().set(name, value).create_native_config().is_err() {
        r.fault(
            &key,
            "librdkafka has no such property, or not with this value",
            "look it up in librdkafka's CONFIGURATION.md",
        );
        return false;
    }
    true
}

fn denied(name: &str) -> Option<&'static str> {
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    };
    if name.ends_with("_cb") {
        return Some(NO_TEXT);
    }
    DENIED.iter().find(|(pattern, _)| matches(pattern)).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::{DENIED, denied};
    use rdkafka::ClientConfig;
    use rdkafka::error::KafkaError;
    use rdkafka::types::RDKafkaConfRes;

    #[test]
    fn the_most_specific_reason_is_told() {
        let reason = |name| denied(name).unwrap_or("passed");
        assert!(reason("sasl.kerberos.kinit.cmd").contains("runs a command"));
        assert!(reason("sasl.password").contains("key of its own"));
        assert!(reason("ssl.key.pem").contains("secret"));
        assert!(reason("ssl.keystore.password").contains("secret"));
        assert!(reason("rebalance_cb").contains("not set by a text"));
        assert_eq!(reason("socket.keepalive.enable"), "passed");
        assert_eq!(reason("client.rack"), "passed");
    }

    #[test]
    fn every_denied_name_without_a_star_exists_in_librdkafka() {
        let pointers = ["opaque", "interceptors", "default_topic_conf", "ssl_engine_callback_data"];
        let absent: Vec<_> = DENIED
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !name.ends_with('*') && !pointers.contains(name))
            .filter(|name| {
                let set = ClientConfig::new().set(*name, "x").create_native_config();
                matches!(set, Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)))
            })
            .collect();
        assert!(absent.is_empty(), "misspelt? {absent:?}");
    }
}
