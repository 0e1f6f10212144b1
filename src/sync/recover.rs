//! Reading the state back and verifying it, before anything is claimed: fail closed.
//!
//! The picture must be still: `.state` is read to its proven end, then the account's trace in
//! `.syncs`, then the watermark of `.state` again; if it moved, the owner has published in between and
//! everything is looked at once more.

use std::{error::Error, sync::Arc};

use tracing::debug;
use uuid::Uuid;

use super::Pipeline;
use crate::{
    avro::{NoticeHead, read_notice},
    kafka::{Fold, FoldError, PartitionLog, ReadError, RegistryError, StateLog},
    state::State,
};

/// How often a moving picture is looked at before it is left for later.
const LOOKS: u32 = 10;

/// Why nothing may be published until somebody has looked at it.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The state topic does not hold what progress counted.
    #[error(
        "the published state is harmed: {0}; nothing is published on it. Restore the topic, \
         or begin a new lineage knowingly"
    )]
    Harmed(#[from] crate::state::Harm),
    /// Records were deleted from the state topic.
    #[error(
        "the state topic begins at offset {low_watermark}: records were deleted, which compaction never does. \
         Restore the topic and set cleanup.policy=compact"
    )]
    Truncated {
        /// The first offset there is.
        low_watermark: i64,
    },
    /// There is no state, but the account has been published before.
    #[error(
        "the state topic is empty, but this account has been published before (sequence {sequence} in {topic}): \
         the topic was deleted or recreated. It is not taken for a first run; restore the topic, \
         or begin a new lineage knowingly"
    )]
    Lost {
        /// The sync topic.
        topic: String,
        /// The last sequence in it.
        sequence: i64,
    },
    /// State and trace tell different stories.
    #[error(
        "the state stands at sequence {sequence} of lineage {lineage}, but {topic} says {found}: one of the topics was \
         rolled back, restored or mirrored without the other. Restore both from the same moment"
    )]
    OtherHistory {
        /// The sync topic.
        topic: String,
        /// The sequence of progress.
        sequence: i64,
        /// The lineage of progress.
        lineage: String,
        /// What the trace says.
        found: String,
    },
    /// A record cannot be read, was written by a newer version, or the topic was recreated meanwhile.
    #[error("{0}")]
    Unreadable(String),
    /// Something else that only a person can mend.
    #[error("{0}")]
    Setting(String),
}

/// Why one life of the daemon ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum LifeError {
    /// A person has to look at it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is worth another try.
    #[error("{0}")]
    Unavailable(String),
}

impl LifeError {
    /// Something that is needed cannot be reached.
    pub(super) fn unavailable(error: impl Error + 'static) -> Self {
        Self::Unavailable(chain(&error))
    }

    /// Something that only a person can mend.
    pub(super) fn refused(why: String) -> Self {
        Self::Refused(Refusal::Setting(why))
    }

    pub(super) fn registry(error: RegistryError) -> Self {
        if matches!(error, RegistryError::Unreachable { .. }) {
            Self::unavailable(error)
        } else {
            Self::refused(chain(&error))
        }
    }

    pub(super) fn read(error: ReadError) -> Self {
        let why = chain(&error);
        match error {
            ReadError::Client { .. } | ReadError::Stalled { .. } => Self::Unavailable(why),
            ReadError::Recreated { .. } | ReadError::Truncated { .. } | ReadError::Fold { .. } => {
                Self::Refused(Refusal::Unreadable(why))
            }
        }
    }
}

/// An error and its causes in one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl Fold for State {
    fn apply(&mut self, key: &[u8], value: Option<&[u8]>, _: i64) -> Result<(), FoldError> {
        Self::apply(self, key, value).map_err(FoldError::from)
    }
}

/// The account's trace in `.syncs`: its last sync, and whether retention may have taken older ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Trace {
    last: Option<NoticeHead>,
    retention_took_some: bool,
}

impl Pipeline {
    /// Reads the state and verifies it on a still picture. Nothing is initialised, nothing claimed.
    pub(super) async fn recover(&self) -> Result<(StateLog, State), LifeError> {
        let claim_key = crate::kafka::claim::key(&self.id);
        let mut log = StateLog::new(Arc::clone(&self.connection), self.topics.state(), claim_key).read_by(self.me);
        let mut state = State::new(&self.id);
        self.verify(&mut log, &mut state).await?;
        Ok((log, state))
    }

    /// Reads on and verifies; see the module's page.
    pub(super) async fn verify(&self, log: &mut StateLog, state: &mut State) -> Result<(), LifeError> {
        for _ in 0..LOOKS {
            let end = log.read_to_proven_end(state).await.map_err(LifeError::read)?;
            let trace = self.trace().await?;
            let watermarks = log.watermarks().await.map_err(LifeError::read)?;
            if watermarks.high > end && !planted!(VerifiedInMotion) {
                debug!(end, high = watermarks.high, "the state moved while it was verified");
                continue;
            }
            return Ok(judge(state, watermarks.low, &trace, &self.topics.syncs())?);
        }
        Err(LifeError::Unavailable("the state moves faster than it can be verified".to_owned()))
    }

