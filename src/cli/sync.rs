//! `ramstream sync`: ask the running daemon for a sync now.

use std::path::Path;

use super::asking::{AskError, Daemon, Where, refused};
use super::replay::{self, request_id};
use super::{Exit, configure};
use crate::ambient;
use crate::config::{Config, Purpose};
use crate::control::{Action, Request, RequestId};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Request id; the same id is the same request [default: a new UUID]
    #[arg(long, value_name = "ID", value_parser = request_id)]
    id: Option<RequestId>,
    /// Do not wait for the result
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    at: Where,
}

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let config = configure(file, Purpose::Asking)?;
    Ok(ask(args, &config).await.unwrap_or_else(|error| refused(&error)))
}

async fn ask(args: &Args, config: &Config) -> Result<Exit, AskError> {
    let daemon = Daemon::of(config, &args.at)?;
    let made = || request_id(&ambient::uuid_v7().to_string()).expect("a UUID is an id");
    let id = args.id.clone().unwrap_or_else(made);
    daemon.tell_who_serves().await?;
    replay::ask(&daemon, &Request { id, action: Action::Sync, not_after: None }, args.no_wait).await
}
