//! What one sync writes, in its order: removals, upserts, notices, the sync record, state records,
//! progress last. (The claim record before all of it belongs to [`crate::kafka`].)
//!
//! Pure: the same reading on the same state is the same publication, byte for byte.

use std::{collections::BTreeMap, sync::Arc};

use apache_avro::types::Value;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    coverage::{around, coverage, was_denied},
    told,
    topics::Topics,
};
use crate::{
    ambient,
    avro::{EncodeError, Encoder},
    control::{Outcome, Queue},
    diff::{Diff, KindOutcome, Op},
    event::{Batch, CollectionStatus, Envelope, Notice, NoticeType, Outcome as SyncOutcome, ScopeStatus, record_key},
    kafka::{Record, Records, Unencodable},
    model::{Collection, Key, Kind, Millis, Names, Rank, Reason, Scope, Unknown},
    state::{CollectionProgress, Digest, Progress, ScopeRecord, State, entity_record, progress_key, scope_key},
};

/// How many scopes the sync record names.
pub(super) const NAMED_SCOPES: usize = 20;

/// One reading of the cloud, compared.
#[derive(Debug)]
pub struct Reading {
    /// UUIDv7 of the reading.
    pub sync_id: Uuid,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// What was read, by kind.
    pub collections: BTreeMap<Kind, Collection>,
    /// How it differs from the state.
    pub diff: Diff,
}

/// Everything that one transaction writes.
#[derive(Debug)]
pub struct Publication {
    account: String,
    began_on: Option<Progress>,
    batch: Batch,
    diff: Diff,
    names: Names,
    notices: Vec<Notice>,
    scopes: Vec<(Scope, Option<ScopeRecord>)>,
    progress: Progress,
    outcome: SyncOutcome,
}

impl Publication {
    /// What `reading` writes on `state`, in the lineage of its progress (or, in a state that begins, in
    /// `new_lineage`).
    #[must_use]
    pub fn plan(state: &State, reading: Reading, account_name: Option<&str>, new_lineage: Uuid) -> Self {
        let first = || Progress::first(new_lineage, state.account());
        let mut progress = state.progress().cloned().unwrap_or_else(first);
        progress.sequence += 1;
        progress.sync_id = Some(reading.sync_id);
        let batch = Batch { size: reading.diff.changes.len(), ..Batch::of(&progress, account_name) };
        for (kind, collection) in &reading.collections {
            let said = collection_progress(state, collection, &reading.diff, batch.sequence);
            progress.collections.insert(*kind, said);
        }
        if planted!(ProgressNotRaised) {
            progress.sequence -= 1;
        }
        if planted!(ProgressSkips) {
            progress.sequence += 1;
        }
        let scopes = scope_records(state, &reading);
        let outcome = outcome(&reading.diff);
        let notices = notices(state, &reading, &scopes, &batch, &progress, outcome);
        let names = if reading.diff.changes.is_empty() { Names::new() } else { names(state, &reading.diff) };
        Self {
            account: state.account().to_owned(),
            began_on: state.progress().cloned(),
            batch,
            diff: reading.diff,
            names,
            notices,
            scopes,
            progress,
            outcome,
        }
    }

    /// The same, with `notices` in front of all others: what was to be told at once, and could not be.
    #[must_use]
    pub fn telling_first(mut self, notices: Vec<Notice>) -> Self {
        self.notices.splice(0..0, notices);
        self
    }

    /// The same, with what was `heard` on record: the syncs that were asked for are this one.
    #[must_use]
    pub fn answering(mut self, heard: &Queue) -> Self {
        let Some(at) = self.notices.last().and_then(|sync| sync.finished_at) else { return self };
        let mut heard = heard.clone();
        heard.forget(&self.progress.control);
        let served = heard.syncs().map(|request| Outcome::completed(request, at, self.batch.sequence));
        let reason = (self.outcome != SyncOutcome::Complete).then(|| format!("the sync was {}", self.outcome.as_str()));
        let sync_outcome = Some(self.outcome.as_str().to_owned());
        let told = |outcome| Outcome { reason: reason.clone(), sync_outcome: sync_outcome.clone(), ..outcome };
        let served: Vec<_> = served.map(told).collect();
        let (journal, told) = heard.settle(&self.progress.control, &served, at);
        if let (Some(sync), Some(first)) = (self.notices.last_mut(), served.first()) {
            sync.request_id = Some(first.request_id.to_string());
        }
        self.notices.splice(0..0, told::notices(&self.batch, &told, at));
        self.progress.control = journal;
        self
    }

    /// What all its events have in common.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The progress of the state that it was planned on; `None` in a state that begins.
    #[must_use]
    pub fn began_on(&self) -> Option<&Progress> {
        self.began_on.as_ref()
    }

