//! The state topic: a record that is not what it should be stops everything, and is named.

use ramstream::intake;
use serde_json::{Value, json};

use crate::cloud::StateRecord;
use crate::mutations::of_bytes;
use crate::tally::Tally;

const ACCOUNT: &str = intake::ACCOUNT;

/// Tries all of them on the state of a well-formed account.
pub(crate) fn run(tally: &mut Tally, whole: &[StateRecord]) {
    let scope = json!({ "format": 1, "scope": "role", "since": 1, "reason": "denied", "missed": false });
    let claim = json!({ "writer": "00000000-0000-0000-0000-000000000002", "sequence": 1 });
    let mut records = whole.to_vec();
    records.push((format!("{ACCOUNT}/~scope/role"), scope.to_string()));
    records.push((format!("{ACCOUNT}/~claim"), claim.to_string()));
    assert_eq!(intake::state_topic(&topic(&records)), Ok(()), "what is well-formed is taken");

    for (place, (key, value)) in records.iter().enumerate() {
        let short = key.trim_start_matches(ACCOUNT);
        let instead =
            |value: &[u8]| [topic(&records[..place]), line(key, value), topic(&records[place + 1..])].concat();
        let kind = short.split('/').nth(1).unwrap_or_default().trim_start_matches('~');
        let words = [key.as_str(), kind];
        for (what, value) in of_bytes(value, &format!("\"{}", first_field(value))) {
            // One record a line, here.
            let value: Vec<u8> = value.into_iter().map(|byte| if byte == b'\n' { b'\r' } else { byte }).collect();
            tally.refused("state, bytes", format!("{short}: {what}"), &words, || intake::state_topic(&instead(&value)));
        }
        for (what, value) in of_record(value) {
            tally.refused("state, fields", format!("{short}: {what}"), &words, || {
                intake::state_topic(&instead(value.as_bytes()))
            });
        }
    }
    topics(tally, &records);
}

fn line(key: &str, value: &[u8]) -> Vec<u8> {
    [key.as_bytes(), b"\t", value, b"\n"].concat()
}

fn topic(records: &[StateRecord]) -> Vec<u8> {
    records.iter().flat_map(|(key, value)| line(key, value.as_bytes())).collect()
}

/// The first field that the record is read for.
fn first_field(value: &str) -> &'static str {
    if value.contains("\"writer\"") { "writer" } else { "format" }
}

/// The fields of a record itself, each missing or wrong.
fn of_record(value: &str) -> Vec<(String, String)> {
    let record: Value = serde_json::from_str(value).expect("JSON");
    let fields = record.as_object().expect("an object");
    let mut mutated = Vec::new();
    for (name, now) in fields {
        let may_be_null = ["writer", "sync_id", "since"].contains(&name.as_str());
        let wrong = [json!("x"), json!(-1), json!(1.5), json!(true), json!([[]]), json!({ "a": 1 })];
        let wrong = wrong.into_iter().chain((!may_be_null).then_some(Value::Null));
        let is_fine = |wrong: &Value| {
            let of_scope = [("missed", json!(true)), ("since", json!(-1))];
            let of_claim = fields.contains_key("writer").then(|| ("sequence", json!(-1)));
            wrong == now || of_scope.into_iter().chain(of_claim).any(|fine| fine == (name.as_str(), wrong.clone()))
        };
        for wrong in wrong.filter(|wrong| !is_fine(wrong)) {
            let mut record = record.clone();
            record[name] = wrong.clone();
            mutated.push((format!("{name} is {wrong}"), record.to_string()));
        }
        if !may_be_null {
            let mut record = record.clone();
            record.as_object_mut().expect("an object").remove(name);
            mutated.push((format!("{name} is missing"), record.to_string()));
        }
    }
    for name in ["format", "min_reader"].into_iter().filter(|name| fields.contains_key(*name)) {
        for other in [0_u64, 99, 4_294_967_295, 4_294_967_296] {
            let mut record = record.clone();
            record[name] = json!(other);
            mutated.push((format!("{name} is {other}"), record.to_string()));
        }
    }
    mutated
}

