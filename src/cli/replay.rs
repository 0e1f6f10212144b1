//! `ramstream replay`: ask for the published state once more, and wait until it is there.

use std::io::{self, Write};
use std::path::Path;

use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::asking::{AskError, Daemon, Where, refused};
use super::format::{Format, write_json};
use super::kinds;
use super::told::Told;
use super::{Exit, asking_kafka, configure};
use crate::ambient;
use crate::config::{Config, Purpose};
use crate::control::{Action, Request, RequestId};
use crate::model::Kind;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    ask: Ask,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List waiting replays, and those that ended last
    #[command(after_help = "Examples:\n  ramstream replay list\n  ramstream replay list --format json | jq .replays")]
    List {
        #[command(flatten)]
        at: Where,
        /// Output format: one line per replay for people, one JSON document for programs
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Cancel a waiting replay
    #[command(after_help = "Example:\n  ramstream replay cancel siem-1")]
    Cancel {
        /// Request id
        #[arg(value_name = "ID", value_parser = request_id)]
        id: RequestId,
        #[command(flatten)]
        at: Where,
    },
}

#[derive(Debug, clap::Args)]
struct Ask {
    /// Replay only this kind; may be repeated
    #[arg(long, value_name = "KIND", value_parser = kinds::parse)]
    kind: Vec<Kind>,
    /// Request id; the same id is the same request [default: a new UUID]
    #[arg(long, value_name = "ID", value_parser = request_id)]
    id: Option<RequestId>,
    /// Do not serve it after this moment, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    not_after: Option<Timestamp>,
    /// Do not wait for the result
    #[arg(long)]
    no_wait: bool,
    /// How to ask: the daemon over HTTP, or, if only Kafka can be reached, by a record in its control topic
    #[arg(long, value_enum, default_value_t = Via::Http)]
    via: Via,
    #[command(flatten)]
    at: Where,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Via {
    Http,
    Kafka,
}

#[derive(Deserialize)]
struct Replays {
    replays: Vec<Told>,
}

pub(super) fn request_id(text: &str) -> Result<RequestId, String> {
    RequestId::try_from(text.to_owned())
}

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let kafka = args.what.is_none() && args.ask.via == Via::Kafka;
    let config = configure(file, if kafka { Purpose::Topics } else { Purpose::Asking })?;
    if kafka {
        return asking_kafka::replay(&config, &args.ask.request(), args.ask.id.is_some(), args.ask.no_wait).await;
    }
    let done = match &args.what {
        None => args.ask.over_http(&config).await,
        Some(What::Cancel { id, at }) => cancel(&config, id, at).await,
        Some(What::List { at, format }) => match list(&config, at).await {
            Ok(replays) => return print(*format, &replays).map(|()| Exit::Complete),
            Err(error) => Err(error),
        },
    };
    Ok(done.unwrap_or_else(|error| {
        let exit = refused(&error);
        if args.what.is_none() && error.found_nobody() {
            eprintln!("`ramstream replay --via kafka` needs no daemon's address, only the brokers and the registry");
        }
        exit
    }))
}

impl Ask {
    /// The request, with an id of our own if none is given: what was asked may then be asked again.
    fn request(&self) -> Request {
        let id = || request_id(&ambient::uuid_v7().to_string()).expect("a UUID is an id");
        let mut kinds = if self.kind.is_empty() { Kind::ALL.to_vec() } else { self.kind.clone() };
        kinds.sort_unstable();
        kinds.dedup();
        Request {
            id: self.id.clone().unwrap_or_else(id),
            action: Action::Replay { kinds },
            not_after: self.not_after.map(Into::into),
        }
    }

    async fn over_http(&self, config: &Config) -> Result<Exit, AskError> {
        let daemon = Daemon::of(config, &self.at)?;
        let request = self.request();
        daemon.tell_who_serves().await?;
        ask(&daemon, &request, self.no_wait).await
    }
}

/// Appends the request through the daemon, waits for what comes of it and tells.
pub(super) async fn ask(daemon: &Daemon, request: &Request, no_wait: bool) -> Result<Exit, AskError> {
    let path = format!("{}s", request.action.as_str());
    let told: Told = daemon.ask(Method::POST, &path, Some(&body(request))).await.inspect_err(|_| {
        eprintln!("request id {id}; to repeat the same request: --id {id}", id = request.id);
    })?;
    if no_wait {
        println!("{} {}", told.state, told.request_id);
        return Ok(Exit::Complete);
    }
    let told = daemon.wait(told, &format!("{path}/{}", request.id)).await?;
    println!("{}", told.end());
    Ok(told.exit())
}

/// The body of the call, which is the record without the words that stand in the path.
fn body(request: &Request) -> Value {
    let mut body = json!({ "request_id": request.id });
    if let Action::Replay { kinds } = &request.action {
        body["kinds"] = json!(kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>());
    }
    if let Some(time) = request.not_after.and_then(|at| Timestamp::from_millisecond(at.0).ok()) {
        body["not_after"] = json!(time.to_string());
    }
    body
}

async fn cancel(config: &Config, id: &RequestId, at: &Where) -> Result<Exit, AskError> {
    let daemon = Daemon::of(config, at)?;
    let path = format!("replays/{id}");
    let told: Told = daemon.ask(Method::DELETE, &path, None).await?;
    let told = daemon.wait(told, &path).await?;
    println!("{}", told.end());
    // It may have been served before the cancel was read.
    Ok(if told.state == "cancelled" { Exit::Complete } else { Exit::Failed })
}

async fn list(config: &Config, at: &Where) -> Result<Value, AskError> {
    Daemon::of(config, at)?.ask(Method::GET, "replays", None).await
}

fn print(format: Format, replays: &Value) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    if format == Format::Json {
        return write_json(&mut out, replays);
    }
    let Replays { replays } = Replays::deserialize(replays)?;
    if replays.is_empty() {
        writeln!(out, "no replay waits or is remembered")?;
    }
    for told in replays {
        let at = told.at.as_deref().unwrap_or("-");
        let how = if told.has_ended() { told.end() } else { told.progress() };
        writeln!(out, "{:<36}  {at:<24}  {how}", told.request_id)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_what_the_admin_api_takes() {
        let request = Request {
            id: request_id("r-1").unwrap(),
            action: Action::Replay { kinds: vec![Kind::User, Kind::Role] },
            not_after: Some(crate::model::Millis(1_769_857_200_250)),
        };
        let expected =
            json!({ "request_id": "r-1", "kinds": ["user", "role"], "not_after": "2026-01-31T11:00:00.25Z" });
        assert_eq!(body(&request), expected);
        let sync = Request { action: Action::Sync, not_after: None, ..request };
        assert_eq!(body(&sync), json!({ "request_id": "r-1" }));
    }
}
