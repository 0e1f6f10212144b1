//! Every metric of the daemon, over a registry of its own.
//!
//! Labels come from the enums here or from the lists given to [`Metrics::new`], never from names, ids or messages, so
//! the number of series is fixed; every one that can be known begins at zero. Moments are exported as timestamps: how
//! old something is, is the alert's business. Knows no other module.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// Seconds; a sync takes one to a few hundred.
const SYNC_BUCKETS: &[f64] = &[0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0];
/// Seconds; a call takes tens of milliseconds, its timeout is half a minute.
const CALL_BUCKETS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Seconds; the transaction's timeout is a minute by default.
const TRANSACTION_BUCKETS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$value_doc])* $value,)* }

        impl $name {
            const ALL: &[Self] = &[$(Self::$value,)*];

            fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text,)* }
            }
        }
    };
}

label! {
    /// How a sync ended.
    SyncOutcome {
        /// Every collection was read completely.
        Complete = "complete",
        /// Something is unknown.
        Partial = "partial",
        /// Nothing was published.
        Failed = "failed",
    }
}

label! {
    /// How one call (one attempt) of the cloud ended.
    CallOutcome {
        /// Answered.
        Ok = "ok",
        /// Refused for its rate; tried again.
        Throttled = "throttled",
        /// The credentials may not.
        Denied = "denied",
        /// The credentials are not accepted.
        Unauthenticated = "unauthenticated",
        /// The thing asked for does not exist.
        NotFound = "not_found",
        /// No answer, a time-out or a 5xx; tried again.
        Unavailable = "unavailable",
        /// Anything else: an answer that breaks the rules, an unknown error code.
        Protocol = "protocol",
    }
}

label! {
    /// What a published change did to its entity; the words are those of the event's `op`.
    Op {
        /// It is new.
        Create = "c",
        /// It changed.
        Update = "u",
        /// It is gone.
        Delete = "d",
        /// It was there when looking began (baseline).
        Read = "r",
    }
}

label! {
    /// How a Kafka transaction ended.
    TransactionOutcome {
        /// Committed.
        Committed = "committed",
        /// Not committed, or not known to be.
        Failed = "failed",
        /// Not committed because another copy owns the account.
        Superseded = "superseded",
    }
}

/// The metrics; see the module's page. Names begin with `ramstream_`, those of the process with `process_`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    kinds: Vec<&'static str>,
    reasons: Vec<&'static str>,
    /// `syncs_total{outcome}`: syncs ended.
    syncs: IntCounterVec,
    /// `sync_duration_seconds`: from the beginning of a sync to its end.
    sync_duration: Histogram,
    /// `sync_last_complete_timestamp_seconds{kind}`: when the kind was last read completely and published; 0 = never.
    sync_last_complete: GaugeVec,
    /// `sync_interval_seconds`: as configured, so that alerts can be relative to it; 0 = only on request.
    sync_interval: Gauge,
    /// `entities{kind}`: in the published state.
    entities: IntGaugeVec,
    /// `unknown_scopes{kind,reason}`: scopes that the last sync could not read.
    unknown_scopes: IntGaugeVec,
    /// `changes_published_total{kind,op}`: changes committed to Kafka.
    changes_published: IntCounterVec,
    /// `api_calls_total{operation,outcome}`: attempts.
    api_calls: IntCounterVec,
    /// `api_call_duration_seconds{operation}`: of single attempts.
    api_call_duration: HistogramVec,
    /// `api_throttled_total{operation}`: attempts refused for their rate.
    api_throttled: IntCounterVec,
    /// `api_retries_total{operation}`: attempts after the first.
    api_retries: IntCounterVec,
    /// `kafka_transactions_total{outcome}`: transactions ended.
    kafka_transactions: IntCounterVec,
    /// `kafka_transaction_duration_seconds`: from the fresh producer to the commit's answer.
    kafka_transaction_duration: Histogram,
    /// `state_records`: records of the published state in memory.
    state_records: IntGauge,
    /// `state_recovery_seconds`: how long the state took to read and verify at the last start.
    state_recovery: Gauge,
    /// `parked`: 1 while another copy owns the account.
    parked: IntGauge,
    /// `ready`: 1 while `/readyz` says so.
    ready: IntGauge,
}