    /// How it differs from the state that it was planned on.
    #[must_use]
    pub fn diff(&self) -> &Diff {
        &self.diff
    }

    /// Whether everything could be read.
    #[must_use]
    pub fn outcome(&self) -> SyncOutcome {
        self.outcome
    }

    /// What progress says of each collection once this is committed.
    pub fn progress_by_kind(&self) -> impl Iterator<Item = (Kind, &CollectionProgress)> {
        self.progress.collections.iter().map(|(kind, said)| (*kind, said))
    }

    /// The records in publishing order, encoded one by one as they are taken.
    pub fn records(self: &Arc<Self>, topics: &Arc<Topics>, encoder: &Arc<Encoder>) -> Records {
        let count = self.diff.changes.len();
        let events = (0..if planted!(StateWithoutEvents) { 0 } else { count }).map({
            let (publication, topics, encoder) = (Arc::clone(self), Arc::clone(topics), Arc::clone(encoder));
            move |index| publication.event(index, &topics, &encoder)
        });
        let notices = (0..self.notices.len()).map({
            let (publication, topics, encoder) = (Arc::clone(self), Arc::clone(topics), Arc::clone(encoder));
            move |index| notice_record(&publication.notices[index], &publication.account, &topics, &encoder)
        });
        let entities = (0..if planted!(EventsWithoutState) { 0 } else { count }).map({
            let (publication, topics) = (Arc::clone(self), Arc::clone(topics));
            move |index| Ok(publication.entity(index, &topics))
        });
        let (publication, topics) = (Arc::clone(self), Arc::clone(topics));
        let rest = std::iter::once_with(move || publication.scopes_and_progress(&topics)).flatten().map(Ok);
        let records = events.chain(notices).chain(entities).chain(rest);
        Box::new(records.map(|record| record.map_err(Unencodable::from)))
    }

    /// The key of one of its events, and the event as a consumer decodes it.
    ///
    /// # Errors
    /// It cannot be encoded, or not be read back.
    pub(super) fn event_as_read(&self, index: usize, encoder: &Encoder) -> Result<(&Key, Value), EncodeError> {
        let change = &self.diff.changes[index];
        let value = encoder.event_as_read(&Envelope::new(&self.batch, index, change), &self.names)?;
        Ok((&change.key, value))
    }

    fn event(&self, index: usize, topics: &Topics, encoder: &Encoder) -> Result<Record, EncodeError> {
        let change = &self.diff.changes[index];
        let mut envelope = Envelope::new(&self.batch, index, change);
        if planted!(RandomEventId) {
            envelope.event_id = ambient::uuid_v4();
        }
        let value = encoder.event(&envelope, &self.names)?;
        Ok(Record {
            topic: topics.of(change.kind),
            partition: None,
            key: record_key(&change.key),
            value: Some(value),
            headers: envelope.headers(),
        })
    }

    fn entity(&self, index: usize, topics: &Topics) -> Record {
        let change = &self.diff.changes[index];
        let revision = change.previous_revision.filter(|_| planted!(RevisionNotRaised)).unwrap_or(self.batch.sequence);
        let value = change.after.as_ref().map(|after| entity_record(change.model_version(), revision, after));
        state_record(topics, record_key(&change.key), value)
    }

    fn scopes_and_progress(&self, topics: &Topics) -> Vec<Record> {
        let scopes = self.scopes.iter().map(|(scope, record)| {
            let value = record.as_ref().map(ScopeRecord::to_value);
            state_record(topics, scope_key(&self.account, scope).into_bytes(), value)
        });
        scopes.chain([progress_record(&self.progress, topics)]).collect()
    }
}

/// A record of `.syncs`.
pub(super) fn notice_record(
    notice: &Notice,
    account: &str,
    topics: &Topics,
    encoder: &Encoder,
) -> Result<Record, EncodeError> {
    Ok(Record {
        topic: topics.syncs(),
        // One account's records stand in order, and are found again without asking for partitions.
        partition: Some(0),
        key: account.as_bytes().to_vec(),
        value: Some(encoder.notice(notice)?),
        headers: notice.headers(),
    })
}

/// The record of progress.
pub(super) fn progress_record(progress: &Progress, topics: &Topics) -> Record {
    let key = progress_key(&progress.account_id).into_bytes();
    state_record(topics, key, Some(progress.to_value()))
}

pub(super) fn state_record(topics: &Topics, key: Vec<u8>, value: Option<Vec<u8>>) -> Record {
    Record { topic: topics.state(), partition: Some(0), key, value, headers: Vec::new() }
}

