//! Replays and requests, as those see them who ask through the `.control` topic.

use std::collections::{BTreeMap, BTreeSet};

use rdkafka::producer::BaseRecord;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::cloud::small;
use crate::support::fold::{assert_same, content, fold};
use crate::support::process::{COMPLETE, Daemon, eventually};
use crate::support::services::OwnService;
use crate::support::world::{World, replay, text};
use crate::support::{alter_topic, delete_records, kafka, outsider, outsider_sends, recreate};

/// What a replay's notice says of one kind: (count, digest). The digest is what the documentation says: the sum mod 2^128
/// of the first 16 bytes of SHA-256 of every event id.
fn proofs(rows: &[Value]) -> BTreeMap<String, (i64, String)> {
    let mut proofs: BTreeMap<String, (i64, u128)> = BTreeMap::new();
    for row in rows {
        let kind = text(row, "key").split('/').nth(1).unwrap().to_owned();
        let (count, sum) = proofs.entry(kind).or_default();
        let hash = Sha256::digest(text(row, "event_id"));
        *count += 1;
        *sum = sum.wrapping_add(u128::from_be_bytes(hash[..16].try_into().unwrap()));
    }
    proofs.into_iter().map(|(kind, (count, sum))| (kind, (count, format!("{sum:032x}")))).collect()
}

fn said(notice: &Value) -> BTreeMap<String, (i64, String)> {
    let kinds = notice["kinds"].as_array().unwrap().iter();
    let said =
        kinds.map(|of| (text(of, "kind").to_owned(), (of["count"].as_i64().unwrap(), text(of, "digest").to_owned())));
    said.filter(|(_, (count, _))| *count > 0).collect()
}

/// The rule of the documentation: a row is applied if its revision is at least the held one and no removal with a higher
/// revision is held; at `replay.completed` keys of its kinds with a revision up to N that were not in it go.
#[derive(Default)]
struct Consumer {
    held: BTreeMap<String, (i64, Option<Value>)>,
}

impl Consumer {
    fn apply(&mut self, event: &Value) {
        let (key, revision) = (text(event, "key").to_owned(), event["revision"].as_i64().unwrap());
        if self.held.get(&key).is_none_or(|(held, _)| revision >= *held) {
            let after = Some(event["after"].clone()).filter(|after| !after.is_null());
            self.held.insert(key, (revision, after));
        }
    }

    fn completes(&mut self, notice: &Value, rows: &[Value]) {
        let sequence = notice["sequence"].as_i64().unwrap();
        let kinds: BTreeSet<&str> = notice["kinds"].as_array().unwrap().iter().map(|of| text(of, "kind")).collect();
        let in_it: BTreeSet<&str> = rows.iter().map(|row| text(row, "key")).collect();
        self.held.retain(|key, (revision, _)| {
            let is_covered = kinds.contains(key.split('/').nth(1).unwrap()) && *revision <= sequence;
            !is_covered || in_it.contains(key.as_str())
        });
    }

    fn folded(&self) -> BTreeMap<String, Value> {
        self.held.iter().filter_map(|(key, (_, after))| Some((key.clone(), after.clone()?))).collect()
    }
}

/// Waits for its end, which must be the only one, whole, and proven by the rows.
async fn is_served_once(world: &World, id: &str) {
    world.notice_of(id, "replay.completed").await;
    let notices = world.notices().await;
    let about: Vec<_> = notices.iter().filter(|notice| notice["request_id"] == id).collect();
    assert_eq!(about.len(), 1, "{about:?}");
    let of_it: Vec<Value> = of_request(&world.rows().await, id).into_iter().cloned().collect();
    assert_eq!(said(about[0]), proofs(&of_it), "{id}");
}

/// How many notices there are of this type.
async fn how_many(world: &World, notice_type: &str) -> usize {
    world.notices().await.iter().filter(|notice| notice["notice_type"] == notice_type).count()
}

