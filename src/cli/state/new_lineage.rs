//! `ramstream state new-lineage`: shows what is given up, asks, and begins.

use std::io::{self, BufRead, IsTerminal};

use uuid::Uuid;

use super::{Exit, assemble, describe, how_to_make_the_topic_anew};
use crate::{
    config,
    sync::{AccountTopics, Begun, Description, Order, Schemas},
};

/// What a reason may be long at most, in characters: it stands in a record that everybody reads.
const REASON_MAX_CHARS: usize = 500;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Reason, for consumers of the topics
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// Do not ask for confirmation; required without a terminal
    #[arg(long)]
    yes: bool,
    /// Proceed even if a copy holds the claim: it is superseded, and continues with the new lineage if it is alive
    #[arg(long)]
    take_over: bool,
}

fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err("it is empty: give a reason, consumers read it".to_owned()),
        length if length > REASON_MAX_CHARS => Err(format!("it has {length} characters, at most {REASON_MAX_CHARS}")),
        _ => Ok(text.to_owned()),
    }
}

pub(super) async fn run(args: &Args, account: &AccountTopics, registry: &config::Registry) -> anyhow::Result<Exit> {
    let description = account.describe().await?;
    describe::print(&mut io::stderr().lock(), &description)?;
    eprintln!();
    if let Some((exit, why)) = stands_against(args, account, &description) {
        eprintln!("ramstream: {why}");
        return Ok(exit);
    }
    if !args.yes && !confirmed(&description)? {
        eprintln!("ramstream: not confirmed; nothing was written");
        return Ok(Exit::Failed);
    }
    let order = Order { reason: args.reason.clone(), seen: seen(&description), take_over: args.take_over };
    let schemas = Schemas::new(assemble::registry(registry)?);
    match account.begin_lineage(&schemas, &order).await? {
        Begun::New { lineage } => {
            println!("lineage {lineage} begins");
            println!(
                "A running, parked or refusing copy claims it by itself within sync.interval; if there is none, \
                 start one: ramstream run. Its first sync publishes the account as a baseline."
            );
            Ok(Exit::Complete)
        }
        Begun::Claimed(claim) => {
            eprintln!("ramstream: {}", claimed(claim.writer, claim.sequence));
            Ok(Exit::Superseded)
        }
        Begun::Moved => {
            eprintln!(
                "ramstream: the lineage of the state has changed in the meantime; nothing was written: check again"
            );
            Ok(Exit::Superseded)
        }
    }
}

fn seen(description: &Description) -> Option<Uuid> {
    description.progress.as_ref()?.lineage.as_deref()?.parse().ok()
}

/// What can be told before anything is asked of the brokers' coordinator: an attempt fences whoever writes.
fn stands_against(args: &Args, account: &AccountTopics, description: &Description) -> Option<(Exit, String)> {
    if description.is_of_nothing() {
        let why = "this account has never been published to these topics: `ramstream run` begins its first lineage; \
                   check account.id and kafka.topic_prefix if you expected one";
        return Some((Exit::Refused, why.to_owned()));
    }
    let mut wrong = description.wrong.iter();
    if wrong.any(|wrong| wrong.needs_new_topic) {
        let why = format!(
            "no reader gets past what the state topic holds, so a lineage can only begin in a new topic; nothing was \
             written.\n{}\nThen run this command again.",
            how_to_make_the_topic_anew(account)
        );
        return Some((Exit::Refused, why));
    }
    let mut wrong = description.wrong.iter();
    if let Some(wrong) = wrong.find(|wrong| matches!(wrong.section, "topic-settings" | "unreadable-sync-record")) {
        let why = format!("fix this first, nothing was written: {} (docs/runbook.md#{})", wrong.what, wrong.section);
        return Some((Exit::Refused, why));
    }
    let claim = description.claim.map(|said| said.claim).filter(|claim| claim.writer.is_some() && !args.take_over);
    if let Some(claim) = claim {
        return Some((Exit::Superseded, claimed(claim.writer, claim.sequence)));
    }
    let can_ask = io::stdin().is_terminal() && io::stderr().is_terminal();
    let why = "this discards the published state and there is no terminal to ask for confirmation: add --yes";
    (!args.yes && !can_ask).then(|| (Exit::Usage, why.to_owned()))
}

fn claimed(writer: Option<Uuid>, sequence: i64) -> String {
    let writer = writer.map_or("nobody".to_owned(), |writer| writer.to_string());
    format!(
        "writer {writer} has held the claim since sequence {sequence} and may be publishing; nothing was written. Stop \
         that copy cleanly (it releases the account), or, if it is gone, refuses the state or is to be superseded, add \
         --take-over"
    )
}

/// Asks for the account id.
fn confirmed(description: &Description) -> anyhow::Result<bool> {
    let account = &description.account_id;
    eprintln!(
        "This discards the state above. Consumers are told to replace what they hold of account {account}, and the next \
         sync publishes all of it again.\nType the account id to continue:"
    );
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed)?;
    Ok(typed.trim() == account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_trimmed_and_must_say_something_short() {
        assert_eq!(reason("  deleted by mistake \n").as_deref(), Ok("deleted by mistake"));
        assert!(reason(" ").is_err());
        assert!(reason(&"x".repeat(501)).is_err_and(|why| why.contains("at most 500")));
    }
}
