//! `ramstream claim`: tell a parked copy to take the account over.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use tokio::time::{Instant, sleep};

use super::asking::{AskError, Daemon, Status, Where, refused};
use super::{Exit, configure};
use crate::config::{Config, Purpose};

/// A copy that was told to claim does so within seconds.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(250);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Do not wait until it owns the account
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    at: Where,
}

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let config = configure(file, Purpose::Asking)?;
    Ok(claim(args, &config).await.unwrap_or_else(|error| refused(&error)))
}

async fn claim(args: &Args, config: &Config) -> Result<Exit, AskError> {
    let daemon = Daemon::of(config, &args.at)?;
    let mut status: Status = daemon.ask(Method::POST, "claim", None).await?;
    if args.no_wait {
        println!("claim requested");
        return Ok(Exit::Complete);
    }
    let deadline = Instant::now() + PATIENCE;
    while status.phase != "running" {
        if Instant::now() >= deadline {
            let detail = status.detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
            println!("claim requested, but the copy is still {}{detail}", status.phase);
            return Ok(Exit::Failed);
        }
        sleep(LOOK_EVERY).await;
        status = daemon.ask(Method::GET, "status", None).await?;
    }
    println!("owns the account");
    Ok(Exit::Complete)
}
