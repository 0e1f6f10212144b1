//! What goes wrong, and the matrix: how often each fault must have struck.
//!
//! A fault that was set and never struck shows nothing. So what counts is how often it took effect, as the
//! simulated account and the model cluster count it, and a run in which one did not is void.

use std::time::Duration;

use ramstream::kafka::model::Weather;
use rand::{Rng, rngs::StdRng, seq::IndexedRandom as _};

/// What goes wrong for a while, or once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// A share of the calls of an operation, by the simulated account's own word for it.
    Calls { fault: &'static str, operation: &'static str, share: f64 },
    /// Largest page that the account gives, whatever is asked for.
    SmallPages { rows: u32 },
    /// The account cannot be reached at all.
    AccountAway,
    /// The key is deleted; a new one comes at the end.
    KeyDeleted,
    /// Our clock against the right time.
    OwnClock { seconds: i64 },
    /// Requests to the brokers.
    Brokers { weather: Ill, share: f64 },
    /// Somebody else leaves a transaction open in `.syncs`.
    ForeignTransaction,
    /// A copy is killed, and started again at the end.
    Kill { copy: usize, when: When, steps: u64 },
    /// SIGSTOP, and SIGCONT at the end.
    Stop { copy: usize },
    /// SIGTERM, and a new start at the end.
    Terminate { copy: usize },
    /// The state topic is harmed for good.
    Harm(Harm),
}

/// What is ill about the weather between copies and brokers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ill {
    Away,
    RequestLost,
    ReplyLost,
    RequestLate,
    RequestRepeated,
    CoordinatorMoved,
    StorageFull,
    RecordRefused,
    CutShort,
    MarkerLate,
    MarkerRepeated,
    StaleWatermark,
    StaleFetch,
}

/// What a copy is doing when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// Some steps behind its next call of the account.
    Reading,
    /// Some steps behind its next claim or publication.
    Writing,
}

/// What happens to the state topic that nothing mends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Harm {
    Deleted,
    Recreated,
    Truncated,
}

/// The operations that are struck: every listing, every detail, and the point reads of removals.
const OPERATIONS: [&str; 35] = [
    "*",
    "*",
    "*",
    "*",
    "*",
    "*",
    "*",
    "ListUsers",
    "ListGroups",
    "ListUsersForGroup",
    "ListRoles",
    "ListPolicies",
    "ListPolicyAttachments",
    "GetRole",
    "GetUser",
    "GetGroup",
    "GetPolicy",
    "ListPolicyVersions",
    "GetAccountSummary",
    "GetAccountAlias",
    "GetAccountMFAInfo",
    "GetDefaultDomain",
    "GetPasswordPolicy",
    "GetSecurityPreference",
    "ListSAMLProviders",
    "ListOIDCProviders",
    "GetSAMLProvider",
    "ListAccessKeys",
    "GetLoginProfile",
    "ListVirtualMFADevices",
    "GetUserMFAInfo",
    "GetCallerIdentity",
    "DescribeRegions",
    "DescribeInstances",
    "DescribeInstanceRamRole",
];

const CALL_FAULTS: [&str; 16] = [
    "error",
    "throttle",
    "deny",
    "expired_token",
    "http_5xx",
    "html",
    "reset",
    "reset_after",
    "slow",
    "stale",
    "truncate_body",
    "truncate_json",
    "missing_marker",
    "repeated_marker",
    "missing_array",
    "empty",
];

const ILLS: [Ill; 13] = [
    Ill::Away,
    Ill::RequestLost,
    Ill::ReplyLost,
    Ill::RequestLate,
    Ill::RequestRepeated,
    Ill::CoordinatorMoved,
    Ill::StorageFull,
    Ill::RecordRefused,
    Ill::CutShort,
    Ill::MarkerLate,
    Ill::MarkerRepeated,
    Ill::StaleWatermark,
    Ill::StaleFetch,
];

/// One fault at random; harm to the state is drawn by the schedule, for nothing comes after it.
pub(crate) fn draw(random: &mut StdRng, copies: usize) -> Fault {
    let copy = random.random_range(0..copies);
    let share = [0.02, 0.1, 0.3, 0.6, 1.0][random.random_range(0..5)];
    match random.random_range(0..40) {
        0..=13 => Fault::Calls { fault: any(random, &CALL_FAULTS), operation: any(random, &OPERATIONS), share },
        14 => Fault::Calls { fault: "throttle", operation: "*", share: any(random, &[0.01, 0.1, 0.5]) },
        15..=17 => Fault::SmallPages { rows: random.random_range(1..=4) },
        18 => Fault::AccountAway,
        19 => Fault::KeyDeleted,
        20..=21 => Fault::OwnClock { seconds: draw_clock(random) },
        22..=30 => Fault::Brokers { weather: any(random, &ILLS), share },
        31 => Fault::ForeignTransaction,
        32..=34 => Fault::Kill { copy, when: When::Reading, steps: random.random_range(1..=200) },
        35..=37 => Fault::Kill { copy, when: When::Writing, steps: random.random_range(1..=30) },
        38 => Fault::Stop { copy },
        _ => Fault::Terminate { copy },
    }
}

/// How wrong a clock is, in seconds: half a minute to ten years.
pub(crate) fn draw_clock(random: &mut StdRng) -> i64 {
    any(random, &[-3_600, -1_200, -30, 30, 1_200, 3_600, 315_360_000])
}

/// The simulated account's word for a fault of calls.
pub(crate) fn call_fault(name: &str) -> Option<&'static str> {
    CALL_FAULTS.into_iter().find(|fault| *fault == name)
}

