//! Malformed requests, as anybody who may write to the `.control` topic could leave them there.

use ramstream::intake::control_request;
use serde_json::{Value, json};

use crate::mutations::of_bytes;
use crate::tally::Tally;

/// Longer than any reason: it stands in a notice, and in a line of a log.
const LONGEST_REASON: usize = 1000;

/// Tries all of them.
pub(crate) fn run(tally: &mut Tally) {
    let base = well_formed();
    assert_eq!(control_request(base.to_string().as_bytes()), Ok(()), "what is well-formed is taken");
    for (what, value) in of_bytes(&base.to_string(), "\"request_id\":\"") {
        refused(tally, &what, &["not JSON", "`format`", "bytes, more than"], &value);
    }
    let wrong = [("format", formats()), ("request_id", ids()), ("action", actions()), ("kinds", kinds())];
    for (field, values) in wrong.into_iter().chain([("not_after", moments())]) {
        for value in values {
            let mut request = base.clone();
            request[field] = value.clone();
            let what = format!("{field} is {}", value.to_string().chars().take(80).collect::<String>());
            refused(tally, &what, &[&format!("`{field}`")], request.to_string().as_bytes());
        }
        let text = base.to_string();
        let twice = format!("{},\"{field}\":{}}}", &text[..text.len() - 1], base[field]);
        refused(tally, &format!("{field} twice"), &[&format!("`{field}`")], twice.as_bytes());
    }
    for field in ["format", "request_id", "action"] {
        let mut request = base.clone();
        request.as_object_mut().expect("an object").remove(field);
        refused(tally, &format!("{field} is missing"), &[&format!("`{field}`")], request.to_string().as_bytes());
    }
    for (action, kinds) in [("sync", json!([])), ("sync", json!(["user"])), ("cancel", json!([])), ("cancel", json!(0))]
    {
        let request = json!({ "format": 1, "request_id": "r", "action": action, "kinds": kinds }).to_string();
        refused(tally, &format!("kinds {kinds} of a {action}"), &["`kinds`"], request.as_bytes());
    }
    for name in
        ["", "kind", "Kinds", "formats", "requestId", "request_id ", "notAfter", "\u{1b}[2J", "\u{0}", "\u{202e}"]
    {
        let mut request = base.clone();
        request[name] = json!("user");
        refused(tally, &format!("a field {name:?}"), &["unknown field"], request.to_string().as_bytes());
    }
    let mut request = base;
    request["x".repeat(15_000)] = Value::Null;
    refused(tally, "a field with a long name", &["unknown field"], request.to_string().as_bytes());
    let long = format!("{}{request}", " ".repeat(16 * 1024));
    refused(tally, "white space for 16 KiB", &["bytes, more than"], long.as_bytes());
}

fn well_formed() -> Value {
    json!({
        "format": 1, "request_id": "r-1", "action": "replay", "kinds": ["user"], "not_after": "2026-01-31T12:00:00Z",
    })
}

fn refused(tally: &mut Tally, what: &str, words: &[&str], value: &[u8]) {
    let read = || match control_request(value) {
        Err(why) if why.len() > LONGEST_REASON => Err(format!("\0 {} bytes of reason", why.len())),
        outcome => outcome,
    };
    tally.refused("control topic", what, words, read);
}

fn no_texts() -> Vec<Value> {
    vec![json!(5), json!(1.5), json!(-1), json!(true), json!(false), json!([]), json!({}), json!({ "a": "b" })]
}

fn formats() -> Vec<Value> {
    let numbers = [json!(0), json!(2), json!(-1), json!(1.5), json!(1e300), json!(u64::MAX), json!((1_u64 << 32) + 1)];
    let others = [json!("1"), json!(""), json!(null), json!(true), json!([]), json!([1]), json!({}), json!({ "a": 1 })];
    numbers.into_iter().chain(others).collect()
}

fn ids() -> Vec<Value> {
    let texts = [
        "",
        " ",
        "a b",
        "a/b",
        "../x",
        "a%20b",
        "a:b",
        "a,b",
        "a@b",
        "a+b",
        "a~b",
        "a\nb",
        "a\u{0}",
        "\u{1b}[2J",
        "ä",
        "１",
        "a\u{301}",
        "\u{202e}a",
        "\u{feff}a",
        "\u{1f600}",
        "'",
        "\"",
        "$(id)",
        "a;b",
        "{}",
    ];
    let long = [json!("a".repeat(65)), json!("é".repeat(33)), json!("a".repeat(10_000))];
    let texts = texts.into_iter().map(|text| json!(text)).chain(long);
    texts.chain(no_texts()).chain([json!(null), json!(["r-1"])]).collect()
}

fn actions() -> Vec<Value> {
    let texts = [
        "",
        " replay",
        "replay ",
        "Replay",
        "REPLAY",
        "reply",
        "claim",
        "delete",
        "sync\u{0}",
        "\u{1b}[2J",
        "repl\u{430}y",
    ];
    let texts = texts.into_iter().map(|text| json!(text)).chain([json!("a".repeat(10_000))]);
    texts.chain(no_texts()).chain([json!(null), json!(["replay"])]).collect()
}

fn kinds() -> Vec<Value> {
    let names =
        ["", " user", "User", "users", "user,group", "*", "all", "\u{1b}[2J", "us\u{435}r", "policy-attachments"];
    let one_wrong = names.into_iter().map(|name| json!(["user", name]));
    let others = [
        json!("user"),
        json!(""),
        json!(5),
        json!(true),
        json!({}),
        json!({ "user": true }),
        json!([5]),
        json!([null]),
        json!(["user", 5]),
        json!([["user"]]),
        json!([{ "kind": "user" }]),
        json!(["a".repeat(10_000)]),
    ];
    one_wrong.chain(others).collect()
}

fn moments() -> Vec<Value> {
    let texts = [
        "",
        "soon",
        "now",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "10000-01-01T00:00:00Z",
        "-999999-01-01T00:00:00Z",
        "1767225600",
        "+1h",
        "PT1H",
        "2026-01-01T00:00:00Z\u{0}",
        "2026-01-01T00:00:00Z\u{1b}[2J",
        "\u{1b}[2J",
        "2026-01-01T00:00:00+99:00",
        "T",
        "Z",
        "２０２６-01-01T00:00:00Z",
        "2026-01-01T00:00:00Z 2026-01-01T00:00:00Z",
    ];
    let texts = texts.into_iter().map(|text| json!(text)).chain([json!("9".repeat(10_000))]);
    texts.chain(no_texts()).chain([json!(1_767_225_600_000_i64)]).collect()
}
