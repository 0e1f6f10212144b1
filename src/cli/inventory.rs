//! `ramstream inventory`: read the account once and print it; nothing is published.

use std::{
    io::{self, Write},
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::format::{Format, write_json};
use super::{Exit, assemble, configure, kinds, waiting::with_progress};
use crate::{
    alicloud::{CallError, Client},
    config::Purpose,
    model::{Collection, Found, Kind, Reason},
    sync::{self, Inventory},
    words::harmless,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Output format: a table for people, one JSON document for programs
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Print only this kind, with all its fields; may be repeated
    #[arg(long, value_name = "KIND", value_parser = kinds::parse)]
    kind: Vec<Kind>,
}

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let config = configure(file, Purpose::Reading)?;
    let settings = assemble::client_settings(&config.alicloud, assemble::credentials(&config)?, None, None)?;
    let client = Client::new(settings, &config.account.id)?;
    let (begun, redacted) = (Instant::now(), Arc::new(config.collect.redacted()));
    let reading =
        sync::take_inventory(&client, &config.account.id, &config.collect.kinds, redacted, config.sync.time_budget);
    let inventory = match with_progress("reading the account", reading).await {
        Err(error @ CallError::ForeignAccount { .. }) => {
            eprintln!("ramstream: {error}");
            return Ok(Exit::Refused);
        }
        outcome => outcome.context("asking whose the credentials are")?,
    };
    let mut out = io::stdout().lock();
    match args.format {
        Format::Json => print_json(&mut out, &config.account.id, &inventory, &args.kind)?,
        Format::Table if args.kind.is_empty() => {
            print_table(&mut out, &config.account.id, &inventory, begun.elapsed())?
        }
        Format::Table => print_kinds(&mut out, &inventory, &args.kind)?,
    }
    Ok(exit(&inventory))
}

fn exit(inventory: &Inventory) -> Exit {
    let collections = || inventory.collections.values().filter(|collection| !is_off(collection));
    if collections().all(|collection| collection.is_complete()) {
        Exit::Complete
    } else if collections().all(|collection| collection.why_unknown().is_some()) {
        Exit::Failed
    } else {
        Exit::Partial
    }
}

/// One line a kind: how many, and what is not known.
fn print_table(out: &mut impl Write, account: &str, inventory: &Inventory, elapsed: Duration) -> io::Result<()> {
    writeln!(out, "account {account}\n")?;
    writeln!(out, "{:<20} {:>8}  READ", "KIND", "COUNT")?;
    for collection in inventory.collections.values() {
        let status = match (collection.unknown_scopes().len(), collection.why_unknown()) {
            (0, _) => "complete".to_owned(),
            _ if is_off(collection) => "off".to_owned(),
            (_, Some(why)) => format!("unknown ({})", why.reason.as_str()),
            (scopes, None) => format!("partial (unknown scopes: {scopes})"),
        };
        writeln!(out, "{:<20} {:>8}  {status}", collection.kind(), known(collection).count())?;
    }
    let read = inventory.collections.values().filter(|collection| !is_off(collection));
    for (scope, why) in read.flat_map(Collection::unknown_scopes) {
        writeln!(out, "\nnot known: {scope}\n  {why}")?;
    }
    writeln!(out, "\n{} calls in {:.1} s", inventory.calls.total(), elapsed.as_secs_f64())
}

/// The entities of some kinds, a line each, with the fields that have a value.
fn print_kinds(out: &mut impl Write, inventory: &Inventory, kinds: &[Kind]) -> io::Result<()> {
    for collection in kinds.iter().filter_map(|kind| inventory.collections.get(kind)) {
        for json in known(collection) {
            let entity: serde_json::Map<String, Value> = serde_json::from_str(json)?;
            let fields = entity.iter().filter(|(_, value)| !value.is_null() && **value != json!([]));
            let fields: Vec<String> = fields.map(|(name, value)| format!("{name}={}", cell(name, value))).collect();
            writeln!(out, "{}  {}", collection.kind(), fields.join("  "))?;
        }
        if let Some(why) = collection.why_unknown() {
            writeln!(out, "{}  unknown: {why}", collection.kind())?;
        }
    }
    Ok(())
}

/// Texts without quotes, and dates as people write them.
fn cell(field: &str, value: &Value) -> String {
    match value {
        Value::Number(millis) if field.ends_with("_date") => {
            let moment = millis.as_i64().and_then(|millis| Timestamp::from_millisecond(millis).ok());
            moment.map_or_else(|| value.to_string(), |moment| moment.to_string())
        }
        Value::String(text) => harmless(text),
        other => other.to_string(),
    }
}

fn print_json(out: &mut impl Write, account: &str, inventory: &Inventory, kinds: &[Kind]) -> anyhow::Result<()> {
    let wanted = |kind: &Kind| kinds.is_empty() || kinds.contains(kind);
    let collections = inventory.collections.iter().filter(|(kind, _)| wanted(kind));
    let collections = collections.map(|(kind, collection)| Ok((kind.as_str().to_owned(), as_json(collection)?)));
    let document = json!({
        "account_id": account,
        "calls": inventory.calls.total(),
        "collections": collections.collect::<anyhow::Result<serde_json::Map<_, _>>>()?,
    });
    write_json(out, &document)
}

fn as_json(collection: &Collection) -> anyhow::Result<Value> {
    let unknown = collection.unknown_scopes().iter();
    let unknown = unknown.map(|(scope, why)| json!({ "scope": scope, "reason": why.reason, "detail": why.detail }));
    let window = collection.window();
    Ok(json!({
        "complete": collection.is_complete(),
        "begun_at": window.map(|window| window.begun_at.to_string()),
        "ended_at": window.map(|window| window.ended_at.to_string()),
        "unknown": unknown.collect::<Vec<_>>(),
        "entities": known(collection).map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?,
    }))
}

/// Whether it is left out by `[collect]`.
fn is_off(collection: &Collection) -> bool {
    collection.why_unknown().is_some_and(|why| why.reason == Reason::Off)
}

/// The entities that are known with everything.
fn known(collection: &Collection) -> impl Iterator<Item = &str> {
    collection.found().iter().filter_map(|(_, found)| match found {
        Found::Known(json) => Some(&**json),
        Found::Unread(_) => None,
    })
}
