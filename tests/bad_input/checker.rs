//! Records as the checker and the daemon's look at its own trace read them.

use ramstream::intake::{self, ACCOUNT};

use crate::avro::{framed, long, null, some, text};
use crate::cloud::StateRecord;
use crate::tally::Tally;

/// What a record says of itself that rules calculate with.
#[derive(Clone, Copy)]
struct Numbers {
    sequence: i64,
    batch_index: i64,
    batch_size: i64,
    revision: i64,
    at: i64,
}

/// None of them is 0, which is encoded as null is.
const FINE: Numbers = Numbers { sequence: 1, batch_index: 3, batch_size: 4, revision: 1, at: 1_767_225_600_000 };
const LINEAGE: &str = "00000000-0000-0000-0000-000000000000";

/// The fields of an event of the removal of a user, in the order of its schema.
fn event(numbers: Numbers) -> Vec<Vec<u8>> {
    let Numbers { sequence, batch_index, batch_size, revision, at } = numbers;
    let envelope =
        [text("e-1"), text("user.removed"), text("d"), null(), text(LINEAGE), text("1"), text(ACCOUNT), null()];
    let place =
        [text("s-1"), long(sequence), long(batch_index), long(batch_size), long(revision), some(long(revision))];
    let window = [long(at), some(long(at)), null(), long(0)];
    let user = [text("1"), text("alice"), null(), null()];
    envelope.into_iter().chain(place).chain(window).chain(user).collect()
}

/// The fields of a sync record, in the order of its schema.
fn notice(numbers: Numbers) -> Vec<Vec<u8>> {
    let Numbers { sequence, batch_size, at, .. } = numbers;
    let head =
        [text("sync.completed"), text("n-1"), text(LINEAGE), text(ACCOUNT), null(), some(text("s-1")), long(sequence)];
    let rest = [
        some(long(at)),
        some(long(at)),
        long(batch_size),
        some(text("complete")),
        long(0),
        long(0),
        null(),
        long(0),
        null(),
    ];
    head.into_iter().chain(rest).collect()
}

fn record(topic: u8, record: &[u8]) -> Vec<u8> {
    let length = u16::try_from(record.len()).expect("short").to_le_bytes();
    [&[topic, length[0], length[1]], record].concat()
}

/// Tries all of them.
pub(crate) fn run(tally: &mut Tally, state: &[StateRecord]) {
    let state: Vec<u8> =
        state.iter().flat_map(|(key, value)| record(b't', format!("{key}\t{value}").as_bytes())).collect();
    let checked = |topic: u8, bytes: &[u8]| intake::checked_records(&[record(topic, bytes), state.clone()].concat());
    for (topic, name, fields, place) in
        [(b'e', "event", event(FINE), "users[0]@0"), (b's', "sync record", notice(FINE), "syncs[0]@0")]
    {
        let whole = framed(&fields);
        assert_eq!(checked(topic, &whole), Ok(()), "what is well-formed is taken");
        for (what, bytes) in malformed(&fields) {
            tally.refused("checker, records", format!("{name}: {what}"), &[place], || checked(topic, &bytes));
        }
        for length in (0..whole.len()).step_by(3) {
            tally.refused("checker, records", format!("{name}: cut after {length} bytes"), &[place], || {
                checked(topic, &whole[..length])
            });
        }
    }
    // Behind the outcome stands what the daemon does not read back.
    let head = framed(&notice(FINE)[..11]);
    assert_eq!(intake::trace(&head), Ok(()), "the head is all that is read");
    for length in 0..head.len() {
        tally
            .refused("trace", format!("cut after {length} bytes"), &["syncs topic"], || intake::trace(&head[..length]));
    }
    for (what, bytes) in malformed(&notice(FINE)).into_iter().filter(|(what, _)| !what.contains("the end")) {
        tally.refused("trace", what, &["syncs topic"], || intake::trace(&bytes));
    }
    extremes(&state);
    truth_logs(tally);
}

