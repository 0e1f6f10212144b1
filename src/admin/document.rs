//! What is shown of requests and of the process.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::control::{Action, Outcome, Request};
use crate::model::{Kind, Millis};
use crate::sync::{
    Phase,
    desk::{Doing, Published, Stands, View},
};

/// How one request stands.
#[derive(Debug, Serialize)]
pub(super) struct RequestDocument {
    pub(super) request_id: String,
    /// `replay` or `sync`.
    pub(super) action: String,
    /// `queued`, `behind_sync`, `sending`, `completed`, `rejected`, `expired` or `cancelled`.
    pub(super) state: &'static str,
    /// Of a replay: what was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    kinds: Option<Vec<Kind>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
    /// Of a replay that is sent or was: rows by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) rows: BTreeMap<Kind, Rows>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<i64>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// Of a sync that was done: `complete`, `partial` or `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sync_outcome: Option<String>,
}

/// How far a kind has got.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Rows {
    pub(super) sent: u64,
    pub(super) total: u64,
}

/// Every replay that waits or is remembered.
#[derive(Debug, Serialize)]
pub(super) struct ReplaysDocument {
    pub(super) replays: Vec<RequestDocument>,
}

/// What the process is doing.
#[derive(Debug, Serialize)]
pub(super) struct StatusDocument {
    account_id: String,
    /// This process start.
    writer: Uuid,
    phase: &'static str,
    /// Who owns the account, or why nothing is published.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    published: Option<PublishedDocument>,
    doing: &'static str,
    /// Of the replay that is sent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    rows: BTreeMap<Kind, Rows>,
    waiting: Vec<RequestDocument>,
}

#[derive(Debug, Serialize)]
struct PublishedDocument {
    lineage: String,
    sequence: i64,
    sync_id: Option<String>,
    complete_at: Option<String>,
}

impl RequestDocument {
    /// One that waits or is being served; `None` as long as nobody has read it.
    pub(super) fn waiting(request: &Request, stands: Option<&Stands>) -> Self {
        let (state, rows) = match stands {
            None | Some(Stands::Queued | Stands::Failing(_) | Stands::Ended(_)) => ("queued", BTreeMap::new()),
            Some(Stands::BehindSync) => ("behind_sync", BTreeMap::new()),
            Some(Stands::Sending(rows)) => ("sending", rows_of(rows)),
        };
        let reason = match stands {
            Some(Stands::Failing(why)) => Some(format!("an attempt failed and is repeated: {why}")),
            _ => None,
        };
        let kinds = match &request.action {
            Action::Replay { kinds } => Some(kinds.clone()),
            Action::Sync | Action::Cancel => None,
        };
        Self {
            request_id: request.id.to_string(),
            action: request.action.as_str().to_owned(),
            state,
            kinds,
            not_after: request.not_after.and_then(time),
            rows,
            sequence: None,
            at: None,
            reason,
            sync_outcome: None,
        }
    }

    pub(super) fn ended(outcome: &Outcome) -> Self {
        let rows = outcome.rows.iter().map(|(kind, count)| (*kind, Rows { sent: *count, total: *count })).collect();
        Self {
            request_id: outcome.request_id.to_string(),
            action: outcome.action.clone(),
            state: outcome.ended.as_str(),
            kinds: None,
            not_after: None,
            rows,
            sequence: Some(outcome.sequence),
            at: time(outcome.at),
            reason: outcome.reason.clone(),
            sync_outcome: outcome.sync_outcome.clone(),
        }
    }
}

impl StatusDocument {
    pub(super) fn of(account_id: &str, writer: Uuid, phase: Phase, view: &View, waiting: Vec<RequestDocument>) -> Self {
        let (phase, detail) = phase_words(phase);
        let rows = if let Doing::Replaying { rows } = &view.doing { rows_of(rows) } else { BTreeMap::new() };
        let doing = view.doing.as_str();
        let published = view.published.as_ref().map(PublishedDocument::of);
        Self { account_id: account_id.to_owned(), writer, phase, detail, published, doing, rows, waiting }
    }
}

/// The word for a phase, and who owns the account, or why nothing is published.
pub(super) fn phase_words(phase: Phase) -> (&'static str, Option<String>) {
    match phase {
        Phase::Starting => ("starting", None),
        Phase::Claiming => ("claiming", None),
        Phase::Running => ("running", None),
        Phase::Failing { why } => ("failing", Some(why)),
        Phase::Parked { by } => ("parked", Some(by)),
        Phase::Refused { why } => ("refused", Some(why)),
        Phase::Unavailable { why } => ("unavailable", Some(why)),
    }
}

impl PublishedDocument {
    fn of(published: &Published) -> Self {
        Self {
            lineage: published.lineage.to_string(),
            sequence: published.sequence,
            sync_id: published.sync_id.map(|id| id.to_string()),
            complete_at: published.complete_at.and_then(time),
        }
    }
}

fn rows_of(rows: &BTreeMap<Kind, (u64, u64)>) -> BTreeMap<Kind, Rows> {
    rows.iter().map(|(kind, &(sent, total))| (*kind, Rows { sent, total })).collect()
}

fn time(at: Millis) -> Option<String> {
    Some(Timestamp::from_millisecond(at.0).ok()?.to_string())
}
