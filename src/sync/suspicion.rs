//! A suspected mass removal is said at once, before it is proven: whoever deletes everything must not
//! have the time of the confirmation for himself.

use tracing::warn;

use super::{Pipeline, cycle::First, publication::notice_record, publish::Owner, recover::chain};
use crate::{
    event::{Batch, Notice, NoticeType},
    kafka::{Claim, Decision, Outcome, Transaction},
    model::Millis,
    state::State,
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
        match self.writer.attempt(&mut self.state, decide).await {
            Ok(Outcome::Committed { .. }) => return Vec::new(),
            Ok(_) => warn!("the suspicion was not published: another copy owns the account"),
            Err(error) => warn!(error = chain(&error), "the suspicion was not published yet"),
        }
        notices
    }
}

fn notices(state: &State, first: &First, account_name: Option<&str>) -> Vec<Notice> {
    let Some(progress) = state.progress() else { return Vec::new() };
    let batch = Batch {
        lineage: progress.lineage,
        account_id: state.account().to_owned(),
        account_name: account_name.map(str::to_owned),
        sync_id: first.sync_id(),
        sequence: progress.sequence,
        size: 0,
    };
    let suspected = first.diff().suspected_removals(state).into_iter();
    suspected
        .map(|(kind, missing, held)| {
            let mut notice = Notice::new(NoticeType::RemovalsSuspected, &batch, kind.as_str());
            notice.finished_at = Some(Millis::from(first.read_at()));
            notice.message = Some(format!("{missing} of {held} entities of kind {kind} seem to be gone"));
            notice
        })
        .collect()
}
