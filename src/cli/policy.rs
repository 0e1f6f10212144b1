//! `ramstream policy`: the RAM policy that the configured kinds need, and nothing more.

use std::{io, path::Path};

use serde_json::json;

use super::{Exit, format::write_json};
use crate::{model::Kind, sync::actions};

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Prints to standard output; needs no configuration.
pub(super) fn run(_args: &Args, _file: Option<&Path>) -> anyhow::Result<Exit> {
    let statement = json!({ "Effect": "Allow", "Action": actions(configured()), "Resource": "*" });
    write_json(&mut io::stdout().lock(), &json!({ "Version": "1", "Statement": [statement] }))?;
    Ok(Exit::Complete)
}

/// The kinds that are collected: all of them.
fn configured() -> &'static [Kind] {
    Kind::ALL
}
