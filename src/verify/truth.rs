//! The simulator's truth log: what the account really was, and what was asked of it.
//!
//! Only what was changed while the log was kept is known: of a row that no line is about nothing is said.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Map, Value};

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The fields that a row and its entity have in common under the same name, by kind: those that come from a listing,
/// so that they are read anew by every sync.
const COMPARED: [(&str, &[&str]); 7] = [
    // Where no alias is set the services say the account's id, so that it cannot be held against the row.
    ("account", &[]),
    ("user", &["user_id", "user_name", "display_name", "comments", "status"]),
    ("group", &["group_id", "group_name", "comments"]),
    ("membership", &["group_id", "user_id"]),
    ("role", &["role_id", "role_name"]),
    ("policy", &["default_version"]),
    ("policy_attachment", &["principal_type", "principal_id"]),
];

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

/// What an entity was: its compared fields, `None` while it is not there.
pub(super) type Fields = Option<Map<String, Value>>;

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
    pub(super) operation: String,
    /// The parameters without those that tell pages apart.
    pub(super) subject: String,
    pub(super) status: u16,
    pub(super) code: Option<String>,
}

/// The log.
#[derive(Debug, Default)]
pub(super) struct Truth {
    changes: HashMap<String, Vec<Change>>,
    pub(super) requests: Vec<Request>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Mutation { time_ms: i64, change: Row },
    Request { request: Served },
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
    operation: Option<String>,
    parameters: Map<String, Value>,
    status: u16,
    code: Option<String>,
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
        match serde_json::from_str(line)? {
            Line::Mutation { time_ms, change: Row { kind, before, after } } => {
                let Some(key) = before.as_ref().or(after.as_ref()).and_then(|row| key(account, &kind, row)) else {
                    return Ok(());
                };
                let fields = |row: Option<Map<String, Value>>| row.map(|row| compared(&kind, &row));
                let change = Change { at: time_ms, before: fields(before), after: fields(after) };
                self.changes.entry(key).or_default().push(change);
            }
            Line::Request { request } => self.requests.extend(asked(request)),
        }
        Ok(())
    }

    /// The keys of everything that changed while the log was kept.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.changes.keys().map(String::as_str)
    }

    /// Its changes in the order of time.
    pub(super) fn changes(&self, key: &str) -> &[Change] {
        self.changes.get(key).map_or(&[], Vec::as_slice)
    }

    /// Whether anything happened between two instants that shows in the entity. The alias stands in every user's
    /// principal name.
    pub(super) fn has_change(&self, key: &str, from: i64, to: i64) -> bool {
        let (account, path) = key.split_once('/').unwrap_or((key, ""));
        let alias = format!("{account}/account");
        let keys = [Some(key), path.starts_with("user/").then_some(alias.as_str())];
        let mut changes = keys.into_iter().flatten().flat_map(|key| self.changes(key));
        changes.any(|change| (from..=to).contains(&change.at))
    }

    /// Everything that it was between two instants (Unix milliseconds); nothing is known if it never changed.
    pub(super) fn between(&self, key: &str, from: i64, to: i64) -> Vec<&Fields> {
        let changes = self.changes(key);
        let Some(first) = changes.first() else { return Vec::new() };
        let at_start = changes.iter().rev().find(|change| change.at < from).map_or(&first.before, |last| &last.after);
        let later = changes.iter().filter(|change| (from..=to).contains(&change.at)).map(|change| &change.after);
        std::iter::once(at_start).chain(later).collect()
    }
}

/// Whether an entity has the compared fields of a row.
pub(super) fn fits(key: &str, entity: Option<&str>, fields: &Fields) -> bool {
    let entity = entity.and_then(|entity| serde_json::from_str::<Map<String, Value>>(entity).ok());
    entity.map(|entity| compared(super::fold::kind_of(key), &entity)) == *fields
}

/// The compared fields; none, absent and empty are the same.
fn compared(kind: &str, row: &Map<String, Value>) -> Map<String, Value> {
    let names = COMPARED.iter().find(|(of, _)| *of == kind).map_or(&[][..], |(_, names)| names);
    let with_value = names.iter().filter_map(|name| Some(((*name).to_owned(), row.get(*name)?.clone())));
    with_value.filter(|(_, value)| !value.is_null() && value != "").collect()
}

/// The key of a row; `None` where nothing is published of its kind.
fn key(account: &str, kind: &str, row: &Map<String, Value>) -> Option<String> {
    let text = |field: &str| row.get(field).and_then(Value::as_str).map(str::to_owned);
    let lower = |field: &str| text(field).map(|text| text.to_ascii_lowercase());
    let parts = match kind {
        "account" => Vec::new(),
        "user" => vec![text("user_id")],
        "group" => vec![text("group_id")],
        "role" => vec![text("role_id")],
        "membership" => vec![text("group_id"), text("user_id")],
        "policy" => vec![lower("policy_type"), lower("policy_name")],
        "policy_attachment" => vec![
            lower("policy_type"),
            lower("policy_name"),
            text("principal_type"),
            text("principal_id"),
            text("resource_group_id").or_else(|| Some("account".to_owned())),
        ],
        _ => return None,
    };
    let parts: Option<Vec<String>> = parts.into_iter().collect();
    let encoded = parts?.iter().map(|part| format!("/{}", utf8_percent_encode(part, RESERVED))).collect::<String>();
    Some(format!("{account}/{kind}{encoded}"))
}

/// A read of what is published; writes, and requests that the services do not know, are none.
fn asked(served: Served) -> Option<Request> {
    let operation = served.operation.filter(|name| name.starts_with("List") || name.starts_with("Get"))?;
    let mut subject = served.parameters;
    for page in ["Marker", "MaxItems", "PageNumber", "PageSize"] {
        subject.remove(page);
    }
    let subject = Value::Object(subject).to_string();
    let Served { received_ms, answered_ms, status, code, .. } = served;
    Some(Request { received_ms, answered_ms, operation, subject, status, code })
}
