//! Every series: its name, type, labels and help text, in one table.

use prometheus::core::Collector;
use prometheus::{
    CounterVec, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

/// Seconds; a sync takes one to a few hundred.
const SYNC_BUCKETS: &[f64] = &[0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0];
/// Seconds; a call takes tens of milliseconds, its timeout is half a minute.
const CALL_BUCKETS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Seconds; the transaction's timeout is a minute by default and a quarter of an hour at most.
const TRANSACTION_BUCKETS: &[f64] =
    &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0];

/// Makes the struct of the series, and the function that registers them, from one table; the comments are the help texts.
macro_rules! series {
    ($($(#[doc = $help:literal])+ $field:ident: $type:ty = $make:ident($name:literal $(, $argument:expr)*);)+) => {
        #[derive(Debug)]
        pub(super) struct Series { $($(#[doc = $help])+ pub(super) $field: $type,)+ }

        impl Series {
            pub(super) fn register(registry: &Registry) -> Self {
                Self { $($field: $make(registry, $name, concat!($($help),+).trim() $(, $argument)*),)+ }
            }
        }
    };
}

series! {
    /// Always 1; which version this is.
    build_info: IntGaugeVec = gauges("build_info", &["version"]);
    /// 1 while /readyz says so.
    ready: IntGauge = gauge("ready");
    /// 1 for what the daemon is doing, 0 for everything else.
    phase: IntGaugeVec = gauges("phase", &["phase"]);

    /// Syncs ended.
    syncs: IntCounterVec = counters("syncs_total", &["outcome"]);
    /// From the beginning of a published sync to its end.
    sync_duration: Histogram = histogram("sync_duration_seconds", SYNC_BUCKETS);
    /// As configured, for alerts that are relative to it; 0 = only on request.
    sync_interval: Gauge = fraction("sync_interval_seconds");
    /// When the reading began that was published last, by whichever copy; 0 = never.
    sync_last_published: Gauge = fraction("sync_last_published_timestamp_seconds");
    /// When the last complete reading of the kind that is published ended; 0 = never. Only of kinds that are read.
    sync_last_complete: GaugeVec = moments("sync_last_complete_timestamp_seconds", &["kind"]);
    /// Scopes that the last sync could not read.
    unknown_scopes: IntGaugeVec = gauges("unknown_scopes", &["kind", "reason"]);
    /// Entities that seem to be gone, and of which that is not proven.
    removals_waiting: IntGaugeVec = gauges("removals_waiting", &["kind"]);
    /// 1 while so much of the kind seems to be gone that it was told before it is proven.
    guard_active: IntGaugeVec = gauges("guard_active", &["kind"]);
    /// Changes committed to Kafka.
    changes_published: IntCounterVec = counters("changes_published_total", &["event_type"]);

    /// Entities in the published state.
    entities: IntGaugeVec = gauges("entities", &["kind"]);
    /// Entities listed less those that the service counts; a difference that stays is the service's own.
    count_difference: IntGaugeVec = gauges("count_difference", &["kind"]);
    /// Records of the published state in memory.
    state_records: IntGauge = gauge("state_records");
    /// Size of their JSON.
    state_bytes: IntGauge = gauge("state_bytes");
    /// How long reading and verifying the state took at the start.
    state_recovery: Gauge = fraction("state_recovery_seconds");

    /// Attempts to call the cloud.
    api_calls: IntCounterVec = counters("api_calls_total", &["operation", "outcome"]);
    /// Of single attempts to call the cloud.
    api_call_duration: HistogramVec = histograms("api_call_duration_seconds", CALL_BUCKETS, &["operation"]);
    /// Attempts refused for their rate.
    api_throttled: IntCounterVec = counters("api_throttled_total", &["operation"]);
    /// Attempts after the first.
    api_retries: IntCounterVec = counters("api_retries_total", &["operation"]);
    /// Time that calls waited for their turn: for the own rate limit, and for one of the places that there are.
    api_wait: CounterVec = seconds("api_wait_seconds_total", &["operation"]);
    /// Exchanges for temporary credentials.
    credentials_exchanges: IntCounterVec = counters("credentials_exchanges_total", &["outcome"]);
    /// When the temporary credentials end; 0 = there are none, or they have no end that is known.
    credentials_expiry: Gauge = fraction("credentials_expiry_timestamp_seconds");

    /// Kafka transactions ended.
    kafka_transactions: IntCounterVec = counters("kafka_transactions_total", &["purpose", "outcome"]);
    /// From the read before it to the answer to the commit.
    kafka_transaction_duration: HistogramVec =
        histograms("kafka_transaction_duration_seconds", TRANSACTION_BUCKETS, &["purpose"]);
    /// As configured: a transaction that takes longer is aborted by the brokers.
    kafka_transaction_timeout: Gauge = fraction("kafka_transaction_timeout_seconds");
    /// Records that the brokers acknowledged, also of transactions that were not committed.
    kafka_records: IntCounter = counter("kafka_records_total");
    /// Keys and values of these records, before compression.
    kafka_record_bytes: IntCounter = counter("kafka_record_bytes_total");
    /// Records that were not delivered.
    kafka_delivery_errors: IntCounter = counter("kafka_delivery_errors_total");
    /// Most records at a time in the client's queue, in the last transaction.
    kafka_queue_peak: IntGauge = gauge("kafka_queue_peak_records");
    /// 99th percentile of the time in the client's queue before sending, in the last transaction that was measured.
    kafka_queue_wait: Gauge = fraction("kafka_queue_wait_seconds");
    /// 99th percentile of a broker's answers, the slowest broker's, in the last transaction that was measured.
    kafka_round_trip: Gauge = fraction("kafka_round_trip_seconds");
    /// Schema ids asked of the registry, each with all its tries.
    registry_lookups: IntCounterVec = counters("registry_lookups_total", &["outcome"]);

    /// Requests that ended.
    requests: IntCounterVec = counters("requests_total", &["action", "outcome"]);
    /// Requests that were read and have not ended.
    requests_waiting: IntGauge = gauge("requests_waiting");
    /// 1 while a transaction that somebody left open hides what follows it in the topic of requests.
    requests_hidden: IntGauge = gauge("requests_hidden");
    /// Attempts in a row to serve what was asked for that have failed, while syncs go on; 0 = none waits for another.
    request_failures: IntGauge = gauge("request_failures");
    /// Rows of replays committed to Kafka.
    replay_rows: IntCounter = counter("replay_rows_total");
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("ramstream")
}

/// The metric, if its name and labels are legal.
pub(super) fn one<T>(made: prometheus::Result<T>) -> T {
    made.expect("names and labels are literals of this file, legal and different")
}

fn add<T: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<T>) -> T {
    let metric = one(made);
    one(registry.register(Box::new(metric.clone())));
    metric
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    add(registry, IntCounter::with_opts(opts(name, help)))
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    add(registry, IntCounterVec::new(opts(name, help), labels))
}

fn seconds(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> CounterVec {
    add(registry, CounterVec::new(opts(name, help), labels))
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    add(registry, IntGauge::with_opts(opts(name, help)))
}

fn fraction(registry: &Registry, name: &str, help: &str) -> Gauge {
    add(registry, Gauge::with_opts(opts(name, help)))
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    add(registry, IntGaugeVec::new(opts(name, help), labels))
}

fn moments(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
    add(registry, GaugeVec::new(opts(name, help), labels))
}

fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Histogram {
    add(registry, Histogram::with_opts(HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec())))
}

fn histograms(registry: &Registry, name: &str, help: &str, buckets: &[f64], labels: &[&str]) -> HistogramVec {
    add(registry, HistogramVec::new(HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec()), labels))
}
