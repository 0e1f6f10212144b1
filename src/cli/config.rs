//! `ramstream config`: an example to begin with, a check of what one has, and what holds.

use std::io::{self, Write};
use std::path::Path;

use clap::Subcommand;

use serde_json::{Value, json};

use super::Exit;
use super::format::{Format, write_json};
use crate::config::{self, Loaded, Origin, Purpose, Setting};

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
    /// Report every mistake in the configuration, or else every value and where it comes from; connect to nothing
    #[command(after_help = "Example:\n  ramstream --config /etc/ramstream.toml config check")]
    Check {
        /// Check only what reading needs: kafka and registry may be missing
        #[arg(long)]
        reading: bool,
    },
    /// Show the value of every key and where it comes from; hide secrets, connect to nothing
    #[command(
        after_help = "Examples:\n  ramstream config show\n  ramstream config show --given    without defaults\n  \
                            ramstream config show --format json | jq '.settings[] | select(.key == \"sync.interval\")'"
    )]
    Show {
        /// Show only the keys that are set somewhere
        #[arg(long)]
        given: bool,
        /// Output format: a table for people, one JSON document for programs
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
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
        // Kafka or credentials may still be missing: that is for `check` to say.
        What::Show { given, format } => {
            let mut settings = config::load(file, std::env::vars_os(), Purpose::Asking)?.settings;
            settings.retain(|setting| !given || setting.origin != Origin::Default);
            match format {
                Format::Table => print_settings(&mut out, &settings)?,
                Format::Json => {
                    let settings: Vec<Value> = settings.iter().map(as_json).collect();
                    write_json(&mut out, &json!({ "settings": settings }))?;
                }
            }
        }
    }
    Ok(Exit::Complete)
}

/// A line a key that has a value.
fn print_settings(out: &mut impl Write, settings: &[Setting]) -> io::Result<()> {
    let column = |width: fn(&Setting) -> usize| settings.iter().map(width).max().unwrap_or(0);
    let key_width = column(|setting| setting.key.chars().count());
    let value_width = column(|setting| setting.shown.as_ref().map_or(0, |shown| shown.chars().count()));
    for setting in settings.iter().filter(|setting| setting.shown.is_some() || setting.origin != Origin::Default) {
        let shown = setting.shown.as_deref().unwrap_or_default();
        writeln!(out, "{:key_width$}  {shown:value_width$}  {}", setting.key, setting.origin)?;
    }
    Ok(())
}

fn as_json(setting: &Setting) -> Value {
    let origin = (setting.origin != Origin::Default).then(|| setting.origin.to_string());
    json!({ "key": setting.key, "value": setting.shown, "given_in": origin })
}

fn report(out: &mut impl Write, loaded: &Loaded) -> io::Result<()> {
    print_settings(out, &loaded.settings)?;
    for warning in &loaded.warnings {
        writeln!(out, "\nwarning: {warning}")?;
    }
    let warnings = match loaded.warnings.len() {
        0 => String::new(),
        1 => ", with 1 warning".to_owned(),
        many => format!(", with {many} warnings"),
    };
    writeln!(out, "\nthe configuration is valid{warnings}")
}
