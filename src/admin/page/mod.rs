//! The status page: how one account stands, for a person with a browser.
//!
//! One document, made anew for every look: no script, and nothing from elsewhere, not even from this listener. What is
//! shown is what the [`Desk`](crate::sync::desk::Desk) knows; nothing is asked of Kafka or the cloud. Names and reasons come from
//! strangers: `maud` escapes every text, and the content security policy lets nothing run that got through.

mod chart;
mod moment;
mod sections;

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Admin;
use super::document::{RequestDocument, phase_words};
use super::handlers::ended;
use super::process::ExchangesInVain;
use crate::ambient;
use crate::sync::Phase;
use crate::sync::desk::View;
use moment::when;

/// Where it stands.
pub(super) const PATH: &str = "/";

const STYLE: &str = include_str!("style.css");

/// Nothing but the style that stands in the page itself, told by its digest.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

pub(super) async fn show(State(admin): State<Admin>) -> impl IntoResponse {
    let view = (admin.0.process.view)();
    let seen = Seen {
        account_id: &admin.0.account_id,
        account_name: admin.0.process.account_name.as_deref(),
        writer: admin.0.process.writer,
        phase: (admin.0.process.phase)(),
        in_vain: (admin.0.process.in_vain)(),
        waiting: admin.waiting(&view),
        ended: ended(&view).map(RequestDocument::ended).collect(),
        view: &view,
        now: ambient::now(),
    };
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Whoever opened the page by a link gets no hold of its window.
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    (headers, document(&seen).into_string())
}

/// Everything that the page shows.
struct Seen<'a> {
    account_id: &'a str,
    account_name: Option<&'a str>,
    writer: Uuid,
    phase: Phase,
    in_vain: Option<ExchangesInVain>,
    waiting: Vec<RequestDocument>,
    /// The oldest first.
    ended: Vec<RequestDocument>,
    view: &'a View,
    now: Timestamp,
}

fn document(seen: &Seen<'_>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "ramstream: account " (seen.account_id) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "ramstream" }
                    p {
                        "account " strong { (seen.account_id) }
                        @if let Some(name) = seen.account_name { " (" (name) ")" }
                    }
                    p.quiet { "as of " (when(seen.now)) "; all times are UTC" }
                }
                main {
                    (now(seen))
                    (sections::syncs(seen))
                    (sections::coverage(seen))
                    (sections::changes(seen))
                    (sections::requests(seen))
                }
            }
        }
    }
}

/// What it is doing at this moment.
fn now(seen: &Seen<'_>) -> Markup {
    let (phase, detail) = phase_words(seen.phase.clone());
    // It asks for no credentials: what it last heard of them is old.
    let is_parked = matches!(seen.phase, Phase::Parked { .. });
    html! {
        section #now {
            dl {
                dt { "phase" }
                dd { (word(phase)) @if let Some(detail) = detail { ": " (detail) } }
                @if let Some(in_vain) = seen.in_vain.filter(|_| !is_parked) {
                    dt { "credentials" }
                    dd { (credentials(in_vain, seen.now)) }
                }
                dt { "doing" }
                dd { (seen.view.doing.as_str()) }
                dt { "published" }
                dd {
                    @match &seen.view.published {
                        None => "nothing yet",
                        Some(published) => {
                            "sequence " (published.sequence) " of lineage " code { (published.lineage) }
                        }
                    }
                }
                dt { "writer" }
                dd { code { (seen.writer) } }
            }
        }
    }
}

/// Why no others are coming, as far as it is known here: the log has the reason.
fn credentials(in_vain: ExchangesInVain, now: Timestamp) -> Markup {
    let failed = match in_vain.times {
        1 => "the last exchange for new ones failed".to_owned(),
        times => format!("the last {times} exchanges for new ones failed"),
    };
    html! {
        (word("failing")) ": " (failed) "; "
        @match in_vain.end {
            None => "there are none",
            Some(end) if end <= now => { "they ended at " (when(end)) },
            Some(end) => { "they end at " (when(end)) },
        }
        " (the log's " code { "no new credentials" } " says why)"
    }
}

/// A word that has its colour.
fn word(word: &str) -> Markup {
    html! { span class={ "word " (word) } { (word) } }
}