/// Over two lives, and with all that a daemon has to keep.
async fn tells_the_gap_once_and_serves(world: &World, id: &str) {
    let daemon = world.start_daemon();
    is_served_once(world, id).await;
    daemon.terminate().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(2, "complete").await;
    assert_eq!(how_many(world, "control.gap").await, 1);
    world.settles_clean(daemon).await;
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Asks over HTTP; the status of the answer.
async fn asks_by_http(world: &World, daemon: &mut Daemon, id: &str) -> u16 {
    let url = format!("{}/v1/accounts/{}/replays", daemon.admin().await, world.cloud.account_id());
    http().post(url).json(&json!({ "request_id": id })).send().await.unwrap().status().as_u16()
}

fn of_request<'a>(rows: &'a [Value], id: &str) -> Vec<&'a Value> {
    rows.iter().filter(|row| row["replay_id"] == id).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_replay_is_the_published_state_and_proves_it() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    world.cloud.create_user("late").await;
    daemon.syncs(1, "complete").await;
    world.ask_for_replay("first");
    let notice = world.notice_of("first", "replay.completed").await;
    let rows = world.rows().await;
    assert_eq!(said(&notice), proofs(&rows));
    let folded: BTreeMap<String, Value> =
        rows.iter().map(|row| (text(row, "key").to_owned(), row["after"].clone())).collect();
    assert_same(&folded, &content(&world.cloud.account().await));
    let revisions: BTreeSet<i64> = rows.iter().map(|row| row["revision"].as_i64().unwrap()).collect();
    assert!(revisions.len() > 1 && revisions.iter().all(|revision| *revision <= notice["sequence"].as_i64().unwrap()));
    let syncs = world.syncs().await;
    let replayed = syncs.iter().find(|sync| sync["sequence"] == notice["sequence"]).unwrap();
    let mut indices: Vec<i64> = Vec::new();
    for row in &rows {
        assert_eq!((text(row, "op"), text(row, "replay_id")), ("r", "first"));
        assert!(text(row, "event_type").ends_with(".observed"), "{row}");
        assert_eq!((&row["sequence"], &row["sync_id"]), (&notice["sequence"], &replayed["sync_id"]));
        assert_eq!(row["batch_size"], rows.len());
        for nothing in ["before", "previous_revision", "previously_observed_at", "cause"] {
            assert!(row[nothing].is_null(), "{nothing} of {row}");
        }
        indices.push(row["batch_index"].as_i64().unwrap());
    }
    indices.sort_unstable();
    assert_eq!(indices, (0..rows.len() as i64).collect::<Vec<_>>());
    world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn consumers_that_begin_with_a_replay_or_amid_it_hold_what_one_holds_that_was_always_there() {
    let world = World::small().await;
    world.cloud.create_user("carol").await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    world.cloud.delete_user("carol").await;
    world.cloud.create_group("auditors").await;
    daemon.syncs(1, "complete").await;
    world.ask_for_replay("one");
    world.notice_of("one", "replay.completed").await;
    world.cloud.create_user("frank").await;
    world.cloud.delete_group("auditors").await;
    daemon.syncs(2, "complete").await;
    world.ask_for_replay("two");
    let second = world.notice_of("two", "replay.completed").await;
    world.cloud.create_user("grace").await;
    daemon.syncs(1, "complete").await;
    daemon.terminate().await;

    let (events, rows, notices) = (world.events().await, world.rows().await, world.notices().await);
    let always_there = fold(&events);
    let completed = |id: &str| notices.iter().find(|notice| notice["request_id"] == id).unwrap();
    for (id, joined_late) in [("one", false), ("two", true)] {
        let of_it: Vec<Value> = of_request(&rows, id).into_iter().cloned().collect();
        let sequence = completed(id)["sequence"].as_i64().unwrap();
        // Live events before, after and between the rows, in any interleaving that keeps each topic's order.
        for skipped in 0..3 {
            let mut consumer = Consumer::default();
            let mut live =
                events.iter().filter(|event| !joined_late || event["sequence"].as_i64().unwrap() > sequence - 1);
            for (index, row) in of_it.iter().enumerate() {
                consumer.apply(row);
                if index % 3 == skipped
                    && let Some(event) = live.next()
                {
                    consumer.apply(event);
                }
            }
            consumer.completes(completed(id), &of_it);
            live.for_each(|event| consumer.apply(event));
            assert_eq!(consumer.folded(), always_there, "from {id}, {skipped}");
        }
    }
    // One that missed a removal is rid of what is gone.
    let mut stale = Consumer::default();
    let is_before = |event: &&Value| event["sequence"].as_i64().unwrap() == 1;
    events.iter().filter(is_before).for_each(|event| stale.apply(event));
    let of_it: Vec<Value> = of_request(&rows, "two").into_iter().cloned().collect();
    of_it.iter().for_each(|row| stale.apply(row));
    stale.completes(&second, &of_it);
    let after = events.iter().filter(|event| event["sequence"].as_i64() > second["sequence"].as_i64());
    after.for_each(|event| stale.apply(event));
    assert_eq!(stale.folded(), always_there);
    world.is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn what_cannot_be_served_is_told_and_stops_nothing() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let other = outsider(None);
    outsider_sends(&other, &world.topic("control"), "1111111111111111", &replay("others"));
    outsider_sends(&other, &world.topic("control"), world.cloud.account_id(), "garbage");
    for request in [
        json!({ "format": 1, "request_id": "kind", "action": "replay", "kinds": ["usr"] }),
        json!({ "format": 1, "request_id": "late", "action": "replay", "not_after": "2020-01-01T00:00:00Z" }),
        json!({ "format": 1, "request_id": "none", "action": "cancel" }),
        json!({ "format": 1, "request_id": "users", "action": "replay", "kinds": ["user"] }),
    ] {
        outsider_sends(&other, &world.topic("control"), world.cloud.account_id(), &request.to_string());
    }
    let notice = world.notice_of("users", "replay.completed").await;
    let kinds: Vec<&str> = notice["kinds"].as_array().unwrap().iter().map(|of| text(of, "kind")).collect();
    assert_eq!(kinds, ["user"]);
    assert!(world.rows().await.iter().all(|row| text(row, "key").contains("/user/")));
    let rejected = world.notice_of("kind", "request.rejected").await;
    assert!(text(&rejected, "message").contains("there is no kind \"usr\""), "{rejected}");
    world.notice_of("late", "request.expired").await;
    world.notice_of("none", "request.rejected").await;
    let notices = world.notices().await;
    let garbage: Vec<_> = notices.iter().filter(|notice| notice["message"].to_string().contains("not JSON")).collect();
    assert_eq!(garbage.len(), 1, "{garbage:?}");
    assert!(!notices.iter().any(|notice| notice["request_id"] == "others"));

    // The same request again is the same request: nothing comes of it, also for the next life.
    world.ask(&json!({ "format": 1, "request_id": "users", "action": "replay" }).to_string());
    daemon.syncs(2, "complete").await;
    daemon.terminate().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(2, "complete").await;
    assert_eq!(how_many(&world, "replay.completed").await, 1);
    assert_eq!(how_many(&world, "request.rejected").await, 3);
    world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn requests_that_were_deleted_unread_are_told_of_once_and_what_follows_is_served() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    for id in ["one", "two", "three", "behind-them"] {
        world.ask_for_replay(id);
    }
    delete_records(&world.topic("control"), 3).await;
    tells_the_gap_once_and_serves(&world, "behind-them").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_control_topic_that_was_made_anew_is_read_from_its_beginning_and_told_of_once() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    for number in 0..3 {
        world.ask(&format!("garbage {number}"));
    }
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(how_many(&world, "request.rejected").await, 3);
    recreate(&world.topic("control"), "delete").await;
    world.ask_for_replay("anew");
    tells_the_gap_once_and_serves(&world, "anew").await;
}

