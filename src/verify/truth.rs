//! The simulator's truth log: what the account really was, and what was asked of it.
//!
//! A log that begins with the whole account says of every entity what it was, also of those that never changed and of
//! those that never were. In one that does not (older simulators wrote such), only what changed while it was kept is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::{Map, Value};

use super::fields::{Fields, PRINCIPAL_NAME, compared};
use super::fold::kind_of;

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TruthError {
    /// It cannot be read.
    #[error("the truth log {path} cannot be read")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line is none of a truth log.
    #[error("line {line} of the truth log {path} is none that `ramstream simulate --truth-log` writes")]
    Line {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// A change of one entity.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// Unix milliseconds.
    pub(super) at: i64,
    pub(super) before: Fields,
    pub(super) after: Fields,
}

/// A read that was answered.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Unix milliseconds.
    pub(super) received_ms: i64,
    /// Unix milliseconds.
    pub(super) answered_ms: i64,
    /// Who asked: the user agent, which every copy has its own of.
    pub(super) client: String,
    pub(super) operation: String,
    /// The parameters without those that tell pages apart.
    pub(super) subject: String,
    /// It asks for another page than the first.
    pub(super) is_later_page: bool,
    /// It was answered with what the account was once, or as if less of it than there is were all.
    pub(super) is_lie: bool,
    /// It was answered as if less than there is were all.
    pub(super) lacks_rows: bool,
    pub(super) status: u16,
    pub(super) code: Option<String>,
}

impl Request {
    /// What was sent under this name.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let subject: Map<String, Value> = serde_json::from_str(&self.subject).ok()?;
        subject.get(name)?.as_str().map(str::to_owned)
    }
}

/// The log.
#[derive(Debug, Default)]
pub(super) struct Truth {
    changes: BTreeMap<String, Vec<Change>>,
    /// When anything changed.
    changed_at: BTreeSet<i64>,
    /// When the whole account was written down for the first time.
    whole_since: Option<i64>,
    /// What stands behind the `@` of users' principal names, once it is known.
    domain: Option<String>,
    /// In the order of their answers.
    requests: Vec<Request>,
    /// How long an answer took at most.
    longest_ms: i64,
}

/// Not an enum with its tag inside: that takes every line apart twice, and logs are long.
#[derive(Deserialize)]
struct Line {
    r#type: Type,
    time_ms: Option<i64>,
    account: Option<Map<String, Value>>,
    change: Option<Row>,
    request: Option<Served>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    Account,
    Mutation,
    Request,
}

#[derive(Deserialize)]
struct Row {
    kind: String,
    before: Option<Map<String, Value>>,
    after: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Served {
    received_ms: i64,
    answered_ms: i64,
    #[serde(default)]
    client: String,
    operation: Option<String>,
    parameters: Map<String, Value>,
    status: u16,
    code: Option<String>,
    #[serde(default)]
    fault: Option<String>,
}

impl Truth {
    /// Reads the log of `account` at `path`.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub(super) fn load(path: &Path, account: &str) -> Result<Self, TruthError> {
        let file = File::open(path).map_err(|source| TruthError::File { path: path.display().to_string(), source })?;
        Self::read(BufReader::new(file), path, account)
    }