fn malformed(fields: &[Vec<u8>]) -> Vec<(String, Vec<u8>)> {
    let first = |instead: Vec<u8>| framed(&[&[instead], &fields[1..]].concat());
    let whole = framed(fields);
    let mut all: Vec<(String, Vec<u8>)> = [
        ("no framing", whole[5..].to_vec()),
        ("another framing", [&[1], &whole[1..]].concat()),
        ("JSON", br#"{"event_id":"e-1"}"#.to_vec()),
        ("a text of negative length", first(long(-1))),
        ("a text of the most negative length", first(long(i64::MIN))),
        ("a text longer than the record", first([long(1_000), b"x".to_vec()].concat())),
        ("a text of 500 MiB", first(long(500 << 20))),
        ("a text larger than all memory", first(long(i64::MAX))),
        ("a text that is not UTF-8", first([long(2), vec![0xff, 0xfe]].concat())),
        ("a number without an end", first(vec![0xff; 11])),
        ("only ones", [&[0, 0, 0, 0, 1][..], &[0xff; 200]].concat()),
        ("a byte behind the end", [&whole[..], &[0]].concat()),
        ("the record twice, behind the end", [&whole[..], &whole[5..]].concat()),
    ]
    .map(|(what, bytes)| (what.to_owned(), bytes))
    .into();
    // Of the fields that are null here each is a union of two; an array without items is the same byte.
    for (place, _) in fields.iter().enumerate().filter(|(_, field)| **field == null()) {
        for branch in [-1, 2, i64::MAX] {
            let mut wrong = fields.to_vec();
            wrong[place] = long(branch);
            let what = format!("field {place} is {branch}{}", if place > 6 { ", towards the end" } else { "" });
            all.push((what, framed(&wrong)));
        }
        // The Avro library would make as many empty items of nothing as an array says that it has.
        let mut bomb = fields[..place].to_vec();
        bomb.push(long(4_000_000));
        let what = format!(
            "4,000,000 items in field {place} and then nothing{}",
            if place > 6 { ", towards the end" } else { "" }
        );
        all.push((what, framed(&bomb)));
    }
    all
}

/// Well-formed records with numbers at the ends of their range: the rules have to bear them.
fn extremes(state: &[u8]) {
    let ends = [i64::MIN, -1, 0, 1, i64::MAX - 1, i64::MAX];
    let ints = [i64::from(i32::MIN), -1, 0, i64::from(i32::MAX)];
    let numbers = |sequence, number: i64, int| Numbers {
        sequence,
        batch_index: int,
        batch_size: int,
        revision: number,
        at: number,
    };
    for sequence in ends {
        for (number, int) in ends.iter().flat_map(|number| ints.map(|int| (*number, int))) {
            let odd = numbers(sequence, number, int);
            let notices = |odd| record(b's', &framed(&notice(odd)));
            let records =
                [record(b'e', &framed(&event(odd))), notices(odd), notices(FINE), notices(odd), state.to_vec()];
            assert_eq!(intake::checked_records(&records.concat()), Ok(()), "what can be read is taken");
        }
    }
}

fn truth_logs(tally: &mut Tally) {
    let line = r#"{"type":"mutation","time_ms":1,"change":{"kind":"user","before":null,"after":{"user_id":"1"}}}"#;
    assert_eq!(intake::truth_log(format!("{line}\n").as_bytes()), Ok(()), "what is well-formed is taken");
    let behind = |second: &[u8]| [line.as_bytes(), b"\n", second, b"\n"].concat();
    for (what, second) in [
        ("cut", &line.as_bytes()[..40]),
        ("not UTF-8", b"\xff"),
        ("of an unknown type", br#"{"type":"rumour","time_ms":1}"#),
        ("without a time", br#"{"type":"mutation","change":{"kind":"user","before":null,"after":null}}"#),
        (
            "with a fraction for a time",
            br#"{"type":"mutation","time_ms":1.5,"change":{"kind":"user","before":null,"after":null}}"#,
        ),
        ("without a kind", br#"{"type":"mutation","time_ms":1,"change":{"before":null,"after":null}}"#),
        (
            "with a text for an entity",
            br#"{"type":"mutation","time_ms":1,"change":{"kind":"user","before":"x","after":null}}"#,
        ),
        ("an array", b"[]"),
        ("empty", b" "),
    ] {
        tally.refused("truth log", what, &["truth.jsonl"], || intake::truth_log(&behind(second)));
    }
}
