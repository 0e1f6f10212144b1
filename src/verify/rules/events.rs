//! What an event says of itself.

use std::collections::HashMap;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::super::fold::kind_of;
use super::super::log::{Held, Log, Step};
use super::super::record::{Event, Notice};
use super::super::report::{At, Findings};

/// The verbs of events `u`.
const UPDATES: [&str; 9] = [
    "readded",
    "renamed",
    "frozen",
    "unfrozen",
    "activated",
    "deactivated",
    "role_attached",
    "role_detached",
    "updated",
];
/// Kinds that are created, not added.
const CREATED: [&str; 2] = ["policy", "access_key"];

pub(super) fn readable(log: &Log, found: &mut Findings) {
    log.events().for_each(|event| found.check(true, At::event(event), String::new));
    for record in &log.unreadable {
        found.check(false, At::record(&record.place, &record.key), || record.reason.clone());
    }
}

pub(super) fn event_ids(log: &Log, found: &mut Findings) {
    let mut first: HashMap<&str, &Event> = HashMap::new();
    for event in log.events() {
        let again = first.insert(&event.event_id, event);
        found.check(again.is_none(), At::event(event), || {
            let place = again.map(|first| first.place.to_string()).unwrap_or_default();
            format!("event id {} stands at {place} already", event.event_id)
        });
        let id = documented_id(event);
        found.check(id.as_ref() == Some(&event.event_id), At::event(event), || match &id {
            Some(id) => format!("event id is {}, what it says gives {id}", event.event_id),
            None => format!("lineage {:?} is no UUID", event.lineage),
        });
    }
    for sync in log.syncs.values().flatten() {
        let name = format!("sync.completed\n{}\n", sync.sync_id.as_deref().unwrap_or_default());
        let id = Uuid::parse_str(&sync.lineage).map(|lineage| Uuid::new_v5(&lineage, name.as_bytes()).to_string());
        found.check(id.as_ref() == Ok(&sync.notice_id), At::notice(sync), || {
            format!("notice id is {}, what it says gives {id:?}", sync.notice_id)
        });
    }
}

/// UUIDv5 in the lineage: sequence, key, op and the SHA-256 of the entity's JSON (empty if none), joined by line feeds.
fn documented_id(event: &Event) -> Option<String> {
    let lineage = Uuid::parse_str(&event.lineage).ok()?;
    let hash = event.after.as_ref().map(|after| hex::encode(Sha256::digest(after.as_bytes()))).unwrap_or_default();
    let name = [event.sequence.to_string().as_str(), &event.key, &event.op, &hash].join("\n");
    Some(Uuid::new_v5(&lineage, name.as_bytes()).to_string())
}

pub(super) fn keys(log: &Log, found: &mut Findings) {
    for event in log.events() {
        let is_ours = event.key.strip_prefix(&*log.account).is_some_and(|rest| rest.starts_with('/'));
        found.check(is_ours && event.account_id == log.account, At::event(event), || {
            format!("key and account_id {:?} are not both of account {}", event.account_id, log.account)
        });
        found.check(kind_of(&event.key) == event.kind(), At::event(event), || {
            format!("{} stands under a key of another kind", event.event_type)
        });
        found.check(log.lineage.as_ref() == Some(&event.lineage), At::event(event), || {
            format!("lineage {} is none that a sync record is of", event.lineage)
        });
    }
    for notice in &log.notices {
        found.check(*notice.key == *log.account && notice.account_id == log.account, At::notice(notice), || {
            format!("key {:?} and account_id {:?} are not both the account", notice.key, notice.account_id)
        });
    }
}

pub(super) fn headers(log: &Log, found: &mut Findings) {
    for event in log.events() {
        let subject = (&*event.event_id, &*event.event_type, &*event.key, Some(event.observed_at));
        judge_headers(&event.headers, &event.account_id, subject, At::event(event), found);
    }
    for notice in &log.notices {
        let Notice { notice_id, notice_type, account_id, finished_at, .. } = notice;
        let subject = (&**notice_id, &**notice_type, &**account_id, *finished_at);
        judge_headers(&notice.headers, account_id, subject, At::notice(notice), found);
    }
}

