//! `ramstream verify`: judge what is in the topics; nothing is written anywhere.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use super::format::{Format, write_json};
use super::{Exit, assemble, configure};
use crate::config::Purpose;
use crate::verify::{self, Isolation, Question, VerifyError};

const SEQUENCES: std::ops::RangeFrom<i64> = 1..;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Truth log of the simulated account, as `ramstream simulate --truth-log` writes it
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Output format: a table for people, one JSON document for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Judge from this sync on; take what was held before it from the first event of each key
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(SEQUENCES))]
    from_sequence: Option<i64>,
    /// Also read aborted records, and discard them as readers without isolation must
    #[arg(long)]
    read_uncommitted: bool,
}

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let config = configure(file, Purpose::Topics)?;
    let publishing = config.publishing.as_ref().context("kafka and registry are not configured")?;
    let connection = Arc::new(assemble::connection(&publishing.kafka));
    let registry = assemble::registry(&publishing.registry)?;
    let question = Question {
        topic_prefix: publishing.kafka.topic_prefix.clone(),
        account_id: config.account.id.clone(),
        isolation: if args.read_uncommitted { Isolation::ReadUncommitted } else { Isolation::ReadCommitted },
        from_sequence: args.from_sequence,
    };
    let report = match verify::verify(connection, &registry, &question, args.truth.as_deref()).await {
        Ok(report) => report,
        Err(error) => {
            let exit = exit_of(&error);
            eprintln!("ramstream: {:#}", anyhow::Error::from(error));
            return Ok(exit);
        }
    };
    let mut out = io::stdout().lock();
    match args.format {
        Format::Table => write!(out, "{report}")?,
        Format::Json => write_json(&mut out, &report)?,
    }
    Ok(if report.is_clean() { Exit::Complete } else { Exit::Failed })
}

/// Never [`Exit::Failed`]: that says that something was judged and is violated.
fn exit_of(error: &VerifyError) -> Exit {
    match error {
        VerifyError::Truth(_) => Exit::Usage,
        VerifyError::Read(_) | VerifyError::Decode(_) => Exit::Unavailable,
    }
}
