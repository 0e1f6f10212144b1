//! Which Kafka client is built in, and what it can do.

use rdkafka::ClientConfig;
use rdkafka::util::get_rdkafka_version;

/// Its version, as it says itself.
#[must_use]
pub fn version() -> String {
    get_rdkafka_version().1
}

/// What it was built with: compression, encryption, logins.
#[must_use]
pub fn features() -> Vec<String> {
    let told = ClientConfig::new().create_native_config().and_then(|config| config.get("builtin.features"));
    let features = told.unwrap_or_default();
    features.split(',').filter(|feature| !feature.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logins_and_codecs_that_the_configuration_offers_are_built_in() {
        let features = features();
        for feature in ["ssl", "sasl_scram", "sasl_plain", "zstd", "lz4", "snappy", "gzip"] {
            assert!(features.iter().any(|built| built == feature), "{feature} is missing in {features:?}");
        }
        assert!(version().split('.').count() >= 3, "{}", version());
    }
}