/// What progress says of one collection after this sync.
fn collection_progress(state: &State, collection: &Collection, diff: &Diff, sequence: i64) -> CollectionProgress {
    let kind = collection.kind();
    let mut said = state.progress_of(kind);
    if let Some(window) = collection.window() {
        said.model_version = state.model_version(kind).to_owned();
        said.baselined = true;
        let outcome = diff.kinds.get(&kind).cloned().unwrap_or_default();
        // Scopes that this reading does not cover have records of their own, with an earlier beginning.
        if !outcome.unknown.contains_key(&Scope::collection(kind)) {
            said.begun_at = Some(window.begun_at.into());
            said.count_difference = collection.count_difference().or(said.count_difference);
        }
        if outcome.unknown.is_empty() {
            said.complete_at = Some(window.ended_at.into());
        }
    }
    let mut digest = state.digest(kind);
    let mut count = state.entities(kind).len();
    for change in diff.changes.iter().filter(|change| change.kind == kind) {
        if let Some(held) = state.get(kind, &change.key) {
            if change.after.is_some() || !planted!(DigestKeepsTombstones) {
                digest.subtract(held.digest());
            }
            count -= 1;
        }
        if let Some(after) = &change.after {
            digest.add(Digest::of(change.key.as_ref(), &entity_record(state.model_version(kind), sequence, after)));
            count += 1;
        }
    }
    said.digest = digest;
    said.count = count as u64;
    said
}

/// The scope records that come and go: what is unknown now has one, what is known has none.
fn scope_records(state: &State, reading: &Reading) -> Vec<(Scope, Option<ScopeRecord>)> {
    let mut records = Vec::new();
    if planted!(ScopeRecordForgotten) {
        return records;
    }
    for (kind, outcome) in &reading.diff.kinds {
        let said = state.progress_of(*kind);
        for (scope, why) in &outcome.unknown {
            // What a wider scope's record said of it goes on while it alone is unknown.
            let old = around(state, *kind, scope).into_iter().find_map(|scope| state.scopes().get(&scope));
            let since = old.map_or(said.begun_at, |old| old.since);
            let missed = outcome.baseline || old.is_some_and(|old| old.missed);
            // Lost permission stays on record until the scope is read, or its return would go untold.
            let is_lost = was_denied(state, scope);
            let reason = if is_lost { Reason::Denied } else { why.reason };
            let new = ScopeRecord::new(scope.clone(), since, reason, missed);
            if state.scopes().get(scope) != Some(&new) {
                records.push((scope.clone(), Some(new)));
            }
        }
        // While a wider scope is unknown, nothing is known of what lies in it.
        let is_known =
            |scope: &&Scope| !around(state, *kind, scope).iter().any(|scope| outcome.unknown.contains_key(scope));
        let of_kind = state.scopes().keys().filter(|scope| scope.kind() == Some(*kind));
        records.extend(of_kind.filter(is_known).map(|scope| (scope.clone(), None)));
    }
    records
}

fn outcome(diff: &Diff) -> SyncOutcome {
    let is_lost = |(kind, outcome): (&Kind, &KindOutcome)| outcome.unknown.contains_key(&Scope::collection(*kind));
    let read = || diff.kinds.iter().filter(|(kind, outcome)| !is_off(**kind, outcome));
    if read().all(is_lost) {
        SyncOutcome::Failed
    } else if read().all(|(_, outcome)| outcome.unknown.is_empty() || planted!(UnknownSaidComplete)) {
        SyncOutcome::Complete
    } else {
        SyncOutcome::Partial
    }
}

/// Whether the kind is left out by configuration: then nobody wants to know that it is not known.
fn is_off(kind: Kind, outcome: &KindOutcome) -> bool {
    outcome.unknown.get(&Scope::collection(kind)).is_some_and(|why| why.reason == Reason::Off)
}

/// Coverage notices, then the sync record.
fn notices(
    state: &State,
    reading: &Reading,
    scopes: &[(Scope, Option<ScopeRecord>)],
    batch: &Batch,
    progress: &Progress,
    outcome: SyncOutcome,
) -> Vec<Notice> {
    let finished_at = Some(reading.finished_at.into());
    let told = reading.diff.kinds.keys().flat_map(|kind| coverage(state, reading, scopes, *kind));
    let mut notices: Vec<Notice> = told
        .map(|(notice_type, scope, message)| {
            let mut notice = Notice::new(notice_type, batch, scope.as_str());
            notice.finished_at = finished_at;
            notice.message = Some(message);
            notice
        })
        .collect();
    let mut sync = Notice::new(NoticeType::SyncCompleted, batch, "");
    sync.started_at = Some(reading.started_at.into());
    sync.finished_at = finished_at;
    sync.outcome = Some(outcome.as_str());
    sync.collections =
        reading.collections.values().map(|read| collection_status(state, reading, read, progress)).collect();
    sync.scopes = named_scopes(state, &reading.diff);
    notices.push(sync);
    notices
}

