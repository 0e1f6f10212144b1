//! The consumer's rule and the account's content, both written down by hand: what the product is checked against.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::cloud::rows;
use super::world::text;

/// Folds events that are in (sequence, batch_index) order, and checks on the way what they say of themselves and of the
/// past: an id stands once, a batch is whole, `before` is what the fold held.
#[track_caller]
pub(crate) fn fold(events: &[Value]) -> BTreeMap<String, Value> {
    check_ids_and_batches(events);
    let mut state: BTreeMap<String, (Value, Value)> = BTreeMap::new();
    for event in events {
        let key = text(event, "key").to_owned();
        let held = state.get(&key);
        let before = held.map_or(&Value::Null, |(after, _)| after);
        let revision = held.map_or(&Value::Null, |(_, revision)| revision);
        assert_eq!(&event["before"], before, "before of {event}");
        assert_eq!(&event["previous_revision"], revision, "previous revision of {event}");
        assert_eq!(event["revision"], event["sequence"], "{event}");
        assert_eq!(matches!(text(event, "op"), "u" | "d"), held.is_some(), "{event}");
        match text(event, "op") {
            "c" | "r" | "u" => state.insert(key, (event["after"].clone(), event["revision"].clone())),
            "d" => state.remove(&key),
            op => panic!("op {op:?} of {event}"),
        };
    }
    state.into_iter().map(|(key, (after, _))| (key, after)).collect()
}

#[track_caller]
fn check_ids_and_batches(events: &[Value]) {
    let ids: BTreeSet<&str> = events.iter().map(|event| text(event, "event_id")).collect();
    assert_eq!(ids.len(), events.len(), "an event id stands twice");
    let lineages: BTreeSet<&str> = events.iter().map(|event| text(event, "lineage")).collect();
    assert!(lineages.len() <= 1, "{lineages:?}");
    for batch in events.chunk_by(|one, next| one["sequence"] == next["sequence"]) {
        let sequence = &batch[0]["sequence"];
        for (index, event) in batch.iter().enumerate() {
            assert_eq!(event["batch_index"], index, "sequence {sequence}");
            assert_eq!(event["batch_size"], batch.len(), "sequence {sequence}");
            assert_eq!(event["sync_id"], batch[0]["sync_id"], "sequence {sequence}");
        }
        let keys: BTreeSet<&str> = batch.iter().map(|event| text(event, "key")).collect();
        assert_eq!(keys.len(), batch.len(), "a key changes twice in sequence {sequence}");
    }
}

/// The sync records must count from 1 without a gap, and each must announce exactly the events that are there.
#[track_caller]
pub(crate) fn check_sequences(syncs: &[Value], events: &[Value]) {
    let sequences: Vec<i64> = syncs.iter().map(|sync| sync["sequence"].as_i64().unwrap()).collect();
    let counted: Vec<i64> = (1..).take(syncs.len()).collect();
    assert_eq!(sequences, counted, "sequences of sync.completed");
    for sync in syncs {
        let of_this = events.iter().filter(|event| event["sequence"] == sync["sequence"]);
        let sync_ids: BTreeSet<&str> = of_this.clone().map(|event| text(event, "sync_id")).collect();
        assert_eq!(sync["batch_size"], of_this.count(), "batch_size of sequence {}", sync["sequence"]);
        assert!(
            sync_ids.iter().all(|id| *id == text(sync, "sync_id")),
            "{sync_ids:?} of sequence {}",
            sync["sequence"]
        );
    }
    let last = syncs.last().map_or(&Value::Null, |sync| &sync["sequence"]);
    assert!(
        events.iter().all(|event| event["sequence"].as_i64() <= last.as_i64()),
        "events after the last sync record"
    );
}

/// The rule for readers without isolation: an event counts if its `sync_id` is that of the last sync record with its
/// sequence, and if its id was not seen before.
pub(crate) fn sort_out(events: Vec<Value>, syncs: &[Value]) -> Vec<Value> {
    let last: BTreeMap<i64, &str> =
        syncs.iter().map(|sync| (sync["sequence"].as_i64().unwrap(), text(sync, "sync_id"))).collect();
    let mut seen = BTreeSet::new();
    let counts = |event: &Value| last.get(&event["sequence"].as_i64().unwrap()) == Some(&text(event, "sync_id"));
    events.into_iter().filter(counts).filter(|event| seen.insert(text(event, "event_id").to_owned())).collect()
}

