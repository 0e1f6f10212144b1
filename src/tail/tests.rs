use std::sync::Arc;

use apache_avro::{Schema, types::Value as Avro};
use serde_json::{Value as Json, json};

use super::*;
use crate::model::Kind;

/// 2026-11-28T17:03:12Z.
const AT: i64 = 1_795_885_392_000;

fn raw(key: &str, topic: &str) -> Delivered {
    Delivered {
        topic: Arc::from(topic),
        partition: 2,
        offset: 41,
        timestamp: Some(AT),
        key: key.as_bytes().to_vec(),
        value: None,
        slot: 0,
        is_past: true,
    }
}

fn avro(json: Json) -> Avro {
    match json {
        Json::Null => Avro::Null,
        Json::Bool(is) => Avro::Boolean(is),
        Json::Number(number) => Avro::Long(number.as_i64().unwrap()),
        Json::String(text) => Avro::String(text),
        Json::Array(items) => Avro::Array(items.into_iter().map(avro).collect()),
        Json::Object(fields) => Avro::Record(fields.into_iter().map(|(name, value)| (name, avro(value))).collect()),
    }
}

fn record(key: &str, schema: &str, json: Json) -> Record {
    let schema = Schema::parse_str(schema).unwrap();
    let value = avro(json).resolve(&schema).unwrap();
    Record { raw: raw(key, "p.users"), key: key.to_owned(), content: Content::of(value) }
}

/// An event of account 5481 in its sync 42, with these fields besides those of every event.
fn event(kind: Kind, event_type: &str, op: &str, fields: Json) -> Record {
    let mut whole = json!({
        "event_id": "e", "event_type": event_type, "op": op, "lineage": "l", "model_version": "1",
        "account_id": "5481250658560000", "account_name": "prod", "sync_id": "s", "sequence": 42, "batch_index": 0,
        "batch_size": 1, "revision": 42, "observed_at": AT, "changed_fields": []
    });
    whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    record(&format!("5481250658560000/{kind}/2618"), kind.schema(), whole)
}

fn user(name: &str, status: &str) -> Json {
    json!({ "user_id": "261847", "user_name": name, "user_principal_name": format!("{name}@x"), "status": status, "tags": [] })
}

fn user_event(event_type: &str, op: &str, changed: &[&str], before: Json, after: Json) -> Record {
    let name = if after.is_null() { before["user_name"].clone() } else { after["user_name"].clone() };
    let fields =
        json!({ "changed_fields": changed, "user_id": "261847", "user_name": name, "before": before, "after": after });
    event(Kind::User, event_type, op, fields)
}

fn notice(fields: Json) -> Record {
    let mut whole = json!({
        "notice_id": "n", "lineage": "l", "account_id": "5481250658560000", "sequence": 42, "batch_size": 0,
        "collections": [], "scopes": [], "kinds": []
    });
    whole.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    record("5481250658560000", include_str!("../../schemas/syncs.avsc"), whole)
}

fn look(is_coloured: bool, is_by_day: bool) -> Look {
    Look { is_coloured, is_by_day, account_id: "5481250658560000".to_owned() }
}

/// The lines as they stand in a file.
fn printed(records: &[Record]) -> Vec<String> {
    let look = look(false, false);
    let mut days = Days::new(look.clone());
    let lines = records.iter().map(|record| days.print(&look.line(record)));
    lines.map(|line| line.strip_prefix("2026-11-28T17:03:12Z ").unwrap().trim_end_matches('\n').to_owned()).collect()
}

#[test]
fn what_happens_to_a_user_is_said_in_words() {
    let records = [
        user_event("user.added", "c", &[], Json::Null, user("alice", "active")),
        user_event(
            "user.renamed",
            "u",
            &["user_name", "user_principal_name"],
            user("alice", "active"),
            user("alicia", "active"),
        ),
        user_event("user.frozen", "u", &["status"], user("alicia", "active"), user("alicia", "frozen")),
        user_event("user.removed", "d", &[], user("alicia", "frozen"), Json::Null),
    ];
    assert_eq!(
        printed(&records),
        [
            "user.added                 alice (2618…)",
            "user.renamed               alice → alicia (2618…)  user_principal_name alice@x → alicia@x",
            "user.frozen                alicia (2618…)  status active → frozen",
            "user.removed               alicia (2618…)",
        ]
    );
}