/// More than are held at once: they are rejected a hundred at a time, of which a few are told of one by one, and the rest
/// by their number.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn hundreds_of_records_are_read_a_hundred_at_a_time_and_the_replay_behind_them_is_served() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let (other, topic) = (outsider(None), world.topic("control"));
    for number in 0..460 {
        let garbage = format!("garbage {number}");
        other
            .send(BaseRecord::to(&topic).key(world.cloud.account_id()).payload(&garbage))
            .map_err(|(why, _)| why)
            .unwrap();
    }
    outsider_sends(&other, &topic, world.cloud.account_id(), &replay("behind-them"));
    is_served_once(&world, "behind-them").await;
    let mut at_once: Vec<usize> = Vec::new();
    for notice in world.notices().await.iter().filter(|notice| notice["message"].to_string().contains("not JSON")) {
        let more = text(notice, "message").split("(and ").nth(1).and_then(|more| more.split(' ').next());
        // The last notice of a transaction has the number.
        at_once.push(1 + more.map_or(0, |more| more.parse::<usize>().unwrap()));
    }
    assert_eq!(at_once.iter().sum::<usize>(), 460, "{at_once:?}");
    assert!(at_once.iter().all(|count| *count <= 100), "{at_once:?}");
    world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn without_an_interval_everything_works_by_request() {
    let mut world = World::small().await;
    world.set("SYNC__INTERVAL", "disabled");
    let mut daemon = world.start_daemon();
    daemon.is_ready().await;
    world.ask(&json!({ "format": 1, "request_id": "now", "action": "sync" }).to_string());
    let sync = world.notice_of("now", "sync.completed").await;
    assert_eq!(sync["sequence"], 1);
    world.ask_for_replay("state");
    let notice = world.notice_of("state", "replay.completed").await;
    assert_eq!(said(&notice), proofs(&world.rows().await));
    assert_eq!(world.syncs().await.len(), 1);
    daemon.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_request_made_while_nobody_runs_is_served_by_the_next_start() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    daemon.kill().await;
    world.ask_for_replay("asleep");
    let daemon = world.start_daemon();
    let notice = world.notice_of("asleep", "replay.completed").await;
    assert_eq!(said(&notice), proofs(&world.rows().await));
    world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_daemon_killed_amid_replays_serves_each_once() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    for round in 0..8_u64 {
        world.ask_for_replay(&format!("r-{round}"));
        // From before it is seen until after it is committed.
        tokio::time::sleep(std::time::Duration::from_millis(180 * round)).await;
        daemon.kill().await;
        daemon = world.start_daemon();
    }
    for round in 0..8 {
        eventually(&format!("the end of r-{round}"), async || {
            let id = format!("r-{round}");
            world.notices().await.into_iter().find(|notice| notice["request_id"] == id.as_str())
        })
        .await;
    }
    daemon.syncs(2, "complete").await;
    let (notices, rows) = (world.notices().await, world.rows().await);
    for round in 0..8 {
        let id = format!("r-{round}");
        let about: Vec<_> = notices.iter().filter(|notice| notice["request_id"] == id.as_str()).collect();
        assert_eq!(about.len(), 1, "{about:?}");
        let of_it: Vec<Value> = of_request(&rows, &id).into_iter().cloned().collect();
        if about[0]["notice_type"] == "replay.completed" {
            assert_eq!(said(about[0]), proofs(&of_it), "{id}");
        } else {
            assert_eq!((text(about[0], "notice_type"), of_it.len()), ("request.rejected", 0), "busy: {id}");
        }
    }
    world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_run_for_cron_answers_what_was_asked_for_before_it() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    world.ask("garbage");
    world.ask(&json!({ "format": 1, "request_id": "now", "action": "sync" }).to_string());
    world.ask(&replay("state"));
    for _ in 0..2 {
        world.run_once().await.exits_with(COMPLETE);
    }
    is_served_once(&world, "state").await;
    let notices = world.notices().await;
    let told: Vec<(&Value, &Value, &Value)> =
        notices.iter().map(|notice| (&notice["notice_type"], &notice["request_id"], &notice["sequence"])).collect();
    let (rejected, synced, replayed) = (json!("request.rejected"), json!("sync.completed"), json!("replay.completed"));
    let (now, state, nobody) = (json!("now"), json!("state"), Value::Null);
    let [one, two, three] = [json!(1), json!(2), json!(3)];
    let expected = [
        (&synced, &nobody, &one),
        (&rejected, &nobody, &two),
        (&synced, &now, &two),
        (&replayed, &state, &two),
        (&synced, &nobody, &three),
    ];
    assert_eq!(told, expected);
    world.is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_request_made_just_before_an_orderly_end_is_served_once() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    for round in 0..5_u64 {
        let id = format!("r-{round}");
        world.ask(&replay(&id));
        // From before it is seen until after it is committed.
        tokio::time::sleep(std::time::Duration::from_millis(300 * round)).await;
        let (status, log) = daemon.terminate().await;
        assert!(status.success(), "{log}");
        daemon = world.start_daemon();
        is_served_once(&world, &id).await;
    }
    world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn what_is_asked_for_while_the_brokers_go_and_while_they_are_away_is_served_once() {
    let kafka = OwnService::kafka(&[]).await;
    let world = World::on(kafka.address(), small()).await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    world.ask(&replay("before"));
    kafka.kill().await;
    // Nobody has acknowledged it, and nobody knows whether it stands there: the same id is the same request.
    assert_eq!(asks_by_http(&world, &mut daemon, "away").await, 503);
    kafka.start_again().await;
    is_served_once(&world, "before").await;
    eventually("the brokers acknowledge", async || {
        matches!(asks_by_http(&world, &mut daemon, "away").await, 200 | 202).then_some(())
    })
    .await;
    // What nobody acknowledged may have come all the same, while the first one waited: then it says to ask anew.
    let url = format!("{}/v1/accounts/{}/replays/away", daemon.admin().await, world.cloud.account_id());
    let ended = eventually("its end", async || {
        let shown: Value = http().get(&url).send().await.ok()?.json().await.ok()?;
        ["completed", "rejected"].contains(&shown["state"].as_str()?).then_some(shown)
    })
    .await;
    let mut last = "away";
    if ended["state"] == "rejected" {
        assert!(text(&ended, "reason").starts_with("busy"), "{ended}");
        last = "again";
        assert_eq!(asks_by_http(&world, &mut daemon, last).await, 202);
    }
    is_served_once(&world, last).await;
    world.settles_clean(daemon).await;
    for id in ["before", last] {
        is_served_once(&world, id).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_replay_that_cannot_be_written_says_why_and_keeps_no_sync_waiting() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let rows = world.topic("snapshot.users");
    alter_topic(&kafka(), &rows, &[("max.message.bytes", "300")]).await;
    assert_eq!(asks_by_http(&world, &mut daemon, "stuck").await, 202);
    let url = format!("{}/v1/accounts/{}/replays/stuck", daemon.admin().await, world.cloud.account_id());
    let why = eventually("the reason", async || {
        let shown: Value = http().get(&url).send().await.ok()?.json().await.ok()?;
        shown["reason"].as_str().map(str::to_owned)
    })
    .await;
    assert!(why.contains(&rows) && why.contains("too large"), "{why}");
    let failures = |metrics: String| {
        let line = metrics.lines().find_map(|line| line.strip_prefix("ramstream_request_failures ").map(str::to_owned));
        line.unwrap().parse::<u32>().unwrap()
    };
    assert!(failures(daemon.metrics().await) > 0);
    daemon.syncs(1, "complete").await;
    assert_eq!(daemon.page("/readyz").await.0, 200, "what changes is published");

    alter_topic(&kafka(), &rows, &[("max.message.bytes", "1048576")]).await;
    is_served_once(&world, "stuck").await;
    daemon.syncs(1, "complete").await;
    assert_eq!(failures(daemon.metrics().await), 0);
    world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_run_for_cron_rejects_a_replay_that_cannot_be_written_if_more_was_asked_for_than_it_can_hold() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    let rows = world.topic("snapshot.users");
    alter_topic(&kafka(), &rows, &[("max.message.bytes", "300")]).await;
    world.ask_for_replay("stuck");
    // The sync answers the first hundred; behind them, there are more than the rest of the run may hold.
    let (other, topic) = (outsider(None), world.topic("control"));
    for number in 0..250 {
        outsider_sends(&other, &topic, world.cloud.account_id(), &format!("garbage {number}"));
    }
    world.run_once().await.exits_with(COMPLETE);
    let rejected = world.notice_of("stuck", "request.rejected").await;
    let why = text(&rejected, "message");
    assert!(why.contains("too much was asked for behind it") && why.contains(&rows), "{why}");
    assert_eq!(rejected["sequence"], 2, "by the run that could not write it");
    world.is_clean().await;
}
