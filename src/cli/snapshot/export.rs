//! `ramstream snapshot export`: the verified state, out of its topic into a directory.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::ValueEnum;

use super::super::{Exit, assemble, configure, kinds};
use crate::{
    config::Purpose,
    model::Kind,
    snapshot::{self, Encoding, Manifest, Order, PlaceError, WriteError},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Directory to create; an export that is already there is replaced only with --force
    #[arg(long, value_name = "DIRECTORY")]
    to: PathBuf,
    /// Format of the rows
    #[arg(long, value_enum, default_value_t = RowFormat::Avro)]
    format: RowFormat,
    /// Write only this kind; may be repeated
    #[arg(long, value_name = "KIND", value_parser = kinds::parse)]
    kind: Vec<Kind>,
    /// Replace an export that is already there; anything else is left alone
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RowFormat {
    /// Avro object container files, which every Avro tool reads
    Avro,
    /// One JSON object per line
    Jsonl,
}

impl From<RowFormat> for Encoding {
    fn from(format: RowFormat) -> Self {
        match format {
            RowFormat::Avro => Self::Avro,
            RowFormat::Jsonl => Self::Jsonl,
        }
    }
}

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let config = configure(file, Purpose::Kafka)?;
    let publishing = config.publishing.as_ref().context("kafka is not configured")?;
    let account = assemble::account_topics(&config, &publishing.kafka);
    let state = match account.verified_state().await {
        Ok(state) => state,
        Err(error) => {
            eprintln!("ramstream: {error}");
            return Ok(Exit::of_life(&error));
        }
    };
    let order = Order {
        to: &args.to,
        encoding: args.format.into(),
        kinds: &kinds::wanted(&args.kind),
        account_name: account.account_name.as_deref(),
        force: args.force,
    };
    match snapshot::write(&state, order) {
        Ok(manifest) => print(&mut io::stdout().lock(), &manifest, &args.to)?,
        Err(error) => {
            let exit = exit_of(&error);
            eprintln!("ramstream: {:#}", anyhow::Error::from(error));
            return Ok(exit);
        }
    }
    Ok(Exit::Complete)
}

/// What can be mended on the command line is told from what cannot.
fn exit_of(error: &WriteError) -> Exit {
    match error {
        WriteError::Place(PlaceError::Io { .. }) | WriteError::Encode(_) => Exit::Failed,
        WriteError::Place(_) => Exit::Usage,
        WriteError::NothingPublished(_) | WriteError::OtherVersion { .. } => Exit::Failed,
    }
}

fn print(out: &mut impl Write, manifest: &Manifest, to: &Path) -> io::Result<()> {
    for file in &manifest.kinds {
        let unread = if file.baseline { "" } else { "  (never read)" };
        writeln!(out, "{:<26} {:>8}{unread}", file.file, file.count)?;
    }
    for unknown in &manifest.unknown_scopes {
        writeln!(out, "not known: {}  {}", unknown.scope, unknown.reason.as_str())?;
    }
    let Manifest { rows, sequence, lineage, account_id, .. } = manifest;
    writeln!(
        out,
        "exported {rows} rows of account {account_id} at sequence {sequence} of lineage {lineage} to {}",
        to.display()
    )
}
