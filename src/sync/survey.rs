//! What there is of an account's state, as far as it can be read: for a person who has to look at it.
//!
//! Unlike every other reader this one does not stop at a record that it cannot use: it notes it and goes on.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::{
    account_topics::AccountTopics,
    recover::{LifeError, chain},
    refusal::Refusal,
    still_picture::{Picture, Trace},
};
use crate::{
    avro::NoticeHead,
    kafka::{Claim, Fold, FoldError, PartitionLog, ReadError, claim},
    model::{Kind, Millis, Reason, Scope},
    state::{ScopeRecord, State, progress_key},
};

/// So many records that cannot be used are told; the others are only counted.
const TOLD: usize = 20;

/// What there is of an account's state.
#[derive(Debug, Serialize)]
pub struct Description {
    /// The account.
    pub account_id: String,
    /// The state topic.
    pub state_topic: Extent,
    /// The sync topic, which other accounts share.
    pub syncs_topic: Extent,
    /// What progress says; null if there is none.
    pub progress: Option<ProgressSaid>,
    /// The account's last `sync.completed` or `lineage.started`.
    pub last_trace: Option<NoticeHead>,
    /// One an entity kind that this version knows.
    pub kinds: Vec<KindStanding>,
    /// What is not known of the account.
    pub unknown_scopes: Vec<UnknownScope>,
    /// The last claim; null if there is none.
    pub claim: Option<ClaimSaid>,
    /// How many records of the state topic cannot be used.
    pub unusable_records: u64,
    /// The first of them.
    pub unusable: Vec<Unusable>,
    /// What stands against publishing.
    pub wrong: Vec<Wrong>,
}

/// A topic, and how much of it was read.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Extent {
    /// Its name.
    pub topic: String,
    /// Whether it is there.
    pub exists: bool,
    /// The first offset.
    pub low_watermark: Option<i64>,
    /// The next offset to be written.
    pub high_watermark: Option<i64>,
    /// Count of the account's records read, also of those that later ones replace.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// What the progress record says. Read field by field, so that a newer version's tells what it can.
#[derive(Debug, Clone, Serialize)]
pub struct ProgressSaid {
    /// The format that it was written in.
    pub format: Option<i64>,
    /// What a reader has to understand.
    pub min_reader: Option<i64>,
    /// The account that it is about.
    pub account_id: Option<String>,
    /// UUID of the state's history.
    pub lineage: Option<String>,
    /// Number of the last sync.
    pub sequence: Option<i64>,
    /// The reading that it came from.
    pub sync_id: Option<String>,
}

/// The records of one kind, and what progress says of them.
#[derive(Debug, Clone, Serialize)]
pub struct KindStanding {
    /// The kind.
    pub kind: &'static str,
    /// Count of its records.
    pub count: u64,
    /// Count in progress.
    pub progress_count: u64,
    /// Digest of its records.
    pub digest: String,
    /// Digest in progress.
    pub progress_digest: String,
    /// The version under which it was last read.
    pub model_version: String,
    /// Whether it has had its baseline.
    pub baseline: bool,
    /// Start of its last reading, Unix milliseconds.
    pub begun_at: Option<Millis>,
    /// End of its last complete reading, Unix milliseconds.
    pub complete_at: Option<Millis>,
}

/// A scope that is not known.
#[derive(Debug, Clone, Serialize)]
pub struct UnknownScope {
    /// The scope.
    pub scope: String,
    /// Why.
    pub reason: Reason,
    /// Start of its last complete reading, Unix milliseconds; null if it was never read.
    pub since: Option<Millis>,
    /// Whether its collection's baseline missed it.
    pub missed: bool,
}

/// Who owns the account.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ClaimSaid {
    /// The claim: the writer is null if it is released.
    #[serde(flatten)]
    pub claim: Claim,
    /// Where it stands.
    pub offset: i64,
}

/// A record that cannot be used.
#[derive(Debug, Clone, Serialize)]
pub struct Unusable {
    /// Where it stands.
    pub offset: i64,
    /// Its key.
    pub key: String,
    /// Why.
    pub reason: String,
}

/// What stands against publishing.
#[derive(Debug, Clone, Serialize)]
pub struct Wrong {
    /// The section of the runbook.
    pub section: &'static str,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    #[serde(rename = "fix")]
    pub mend: Option<String>,
    /// Whether the state topic has to be made anew first.
    pub needs_new_topic: bool,
}

impl From<&Refusal> for Wrong {
    fn from(refusal: &Refusal) -> Self {
        Self {
            section: refusal.section(),
            what: refusal.what(),
            mend: refusal.mend(),
            needs_new_topic: refusal.needs_new_topic(),
        }
    }
}

impl Description {
    /// Whether the account was never published to these topics.
    #[must_use]
    pub fn is_of_nothing(&self) -> bool {
        self.state_topic.records == 0 && self.last_trace.is_none()
    }
}

