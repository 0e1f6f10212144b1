//! One line for a program: the decoded record, and where it stands.

use serde::Serialize;
use serde_json::value::RawValue;

use super::record::Record;
use crate::decode;
use crate::words::harmless_json;

#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    /// Milliseconds since 1970, as the moments in the value.
    timestamp: Option<i64>,
    key: &'a str,
    /// The fields in the order of the schema.
    value: Option<Box<RawValue>>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// The document, and the end of its line.
pub(super) fn line(record: &Record) -> serde_json::Result<String> {
    let value = record.content.as_ref().ok().map(|content| decode::json(&content.value)).transpose()?;
    let line = Line {
        topic: &record.raw.topic,
        partition: record.raw.partition,
        offset: record.raw.offset,
        timestamp: record.raw.timestamp,
        key: &record.key,
        value: value.map(RawValue::from_string).transpose()?,
        error: record.content.as_ref().err().map(String::as_str),
    };
    Ok(harmless_json(&serde_json::to_string(&line)?) + "\n")
}
