use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn metrics() -> Metrics {
    Metrics::new(&[Kind::User, Kind::Policy], &["ListUsers"], &[Reason::Denied, Reason::RemovalsUnproven])
}

fn samples(metrics: &Metrics) -> Vec<String> {
    metrics.render().lines().filter(|line| line.starts_with("ramstream_")).map(str::to_owned).collect()
}

#[track_caller]
fn has(metrics: &Metrics, expected: &[&str]) {
    let samples = samples(metrics);
    for series in expected {
        assert!(samples.iter().any(|sample| sample == series), "no {series} in {samples:#?}");
    }
}

#[test]
fn every_series_that_can_be_known_is_there_from_the_start() {
    let metrics = metrics();
    has(
        &metrics,
        &[
            "ramstream_syncs_total{outcome=\"unpublished\"} 0",
            "ramstream_changes_published_total{event_type=\"user.added\"} 0",
            "ramstream_changes_published_total{event_type=\"policy.created\"} 0",
            "ramstream_unknown_scopes{kind=\"user\",reason=\"denied\"} 0",
            "ramstream_api_calls_total{operation=\"ListUsers\",outcome=\"throttled\"} 0",
            "ramstream_kafka_transactions_total{outcome=\"failed\",purpose=\"sync\"} 0",
            "ramstream_requests_total{action=\"replay\",outcome=\"rejected\"} 0",
        ],
    );
}

#[test]
fn only_a_kind_that_is_read_can_become_stale() {
    let metrics = metrics();
    metrics.configured(Some(Duration::from_secs(300)), Duration::from_secs(60), &[Kind::Policy]);
    has(
        &metrics,
        &[
            "ramstream_sync_interval_seconds 300",
            "ramstream_kafka_transaction_timeout_seconds 60",
            "ramstream_sync_last_complete_timestamp_seconds{kind=\"policy\"} 0",
        ],
    );
    assert!(!metrics.render().contains("ramstream_sync_last_complete_timestamp_seconds{kind=\"user\"}"));
    metrics.configured(None, Duration::from_secs(60), &[]);
    has(&metrics, &["ramstream_sync_interval_seconds 0"]);
}

#[test]
fn what_happened_is_counted_without_a_series_more() {
    let metrics = metrics();
    metrics.configured(None, SECOND, Kind::ALL);
    let before = samples(&metrics).len();
    metrics.set_ready(true);
    metrics.sync_ended(SyncOutcome::Partial, SECOND);
    metrics.sync_unpublished();
    metrics.published(1_700_000_000.5);
    metrics.collection_complete(Kind::User, 1_700_000_000.0);
    metrics.set_unknown_scopes(&BTreeMap::from([((Kind::Policy, Reason::Denied), 2)]));
    metrics.set_unknown_scopes(&BTreeMap::from([((Kind::User, Reason::Denied), 1)]));
    metrics.set_removals_waiting(Kind::User, 6);
    metrics.set_guard(Kind::User, true);
    metrics.changes_published(Kind::User, Verb::Observed, 7);
    metrics.set_entities(Kind::User, 7);
    metrics.set_state(9, 1_000);
    metrics.state_recovered(SECOND);
    metrics.call_ended("ListUsers", CallOutcome::Throttled, SECOND, 1, SECOND * 3);
    metrics.call_ended("ListUsers", CallOutcome::Ok, SECOND, 2, SECOND);
    metrics.transaction_ended(Purpose::Sync, TransactionOutcome::Superseded, SECOND);
    metrics.looked_up(LookupOutcome::Unreachable);
    metrics.request_ended(Action::Replay, RequestOutcome::Completed);
    metrics.rows_replayed(12);
    metrics.set_requests_waiting(1);
    metrics.set_request_failures(2);
    metrics.set_requests_hidden(true);
    has(
        &metrics,
        &[
            "ramstream_ready 1",
            "ramstream_syncs_total{outcome=\"partial\"} 1",
            "ramstream_syncs_total{outcome=\"unpublished\"} 1",
            "ramstream_sync_duration_seconds_count 1",
            "ramstream_sync_last_published_timestamp_seconds 1700000000.5",
            "ramstream_sync_last_complete_timestamp_seconds{kind=\"user\"} 1700000000",
            "ramstream_unknown_scopes{kind=\"policy\",reason=\"denied\"} 0",
            "ramstream_unknown_scopes{kind=\"user\",reason=\"denied\"} 1",
            "ramstream_removals_waiting{kind=\"user\"} 6",
            "ramstream_guard_active{kind=\"user\"} 1",
            "ramstream_changes_published_total{event_type=\"user.observed\"} 7",
            "ramstream_entities{kind=\"user\"} 7",
            "ramstream_state_records 9",
            "ramstream_state_bytes 1000",
            "ramstream_state_recovery_seconds 1",
            "ramstream_api_calls_total{operation=\"ListUsers\",outcome=\"ok\"} 1",
            "ramstream_api_call_duration_seconds_count{operation=\"ListUsers\"} 2",
            "ramstream_api_throttled_total{operation=\"ListUsers\"} 1",
            "ramstream_api_retries_total{operation=\"ListUsers\"} 1",
            "ramstream_api_wait_seconds_total{operation=\"ListUsers\"} 4",
            "ramstream_kafka_transactions_total{outcome=\"superseded\",purpose=\"sync\"} 1",
            "ramstream_kafka_transaction_duration_seconds_count{purpose=\"sync\"} 1",
            "ramstream_registry_lookups_total{outcome=\"unreachable\"} 1",
            "ramstream_requests_total{action=\"replay\",outcome=\"completed\"} 1",
            "ramstream_replay_rows_total 12",
            "ramstream_requests_waiting 1",
            "ramstream_requests_hidden 1",
            "ramstream_request_failures 2",
        ],
    );
    assert_eq!(samples(&metrics).len(), before);

    metrics.parked();
    has(
        &metrics,
        &[
            "ramstream_unknown_scopes{kind=\"user\",reason=\"denied\"} 0",
            "ramstream_removals_waiting{kind=\"user\"} 0",
            "ramstream_guard_active{kind=\"user\"} 0",
            "ramstream_requests_waiting 0",
            "ramstream_requests_hidden 0",
            "ramstream_request_failures 0",
            "ramstream_entities{kind=\"user\"} 7",
        ],
    );
}

