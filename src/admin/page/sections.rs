//! The parts of the page.

use maud::{Markup, html};

use super::chart::{Bar, chart};
use super::moment::{length, since, when};
use super::{Seen, word};
use crate::admin::document::RequestDocument;
use crate::diff::Op;
use crate::sync::Report;
use crate::sync::known::{How, Known};
use crate::sync::lately::SyncEnd;

/// So many syncs have a row; the charts have all that are remembered.
const ROWS: usize = 20;
const CHART_PLACES: usize = 100;

pub(super) fn syncs(seen: &Seen<'_>) -> Markup {
    let lately = &seen.view.lately;
    let syncs = &lately.syncs;
    let bars = |figure: fn(&Report) -> u64| -> Vec<Bar> { syncs.iter().map(|sync| bar(sync, figure)).collect() };
    html! {
        section #syncs {
            h2 { "Syncs" }
            p.quiet {
                "since this process started, " (when(lately.since)) "; earlier ones are in the topics: "
                code { "ramstream tail --until-end --notices all" }
            }
            @if syncs.is_empty() {
                p { "No sync has ended yet." }
            } @else {
                (chart("Changes", &bars(|report| report.published() as u64), CHART_PLACES))
                (chart("Calls", &bars(|report| report.calls), CHART_PLACES))
                table {
                    thead { tr { th { "Ended" } th { "Outcome" } th { "Took" } th { "Changes" } th { "Calls" } th { "Unknown" } } }
                    tbody { @for sync in syncs.iter().rev().take(ROWS) { (sync_row(sync)) } }
                }
            }
        }
    }
}

fn sync_row(sync: &SyncEnd) -> Markup {
    html! {
        tr {
            td data-label="Ended" { (when(sync.at)) }
            td data-label="Outcome" {
                (word(outcome(sync)))
                @match &sync.came_to {
                    Ok(report) => { " (sequence " (report.sequence) ")" }
                    Err(why) => { ": " (why) }
                }
            }
            td data-label="Took" { (length(sync.elapsed)) }
            @match &sync.came_to {
                Ok(report) => {
                    td data-label="Changes" { (by_op(report)) }
                    td data-label="Calls" { (report.calls) }
                    td data-label="Unknown" { @if report.unknown_scopes > 0 { (scopes(report.unknown_scopes)) } }
                }
                Err(_) => { td data-label="Changes" {} td data-label="Calls" {} td data-label="Unknown" {} }
            }
        }
    }
}

fn outcome(sync: &SyncEnd) -> &'static str {
    sync.came_to.as_ref().map_or("unpublished", |report| report.outcome.as_str())
}

fn bar(sync: &SyncEnd, figure: fn(&Report) -> u64) -> Bar {
    let figure = sync.came_to.as_ref().map_or(0, figure);
    let told = format!("{}: {figure}, {}", sync.at.strftime("%Y-%m-%d %H:%M:%S"), outcome(sync));
    Bar { figure, outcome: outcome(sync), told }
}

fn by_op(report: &Report) -> String {
    let told = |(op, count): (&Op, &usize)| format!("{count} {}", op_word(*op));
    let told: Vec<String> = report.events.iter().map(told).collect();
    if told.is_empty() { "none".to_owned() } else { told.join(", ") }
}

fn op_word(op: Op) -> &'static str {
    match op {
        Op::Observed => "observed",
        Op::Created => "created",
        Op::Updated => "updated",
        Op::Removed => "removed",
    }
}

fn scopes(count: usize) -> String {
    if count == 1 { "1 scope".to_owned() } else { format!("{count} scopes") }
}

pub(super) fn coverage(seen: &Seen<'_>) -> Markup {
    html! {
        section #coverage {
            h2 { "Coverage" }
            p.quiet { "what the published state knows about the account; what could not be read keeps its state" }
            @if seen.view.known.is_empty() {
                p { "Nothing is published yet." }
            } @else {
                table {
                    thead { tr { th { "Kind" } th { "Read" } th { "Entities" } th { "Complete as of" } th { "Why incomplete" } } }
                    tbody { @for known in seen.view.known.iter() { (known_row(seen, known)) } }
                }
            }
        }
    }
}