#[test]
fn edges_name_both_of_their_ends_and_an_id_stands_for_a_name_that_is_not_known() {
    let ids = json!({ "group_id": "8821471", "user_id": "261847", "group_name": "ops", "user_name": null, "cause": "cascade",
        "before": { "group_id": "8821471", "user_id": "261847", "join_date": AT } });
    let attachment = json!({ "policy_type": "system", "policy_name": "ReadOnlyAccess", "principal_type": "user",
        "principal_id": "261847", "principal_name": "alice", "scope": "account",
        "after": { "policy_type": "system", "policy_name": "readonlyaccess", "principal_type": "user",
            "principal_id": "261847", "scope": "account" } });
    assert_eq!(
        printed(&[
            event(Kind::Membership, "membership.removed", "d", ids),
            event(Kind::PolicyAttachment, "policy_attachment.added", "c", attachment),
        ]),
        [
            "membership.removed         group ops (8821…), user 2618…  cascade",
            "policy_attachment.added    policy ReadOnlyAccess (system), principal alice (user 2618…), scope account",
        ]
    );
}

#[test]
fn a_change_of_the_account_is_told_once_although_its_alias_stands_beside_it() {
    let fields = json!({ "changed_fields": ["alias"], "alias": "new", "before": { "alias": null }, "after": { "alias": "new" } });
    assert_eq!(
        printed(&[event(Kind::Account, "account.updated", "u", fields)]),
        ["account.updated            prod (5481…)  alias none → new"]
    );
}

#[test]
fn every_kind_is_shown_without_a_table_of_kinds() {
    // A schema of a kind that nobody has thought of.
    let schema = Kind::Role.schema().replace("role_", "robot_").replace("trust_policy", "firmware");
    let robot = |firmware: &str| json!({ "robot_id": "77123", "robot_name": "r2", "firmware": firmware, "tags": [] });
    let fields = json!({
        "event_id": "e", "event_type": "robot.updated", "op": "u", "lineage": "l", "model_version": "1",
        "account_id": "5481250658560000", "sync_id": "s", "sequence": 1, "batch_index": 0, "batch_size": 1, "revision": 1,
        "observed_at": AT, "changed_fields": ["firmware"], "robot_id": "77123", "robot_name": "r2",
        "before": robot("1.0"), "after": robot("1.1")
    });
    assert_eq!(
        printed(&[record("5481250658560000/robot/77123", &schema, fields)]),
        ["robot.updated              r2 (7712…)  firmware 1.0 → 1.1"]
    );
}

#[test]
fn a_notice_says_what_is_not_known() {
    let collection = |kind: &str, status: &str, reason: Json| {
        json!({ "kind": kind, "status": status, "reason": reason, "stale_scopes": 0, "entities": 3, "added": 0,
            "updated": 0, "removed": 0, "baseline": false })
    };
    let scope = |scope: &str, reason: &str| json!({ "scope": scope, "reason": reason });
    let records = [
        notice(json!({ "notice_type": "sync.completed", "outcome": "complete", "batch_size": 1,
            "collections": [collection("user", "complete", Json::Null)] })),
        notice(json!({ "notice_type": "sync.completed", "outcome": "partial",
            "collections": [collection("user", "unknown", "throttled".into()), collection("group", "complete", Json::Null)],
            "scopes": [scope("user", "throttled"), scope("membership/88", "denied")] })),
        notice(json!({ "notice_type": "coverage.lost", "message": "membership/88: denied" })),
        notice(json!({ "notice_type": "replay.completed", "request_id": "r-1",
            "kinds": [{ "kind": "user", "count": 12, "digest": "00" }, { "kind": "group", "count": 0, "digest": "00" }] })),
    ];
    assert_eq!(
        printed(&records),
        [
            "sync.completed             complete: 1 event  sequence 42",
            "sync.completed             partial: 0 events; user unknown (throttled); membership/88 (denied)  sequence 42",
            "coverage.lost              membership/88: denied  sequence 42",
            "replay.completed           request r-1; user 12, group 0  sequence 42",
        ]
    );
}

#[test]
fn what_cannot_be_decoded_is_said_with_its_place_and_the_reason() {
    let content = Err("it is \u{1b}[31mnothing".to_owned());
    let record = Record { raw: raw("5481/user/1", "p.users"), key: "5481/user/1".to_owned(), content };
    assert_eq!(
        printed(std::slice::from_ref(&record)),
        [r"(undecodable)              p.users[2] at offset 41, key 5481/user/1: it is \u{1b}[31mnothing"]
    );
    assert_eq!(
        json::line(&record).unwrap(),
        "{\"topic\":\"p.users\",\"partition\":2,\"offset\":41,\"timestamp\":1795885392000,\"key\":\"5481/user/1\",\
         \"value\":null,\"error\":\"it is \\u001b[31mnothing\"}\n"
    );
}

