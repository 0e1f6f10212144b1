//! `ramstream state`: look at the published state, judge it, and begin it anew where it is lost.

mod describe;
mod new_lineage;
mod verify;

use std::path::Path;

use anyhow::Context;
use clap::Subcommand;

use super::format::{Format, write_json};
use super::{Exit, assemble, configure};
use crate::{
    config::{Publishing, Purpose},
    sync::{AccountTopics, LifeError},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the published state, even if it is damaged; write nothing
    #[command(after_help = "Examples:\n  ramstream state describe\n  \
                            ramstream state describe --format json | jq .wrong")]
    Describe {
        /// Output format: a table for people, one JSON document for programs
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Verify the state as the daemon does before it publishes; write nothing
    ///
    /// Exit codes: 0 a daemon would accept it, 77 a daemon would refuse it, 69 the brokers cannot be reached.
    #[command(after_help = "Examples:\n  ramstream state verify\n  \
                            ramstream state verify --format json | jq '.checks[] | select(.verdict == \"refused\")'")]
    Verify {
        /// Output format: one line per check for people, one JSON document for programs
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Discard the published state and begin a new lineage, if the state is lost
    ///
    /// One transaction deletes everything that the state topic holds, notifies consumers (`lineage.started` in
    /// `.syncs`) and begins at sequence 0. The next sync publishes the whole account as a baseline (`op = r`).
    /// Running copies continue by themselves; none has to be stopped. Changes between the last sync and the baseline
    /// appear only as a difference in content, never as events of their own.
    #[command(after_help = "Examples:\n  ramstream state new-lineage --reason 'the state topic was deleted'\n  \
                            ramstream state new-lineage --reason 'restored from a backup' --take-over --yes")]
    NewLineage(new_lineage::Args),
}

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let config = configure(file, Purpose::Topics)?;
    let Publishing { kafka, registry } = config.publishing.as_ref().context("kafka and registry are not configured")?;
    let account = assemble::account_topics(&config, kafka);
    let done = match &args.what {
        What::Describe { format } => describe::run(&account, *format).await,
        What::Verify { format } => verify::run(&account, *format).await,
        What::NewLineage(args) => new_lineage::run(args, &account, registry).await,
    };
    match done {
        Err(error) => match error.downcast_ref::<LifeError>() {
            Some(life) => {
                eprintln!("ramstream: {life}");
                Ok(Exit::of_life(life))
            }
            None => Err(error),
        },
        exit => exit,
    }
}

/// What has to be done before a lineage can begin in a topic that stops its readers.
fn how_to_make_the_topic_anew(account: &AccountTopics) -> String {
    let commands = account.commands_for_a_new_topic().join("\n  ");
    format!("To recreate the state topic (stop every copy first, and keep a backup if you may need one):\n  {commands}")
}
