//! Lines for a person: at most 100 columns, colour on a terminal only.

use std::io::{self, IsTerminal, Write, stdout};

use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::event::Event;
use super::reader::Sync;
use crate::model::Kind;

/// Columns of the name of an event, and of what it is about.
const TYPE_COLUMNS: usize = 25;
const SUBJECT_COLUMNS: usize = 37;

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

    /// The names of the columns of [`Page::event`].
    pub(super) fn columns(&self) -> io::Result<()> {
        self.aside(&columns("time", "event", "who or what", "op", "when it happened"))
    }

    /// One event.
    pub(super) fn event(&self, event: &Event) -> anyhow::Result<()> {
        let subject = match event.short_id()? {
            Some(id) => format!("{} ({id})", event.subject()?),
            None => event.subject()?,
        };
        let (from, to) = event.window();
        let window = format!("{}–{}", self.clock(from), self.clock(to));
        let line = columns(&self.now(), &event.event_type, &subject, &event.op, &window);
        let paint = match event.op.as_str() {
            "c" => Paint::Green,
            "d" => Paint::Red,
            _ => Paint::Yellow,
        };
        Ok(self.print(&self.paint(paint, &line))?)
    }

    /// A sync that could not read everything: what is not known, and that it says so.
    pub(super) fn incomplete(&self, sync: &Sync) -> io::Result<()> {
        let record = &sync.record;
        let unknown: Vec<_> = record
            .collections
            .iter()
            .filter(|collection| collection.status != "complete")
            .map(|collection| {
                let reason = collection.reason.as_deref().unwrap_or("unknown").replace('_', " ");
                format!("{} ({reason})", plural(&collection.kind, 2))
            })
            .collect();
        let said = format!("sync {}: {} events, not known: {}", record.sequence, record.batch_size, unknown.join(", "));
        self.print(&self.paint(Paint::Yellow, &format!("  {}  {said}", self.now())))
    }

    /// What the first complete reading found.
    pub(super) fn baseline(&self, sync: &Sync) -> io::Result<()> {
        let counts = sync.record.collections.iter().filter(|collection| collection.entities > 0);
        let counts: Vec<_> = counts
            .map(|collection| format!("{} {}", collection.entities, plural(&collection.kind, collection.entities)))
            .collect();
        self.print(&format!("  {}  {} entities observed", self.now(), sync.events.len()))?;
        self.print(&format!("            {}", counts.join(", ")))
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

/// A kind in words, as many as there are.
fn plural(kind: &str, count: i64) -> String {
    match Kind::from_name(kind) {
        Some(known) if count != 1 => known.plural().replace('-', " "),
        _ => kind.replace('_', " "),
    }
}
