//! `ramstream check`: would it work? Everything that can be asked without changing anything or disturbing a daemon.

mod account;
mod brokers;
mod configuration;
mod registry;
mod report;

use std::io;
use std::path::Path;

use report::{Part, Report, Row};

use super::format::Format;
use super::{Exit, logging, waiting::with_progress};
use crate::config::{Config, Log};

pub(super) const EXAMPLES: &str = "\
Examples:
  ramstream check                      what needs attention, each with its fix
  ramstream check --all                one line for every check
  ramstream check --format json | jq -r '.checks[] | select(.verdict == \"failed\") | .fix'

It changes nothing and disturbs no running daemon: it tries permissions by calls that read one item, only validates the \
creation of missing topics, registers nothing, and tries transactions under an id of their own, <the account's>.check.

Exit codes: 0 nothing failed (a warning or a skipped check is not a failure), 3 a permission is missing and part of the \
account would be unknown, 64 configuration, 69 something cannot be reached, 77 a topic, a schema or the account \
would be refused, 1 anything else failed. If several checks failed: the first of 64, 77, 69, 1, 3.";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print one line for every check, even if many say the same
    #[arg(long)]
    all: bool,
    /// Output format: a table for people, one JSON document for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// What is told on standard output is all there is to say; `RUST_LOG` brings the log back.
const QUIET: &str = "off,librdkafka=off,rdkafka=off";

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let (config, rows) = configuration::check(file);
    let format = config.as_ref().map_or(Log::default().format, |config| config.log.format);
    logging::start(&Log { format, level: QUIET.to_owned() })?;
    let mut report = Report { account_id: config.as_ref().map(|config| config.account.id.clone()), rows };
    match &config {
        Some(config) => report.rows.extend(with_progress("checking", everything(config)).await),
        None => report.rows.push(Row::not_checked(
            Part::Credentials,
            "everything else",
            "this configuration is not enough to ask anything",
        )),
    }
    let mut out = io::stdout().lock();
    match args.format {
        Format::Table => report.print_table(&mut out, args.all)?,
        Format::Json => report.print_json(&mut out)?,
    }
    Ok(report.exit())
}

/// The cloud on the one side, brokers and registry on the other: neither waits for the other.
async fn everything(config: &Config) -> Vec<Row> {
    let (account, brokers, registry) =
        tokio::join!(account::check(config), brokers::check(config), registry::check(config));
    [account, brokers, registry].concat()
}
