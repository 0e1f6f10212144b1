//! Verifying the state on a still picture: `.state` is read to its proven end, then the account's trace in
//! `.syncs`, then the watermark of `.state` again; if it moved, the owner has published in between and
//! everything is looked at once more.

use std::sync::Arc;

use tracing::debug;

use super::{account_topics::AccountTopics, prepare, recover::LifeError, refusal::Refusal};
use crate::{
    avro::{NoticeHead, read_notice},
    kafka::{FoldError, PartitionLog, StateLog, topics::Presence},
    state::{Harm, State},
};

/// How often a moving picture is looked at before it is left for later.
const LOOKS: u32 = 10;

/// One thing that must hold before anything is published.
#[derive(Debug)]
pub struct Check {
    /// Its name, in one word.
    pub name: &'static str,
    /// What it says.
    pub promise: &'static str,
    /// What came of it.
    pub finding: Finding,
}

/// What came of a check.
#[derive(Debug)]
pub enum Finding {
    /// It holds.
    Holds,
    /// It does not.
    Refused(Vec<Refusal>),
    /// What stands before it failed.
    NotJudged,
}

impl Check {
    fn new((name, promise): Words, refusals: Vec<Refusal>) -> Self {
        let finding = if refusals.is_empty() { Finding::Holds } else { Finding::Refused(refusals) };
        Self { name, promise, finding }
    }

    /// What is refused; empty if it holds.
    #[must_use]
    pub fn refusals(&self) -> &[Refusal] {
        if let Finding::Refused(refusals) = &self.finding { refusals } else { &[] }
    }
}

/// The name of a check, and what it says.
type Words = (&'static str, &'static str);

const TOPICS: Words = ("topics", "the state topic and the sync topic have the settings that they must have");
const RECORDS: Words = ("records", "every record is this account's, and this version can read it");

/// What is wrong with a picture.
type Judge = fn(&Picture<'_>) -> Vec<Refusal>;

/// What is checked on a picture, in the order in which the daemon refuses.
const CHECKS: [(Words, Judge); 5] = [
    (("whole", "the state topic begins with its first record: compaction alone takes records away"), whole),
    (("progress", "there are no records without a progress record"), |picture| {
        picture.harms(|harm| matches!(harm, Harm::NoProgress { .. }))
    }),
    (("revisions", "no record is newer than progress"), |picture| {
        picture.harms(|harm| matches!(harm, Harm::NewerThanProgress { .. }))
    }),
    (("counts", "count and digest of every kind are those in progress"), |picture| {
        picture.harms(|harm| matches!(harm, Harm::Differs { .. }))
    }),
    (("trace", "lineage and sequence are those of the account's last record in the sync topic"), traced),
];

/// The account's trace in `.syncs`: its last sync, and whether retention may have taken older ones.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Trace {
    pub(super) last: Option<NoticeHead>,
    pub(super) retention_took_some: bool,
}

/// The state and what it is held against, as of one moment.
pub(super) struct Picture<'a> {
    pub(super) state: &'a State,
    pub(super) low_watermark: i64,
    pub(super) trace: &'a Trace,
    pub(super) syncs: &'a str,
}

impl Picture<'_> {
    /// Every check with what came of it.
    pub(super) fn checks(&self) -> Vec<Check> {
        CHECKS.iter().map(|(words, judge)| Check::new(*words, judge(self))).collect()
    }

    /// The first thing that stands against publishing.
    fn judge(&self) -> Result<(), Refusal> {
        CHECKS.iter().flat_map(|(_, judge)| judge(self)).next().map_or(Ok(()), Err)
    }

    fn harms(&self, wanted: fn(&Harm) -> bool) -> Vec<Refusal> {
        self.state.harms().into_iter().filter(wanted).map(Refusal::from).collect()
    }
}

fn whole(picture: &Picture<'_>) -> Vec<Refusal> {
    let low_watermark = picture.low_watermark;
    if low_watermark > 0 { vec![Refusal::Truncated { low_watermark }] } else { Vec::new() }
}

