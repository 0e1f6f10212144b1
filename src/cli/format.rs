//! In which form a command prints what it has to tell.

use std::io::Write;

use clap::ValueEnum;
use serde::Serialize;

/// See the module's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Table,
    Json,
}

/// A text of somebody else's: its control characters must not reach the terminal.
pub(super) fn plain(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// One JSON document, indented, and the end of its last line.
pub(super) fn write_json(out: &mut impl Write, document: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    Ok(writeln!(out)?)
}
