//! One line for a person: when, what, who, and what changed.

use std::fmt::Write as _;

use apache_avro::types::Value;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::record::Record;
use crate::words::{Content, Told, as_number, as_text, field, harmless, short, words};

/// As long as the longest type, so that what follows stands in one column.
const TYPE_COLUMNS: usize = 26;
/// So many collections and scopes of a notice are named.
const NAMED: usize = 3;

/// How lines look.
#[derive(Debug, Clone)]
pub struct Look {
    /// Whether words are painted.
    pub is_coloured: bool,
    /// Whether each day is told once, in a line of its own, instead of in every line.
    pub is_by_day: bool,
    /// The account whose records say nothing of their account.
    pub account_id: String,
}

/// Select Graphic Rendition codes of terminals.
#[derive(Clone, Copy)]
enum Paint {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Yellow = 33,
    Cyan = 36,
}

/// A line that is printed later, when its turn has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    at: Option<Timestamp>,
    text: String,
}

/// Prints lines, and days between them.
pub(super) struct Days {
    look: Look,
    last: Option<Date>,
}

impl Days {
    pub(super) fn new(look: Look) -> Self {
        Self { look, last: None }
    }

    /// The line as it is printed, behind the line of its day if that has not been told.
    pub(super) fn print(&mut self, line: &Line) -> String {
        let at = line.at.map(|at| at.to_zoned(TimeZone::UTC).datetime());
        if !self.look.is_by_day {
            let stamp = at.map_or_else(|| "-".repeat(20), |at| format!("{}Z", at.strftime("%Y-%m-%dT%H:%M:%S")));
            return format!("{stamp} {}\n", line.text);
        }
        let time = at.map_or_else(|| "--:--:--".to_owned(), |at| at.strftime("%H:%M:%S").to_string());
        let day = at.map(|at| at.date()).filter(|day| self.last != Some(*day));
        let heading = day.map(|day| self.look.paint(Paint::Bold, &format!("{day} (UTC)")) + "\n");
        self.last = day.or(self.last);
        format!("{}{time} {}\n", heading.unwrap_or_default(), line.text)
    }
}

impl Look {
    fn paint(&self, paint: Paint, text: &str) -> String {
        if self.is_coloured { format!("\x1b[{}m{text}\x1b[0m", paint as u8) } else { text.to_owned() }
    }

    /// The line of a record.
    pub(super) fn line(&self, record: &Record) -> Line {
        let text = match &record.content {
            Ok(content) if content.is_notice => self.notice(content),
            Ok(content) => self.event(content, &record.key),
            Err(reason) => self.unreadable(record, reason),
        };
        let at = record.raw.timestamp.and_then(|millis| Timestamp::from_millisecond(millis).ok());
        Line { at, text: text + &self.foreign_account(record) }
    }

    fn event(&self, event: &Content, key: &str) -> String {
        let paint = match event.text("op") {
            Some("c") => Paint::Green,
            Some("d") => Paint::Red,
            Some("u") => Paint::Yellow,
            _ => Paint::Cyan,
        };
        let told = Told::of_event(event, key);
        let mut line = format!("{} {}", self.column(paint, &told.event_type), told.who);
        for said in told.changes {
            write!(line, "  {said}").expect("writing to a text never fails");
        }
        if let Some(cause) = told.cause {
            line += &self.paint(Paint::Dim, &format!("  {cause}"));
        }
        line
    }

    fn notice(&self, notice: &Content) -> String {
        let paint = if notice.is_heartbeat() { Paint::Dim } else { Paint::Yellow };
        let mut said: Vec<String> = Vec::new();
        if let Some(outcome) = notice.text("outcome") {
            let size = notice.field("batch_size").and_then(as_number).unwrap_or(0);
            let events = if size == 1 { "event" } else { "events" };
            said.push(format!("{}: {size} {events}", harmless(outcome)));
        }
        said.extend(notice.text("request_id").map(|id| format!("request {}", harmless(id))));
        let unknown: Vec<&Value> = notice.items("collections").iter().filter(|one| is_trouble(one)).collect();
        // What is said of a whole collection is not said again of it as a scope.
        let is_said = |scope: &&Value| unknown.iter().any(|one| field(one, "kind") == field(scope, "scope"));
        let scopes = notice.items("scopes").iter().filter(|scope| !is_said(scope));
        said.extend(first_few(unknown.iter().map(|one| reasoned(one, "kind", Some("status"))).collect()));
        said.extend(first_few(scopes.map(|scope| reasoned(scope, "scope", None)).collect()));
        let counts = notice.items("kinds").iter();
        let counts: Vec<String> =
            counts.map(|kind| format!("{} {}", words(field(kind, "kind")), words(field(kind, "count")))).collect();
        said.extend((!counts.is_empty()).then(|| counts.join(", ")));
        said.extend(notice.text("message").map(harmless));
        let sequence = self.paint(Paint::Dim, &format!("sequence {}", notice.sequence));
        let said = if said.is_empty() { sequence } else { format!("{}  {sequence}", said.join("; ")) };
        format!("{} {said}", self.column(paint, &notice.event_type))
    }

    fn unreadable(&self, record: &Record, reason: &str) -> String {
        let raw = &record.raw;
        let place = format!("{}[{}] at offset {}", harmless(&raw.topic), raw.partition, raw.offset);
        format!(
            "{} {place}, key {}: {}",
            self.column(Paint::Red, "(undecodable)"),
            harmless(&record.key),
            harmless(reason)
        )
    }

    /// Several accounts may share their topics.
    fn foreign_account(&self, record: &Record) -> String {
        let id = record.key.split('/').next().unwrap_or_default();
        if record.content.is_err() || id == self.account_id {
            return String::new();
        }
        let name = record.content.as_ref().ok().and_then(|content| content.text("account_name"));
        let name = name.map_or_else(|| harmless(id), |name| format!("{} ({})", harmless(name), short(id)));
        self.paint(Paint::Dim, &format!("  in account {name}"))
    }

    fn column(&self, paint: Paint, event_type: &str) -> String {
        self.paint(paint, &format!("{:<TYPE_COLUMNS$}", harmless(event_type)))
    }
}

/// Whether something of a collection is not known.
fn is_trouble(collection: &Value) -> bool {
    !matches!(field(collection, "status").and_then(as_text), Some("complete" | "not_due" | "off"))
}

/// `name word (reason)`.
fn reasoned(value: &Value, name: &str, word: Option<&str>) -> String {
    let word = word.map(|word| format!(" {}", words(field(value, word)))).unwrap_or_default();
    let reason = field(value, "reason").map(|reason| format!(" ({})", words(Some(reason)))).unwrap_or_default();
    format!("{}{word}{reason}", words(field(value, name)))
}

/// The first few, and how many more there are.
fn first_few(mut said: Vec<String>) -> Option<String> {
    let more = said.len().saturating_sub(NAMED);
    said.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!said.is_empty()).then(|| said.join(", ") + &more)
}