impl AccountTopics {
    /// Reads what there is. Nothing is initialised, nothing claimed, no topic made.
    ///
    /// # Errors
    /// Something that is needed cannot be reached.
    pub async fn describe(&self) -> Result<Description, LifeError> {
        let (has_state, has_syncs, topics) = self.look().await?;
        let mut survey = Survey::new(&self.account_id);
        let mut wrong: Vec<Wrong> = topics.refusals().iter().map(Wrong::from).collect();
        let extent = |topic: &str, exists| Extent { topic: topic.to_owned(), exists, ..Extent::default() };
        let mut state_topic = extent(&self.topics.state(), has_state);
        if has_state {
            self.survey(&mut survey, &mut state_topic, &mut wrong).await?;
        }
        let mut syncs_topic = extent(&self.topics.syncs(), has_syncs);
        let trace = if has_syncs { self.survey_trace(&mut syncs_topic, &mut wrong).await? } else { Trace::default() };
        let low_watermark = state_topic.low_watermark.unwrap_or(0);
        let syncs = self.topics.syncs();
        let picture = Picture { state: &survey.state, low_watermark, trace: &trace, syncs: &syncs };
        // Of a state that could not be read whole, counts and sequences say nothing.
        let checks =
            picture.checks().into_iter().take_while(|check| survey.unusable_count == 0 || check.name == "whole");
        wrong.extend(checks.flat_map(|check| check.refusals().iter().map(Wrong::from).collect::<Vec<_>>()));
        (state_topic.records, state_topic.bytes) = (survey.records, survey.bytes);
        wrong.extend(survey.refusals.iter().map(Wrong::from));
        Ok(survey.description(state_topic, syncs_topic, trace, wrong))
    }

    /// Reads the state topic to its end; an open transaction hides what follows it, which is told.
    async fn survey(&self, survey: &mut Survey, extent: &mut Extent, wrong: &mut Vec<Wrong>) -> Result<(), LifeError> {
        let mut log = PartitionLog::from_start(Arc::clone(&self.connection), self.topics.state(), 0);
        match log.read_to_proven_end(survey).await {
            Err(error @ (ReadError::Stalled { .. } | ReadError::Recreated { .. })) => {
                wrong.push(Wrong::from(&Refusal::Recreated(chain(&error))));
            }
            read => drop(read.map_err(LifeError::read)?),
        }
        let watermarks = log.watermarks().await.map_err(LifeError::read)?;
        (extent.low_watermark, extent.high_watermark) = (Some(watermarks.low), Some(watermarks.high));
        Ok(())
    }

    async fn survey_trace(&self, extent: &mut Extent, wrong: &mut Vec<Wrong>) -> Result<Trace, LifeError> {
        let mut log = PartitionLog::from_start(Arc::clone(&self.connection), self.topics.syncs(), 0);
        let account = self.account_id.as_bytes();
        let mut count = |key: &[u8], value: Option<&[u8]>, _: i64| -> Result<(), FoldError> {
            if key == account {
                extent.records += 1;
                extent.bytes += (key.len() + value.map_or(0, <[u8]>::len)) as u64;
            }
            Ok(())
        };
        log.read_to_proven_end(&mut count).await.map_err(LifeError::read)?;
        let watermarks = log.watermarks().await.map_err(LifeError::read)?;
        (extent.low_watermark, extent.high_watermark) = (Some(watermarks.low), Some(watermarks.high));
        match self.trace().await {
            Err(LifeError::Refused(refusal)) => {
                wrong.push(Wrong::from(&refusal));
                Ok(Trace::default())
            }
            trace => trace,
        }
    }
}

/// Takes every record, and notes those that cannot be used.
struct Survey {
    state: State,
    claim_key: Vec<u8>,
    progress_key: String,
    claim: Option<ClaimSaid>,
    progress: Option<ProgressSaid>,
    records: u64,
    bytes: u64,
    unusable_count: u64,
    unusable: Vec<Unusable>,
    /// One of each section.
    refusals: Vec<Refusal>,
}

impl Survey {
    fn new(account: &str) -> Self {
        Self {
            state: State::new(account),
            claim_key: claim::key(account),
            progress_key: progress_key(account),
            claim: None,
            progress: None,
            records: 0,
            bytes: 0,
            unusable_count: 0,
            unusable: Vec::new(),
            refusals: Vec::new(),
        }
    }

    fn take(&mut self, key: &[u8], value: Option<&[u8]>, offset: i64) -> Result<(), FoldError> {
        if key == self.claim_key {
            self.claim = Some(ClaimSaid { claim: Claim::from_json(value)?, offset });
            return Ok(());
        }
        if key == self.progress_key.as_bytes() {
            self.progress = value.map(ProgressSaid::read);
        }
        Ok(self.state.apply(key, value)?)
    }