    /// Reads the log of `account` that stands in the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub(super) fn read(log: impl BufRead, path: &Path, account: &str) -> Result<Self, TruthError> {
        let name = || path.display().to_string();
        let mut truth = Self::default();
        for (index, line) in log.lines().enumerate() {
            let line = line.map_err(|source| TruthError::File { path: name(), source })?;
            let taken = truth.take(account, &line);
            taken.map_err(|source| TruthError::Line { path: name(), line: index + 1, source })?;
        }
        Ok(truth)
    }

    /// Takes one line in.
    pub(super) fn take(&mut self, account: &str, line: &str) -> serde_json::Result<()> {
        let Line { r#type, time_ms, account: whole, change, request } = serde_json::from_str(line)?;
        let time_ms = || time_ms.ok_or_else(|| serde_json::Error::missing_field("time_ms"));
        match r#type {
            Type::Account => {
                let whole = whole.ok_or_else(|| serde_json::Error::missing_field("account"))?;
                self.take_whole(account, time_ms()?, &whole);
            }
            Type::Mutation => {
                let time_ms = time_ms()?;
                let Row { kind, before, after } = change.ok_or_else(|| serde_json::Error::missing_field("change"))?;
                // Of a device that is bound to nobody nothing is published.
                let key_of = |row: &Map<String, Value>| key(account, &kind, row);
                let Some(key) = before.as_ref().and_then(key_of).or_else(|| after.as_ref().and_then(key_of)) else {
                    return Ok(());
                };
                let is_published = |row: &Map<String, Value>| key_of(row).as_ref() == Some(&key);
                let fields =
                    |row: Option<Map<String, Value>>| row.filter(is_published).map(|row| self.fields(&kind, &row));
                let change = Change { at: time_ms, before: fields(before), after: fields(after) };
                self.changed_at.insert(time_ms);
                if kind == "account" {
                    self.take_domain(time_ms, change.after.as_ref());
                }
                self.changes.entry(key).or_default().push(change);
            }
            Type::Request => {
                if let Some(request) = asked(request.ok_or_else(|| serde_json::Error::missing_field("request"))?) {
                    self.longest_ms = self.longest_ms.max(request.answered_ms.saturating_sub(request.received_ms));
                    let place = self.requests.partition_point(|other| other.answered_ms <= request.answered_ms);
                    self.requests.insert(place, request);
                }
            }
        }
        Ok(())
    }

    /// Takes the whole account in. What it was before the log began is taken to be what it is there; where the account
    /// stands once more, after a restart, what differs has changed since the line before.
    fn take_whole(&mut self, account: &str, time_ms: i64, whole: &Map<String, Value>) {
        let is_first = self.whole_since.is_none();
        self.whole_since.get_or_insert(time_ms);
        if whole.contains_key("alias") {
            self.domain = domain_in(&compared("account", whole));
        }
        let mut now: BTreeMap<String, Fields> = self.changes.keys().map(|key| (key.clone(), None)).collect();
        for (kind, row) in rows(whole) {
            if let Some(key) = key(account, kind, row) {
                now.insert(key, Some(self.fields(kind, row)));
            }
        }
        for (key, after) in now {
            let changes = self.changes.entry(key).or_default();
            let (at, before) = match changes.last() {
                Some(last) => (time_ms, last.after.clone()),
                None if is_first => (i64::MIN, after.clone()),
                None => (time_ms, None),
            };
            if at == i64::MIN || before != after {
                self.changed_at.insert(at);
                changes.push(Change { at, before, after });
            }
        }
    }

    /// The compared fields of a row; of a user also the principal name, which stands in no row.
    fn fields(&self, kind: &str, row: &Map<String, Value>) -> Map<String, Value> {
        let mut fields = compared(kind, row);
        if kind == "user" {
            name_in(&mut fields, self.domain.as_deref());
        }
        fields
    }

    /// Another alias is another principal name of everybody.
    fn take_domain(&mut self, at: i64, account: Option<&Map<String, Value>>) {
        let domain = account.and_then(domain_in);
        if domain == self.domain {
            return;
        }
        self.domain = domain;
        for (_, changes) in self.changes.iter_mut().filter(|(key, _)| kind_of(key) == "user") {
            let Some(before) = changes.last().and_then(|last| last.after.clone()) else { continue };
            let mut after = before.clone();
            name_in(&mut after, self.domain.as_deref());
            changes.push(Change { at, before: Some(before), after: Some(after) });
        }
    }

    /// The keys of everything that the log knows.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.changes.keys().map(String::as_str)
    }

    /// What was asked and not answered before `from`, nor asked after `to`.
    pub(super) fn requests_between(&self, from: i64, to: i64) -> impl Iterator<Item = &Request> {
        let first = self.requests.partition_point(|request| request.answered_ms < from);
        let last_answer = to.saturating_add(self.longest_ms);
        let later = self.requests[first..].iter().take_while(move |request| request.answered_ms <= last_answer);
        later.filter(move |request| request.received_ms <= to)
    }

    /// Its changes in the order of time.
    pub(super) fn changes(&self, key: &str) -> &[Change] {
        self.changes.get(key).map_or(&[], Vec::as_slice)
    }

    /// Every name that the user, group or role ever had.
    pub(super) fn names(&self, key: &str) -> impl Iterator<Item = &str> {
        let rows = self.changes(key).iter().flat_map(|change| [&change.before, &change.after]).flatten();
        rows.filter_map(|row| ["user_name", "group_name", "role_name"].iter().find_map(|name| row.get(*name)?.as_str()))
    }

    /// Whether anything happened between two instants that shows in the entity. The alias stands in every user's
    /// principal name.
    pub(super) fn has_change(&self, key: &str, from: i64, to: i64) -> bool {
        let (account, path) = key.split_once('/').unwrap_or((key, ""));
        let alias = path.starts_with("user/").then(|| format!("{account}/account"));
        let mut changes = [Some(key), alias.as_deref()].into_iter().flatten().flat_map(|key| self.changes(key));
        changes.any(|change| (from..=to).contains(&change.at))
    }

    /// Whether nothing at all happened between two instants.
    pub(super) fn is_quiet(&self, from: i64, to: i64) -> bool {
        self.changed_at.range(from..).next().is_none_or(|at| *at > to)
    }

    /// Everything that it was between two instants (Unix milliseconds); nothing where the log does not know.
    pub(super) fn between(&self, key: &str, from: i64, to: i64) -> Vec<&Fields> {
        let changes = self.changes(key);
        let knows_whole = self.whole_since.is_some_and(|since| since <= to);
        let at_start = match (changes.iter().rev().find(|change| change.at < from), changes.first()) {
            (Some(last), _) if last.at > i64::MIN || knows_whole => &last.after,
            (None, Some(first)) => &first.before,
            (None, None) if knows_whole => &NOTHING,
            _ => return Vec::new(),
        };
        let later = changes.iter().filter(|change| (from..=to).contains(&change.at)).map(|change| &change.after);
        std::iter::once(at_start).chain(later).collect()
    }
}

