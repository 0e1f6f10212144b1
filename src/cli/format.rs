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

/// One JSON document, indented, and the end of its last line.
pub(super) fn write_json(out: &mut impl Write, document: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    Ok(writeln!(out)?)
}
