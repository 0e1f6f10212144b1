//! `ramstream state describe`: what there is, as a table or as JSON.

use std::io::{self, Write};

use jiff::Timestamp;

use super::{Exit, Format, write_json};
use crate::{
    model::Millis,
    sync::{AccountTopics, Description, Extent},
    words::harmless,
};

pub(super) async fn run(account: &AccountTopics, format: Format) -> anyhow::Result<Exit> {
    let description = account.describe().await?;
    let mut out = io::stdout().lock();
    match format {
        Format::Table => print(&mut out, &description)?,
        Format::Json => write_json(&mut out, &description)?,
    }
    Ok(Exit::Complete)
}

/// The table, as `state new-lineage` shows it, too.
pub(super) fn print(out: &mut impl Write, description: &Description) -> io::Result<()> {
    writeln!(out, "account   {}", description.account_id)?;
    print_extent(out, "state", &description.state_topic)?;
    print_extent(out, "syncs", &description.syncs_topic)?;
    print_history(out, description)?;
    print_kinds(out, description)?;
    for scope in &description.unknown_scopes {
        let missed = if scope.missed { ", not in the baseline" } else { "" };
        let since = moment(scope.since);
        writeln!(out, "not known: {}  {} since {since}{missed}", harmless(&scope.scope), scope.reason.as_str())?;
    }
    for record in &description.unusable {
        writeln!(out, "unusable: offset {}  {}: {}", record.offset, harmless(&record.key), harmless(&record.reason))?;
    }
    let told = description.unusable.len() as u64;
    if description.unusable_records > told {
        writeln!(out, "unusable: {} more", description.unusable_records - told)?;
    }
    for wrong in &description.wrong {
        let mend = wrong.mend.as_deref().map(|mend| format!("\n  fix: {mend}")).unwrap_or_default();
        writeln!(out, "\nwrong: {}{mend}\n  more: docs/runbook.md#{}", harmless(&wrong.what), wrong.section)?;
    }
    if description.wrong.is_empty() {
        writeln!(out, "\nnothing is wrong with it")?;
    }
    Ok(())
}

fn print_extent(out: &mut impl Write, label: &str, extent: &Extent) -> io::Result<()> {
    let Extent { topic, low_watermark, high_watermark, records, bytes, .. } = extent;
    match low_watermark.zip(*high_watermark) {
        Some((low, high)) => {
            writeln!(out, "{label:<9} {topic}  offsets {low}–{high}, {records} records of the account, {bytes} bytes")
        }
        None => writeln!(out, "{label:<9} {topic}  does not exist"),
    }
}

fn print_history(out: &mut impl Write, description: &Description) -> io::Result<()> {
    match &description.progress {
        None => writeln!(out, "progress  none")?,
        Some(said) => {
            let number = |number: Option<i64>| number.map_or("?".to_owned(), |number| number.to_string());
            let text = |text: &Option<String>| text.as_deref().map_or("?".to_owned(), harmless);
            let sync = said.sync_id.as_deref().map(|id| format!(", sync {}", harmless(id))).unwrap_or_default();
            writeln!(out, "progress  sequence {} of lineage {}{sync}", number(said.sequence), text(&said.lineage))?;
            writeln!(out, "          format {}, to be read from {}", number(said.format), number(said.min_reader))?;
        }
    }
    match &description.last_trace {
        None => writeln!(out, "trace     none")?,
        Some(said) => {
            let (lineage, outcome) = (harmless(&said.lineage), said.outcome.as_deref().unwrap_or_default());
            writeln!(out, "trace     {} {outcome}, sequence {} of lineage {lineage}", said.notice_type, said.sequence)?;
            writeln!(out, "          {} to {}", moment(said.started_at), moment(said.finished_at))?;
        }
    }
    match description.claim {
        None => writeln!(out, "claim     none"),
        Some(said) => match said.claim.writer {
            None => writeln!(out, "claim     released at sequence {} (offset {})", said.claim.sequence, said.offset),
            Some(writer) => {
                writeln!(
                    out,
                    "claim     writer {writer} since sequence {} (offset {})",
                    said.claim.sequence, said.offset
                )
            }
        },
    }
}

fn print_kinds(out: &mut impl Write, description: &Description) -> io::Result<()> {
    let heads = ["KIND", "COUNT", "PROGRESS", "MODEL", "BASELINE", "BEGUN", "COMPLETE", "DIGEST"];
    let [kind, count, progress, model, baseline, begun, complete, digest] = heads;
    writeln!(
        out,
        "\n{kind:<18} {count:>8} {progress:>8}  {model:<6} {baseline:<9} {begun:<24} {complete:<24} {digest}"
    )?;
    for said in &description.kinds {
        let baseline = if said.baseline { "yes" } else { "no" };
        let (begun, complete) = (moment(said.begun_at), moment(said.complete_at));
        let differs = if said.digest == said.progress_digest { "" } else { "  (progress says another)" };
        writeln!(
            out,
            "{:<18} {:>8} {:>8}  {:<6} {baseline:<9} {begun:<24} {complete:<24} {}{differs}",
            said.kind, said.count, said.progress_count, said.model_version, said.digest
        )?;
    }
    Ok(())
}

fn moment(millis: Option<Millis>) -> String {
    let moment = millis.and_then(|millis| Timestamp::from_millisecond(millis.0).ok());
    moment.map_or_else(|| "never".to_owned(), |moment| format!("{moment:.3}"))
}
