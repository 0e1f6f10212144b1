//! What goes wrong. How often each fault must have struck stands in `matrix`.

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
    /// The same between the brokers and one copy only.
    BrokersOfOne { copy: usize, weather: Ill, share: f64 },
    /// The state topic is compacted as it should be.
    Compaction,
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
    IdExpired,
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
    /// Its beginning is gone.
    Truncated,
    /// Its end is gone, acknowledged syncs too: a leader was chosen that lacks them.
    RolledBack,
    /// A record that holds is gone from its middle: compacted wrongly, while nobody ran.
    RecordLost,
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

/// Those that need to strike more often stand here several times.
const CALL_FAULTS: [&str; 30] = [
    "error",
    "throttle",
    "deny",
    "expired_token",
    "http_5xx",
    "html",
    "reset",
    "reset_after",
    "slow",
    "truncate_body",
    "truncate_json",
    "missing_marker",
    "repeated_marker",
    "endless_marker",
    "empty_page",
    "repeated_row",
    "reordered",
    "missing_array",
    "stale",
    "stale",
    "stale",
    "stale",
    "empty",
    "empty",
    "empty",
    "empty",
    "partial",
    "partial",
    "partial",
    "partial",
];

const ILLS: [Ill; 19] = [
    Ill::Away,
    Ill::RequestLost,
    Ill::ReplyLost,
    Ill::RequestLate,
    Ill::RequestLate,
    Ill::RequestLate,
    Ill::RequestRepeated,
    Ill::RequestRepeated,
    Ill::RequestRepeated,
    Ill::CoordinatorMoved,
    Ill::IdExpired,
    Ill::StorageFull,
    Ill::RecordRefused,
    Ill::CutShort,
    Ill::MarkerLate,
    Ill::MarkerRepeated,
    Ill::MarkerRepeated,
    Ill::StaleWatermark,
    Ill::StaleFetch,
];

/// One fault at random; harm to the state is drawn by the schedule, for nothing comes after it.
pub(crate) fn draw(random: &mut StdRng, copies: usize) -> Fault {
    let copy = random.random_range(0..copies);
    let share = [0.02, 0.1, 0.3, 0.6, 1.0][random.random_range(0..5)];
    match random.random_range(0..52) {
        0..=21 => Fault::Calls { fault: any(random, &CALL_FAULTS), operation: any(random, &OPERATIONS), share },
        22 => Fault::Calls { fault: "throttle", operation: "*", share: any(random, &[0.01, 0.1, 0.5]) },
        23..=25 => Fault::SmallPages { rows: random.random_range(1..=4) },
        26 => Fault::AccountAway,
        27 => Fault::KeyDeleted,
        28..=29 => Fault::OwnClock { seconds: draw_clock(random) },
        30..=40 => Fault::Brokers { weather: any(random, &ILLS), share },
        41 if copies > 1 => Fault::BrokersOfOne { copy, weather: Ill::Away, share },
        41 => Fault::Brokers { weather: Ill::Away, share },
        42 => Fault::ForeignTransaction,
        43..=45 => Fault::Kill { copy, when: When::Reading, steps: random.random_range(1..=200) },
        46..=48 => Fault::Kill { copy, when: When::Writing, steps: random.random_range(1..=30) },
        49 => Fault::Stop { copy },
        50 => Fault::Compaction,
        _ => Fault::Terminate { copy },
    }
}

/// How wrong a clock is, in seconds: half a minute to ten years.
pub(crate) fn draw_clock(random: &mut StdRng) -> i64 {
    any(random, &[-315_360_000, -3_600, -1_200, -30, 30, 1_200, 3_600, 315_360_000])
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
            Self::Brokers { weather: Ill::Away, .. } | Self::BrokersOfOne { .. } => {
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
            Self::BrokersOfOne { .. } => "one copy cut off",
            Self::Compaction => "state compacted",
            Self::ForeignTransaction => "open transaction of others",
            Self::Kill { when: When::Reading, .. } => "killed while reading",
            Self::Kill { when: When::Writing, .. } => "killed while writing",
            Self::Stop { .. } => "stopped and continued",
            Self::Terminate { .. } => "terminated",
            Self::Harm(Harm::Deleted) => "state deleted",
            Self::Harm(Harm::Recreated) => "state recreated",
            Self::Harm(Harm::Truncated) => "state truncated",
            Self::Harm(Harm::RolledBack) => "state rolled back",
            Self::Harm(Harm::RecordLost) => "state record lost",
        }
    }
}

impl Ill {
    /// Those that strike every request while they last: what counts is the time that they last, once.
    pub(crate) const OUTAGES: [Self; 3] = [Self::Away, Self::StorageFull, Self::StaleFetch];

    /// The model cluster's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Away => "brokers away",
            Self::RequestLost => "request lost",
            Self::ReplyLost => "reply lost",
            Self::RequestLate => "request late",
            Self::RequestRepeated => "request repeated",
            Self::CoordinatorMoved => "coordinator moved",
            Self::IdExpired => "transactional id expired",
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
            Self::IdExpired => &mut weather.id_expired,
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
