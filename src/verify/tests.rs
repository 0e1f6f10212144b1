//! A sound story, and what becomes of it when exactly one thing in it is wrong.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::record::{
    CollectionStatus, Event, KindCount, Notice, Place, Reading, ScopeStatus, StateRecord, Truncated, Unreadable,
};
use super::truth::Truth;
use super::{Report, judge};

const ACCOUNT: &str = "7";
const LINEAGE: &str = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
const SYNCS: i64 = 5;
const USER_A: &str = r#"{"user_id":"u","user_name":"a","status":"active"}"#;
const USER_B: &str = r#"{"user_id":"u","user_name":"b","status":"active"}"#;
const GROUP: &str = r#"{"group_id":"g","group_name":"admins"}"#;
const MEMBERSHIP: &str = r#"{"group_id":"g","user_id":"u","join_date":5}"#;
const POLICY: &str = r#"{"policy_type":"custom","policy_name":"P","default_version":"v1"}"#;

/// The story: a baseline; a renamed user and a new policy; nothing; a group that goes with its member; nothing.
struct Story {
    reading: Reading,
    truth: Vec<Value>,
}

impl Story {
    fn sound() -> Self {
        let mut events = vec![
            event(1, 0, "r", "user.observed", "user/u", (None, Some(USER_A))),
            event(1, 1, "r", "group.observed", "group/g", (None, Some(GROUP))),
            event(1, 2, "r", "membership.observed", "membership/g/u", (None, Some(MEMBERSHIP))),
            event(2, 0, "u", "user.renamed", "user/u", (Some(USER_A), Some(USER_B))),
            event(2, 1, "c", "policy.created", "policy/custom/p", (None, Some(POLICY))),
            event(4, 0, "d", "membership.removed", "membership/g/u", (Some(MEMBERSHIP), None)),
            event(4, 1, "d", "group.removed", "group/g", (Some(GROUP), None)),
        ];
        for (event, size) in events.iter_mut().zip([3, 3, 3, 2, 2, 2, 2]) {
            event.batch_size = size;
        }
        let mut reading = Reading { account: ACCOUNT.to_owned(), events, ..Reading::default() };
        reading.notices = vec![
            sync(1, 3, [(1, 0, 0, 0), (1, 0, 0, 0), (1, 0, 0, 0), (0, 0, 0, 0)]),
            sync(2, 2, [(1, 0, 1, 0), (1, 0, 0, 0), (1, 0, 0, 0), (1, 1, 0, 0)]),
            sync(3, 0, [(1, 0, 0, 0), (1, 0, 0, 0), (1, 0, 0, 0), (1, 0, 0, 0)]),
            sync(4, 2, [(1, 0, 0, 0), (0, 0, 0, 1), (0, 0, 0, 1), (1, 0, 0, 0)]),
            sync(5, 0, [(1, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0), (1, 0, 0, 0)]),
            told("removals.suspected", 4, "group"),
            told("removals.suspected", 4, "membership"),
        ];
        reading.rows = Some(Vec::new());
        reading.state = Some(vec![
            state_record(1, "group/g", None),
            state_record(2, "user/u", Some(stored(2, USER_B))),
            state_record(3, "policy/custom/p", Some(stored(2, POLICY))),
        ]);
        let truth = vec![
            mutation(15_000, "user", Some(json!({ "user_id": "u", "user_name": "a", "status": "active" })), {
                Some(json!({ "user_id": "u", "user_name": "b", "status": "active" }))
            }),
            policy_is("v1", 15_000),
            mutation(35_000, "membership", Some(membership()), None),
            group_is(false, 35_000),
            request(30_100, "ListUsers", 200),
        ];
        let mut story = Self { reading, truth };
        story.seal_state();
        story
    }

    /// The same, with a replay of users and policies behind the third sync.
    fn with_replay() -> Self {
        let mut story = Self::sound();
        story.reading.notices.push(replayed());
        story.reading.rows = Some(vec![row(0, "user/u", 2, USER_B), row(1, "policy/custom/p", 2, POLICY)]);
        story
    }

    /// The event at this place of the story, to spoil it.
    fn event(&mut self, index: usize) -> &mut Event {
        &mut self.reading.events[index]
    }

    fn notice(&mut self, sequence: usize) -> &mut Notice {
        &mut self.reading.notices[sequence - 1]
    }

    fn state(&mut self) -> &mut Vec<StateRecord> {
        self.reading.state.as_mut().unwrap()
    }

    /// Puts the progress record that belongs to the state records at their end.
    fn seal_state(&mut self) {
        let records = self.state();
        records.retain(|record| !record.key.ends_with("/~progress"));
        let digest_and_count = |kind: &str| {
            let of_kind = records.iter().filter(|record| record.key.starts_with(&format!("{ACCOUNT}/{kind}/")));
            let (mut count, mut digest) = (0, 0_u128);
            for (record, value) in of_kind.filter_map(|record| Some((record, record.value.as_ref()?))) {
                let mut bytes = u32::try_from(record.key.len()).unwrap().to_be_bytes().to_vec();
                bytes.extend([record.key.as_bytes(), value].concat());
                let head: [u8; 16] = Sha256::digest(bytes)[..16].try_into().unwrap();
                digest = digest.wrapping_add(u128::from_be_bytes(head));
                count += 1;
            }
            json!({ "count": count, "digest": format!("{digest:032x}") })
        };
        let progress = json!({
            "lineage": LINEAGE, "sequence": SYNCS, "sync_id": sync_id(SYNCS),
            "collections": { "user": digest_and_count("user"), "policy": digest_and_count("policy") },
        });
        records.push(state_record(9, "~progress", Some(progress.to_string())));
    }

    fn judged(self) -> Report {
        let mut truth = Truth::default();
        for line in self.truth {
            truth.take(ACCOUNT, &line.to_string()).unwrap();
        }
        judge(self.reading, None, Some(&truth))
    }

    /// The names of the violated invariants.
    fn violates(self) -> Vec<&'static str> {
        violated(&self.judged())
    }
}

fn violated(report: &Report) -> Vec<&'static str> {
    report.verdicts.iter().filter(|verdict| verdict.violated > 0).map(|verdict| verdict.invariant).collect()
}

/// The violated invariants after one thing was spoilt.
fn spoilt(spoil: impl FnOnce(&mut Story)) -> Vec<&'static str> {
    let mut story = Story::sound();
    spoil(&mut story);
    story.violates()
}

fn sync_id(sequence: i64) -> String {
    format!("sync-{sequence}")
}

fn begins(sequence: i64) -> i64 {
    sequence * 10_000
}

fn event(
    sequence: i64,
    index: i64,
    op: &str,
    event_type: &str,
    path: &str,
    (before, after): (Option<&str>, Option<&str>),
) -> Event {
    let earlier = if op == "r" || op == "c" { None } else { Some(1) };
    let mut event: Event = serde_json::from_value(json!({
        "event_id": "", "event_type": event_type, "op": op, "cause": null, "lineage": LINEAGE, "account_id": ACCOUNT,
        "sync_id": sync_id(sequence), "sequence": sequence, "batch_index": index, "batch_size": 0,
        "revision": sequence, "previous_revision": earlier, "observed_at": begins(sequence) + 1_000,
        "previously_observed_at": (op != "r").then(|| begins(sequence - 1)), "replay_id": null,
        "changed_fields": if op == "u" { vec!["user_name"] } else { Vec::new() }, "before": null, "after": null,
    }))
    .unwrap();
    (event.before, event.after) = (before.map(Into::into), after.map(Into::into));
    event.key = format!("{ACCOUNT}/{path}").into();
    event.place = Place { topic: "t".into(), partition: 0, offset: sequence * 100 + index };
    seal(&mut event);
    event
}

