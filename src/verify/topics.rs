//! Reading the account's records: which topics, in which order, and what each record is.
//!
//! The order makes the picture whole although somebody may be publishing: the state first, then `.syncs`, then the
//! events, then what `.syncs` has got meanwhile. So every event of a sync that the first reading of `.syncs` knows was
//! there when the events were read, and a later sync is told from an event that no sync announces.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::consumer::{Extent, Isolation, Raw, ReadError, Topic, blocking, read_topic, topic_names};
use super::record::{Event, Notice, Reading, StateRecord, Truncated, Unreadable};
use super::{Question, VerifyError};
use crate::decode::Decoder;
use crate::kafka::Connection;
use crate::kafka::registry::Registry;

/// So often the state topic is read on when it ends in the middle of a sync.
const STATE_TRIES: u32 = 5;
/// Topics under the prefix that hold no change events.
const OTHERS: [&str; 4] = ["syncs", "control", "snapshot", "state"];

/// Reads everything of the account.
pub(super) async fn read(
    connection: Arc<Connection>,
    registry: &Registry,
    question: &Question,
) -> Result<Reading, VerifyError> {
    let names = blocking({
        let (connection, prefix) = (Arc::clone(&connection), question.topic_prefix.clone());
        move || topic_names(&connection, &prefix)
    })
    .await?;
    let read_topic = |name: &str, isolation: Isolation| {
        let (connection, name): (_, Arc<str>) = (Arc::clone(&connection), name.into());
        blocking(move || read_topic(&connection, &name, isolation))
    };
    let under = |name: &str| format!("{}.{name}", question.topic_prefix);
    let syncs = under("syncs");
    if !names.contains(&syncs) {
        return Err(ReadError::Missing { topic: syncs }.into());
    }
    let mut reading = Reading {
        account: question.account_id.clone(),
        uncommitted: question.isolation == Isolation::ReadUncommitted,
        rows: names.iter().any(|name| is_snapshot_topic(name, &question.topic_prefix)).then(Vec::new),
        ..Reading::default()
    };
    let state = under(&format!("state.{}", question.account_id));
    let is_read = !reading.uncommitted && names.contains(&state);
    let records = async || read_state(|| read_topic(&state, Isolation::ReadCommitted), &question.account_id).await;
    note_state(&mut reading, &state, if is_read { Some(records().await?) } else { None });
    let mut decoder = Decoder::new(registry);
    let first = read_topic(&syncs, question.isolation).await?;
    let first_end = first.extents.clone();
    for name in names.iter().filter(|name| is_event_topic(name, &question.topic_prefix)) {
        let topic = read_topic(name, question.isolation).await?;
        take_events(topic, &mut decoder, &mut reading).await?;
    }
    for name in names.iter().filter(|name| is_snapshot_topic(name, &question.topic_prefix)) {
        let topic = read_topic(name, question.isolation).await?;
        take_rows(topic, &mut decoder, &mut reading).await?;
    }
    let all = read_topic(&syncs, question.isolation).await?;
    reading.syncs_truncated = all.extents.values().any(|extent| extent.low > 0);
    take_notices(all, &first_end, &mut decoder, &mut reading).await?;
    Ok(reading)
}

/// Takes the records of the state topic over, or says why they are not judged.
pub(super) fn note_state(reading: &mut Reading, topic: &str, records: Option<Vec<Raw>>) {
    if reading.uncommitted {
        reading.remarks.push("the state topic, whose records cannot be sorted out without isolation".into());
    } else if let Some(records) = records {
        reading.state = Some(records.into_iter().map(state_record).collect());
    } else {
        reading.remarks.push(format!("the fold against the state: there is no topic {topic}, or no right to read it"));
    }
}

pub(super) fn is_event_topic(name: &str, prefix: &str) -> bool {
    let rest = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
    // A further dot begins another prefix, or a topic of one account.
    rest.is_some_and(|rest| !rest.contains('.') && !OTHERS.contains(&rest))
}

/// The rows of replays of one kind.
pub(super) fn is_snapshot_topic(name: &str, prefix: &str) -> bool {
    let rest = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(".snapshot."));
    rest.is_some_and(|rest| !rest.contains('.'))
}

