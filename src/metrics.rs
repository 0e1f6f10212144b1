//! Every metric of the daemon, over a registry of its own; `docs/metrics.md` tells what each is for.
//!
//! Labels come from the enums here, from the model's words or from the list given to [`Metrics::new`], never from names,
//! ids or messages, so the number of series is bounded; every one that can be known begins at zero. Moments are exported
//! as timestamps: how old something is, is the alert's business.

mod label;
mod series;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::process_collector::ProcessCollector;
use prometheus::{Registry, TextEncoder};

use crate::model::{Entity, ForKind, Kind, Reason, Verb};
pub use label::{
    Action, CallOutcome, ExchangeOutcome, LookupOutcome, Phase, Purpose, RequestOutcome, SyncOutcome,
    TransactionOutcome,
};
use series::{Series, one};

/// The metrics; see the module's page. Names begin with `ramstream_`, those of the process with `process_`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    kinds: Vec<Kind>,
    reasons: Vec<Reason>,
    series: Series,
    /// Exchanges for credentials that failed since the last one that did not.
    exchanges_in_vain: AtomicU64,
}

/// What became of the records of one transaction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deliveries {
    /// Acknowledged records.
    pub records: u64,
    /// Their keys and values.
    pub bytes: u64,
    /// Records that were not delivered.
    pub errors: u64,
    /// Most of them at a time in the client's queue.
    pub queue_peak: u64,
    /// 99th percentile of their time in the queue, where it was measured.
    pub queue_wait: Option<Duration>,
    /// 99th percentile of the slowest broker's answers, where it was measured.
    pub round_trip: Option<Duration>,
}

