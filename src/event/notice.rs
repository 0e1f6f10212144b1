//! Records of the `.syncs` topic: what happened to syncs and to coverage.

use serde::Serialize;
use uuid::Uuid;

use super::{
    Batch, Headers,
    cloud_event::{cloud_event_type, headers},
    uuid_v5,
};
use crate::model::Millis;

/// What a record of `.syncs` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeType {
    /// A sync was committed. The only one that advances the sequence; doubles as heartbeat.
    SyncCompleted,
    /// Something can no longer be read for want of permission.
    CoverageLost,
    /// It can be read again.
    CoverageRestored,
    /// Much of a collection seems to be gone; said before it is proven.
    RemovalsSuspected,
    /// A replay is there whole: its rows precede this in the same transaction.
    ReplayCompleted,
    /// A request was not acceptable.
    RequestRejected,
    /// The time of a request had passed before it could be served.
    RequestExpired,
    /// A request was cancelled while it waited.
    RequestCancelled,
    /// Requests were deleted from the control topic before they were read.
    ControlGap,
    /// An operator has begun a new lineage: what is held of the account is replaced by what follows.
    LineageStarted,
}

impl NoticeType {
    /// The type as it stands in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SyncCompleted => "sync.completed",
            Self::CoverageLost => "coverage.lost",
            Self::CoverageRestored => "coverage.restored",
            Self::RemovalsSuspected => "removals.suspected",
            Self::ReplayCompleted => "replay.completed",
            Self::RequestRejected => "request.rejected",
            Self::RequestExpired => "request.expired",
            Self::RequestCancelled => "request.cancelled",
            Self::ControlGap => "control.gap",
            Self::LineageStarted => "lineage.started",
        }
    }
}

/// How a sync ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every collection was read completely.
    Complete,
    /// Some were not.
    Partial,
    /// None was.
    Failed,
}

impl Outcome {
    /// The outcome in one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// One record of `.syncs`, in the order of `schemas/syncs.avsc`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename = "SyncNotice")]
pub struct Notice {
    notice_type: &'static str,
    notice_id: String,
    lineage: String,
    account_id: String,
    account_name: Option<String>,
    sync_id: Option<String>,
    sequence: i64,
    /// When the sync began.
    pub started_at: Option<Millis>,
    /// When its reading ended.
    pub finished_at: Option<Millis>,
    batch_size: i64,
    /// `complete`, `partial` or `failed`.
    pub outcome: Option<&'static str>,
    /// One entry a kind.
    pub collections: Vec<CollectionStatus>,
    /// The first 20 scopes that are not known or held back.
    pub scopes: Vec<ScopeStatus>,
    /// The request that it is about.
    pub request_id: Option<String>,
    /// What a replay holds.
    pub kinds: Vec<KindCount>,
    /// For a person.
    pub message: Option<String>,
}

/// What one sync did with one collection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CollectionStatus {
    /// The kind.
    pub kind: &'static str,
    /// `complete`, `partial`, `unknown`, or `off`.
    pub status: &'static str,
    /// Start of the window in which it was read.
    pub begun_at: Option<Millis>,
    /// End of its last complete reading.
    pub complete_at: Option<Millis>,
    /// Since when something of it is not known.
    pub stale_since: Option<Millis>,
    /// Why it, or the first of its scopes, is not known.
    pub reason: Option<&'static str>,
    /// Count of its scopes that are not known.
    pub stale_scopes: i64,
    /// Count of its entities in the state.
    pub entities: i64,
    /// How many more were listed than an independent count says; none if it was not counted.
    pub count_difference: Option<i64>,
    /// Events `c` of this sync.
    pub added: i64,
    /// Events `u` of this sync.
    pub updated: i64,
    /// Events `d` of this sync.
    pub removed: i64,
    /// Whether it was published as a baseline.
    pub baseline: bool,
}

/// A scope that is not known, or an entity that is held back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScopeStatus {
    /// `<kind>/<id>`.
    pub scope: String,
    /// Since when.
    pub since: Option<Millis>,
    /// Why, in one word.
    pub reason: &'static str,
    /// Why, in a sentence.
    pub detail: Option<String>,
}

/// What a replay holds of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindCount {
    /// The kind.
    pub kind: &'static str,
    /// Count of rows.
    pub count: i64,
    /// Sum mod 2^128 of the first 16 bytes of SHA-256 of each row's event id, in hex.
    pub digest: String,
}

impl Notice {
    /// A notice of `batch` about `subject` (a scope; empty if it is about the whole account).
    #[must_use]
    pub fn new(notice_type: NoticeType, batch: &Batch, subject: &str) -> Self {
        let sync_id = batch.sync_id.to_string();
        let size = i64::try_from(batch.size).unwrap_or(i64::MAX);
        Self {
            account_name: batch.account_name.clone(),
            sequence: batch.sequence,
            batch_size: size,
            ..Self::bare(notice_type, batch.lineage, &batch.account_id, Some(sync_id), subject)
        }
    }

    /// The notice that a lineage begins, which belongs to no sync.
    #[must_use]
    pub fn lineage_started(lineage: Uuid, account_id: &str, account_name: Option<&str>, at: Millis) -> Self {
        Self {
            account_name: account_name.map(str::to_owned),
            finished_at: Some(at),
            ..Self::bare(NoticeType::LineageStarted, lineage, account_id, None, "")
        }
    }

    /// What became of a request, or of a record of the control topic (`subject`: its place) that is none, on the state of
    /// `batch`.
    #[must_use]
    pub fn of_request(
        notice_type: NoticeType,
        batch: &Batch,
        request_id: Option<&str>,
        subject: &str,
        at: Millis,
    ) -> Self {
        let id = notice_id(batch.lineage, notice_type, request_id, subject);
        Self {
            notice_id: id.to_string(),
            request_id: request_id.map(str::to_owned),
            finished_at: Some(at),
            ..Self::new(notice_type, batch, subject)
        }
    }

    fn bare(notice_type: NoticeType, lineage: Uuid, account_id: &str, sync_id: Option<String>, subject: &str) -> Self {
        Self {
            notice_type: notice_type.as_str(),
            notice_id: notice_id(lineage, notice_type, sync_id.as_deref(), subject).to_string(),
            lineage: lineage.to_string(),
            account_id: account_id.to_owned(),
            account_name: None,
            sync_id,
            sequence: 0,
            started_at: None,
            finished_at: None,
            batch_size: 0,
            outcome: None,
            collections: Vec::new(),
            scopes: Vec::new(),
            request_id: None,
            kinds: Vec::new(),
            message: None,
        }
    }

    /// Its headers, as those of change events.
    #[must_use]
    pub fn headers(&self) -> Headers {
        let id = Uuid::parse_str(&self.notice_id).unwrap_or_default();
        let at = self.finished_at.unwrap_or(Millis(0));
        headers(id, cloud_event_type(self.notice_type).into(), &self.account_id, &self.account_id, at)
    }
}

/// UUIDv5 in the lineage of type, id of the sync or request, and subject, joined by line feeds.
fn notice_id(lineage: Uuid, notice_type: NoticeType, id: Option<&str>, subject: &str) -> Uuid {
    uuid_v5(lineage, format_args!("{}\n{}\n{subject}", notice_type.as_str(), id.unwrap_or_default()))
}
