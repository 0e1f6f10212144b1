//! The matrix: how often each fault must have struck.
//!
//! A fault that was set and never struck shows nothing. So what counts is how often it took effect, in the unit that
//! its row names, as the simulated account and the model cluster count it; a run in which one did not is void.

/// What is asked in CI is written for so many schedules, and scaled to fewer or more.
pub(crate) const CI_SCHEDULES: u64 = 10_000;
/// What is asked of a group in a soak is written for so many, and holds for the sum of all parts.
pub(crate) const SOAK_SCHEDULES: u64 = 200_000;

/// One line of the matrix.
pub(crate) struct Row {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    /// What is counted.
    pub(crate) unit: &'static str,
    /// So often it must have struck in [`CI_SCHEDULES`].
    pub(crate) least: u64,
}

const fn row(group: &'static str, name: &'static str, unit: &'static str, least: u64) -> Row {
    Row { group, name, unit, least }
}

/// A group of rows: so often its faults must have struck together.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    /// In [`CI_SCHEDULES`].
    pub(crate) in_ci: u64,
    /// In [`SOAK_SCHEDULES`].
    pub(crate) in_soak: u64,
}

const fn group(name: &'static str, in_ci: u64, in_soak: u64) -> Group {
    Group { name, in_ci, in_soak }
}

/// The groups; what of crashes is asked of `sweep`.
pub(crate) const GROUPS: &[Group] = &[
    group("requests", 1_000, 50_000),
    group("listing", 5_000, 500_000),
    group("paging", 5_000, 500_000),
    group("consistency", 5_000, 500_000),
    group("rights", 1_000, 100_000),
    group("identity", 5_000, 500_000),
    group("time", 500, 20_000),
    group("delivery", 300, 5_000),
    group("transaction", 1_000, 50_000),
    group("reordering", 10_000, 1_000_000),
    group("state", 500, 10_000),
    group("outage", 200, 5_000),
];

impl Group {
    /// The names of its rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &'static str> {
        MATRIX.iter().filter(|row| row.group == self.name).map(|row| row.name)
    }
}

/// The matrix.
pub(crate) const MATRIX: &[Row] = &[
    row("requests", "asked for a replay", "requests", 5_000),
    row("requests", "asked for a sync", "requests", 2_000),
    row("requests", "asked to cancel", "requests", 1_000),
    row("requests", "asked too late", "requests", 1_000),
    row("requests", "asked in garbage", "requests", 1_000),
    row("requests", "asked for another account", "requests", 1_000),
    row("listing", "error", "calls", 5_000),
    row("listing", "http_5xx", "calls", 5_000),
    row("listing", "html", "calls", 5_000),
    row("listing", "reset", "calls", 5_000),
    row("listing", "reset_after", "calls", 5_000),
    row("listing", "slow", "calls", 2_000),
    row("listing", "truncate_body", "calls", 5_000),
    row("listing", "truncate_json", "calls", 5_000),
    row("listing", "throttle", "calls", 5_000),
    row("listing", "account away", "outages", 500),
    row("paging", "small pages", "pages", 5_000),
    row("paging", "missing_marker", "pages", 600),
    row("paging", "repeated_marker", "pages", 1_000),
    row("paging", "endless_marker", "pages", 5_000),
    row("paging", "empty_page", "pages", 5_000),
    row("paging", "repeated_row", "pages", 1_000),
    row("paging", "reordered", "pages", 300),
    row("paging", "missing_array", "pages", 1_000),
    row("consistency", "stale", "calls, the account changed since", 1_500),
    row("consistency", "empty", "listings with rows", 2_500),
    row("consistency", "partial", "listings with rows", 3_000),
    row("rights", "deny", "calls", 1_000),
    row("rights", "expired_token", "calls", 1_000),
    row("rights", "key deleted", "deletions met by a call", 200),
    row("identity", "renamed", "changes", 3_000),
    row("identity", "name reused", "changes", 2_000),
    row("identity", "names swapped", "changes", 300),
    row("identity", "text in Unicode", "changes", 3_000),
    row("identity", "policy named like the service's", "changes", 400),
    row("identity", "all users deleted", "changes", 100),
    row("time", "clock of the service", "schedules", 500),
    row("time", "own clock", "moves met by a call", 500),
    row("delivery", "record refused", "requests", 300),
    row("delivery", "storage full", "outages", 300),
    row("transaction", "request lost", "requests", 1_000),
    row("transaction", "reply lost", "requests", 1_000),
    row("transaction", "coordinator moved", "requests", 1_000),
    row("transaction", "transaction cut short", "transactions", 400),
    row("transaction", "transactional id expired", "ids", 300),
    row("transaction", "fenced", "requests", 500),
    row("reordering", "request late", "requests", 10_000),
    row("reordering", "request repeated", "requests", 4_000),
    row("reordering", "marker repeated", "markers", 1_000),
    row("state", "marker late", "markers", 500),
    row("state", "stale watermark", "answers", 500),
    row("state", "stale fetch", "outages", 500),
    row("state", "open transaction of others", "transactions", 200),
    row("state", "state compacted", "compactions", 200),
    row("state", "state deleted", "topics", 20),
    row("state", "state recreated", "topics", 20),
    row("state", "state truncated", "topics", 20),
    row("state", "state rolled back", "topics", 20),
    row("state", "state record lost", "topics", 20),
    row("outage", "brokers away", "outages", 200),
    row("outage", "one copy cut off", "outages", 200),
    row("process", "killed while reading", "kills", 500),
    row("process", "killed while writing", "kills", 500),
    row("process", "stopped and continued", "stops", 200),
    row("process", "terminated", "ends", 200),
];
