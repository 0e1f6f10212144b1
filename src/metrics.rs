//! Every metric of the daemon, over a registry of its own.
//!
//! Labels come from the enums here or from the lists given to [`Metrics::new`], never from names, ids or messages, so
//! the number of series is fixed; every one that can be known begins at zero. Moments are exported as timestamps: how
//! old something is, is the alert's business. Knows no other module.

mod label;

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

pub use label::{CallOutcome, Op, SyncOutcome, TransactionOutcome};

/// Seconds; a sync takes one to a few hundred.
const SYNC_BUCKETS: &[f64] = &[0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0];
/// Seconds; a call takes tens of milliseconds, its timeout is half a minute.
const CALL_BUCKETS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Seconds; the transaction's timeout is a minute by default.
const TRANSACTION_BUCKETS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Makes the struct of the series, and the function that registers them, from one table; the comments are the help texts.
macro_rules! series {
    ($($(#[doc = $help:literal])+ $field:ident: $type:ty = $make:ident($name:literal $(, $argument:expr)*);)+) => {
        #[derive(Debug)]
        struct Series { $($(#[doc = $help])+ $field: $type,)+ }

        impl Series {
            fn register(registry: &Registry) -> Self {
                Self { $($field: $make(registry, $name, concat!($($help),+).trim() $(, $argument)*),)+ }
            }
        }
    };
}

series! {
    /// Always 1; which version this is.
    build_info: IntGaugeVec = gauges("build_info", &["version"]);
    /// Syncs ended.
    syncs: IntCounterVec = counters("syncs_total", &["outcome"]);
    /// From the beginning of a sync to its end.
    sync_duration: Histogram = histogram("sync_duration_seconds", SYNC_BUCKETS);
    /// When the kind was last read completely and published; 0 = never.
    sync_last_complete: GaugeVec = moments("sync_last_complete_timestamp_seconds", &["kind"]);
    /// As configured, for alerts that are relative to it; 0 = only on request.
    sync_interval: Gauge = fraction("sync_interval_seconds");
    /// Entities in the published state.
    entities: IntGaugeVec = gauges("entities", &["kind"]);
    /// Entities listed less those that the service counts; a difference that stays is the service's own.
    count_difference: IntGaugeVec = gauges("count_difference", &["kind"]);
    /// Scopes that the last sync could not read.
    unknown_scopes: IntGaugeVec = gauges("unknown_scopes", &["kind", "reason"]);
    /// Changes committed to Kafka.
    changes_published: IntCounterVec = counters("changes_published_total", &["kind", "op"]);
    /// Attempts to call the cloud.
    api_calls: IntCounterVec = counters("api_calls_total", &["operation", "outcome"]);
    /// Of single attempts to call the cloud.
    api_call_duration: HistogramVec = histograms("api_call_duration_seconds", CALL_BUCKETS, &["operation"]);
    /// Attempts refused for their rate.
    api_throttled: IntCounterVec = counters("api_throttled_total", &["operation"]);
    /// Attempts after the first.
    api_retries: IntCounterVec = counters("api_retries_total", &["operation"]);
    /// Kafka transactions ended.
    kafka_transactions: IntCounterVec = counters("kafka_transactions_total", &["outcome"]);
    /// From the fresh producer to the answer to the commit.
    kafka_transaction_duration: Histogram = histogram("kafka_transaction_duration_seconds", TRANSACTION_BUCKETS);
    /// Attempts in a row to serve what was asked for that have failed, while syncs go on; 0 = none waits for another.
    request_failures: IntGauge = gauge("request_failures");
    /// Records of the published state in memory.
    state_records: IntGauge = gauge("state_records");
    /// How long reading and verifying the state took at the start.
    state_recovery: Gauge = fraction("state_recovery_seconds");
    /// 1 while another copy owns the account.
    parked: IntGauge = gauge("parked");
    /// 1 while /readyz says so.
    ready: IntGauge = gauge("ready");
}

/// The metrics; see the module's page. Names begin with `ramstream_`, those of the process with `process_`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    kinds: Vec<&'static str>,
    reasons: Vec<&'static str>,
    series: Series,
}

impl Metrics {
    /// Every series at zero, for these kinds of entities, operations of the cloud, and reasons for not knowing.
    #[must_use]
    pub fn new(kinds: &[&'static str], operations: &[&'static str], reasons: &[&'static str]) -> Self {
        let registry = Registry::new();
        one(registry.register(Box::new(ProcessCollector::for_self())));
        let series = Series::register(&registry);
        series.build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let metrics = Self { registry, kinds: kinds.to_vec(), reasons: reasons.to_vec(), series };
        metrics.begin_at_zero(operations);
        metrics
    }

    /// Makes every series that can be known, so that a rate over the first event is right.
    fn begin_at_zero(&self, operations: &[&'static str]) {
        for outcome in SyncOutcome::ALL {
            self.series.syncs.with_label_values(&[outcome.as_str()]);
        }
        for outcome in TransactionOutcome::ALL {
            self.series.kafka_transactions.with_label_values(&[outcome.as_str()]);
        }
        for kind in &self.kinds {
            self.series.sync_last_complete.with_label_values(&[kind]);
            self.series.entities.with_label_values(&[kind]);
            self.series.count_difference.with_label_values(&[kind]);
            for reason in &self.reasons {
                self.series.unknown_scopes.with_label_values(&[kind, reason]);
            }
            for op in Op::ALL {
                self.series.changes_published.with_label_values(&[kind, op.as_str()]);
            }
        }
        for operation in operations {
            self.series.api_call_duration.with_label_values(&[operation]);
            self.series.api_throttled.with_label_values(&[operation]);
            self.series.api_retries.with_label_values(&[operation]);
            for outcome in CallOutcome::ALL {
                self.series.api_calls.with_label_values(&[operation, outcome.as_str()]);
            }
        }
    }

    /// A sync ended.
    pub fn sync_ended(&self, outcome: SyncOutcome, duration: Duration) {
        self.series.syncs.with_label_values(&[outcome.as_str()]).inc();
        self.series.sync_duration.observe(duration.as_secs_f64());
    }

    /// `kind` was read completely, and what came of it is published, at this Unix time.
    pub fn collection_complete(&self, kind: &'static str, unix_seconds: f64) {
        self.series.sync_last_complete.with_label_values(&[kind]).set(unix_seconds);
    }

    /// The configured interval; `None` = only on request.
    pub fn set_sync_interval(&self, interval: Option<Duration>) {
        self.series.sync_interval.set(interval.unwrap_or_default().as_secs_f64());
    }

    /// How many entities of `kind` the published state has.
    pub fn set_entities(&self, kind: &'static str, count: usize) {
        self.series.entities.with_label_values(&[kind]).set(whole(count));
    }

    /// How many more entities of `kind` were listed than the service counts.
    pub fn set_count_difference(&self, kind: &'static str, listed_minus_counted: i64) {
        self.series.count_difference.with_label_values(&[kind]).set(listed_minus_counted);
    }

    /// The scopes that the last sync could not read, as (kind, reason); all others are known.
    pub fn set_unknown_scopes(&self, scopes: impl IntoIterator<Item = (&'static str, &'static str)>) {
        for kind in &self.kinds {
            for reason in &self.reasons {
                self.series.unknown_scopes.with_label_values(&[kind, reason]).set(0);
            }
        }
        for (kind, reason) in scopes {
            self.series.unknown_scopes.with_label_values(&[kind, reason]).inc();
        }
    }

    /// So many changes of `kind` were committed.
    pub fn changes_published(&self, kind: &'static str, op: Op, count: usize) {
        self.series.changes_published.with_label_values(&[kind, op.as_str()]).inc_by(count as u64);
    }

    /// The attempt with this number (from 1) at a call ended.
    pub fn call_ended(&self, operation: &'static str, outcome: CallOutcome, duration: Duration, attempt: u32) {
        self.series.api_calls.with_label_values(&[operation, outcome.as_str()]).inc();
        self.series.api_call_duration.with_label_values(&[operation]).observe(duration.as_secs_f64());
        if outcome == CallOutcome::Throttled {
            self.series.api_throttled.with_label_values(&[operation]).inc();
        }
        if attempt > 1 {
            self.series.api_retries.with_label_values(&[operation]).inc();
        }
    }

    /// A Kafka transaction ended.
    pub fn transaction_ended(&self, outcome: TransactionOutcome, duration: Duration) {
        self.series.kafka_transactions.with_label_values(&[outcome.as_str()]).inc();
        self.series.kafka_transaction_duration.observe(duration.as_secs_f64());
    }

    /// How many attempts in a row to serve what was asked for have failed.
    pub fn set_request_failures(&self, count: u32) {
        self.series.request_failures.set(i64::from(count));
    }

    /// How many records the published state has in memory.
    pub fn set_state_records(&self, count: usize) {
        self.series.state_records.set(whole(count));
    }

    /// The state was read and verified.
    pub fn state_recovered(&self, duration: Duration) {
        self.series.state_recovery.set(duration.as_secs_f64());
    }

    /// Whether another copy owns the account, and whether `/readyz` answers with 200.
    pub fn set_health(&self, parked: bool, ready: bool) {
        self.series.parked.set(i64::from(parked));
        self.series.ready.set(i64::from(ready));
    }

    /// Everything in Prometheus's text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let families = self.registry.gather();
        TextEncoder::new().encode_to_string(&families).expect("every family has a name and samples")
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("ramstream")
}

/// The metric, if its name and labels are legal.
fn one<T>(made: prometheus::Result<T>) -> T {
    made.expect("names and labels are literals of this file, legal and different")
}

fn add<T: Collector + Clone + 'static>(registry: &Registry, made: prometheus::Result<T>) -> T {
    let metric = one(made);
    one(registry.register(Box::new(metric.clone())));
    metric
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    add(registry, IntCounterVec::new(opts(name, help), labels))
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
