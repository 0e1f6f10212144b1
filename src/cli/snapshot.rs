//! `ramstream snapshot`: the published state as files, and what differs between two of them.

mod diff;
mod export;
mod words;

use std::path::Path;

use clap::Subcommand;

use super::Exit;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Write the published state as files, one per kind
    ///
    /// Reads the state from its topic, never from the cloud, and verifies it as `ramstream state verify` does: a state
    /// that a daemon would refuse is not exported. Claims nothing and writes nothing to Kafka, so a daemon may be
    /// running. The rows are those of a replay: events with `op = r` and the fields of their topic. manifest.json
    /// identifies the state and lets a reader prove that the export is complete. The directory appears whole or not
    /// at all, and only you may read it.
    ///
    /// Exit codes: 0 written, 64 it cannot be written there, 69 the brokers cannot be reached, 77 the state is
    /// refused, 1 anything else.
    #[command(after_help = "Examples:\n  ramstream snapshot export --to 2026-06-30\n  \
                            ramstream snapshot export --to users --format jsonl --kind user --kind membership\n  \
                            ramstream snapshot export --to latest --force     replaces the export in it")]
    Export(export::Args),
    /// Print what changed between two exports, or between an export and the account as it is now
    ///
    /// Prints one line per difference, in the words of the events. Comparing two exports needs no configuration. --now
    /// reads the account through the cloud's API as the daemon does: it looks twice for what seems to be gone
    /// (`sync.confirm_delay`), and names what could not be read instead of comparing it.
    ///
    /// Exit codes: 0 nothing differs, 2 something differs, 3 nothing differs in what could be read, 64 these cannot be
    /// compared, 77 the credentials are another account's, 1 anything else.
    #[command(after_help = "Examples:\n  ramstream snapshot diff 2026-03-31 2026-06-30\n  \
                            ramstream snapshot diff 2026-06-30 --now\n  \
                            ramstream snapshot diff 2026-03-31 2026-06-30 --format json | jq .event_type")]
    Diff(diff::Args),
}

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    match &args.what {
        What::Export(args) => export::run(args, file).await,
        What::Diff(args) => diff::run(args, file).await,
    }
}
