//! What is wrong with a topic as it is found. Pure.

use std::collections::BTreeMap;

use super::{Cleanup, Finding, Severity, TopicSpec};

/// A topic as the brokers describe it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) partitions: i32,
    /// The fewest replicas of any partition.
    pub(super) replicas: i32,
    /// Why the settings could not be read, or the settings.
    pub(super) settings: Result<BTreeMap<String, String>, String>,
}

/// Everything wrong with `found`, the refusals first.
pub(super) fn judge(spec: &TopicSpec, found: &Found, message_max_bytes: u32) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        partitions(spec, found.partitions).into_iter().chain(replicas(spec, found.replicas)).collect();
    match &found.settings {
        Ok(settings) => {
            findings.extend(cleanup(spec, settings));
            findings.extend(retention(spec, settings));
            findings.extend(min_in_sync(spec, settings, found.replicas));
            findings.extend(record_size(spec, settings, message_max_bytes));
        }
        Err(reason) => findings.push(unreadable(spec, reason)),
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// State lives in one order; more partitions have several.
fn partitions(spec: &TopicSpec, found: i32) -> Option<Finding> {
    (spec.cleanup == Cleanup::Compact && found != spec.partitions).then(|| Finding {
        severity: Severity::Refused,
        setting: "partitions",
        reason: format!("has {found} partitions, must have exactly {}", spec.partitions),
        mend: "partitions cannot be removed: use another topic prefix".to_owned(),
    })
}

fn replicas(spec: &TopicSpec, found: i32) -> Option<Finding> {
    (found < spec.replication).then(|| Finding {
        severity: Severity::Warning,
        setting: "replication",
        reason: format!("has {found} replicas, {} are configured", spec.replication),
        mend: "add replicas with kafka-reassign-partitions.sh, or set kafka.replication_factor lower".to_owned(),
    })
}

/// Compaction would drop events, deletion would drop state.
fn cleanup(spec: &TopicSpec, settings: &BTreeMap<String, String>) -> Option<Finding> {
    let (wanted, found) = (spec.cleanup.policy(), get(settings, "cleanup.policy"));
    (found != wanted).then(|| Finding {
        severity: Severity::Refused,
        setting: "cleanup.policy",
        reason: format!("is `{found}`, must be exactly `{wanted}`"),
        mend: alter(spec, &format!("cleanup.policy={wanted}")),
    })
}

fn retention(spec: &TopicSpec, settings: &BTreeMap<String, String>) -> Vec<Finding> {
    let Some(wanted) = spec.retention else { return Vec::new() };
    let wanted_ms = wanted.as_millis();
    let mut findings = Vec::new();
    // -1 = for ever; it does not parse as u128.
    if let Ok(found_ms) = get(settings, "retention.ms").parse::<u128>()
        && found_ms < wanted_ms
    {
        findings.push(Finding {
            severity: Severity::Warning,
            setting: "retention.ms",
            reason: format!("is {found_ms}, {wanted_ms} is configured"),
            mend: alter(spec, &format!("retention.ms={wanted_ms}")),
        });
    }
    if let Ok(bytes) = get(settings, "retention.bytes").parse::<u128>() {
        findings.push(Finding {
            severity: Severity::Warning,
            setting: "retention.bytes",
            reason: format!("is {bytes}: records may be deleted early"),
            mend: alter(spec, "retention.bytes=-1"),
        });
    }
    findings
}

fn min_in_sync(spec: &TopicSpec, settings: &BTreeMap<String, String>, replicas: i32) -> Option<Finding> {
    (replicas > 1 && get(settings, "min.insync.replicas") == "1").then(|| Finding {
        severity: Severity::Warning,
        setting: "min.insync.replicas",
        reason: format!("is 1 with {replicas} replicas: a record acknowledged by one broker can be lost with it"),
        mend: alter(spec, "min.insync.replicas=2"),
    })
}

fn record_size(spec: &TopicSpec, settings: &BTreeMap<String, String>, message_max_bytes: u32) -> Option<Finding> {
    let found: u64 = get(settings, "max.message.bytes").parse().ok()?;
    (found < u64::from(message_max_bytes)).then(|| Finding {
        severity: Severity::Warning,
        setting: "max.message.bytes",
        reason: format!("is {found}, but records of up to {message_max_bytes} bytes are sent"),
        mend: alter(spec, &format!("max.message.bytes={message_max_bytes}")),
    })
}

/// For state an unknown policy is as bad as a wrong one.
fn unreadable(spec: &TopicSpec, reason: &str) -> Finding {
    let severity = if spec.cleanup == Cleanup::Compact { Severity::Refused } else { Severity::Warning };
    Finding {
        severity,
        setting: "cleanup.policy",
        reason: format!("cannot be read: {reason}"),
        mend: format!("grant `DescribeConfigs` on topic {}", spec.name),
    }
}

fn get<'a>(settings: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    settings.get(name).map_or("", String::as_str)
}

