//! A suspected mass removal is said at once, before it is proven: whoever deletes everything must not
//! have the time of the confirmation for himself.

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::warn;

use super::{
    Pipeline,
    cycle::First,
    publication::{NAMED_SCOPES, notice_record},
    publish::Owner,
    recover::chain,
};
use crate::{
    event::{Batch, Notice, NoticeType, ScopeStatus},
    kafka::{Claim, Decision, Outcome, Transaction},
    metrics::Purpose,
    model::{Kind, Millis, Reason},
    state::{ScopeRecord, State},
};

impl Owner<'_> {
    /// Publishes a notice for each collection of which much seems to be gone: one attempt with the claim
    /// record and the notices, no progress, no sequence. If it fails, the sync goes on all the same; the notices
    /// are returned, for the sync to tell them before anything else.
    pub(super) async fn tell_suspicions(&mut self, first: &First) -> Vec<Notice> {
        let notices = notices(&self.state, first, self.pipeline.name.as_deref());
        if notices.is_empty() || planted!(SuspicionUntold) {
            return Vec::new();
        }
        for notice in &notices {
            warn!(message = notice.message, "removals suspected, confirming");
        }
        let Pipeline { topics, id, .. } = self.pipeline;
        let records = notices.iter().map(|notice| notice_record(notice, id, topics, &self.encoder));
        let records = match records.collect::<Result<Vec<_>, _>>() {
            Ok(records) => records,
            Err(error) => {
                warn!(error = chain(&error), "cannot encode a notice");
                return Vec::new();
            }
        };
        let me = self.pipeline.me;
        let decide = |state: &State, claim: Option<&Claim>| match claim {
            Some(claim) if claim.writer == Some(me) => {
                let sequence = state.progress().map_or(0, |progress| progress.sequence);
                let claim = Claim { writer: Some(me), sequence };
                Decision::Send(Transaction { claim, records: Box::new(records.into_iter().map(Ok)) })
            }
            _ => Decision::Leave(()),
        };
        let begun = Instant::now();
        let told = self.writer.attempt(&mut self.state, decide).await;
        self.pipeline.count_attempt(Purpose::Suspicion, &told, begun);
        match told {
            Ok(Outcome::Committed { .. }) => return Vec::new(),
            Ok(_) => warn!("the suspicion was not published: another copy owns the account"),
            Err(error) => warn!(error = chain(&error), "the suspicion was not published yet"),
        }
        notices
    }
}

/// What earlier syncs could not prove: the suspicion is not new.
fn unproven_since(state: &State, kind: Kind) -> Vec<ScopeStatus> {
    let records = state.scopes().values();
    let unproven =
        records.filter(|record| record.scope.kind() == Some(kind) && record.reason == Reason::RemovalsUnproven);
    let status = |record: &ScopeRecord| ScopeStatus {
        scope: record.scope.to_string(),
        since: record.since,
        reason: record.reason.as_str(),
        detail: None,
    };
    unproven.take(NAMED_SCOPES).map(status).collect()
}

fn notices(state: &State, first: &First, account_name: Option<&str>) -> Vec<Notice> {
    let Some(progress) = state.progress() else { return Vec::new() };
    let batch = Batch { sync_id: first.sync_id(), ..Batch::of(progress, account_name) };
    let suspected = first.diff().suspected_removals(state).into_iter();
    suspected
        .map(|(kind, missing, held)| {
            let mut notice = Notice::new(NoticeType::RemovalsSuspected, &batch, kind.as_str());
            notice.finished_at = Some(Millis::from(first.read_at()));
            notice.scopes = unproven_since(state, kind);
            let since = notice.scopes.iter().filter_map(|scope| scope.since).min();
            let since = since.and_then(|since| Timestamp::from_millisecond(since.0).ok());
            let since = since.map(|since| format!(", unproven since {since}")).unwrap_or_default();
            notice.message = Some(format!("{missing} of {held} entities of kind {kind} seem to be gone{since}"));
            notice
        })
        .collect()
}
