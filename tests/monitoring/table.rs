//! The table of docs/metrics.md, without a daemon.

use std::time::Duration;

use ramstream::{
    alicloud::OPERATIONS,
    metrics::Metrics,
    model::{Kind, Reason},
};

use crate::metrics_table::{documented, exposed, samples};

/// The metrics of a daemon that has not begun, as it makes them.
fn scrape() -> String {
    let operations: Vec<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
    let metrics = Metrics::new(Kind::ALL, &operations, Reason::ALL);
    metrics.configured(None, Duration::ZERO, Kind::ALL);
    metrics.render()
}

#[test]
fn every_metric_has_its_row_and_every_row_its_metric() {
    assert_eq!(exposed(&scrape()), documented());
}

#[test]
fn names_follow_the_conventions() {
    for (name, (kind, labels)) in documented().iter().filter(|(name, _)| name.starts_with("ramstream_")) {
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        assert!(kind != "histogram" || name.ends_with("_seconds"), "{name}");
        for millis in ["_ms", "_millis", "_minutes", "_kb", "_percent"] {
            assert!(!name.contains(millis), "{name} has no base unit");
        }
        let allowed = ["version", "phase", "outcome", "kind", "reason", "event_type", "operation", "purpose", "action"];
        assert!(labels.iter().all(|label| allowed.contains(&label.as_str())), "{name}: a label that has no bound?");
    }
}

#[test]
fn there_are_some_thousands_of_series_at_most() {
    let scrape = scrape();
    let count = samples(&scrape).count();
    assert!(count < 3_000, "{count} series: each label multiplies them");
}

#[test]
fn every_series_begins_at_zero() {
    let scrape = scrape();
    let ours = samples(&scrape).filter(|sample| sample.name.starts_with("ramstream_"));
    for sample in ours.filter(|sample| sample.name != "ramstream_build_info") {
        assert!(sample.value == 0.0, "{} {:?} is {}", sample.name, sample.labels, sample.value);
    }
}