/// What the simulated account holds, by the key that its events must have: the fields that the events are held against.
pub(crate) fn content(account: &Value) -> BTreeMap<String, Value> {
    let id = text(account, "account_id");
    let mut content = BTreeMap::new();
    let mut put = |path: String, fields: Value| content.insert(format!("{id}/{path}"), fields);
    let root_mfa = &account["root_mfa_enabled"];
    put("account".to_owned(), json!({ "alias": account["alias"], "root_mfa_enabled": root_mfa }));
    let minimum_length = &account["password_policy"]["minimum_length"];
    put("password_policy".to_owned(), json!({ "minimum_length": minimum_length }));
    let hours = &account["security_preference"]["login_session_duration_hours"];
    put("security_preference".to_owned(), json!({ "login_session_duration_hours": hours }));
    for provider in rows(account, "identity_providers") {
        let (of_type, name) = (text(provider, "provider_type"), text(provider, "provider_name"));
        let path = format!("identity_provider/{of_type}/{}", encoded_arn(text(account, "account_id"), of_type, name));
        put(path, json!({ "provider_name": name }));
    }
    for user in rows(account, "users") {
        let fields = json!({
            "user_name": user["user_name"], "display_name": user["display_name"], "status": user["status"],
        });
        put(format!("user/{}", text(user, "user_id")), fields);
    }
    for group in rows(account, "groups") {
        put(format!("group/{}", text(group, "group_id")), json!({ "group_name": group["group_name"] }));
    }
    for row in rows(account, "memberships") {
        let fields = json!({ "group_id": row["group_id"], "user_id": row["user_id"] });
        put(format!("membership/{}/{}", text(row, "group_id"), text(row, "user_id")), fields);
    }
    for role in rows(account, "roles") {
        put(format!("role/{}", text(role, "role_id")), json!({ "role_name": role["role_name"] }));
    }
    for policy in rows(account, "policies") {
        let fields = json!({ "default_version": policy["default_version"] });
        put(format!("policy/{}", policy_path(policy)), fields);
    }
    for row in rows(account, "attachments") {
        let (principal_type, principal_id) = (text(row, "principal_type"), text(row, "principal_id"));
        let scope = row["resource_group_id"].as_str().unwrap_or("account");
        let path = format!("policy_attachment/{}/{principal_type}/{principal_id}/{scope}", policy_path(row));
        put(path, json!({ "principal_id": principal_id, "scope": scope }));
    }
    for row in rows(account, "access_keys") {
        let (user_id, key_id) = (text(row, "user_id"), text(row, "access_key_id"));
        put(format!("access_key/{user_id}/{key_id}"), json!({ "status": row["status"], "user_id": user_id }));
    }
    for row in rows(account, "login_profiles") {
        let fields = json!({ "status": row["status"], "mfa_bind_required": row["mfa_bind_required"] });
        put(format!("login_profile/{}", text(row, "user_id")), fields);
    }
    for row in rows(account, "mfa_devices").iter().filter(|row| row["user_id"].is_string()) {
        // As keys are written.
        let serial = text(row, "serial_number").replace(':', "%3A").replace('/', "%2F");
        let path = format!("mfa_device/{}/{}/{serial}", text(row, "user_id"), text(row, "device_type"));
        put(path, json!({ "device_type": row["device_type"] }));
    }
    content
}

/// The ARN of an identity provider, as it stands in keys.
pub(crate) fn encoded_arn(account: &str, of_type: &str, name: &str) -> String {
    format!("acs%3Aram%3A%3A{account}%3A{of_type}-provider%2F{name}")
}

fn policy_path(row: &Value) -> String {
    format!("{}/{}", text(row, "policy_type"), text(row, "policy_name")).to_ascii_lowercase()
}

/// The fold of the events must be what the account holds: the same keys, and the same of every field in `content`.
#[track_caller]
pub(crate) fn assert_same(folded: &BTreeMap<String, Value>, content: &BTreeMap<String, Value>) {
    let keys = |map: &BTreeMap<String, Value>| map.keys().cloned().collect::<BTreeSet<String>>();
    let (told, held) = (keys(folded), keys(content));
    let lost: Vec<_> = held.difference(&told).collect();
    let invented: Vec<_> = told.difference(&held).collect();
    assert!(lost.is_empty() && invented.is_empty(), "lost: {lost:#?}\ninvented: {invented:#?}");
    for (key, fields) in content {
        for (field, value) in fields.as_object().unwrap() {
            assert_eq!(&folded[key][field], value, "{field} of {key}");
        }
    }
}