fn collection_status(state: &State, reading: &Reading, read: &Collection, progress: &Progress) -> CollectionStatus {
    let kind = read.kind();
    let outcome = reading.diff.kinds.get(&kind).cloned().unwrap_or_default();
    let said = progress.collections.get(&kind).cloned().unwrap_or_default();
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let count =
        |op| number(reading.diff.changes.iter().filter(|change| change.kind == kind && change.op == op).count());
    let status = match outcome.unknown.get(&Scope::collection(kind)) {
        Some(why) if why.reason == Reason::Off => "off",
        Some(_) => "unknown",
        None if outcome.unknown.is_empty() || planted!(UnknownSaidComplete) => "complete",
        None => "partial",
    };
    CollectionStatus {
        kind: kind.as_str(),
        status,
        begun_at: read.window().map(|window| window.begun_at.into()),
        complete_at: said.complete_at,
        stale_since: outcome.unknown.keys().filter_map(|scope| stale_since(state, scope)).min(),
        reason: outcome.unknown.values().next().map(|why| why.reason.as_str()),
        stale_scopes: number(outcome.unknown.len()),
        entities: i64::try_from(said.count).unwrap_or(i64::MAX),
        count_difference: read.count_difference(),
        added: count(Op::Created),
        updated: count(Op::Updated),
        removed: count(Op::Removed),
        baseline: outcome.baseline,
    }
}

/// Start of the last complete reading of a scope that is unknown now.
fn stale_since(state: &State, scope: &Scope) -> Option<Millis> {
    let kind = scope.kind()?;
    let record = around(state, kind, scope).into_iter().find_map(|scope| state.scopes().get(&scope));
    record.map_or_else(|| state.progress_of(kind).begun_at, |record| record.since)
}

fn named_scopes(state: &State, diff: &Diff) -> Vec<ScopeStatus> {
    let read = diff.kinds.iter().filter(|(kind, outcome)| !is_off(**kind, outcome));
    let unknown = read.flat_map(|(_, outcome)| &outcome.unknown);
    let unknown = unknown.map(|(scope, why)| (scope.clone(), why.clone()));
    let status = |(scope, why): (Scope, Unknown)| ScopeStatus {
        since: stale_since(state, &scope),
        scope: scope.to_string(),
        reason: match why.reason {
            Reason::Denied if planted!(DenialSaidOtherwise) => Reason::Throttled.as_str(),
            reason => reason.as_str(),
        },
        detail: Some(why.detail),
    };
    unknown.take(NAMED_SCOPES).map(status).collect()
}

/// The names of the entities after this sync; of those that it removes, the last ones.
fn names(state: &State, diff: &Diff) -> Names {
    let mut names = state.names();
    for change in diff.changes.iter().filter(|change| change.kind.rank() == Rank::Entity) {
        if let Some(name) = change.after.as_deref().and_then(|after| change.kind.name_in(after)) {
            names.insert(&change.key, name);
        }
    }
    names
}

/// The changes of which a record may be larger than `limit_bytes`, by an upper bound: Avro holds the
/// same texts as the JSON without the field names, behind an envelope and headers of less than 2 KiB.
#[must_use]
pub fn oversized(diff: &Diff, limit_bytes: usize) -> BTreeMap<Key, Unknown> {
    const ENVELOPE_BYTES: usize = 2_048;
    let texts = |part: &Option<Arc<str>>| part.as_ref().map_or(0, |json| json.len());
    let size = |change: &crate::diff::Change| texts(&change.before) + texts(&change.after) + ENVELOPE_BYTES;
    let large = diff.changes.iter().filter(|change| change.op != Op::Removed && size(change) > limit_bytes);
    large
        .map(|change| {
            let detail =
                format!("{} needs up to {} bytes, kafka.message_max_bytes is {limit_bytes}", change.key, size(change));
            (change.key.clone(), Unknown::new(Reason::TooLarge, detail))
        })
        .collect()
}

/// The scopes of one kind that are unknown for one reason.
pub(super) struct UnknownScopes {
    /// How many.
    pub(super) count: usize,
    /// The first of them.
    pub(super) example: Scope,
    /// Its story.
    pub(super) detail: String,
}

/// Every scope that is unknown, by kind and reason, for metrics and the log.
pub(super) fn unknown_by_reason(diff: &Diff) -> BTreeMap<(Kind, Reason), UnknownScopes> {
    let mut unknown = BTreeMap::new();
    for (kind, outcome) in diff.kinds.iter().filter(|(kind, outcome)| !is_off(**kind, outcome)) {
        for (scope, why) in &outcome.unknown {
            let first = || UnknownScopes { count: 0, example: scope.clone(), detail: why.detail.clone() };
            unknown.entry((*kind, why.reason)).or_insert_with(first).count += 1;
        }
    }
    unknown
}