#[test]
fn another_account_under_the_same_prefix_is_named() {
    let mut record = user_event("user.added", "c", &[], Json::Null, user("alice", "active"));
    record.key = "7700123/user/261847".to_owned();
    assert_eq!(printed(&[record]), ["user.added                 alice (2618…)  in account prod (7700…)"]);
}

#[test]
fn on_a_terminal_each_day_is_told_once_and_the_type_is_painted_by_what_happened() {
    let look = look(true, true);
    let mut days = Days::new(look.clone());
    let mut print = |event_type: &str, op: &str, at: i64| {
        let mut record = user_event(event_type, op, &[], Json::Null, user("alice", "active"));
        record.raw.timestamp = Some(at);
        days.print(&look.line(&record))
    };
    assert_eq!(
        print("user.added", "c", AT),
        "\x1b[1m2026-11-28 (UTC)\x1b[0m\n17:03:12 \x1b[32muser.added                \x1b[0m alice (2618…)\n"
    );
    let painted = print("user.removed", "d", AT + 1_000);
    assert_eq!(painted, "17:03:13 \x1b[31muser.removed              \x1b[0m alice (2618…)\n");
    let next_day = print("user.updated", "u", AT + 24 * 3_600_000);
    assert!(next_day.starts_with("\x1b[1m2026-11-29 (UTC)\x1b[0m\n17:03:12 \x1b[33m"), "{next_day:?}");
}

#[test]
fn nothing_that_strangers_named_reaches_the_terminal_as_a_command() {
    let evil = "a\u{1b}[2J\u{9b}1m\r\n\u{202e}";
    let mut record = user_event("user.renamed", "u", &["user_name", "status"], user("a", "x"), user(evil, evil));
    record.key = format!("{evil}/user/1");
    let look = look(false, true);
    let line = Days::new(look.clone()).print(&look.line(&record));
    let told: Vec<&str> = line.lines().collect();
    assert_eq!(told.len(), 2, "the day and one line: {line:?}");
    assert!(!told.concat().chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
    let json = json::line(&record).unwrap();
    assert!(!json.trim_end().chars().any(|c| c.is_control() || c == '\u{202e}'), "{json:?}");
    let back: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(back["value"]["after"]["user_name"], evil);
}

#[test]
fn json_has_the_decoded_fields_in_the_order_of_the_schema_and_where_they_stood() {
    let line = json::line(&notice(json!({ "notice_type": "lineage.started", "finished_at": AT }))).unwrap();
    assert_eq!(
        line,
        "{\"topic\":\"p.users\",\"partition\":2,\"offset\":41,\"timestamp\":1795885392000,\"key\":\"5481250658560000\",\
         \"value\":{\"notice_type\":\"lineage.started\",\"notice_id\":\"n\",\"lineage\":\"l\",\
         \"account_id\":\"5481250658560000\",\"account_name\":null,\"sync_id\":null,\"sequence\":42,\"started_at\":null,\
         \"finished_at\":1795885392000,\"batch_size\":0,\"outcome\":null,\"collections\":[],\"scopes\":[],\
         \"request_id\":null,\"kinds\":[],\"message\":null}}\n"
    );
}

#[test]
fn the_filter_leaves_what_is_asked_for_and_what_cannot_be_told() {
    let all = Filter { types: Vec::new(), keys: Vec::new(), notices: Notices::All, from_sequence: None };
    let patterns = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Pattern>>();
    let added = user_event("user.added", "c", &[], Json::Null, user("alice", "active"));
    let heartbeat = notice(json!({ "notice_type": "sync.completed", "outcome": "complete" }));
    let partial = notice(json!({ "notice_type": "sync.completed", "outcome": "partial" }));
    let broken = Record { raw: raw("k", "p.users"), key: "k".to_owned(), content: Err("why".to_owned()) };
    let shown = |filter: Filter| [&added, &heartbeat, &partial, &broken].map(|record| filter.is_shown(record));
    assert_eq!(shown(all.clone()), [true; 4]);
    assert_eq!(shown(Filter { notices: Notices::Trouble, ..all.clone() }), [true, false, true, true]);
    assert_eq!(shown(Filter { notices: Notices::None, ..all.clone() }), [true, false, false, true]);
    assert_eq!(shown(Filter { types: patterns(&["*.removed", "sync.*"]), ..all.clone() }), [false, true, true, true]);
    assert_eq!(shown(Filter { from_sequence: Some(42), ..all.clone() }), [true; 4]);
    assert_eq!(shown(Filter { from_sequence: Some(43), ..all.clone() }), [false, false, false, true]);
    let keyed = Filter { keys: patterns(&["group/*", "user/1"]), ..all.clone() };
    assert!(keyed.is_key("5481/user/1") && !keyed.is_key("5481/user/2") && all.is_key("5481"));
}
