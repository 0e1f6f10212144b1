//! `ramstream policy`: the RAM policy that the configured kinds need, and nothing more.

use std::{io, path::Path};

use serde_json::json;

use super::{Exit, format::write_json};
use crate::{config, model::Kind, sync::actions};

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Prints to standard output; of the configuration, only what is collected counts.
pub(super) fn run(_args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let kinds: Vec<Kind> = config::load_collect(file, std::env::vars_os())?.kinds.into_iter().collect();
    let statement = json!({ "Effect": "Allow", "Action": actions(&kinds), "Resource": "*" });
    write_json(&mut io::stdout().lock(), &json!({ "Version": "1", "Statement": [statement] }))?;
    Ok(Exit::Complete)
}