fn traced(picture: &Picture<'_>) -> Vec<Refusal> {
    let Picture { state, trace, syncs, .. } = picture;
    let topic = (*syncs).to_owned();
    let refusal = match (state.progress(), &trace.last) {
        (None, None) => None,
        (None, Some(_)) if planted!(MissingStateIsFirstRun) => None,
        (None, Some(last)) => Some(Refusal::Lost { topic, sequence: last.sequence }),
        (Some(progress), None) if progress.sequence == 0 || trace.retention_took_some => None,
        (Some(progress), None) => Some(Refusal::RolledBack { topic, sequence: progress.sequence, trace: None }),
        (Some(progress), Some(last)) if progress.lineage.to_string() != last.lineage => {
            let (lineage, trace) = (progress.lineage.to_string(), last.lineage.clone());
            Some(Refusal::OtherLineage { topic, lineage, trace })
        }
        (Some(progress), Some(last)) => (progress.sequence != last.sequence).then_some(Refusal::RolledBack {
            topic,
            sequence: progress.sequence,
            trace: Some(last.sequence),
        }),
    };
    refusal.into_iter().collect()
}

impl AccountTopics {
    /// Reads on and verifies, as the daemon does before it claims. Nothing is initialised, nothing claimed.
    pub(super) async fn verify(&self, log: &mut StateLog, state: &mut State) -> Result<(), LifeError> {
        let (low_watermark, trace) = self.still_picture(log, state).await?;
        let syncs = self.topics.syncs();
        Ok(Picture { state, low_watermark, trace: &trace, syncs: &syncs }.judge()?)
    }

    /// Every check with what came of it. Looks only: missing topics are not made.
    ///
    /// # Errors
    /// Something that is needed cannot be reached.
    pub async fn checks(&self) -> Result<Vec<Check>, LifeError> {
        let (has_state, has_syncs, topics) = self.look().await?;
        let mut checks = vec![topics];
        let mut state = State::new(&self.account_id).leaving_out(Arc::clone(&self.redacted));
        let read = self.picture_of(has_state, has_syncs, &mut state).await;
        match read {
            Ok((low_watermark, trace)) => {
                let syncs = self.topics.syncs();
                checks.push(Check::new(RECORDS, Vec::new()));
                checks.extend(Picture { state: &state, low_watermark, trace: &trace, syncs: &syncs }.checks());
            }
            Err(LifeError::Refused(refusal)) => {
                checks.push(Check::new(RECORDS, vec![refusal]));
                checks.extend(CHECKS.iter().map(|((name, promise), _)| Check {
                    name,
                    promise,
                    finding: Finding::NotJudged,
                }));
            }
            Err(unavailable) => return Err(unavailable),
        }
        Ok(checks)
    }

    /// The published state at its last committed sequence, if a daemon would go on with it. Looks only, as
    /// [`AccountTopics::checks`] does.
    ///
    /// # Errors
    /// A daemon would refuse it, or something that is needed cannot be reached.
    pub async fn verified_state(&self) -> Result<State, LifeError> {
        let (has_state, has_syncs, topics) = self.look().await?;
        if let Finding::Refused(refusals) = topics.finding {
            refusals.into_iter().next().map_or(Ok(()), Err)?;
        }
        let mut state = State::new(&self.account_id).leaving_out(Arc::clone(&self.redacted));
        let (low_watermark, trace) = self.picture_of(has_state, has_syncs, &mut state).await?;
        let syncs = self.topics.syncs();
        Picture { state: &state, low_watermark, trace: &trace, syncs: &syncs }.judge()?;
        Ok(state)
    }

    /// A still picture of the topics that are there.
    async fn picture_of(&self, has_state: bool, has_syncs: bool, state: &mut State) -> Result<(i64, Trace), LifeError> {
        let mut log = self.state_log();
        match (has_state, has_syncs) {
            (true, true) => self.still_picture(&mut log, state).await,
            (true, false) => match log.read_to_proven_end(state).await {
                Ok(_) => Ok((log.low_watermark().unwrap_or(0), Trace::default())),
                Err(error) => Err(LifeError::read(error)),
            },
            (false, true) => self.trace().await.map(|trace| (0, trace)),
            (false, false) => Ok((0, Trace::default())),
        }
    }

