//! `ramstream snapshot`: the state as files is what a consumer folds, and their differences are the events.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::cloud::{names, rows};
use crate::support::fold::{assert_same, content, fold};
use crate::support::process::{COMPLETE, Finished, PARTIAL, REFUSED};
use crate::support::truncate;
use crate::support::world::{World, text};

/// As documented.
const DIFFERENT: i32 = 2;
const USAGE: i32 = 64;
const UNAVAILABLE: i32 = 69;

/// The key of a row, out of its ids.
fn key_of(row: &Value) -> String {
    let kind = text(row, "event_type").strip_suffix(".observed").unwrap();
    let ids: &[&str] = match kind {
        "account" | "password_policy" | "security_preference" => &[],
        "identity_provider" => &["provider_type", "arn"],
        "user" | "group" | "role" => &[&format!("{kind}_id")],
        "membership" => &["group_id", "user_id"],
        "policy" => &["policy_type", "policy_name"],
        "policy_attachment" => &["policy_type", "policy_name", "principal_type", "principal_id", "scope"],
        other => panic!("{other} has no key here"),
    };
    let ids = ids.iter().map(|id| match *id {
        "policy_name" => text(row, id).to_ascii_lowercase(),
        "arn" => text(row, id).replace(':', "%3A").replace('/', "%2F"),
        id => text(row, id).to_owned(),
    });
    [text(row, "account_id").to_owned(), kind.to_owned()].into_iter().chain(ids).collect::<Vec<_>>().join("/")
}

/// What a consumer holds after this sync: content and revision of every key.
fn held_at(events: &[Value], sequence: &Value) -> BTreeMap<String, (Value, Value)> {
    let until = events.iter().take_while(|event| event["sequence"].as_i64() <= sequence.as_i64());
    let until: Vec<Value> = until.cloned().collect();
    let mut revisions: BTreeMap<&str, &Value> = BTreeMap::new();
    for event in &until {
        revisions.insert(text(event, "key"), &event["revision"]);
    }
    let folded = fold(&until).into_iter();
    folded.map(|(key, after)| (key.clone(), (after, revisions[key.as_str()].clone()))).collect()
}

/// The export must be what a consumer holds at its sequence.
async fn is_the_fold(world: &World, export: &str) -> Value {
    let (manifest, rows) = world.exported(export).await;
    let rows = rows.into_iter().map(|mut row| (key_of(&row), (row["after"].take(), row["revision"].take())));
    assert_eq!(rows.collect::<BTreeMap<_, _>>(), held_at(&world.events().await, &manifest["sequence"]));
    manifest
}

/// The lines of `snapshot diff --format json`, or what stands for them in events; in one order.
fn differences(mut all: Vec<Value>) -> Vec<String> {
    let fields = ["event_type", "op", "key", "changed_fields", "before", "after"];
    let line = |event: &mut Value| -> String { json!(fields.map(|field| event[field].take())).to_string() };
    let mut lines: Vec<String> = all.iter_mut().map(line).collect();
    lines.sort();
    lines
}

fn told(diff: &Finished) -> Vec<String> {
    let lines: Vec<Value> = diff.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line.as_object().unwrap().len() == 6), "{}", diff.stdout);
    differences(lines)
}

