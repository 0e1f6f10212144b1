//! Lines for a person: at most 100 columns, colour on a terminal only.

use std::io::{self, IsTerminal, Write, stdout};

use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::event::Event;
use super::reader::Sync;
use crate::model::Kind;

/// Columns of the name of an event, and of what it is about.
const TYPE_COLUMNS: usize = 25;
const SUBJECT_COLUMNS: usize = 37;
const LIST_COLUMNS: usize = 84;

/// Standard output, written line by line.
pub struct Page {
    is_coloured: bool,
    time_zone: TimeZone,
}

/// Select Graphic Rendition codes of terminals.
#[derive(Clone, Copy)]
pub(super) enum Paint {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Yellow = 33,
}

impl Default for Page {
    /// Coloured on a terminal, unless `NO_COLOR` (<https://no-color.org>) is set; times in the machine's time zone.
    fn default() -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { is_coloured: stdout().is_terminal() && !refused, time_zone: TimeZone::system() }
    }
}

impl Page {
    /// Prints text of one line or more.
    ///
    /// # Errors
    /// Nobody reads any longer.
    pub fn print(&self, text: &str) -> io::Result<()> {
        writeln!(stdout(), "{text}")
    }

    /// An empty line and a heading.
    ///
    /// # Errors
    /// As [`Page::print`].
    pub fn heading(&self, text: &str) -> io::Result<()> {
        self.print(&format!("\n{}", self.paint(Paint::Bold, text)))
    }

    /// Something beside the matter.
    pub(super) fn aside(&self, text: &str) -> io::Result<()> {
        self.print(&self.paint(Paint::Dim, text))
    }

    /// The names of the columns of [`Page::event`], and what stands in them.
    pub(super) fn columns(&self) -> io::Result<()> {
        self.print("")?;
        self.aside(&columns("read at", "event", "who or what", "op", "happened between"))?;
        self.aside("  op: c created, u updated, d removed. Between: two readings of the account, in whole seconds.")
    }

    /// One event.
    pub(super) fn event(&self, event: &Event) -> anyhow::Result<()> {
        let subject = match event.short_id()? {
            Some(id) => format!("{} ({id})", event.subject()?),
            None => event.subject()?,
        };
        let (from, to) = event.window();
        let window = format!("{}–{}", self.clock(from), self.clock(to));
        let line = columns(&self.now(), &event.event_type, &shorten(&subject), &event.op, &window);
        let paint = match event.op.as_str() {
            "c" => Paint::Green,
            "d" => Paint::Red,
            _ => Paint::Yellow,
        };
        Ok(self.print(&self.paint(paint, &line))?)
    }

    /// The record of a sync that could not read everything: what is not known, and why.
    pub(super) fn incomplete(&self, sync: &Sync) -> io::Result<()> {
        let record = &sync.record;
        let events =
            if record.batch_size == 1 { "1 event".to_owned() } else { format!("{} events", record.batch_size) };
        let outcome = format!("{}: {events}", record.outcome.as_deref().unwrap_or("no outcome"));
        self.print(&self.paint(Paint::Yellow, columns(&self.now(), &record.notice_type, &outcome, "", "").trim_end()))?;
        for collection in record.collections.iter().filter(|collection| is_news(&collection.status)) {
            let reason = collection.reason.as_deref().unwrap_or("no reason").replace('_', " ");
            let said = format!("{}: {} ({reason})", plural(&collection.kind, 2), collection.status);
            self.print(&self.paint(Paint::Yellow, columns("", "", &said, "", "").trim_end()))?;
        }
        Ok(())
    }

    /// What the first complete reading found.
    pub(super) fn baseline(&self, sync: &Sync) -> io::Result<()> {
        let counts = sync.record.collections.iter().filter(|collection| collection.entities > 0);
        let counts: Vec<_> = counts
            .map(|collection| format!("{} {}", collection.entities, plural(&collection.kind, collection.entities)))
            .collect();
        let entities: i64 = sync.record.collections.iter().map(|collection| collection.entities).sum();
        self.print(&format!("  {}  {entities} entities observed", self.now()))?;
        lists(&counts).iter().try_for_each(|line| self.print(&format!("            {line}")))
    }

    fn now(&self) -> String {
        Zoned::now().with_time_zone(self.time_zone.clone()).strftime("%H:%M:%S").to_string()
    }

    fn clock(&self, at: Option<Timestamp>) -> String {
        at.map_or_else(String::new, |at| at.to_zoned(self.time_zone.clone()).strftime("%H:%M:%S").to_string())
    }

    fn paint(&self, paint: Paint, text: &str) -> String {
        if self.is_coloured { format!("\x1b[{}m{text}\x1b[0m", paint as u8) } else { text.to_owned() }
    }
}

fn columns(time: &str, event_type: &str, subject: &str, op: &str, window: &str) -> String {
    format!("  {time:<8}  {event_type:<TYPE_COLUMNS$} {subject:<SUBJECT_COLUMNS$} {op:<2} {window}")
}

/// Whether a collection's status is worth a line: it should have been read, and was not.
fn is_news(status: &str) -> bool {
    !matches!(status, "complete" | "off")
}

/// A list of words, in as many lines as it takes.
fn lists(words: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < LIST_COLUMNS => line.push_str(&format!(", {word}")),
            Some(line) => {
                line.push(',');
                lines.push(word.clone());
            }
            None => lines.push(word.clone()),
        }
    }
    lines
}

/// A kind in words, as many as there are.
fn plural(kind: &str, count: i64) -> String {
    match Kind::from_name(kind) {
        Some(known) if count != 1 => known.plural().replace('-', " "),
        _ => kind.replace('_', " "),
    }
}

/// What fits into the column; documents are among the things that change.
fn shorten(subject: &str) -> String {
    let mut plain = subject.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut short: String = plain.by_ref().take(SUBJECT_COLUMNS).collect();
    if plain.next().is_some() {
        short.pop();
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_on_in_the_next_line_where_it_is_too_long_for_one() {
        let words = ["a".repeat(50), "b".repeat(50), "c".to_owned()];
        assert_eq!(lists(&words), [format!("{},", words[0]), format!("{}, c", words[1])]);
        assert_eq!(lists(&words[2..]), ["c"]);
    }

    #[test]
    fn a_line_stays_within_100_columns_whatever_changed() {
        let document = "role \u{1b}[31m{\n\"Version\": \"1\"} → ".repeat(50);
        let line = columns("17:03:12", "policy_attachment.readded", &shorten(&document), "u", "17:03:10–17:03:12");
        assert!(line.chars().count() <= 100 && !line.contains(char::is_control), "{line:?}");
        assert_eq!(shorten("carol.reyes"), "carol.reyes");
    }
}
