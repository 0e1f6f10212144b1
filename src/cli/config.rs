//! `ramstream config`: an example to begin with, and a check of what one has.

use std::io::{self, Write};
use std::path::Path;

use clap::Subcommand;

use super::Exit;
use crate::config::{self, Loaded, Origin, Purpose};

/// See the module's page.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print a complete commented file with every key and its default
    #[command(after_help = "Example:\n  ramstream config example > ramstream.toml")]
    Example,
    /// Tell every mistake in the configuration, or what holds and where each value comes from; nothing is connected to
    #[command(after_help = "Example:\n  ramstream --config /etc/ramstream.toml config check")]
    Check {
        /// Only what reading needs: kafka and registry may be missing
        #[arg(long)]
        reading: bool,
    },
}

/// Prints to standard output.
pub(super) fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let mut out = io::stdout().lock();
    match args.what {
        What::Example => out.write_all(config::EXAMPLE.as_bytes())?,
        What::Check { reading } => {
            let scope = if reading { Purpose::Reading } else { Purpose::Publishing };
            report(&mut out, &config::load(file, std::env::vars_os(), scope)?)?;
        }
    }
    Ok(Exit::Complete)
}

fn report(out: &mut impl Write, loaded: &Loaded) -> io::Result<()> {
    let column = |width: fn(&config::Setting) -> usize| loaded.settings.iter().map(width).max().unwrap_or(0);
    let key_width = column(|setting| setting.key.chars().count());
    let value_width = column(|setting| setting.shown.as_ref().map_or(0, |shown| shown.chars().count()));
    for setting in loaded.settings.iter().filter(|setting| setting.shown.is_some() || setting.origin != Origin::Default)
    {
        let shown = setting.shown.as_deref().unwrap_or_default();
        writeln!(out, "{:key_width$}  {shown:value_width$}  {}", setting.key, setting.origin)?;
    }
    for warning in &loaded.warnings {
        writeln!(out, "\nwarning: {warning}")?;
    }
    let warnings = match loaded.warnings.len() {
        0 => String::new(),
        1 => ", with 1 warning".to_owned(),
        many => format!(", with {many} warnings"),
    };
    writeln!(out, "\nthe configuration is in order{warnings}")
}