/// Some of everything that an administrator does.
async fn change_much(world: &World) {
    let cloud = &world.cloud;
    let account = cloud.account().await;
    let users = names(&account, "users", "user_name");
    let group = names(&account, "groups", "group_name").into_iter().next().unwrap();
    // By names, so before any of them changes.
    cloud.detach_row(&account, &rows(&account, "attachments")[0]).await;
    cloud.rename_user(users.first().unwrap(), "renamed").await;
    cloud.freeze(users.get(1).unwrap()).await;
    cloud.create_user("newcomer").await;
    cloud.join("newcomer", &group).await;
    cloud.create_policy("fresh-policy").await;
    cloud.attach("Custom", "fresh-policy", "newcomer").await;
    cloud.delete_role("doomed-role").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_export_beside_a_running_daemon_is_what_a_consumer_folds_and_disturbs_nobody() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    for (export, format) in [("as-avro", "avro"), ("as-lines", "jsonl")] {
        let told = world.export(&["--to", export, "--format", format]).await.exits_with(COMPLETE);
        let manifest = is_the_fold(&world, export).await;
        let sequence = format!("at sequence {} of lineage {}", manifest["sequence"], text(&manifest, "lineage"));
        assert!(told.last_line().contains(&sequence), "{}", told.stdout);
        world.cloud.create_user(&format!("user-{format}")).await;
        daemon.syncs(2, "complete").await;
    }
    let owners = world.owners().await;
    assert_eq!(owners.len(), 1, "{owners:?}");
    let (status, log) = daemon.terminate().await;
    assert_eq!(status.code(), Some(COMPLETE), "{log}");

    // What it says of the sync that it is the state of is what the sync record says.
    world.export(&["--to", "last"]).await.exits_with(COMPLETE);
    let manifest = is_the_fold(&world, "last").await;
    let sync = world.syncs().await.pop().unwrap();
    for field in ["lineage", "sequence", "sync_id", "account_id"] {
        assert_eq!(manifest[field], sync[field], "{field}");
    }
    let (_, rows) = world.exported("last").await;
    let users: BTreeMap<String, Value> = rows.into_iter().map(|mut row| (key_of(&row), row["after"].take())).collect();
    assert_same(&users, &content(&world.cloud.account().await));
    world.is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn two_exports_differ_by_exactly_the_events_in_between() {
    let world = World::small().await;
    world.cloud.create_role("doomed-role").await;
    world.run_once().await.exits_with(COMPLETE);
    world.export(&["--to", "before"]).await.exits_with(COMPLETE);
    change_much(&world).await;
    let same = world.snapshot_diff(&["before", "before"]).await.exits_with(COMPLETE);
    assert!(same.last_line().starts_with("nothing differs"), "{}", same.stdout);

    // The account as it is differs as the daemon is going to publish it.
    let now = world.snapshot_diff(&["before", "--now", "--format", "json"]).await.exits_with(DIFFERENT);
    world.run_once().await.exits_with(COMPLETE);
    world.export(&["--to", "after", "--format", "jsonl"]).await.exits_with(COMPLETE);
    let then = world.snapshot_diff(&["before", "after", "--format", "json"]).await.exits_with(DIFFERENT);
    let events = differences(world.events_of(2).await);
    assert!(events.len() >= 8, "{events:#?}");
    assert_eq!(told(&then), events);
    assert_eq!(told(&now), events);

    let table = world.snapshot_diff(&["before", "after"]).await.exits_with(DIFFERENT).stdout;
    let renamed = world.events_of(2).await.into_iter().find(|event| event["event_type"] == "user.renamed").unwrap();
    let (old, id) = (text(&renamed["before"], "user_name"), text(&renamed, "user_id"));
    let line = format!("user.renamed  {old} → renamed ({id})\n");
    assert!(table.contains(&line), "no {line:?} in:\n{table}");
    assert!(table.ends_with(&format!(
        "{} differences between sequence 1 and sequence 2 of account {}\n",
        events.len(),
        world.cloud.account_id()
    )));
    world.snapshot_diff(&["after", "--now"]).await.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn what_cannot_be_read_now_is_said_and_not_compared() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    world.export(&["--to", "before", "--kind", "group", "--kind", "user"]).await.exits_with(COMPLETE);
    world.cloud.create_group("unseen").await;
    world.cloud.create_role("of-no-interest").await;
    world.cloud.fault(json!({ "operation": "ListGroups", "fault": "deny" })).await;
    let partial = world.snapshot_diff(&["before", "--now"]).await.exits_with(PARTIAL);
    assert!(partial.stdout.contains("note: group is not known, not compared: denied"), "{}", partial.stdout);
    assert!(partial.stdout.contains("not in the export, not compared: account, role"), "{}", partial.stdout);
    assert!(partial.last_line().starts_with("nothing differs"), "{}", partial.stdout);
    world.cloud.create_user("seen").await;
    let known = world.snapshot_diff(&["before", "--now", "--format", "json"]).await.exits_with(DIFFERENT);
    let types: Vec<Value> = known.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(types.iter().map(|line| text(line, "event_type")).collect::<Vec<_>>(), ["user.added"]);
    known.says(&["note: group is not known"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn exports_of_different_accounts_or_damaged_ones_are_not_compared() {
    let [world, mut other] = [World::small().await, World::small().await];
    world.run_once().await.exits_with(COMPLETE);
    world.export(&["--to", "one", "--format", "jsonl"]).await.exits_with(COMPLETE);
    let one = world.path("one");
    other.set("ACCOUNT__ID", "5481000000000099");
    let now = other.snapshot_diff(&[one.to_str().unwrap(), "--now"]).await.exits_with(USAGE);
    now.says(&["5481000000000099", world.cloud.account_id(), "configure the account of the export"]);

    let edit = |file: &str, what: &str, with: &str| {
        let path = one.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(what), "{what} in {text}");
        std::fs::write(&path, text.replace(what, with)).unwrap();
    };
    edit("users.jsonl", r#""status":"active""#, r#""status":"frozen""#);
    let damaged = world.snapshot_diff(&["one", "one"]).await.exits_with(USAGE);
    damaged.says(&["one/users.jsonl: ", "not their contents", "fix: "]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_new_lineage_between_two_exports_is_said() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    world.export(&["--to", "old"]).await.exits_with(COMPLETE);
    world.state(&["new-lineage", "--reason", "a test", "--yes"]).await.exits_with(COMPLETE);
    world.export(&["--to", "begun"]).await.exits_with(COMPLETE);
    let (manifest, rows) = world.exported("begun").await;
    assert_eq!((&manifest["sequence"], &manifest["sync_id"], rows.len()), (&0.into(), &Value::Null, 0));
    let begun = world.snapshot_diff(&["old", "begun"]).await.exits_with(PARTIAL);
    assert!(begun.stdout.contains("user had never been read when B was written"), "{}", begun.stdout);

    world.cloud.create_user("newcomer").await;
    world.run_once().await.exits_with(COMPLETE);
    world.export(&["--to", "new"]).await.exits_with(COMPLETE);
    let diff = world.snapshot_diff(&["old", "new"]).await.exits_with(DIFFERENT);
    let lines: Vec<&str> = diff.stdout.lines().collect();
    assert!(lines[0].starts_with("user.added  newcomer ("), "{lines:?}");
    assert!(lines[1].starts_with("note: the exports are of different lineages, "), "{lines:?}");
    assert!(lines[2].starts_with("1 difference between "), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_state_that_is_refused_is_not_exported_and_the_refusal_is_the_same() {
    let mut world = World::small().await;
    let before = world.entries();
    world.export(&["--to", "never"]).await.exits_with(1).says(&["nothing has been published", "run --once"]);
    world.run_once().await.exits_with(COMPLETE);
    let written = world.entries();
    truncate(&world.state_topic()).await;
    let refused = world.export(&["--to", "never"]).await.exits_with(REFUSED);
    let verified = world.state(&["verify"]).await.exits_with(REFUSED);
    let why = refused.stderr.trim().strip_prefix("ramstream: ").unwrap();
    assert!(verified.stdout.contains(why), "no {why:?} in: {}", verified.stdout);
    world.set("KAFKA__BROKERS", "127.0.0.1:9");
    world.export(&["--to", "never"]).await.exits_with(UNAVAILABLE);
    assert_eq!(world.entries(), written);
    assert!(!written.contains(&"never".to_owned()) && !before.contains(&"never".to_owned()));
}
