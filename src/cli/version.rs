//! `ramstream version`: what this binary is made of, for a report of a fault.

use std::io::{self, Write};

use serde_json::json;

use super::Exit;
use super::format::{Format, write_json};
use crate::kafka::library;

/// Set by whoever builds from a repository (the Dockerfile's `COMMIT`): a tarball knows none.
const COMMIT: Option<&str> = option_env!("RAMSTREAM_COMMIT");

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Output format: lines for people, one JSON document for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

/// Prints to standard output.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let commit = COMMIT.filter(|commit| !commit.is_empty());
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let features: &[&str] = if cfg!(feature = "simulation") { &["simulation"] } else { &[] };
    let mut out = io::stdout().lock();
    match args.format {
        Format::Json => {
            let librdkafka = json!({ "version": library::version(), "features": library::features() });
            let document = json!({
                "version": env!("CARGO_PKG_VERSION"), "commit": commit, "build": build, "features": features,
                "librdkafka": librdkafka, "openssl": openssl::version::version(),
            });
            write_json(&mut out, &document)?;
        }
        Format::Table => {
            writeln!(out, "ramstream   {}", env!("CARGO_PKG_VERSION"))?;
            writeln!(out, "commit      {}", commit.unwrap_or("unknown (not set at build time)"))?;
            let with = if features.is_empty() { String::new() } else { format!(", with {}", features.join(", ")) };
            writeln!(out, "build       {build}{with}")?;
            writeln!(out, "librdkafka  {} ({})", library::version(), library::features().join(", "))?;
            writeln!(out, "openssl     {}", openssl::version::version())?;
        }
    }
    Ok(Exit::Complete)
}