impl Metrics {
    /// Every series at zero, for these kinds of entities, operations of the cloud, and reasons for not knowing.
    #[must_use]
    pub fn new(kinds: &[Kind], operations: &[&'static str], reasons: &[Reason]) -> Self {
        let registry = Registry::new();
        one(registry.register(Box::new(ProcessCollector::for_self())));
        let series = Series::register(&registry);
        series.build_info.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        let exchanges_in_vain = AtomicU64::new(0);
        let metrics = Self { registry, kinds: kinds.to_vec(), reasons: reasons.to_vec(), series, exchanges_in_vain };
        metrics.begin_at_zero(operations);
        metrics
    }

    /// Makes every series that can be known, so that a rate over the first event is right.
    fn begin_at_zero(&self, operations: &[&'static str]) {
        let series = &self.series;
        Phase::ALL.iter().for_each(|phase| series.phase.with_label_values(&[phase.as_str()]).set(0));
        for outcome in SyncOutcome::ALL {
            series.syncs.with_label_values(&[outcome.as_str()]);
        }
        for kind in &self.kinds {
            let word = kind.as_str();
            series.entities.with_label_values(&[word]);
            series.count_difference.with_label_values(&[word]);
            series.removals_waiting.with_label_values(&[word]);
            series.guard_active.with_label_values(&[word]);
            for reason in &self.reasons {
                series.unknown_scopes.with_label_values(&[word, reason.as_str()]);
            }
            // Those that every kind has; the others come with their first event.
            for verb in [Verb::Observed, kind.with(New), Verb::Updated, Verb::Removed] {
                series.changes_published.with_label_values(&[&event_type(*kind, verb)]);
            }
        }
        for operation in operations {
            series.api_call_duration.with_label_values(&[operation]);
            series.api_throttled.with_label_values(&[operation]);
            series.api_retries.with_label_values(&[operation]);
            series.api_wait.with_label_values(&[operation]);
            for outcome in CallOutcome::ALL {
                series.api_calls.with_label_values(&[operation, outcome.as_str()]);
            }
        }
        for outcome in ExchangeOutcome::ALL {
            series.credentials_exchanges.with_label_values(&[outcome.as_str()]);
        }
        for outcome in LookupOutcome::ALL {
            series.registry_lookups.with_label_values(&[outcome.as_str()]);
        }
        for purpose in Purpose::ALL {
            series.kafka_transaction_duration.with_label_values(&[purpose.as_str()]);
            for outcome in TransactionOutcome::ALL {
                series.kafka_transactions.with_label_values(&[purpose.as_str(), outcome.as_str()]);
            }
        }
        for action in Action::ALL {
            for outcome in RequestOutcome::ALL {
                series.requests.with_label_values(&[action.as_str(), outcome.as_str()]);
            }
        }
    }

    /// What is configured: the interval (`None` = only on request), how long a transaction may take, and what is read.
    pub fn configured(&self, interval: Option<Duration>, transaction_timeout: Duration, read: &[Kind]) {
        self.series.sync_interval.set(interval.unwrap_or_default().as_secs_f64());
        self.series.kafka_transaction_timeout.set(transaction_timeout.as_secs_f64());
        for kind in read {
            self.series.sync_last_complete.with_label_values(&[kind.as_str()]);
        }
    }

    /// What the daemon is doing from now on.
    pub fn set_phase(&self, now: Phase) {
        self.series.phase.with_label_values(&[now.as_str()]).set(1);
        for other in Phase::ALL.iter().filter(|other| **other != now) {
            self.series.phase.with_label_values(&[other.as_str()]).set(0);
        }
    }

    /// Whether `/readyz` answers with 200.
    pub fn set_ready(&self, ready: bool) {
        self.series.ready.set(i64::from(ready));
    }

    /// A sync was published.
    pub fn sync_ended(&self, outcome: SyncOutcome, duration: Duration) {
        self.series.syncs.with_label_values(&[outcome.as_str()]).inc();
        self.series.sync_duration.observe(duration.as_secs_f64());
    }

    /// A sync ended that was not published.
    pub fn sync_unpublished(&self) {
        self.series.syncs.with_label_values(&[SyncOutcome::Unpublished.as_str()]).inc();
    }

    /// The reading that was published last began at this Unix time.
    pub fn published(&self, unix_seconds: f64) {
        self.series.sync_last_published.set(unix_seconds);
    }

    /// `kind` was read completely, and what came of it is published, at this Unix time.
    pub fn collection_complete(&self, kind: Kind, unix_seconds: f64) {
        self.series.sync_last_complete.with_label_values(&[kind.as_str()]).set(unix_seconds);
    }

    /// The scopes that the last sync could not read, counted by kind and reason; all others are known.
    pub fn set_unknown_scopes(&self, scopes: &BTreeMap<(Kind, Reason), usize>) {
        for kind in &self.kinds {
            for reason in &self.reasons {
                let count = scopes.get(&(*kind, *reason)).copied().unwrap_or_default();
                self.series.unknown_scopes.with_label_values(&[kind.as_str(), reason.as_str()]).set(whole(count));
            }
        }
    }

    /// How many entities of `kind` seem to be gone without a proof.
    pub fn set_removals_waiting(&self, kind: Kind, count: usize) {
        self.series.removals_waiting.with_label_values(&[kind.as_str()]).set(whole(count));
    }

    /// Whether so many of `kind` seem to be gone that it was told before it is proven.
    pub fn set_guard(&self, kind: Kind, is_active: bool) {
        self.series.guard_active.with_label_values(&[kind.as_str()]).set(i64::from(is_active));
    }

    /// This copy reads and serves no longer: what its last sync could not read is the business of another one.
    pub fn parked(&self) {
        self.set_unknown_scopes(&BTreeMap::new());
        for kind in &self.kinds {
            self.set_removals_waiting(*kind, 0);
            self.set_guard(*kind, false);
        }
        self.set_requests_waiting(0);
        self.set_request_failures(0);
        self.set_requests_hidden(false);
    }

    /// So many changes of `kind` were committed.
    pub fn changes_published(&self, kind: Kind, verb: Verb, count: usize) {
        self.series.changes_published.with_label_values(&[&event_type(kind, verb)]).inc_by(count as u64);
    }

    /// How many entities of `kind` the published state has.
    pub fn set_entities(&self, kind: Kind, count: usize) {
        self.series.entities.with_label_values(&[kind.as_str()]).set(whole(count));
    }

    /// How many more entities of `kind` were listed than the service counts.
    pub fn set_count_difference(&self, kind: Kind, listed_minus_counted: i64) {
        self.series.count_difference.with_label_values(&[kind.as_str()]).set(listed_minus_counted);
    }

    /// How many records the published state has in memory, and how large they are.
    pub fn set_state(&self, records: usize, bytes: usize) {
        self.series.state_records.set(whole(records));
        self.series.state_bytes.set(whole(bytes));
    }

    /// The state was read and verified.
    pub fn state_recovered(&self, duration: Duration) {
        self.series.state_recovery.set(duration.as_secs_f64());
    }

    /// The attempt with this number (from 1) at a call ended, after it had `waited` for its turn.
    pub fn call_ended(
        &self,
        operation: &'static str,
        outcome: CallOutcome,
        duration: Duration,
        attempt: u32,
        waited: Duration,
    ) {
        self.series.api_calls.with_label_values(&[operation, outcome.as_str()]).inc();
        self.series.api_call_duration.with_label_values(&[operation]).observe(duration.as_secs_f64());
        self.series.api_wait.with_label_values(&[operation]).inc_by(waited.as_secs_f64());
        if outcome == CallOutcome::Throttled {
            self.series.api_throttled.with_label_values(&[operation]).inc();
        }
        if attempt > 1 {
            self.series.api_retries.with_label_values(&[operation]).inc();
        }
    }

    /// Temporary credentials were exchanged for others, which end at this Unix time; `None` = in vain.
    pub fn credentials_exchanged(&self, expire_at_unix_seconds: Option<f64>) {
        let outcome = if expire_at_unix_seconds.is_some() { ExchangeOutcome::Ok } else { ExchangeOutcome::Failed };
        self.series.credentials_exchanges.with_label_values(&[outcome.as_str()]).inc();
        match expire_at_unix_seconds {
            Some(at) => {
                self.series.credentials_expiry.set(at);
                self.exchanges_in_vain.store(0, Ordering::Relaxed);
            }
            None => {
                self.exchanges_in_vain.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// So many exchanges have failed since the last one that did not, and the end of the credentials that it brought,
    /// if there was one; `None` = the last one did not fail.
    #[must_use]
    pub fn exchanges_in_vain(&self) -> Option<(u64, Option<f64>)> {
        let end = Some(self.series.credentials_expiry.get()).filter(|end| *end > 0.0);
        Some(self.exchanges_in_vain.load(Ordering::Relaxed)).filter(|times| *times > 0).map(|times| (times, end))
    }

    /// A Kafka transaction ended.
    pub fn transaction_ended(&self, purpose: Purpose, outcome: TransactionOutcome, duration: Duration) {
        self.series.kafka_transactions.with_label_values(&[purpose.as_str(), outcome.as_str()]).inc();
        self.series.kafka_transaction_duration.with_label_values(&[purpose.as_str()]).observe(duration.as_secs_f64());
    }

    /// A producer ended, and with it all its records.
    pub fn delivered(&self, deliveries: &Deliveries) {
        self.series.kafka_records.inc_by(deliveries.records);
        self.series.kafka_record_bytes.inc_by(deliveries.bytes);
        self.series.kafka_delivery_errors.inc_by(deliveries.errors);
        if deliveries.queue_peak > 0 {
            self.series.kafka_queue_peak.set(i64::try_from(deliveries.queue_peak).unwrap_or(i64::MAX));
        }
        let measured = |gauge: &prometheus::Gauge, time: Option<Duration>| {
            time.into_iter().for_each(|time| gauge.set(time.as_secs_f64()));
        };
        measured(&self.series.kafka_queue_wait, deliveries.queue_wait);
        measured(&self.series.kafka_round_trip, deliveries.round_trip);
    }

    /// The registry was asked for the id of a schema.
    pub fn looked_up(&self, outcome: LookupOutcome) {
        self.series.registry_lookups.with_label_values(&[outcome.as_str()]).inc();
    }

    /// A request ended.
    pub fn request_ended(&self, action: Action, outcome: RequestOutcome) {
        self.series.requests.with_label_values(&[action.as_str(), outcome.as_str()]).inc();
    }

    /// So many rows of a replay were committed.
    pub fn rows_replayed(&self, rows: u64) {
        self.series.replay_rows.inc_by(rows);
    }

    /// How many requests wait.
    pub fn set_requests_waiting(&self, count: usize) {
        self.series.requests_waiting.set(whole(count));
    }

    /// Whether a transaction that stays open hides requests.
    pub fn set_requests_hidden(&self, is_so: bool) {
        self.series.requests_hidden.set(i64::from(is_so));
    }

    /// How many attempts in a row to serve what was asked for have failed.
    pub fn set_request_failures(&self, count: u32) {
        self.series.request_failures.set(i64::from(count));
    }

    /// Everything in Prometheus's text format, version 0.0.4.
    #[must_use]
    pub fn render(&self) -> String {
        let families = self.registry.gather();
        TextEncoder::new().encode_to_string(&families).expect("every family has a name and samples")
    }
}

/// The verb of what is new of a kind.
struct New;

impl ForKind for New {
    type Output = Verb;

    fn with<E: Entity>(self) -> Verb {
        E::NEW
    }
}

fn event_type(kind: Kind, verb: Verb) -> String {
    format!("{kind}.{verb}")
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
