//! What becomes of one producer's records, as the client tells: counted, and reported when the producer is gone.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;
use rdkafka::statistics::Window;
use rdkafka::{ClientContext, Statistics};

use super::complaints::Complaints;

/// What became of one producer's records, once it is gone.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProducerReport {
    /// Records that were acknowledged.
    pub delivered: u64,
    /// Their keys and values, in bytes.
    pub delivered_bytes: u64,
    /// Records that were not.
    pub failed: u64,
    /// The most records at a time in the client's queue.
    pub queue_peak: u64,
    /// 99th percentile of the time that they spent there before they were sent, if the client measured it.
    pub queue_wait: Option<Duration>,
    /// 99th percentile of the slowest broker's answers, if the client measured it.
    pub round_trip: Option<Duration>,
}

/// Something that wants to know of every producer.
pub type ProducerObserver = Arc<dyn Fn(&ProducerReport) + Send + Sync>;

/// Counts what became of the records: every delivery result is looked at.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    pub(super) counts: Counts,
    pub(super) first_failure: Mutex<Option<String>>,
    /// The topic whose highest acknowledged offset is kept.
    pub(super) watched_topic: String,
    /// -1 = none yet.
    pub(super) acknowledged_offset: AtomicI64,
    /// The producer was dropped: stop handing records over.
    pub(super) abandoned: AtomicBool,
    pub(super) complaints: Complaints,
}

/// Dropped with the client's last delivery result, also of what was purged: only then it is told.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) delivered: AtomicU64,
    pub(super) failed: AtomicU64,
    bytes: AtomicU64,
    queue_peak: AtomicU64,
    queue_wait_micros: AtomicI64,
    round_trip_micros: AtomicI64,
    observer: Option<ProducerObserver>,
}

impl Counts {
    pub(super) fn told_to(observer: Option<ProducerObserver>) -> Self {
        let (delivered, failed, bytes, queue_peak) = Default::default();
        let (queue_wait_micros, round_trip_micros) = Default::default();
        Self { delivered, failed, bytes, queue_peak, queue_wait_micros, round_trip_micros, observer }
    }

    /// So many records are in the client's queue.
    pub(super) fn queued(&self, records: i32) {
        self.queue_peak.fetch_max(u64::try_from(records).unwrap_or_default(), Ordering::Relaxed);
    }

    fn report(&self) -> ProducerReport {
        let measured = |micros: &AtomicI64| {
            let micros = u64::try_from(micros.load(Ordering::Relaxed)).unwrap_or_default();
            (micros > 0).then(|| Duration::from_micros(micros))
        };
        ProducerReport {
            delivered: self.delivered.load(Ordering::Acquire),
            delivered_bytes: self.bytes.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Acquire),
            queue_peak: self.queue_peak.load(Ordering::Relaxed),
            queue_wait: measured(&self.queue_wait_micros),
            round_trip: measured(&self.round_trip_micros),
        }
    }
}

impl Drop for Counts {
    fn drop(&mut self) {
        if let Some(observer) = &self.observer {
            observer(&self.report());
        }
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.report(), f)
    }
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        self.complaints.error(error, reason);
    }

    /// The client's own measurements; each covers the time since the one before.
    fn stats(&self, statistics: Statistics) {
        for broker in statistics.brokers.values() {
            for (window, longest) in
                [(&broker.int_latency, &self.counts.queue_wait_micros), (&broker.rtt, &self.counts.round_trip_micros)]
            {
                let measured = window.as_ref().filter(|window| window.cnt > 0);
                longest.fetch_max(measured.map_or(0, |window: &Window| window.p99), Ordering::Relaxed);
            }
        }
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(message) => {
                if message.topic() == self.watched_topic {
                    self.acknowledged_offset.fetch_max(message.offset(), Ordering::Relaxed);
                }
                let bytes = message.key().map_or(0, <[u8]>::len) + message.payload().map_or(0, <[u8]>::len);
                self.counts.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
                self.counts.delivered.fetch_add(1, Ordering::Release);
            }
            Err((error, message)) => {
                let mut first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| format!("{} ({error})", message.topic()));
                self.counts.failed.fetch_add(1, Ordering::Release);
            }
        }
    }
}