pub(super) async fn take_rows(
    topic: Topic,
    decoder: &mut Decoder<'_>,
    reading: &mut Reading,
) -> Result<(), VerifyError> {
    let is_whole = topic.extents.values().all(|extent| extent.low == 0);
    let taken = events_of(topic.records, decoder, reading).await?;
    match &mut reading.rows {
        Some(rows) if is_whole => rows.extend(taken),
        rows => *rows = None,
    }
    Ok(())
}

pub(super) async fn take_events(
    topic: Topic,
    decoder: &mut Decoder<'_>,
    reading: &mut Reading,
) -> Result<(), VerifyError> {
    let taken = events_of(topic.records, decoder, reading).await?;
    for (partition, _) in topic.extents.iter().filter(|(_, extent)| extent.low > 0) {
        let first = taken.iter().find(|event| event.place.partition == *partition);
        let first = first.map(|event| (event.lineage.clone(), event.sequence));
        reading.truncated.push(Truncated { topic: Arc::clone(&topic.name), partition: *partition, first });
    }
    reading.events.extend(taken);
    Ok(())
}

/// The account's events among these records; what cannot be read of it is noted.
async fn events_of(
    records: Vec<Raw>,
    decoder: &mut Decoder<'_>,
    reading: &mut Reading,
) -> Result<Vec<Event>, VerifyError> {
    let mut events = Vec::with_capacity(records.len());
    for raw in records {
        let Some(mut event) = decoded::<Event>(&raw, decoder, reading).await? else { continue };
        let key: Arc<str> = String::from_utf8_lossy(&raw.key).into();
        if !is_ours(&key, &reading.account) && event.account_id != reading.account {
            continue;
        }
        (event.place, event.key, event.headers) = (raw.place, key, raw.headers);
        events.push(event);
    }
    Ok(events)
}

pub(super) async fn take_notices(
    topic: Topic,
    first_end: &BTreeMap<i32, Extent>,
    decoder: &mut Decoder<'_>,
    reading: &mut Reading,
) -> Result<(), VerifyError> {
    for raw in topic.records {
        let Some(mut notice) = decoded::<Notice>(&raw, decoder, reading).await? else { continue };
        if notice.account_id != reading.account && raw.key != reading.account.as_bytes() {
            continue;
        }
        notice.is_late = first_end.get(&raw.place.partition).is_none_or(|extent| raw.place.offset >= extent.high);
        notice.key = String::from_utf8_lossy(&raw.key).into();
        (notice.place, notice.headers) = (raw.place, raw.headers);
        reading.notices.push(notice);
    }
    Ok(())
}

fn is_ours(key: &str, account: &str) -> bool {
    key == account || key.strip_prefix(account).is_some_and(|rest| rest.starts_with('/'))
}

/// The record's value; `None` if it cannot be decoded, which is noted where the key is ours.
async fn decoded<T: DeserializeOwned>(
    raw: &Raw,
    decoder: &mut Decoder<'_>,
    reading: &mut Reading,
) -> Result<Option<T>, VerifyError> {
    let place = raw.place.to_string();
    let reason = match &raw.value {
        None => "it has no value: these topics never hold a tombstone".to_owned(),
        Some(value) => match decoder.decode(&place, value).await {
            Ok(value) => return Ok(Some(value)),
            Err(error) if error.is_the_registrys() => return Err(error.into()),
            Err(error) => with_causes(&error),
        },
    };
    let key = String::from_utf8_lossy(&raw.key).into_owned();
    if is_ours(&key, &reading.account) {
        reading.unreadable.push(Unreadable { place: raw.place.clone(), key, reason });
    }
    Ok(None)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The records of the state topic, read again while its last record is in the middle of a sync.
async fn read_state<F: Future<Output = Result<Topic, ReadError>>>(
    read: impl Fn() -> F,
    account: &str,
) -> Result<Vec<Raw>, ReadError> {
    let is_entity = |raw: &Raw| !raw.key.starts_with(format!("{account}/~").as_bytes());
    let is_progress = |raw: &Raw| raw.key == format!("{account}/~progress").as_bytes();
    let mut tries = 1;
    loop {
        let records = read().await?.records;
        let last = records.iter().rev().find(|raw| is_entity(raw) || is_progress(raw));
        if tries == STATE_TRIES || last.is_none_or(is_progress) {
            return Ok(records);
        }
        tries += 1;
    }
}

fn state_record(raw: Raw) -> StateRecord {
    StateRecord { place: raw.place, key: String::from_utf8_lossy(&raw.key).into_owned(), value: raw.value }
}
