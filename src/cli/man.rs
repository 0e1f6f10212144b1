//! `ramstream man`: the help as manual pages.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;

use super::{Cli, Exit};

pub(super) const EXAMPLES: &str = "\
Examples:
  ramstream man | man -l -
  ramstream man --to /usr/local/share/man/man1    one page per command: ramstream.1, ramstream-run.1, …";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write one page per command into this directory, creating it if needed
    #[arg(long, value_name = "DIRECTORY")]
    to: Option<PathBuf>,
}

/// Prints to standard output, or writes files.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let command = Cli::command();
    match &args.to {
        None => {
            let mut page = Vec::new();
            Man::new(command).render(&mut page)?;
            io::stdout().lock().write_all(&page)?;
        }
        Some(directory) => {
            std::fs::create_dir_all(directory)
                .and_then(|()| clap_mangen::generate_to(command, directory))
                .with_context(|| format!("writing manual pages into {} (--to)", directory.display()))?;
        }
    }
    Ok(Exit::Complete)
}