#[test]
fn there_is_one_phase_at_a_time() {
    let metrics = metrics();
    metrics.set_phase(Phase::Running);
    metrics.set_phase(Phase::Parked);
    let on = samples(&metrics).into_iter().filter(|sample| sample.contains("_phase{") && sample.ends_with(" 1"));
    assert_eq!(on.collect::<Vec<_>>(), ["ramstream_phase{phase=\"parked\"} 1"]);
}

#[test]
fn an_exchange_in_vain_leaves_the_end_of_the_credentials_as_it_is() {
    let metrics = metrics();
    metrics.credentials_exchanged(Some(1_700_003_600.0));
    metrics.credentials_exchanged(None);
    has(
        &metrics,
        &[
            "ramstream_credentials_exchanges_total{outcome=\"ok\"} 1",
            "ramstream_credentials_exchanges_total{outcome=\"failed\"} 1",
            "ramstream_credentials_expiry_timestamp_seconds 1700003600",
        ],
    );
}

#[test]
fn exchanges_in_vain_are_counted_until_one_succeeds() {
    let metrics = metrics();
    assert_eq!(metrics.exchanges_in_vain(), None);
    metrics.credentials_exchanged(None);
    assert_eq!(metrics.exchanges_in_vain(), Some((1, None)), "there never were any credentials");
    metrics.credentials_exchanged(Some(1_700_003_600.0));
    assert_eq!(metrics.exchanges_in_vain(), None);
    metrics.credentials_exchanged(None);
    metrics.credentials_exchanged(None);
    assert_eq!(metrics.exchanges_in_vain(), Some((2, Some(1_700_003_600.0))));
}

#[test]
fn deliveries_add_up_and_what_was_not_measured_changes_nothing() {
    let metrics = metrics();
    let measured = Some(Duration::from_millis(250));
    let first =
        Deliveries { records: 3, bytes: 500, errors: 0, queue_peak: 3, queue_wait: measured, round_trip: measured };
    metrics.delivered(&first);
    metrics.delivered(&Deliveries { records: 1, bytes: 20, errors: 2, ..Deliveries::default() });
    has(
        &metrics,
        &[
            "ramstream_kafka_records_total 4",
            "ramstream_kafka_record_bytes_total 520",
            "ramstream_kafka_delivery_errors_total 2",
            "ramstream_kafka_queue_peak_records 3",
            "ramstream_kafka_queue_wait_seconds 0.25",
            "ramstream_kafka_round_trip_seconds 0.25",
        ],
    );
}