fn any<T: Copy>(random: &mut StdRng, all: &[T]) -> T {
    *all.choose(random).expect("there is one")
}

impl Fault {
    /// How long it lasts.
    pub(crate) fn draw_duration(self, random: &mut StdRng, interval: Duration) -> Duration {
        match self {
            // Outages of a minute up to six hours.
            Self::Brokers { weather: Ill::Away, .. } => {
                Duration::from_secs(60).mul_f64(360_f64.powf(random.random::<f64>()))
            }
            Self::Kill { .. } | Self::Terminate { .. } => interval.mul_f64(2.0 * random.random::<f64>()),
            _ => interval.mul_f64(4.0 * random.random::<f64>()),
        }
    }

    /// Its name in the matrix.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Calls { fault, .. } => fault,
            Self::SmallPages { .. } => "small pages",
            Self::AccountAway => "account away",
            Self::KeyDeleted => "key deleted",
            Self::OwnClock { .. } => "own clock",
            Self::Brokers { weather, .. } => weather.name(),
            Self::ForeignTransaction => "open transaction of others",
            Self::Kill { when: When::Reading, .. } => "killed while reading",
            Self::Kill { when: When::Writing, .. } => "killed while writing",
            Self::Stop { .. } => "stopped and continued",
            Self::Terminate { .. } => "terminated",
            Self::Harm(Harm::Deleted) => "state deleted",
            Self::Harm(Harm::Recreated) => "state recreated",
            Self::Harm(Harm::Truncated) => "state truncated",
        }
    }
}

impl Ill {
    /// The model cluster's name for it.
    fn name(self) -> &'static str {
        match self {
            Self::Away => "brokers away",
            Self::RequestLost => "request lost",
            Self::ReplyLost => "reply lost",
            Self::RequestLate => "request late",
            Self::RequestRepeated => "request repeated",
            Self::CoordinatorMoved => "coordinator moved",
            Self::StorageFull => "storage full",
            Self::RecordRefused => "record refused",
            Self::CutShort => "transaction cut short",
            Self::MarkerLate => "marker late",
            Self::MarkerRepeated => "marker repeated",
            Self::StaleWatermark => "stale watermark",
            Self::StaleFetch => "stale fetch",
        }
    }

    /// Adds it to the weather.
    pub(crate) fn add_to(self, weather: &mut Weather, share: f64) {
        let struck = match self {
            Self::Away => return weather.away = true,
            Self::RequestLost => &mut weather.request_lost,
            Self::ReplyLost => &mut weather.reply_lost,
            Self::RequestLate => &mut weather.request_late,
            Self::RequestRepeated => &mut weather.request_repeated,
            Self::CoordinatorMoved => &mut weather.coordinator_moved,
            Self::StorageFull => &mut weather.storage_full,
            Self::RecordRefused => &mut weather.record_refused,
            Self::CutShort => &mut weather.transaction_cut_short,
            Self::MarkerLate => &mut weather.marker_late,
            Self::MarkerRepeated => &mut weather.marker_repeated,
            Self::StaleWatermark => &mut weather.stale_watermark,
            Self::StaleFetch => &mut weather.stale_fetch,
        };
        *struck = struck.max(share);
    }
}

/// One line of the matrix.
pub(crate) struct Row {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    /// So often it must have struck in 10,000 schedules.
    pub(crate) least: u64,
}

const fn row(group: &'static str, name: &'static str, least: u64) -> Row {
    Row { group, name, least }
}

/// The matrix.
pub(crate) const MATRIX: &[Row] = &[
    row("requests", "asked for a replay", 5_000),
    row("requests", "asked for a sync", 2_000),
    row("requests", "asked to cancel", 1_000),
    row("requests", "asked too late", 1_000),
    row("requests", "asked in garbage", 1_000),
    row("requests", "asked for another account", 1_000),
    row("listing", "error", 5_000),
    row("listing", "http_5xx", 5_000),
    row("listing", "html", 5_000),
    row("listing", "reset", 5_000),
    row("listing", "reset_after", 5_000),
    row("listing", "slow", 2_000),
    row("listing", "truncate_body", 5_000),
    row("listing", "truncate_json", 5_000),
    row("listing", "throttle", 5_000),
    row("listing", "account away", 500),
    row("paging", "small pages", 5_000),
    row("paging", "missing_marker", 1_500),
    row("paging", "repeated_marker", 3_000),
    row("paging", "missing_array", 1_500),
    row("consistency", "stale", 1_500),
    row("consistency", "empty", 3_500),
    row("rights", "deny", 1_000),
    row("rights", "expired_token", 1_000),
    row("rights", "key deleted", 200),
    row("time", "clock of the service", 500),
    row("time", "own clock", 500),
    row("delivery", "record refused", 300),
    row("delivery", "storage full", 300),
    row("transaction", "request lost", 1_000),
    row("transaction", "reply lost", 1_000),
    row("transaction", "coordinator moved", 1_000),
    row("transaction", "transaction cut short", 500),
    row("transaction", "fenced", 500),
    row("reordering", "request late", 10_000),
    row("reordering", "request repeated", 4_000),
    row("reordering", "marker repeated", 1_000),
    row("state", "marker late", 500),
    row("state", "stale watermark", 500),
    row("state", "stale fetch", 500),
    row("state", "open transaction of others", 200),
    row("state", "state deleted", 20),
    row("state", "state recreated", 20),
    row("state", "state truncated", 20),
    row("outage", "brokers away", 200),
    row("process", "killed while reading", 500),
    row("process", "killed while writing", 500),
    row("process", "stopped and continued", 200),
    row("process", "terminated", 200),
];