fn alter(spec: &TopicSpec, setting: &str) -> String {
    format!("kafka-configs.sh --alter --entity-type topics --entity-name {} --add-config {setting}", spec.name)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn spec(cleanup: Cleanup) -> TopicSpec {
        TopicSpec {
            name: "t".to_owned(),
            partitions: 1,
            replication: 3,
            cleanup,
            retention: (cleanup == Cleanup::Delete).then(|| Duration::from_secs(3600)),
            settings: Vec::new(),
        }
    }

    fn found(settings: &[(&str, &str)]) -> Found {
        let defaults = [
            ("retention.ms", "604800000"),
            ("retention.bytes", "-1"),
            ("min.insync.replicas", "2"),
            ("max.message.bytes", "1048588"),
        ];
        let all = defaults.iter().chain(settings).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Found { partitions: 1, replicas: 3, settings: Ok(all.collect()) }
    }

    fn verdict(spec: &TopicSpec, found: &Found) -> Vec<(Severity, &'static str)> {
        judge(spec, found, 1_000_000).iter().map(|finding| (finding.severity, finding.setting)).collect()
    }

    #[test]
    fn a_topic_as_asked_for_has_no_finding() {
        assert_eq!(verdict(&spec(Cleanup::Compact), &found(&[("cleanup.policy", "compact")])), []);
        assert_eq!(verdict(&spec(Cleanup::Delete), &found(&[("cleanup.policy", "delete")])), []);
    }

    #[test]
    fn state_that_is_not_exactly_compacted_is_refused() {
        for policy in ["delete", "compact,delete", "delete,compact"] {
            let found = found(&[("cleanup.policy", policy)]);
            assert_eq!(verdict(&spec(Cleanup::Compact), &found), [(Severity::Refused, "cleanup.policy")]);
        }
    }

    #[test]
    fn events_that_are_compacted_are_refused() {
        let found = found(&[("cleanup.policy", "compact")]);
        let findings = judge(&spec(Cleanup::Delete), &found, 1);
        assert_eq!(findings[0].severity, Severity::Refused);
        assert!(findings[0].mend.ends_with("--entity-name t --add-config cleanup.policy=delete"));
    }

    #[test]
    fn state_in_two_partitions_is_refused() {
        let mut found = found(&[("cleanup.policy", "compact")]);
        found.partitions = 2;
        assert_eq!(verdict(&spec(Cleanup::Compact), &found), [(Severity::Refused, "partitions")]);
    }

    #[test]
    fn weaker_settings_are_warned_of_by_name() {
        let mut found = found(&[
            ("cleanup.policy", "delete"),
            ("retention.ms", "3599999"),
            ("retention.bytes", "1000"),
            ("min.insync.replicas", "1"),
            ("max.message.bytes", "999999"),
        ]);
        found.replicas = 2;
        let warned = ["replication", "retention.ms", "retention.bytes", "min.insync.replicas", "max.message.bytes"];
        assert_eq!(verdict(&spec(Cleanup::Delete), &found), warned.map(|name| (Severity::Warning, name)));
    }

    #[test]
    fn endless_retention_and_a_single_replica_need_no_warning() {
        let mut found = found(&[("cleanup.policy", "delete"), ("retention.ms", "-1"), ("min.insync.replicas", "1")]);
        found.replicas = 1;
        let asked = TopicSpec { replication: 1, ..spec(Cleanup::Delete) };
        assert_eq!(verdict(&asked, &found), []);
    }

    #[test]
    fn state_whose_settings_cannot_be_read_is_refused() {
        let found = Found { partitions: 1, replicas: 3, settings: Err("denied".to_owned()) };
        assert_eq!(verdict(&spec(Cleanup::Compact), &found), [(Severity::Refused, "cleanup.policy")]);
        assert_eq!(verdict(&spec(Cleanup::Delete), &found), [(Severity::Warning, "cleanup.policy")]);
    }
}