    fn note(&mut self, key: &[u8], offset: i64, error: &FoldError) {
        self.unusable_count += 1;
        let (key, reason) = (String::from_utf8_lossy(key).into_owned(), chain(&**error));
        let refusal = Refusal::of_record(&**error, format!("record {offset} of the state topic: {reason}"));
        if self.refusals.iter().all(|known| known.section() != refusal.section()) {
            self.refusals.push(refusal);
        }
        if self.unusable.len() < TOLD {
            self.unusable.push(Unusable { offset, key, reason });
        }
    }

    fn description(self, state_topic: Extent, syncs_topic: Extent, trace: Trace, wrong: Vec<Wrong>) -> Description {
        let Self { state, claim, progress, unusable_count, unusable, .. } = self;
        let unknown = |(scope, record): (&Scope, &ScopeRecord)| UnknownScope {
            scope: scope.to_string(),
            reason: record.reason,
            since: record.since,
            missed: record.missed,
        };
        Description {
            account_id: state.account().to_owned(),
            state_topic,
            syncs_topic,
            progress,
            last_trace: trace.last,
            kinds: Kind::ALL.iter().map(|kind| KindStanding::of(*kind, &state)).collect(),
            unknown_scopes: state.scopes().iter().map(unknown).collect(),
            claim,
            unusable_records: unusable_count,
            unusable,
            wrong,
        }
    }
}

impl Fold for Survey {
    fn apply(&mut self, key: &[u8], value: Option<&[u8]>, offset: i64) -> Result<(), FoldError> {
        self.records += 1;
        self.bytes += (key.len() + value.map_or(0, <[u8]>::len)) as u64;
        if let Err(error) = self.take(key, value, offset) {
            self.note(key, offset, &error);
        }
        Ok(())
    }
}

impl ProgressSaid {
    fn read(value: &[u8]) -> Self {
        let value: Value = serde_json::from_slice(value).unwrap_or_default();
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        let number = |name: &str| value[name].as_i64();
        Self {
            format: number("format"),
            min_reader: number("min_reader"),
            account_id: text("account_id"),
            lineage: text("lineage"),
            sequence: number("sequence"),
            sync_id: text("sync_id"),
        }
    }
}

impl KindStanding {
    fn of(kind: Kind, state: &State) -> Self {
        let said = state.progress_of(kind);
        Self {
            kind: kind.as_str(),
            count: state.entities(kind).len() as u64,
            progress_count: said.count,
            digest: state.digest(kind).to_string(),
            progress_digest: said.digest.to_string(),
            model_version: said.model_version,
            baseline: said.baselined,
            begun_at: said.begun_at,
            complete_at: said.complete_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "5481000000000001";

    fn survey(records: &[(&str, &str)]) -> Survey {
        let mut survey = Survey::new(ACCOUNT);
        for (offset, (key, value)) in (0..).zip(records) {
            survey.apply(key.as_bytes(), Some(value.as_bytes()), offset).unwrap();
        }
        survey
    }

    #[test]
    fn a_record_that_stops_every_other_reader_is_noted_and_the_rest_is_read() {
        let user = r#"{"format":1,"model_version":"1","revision":1,"entity":{}}"#;
        let survey = survey(&[
            ("5481000000000002/user/1", user),
            ("5481000000000001/user/1", r#"{"format":99,"model_version":"9","revision":1,"entity":{}}"#),
            ("5481000000000001/user/2", user),
            ("5481000000000001/user/3", "no JSON"),
            ("5481000000000001/~claim", r#"{"writer":null,"sequence":4}"#),
        ]);
        assert_eq!((survey.records, survey.unusable_count, survey.state.count()), (5, 3, 1));
        let sections: Vec<_> = survey.refusals.iter().map(Refusal::section).collect();
        assert_eq!(sections, ["foreign-records", "newer-version", "unreadable-record"]);
        let offsets: Vec<_> = survey.unusable.iter().map(|record| record.offset).collect();
        assert_eq!(offsets, [0, 1, 3]);
        assert_eq!(survey.claim.map(|said| (said.claim.sequence, said.offset)), Some((4, 4)));
    }

    #[test]
    fn a_newer_progress_record_tells_what_it_can() {
        let newer = r#"{"format":7,"min_reader":5,"lineage":"l","sequence":12,"account_id":"a","shards":[1]}"#;
        let survey = survey(&[("5481000000000001/~progress", newer)]);
        let said = survey.progress.unwrap();
        assert_eq!((said.format, said.min_reader, said.sequence), (Some(7), Some(5), Some(12)));
        assert_eq!((said.lineage.as_deref(), said.sync_id), (Some("l"), None));
        assert_eq!(survey.refusals[0].section(), "newer-version");
    }
}
