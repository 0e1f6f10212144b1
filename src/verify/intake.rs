//! The checker's readers for [`crate::intake`]: records as bytes, and what the rules say of them.

use std::path::Path;
use std::sync::LazyLock;

use apache_avro::Schema;

use super::record::{Event, Notice, Place, Reading, StateRecord};
use super::truth::{Truth, TruthError};
use crate::decode;

/// The account in the seeds.
pub const ACCOUNT: &str = "5481250658560000";

static EVENTS: LazyLock<Schema> = LazyLock::new(|| own(include_str!("../../schemas/users.avsc")));
static NOTICES: LazyLock<Schema> = LazyLock::new(|| own(include_str!("../../schemas/syncs.avsc")));

fn own(schema: &str) -> Schema {
    Schema::parse_str(schema).expect("a test parses every schema")
}

/// Records one after the other, each with its topic (`e` users, `s` syncs, `t` state) and its length in two bytes, the
/// lower first, in front of it. Every rule judges what could be read of them.
///
/// # Errors
/// A record is cut, unknown, or not what its topic holds.
pub fn checked_records(records: &[u8]) -> Result<(), String> {
    let mut reading = Reading { account: ACCOUNT.to_owned(), state: Some(Vec::new()), ..Reading::default() };
    let mut refused = Ok(());
    let (mut rest, mut offset) = (records, 0);
    while let Some((&[topic, low, high], behind)) = rest.split_first_chunk::<3>() {
        let length = usize::from(u16::from_le_bytes([low, high]));
        let Some((record, behind)) = behind.split_at_checked(length) else { break };
        rest = behind;
        if let Err(why) = take(&mut reading, topic, record, offset) {
            refused = Err(why);
        }
        offset += 1;
    }
    // Also what was read beside a record that is refused: the checker goes on, too.
    let report = super::judge(reading, None, None);
    assert!(!report.to_string().is_empty(), "a verdict has a text");
    if rest.is_empty() { refused } else { Err("the last record is cut".to_owned()) }
}

fn take(reading: &mut Reading, topic: u8, record: &[u8], offset: i64) -> Result<(), String> {
    let place = |topic: &str| Place { topic: topic.into(), partition: 0, offset };
    let told = |error: decode::DecodeError| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        format!("{error}{}", cause.unwrap_or_default())
    };
    match topic {
        b'e' => {
            let place = place("users");
            let (id, datum) = decode::unframed(&place.to_string(), record).map_err(told)?;
            let event: Event = decode::read(&place.to_string(), id, &EVENTS, datum).map_err(told)?;
            reading.events.push(Event { place, key: format!("{ACCOUNT}/user/1").into(), ..event });
        }
        b's' => {
            let place = place("syncs");
            let (id, datum) = decode::unframed(&place.to_string(), record).map_err(told)?;
            let notice: Notice = decode::read(&place.to_string(), id, &NOTICES, datum).map_err(told)?;
            reading.notices.push(Notice { place, key: ACCOUNT.into(), ..notice });
        }
        b't' => {
            let tab = record.iter().position(|byte| *byte == b'\t');
            let (key, value) = tab.map_or((record, None), |tab| (&record[..tab], Some(record[tab + 1..].to_vec())));
            let key = String::from_utf8_lossy(key).into_owned();
            reading.state.get_or_insert_default().push(StateRecord { place: place("state"), key, value });
        }
        other => return Err(format!("record {offset} is of no topic: {other}")),
    }
    Ok(())
}

/// A truth log.
///
/// # Errors
/// A line is none of a truth log.
pub fn truth_log(lines: &[u8]) -> Result<(), String> {
    let name = Path::new("truth.jsonl");
    let told = |error: TruthError| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        format!("{error}{}", cause.unwrap_or_default())
    };
    Truth::read(lines, name, ACCOUNT).map(|_| ()).map_err(told)
}