    /// Whether the state topic and the sync topic are there, and whether they are as they should be: a missing one
    /// would be made by the next run.
    pub(super) async fn look(&self) -> Result<(bool, bool, Check), LifeError> {
        let mut reports = self.reports(&self.own_plan(), false).await?;
        let there =
            |name: &str| reports.iter().all(|report| report.name != name || report.presence != Presence::Missing);
        let (state, syncs) = (there(&self.topics.state()), there(&self.topics.syncs()));
        reports.retain(|report| report.presence != Presence::Missing);
        Ok((state, syncs, Check::new(TOPICS, prepare::refusal(&reports).into_iter().collect())))
    }

    /// Low watermark of the state topic and the trace, both as of the state's end.
    async fn still_picture(&self, log: &mut StateLog, state: &mut State) -> Result<(i64, Trace), LifeError> {
        for _ in 0..LOOKS {
            let end = log.read_to_proven_end(state).await.map_err(LifeError::read)?;
            let trace = self.trace().await?;
            let watermarks = log.watermarks().await.map_err(LifeError::read)?;
            if watermarks.high <= end || planted!(MovingPictureJudged) {
                return Ok((watermarks.low, trace));
            }
            debug!(end, high = watermarks.high, "the state moved while it was verified");
        }
        Err(LifeError::Unavailable("the state moves faster than it can be verified".to_owned()))
    }

    /// The account's trace in `.syncs`; other accounts' records are skipped.
    pub(super) async fn trace(&self) -> Result<Trace, LifeError> {
        let mut log = PartitionLog::from_start(Arc::clone(&self.connection), self.topics.syncs(), 0);
        let mut trace = Trace::default();
        let account = self.account_id.as_bytes();
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
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::state::{Progress, entity_record, progress_key};

    const ACCOUNT: &str = "5481000000000001";

    fn state_at(sequence: i64) -> State {
        let mut progress = Progress::first(Uuid::nil(), ACCOUNT);
        progress.sequence = sequence;
        let mut state = State::new(ACCOUNT);
        State::apply(&mut state, progress_key(ACCOUNT).as_bytes(), Some(&progress.to_value())).unwrap();
        state
    }

    fn trace(lineage: Uuid, sequence: i64) -> Trace {
        let head = NoticeHead {
            notice_type: "sync.completed".into(),
            lineage: lineage.to_string(),
            sequence,
            ..NoticeHead::default()
        };
        Trace { last: Some(head), retention_took_some: false }
    }

    fn judged(state: &State, low_watermark: i64, trace: &Trace) -> Result<(), Refusal> {
        Picture { state, low_watermark, trace, syncs: "alicloud.identity.syncs" }.judge()
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
        for other in [trace(Uuid::nil(), 8), trace(Uuid::nil(), 6), Trace::default()] {
            let refused = judged(&state_at(7), 0, &other);
            assert!(matches!(refused, Err(Refusal::RolledBack { sequence: 7, .. })), "{other:?}");
        }
        let other = judged(&state_at(7), 0, &trace(Uuid::max(), 7));
        assert!(matches!(other, Err(Refusal::OtherLineage { .. })));
        let truncated = judged(&state_at(7), 3, &trace(Uuid::nil(), 7));
        assert!(matches!(truncated, Err(Refusal::Truncated { low_watermark: 3 })));
    }

    #[test]
    fn retention_may_have_taken_the_trace() {
        judged(&state_at(7), 0, &Trace { last: None, retention_took_some: true }).unwrap();
    }

    #[test]
    fn every_check_is_told_also_behind_one_that_is_refused() {
        let mut state = state_at(7);
        let key = format!("{ACCOUNT}/user/1");
        State::apply(&mut state, key.as_bytes(), Some(&entity_record("1", 9, "{}"))).unwrap();
        let trace = trace(Uuid::nil(), 8);
        let checks = Picture { state: &state, low_watermark: 3, trace: &trace, syncs: "s" }.checks();
        let told: Vec<_> = checks.iter().map(|check| (check.name, check.refusals().len())).collect();
        assert_eq!(told, [("whole", 1), ("progress", 0), ("revisions", 1), ("counts", 1), ("trace", 1)]);
    }
}
