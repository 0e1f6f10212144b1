//! What may go wrong, how often, and how long things take.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The weather between one process and the brokers. Probabilities are per request (per marker, per
/// transaction) and lie in `0.0..=1.0`.
#[derive(Debug, Clone, PartialEq)]
pub struct Weather {
    /// One way of a message.
    pub latency: RangeInclusive<Duration>,
    /// From the end of a transaction to its marker, for each partition by itself.
    pub marker_delay: RangeInclusive<Duration>,
    /// From a request without an answer to the moment that the client gives it up and asks again. Beyond the
    /// client's own limit the operation fails, whatever became of the request.
    pub notice: RangeInclusive<Duration>,
    /// How much later a late request, a repeated one or a late marker comes.
    pub lateness: RangeInclusive<Duration>,
    /// From the begin of a transaction that is cut short to its end.
    pub cut_short_after: RangeInclusive<Duration>,
    /// No broker can be reached; everything waits or runs into its time-out.
    pub away: bool,
    /// A request is lost on its way.
    pub request_lost: f64,
    /// A request is applied, its answer is lost.
    pub reply_lost: f64,
    /// A request arrives after its client has given it up, perhaps after later ones.
    pub request_late: f64,
    /// A request is answered, and a copy of it arrives later.
    pub request_repeated: f64,
    /// The coordinator has moved: the request is refused, the client looks for the new one and asks again.
    pub coordinator_moved: f64,
    /// The coordinator has forgotten the transactional id, as it does once an id was idle for long enough: whoever joins
    /// partitions to a new transaction is told that its producer id is no more. Only for brokers that refuse records
    /// outside of a transaction: in that time no request is on its way any more, which here one may be.
    pub id_expired: f64,
    /// The leader cannot write now (disk full, too few replicas); the client asks again.
    pub storage_full: f64,
    /// The leader refuses a batch for good.
    pub record_refused: f64,
    /// The coordinator times a transaction out long before its time.
    pub transaction_cut_short: f64,
    /// A marker comes later than `marker_delay`.
    pub marker_late: f64,
    /// A marker is written twice.
    pub marker_repeated: f64,
    /// A leader that was replaced tells an earlier end of the partition.
    pub stale_watermark: f64,
    /// A follower behind its leader has nothing new yet.
    pub stale_fetch: f64,
}

const fn millis(from: u64, to: u64) -> RangeInclusive<Duration> {
    Duration::from_millis(from)..=Duration::from_millis(to)
}

impl Weather {
    /// Nothing goes wrong, and everything takes its usual time.
    pub const CALM: Self = Self {
        latency: millis(1, 3),
        marker_delay: millis(1, 10),
        notice: millis(100, 2_000),
        lateness: millis(10, 90_000),
        cut_short_after: millis(0, 20),
        away: false,
        request_lost: 0.0,
        reply_lost: 0.0,
        request_late: 0.0,
        request_repeated: 0.0,
        coordinator_moved: 0.0,
        id_expired: 0.0,
        storage_full: 0.0,
        record_refused: 0.0,
        transaction_cut_short: 0.0,
        marker_late: 0.0,
        marker_repeated: 0.0,
        stale_watermark: 0.0,
        stale_fetch: 0.0,
    };
}

impl Default for Weather {
    fn default() -> Self {
        Self::CALM
    }
}

/// Every kind of fault, as [`super::Cluster::fired`] counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    RequestLost,
    ReplyLost,
    RequestLate,
    RequestRepeated,
    Away,
    CoordinatorMoved,
    IdExpired,
    StorageFull,
    RecordRefused,
    TransactionTimedOut,
    TransactionCutShort,
    MarkerLate,
    MarkerRepeated,
    StaleWatermark,
    StaleFetch,
    Fenced,
    LateProduceTaken,
    LateProduceRejected,
}

impl Fault {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RequestLost => "request lost",
            Self::ReplyLost => "reply lost",
            Self::RequestLate => "request late",
            Self::RequestRepeated => "request repeated",
            Self::Away => "brokers away",
            Self::CoordinatorMoved => "coordinator moved",
            Self::IdExpired => "transactional id expired",
            Self::StorageFull => "storage full",
            Self::RecordRefused => "record refused",
            Self::TransactionTimedOut => "transaction timed out",
            Self::TransactionCutShort => "transaction cut short",
            Self::MarkerLate => "marker late",
            Self::MarkerRepeated => "marker repeated",
            Self::StaleWatermark => "stale watermark",
            Self::StaleFetch => "stale fetch",
            Self::Fenced => "fenced",
            Self::LateProduceTaken => "produce outside of a transaction taken",
            Self::LateProduceRejected => "produce outside of a transaction rejected",
        }
    }
}