fn known_row(seen: &Seen<'_>, known: &Known) -> Markup {
    html! {
        tr {
            td data-label="Kind" { (known.kind) }
            td data-label="Read" { (word(how(known.how))) }
            td data-label="Entities" { (known.entities) }
            td data-label="Complete as of" {
                @match known.complete_at {
                    Some(at) => (since(at, seen.now)),
                    None if known.how == How::Off => "",
                    None => "never",
                }
            }
            td data-label="Why incomplete" {
                @if known.how == How::Off {
                    "left out by " code { "[collect]" }
                } @else if known.unknown_scopes > 0 {
                    (why_unknown(seen, known))
                }
            }
        }
    }
}

fn how(how: How) -> &'static str {
    match how {
        How::Complete => "complete",
        How::Partial => "partial",
        How::Unknown => "unknown",
        How::Off => "off",
    }
}

/// What the last sync said of it; where there was none yet, what the state says.
fn why_unknown(seen: &Seen<'_>, known: &Known) -> Markup {
    let unread = seen.view.lately.unknown.get(&known.kind).map(Vec::as_slice).unwrap_or_default();
    html! {
        @for unread in unread {
            p { (unread.reason.as_str()) ", " (scopes(unread.count)) ": " (unread.detail) }
        }
        @if let (true, Some(example)) = (unread.is_empty(), &known.example) {
            p {
                (example.reason.as_str()) ", " (scopes(known.unknown_scopes)) ": " (example.scope)
                @if let Some(at) = example.since { ", last read " (since(at, seen.now)) }
            }
        }
    }
}

pub(super) fn changes(seen: &Seen<'_>) -> Markup {
    let lately = &seen.view.lately;
    html! {
        section #changes {
            h2 { "Latest changes" }
            p.quiet { "in the words of " code { "ramstream tail" } ", which has all of them; since " (when(lately.since)) }
            @if lately.changes.is_empty() {
                p { "No change since this process started." }
            } @else {
                table {
                    thead { tr { th { "Published" } th { "Change" } th { "What" } th { "Sequence" } } }
                    tbody {
                        @for change in lately.changes.iter().rev() {
                            tr {
                                td data-label="Published" { (when(change.at)) }
                                td data-label="Change" { (change.event_type) }
                                td data-label="What" { (change.words) }
                                td data-label="Sequence" { (change.sequence) }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn requests(seen: &Seen<'_>) -> Markup {
    html! {
        section #requests {
            h2 { "Replays and syncs on request" }
            @if seen.waiting.is_empty() && seen.ended.is_empty() {
                p { "No requests." }
            } @else {
                table {
                    thead { tr { th { "Request" } th { "State" } th { "Progress" } th { "Ended" } th { "Why" } } }
                    tbody {
                        @for request in seen.waiting.iter().chain(seen.ended.iter().rev().take(ROWS)) { (request_row(request)) }
                    }
                }
            }
        }
    }
}

fn request_row(request: &RequestDocument) -> Markup {
    let (sent, total) =
        request.rows.values().fold((0, 0), |(sent, total), rows| (sent + rows.sent, total + rows.total));
    html! {
        tr {
            td data-label="Request" { (request.action) " " code { (request.request_id) } }
            td data-label="State" {
                (word(request.state))
                @if let Some(outcome) = &request.sync_outcome { " (" (outcome) ")" }
            }
            td data-label="Progress" {
                @if request.state == "sending" { progress max=(total) value=(sent) {} " " }
                @if total > 0 { (sent) " of " (total) " rows" }
            }
            td data-label="Ended" { @if let Some(at) = &request.at { (at) } }
            td data-label="Why" { @if let Some(reason) = &request.reason { (reason) } }
        }
    }
}
