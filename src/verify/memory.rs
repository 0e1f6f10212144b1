//! Judging records that are held in memory, as the deterministic simulation has them: without Kafka and registry, by the
//! same decoding, order and rules.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use apache_avro::Schema;
use futures::FutureExt as _;

use super::consumer::{Extent, Raw, ReadError, Topic};
use super::record::{Place, Reading};
use super::topics::{is_event_topic, is_snapshot_topic, note_state, take_events, take_notices, take_rows};
use super::truth::Truth;
use super::{Isolation, Question, Report, TruthError, VerifyError, judge};
use crate::decode::Decoder;

/// A record of a topic.
#[derive(Debug, Clone)]
pub struct RawRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// Its headers.
    pub headers: Vec<(String, String)>,
}

/// Schemas by their ids, as a registry would give them; parsed once for many judgements.
#[derive(Debug, Clone)]
pub struct KnownSchemas(HashMap<u32, Arc<Schema>>);

impl KnownSchemas {
    /// # Errors
    /// A text is no schema.
    pub fn new<'a>(texts: impl IntoIterator<Item = (u32, &'a str)>) -> Result<Self, Box<apache_avro::Error>> {
        let parsed = texts.into_iter().map(|(id, text)| Ok((id, Arc::new(Schema::parse_str(text)?))));
        parsed.collect::<Result<_, apache_avro::Error>>().map(Self).map_err(Box::new)
    }
}

/// Judges `topics` (name and records, in the order of their offsets; of read-committed readers those that were
/// committed), and `truth_lines` if there are any.
///
/// # Errors
/// There is no `.syncs` among the topics, or a line is none of a truth log.
pub fn judge_records(
    question: &Question,
    schemas: &KnownSchemas,
    topics: &[(String, Vec<RawRecord>)],
    truth_lines: Option<&[String]>,
) -> Result<Report, VerifyError> {
    let mut truth = truth_lines.map(|_| Truth::default());
    if let Some((truth, lines)) = truth.as_mut().zip(truth_lines) {
        for (index, text) in lines.iter().enumerate() {
            let failed = |source| TruthError::Line { path: "in memory".to_owned(), line: index + 1, source };
            truth.take(&question.account_id, text).map_err(failed)?;
        }
    }
    let mut reading = Reading {
        account: question.account_id.clone(),
        uncommitted: question.isolation == Isolation::ReadUncommitted,
        rows: topics.iter().any(|(name, _)| is_snapshot_topic(name, &question.topic_prefix)).then(Vec::new),
        ..Reading::default()
    };
    let mut decoder = Decoder::knowing(schemas.0.clone());
    let read = read(question, &mut decoder, topics, &mut reading);
    read.now_or_never().expect("a decoder that asks no registry waits for nothing")?;
    Ok(judge(reading, question.from_sequence, truth.as_ref()))
}

async fn read(
    question: &Question,
    decoder: &mut Decoder<'_>,
    held: &[(String, Vec<RawRecord>)],
    reading: &mut Reading,
) -> Result<(), VerifyError> {
    let find = |name: &str| held.iter().find(|(held, _)| held == name).map(|(name, records)| topic(name, records));
    let under = |name: &str| format!("{}.{name}", question.topic_prefix);
    let state = under(&format!("state.{}", question.account_id));
    note_state(reading, &state, find(&state).map(|topic| topic.records));
    for (name, records) in held.iter().filter(|(name, _)| is_event_topic(name, &question.topic_prefix)) {
        take_events(topic(name, records), decoder, reading).await?;
    }
    for (name, records) in held.iter().filter(|(name, _)| is_snapshot_topic(name, &question.topic_prefix)) {
        take_rows(topic(name, records), decoder, reading).await?;
    }
    let syncs = under("syncs");
    let syncs = find(&syncs).ok_or(ReadError::Missing { topic: syncs })?;
    let end = syncs.extents.clone();
    take_notices(syncs, &end, decoder, reading).await
}

fn topic(name: &str, records: &[RawRecord]) -> Topic {
    let name: Arc<str> = name.into();
    let mut extents: BTreeMap<i32, Extent> = BTreeMap::new();
    for record in records {
        let extent = extents.entry(record.partition).or_insert(Extent { low: 0, high: 0 });
        extent.high = extent.high.max(record.offset + 1);
    }
    let raw = |record: &RawRecord| {
        let RawRecord { partition, offset, key, value, headers } = record.clone();
        Raw { place: Place { topic: Arc::clone(&name), partition, offset }, key, value, headers }
    };
    Topic { records: records.iter().map(raw).collect(), extents, name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::VerifyError;

    fn question() -> Question {
        let (topic_prefix, account_id) = ("p".to_owned(), "7".to_owned());
        Question { topic_prefix, account_id, isolation: Isolation::ReadCommitted, from_sequence: None }
    }

    fn record(key: &str, value: &[u8]) -> RawRecord {
        let (key, value) = (key.as_bytes().to_vec(), Some(value.to_vec()));
        RawRecord { partition: 0, offset: 0, key, value, headers: Vec::new() }
    }

    #[test]
    fn records_in_memory_are_decoded_by_the_schemas_given_and_judged() {
        let schemas = KnownSchemas::new([(1, r#"{"type":"record","name":"other","fields":[]}"#)]).unwrap();
        let topics = [
            ("p.users".to_owned(), vec![record("7/user/1", &[0, 0, 0, 0, 9]), record("7/user/2", &[0, 0, 0, 0, 1])]),
            ("p.users.bak".to_owned(), vec![record("7/user/3", b"?")]),
            ("p.syncs".to_owned(), vec![record("8", &[0, 0, 0, 0, 9])]),
        ];
        let report = judge_records(&question(), &schemas, &topics, None).unwrap();
        assert!(report.violated().contains(&"readable"), "{report}");
        let readable = report.verdicts.iter().find(|verdict| verdict.invariant == "readable").unwrap();
        let reasons: Vec<&str> = readable.violations.iter().map(|violation| violation.reason.as_str()).collect();
        assert!(reasons[0].contains("the schema 9 of the record p.users[0]@0 is none of those given"), "{reasons:?}");
        assert!(reasons[1].contains("lacks the fields"), "{reasons:?}");
        assert_eq!(reasons.len(), 2, "what is another topic's or another account's is not ours: {reasons:?}");
    }

    #[test]
    fn without_a_topic_of_syncs_nothing_is_judged() {
        let schemas = KnownSchemas::new([]).unwrap();
        let judged = judge_records(&question(), &schemas, &[], None);
        assert!(matches!(judged, Err(VerifyError::Read(ReadError::Missing { topic })) if topic == "p.syncs"));
        let line = ["{}".to_owned()];
        assert!(matches!(judge_records(&question(), &schemas, &[], Some(&line)), Err(VerifyError::Truth(_))));
    }
}