/// The default domain of an account.
fn domain_in(account: &Map<String, Value>) -> Option<String> {
    account.get("default_domain")?.as_str().map(str::to_owned)
}

/// Puts the principal name into the fields of a user.
fn name_in(user: &mut Map<String, Value>, domain: Option<&str>) {
    let name = user.get("user_name").and_then(Value::as_str);
    if let Some((name, domain)) = name.zip(domain) {
        let name = format!("{name}@{domain}");
        user.insert(PRINCIPAL_NAME.to_owned(), name.into());
    }
}

/// What was never there.
static NOTHING: Fields = None;

/// The tables of the account file that hold what is published, with the kind of their rows.
const TABLES: [(&str, &str); 11] = [
    ("users", "user"),
    ("groups", "group"),
    ("memberships", "membership"),
    ("roles", "role"),
    ("policies", "policy"),
    ("attachments", "policy_attachment"),
    ("identity_providers", "identity_provider"),
    ("instances", "instance"),
    ("access_keys", "access_key"),
    ("login_profiles", "login_profile"),
    ("mfa_devices", "mfa_device"),
];

/// What there is one of in every account file, as a row of its own.
const SINGLE: [&str; 2] = ["password_policy", "security_preference"];

/// The kind and the fields of every row of an account, and of the account itself.
fn rows(whole: &Map<String, Value>) -> impl Iterator<Item = (&'static str, &Map<String, Value>)> {
    let of_table = |(table, kind)| {
        let rows = whole.get(table).and_then(Value::as_array).into_iter().flatten();
        rows.filter_map(Value::as_object).map(move |row| (kind, row))
    };
    let account = whole.contains_key("alias").then_some(("account", whole));
    let single = SINGLE.into_iter().filter_map(|kind| Some((kind, whole.get(kind)?.as_object()?)));
    account.into_iter().chain(single).chain(TABLES.into_iter().flat_map(of_table))
}

/// The key of a row; `None` where nothing is published of its kind.
pub(super) fn key(account: &str, kind: &str, row: &Map<String, Value>) -> Option<String> {
    let text = |field: &str| row.get(field).and_then(Value::as_str).map(str::to_owned);
    let lower = |field: &str| text(field).map(|text| text.to_ascii_lowercase());
    let parts = match kind {
        "account" | "password_policy" | "security_preference" => Vec::new(),
        "user" => vec![text("user_id")],
        "group" => vec![text("group_id")],
        "role" => vec![text("role_id")],
        "identity_provider" => {
            let (of_type, name) = (text("provider_type"), text("provider_name"));
            let arn = of_type
                .as_deref()
                .zip(name)
                .map(|(of_type, name)| format!("acs:ram::{account}:{of_type}-provider/{name}"));
            vec![of_type, arn]
        }
        "membership" => vec![text("group_id"), text("user_id")],
        "policy" => vec![lower("policy_type"), lower("policy_name")],
        "instance" => vec![text("region"), text("instance_id")],
        "policy_attachment" => vec![
            lower("policy_type"),
            lower("policy_name"),
            text("principal_type"),
            text("principal_id"),
            text("resource_group_id").or_else(|| Some("account".to_owned())),
        ],
        "access_key" => vec![text("user_id"), text("access_key_id")],
        "login_profile" => vec![text("user_id")],
        "mfa_device" => vec![text("user_id"), text("device_type"), text("serial_number")],
        _ => return None,
    };
    let parts: Option<Vec<String>> = parts.into_iter().collect();
    let encoded = parts?.iter().map(|part| format!("/{}", utf8_percent_encode(part, RESERVED))).collect::<String>();
    Some(format!("{account}/{kind}{encoded}"))
}

/// A read of what is published; writes, and requests that the services do not know, are none.
fn asked(served: Served) -> Option<Request> {
    let is_read = |name: &String| ["List", "Get", "Describe"].iter().any(|read| name.starts_with(read));
    let operation = served.operation.filter(is_read)?;
    let mut subject = served.parameters;
    let is_later_page = subject.contains_key("Marker")
        || subject.contains_key("NextToken")
        || subject.get("PageNumber").is_some_and(|number| number != "1");
    let lacks_rows = matches!(served.fault.as_deref(), Some("empty" | "partial"));
    let is_lie = lacks_rows || served.fault.as_deref() == Some("stale");
    for page in ["Marker", "MaxItems", "NextToken", "MaxResults", "PageNumber", "PageSize"] {
        subject.remove(page);
    }
    let subject = Value::Object(subject).to_string();
    let Served { received_ms, answered_ms, client, status, code, .. } = served;
    Some(Request {
        received_ms,
        answered_ms,
        client,
        operation,
        subject,
        is_later_page,
        is_lie,
        lacks_rows,
        status,
        code,
    })
}