fn judge_headers(
    headers: &[(String, String)],
    account: &str,
    (id, event_type, subject, time): (&str, &str, &str, Option<i64>),
    at: At<'_>,
    found: &mut Findings,
) {
    let expected = [
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", id.to_owned()),
        ("ce_type", format!("com.alibabacloud.identity.{event_type}.v1")),
        ("ce_source", format!("/alicloud/{account}")),
        ("ce_subject", subject.to_owned()),
        ("content-type", "application/avro".to_owned()),
    ];
    let all =
        |name: &str| headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value.clone()).collect();
    for (name, value) in expected {
        let there: Vec<String> = all(name);
        found.check(there == [value.clone()], at, || format!("header {name} is {there:?}, the value says {value:?}"));
    }
    if let Some(time) = time {
        let there: Vec<String> = all("ce_time");
        let millis = there.first().and_then(|time| time.parse::<Timestamp>().ok()).map(Timestamp::as_millisecond);
        found.check(there.len() == 1 && millis == Some(time), at, || {
            format!("header ce_time is {there:?}, the value says {time} ms")
        });
    }
}

pub(super) fn windows(log: &Log, found: &mut Findings) {
    for event in log.events() {
        let from = event.previously_observed_at;
        found.check(from.is_none_or(|from| from <= event.observed_at), At::event(event), || {
            format!("previously_observed_at {from:?} is after observed_at {}", event.observed_at)
        });
    }
    for (sync, (from, to)) in log.syncs.values().flatten().filter_map(|sync| Some((sync, sync.window()?))) {
        found.check(from <= to, At::notice(sync), || format!("started_at {from} is after finished_at {to}"));
    }
}

pub(super) fn ops(log: &Log, found: &mut Findings) {
    for step in &log.steps {
        let wrong = wrong_op(step);
        found.check(wrong.is_none(), At::event(&step.event), || wrong.unwrap_or_default());
        let event = &step.event;
        if event.op == "r" {
            found.check(may_be_observed(log, event), At::event(event), || {
                format!("r outside of a baseline: every earlier reading of {} was complete", event.kind())
            });
        }
        let is_baseline = log
            .sync(event.sequence)
            .and_then(|sync| sync.collection(event.kind()))
            .is_some_and(|status| status.baseline);
        found.check(!is_baseline || matches!(event.op.as_str(), "r" | "d"), At::event(event), || {
            format!("op {} in the baseline of {}", event.op, event.kind())
        });
    }
}

/// What in an event does not fit its op.
fn wrong_op(Step { event, held, .. }: &Step) -> Option<String> {
    let (before, after) = (event.before.is_some(), event.after.is_some());
    let (was_held, was_free) = (!matches!(held, Held::Nothing), !matches!(held, Held::Entity { .. }));
    let verb = event.verb();
    let holds = match event.op.as_str() {
        "c" => {
            !before && after && was_free && verb == if CREATED.contains(&event.kind()) { "created" } else { "added" }
        }
        "r" => after && verb == "observed",
        "u" => before && after && was_held && UPDATES.contains(&verb) && event.before != event.after,
        "d" => before && !after && was_held && verb == "removed",
        _ => false,
    };
    if !holds {
        let held = match held {
            Held::Unknown => "what was held is not known",
            Held::Nothing => "nothing was held",
            Held::Entity { .. } => "the entity was held",
        };
        return Some(format!(
            "op {:?} as {} with before {before} and after {after}, where {held}",
            event.op, event.event_type
        ));
    }
    if event.cause.as_deref().is_some_and(|cause| cause != "cascade" || event.op != "d") {
        return Some(format!("cause {:?} of op {}", event.cause, event.op));
    }
    if event.replay_id.is_some() {
        return Some("a live event carries a replay_id".to_owned());
    }
    wrong_fields(event)
}

/// Changed fields are those of an update, and each of them differs.
fn wrong_fields(event: &Event) -> Option<String> {
    if event.op != "u" {
        return (!event.changed_fields.is_empty()).then(|| format!("changed_fields of op {}", event.op));
    }
    let fields = |text: &Option<std::sync::Arc<str>>| {
        text.as_ref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok()).unwrap_or_default()
    };
    let (before, after) = (fields(&event.before), fields(&event.after));
    let same = event.changed_fields.iter().find(|field| before.get(*field) == after.get(*field));
    same.map(|field| format!("{field} is among changed_fields and did not change"))
}

/// At the baseline of its collection, or where an earlier reading of it missed something.
fn may_be_observed(log: &Log, event: &Event) -> bool {
    let of_kind = |sync: &Notice| sync.collection(event.kind()).cloned();
    let is_baseline = log.sync(event.sequence).and_then(of_kind).is_some_and(|status| status.baseline);
    let earlier = log.syncs.range(..event.sequence).flat_map(|(_, syncs)| syncs);
    is_baseline || !log.from_beginning || earlier.filter_map(of_kind).any(|status| status.status != "complete")
}
