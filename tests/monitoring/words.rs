//! The names of metrics in an expression.

use std::collections::BTreeSet;

use crate::metrics_table::documented;

/// What Prometheus makes by itself.
const PROMETHEUS: &[&str] = &["up{", "ALERTS{"];

/// The metrics and recorded series that `expression` names: every word that could be one of ours.
fn names(expression: &str) -> BTreeSet<&str> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    words.filter(|word| word.contains(':') || word.starts_with("ramstream_") || word.starts_with("process_")).collect()
}

/// Every metric that `expression` names is in docs/metrics.md, or is one of those `recorded`.
#[track_caller]
pub(crate) fn assert_known(expression: &str, recorded: &BTreeSet<String>) {
    let table = documented();
    let of_family = |name: &str| {
        ["_bucket", "_sum", "_count"].iter().any(|suffix| {
            let family = name.strip_suffix(suffix).and_then(|family| table.get(family));
            family.is_some_and(|(kind, _)| kind == "histogram")
        })
    };
    let found = names(expression);
    let other = PROMETHEUS.iter().any(|name| expression.contains(name));
    assert!(!found.is_empty() || other, "it names no metric: {expression}");
    for name in found {
        let known = recorded.contains(name) || of_family(name);
        let is_plain = table.get(name).is_some_and(|(kind, _)| kind != "histogram");
        assert!(known || is_plain, "{name} is not in docs/metrics.md: {expression}");
    }
}
