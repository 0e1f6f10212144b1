//! `ramstream completions`: what a shell has to know to complete the command line.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, Exit};

pub(super) const EXAMPLES: &str = "\
Examples:
  ramstream completions bash > /usr/share/bash-completion/completions/ramstream
  ramstream completions zsh > /usr/local/share/zsh/site-functions/_ramstream
  ramstream completions fish > /usr/share/fish/vendor_completions.d/ramstream.fish";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints to standard output.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ramstream", &mut script);
    io::stdout().lock().write_all(&script)?;
    Ok(Exit::Complete)
}