/// Records that are fine by themselves, in a topic that is not.
fn topics(tally: &mut Tally, records: &[StateRecord]) {
    let group = "state, topics";
    let mut refused = |what: String, words: &[&str], lines: Vec<u8>| {
        tally.refused(group, what, words, || intake::state_topic(&lines));
    };
    let entities = records.iter().enumerate().filter(|(_, (key, _))| !key.contains("/~"));
    for (place, (key, _)) in entities.clone() {
        let kind = key.split('/').nth(1).expect("a kind");
        let mut without = records.to_vec();
        without.remove(place);
        refused(format!("{key} is lost"), &[kind], topic(&without));
        let tombstone = [topic(records), key.as_bytes().to_vec(), b"\n".to_vec()].concat();
        refused(format!("{key} is deleted"), &[kind], tombstone);
    }
    let progress = format!("{ACCOUNT}/~progress");
    let with = |key: &[u8], value: &[u8]| [&topic(records)[..], key, b"\t", value, b"\n"].concat();
    let (user, entity) = records.iter().find(|(key, _)| key.contains("/user/")).expect("a user");
    let entity = entity.as_bytes();
    let said: Value = records
        .iter()
        .find(|(key, _)| *key == progress)
        .map(|(_, value)| serde_json::from_str(value))
        .expect("progress")
        .expect("JSON");
    let says = |name: &str, value: Value| {
        let mut said = said.clone();
        said[name] = value;
        with(progress.as_bytes(), said.to_string().as_bytes())
    };
    let deleted = [&topic(records)[..], progress.as_bytes(), b"\n"].concat();
    let newer = String::from_utf8_lossy(entity).replace("\"revision\":1", "\"revision\":9");
    for (what, words, lines) in [
        ("progress is deleted", "no progress record", deleted),
        ("progress of another account", "account 42", says("account_id", json!("42"))),
        ("progress behind its records", "revision 1", says("sequence", json!(0))),
        ("a negative sequence", "sequence", says("sequence", json!(-1))),
        ("a sequence without a next one", "sequence", says("sequence", json!(i64::MAX))),
        ("a sequence beyond 64 bits", "progress", says("sequence", json!(u64::MAX))),
        ("a lineage that is none", "progress", says("lineage", json!("main"))),
        ("progress without collections", "records of kind", says("collections", json!({}))),
        (
            "progress of an unknown kind",
            "progress",
            says("collections", json!({ "robot": said["collections"]["user"] })),
        ),
        ("a record from the future", "revision 9", with(user.as_bytes(), newer.as_bytes())),
        ("one user more", "kind user", with(format!("{ACCOUNT}/user/3").as_bytes(), entity)),
        ("an unknown kind", "newer version", with(format!("{ACCOUNT}/robot/1").as_bytes(), entity)),
        ("a kind without an id", "kind user", with(format!("{ACCOUNT}/user").as_bytes(), entity)),
        (
            "an edge with too few ends",
            "policy_attachment",
            with(format!("{ACCOUNT}/policy_attachment/system").as_bytes(), entity),
        ),
        ("an edge without ends", "membership", with(format!("{ACCOUNT}/membership").as_bytes(), entity)),
        ("another account's user", "none of this account's", with(b"42/user/1", entity)),
        (
            "an account that begins alike",
            "none of this account's",
            with(format!("{ACCOUNT}1/user/1").as_bytes(), entity),
        ),
        ("another account's progress", "none of this account's", with(b"42/~progress", entity)),
        ("an empty key", "\"\"", with(b"", entity)),
        ("a key of the account alone", ACCOUNT, with(ACCOUNT.as_bytes(), entity)),
        ("a key that is not UTF-8", "none of this account's", with(b"\xff\xfe", entity)),
        ("a key with control characters", "\\u{1b}[2J", with(format!("{ACCOUNT}/user/\u{1b}[2J").as_bytes(), entity)),
        (
            "a scope under another's key",
            "~scope/user",
            with(
                format!("{ACCOUNT}/~scope/user").as_bytes(),
                br#"{"format":1,"scope":"role","since":1,"reason":"denied","missed":false}"#,
            ),
        ),
        (
            "a scope with an unknown reason",
            "~scope/role",
            with(
                format!("{ACCOUNT}/~scope/role").as_bytes(),
                br#"{"format":1,"scope":"role","since":1,"reason":"bored","missed":false}"#,
            ),
        ),
        (
            "a claim that is deleted",
            "tombstone",
            [&topic(records)[..], format!("{ACCOUNT}/~claim\n").as_bytes()].concat(),
        ),
    ] {
        refused(what.to_owned(), &[words], lines);
    }
}