    /// The account's trace in `.syncs`; other accounts' records are skipped.
    pub(super) async fn trace(&self) -> Result<Trace, LifeError> {
        let mut log = PartitionLog::from_start(Arc::clone(&self.connection), self.topics.syncs(), 0);
        let mut trace = Trace::default();
        let account = self.id.as_bytes();
        let mut take = |key: &[u8], value: Option<&[u8]>, _: i64| -> Result<(), FoldError> {
            let Some(value) = value.filter(|_| key == account) else { return Ok(()) };
            let head = read_notice(value)?;
            if matches!(head.notice_type.as_str(), "sync.completed" | "lineage.started") {
                trace.last = Some(head);
            }
            Ok(())
        };
        log.read_to_proven_end(&mut take).await.map_err(LifeError::read)?;
        trace.retention_took_some = log.low_watermark().is_some_and(|low| low > 0);
        Ok(trace)
    }

    /// Makes sure that a state without progress is that of an account that was never published, unless
    /// by an earlier attempt in this very `lineage`, whose answer was lost.
    pub(super) async fn prove_first_run(&self, lineage: Uuid) -> Result<(), LifeError> {
        let last = self.trace().await?.last.filter(|last| last.lineage != lineage.to_string());
        let last = last.filter(|_| !planted!(MissingStateIsFirstRun));
        last.map_or(Ok(()), |last| Err(self.lost(&last).into()))
    }

    fn lost(&self, last: &NoticeHead) -> Refusal {
        Refusal::Lost { topic: self.topics.syncs().to_string(), sequence: last.sequence }
    }
}

/// Holds the state against its own progress and against the trace.
fn judge(state: &State, low_watermark: i64, trace: &Trace, syncs: &str) -> Result<(), Refusal> {
    if low_watermark > 0 {
        return Err(Refusal::Truncated { low_watermark });
    }
    state.verify()?;
    match (state.progress(), &trace.last) {
        (None, None) => Ok(()),
        (None, Some(_)) if planted!(MissingStateIsFirstRun) => Ok(()),
        (None, Some(last)) => Err(Refusal::Lost { topic: syncs.to_owned(), sequence: last.sequence }),
        (Some(progress), Some(last))
            if (progress.lineage.to_string().as_str(), progress.sequence) == (last.lineage.as_str(), last.sequence) =>
        {
            Ok(())
        }
        (Some(progress), None) if progress.sequence == 0 || trace.retention_took_some => Ok(()),
        (Some(progress), last) => Err(Refusal::OtherHistory {
            topic: syncs.to_owned(),
            sequence: progress.sequence,
            lineage: progress.lineage.to_string(),
            found: last.as_ref().map_or_else(
                || "nothing of this account".to_owned(),
                |last| format!("sequence {} of lineage {}", last.sequence, last.lineage),
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Progress, progress_key};

    const ACCOUNT: &str = "5481000000000001";

    fn state_at(sequence: i64) -> State {
        let mut progress = Progress::first(Uuid::nil(), ACCOUNT);
        progress.sequence = sequence;
        let mut state = State::new(ACCOUNT);
        State::apply(&mut state, progress_key(ACCOUNT).as_bytes(), Some(&progress.to_value())).unwrap();
        state
    }

    fn trace(lineage: Uuid, sequence: i64) -> Trace {
        let head = NoticeHead { notice_type: "sync.completed".into(), lineage: lineage.to_string(), sequence };
        Trace { last: Some(head), retention_took_some: false }
    }

    fn judged(state: &State, low: i64, trace: &Trace) -> Result<(), Refusal> {
        judge(state, low, trace, "alicloud.identity.syncs")
    }

    #[test]
    fn a_state_that_its_trace_confirms_is_taken() {
        judged(&state_at(7), 0, &trace(Uuid::nil(), 7)).unwrap();
        judged(&State::new(ACCOUNT), 0, &Trace::default()).unwrap();
    }

    #[test]
    fn a_lost_a_rolled_back_and_a_truncated_state_are_refused() {
        let lost = judged(&State::new(ACCOUNT), 0, &trace(Uuid::nil(), 7));
        assert!(matches!(lost, Err(Refusal::Lost { sequence: 7, .. })));
        for other in [trace(Uuid::nil(), 8), trace(Uuid::nil(), 6), trace(Uuid::max(), 7), Trace::default()] {
            let refused = judged(&state_at(7), 0, &other);
            assert!(matches!(refused, Err(Refusal::OtherHistory { sequence: 7, .. })), "{other:?}");
        }
        let truncated = judged(&state_at(7), 3, &trace(Uuid::nil(), 7));
        assert!(matches!(truncated, Err(Refusal::Truncated { low_watermark: 3 })));
    }

    #[test]
    fn retention_may_have_taken_the_trace() {
        judged(&state_at(7), 0, &Trace { last: None, retention_took_some: true }).unwrap();
    }
}
