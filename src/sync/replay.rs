//! A replay as records: its rows, encoded one by one as they are taken, and the notice that proves that they are all.
//!
//! It holds keys and the state's own JSON, not the rows: memory does not grow with the account beyond the state.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use uuid::Uuid;

use super::{
    desk::{Desk, Doing},
    publication::notice_record,
    topics::Topics,
};
use crate::{
    avro::{EncodeError, Encoder},
    control::RequestId,
    event::{KindCount, Notice, NoticeType, Replay, Row, Tally, record_key},
    kafka::{Record, Records, Unencodable},
    model::{Key, Kind, Millis, Names},
    state::{Held, State},
};

/// Everything that one replay sends.
pub struct Sending {
    replay: Replay,
    request: RequestId,
    account: String,
    held: Vec<(Kind, Key, Held)>,
    observed_at: BTreeMap<Kind, Millis>,
    names: Names,
    /// Of the rows that were taken.
    tallies: Mutex<BTreeMap<Kind, Tally>>,
}

impl Sending {
    /// The rows of these kinds as the state is now; `None` before anything was published.
    #[must_use]
    pub fn of(state: &State, kinds: &[Kind], request: &RequestId, account_name: Option<&str>) -> Option<Self> {
        let replay = Replay::of(state, kinds, account_name, Some(request.as_str()))?;
        let mut held = Vec::with_capacity(replay.batch().size);
        for kind in kinds {
            held.extend(state.entities(*kind).iter().map(|(key, held)| (*kind, key.clone(), held.clone())));
        }
        Some(Self {
            replay,
            request: request.clone(),
            account: state.account().to_owned(),
            held,
            observed_at: kinds.iter().map(|kind| (*kind, state.progress_of(*kind).seen_at())).collect(),
            names: state.names(),
            tallies: Mutex::new(kinds.iter().map(|kind| (*kind, Tally::default())).collect()),
        })
    }

    /// Count of rows by kind.
    pub(super) fn rows(&self) -> BTreeMap<Kind, u64> {
        let mut rows: BTreeMap<Kind, u64> = self.observed_at.keys().map(|kind| (*kind, 0)).collect();
        for (kind, ..) in &self.held {
            *rows.entry(*kind).or_default() += 1;
        }
        rows
    }

    /// Count of all rows.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// The rows by kind and key, then the notice that they are all. Each row is counted as it is taken, and shown at
    /// the `desk`.
    pub fn records(
        self: &Arc<Self>,
        topics: &Arc<Topics>,
        row_encoder: &Arc<Encoder>,
        encoder: &Arc<Encoder>,
        desk: &Desk,
        at: Millis,
    ) -> Records {
        desk.show(Doing::Replaying { rows: self.rows().into_iter().map(|(kind, all)| (kind, (0, all))).collect() });
        let rows = (0..self.held.len() - usize::from(planted!(RowLeftOut) && !self.held.is_empty())).map({
            let (sending, topics, encoder, desk) =
                (Arc::clone(self), Arc::clone(topics), Arc::clone(row_encoder), desk.clone());
            move |index| sending.record(index, &topics, &encoder, &desk)
        });
        let completed = std::iter::once_with({
            let (sending, topics, encoder) = (Arc::clone(self), Arc::clone(topics), Arc::clone(encoder));
            move || notice_record(&sending.completed(at), &sending.account, &topics, &encoder)
        });
        Box::new(rows.chain(completed).map(|record| record.map_err(Unencodable::from)))
    }

    fn record(&self, index: usize, topics: &Topics, encoder: &Encoder, desk: &Desk) -> Result<Record, EncodeError> {
        let (kind, key, held) = &self.held[index];
        let row = Row::new(*kind, key, held, self.observed_at[kind], index);
        let envelope = self.replay.envelope(&row);
        let value = encoder.event(&envelope, &self.names)?;
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let (event_id, mut text) = (envelope.event_id.hyphenated(), Uuid::encode_buffer());
        tallies.entry(*kind).or_default().add(event_id.encode_lower(&mut text));
        desk.row_taken(*kind);
        Ok(Record {
            topic: topics.snapshot_of(*kind),
            partition: None,
            key: record_key(key),
            value: Some(value),
            headers: envelope.headers(),
        })
    }

    /// The notice that the replay is there, once all rows were taken.
    fn completed(&self, at: Millis) -> Notice {
        let tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        let kinds = tallies.iter().map(|(kind, tally)| KindCount {
            kind: kind.as_str(),
            count: i64::try_from(tally.count).unwrap_or(i64::MAX),
            digest: tally.digest.to_string(),
        });
        let request = Some(self.request.as_str());
        let mut notice = Notice::of_request(NoticeType::ReplayCompleted, self.replay.batch(), request, "", at);
        notice.kinds = kinds.collect();
        notice
    }
}