impl Metrics {
    /// Every series at zero, for these kinds of entities, operations of the cloud, and reasons for not knowing.
    ///
    /// # Panics
    /// If a name is not a legal one or stands twice, which a test rules out.
    #[must_use]
    pub fn new(kinds: &[&'static str], operations: &[&'static str], reasons: &[&'static str]) -> Self {
        let registry = Registry::new();
        let r = &registry;
        one(r.register(Box::new(ProcessCollector::for_self())));
        build_info(r);
        let metrics = Self {
            kinds: kinds.to_vec(),
            reasons: reasons.to_vec(),
            syncs: counters(r, "syncs_total", "Syncs ended.", &["outcome"]),
            sync_duration: histogram(
                r,
                "sync_duration_seconds",
                "From the beginning of a sync to its end.",
                SYNC_BUCKETS,
            ),
            sync_last_complete: moments(
                r,
                "sync_last_complete_timestamp_seconds",
                "When the kind was last read completely and published; 0 = never.",
                &["kind"],
            ),
            sync_interval: add(
                r,
                one(Gauge::with_opts(opts("sync_interval_seconds", "As configured; 0 = only on request."))),
            ),
            entities: gauges(r, "entities", "Entities in the published state.", &["kind"]),
            unknown_scopes: gauges(
                r,
                "unknown_scopes",
                "Scopes that the last sync could not read.",
                &["kind", "reason"],
            ),
            changes_published: counters(r, "changes_published_total", "Changes committed to Kafka.", &["kind", "op"]),
            api_calls: counters(r, "api_calls_total", "Attempts to call the cloud.", &["operation", "outcome"]),
            api_call_duration: call_histogram(r),
            api_throttled: counters(r, "api_throttled_total", "Attempts refused for their rate.", &["operation"]),
            api_retries: counters(r, "api_retries_total", "Attempts after the first.", &["operation"]),
            kafka_transactions: counters(r, "kafka_transactions_total", "Kafka transactions ended.", &["outcome"]),
            kafka_transaction_duration: histogram(
                r,
                "kafka_transaction_duration_seconds",
                "From the fresh producer to the answer to the commit.",
                TRANSACTION_BUCKETS,
            ),
            state_records: gauge(r, "state_records", "Records of the published state in memory."),
            state_recovery: add(
                r,
                one(Gauge::with_opts(opts(
                    "state_recovery_seconds",
                    "How long reading and verifying the state took at the start.",
                ))),
            ),
            parked: gauge(r, "parked", "1 while another copy owns the account."),
            ready: gauge(r, "ready", "1 while /readyz says so."),
            registry,
        };
        metrics.begin_at_zero(operations);
        metrics
    }

    /// Makes every series that can be known, so that a rate over the first event is right.
    fn begin_at_zero(&self, operations: &[&'static str]) {
        for outcome in SyncOutcome::ALL {
            self.syncs.with_label_values(&[outcome.as_str()]);
        }
        for outcome in TransactionOutcome::ALL {
            self.kafka_transactions.with_label_values(&[outcome.as_str()]);
        }
        for kind in &self.kinds {
            self.sync_last_complete.with_label_values(&[kind]);
            self.entities.with_label_values(&[kind]);
            for reason in &self.reasons {
                self.unknown_scopes.with_label_values(&[kind, reason]);
            }
            for op in Op::ALL {
                self.changes_published.with_label_values(&[kind, op.as_str()]);
            }
        }
        for operation in operations {
            self.api_call_duration.with_label_values(&[operation]);
            self.api_throttled.with_label_values(&[operation]);
            self.api_retries.with_label_values(&[operation]);
            for outcome in CallOutcome::ALL {
                self.api_calls.with_label_values(&[operation, outcome.as_str()]);
            }
        }
    }

    /// A sync ended.
    pub fn sync_ended(&self, outcome: SyncOutcome, duration: Duration) {
        self.syncs.with_label_values(&[outcome.as_str()]).inc();
        self.sync_duration.observe(duration.as_secs_f64());
    }

    /// `kind` was read completely, and what came of it is published, at this Unix time.
    pub fn collection_complete(&self, kind: &'static str, unix_seconds: f64) {
        self.sync_last_complete.with_label_values(&[kind]).set(unix_seconds);
    }

    /// The configured interval; `None` = only on request.
    pub fn set_sync_interval(&self, interval: Option<Duration>) {
        self.sync_interval.set(interval.unwrap_or_default().as_secs_f64());
    }

    /// How many entities of `kind` the published state has.
    pub fn set_entities(&self, kind: &'static str, count: usize) {
        self.entities.with_label_values(&[kind]).set(whole(count));
    }

    /// The scopes that the last sync could not read, as (kind, reason); all others are known.
    pub fn set_unknown_scopes(&self, scopes: impl IntoIterator<Item = (&'static str, &'static str)>) {
        for kind in &self.kinds {
            for reason in &self.reasons {
                self.unknown_scopes.with_label_values(&[kind, reason]).set(0);
            }
        }
        for (kind, reason) in scopes {
            self.unknown_scopes.with_label_values(&[kind, reason]).inc();
        }
    }

    /// So many changes of `kind` were committed.
    pub fn changes_published(&self, kind: &'static str, op: Op, count: usize) {
        self.changes_published.with_label_values(&[kind, op.as_str()]).inc_by(count as u64);
    }

    /// The attempt with this number (from 1) at a call ended.
    pub fn call_ended(&self, operation: &'static str, outcome: CallOutcome, duration: Duration, attempt: u32) {
        self.api_calls.with_label_values(&[operation, outcome.as_str()]).inc();
        self.api_call_duration.with_label_values(&[operation]).observe(duration.as_secs_f64());
        if outcome == CallOutcome::Throttled {
            self.api_throttled.with_label_values(&[operation]).inc();
        }
        if attempt > 1 {
            self.api_retries.with_label_values(&[operation]).inc();
        }
    }

    /// A Kafka transaction ended.
    pub fn transaction_ended(&self, outcome: TransactionOutcome, duration: Duration) {
        self.kafka_transactions.with_label_values(&[outcome.as_str()]).inc();
        self.kafka_transaction_duration.observe(duration.as_secs_f64());
    }

    /// How many records the published state has in memory.
    pub fn set_state_records(&self, count: usize) {
        self.state_records.set(whole(count));
    }

    /// The state was read and verified.
    pub fn state_recovered(&self, duration: Duration) {
        self.state_recovery.set(duration.as_secs_f64());
    }

    /// Whether another copy owns the account, and whether `/readyz` answers with 200.
    pub fn set_health(&self, parked: bool, ready: bool) {
        self.parked.set(i64::from(parked));
        self.ready.set(i64::from(ready));
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
    made.expect("names and labels are literals of this file, and legal")
}

fn add<T: Collector + Clone + 'static>(registry: &Registry, metric: T) -> T {
    one(registry.register(Box::new(metric.clone())));
    metric
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    add(registry, one(IntCounterVec::new(opts(name, help), labels)))
}

fn gauge(registry: &Registry, name: &str, help: &str) -> IntGauge {
    add(registry, one(IntGauge::with_opts(opts(name, help))))
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
    add(registry, one(IntGaugeVec::new(opts(name, help), labels)))
}

fn moments(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
    add(registry, one(GaugeVec::new(opts(name, help), labels)))
}

fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Histogram {
    let opts = HistogramOpts::from(opts(name, help)).buckets(buckets.to_vec());
    add(registry, one(Histogram::with_opts(opts)))
}

fn call_histogram(registry: &Registry) -> HistogramVec {
    let opts = opts("api_call_duration_seconds", "Of single attempts to call the cloud.");
    add(registry, one(HistogramVec::new(HistogramOpts::from(opts).buckets(CALL_BUCKETS.to_vec()), &["operation"])))
}

/// `build_info{version}` is always 1.
fn build_info(registry: &Registry) {
    gauges(registry, "build_info", "Which version this is.", &["version"])
        .with_label_values(&[env!("CARGO_PKG_VERSION")])
        .set(1);
}