/// Gives an event the id and the headers that belong to what it says.
fn seal(event: &mut Event) {
    let hash = event.after.as_ref().map(|after| hex::encode(Sha256::digest(after.as_bytes()))).unwrap_or_default();
    let name = format!("{}\n{}\n{}\n{hash}", event.sequence, event.key, event.op);
    event.event_id = Uuid::new_v5(&event.lineage.parse().unwrap(), name.as_bytes()).to_string();
    event.headers =
        headers(&event.event_id, &event.event_type, &event.account_id, &event.key, event.observed_at / 1_000);
}

fn headers(id: &str, event_type: &str, account: &str, subject: &str, seconds: i64) -> Vec<(String, String)> {
    // The story plays in the first minutes of 1970.
    let time = format!("1970-01-01T00:{:02}:{:02}.000Z", seconds / 60, seconds % 60);
    let pairs = [
        ("ce_specversion", "1.0"),
        ("ce_id", id),
        ("ce_type", &format!("com.alibabacloud.identity.{event_type}.v1")),
        ("ce_source", &format!("/alicloud/{account}")),
        ("ce_subject", subject),
        ("ce_time", &time),
        ("content-type", "application/avro"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// A sync record with (entities, added, updated, removed) of users, groups, memberships and policies.
fn sync(sequence: i64, batch_size: i64, figures: [(i64, i64, i64, i64); 4]) -> Notice {
    let kinds = ["user", "group", "membership", "policy"].into_iter().zip(figures);
    let status = |(kind, (entities, added, updated, removed)): (&str, (i64, i64, i64, i64))| CollectionStatus {
        kind: kind.to_owned(),
        status: "complete".to_owned(),
        begun_at: Some(begins(sequence)),
        complete_at: Some(begins(sequence) + 1_000),
        reason: None,
        stale_scopes: 0,
        stale_since: None,
        entities,
        added,
        updated,
        removed,
        baseline: sequence == 1,
    };
    let name = format!("sync.completed\n{}\n", sync_id(sequence));
    let notice_id = Uuid::new_v5(&LINEAGE.parse().unwrap(), name.as_bytes()).to_string();
    let finished_at = begins(sequence) + 1_000;
    Notice {
        is_late: false,
        place: Place { topic: "s".into(), partition: 0, offset: sequence * 10 },
        key: ACCOUNT.into(),
        headers: headers(&notice_id, "sync.completed", ACCOUNT, ACCOUNT, finished_at / 1_000),
        notice_type: "sync.completed".to_owned(),
        notice_id,
        lineage: LINEAGE.to_owned(),
        account_id: ACCOUNT.to_owned(),
        sync_id: Some(sync_id(sequence)),
        sequence,
        started_at: Some(begins(sequence)),
        finished_at: Some(finished_at),
        batch_size,
        outcome: Some("complete".to_owned()),
        collections: kinds.map(status).collect(),
        scopes: Vec::new(),
        request_id: None,
        kinds: Vec::new(),
    }
}

/// A row of the replay `r` of the state at sequence 3.
fn row(index: i64, path: &str, revision: i64, after: &str) -> Event {
    let kind = path.split('/').next().unwrap();
    let mut row = event(3, index, "r", &format!("{kind}.observed"), path, (None, Some(after)));
    (row.replay_id, row.revision, row.batch_size) = (Some("r".into()), revision, 2);
    row.event_id = format!("row-{index}");
    row
}

/// The notice of that replay.
fn replayed() -> Notice {
    let digest = |id: &str| {
        let head: [u8; 16] = Sha256::digest(id)[..16].try_into().unwrap();
        format!("{:032x}", u128::from_be_bytes(head))
    };
    let of = |kind: &str, id: &str| KindCount { kind: kind.into(), count: 1, digest: digest(id) };
    let mut notice = told("replay.completed", 3, "");
    (notice.request_id, notice.place.offset) = (Some("r".into()), 31);
    notice.kinds = vec![of("user", "row-0"), of("policy", "row-1")];
    notice
}

/// A notice about `subject` in the reading of a sync, which stands in front of the sync's own record.
fn told(notice_type: &str, sequence: i64, subject: &str) -> Notice {
    let name = format!("{notice_type}\n{}\n{subject}", sync_id(sequence));
    let notice_id = Uuid::new_v5(&LINEAGE.parse().unwrap(), name.as_bytes()).to_string();
    let finished_at = begins(sequence) + 1_000;
    Notice {
        place: Place { topic: "s".into(), partition: 0, offset: sequence * 10 - 1 },
        headers: headers(&notice_id, notice_type, ACCOUNT, ACCOUNT, finished_at / 1_000),
        notice_type: notice_type.to_owned(),
        notice_id,
        outcome: None,
        collections: Vec::new(),
        ..sync(sequence, 0, [(0, 0, 0, 0); 4])
    }
}

fn state_record(offset: i64, path: &str, value: Option<String>) -> StateRecord {
    let place = Place { topic: "state".into(), partition: 0, offset };
    StateRecord { place, key: format!("{ACCOUNT}/{path}"), value: value.map(String::into_bytes) }
}

fn stored(revision: i64, entity: &str) -> String {
    format!(r#"{{"format":1,"model_version":"1","revision":{revision},"entity":{entity}}}"#)
}

fn mutation(time_ms: i64, kind: &str, before: Option<Value>, after: Option<Value>) -> Value {
    json!({ "type": "mutation", "time_ms": time_ms, "change": { "kind": kind, "before": before, "after": after } })
}

fn membership() -> Value {
    json!({ "group_id": "g", "user_id": "u", "join_date": "1970-01-01T00:00:00.005Z" })
}

fn policy_is(version: &str, time_ms: i64) -> Value {
    let row = json!({ "policy_type": "Custom", "policy_name": "P", "default_version": version });
    mutation(time_ms, "policy", None, Some(row))
}

fn group_is(there: bool, time_ms: i64) -> Value {
    let row = || json!({ "group_id": "g", "group_name": "admins" });
    mutation(time_ms, "group", (!there).then(row), there.then(row))
}

fn request(received_ms: i64, operation: &str, status: u16) -> Value {
    json!({ "type": "request", "request": {
        "received_ms": received_ms, "answered_ms": received_ms + 1, "operation": operation, "parameters": {},
        "status": status, "code": null,
    }})
}

#[test]
fn a_sound_story_is_clean_and_every_invariant_is_put_to_the_test() {
    let report = Story::with_replay().judged();
    assert_eq!(violated(&report), [""; 0], "{report}");
    // The story's state topic is compacted, so that not every sync's records are there; and it reads everything.
    let is_judged = |name: &str| !matches!(name, "in-step" | "named");
    let judged = report.verdicts.iter().filter(|verdict| is_judged(verdict.invariant));
    let idle: Vec<_> = judged.filter(|verdict| verdict.checked == 0).collect();
    assert!(idle.is_empty(), "{idle:?}");
    assert!(report.is_clean());
}

#[test]
fn a_record_that_cannot_be_read_is_found() {
    let unreadable = || Unreadable { place: Place::default(), key: "7/user/u".into(), reason: "no Avro".into() };
    assert_eq!(spoilt(|story| story.reading.unreadable.push(unreadable())), ["readable"]);
}

/// `uuid.uuid5(lineage, "3\n7/account\nu\n" + sha256('{"alias":"x"}'))` and `… "3\n7/group/g\nd\n"` in Python.
#[test]
fn an_event_id_is_the_documented_uuid() {
    let id = |op, event_type, path, after| event(3, 0, op, event_type, path, (None, after)).event_id;
    let updated = id("u", "account.updated", "account", Some(r#"{"alias":"x"}"#));
    let removed = id("d", "group.removed", "group/g", None);
    assert_eq!(
        (&*updated, &*removed),
        ("06effc09-43ba-542e-9b4d-7712ad494171", "7136014f-884c-5546-83a6-f79566a7a4e0")
    );
}

#[test]
fn an_event_id_that_is_another_or_stands_twice_is_found() {
    let another = |story: &mut Story| {
        let id = story.event(0).event_id.clone();
        story.event(1).event_id = id.clone();
        story.event(1).headers[1].1 = id;
    };
    assert_eq!(spoilt(another), ["event-ids"]);
    let notice = |story: &mut Story| {
        story.notice(3).notice_id = Uuid::nil().to_string();
        story.notice(3).headers[1].1 = Uuid::nil().to_string();
    };
    assert_eq!(spoilt(notice), ["event-ids"]);
}

#[test]
fn an_event_of_another_account_or_of_an_unknown_lineage_is_found() {
    let account = |story: &mut Story| {
        story.event(0).account_id = "8".into();
        seal(story.event(0));
    };
    assert_eq!(spoilt(account), ["keys"]);
    let lineage = |story: &mut Story| {
        story.event(0).lineage = Uuid::max().to_string();
        seal(story.event(0));
    };
    assert_eq!(spoilt(lineage), ["keys"]);
    let kind = |story: &mut Story| {
        story.event(0).event_type = "role.observed".into();
        seal(story.event(0));
    };
    assert!(spoilt(kind).contains(&"keys"));
}

#[test]
fn a_header_that_is_missing_or_says_something_else_is_found() {
    assert_eq!(spoilt(|story| drop(story.event(0).headers.pop())), ["headers"]);
    assert_eq!(spoilt(|story| story.event(0).headers[5].1 = "1970-01-01T00:00:00.000Z".into()), ["headers"]);
    assert_eq!(spoilt(|story| story.notice(2).headers[4].1 = "8".into()), ["headers"]);
}

#[test]
fn a_window_that_ends_before_it_begins_is_found() {
    assert_eq!(spoilt(|story| story.event(0).previously_observed_at = Some(99_000)), ["windows"]);
}

#[test]
fn an_op_that_does_not_fit_is_found() {
    let verb = |story: &mut Story| {
        story.event(3).event_type = "user.added".into();
        seal(story.event(3));
    };
    assert_eq!(spoilt(verb), ["ops"]);
    assert_eq!(spoilt(|story| story.event(3).changed_fields = vec!["status".into()]), ["ops"]);
    assert_eq!(spoilt(|story| story.event(3).cause = Some("cascade".into())), ["ops"]);
    assert_eq!(spoilt(|story| story.event(3).replay_id = Some("x".into())), ["ops"]);
}

#[test]
fn an_r_outside_of_a_baseline_is_found() {
    let no_baseline = |story: &mut Story| story.notice(1).collections[1].baseline = false;
    assert_eq!(spoilt(no_baseline), ["ops"]);
}

#[test]
fn a_batch_that_is_not_whole_is_found() {
    assert_eq!(spoilt(|story| story.notice(3).batch_size = 1), ["batches"]);
    assert_eq!(spoilt(|story| story.event(4).batch_size = 3), ["batches"]);
    assert_eq!(spoilt(|story| story.event(4).batch_index = 2), ["batches"]);
    assert!(spoilt(|story| drop(story.reading.events.remove(4))).contains(&"batches"));
}

#[test]
fn a_gap_and_a_repeated_sync_record_are_found() {
    assert_eq!(spoilt(|story| drop(story.reading.notices.remove(2))), ["sequences"]);
    let twice = |story: &mut Story| {
        let again = story.notice(3).clone();
        story.reading.notices.insert(3, again);
    };
    assert_eq!(spoilt(twice), ["sequences"]);
    assert_eq!(spoilt(|story| story.event(3).sync_id = sync_id(9)), ["sequences"]);
}

#[test]
fn an_event_behind_the_last_sync_record_is_found() {
    let forged = |story: &mut Story| {
        let mut forged = event(6, 0, "u", "user.renamed", "user/u", (Some(USER_B), Some(USER_A)));
        (forged.batch_size, forged.previous_revision) = (1, Some(2));
        story.reading.events.push(forged);
    };
    assert_eq!(spoilt(forged), ["sequences", "true-windows"]);
}

#[test]
fn events_of_a_key_out_of_order_are_found() {
    assert_eq!(spoilt(|story| story.event(3).place.offset = 0), ["order"]);
    assert_eq!(spoilt(|story| story.event(3).previous_revision = None), ["order"]);
    assert!(spoilt(|story| story.event(3).revision = 1).contains(&"order"));
}

#[test]
fn a_before_that_was_not_held_is_found() {
    let before = r#"{"user_id":"u","user_name":"z","status":"active"}"#;
    assert_eq!(spoilt(|story| story.event(3).before = Some(before.into())), ["before"]);
}

#[test]
fn an_edge_that_comes_before_or_outlives_its_end_is_found() {
    let swap = |story: &mut Story, one: usize, other: usize| {
        let (index, place) = (story.event(one).batch_index, story.event(one).place.clone());
        (story.event(one).batch_index, story.event(one).place) =
            (story.event(other).batch_index, story.event(other).place.clone());
        (story.event(other).batch_index, story.event(other).place) = (index, place);
    };
    assert_eq!(spoilt(|story| swap(story, 1, 2)), ["removals-first", "edges"], "the member comes before the group");
    assert_eq!(spoilt(|story| swap(story, 5, 6)), ["removals-first", "edges"], "the group goes before the member");
}

#[test]
fn a_sync_record_that_counts_wrongly_is_found() {
    assert_eq!(spoilt(|story| story.notice(2).collections[0].updated = 0), ["figures"]);
    assert_eq!(spoilt(|story| story.notice(5).collections[3].entities = 2), ["figures"]);
}

#[test]
fn an_outcome_that_its_collections_do_not_make_is_found() {
    let status = |story: &mut Story, status: &str| {
        story.notice(3).collections.iter_mut().for_each(|collection| collection.status = status.into());
    };
    assert_eq!(spoilt(|story| story.notice(3).collections[0].status = "partial".into()), ["coverage", "scopes"]);
    assert_eq!(spoilt(|story| status(story, "unknown")), ["coverage", "scopes"]);
    assert_eq!(spoilt(|story| status(story, "not_due")), [""; 0]);
}

#[test]
fn a_state_that_is_not_the_fold_is_found() {
    let differs = |story: &mut Story| {
        story.state()[1] = state_record(2, "user/u", Some(stored(2, USER_A)));
        story.seal_state();
    };
    assert_eq!(spoilt(differs), ["state"]);
    let revision = |story: &mut Story| {
        story.state()[1] = state_record(2, "user/u", Some(stored(1, USER_B)));
        story.seal_state();
    };
    assert_eq!(spoilt(revision), ["state"]);
    let lacks = |story: &mut Story| {
        story.state().remove(2);
        story.seal_state();
    };
    assert_eq!(spoilt(lacks), ["state"]);
    let more = |story: &mut Story| {
        story.state().insert(0, state_record(0, "user/x", Some(stored(2, USER_A))));
        story.seal_state();
    };
    assert_eq!(spoilt(more), ["state"]);
    let behind = |story: &mut Story| story.state().push(state_record(10, "user/u", Some(stored(2, USER_B))));
    assert_eq!(spoilt(behind), ["state"]);
}

#[test]
fn a_progress_that_does_not_count_the_records_is_found() {
    let spoil = |from: &'static str, to: &'static str| {
        spoilt(move |story| {
            let value = String::from_utf8(story.state()[3].value.clone().unwrap()).unwrap();
            assert!(value.contains(from), "{value}");
            story.state()[3].value = Some(value.replace(from, to).into_bytes());
        })
    };
    assert_eq!(spoil(r#""count":1"#, r#""count":2"#), ["progress"]);
    assert_eq!(spoil(r#""digest":""#, r#""digest":"0"#), ["progress"]);
    assert_eq!(spoil("sync-5", "sync-4"), ["progress"]);
}

#[test]
fn a_state_without_progress_is_found() {
    assert_eq!(spoilt(|story| drop(story.state().pop())), ["state"]);
}

#[test]
fn an_event_that_was_never_true_is_found() {
    // It had another version while the sync read.
    let another = |story: &mut Story| {
        story.truth[1] = policy_is("v7", 15_000);
        story.truth.push(policy_is("v1", 22_000));
    };
    assert_eq!(spoilt(another), ["invented", "instants"]);
}

#[test]
fn a_document_that_was_not_in_force_is_found() {
    let policy_with = |document: &str| {
        let version = |id: &str, document: &str| json!({ "version_id": id, "policy_document": document });
        let row = json!({
            "policy_type": "Custom", "policy_name": "P", "default_version": "v1",
            "versions": [version("v0", "old"), version("v1", document)],
        });
        mutation(15_000, "policy", None, Some(row))
    };
    let versions = r#"[{"version_id":"v0","document":"old"},{"version_id":"v1","document":"new"}]"#;
    let published = POLICY.replace('}', &format!(r#","default_document":"new","versions":{versions}}}"#));
    let judged = |document: &str| {
        spoilt(|story| {
            story.truth[1] = policy_with(document);
            story.event(4).after = Some(published.as_str().into());
            seal(story.event(4));
            story.state()[2] = state_record(3, "policy/custom/p", Some(stored(2, &published)));
            story.seal_state();
        })
    };
    assert_eq!(judged("new"), [""; 0]);
    assert_eq!(judged("other"), ["invented", "lost", "settled", "instants"]);
}

#[test]
fn a_removal_of_what_was_there_is_found() {
    // Gone and back before the sync read, gone for good later.
    let back = |story: &mut Story| story.truth.extend([group_is(true, 36_000), group_is(false, 45_000)]);
    assert_eq!(spoilt(back), ["removals", "instants"]);
}

#[test]
fn a_window_without_the_change_is_found() {
    assert_eq!(spoilt(|story| story.truth[1] = policy_is("v1", 9_000)), ["true-windows", "instants"]);
}

#[test]
fn a_change_that_was_never_published_is_found() {
    let user = json!({ "user_id": "x", "user_name": "x", "status": "active" });
    assert_eq!(
        spoilt(|story| story.truth.push(mutation(5_000, "user", None, Some(user)))),
        ["lost", "settled", "instants"]
    );
}

/// The account as the story needs it at its beginning, with more users of whom no event tells. It has no alias, for the
/// story has no event of the account itself.
fn whole(time_ms: i64, more_users: &[&str]) -> Value {
    let user = |id: &str, name: &str| json!({ "user_id": id, "user_name": name, "status": "active" });
    let users: Vec<Value> = [user("u", "a")].into_iter().chain(more_users.iter().map(|id| user(id, id))).collect();
    json!({ "type": "account", "time_ms": time_ms, "account": {
        "account_id": ACCOUNT, "users": users,
        "groups": [{ "group_id": "g", "group_name": "admins" }], "memberships": [membership()],
        "policies": [], "attachments": [],
    }})
}

/// The story with a truth log that begins with the whole account.
fn with_the_whole(more_users: &[&str]) -> Story {
    let mut story = Story::sound();
    story.truth.insert(0, whole(5_000, more_users));
    story
}

#[test]
fn an_entity_that_never_changed_and_was_never_published_is_found() {
    let report = with_the_whole(&[]).judged();
    assert_eq!(violated(&report), [""; 0], "{report}");
    let report = with_the_whole(&["x"]).judged();
    assert_eq!(violated(&report), ["lost", "settled", "instants"], "{report}");
}

#[test]
fn an_entity_that_never_was_is_found() {
    let mut story = with_the_whole(&[]);
    story.truth.retain(|line| line["change"]["kind"] != "policy");
    assert_eq!(story.violates(), ["invented", "true-windows", "settled", "instants"]);
}

#[test]
fn what_differs_behind_a_restart_has_changed_meanwhile() {
    let mut story = with_the_whole(&[]);
    // The rename and the end of the group went unseen; the account stands there once more instead.
    story.truth.remove(1);
    let mut again = whole(15_000, &[]);
    again["account"]["users"][0]["user_name"] = json!("b");
    story.truth.insert(1, again);
    assert_eq!(story.violates(), [""; 0]);
}

#[test]
fn a_sync_that_hides_what_it_could_not_read_is_found() {
    assert_eq!(spoilt(|story| story.truth.push(request(30_200, "ListGroups", 503))), ["honest"]);
    let repeated = [request(30_200, "ListGroups", 503), request(30_300, "ListGroups", 200)];
    assert_eq!(spoilt(|story| story.truth.extend(repeated)), [""; 0]);
    let told = |story: &mut Story| {
        story.truth.push(request(30_200, "ListGroups", 503));
        is_unknown(story, "group", "throttled", 3..4);
    };
    assert_eq!(spoilt(told), [""; 0]);
}

/// Two groups of which the members could not be listed while the third sync read; it names those of the first.
fn of_two_groups_nothing_is_read(story: &mut Story, code: &str) {
    let group = |id: &str| mutation(5_000, "group", None, Some(json!({ "group_id": id, "group_name": id })));
    story.truth.splice(0..0, [group("x"), group("y")]);
    let failed = |group: &str| {
        let mut failed = request(30_200, "ListUsersForGroup", 403);
        failed["request"]["parameters"] = json!({ "GroupName": group });
        failed["request"]["code"] = json!(code);
        failed
    };
    story.truth.extend([failed("x"), failed("y")]);
    is_denied(story, "membership/x", 3..4);
}

#[test]
fn an_unknown_scope_that_its_sync_does_not_name_is_found() {
    let judged = |code: &'static str, tell: fn(&mut Story)| {
        let violated = spoilt(|story| {
            of_two_groups_nothing_is_read(story, code);
            tell(story);
        });
        // Nobody published these groups.
        violated.into_iter().filter(|rule| matches!(*rule, "named" | "scopes" | "honest")).collect::<Vec<_>>()
    };
    let both = |story: &mut Story| {
        let since = Some(begins(2));
        let other = ScopeStatus { scope: "membership/y".into(), reason: "denied".into(), since };
        story.notice(3).scopes.push(other);
        story.notice(3).collections[2].stale_scopes = 2;
    };
    assert_eq!(judged("NoPermission", |_| {}), ["named"], "the second one is forgotten");
    assert_eq!(judged("NoPermission", both), [""; 0]);
    assert_eq!(judged("Throttling", both), ["named"], "nobody refused it");
    let all = |story: &mut Story| {
        story.notice(3).collections[2].status = "unknown".into();
        story.notice(3).scopes[0].scope = "membership".into();
    };
    assert_eq!(judged("Throttling", all), [""; 0], "the collection stands for all that is in it");
    let counted = |story: &mut Story| story.notice(3).collections[2].stale_scopes = 2;
    assert_eq!(judged("NoPermission", counted), ["scopes"], "what is counted is named, up to twenty");
}

#[test]
fn a_record_that_says_otherwise_of_its_unknown_scopes_is_found() {
    let judged = |spoil: fn(&mut Notice)| {
        spoilt(|story| {
            is_unknown(story, "membership/g", "throttled", 2..4);
            spoil(story.notice(3));
        })
    };
    assert_eq!(judged(|_| {}), [""; 0]);
    assert_eq!(judged(|sync| sync.collections[2].status = "unknown".into()), ["scopes"]);
    assert_eq!(judged(|sync| sync.collections[2].reason = Some("denied".into())), ["scopes"]);
    assert_eq!(judged(|sync| sync.collections[2].stale_since = None), ["scopes"]);
    assert_eq!(judged(|sync| sync.collections[2].stale_scopes = 2), ["scopes"]);
    let since = |sync: &mut Notice, since| {
        sync.scopes[0].since = since;
        sync.collections[2].stale_since = since;
    };
    assert_eq!(
        spoilt(|story| {
            is_unknown(story, "membership/g", "throttled", 2..4);
            since(story.notice(3), Some(begins(2)));
        }),
        ["scopes"],
        "it is unknown for longer"
    );
    assert_eq!(
        spoilt(|story| {
            is_unknown(story, "membership/g", "throttled", 2..3);
            since(story.notice(2), Some(begins(0)));
        }),
        ["scopes"],
        "it was known until then"
    );
}

/// The membership of the story goes by itself, and is still there.
fn a_member_goes_by_mistake(lies: &[(i64, &str, &str, &str)]) -> Report {
    let mut story = with_the_whole(&[]);
    story.truth.retain(|line| line["change"]["kind"] != "membership");
    for (at, operation, parameter, name) in lies {
        let mut lie = request(*at, operation, 200);
        lie["request"]["fault"] = json!("empty");
        lie["request"]["parameters"] = json!({ *parameter: name });
        story.truth.push(lie);
    }
    // The group stays.
    story.truth.retain(|line| line["change"]["kind"] != "group");
    story.reading.events.pop();
    story.event(5).batch_size = 1;
    for sync in [4, 5] {
        let groups = &mut story.notice(sync).collections[1];
        (groups.entities, groups.removed) = (1, 0);
    }
    story.notice(4).batch_size = 1;
    story.state()[0] = state_record(1, "group/g", Some(stored(1, GROUP)));
    story.seal_state();
    story.judged()
}

fn is_removal_held_against(report: &Report) -> bool {
    violated(report).contains(&"removals")
}

#[test]
fn a_lie_about_one_group_excuses_no_removal_from_another() {
    let of = |group: &'static str| {
        [(40_100, "ListUsersForGroup", "GroupName", group), (40_500, "ListUsersForGroup", "GroupName", group)]
    };
    let second = (40_800, "ListGroupsForUser", "UserPrincipalName", "a@7.onaliyun.com");
    let of_others = a_member_goes_by_mistake(&[of("others").as_slice(), &[second]].concat());
    assert!(is_removal_held_against(&of_others), "{of_others}");
    let of_its_own = a_member_goes_by_mistake(&[of("admins").as_slice(), &[second]].concat());
    assert!(!is_removal_held_against(&of_its_own), "{of_its_own}");
    assert!(of_its_own.to_string().contains("not judged: removals, 1 times"), "{of_its_own}");
}

/// All memberships that there are go at once: then each user is asked for the groups, too.
#[test]
fn a_mass_removal_of_edges_is_excused_only_if_the_second_operation_lied_too() {
    let listed =
        [(40_100, "ListUsersForGroup", "GroupName", "admins"), (40_500, "ListUsersForGroup", "GroupName", "admins")];
    assert!(is_removal_held_against(&a_member_goes_by_mistake(&listed)));
    let second = |at, user| [listed.as_slice(), &[(at, "ListGroupsForUser", "UserPrincipalName", user)]].concat();
    assert!(
        !is_removal_held_against(&a_member_goes_by_mistake(&second(42_000, "a@7.onaliyun.com"))),
        "behind the window"
    );
    assert!(is_removal_held_against(&a_member_goes_by_mistake(&second(42_000, "x@7.onaliyun.com"))), "another user");
    assert!(is_removal_held_against(&a_member_goes_by_mistake(&second(52_000, "a@7.onaliyun.com"))), "another sync");
}

#[test]
fn a_name_that_went_while_the_sync_lasted_need_not_be_answered_for() {
    let failed = |story: &mut Story| {
        story.truth.extend([request(40_100, "ListUsers", 200), request(40_200, "ListUsersForGroup", 503)]);
    };
    assert_eq!(spoilt(failed), ["honest"]);
    let began_before_the_group_went = |story: &mut Story| {
        failed(story);
        let lasted_ms = 8_000;
        let sync = story.notice(4);
        sync.started_at = sync.finished_at.map(|finished_at| finished_at - lasted_ms);
    };
    assert_eq!(spoilt(began_before_the_group_went), [""; 0]);
}

#[test]
fn what_came_before_a_sync_had_certainly_begun_speaks_for_it_and_never_against_it() {
    // The third sync began between 29 s and 30 s, and lasted one second.
    let early = |status: u16| request(29_950, "ListGroups", status);
    let failed = || request(30_900, "ListGroups", 503);
    assert_eq!(spoilt(|story| story.truth.extend([early(200), failed()])), [""; 0]);
    assert_eq!(spoilt(|story| story.truth.push(early(503))), [""; 0]);
    assert_eq!(spoilt(|story| story.truth.extend([early(503), failed()])), ["honest"]);
    let began_earlier = |story: &mut Story| story.truth.extend([request(29_500, "ListUsers", 200), failed()]);
    assert_eq!(
        spoilt(began_earlier),
        [""; 0],
        "it may have ended before, and that one be of a reading never published"
    );
}

#[test]
fn one_copys_failed_calls_are_not_held_against_the_sync_of_another() {
    let by = |client: &str, mut request: Value| {
        request["request"]["client"] = json!(client);
        request
    };
    let failed = || by("other", request(30_200, "ListGroups", 503));
    let other_reads = || [by("other", request(30_150, "ListUsers", 200)), failed()];
    let this_reads = by("this", request(30_250, "ListGroups", 200));
    assert_eq!(spoilt(|story| story.truth.extend(other_reads().into_iter().chain([this_reads]))), [""; 0]);
    let all_of_the_other = |story: &mut Story| {
        story.truth.retain(|line| line["type"] != "request");
        story.truth.extend(other_reads());
    };
    assert_eq!(spoilt(all_of_the_other), ["honest"]);
}

#[test]
fn an_old_answer_may_say_what_was_true_since_the_reading_before() {
    let row = |name: &str| Some(json!({ "user_id": "u", "user_name": name, "status": "active" }));
    let changed_again = |story: &mut Story| {
        let changes = [mutation(19_000, "user", row("b"), row("c")), mutation(25_000, "user", row("c"), row("b"))];
        let after_rename = story.truth.iter().position(|line| line["time_ms"] == 15_000).unwrap() + 1;
        story.truth.splice(after_rename..after_rename, changes);
    };
    assert_eq!(spoilt(changed_again), ["invented", "instants"]);
    let from_a_lagging_replica = |story: &mut Story| {
        changed_again(story);
        let mut lie = request(20_100, "ListUsers", 200);
        lie["request"]["fault"] = json!("stale");
        story.truth.push(lie);
    };
    assert_eq!(spoilt(from_a_lagging_replica), [""; 0]);
}

#[test]
fn an_edge_goes_with_its_end_though_it_was_listed_before_that_went() {
    let goes_later = |story: &mut Story| {
        for line in story.truth.iter_mut().filter(|line| line["time_ms"] == 35_000) {
            line["time_ms"] = json!(40_500);
        }
        let sync = story.notice(4);
        let memberships = sync.collections.iter_mut().find(|status| status.kind == "membership").unwrap();
        memberships.complete_at = Some(40_200);
    };
    assert_eq!(spoilt(goes_later), [""; 0]);
}

/// The listing of users, or of a group's members, could not be read from one sync on, and could be again later.
fn is_denied(story: &mut Story, scope: &str, syncs: std::ops::Range<usize>) {
    is_unknown(story, scope, "denied", syncs);
}

fn is_unknown(story: &mut Story, scope: &str, reason: &str, syncs: std::ops::Range<usize>) {
    let since = i64::try_from(syncs.start).ok().map(|first| begins(first - 1));
    let kind = scope.split('/').next().unwrap().to_owned();
    for sequence in syncs {
        let sync = story.notice(sequence);
        let of_kind = sync.collections.iter_mut().find(|status| status.kind == kind).unwrap();
        of_kind.status = if scope == kind { "unknown" } else { "partial" }.into();
        (of_kind.reason, of_kind.stale_scopes, of_kind.stale_since) = (Some(reason.into()), 1, since);
        sync.outcome = Some("partial".into());
        sync.scopes.push(ScopeStatus { scope: scope.into(), reason: reason.into(), since });
    }
}

#[test]
fn permission_lost_or_regained_without_a_word_is_found() {
    let (lost, restored) = ("coverage.lost", "coverage.restored");
    let story = |scope: &'static str, notices: Vec<(&'static str, i64)>| {
        spoilt(move |story| {
            is_denied(story, scope, 2..4);
            let told = notices.into_iter().map(|(notice_type, sequence)| told(notice_type, sequence, scope));
            story.reading.notices.extend(told);
        })
    };
    for scope in ["user", "membership/g"] {
        assert_eq!(story(scope, vec![(lost, 2), (restored, 4)]), [""; 0], "{scope}");
        assert_eq!(story(scope, vec![(restored, 4)]), ["told-coverage"], "{scope}: the loss");
    }
    assert_eq!(story("user", vec![(lost, 2)]), ["told-coverage"], "the return");
    assert_eq!(story("membership/g", vec![(lost, 2)]), [""; 0], "the group is gone: there is no return");
    assert_eq!(story("user", vec![(lost, 2), (lost, 3), (restored, 4)]), ["told-coverage"], "twice");
}

#[test]
fn a_kind_that_is_left_out_is_no_part_of_the_outcome_and_may_come_back() {
    let is_off = |story: &mut Story| {
        let of_kind = story.notice(3).collections.iter_mut().find(|status| status.kind == "policy").unwrap();
        (of_kind.status, of_kind.reason, of_kind.stale_scopes) = ("off".into(), Some("off".into()), 1);
    };
    let comes_back = |story: &mut Story| {
        is_off(story);
        story.reading.notices.push(told("coverage.restored", 4, "policy"));
    };
    assert_eq!(spoilt(comes_back), [""; 0]);
    let nothing_is_read = |outcome: &'static str| {
        spoilt(move |story| {
            ["user", "group", "membership"].iter().for_each(|kind| is_unknown(story, kind, "throttled", 3..4));
            story.notice(3).outcome = Some(outcome.into());
            is_off(story);
        })
    };
    assert_eq!(nothing_is_read("failed"), [""; 0]);
    assert_eq!(nothing_is_read("partial"), ["coverage"]);
}

#[test]
fn permission_for_one_policy_comes_back_with_that_for_all_of_its_type() {
    let story = |restored: Option<&'static str>| {
        spoilt(move |story| {
            is_denied(story, "policy/custom/P", 3..4);
            is_denied(story, "policy/custom", 4..5);
            story.reading.notices.push(told("coverage.lost", 3, "policy/custom/P"));
            story.reading.notices.extend(restored.map(|scope| told("coverage.restored", 5, scope)));
        })
    };
    assert_eq!(story(Some("policy/custom")), [""; 0]);
    assert_eq!(story(Some("policy/custom/P")), [""; 0]);
    assert_eq!(story(None), ["told-coverage"]);
}

#[test]
fn permission_stays_lost_until_the_scope_is_read() {
    let throttled = |story: &mut Story| {
        is_denied(story, "user", 2..5);
        story.notice(3).collections[0].reason = Some("throttled".into());
        story.notice(3).scopes[0].reason = "throttled".into();
        story.reading.notices.extend([told("coverage.lost", 2, "user"), told("coverage.restored", 5, "user")]);
    };
    assert_eq!(spoilt(throttled), [""; 0]);
}

#[test]
fn a_mass_removal_that_is_not_told_before_it_is_published_is_found() {
    let untold = |story: &mut Story| story.reading.notices.retain(|notice| notice.notice_type == "sync.completed");
    assert_eq!(spoilt(untold), ["suspected"]);
    let late = |story: &mut Story| {
        story.reading.notices.iter_mut().rfind(|notice| !notice.is_completion()).unwrap().place.offset = 41;
    };
    assert_eq!(spoilt(late), ["suspected"]);
    let cascade = |story: &mut Story| {
        story.event(5).cause = Some("cascade".into());
        story.reading.notices.pop();
    };
    assert_eq!(spoilt(cascade), [""; 0], "what goes with a group is told with the group");
}

#[test]
fn a_transaction_out_of_its_order_is_found() {
    let policy_first = |story: &mut Story| {
        (story.event(3).batch_index, story.event(4).batch_index) = (1, 0);
        let offset = story.event(3).place.offset;
        story.event(3).place.offset = story.event(4).place.offset;
        story.event(4).place.offset = offset;
    };
    assert_eq!(spoilt(policy_first), [""; 0], "the order of kinds is the daemon's own");
    let removal_last = |story: &mut Story| {
        let mut user = event(4, 0, "u", "user.renamed", "user/u", (Some(USER_B), Some(USER_A)));
        (user.previous_revision, user.place.offset) = (Some(2), 399);
        story.reading.events.insert(5, user);
        for (index, event) in story.reading.events[5..].iter_mut().enumerate() {
            (event.batch_index, event.batch_size) = (i64::try_from(index).unwrap(), 3);
        }
        story.notice(4).batch_size = 3;
        story.notice(4).collections[0].updated = 1;
        story.state()[1] = state_record(2, "user/u", Some(stored(4, USER_A)));
        story.seal_state();
        let row = |name: &str| Some(json!({ "user_id": "u", "user_name": name, "status": "active" }));
        story.truth.push(mutation(35_000, "user", row("b"), row("a")));
    };
    assert_eq!(spoilt(removal_last), ["removals-first"]);
}

#[test]
fn a_replay_that_is_not_whole_or_not_the_fold_is_found() {
    let spoilt = |spoil: &dyn Fn(&mut Story)| {
        let mut story = Story::with_replay();
        spoil(&mut story);
        story.violates()
    };
    let rows = |spoil: fn(&mut Vec<Event>)| spoilt(&|story| spoil(story.reading.rows.as_mut().unwrap()));
    assert_eq!(rows(|rows| drop(rows.pop())), ["replays"], "one is missing");
    assert_eq!(rows(|rows| rows[0].after = Some(USER_A.into())), ["replays"], "an old value");
    assert_eq!(rows(|rows| rows[0].revision = 1), ["replays"], "an old revision");
    assert_eq!(rows(|rows| rows[1].batch_index = 0), ["replays"], "an index twice");
    assert_eq!(rows(|rows| rows[1].previous_revision = Some(1)), ["replays"], "more than a row says");
    assert_eq!(rows(|rows| rows[1].event_id = "other".into()), ["replays"], "another id than was counted");
    assert_eq!(rows(|rows| rows.push(row(2, "group/g", 1, GROUP))), ["replays"], "a kind that is not named");
    let unproven = |story: &mut Story| story.reading.notices.retain(|notice| !notice.is_replay());
    assert_eq!(spoilt(&unproven), ["replays"]);
    assert_eq!(spoilt(&|story| story.reading.notices.push(replayed())), ["replays"], "served twice");
    assert_eq!(spoilt(&|story| story.reading.rows = None), [""; 0], "not read, and said so");
}

#[test]
fn an_addition_in_a_baseline_is_found() {
    let added = |story: &mut Story| {
        (story.event(0).op, story.event(0).event_type) = ("c".into(), "user.added".into());
        story.notice(1).collections[0].added = 1;
        seal(story.event(0));
    };
    assert_eq!(spoilt(added), ["ops"]);
}

/// While the third sync reads, group x goes at `gone_at`, and group g gets another name at 30.3 s. Published is that x is
/// not there, and that g has its old name.
fn two_groups_move(story: &mut Story, gone_at: i64) {
    let row = |id: &str, name: &str| Some(json!({ "group_id": id, "group_name": name }));
    let moves = [
        mutation(25_000, "group", None, row("x", "x")),
        mutation(gone_at, "group", row("x", "x"), None),
        mutation(30_300, "group", row("g", "admins"), row("g", "others")),
        mutation(31_500, "group", row("g", "others"), row("g", "admins")),
    ];
    story.truth.splice(0..0, moves);
}

#[test]
fn a_collection_that_was_the_account_at_no_instant_is_found() {
    assert_eq!(spoilt(|story| two_groups_move(story, 30_200)), [""; 0]);
    assert_eq!(spoilt(|story| two_groups_move(story, 30_400)), ["instants"]);
    let lists = |page: &str, fault: Value| {
        json!({ "type": "request", "request": {
            "received_ms": 30_100, "answered_ms": 30_101, "operation": "ListGroups", "status": 200, "code": null,
            "parameters": { "Marker": page }, "fault": fault,
        }})
    };
    let in_pages = |story: &mut Story| {
        two_groups_move(story, 30_400);
        story.truth.push(lists("2", Value::Null));
    };
    assert_eq!(spoilt(in_pages), [""; 0], "each page is of an instant of its own");
    let lied_to = |story: &mut Story| {
        two_groups_move(story, 30_400);
        let mut lie = lists("2", json!("stale"));
        lie["request"]["parameters"] = json!({});
        story.truth.push(lie);
    };
    assert_eq!(spoilt(lied_to), [""; 0], "nobody can know better than the account");
}

#[test]
fn without_isolation_what_was_aborted_is_sorted_out() {
    let mut story = Story::sound();
    story.reading.uncommitted = true;
    story.reading.state = None;
    // Another reading's transaction with sequence 2 was aborted, and the story's own was sent twice.
    let mut aborted = story.event(3).clone();
    aborted.sync_id = sync_id(99);
    aborted.after = Some(USER_A.into());
    seal(&mut aborted);
    let mut notice = story.notice(2).clone();
    notice.sync_id = Some(sync_id(99));
    let repeat = story.event(4).clone();
    story.reading.notices.insert(1, notice);
    story.reading.events.extend([aborted, repeat]);
    let report = story.judged();
    assert_eq!(violated(&report), [""; 0], "{report}");
    assert_eq!((report.to_sequence, report.events), (Some(SYNCS - 1), 7), "the last sequence is undecided");
    assert!(report.to_string().contains("2 events were sorted out"), "{report}");
}

/// A whole replay, an attempt of it at the same sequence that was aborted half-way, one at an earlier sequence of which
/// some rows are left, and one that was aborted with its notice and without its rows.
fn replayed_without_isolation() -> Story {
    let mut story = Story::with_replay();
    story.reading.uncommitted = true;
    story.reading.state = None;
    let rows = story.reading.rows.as_mut().unwrap();
    let (mut early, mut alone) = (rows[0].clone(), replayed());
    (early.event_id, early.sequence) = ("early".into(), 2);
    rows.insert(0, early);
    rows.insert(0, rows[1].clone());
    (alone.request_id, alone.place.offset) = (Some("other".into()), 32);
    story.reading.notices.push(alone);
    story
}

#[test]
fn without_isolation_a_replay_counts_once_its_notice_proves_it() {
    let report = replayed_without_isolation().judged();
    assert_eq!(violated(&report), [""; 0], "{report}");
    let replays = report.verdicts.iter().find(|verdict| verdict.invariant == "replays").unwrap();
    assert!(replays.checked > 0, "{report}");
    assert!(report.to_string().contains("2 rows were sorted out"), "{report}");

    let spoilt = |spoil: fn(&mut Vec<Event>)| {
        let mut story = replayed_without_isolation();
        spoil(story.reading.rows.as_mut().unwrap());
        story.violates()
    };
    assert_eq!(spoilt(|rows| rows[3].after = Some(USER_A.into())), ["replays"], "an old value");
    assert_eq!(spoilt(|rows| rows[3].batch_size = 9), ["replays"], "of another size");
    assert_eq!(spoilt(|rows| drop(rows.pop())), [""; 0], "what is not whole may be aborted");
}

#[test]
fn a_forged_sync_record_of_the_past_hides_nothing() {
    let forged = |story: &mut Story| {
        let again = story.notice(1).clone();
        story.reading.notices.push(again);
        story.event(5).previous_revision = None;
    };
    assert_eq!(spoilt(forged), ["sequences", "order"]);
}

#[test]
fn where_nothing_can_be_judged_it_says_so() {
    let report = judge(Reading { account: ACCOUNT.to_owned(), ..Reading::default() }, None, None);
    assert!(report.to_string().contains("not judged: there is no sync record of this account"), "{report}");
    let report = judge(Story::sound().reading, Some(9), None);
    assert!(report.to_string().contains("not judged: anything: the last sequence is 5"), "{report}");
}

#[test]
fn what_is_committed_meanwhile_is_left_out() {
    let mut story = Story::sound();
    // The reading of the events began when the third sync was the last; half of the fourth was seen.
    (story.notice(4).is_late, story.notice(5).is_late) = (true, true);
    story.reading.events.remove(5);
    story.reading.state = None;
    let report = story.judged();
    assert_eq!(violated(&report), [""; 0], "{report}");
    assert_eq!(report.to_sequence, Some(3));
}

#[test]
fn what_retention_took_is_said_and_not_judged() {
    let mut story = Story::sound();
    story.reading.events.drain(..2);
    let topic = "memberships".into();
    story.reading.truncated.push(Truncated { topic, partition: 4, first: Some((LINEAGE.into(), 1)) });
    let report = story.judged();
    assert_eq!(violated(&report), [""; 0], "{report}");
    assert_eq!(report.from_sequence, 2);
    assert!(report.to_string().contains("not judged: retention has taken the beginning of memberships[4]"), "{report}");
}

#[test]
fn a_partition_that_retention_emptied_hides_no_later_loss() {
    let mut story = Story::sound();
    story.reading.events.drain(..1);
    story.reading.truncated.push(Truncated { topic: "users".into(), partition: 0, first: None });
    story.event(3).batch_size = 3;
    let report = story.judged();
    assert_eq!((report.from_sequence, violated(&report)), (2, vec!["batches"]), "{report}");
}

/// A story that comes after one sync of another lineage, and begins as an operator's order makes it begin.
fn in_a_new_lineage() -> Story {
    let mut story = Story::sound();
    let mut old = story.notice(1).clone();
    old.lineage = Uuid::max().to_string();
    old.sequence = 900;
    let mut event = story.event(0).clone();
    (event.lineage, event.sequence) = (old.lineage.clone(), old.sequence);
    story.reading.events.insert(0, event);
    story.reading.notices.splice(0..0, [old, started()]);
    story
}

/// The notice with which [`LINEAGE`] begins.
fn started() -> Notice {
    let mut notice = sync(0, 0, [(0, 0, 0, 0); 4]);
    (notice.notice_type, notice.sync_id, notice.outcome) = ("lineage.started".to_owned(), None, None);
    notice.collections.clear();
    // uuid.uuid5(uuid.UUID("6ba7b810-9dad-41d1-80b4-00c04fd430c8"), "lineage.started\n\n") in Python
    notice.notice_id = "4e67b5e8-6cbd-5f2f-b8e3-cad5ca760ffc".to_owned();
    notice.headers = headers(&notice.notice_id, "lineage.started", ACCOUNT, ACCOUNT, 1);
    notice
}

#[test]
fn an_earlier_lineage_is_named_and_left_out() {
    let report = in_a_new_lineage().judged();
    assert_eq!(violated(&report), [""; 0], "{report}");
    assert!(report.to_string().contains("not judged: earlier lineages of the account: 1"), "{report}");
}

#[test]
fn a_lineage_that_begins_without_a_word_or_comes_back_is_found() {
    let silent = |story: &mut Story| drop(story.reading.notices.remove(1));
    let mut story = in_a_new_lineage();
    silent(&mut story);
    assert_eq!(story.violates(), ["lineages"]);

    let mut story = in_a_new_lineage();
    let [old, start, ..] = &story.reading.notices[..] else { panic!("both are there") };
    let (old, again) = (old.clone(), start.clone());
    story.reading.notices.insert(4, old);
    assert_eq!(story.violates(), ["lineages"], "the earlier one goes on");
    assert_eq!(spoilt(|story| story.reading.notices.insert(2, again.clone())), ["lineages"], "it starts in its middle");

    let mut story = in_a_new_lineage();
    story.reading.notices[1].sequence = 3;
    assert_eq!(story.violates(), ["lineages"]);
}

#[test]
fn a_lineage_in_which_nothing_is_published_yet_holds_nothing() {
    let begun = || {
        let mut story = Story::sound();
        for notice in &mut story.reading.notices {
            notice.lineage = Uuid::max().to_string();
        }
        story.reading.events.iter_mut().for_each(|event| event.lineage = Uuid::max().to_string());
        story.reading.notices.push(started());
        let mut records = std::mem::take(story.state());
        records.retain(|record| !record.key.ends_with("/~progress"));
        for record in &mut records {
            record.value = None;
        }
        let progress = json!({ "lineage": LINEAGE, "sequence": 0, "sync_id": null, "collections": {} });
        records.push(state_record(9, "~progress", Some(progress.to_string())));
        *story.state() = records;
        story.reading
    };
    let report = judge(begun(), None, None);
    assert_eq!(violated(&report), [""; 0], "{report}");
    assert_eq!((report.lineage.as_deref(), report.events), (Some(LINEAGE), 0));

    let mut held = begun();
    let user = state_record(2, "user/v", Some(stored(2, USER_B)));
    held.state.as_mut().unwrap().insert(0, user);
    assert_eq!(violated(&judge(held, None, None)), ["state", "progress"], "what is held was never published");
}

#[test]
fn events_from_before_a_lost_trace_are_named_and_left_out() {
    let mut story = in_a_new_lineage();
    story.reading.notices.remove(0);
    let report = story.judged();
    assert_eq!(violated(&report), [""; 0], "{report}");
    assert!(report.to_string().contains("not judged: 1 events of lineages whose sync records are gone"), "{report}");
}

#[test]
fn where_an_earlier_lineage_is_left_retention_took_nothing_of_the_last_one() {
    let mut story = in_a_new_lineage();
    let first = Some((Uuid::max().to_string(), 900));
    story.reading.truncated.push(Truncated { topic: "users".into(), partition: 0, first });
    let report = story.judged();
    assert_eq!((violated(&report), report.from_sequence), (Vec::new(), 1), "{report}");
}

#[test]
fn judging_can_begin_with_a_later_sequence() {
    let report = judge(Story::sound().reading, Some(3), None);
    assert_eq!((violated(&report), report.from_sequence, report.events), (Vec::new(), 3, 2), "{report}");
}

#[test]
fn a_violation_says_what_where_and_why() {
    let mut story = Story::sound();
    story.event(3).previous_revision = None;
    let text = story.judged().to_string();
    let line = "  t[0]@200 7/user/u sequence 2: previous_revision is None, held was Some(1)";
    assert!(text.lines().any(|told| told == line), "{text}");
    assert!(text.lines().any(|told| told.starts_with("order ") && told.ends_with("  VIOLATED")), "{text}");
}
