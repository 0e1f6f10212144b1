//! Asking: over HTTP, by the command line and through Kafka alone.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::support::process::{COMPLETE, Daemon, eventually};
use crate::support::world::{World, text};

const TOKEN: &str = "canary-token-0123456789";
const USAGE: i32 = 64;
const FAILED: i32 = 1;

/// One call; the status and the document.
async fn call(method: Method, url: &str, body: Option<Value>) -> (StatusCode, Value) {
    let client = Client::builder().no_proxy().build().unwrap();
    let mut request = client.request(method, url);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

async fn get(url: &str) -> Value {
    let (status, document) = call(Method::GET, url, None).await;
    assert_eq!(status, StatusCode::OK, "{document}");
    document
}

async fn reaches(url: &str, state: &str) -> Value {
    eventually(&format!("{state} at {url}"), async || {
        let document = get(url).await;
        (document["state"] == state).then_some(document)
    })
    .await
}

/// What a replay said that it holds, as its document shows it: kind → rows.
fn rows_said(notice: &Value) -> Value {
    let kinds = notice["kinds"].as_array().unwrap().iter();
    let rows = kinds.map(|of| (text(of, "kind").to_owned(), json!({ "sent": of["count"], "total": of["count"] })));
    Value::Object(rows.collect())
}

/// The API of this world's account in a daemon.
async fn account(world: &World, daemon: &mut Daemon) -> String {
    format!("{}/v1/accounts/{}", daemon.admin().await, world.cloud.account_id())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_replay_is_asked_for_by_http_by_cli_and_by_a_kafka_record() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let (admin, account) = (daemon.admin().await, account(&world, &mut daemon).await);

    let body = json!({ "request_id": "by-http", "kinds": ["user", "group"] });
    let (status, document) = call(Method::POST, &format!("{account}/replays"), Some(body.clone())).await;
    assert_eq!((status, &document["kinds"]), (StatusCode::ACCEPTED, &json!(["user", "group"])), "{document}");
    let document = reaches(&format!("{account}/replays/by-http"), "completed").await;
    let notice = world.notice_of("by-http", "replay.completed").await;
    assert_eq!((&document["sequence"], &document["rows"]), (&notice["sequence"], &rows_said(&notice)));
    let (status, again) = call(Method::POST, &format!("{account}/replays"), Some(body)).await;
    assert_eq!((status, again), (StatusCode::OK, document));
    let (status, problem) = call(Method::DELETE, &format!("{account}/replays/by-http"), None).await;
    assert_eq!((status, text(&problem, "type")), (StatusCode::CONFLICT, "urn:ramstream:problem:not-waiting"));

    let by_cli = world.ramstream(&["replay", "--url", &admin, "--id", "by-cli"]).await.exits_with(COMPLETE);
    let notice = world.notice_of("by-cli", "replay.completed").await;
    let all: i64 = notice["kinds"].as_array().unwrap().iter().map(|of| of["count"].as_i64().unwrap()).sum();
    let begin = format!("completed at sequence {}: {all} rows (", notice["sequence"]);
    assert!(by_cli.last_line().starts_with(&begin), "{by_cli:?}");
    by_cli.says(&["replay by-cli: queued", "replay by-cli: committed"]);

    for id in [&["--id", "by-kafka"][..], &[]] {
        let by_kafka = world.ramstream(&[&["replay", "--via", "kafka", "--kind", "user"], id].concat()).await;
        let by_kafka = by_kafka.exits_with(COMPLETE).says(&[": asked (", ": committed"]);
        assert!(by_kafka.last_line().contains(" rows (user "), "{by_kafka:?}");
    }
    // What came of it is still told, and nothing is served twice.
    world.ramstream(&["replay", "--via", "kafka", "--id", "by-kafka"]).await.exits_with(COMPLETE);
    let notices = world.notices().await;
    assert_eq!(notices.iter().filter(|notice| notice["request_id"] == "by-kafka").count(), 1);
    let expired = ["replay", "--via", "kafka", "--not-after", "2020-01-01T00:00:00Z"];
    let expired = world.ramstream(&expired).await.exits_with(FAILED);
    assert_eq!(expired.last_line(), "expired: its not_after has passed");

    let listed = world.ramstream(&["replay", "list", "--url", &admin, "--format", "json"]).await.exits_with(COMPLETE);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let states: Vec<_> = listed["replays"].as_array().unwrap().iter().map(|one| text(one, "state")).collect();
    assert_eq!(states, ["completed", "completed", "completed", "completed", "expired"]);
    world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_replay_behind_a_sync_says_so_and_can_be_cancelled() {
    let mut world = World::small().await;
    world.set("SYNC__INTERVAL", "disabled");
    let mut daemon = world.start_daemon();
    daemon.logs("sync.interval is disabled").await;
    let (admin, account) = (daemon.admin().await, account(&world, &mut daemon).await);
    daemon.is_ready().await;
    let first = world.ramstream(&["sync", "--url", &admin]).await.exits_with(COMPLETE);
    assert_eq!(first.last_line(), "completed at sequence 1");

    world.cloud.fault(json!({ "operation": "ListUsers", "fault": "slow", "delay_ms": 10_000 })).await;
    let (status, _) = call(Method::POST, &format!("{account}/syncs"), Some(json!({ "request_id": "slow" }))).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    eventually("a sync under way", async || {
        (get(&format!("{account}/status")).await["doing"] == "syncing").then_some(())
    })
    .await;
    world.ramstream(&["replay", "--url", &admin, "--id", "r-1", "--no-wait"]).await.exits_with(COMPLETE);
    reaches(&format!("{account}/replays/r-1"), "behind_sync").await;
    let cancelled = world.ramstream(&["replay", "cancel", "r-1", "--url", &admin]).await.exits_with(COMPLETE);
    assert_eq!(cancelled.last_line(), "cancelled");
    world.notice_of("r-1", "request.cancelled").await;
    let slow = reaches(&format!("{account}/syncs/slow"), "completed").await;
    assert_eq!(slow["sequence"], 2);
    let status = get(&format!("{account}/status")).await;
    assert_eq!((&status["phase"], &status["published"]["sequence"]), (&json!("running"), &json!(2)), "{status}");
    assert!(world.rows().await.is_empty());
    daemon.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_parked_copy_takes_requests_for_the_owner_and_claims_when_it_is_told_to() {
    let world = World::small().await;
    let mut first = world.start_daemon();
    first.syncs(1, "complete").await;
    let mut second = world.start_daemon();
    second.syncs(1, "complete").await;
    first.logs("superseded").await;
    let (parked, owner) = (first.admin().await, second.admin().await);

    let asked = world.ramstream(&["replay", "--url", &parked, "--kind", "user"]).await.exits_with(COMPLETE);
    asked.says(&["this copy is parked; requests are served by the owner"]);
    world.ramstream(&["claim", "--url", &owner]).await.exits_with(FAILED).says(&["not parked", "owns the account"]);
    let claimed = world.ramstream(&["claim", "--url", &parked]).await.exits_with(COMPLETE);
    assert_eq!(claimed.last_line(), "owns the account");
    second.readyz(503, "").await;
    second.terminate().await;
    world.settles_clean(first).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn only_who_has_the_token_asks_and_the_log_tells_of_everybody_but_never_the_token() {
    let mut world = World::small().await;
    world.set("ADMIN__TOKEN", TOKEN);
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let (admin, account) = (daemon.admin().await, account(&world, &mut daemon).await);
    world.ramstream(&["sync", "--url", &admin, "--id", "known"]).await.exits_with(COMPLETE);
    let (status, problem) = call(Method::POST, &format!("{account}/syncs"), None).await;
    assert_eq!((status, text(&problem, "type")), (StatusCode::UNAUTHORIZED, "urn:ramstream:problem:unauthenticated"));
    world.set("ADMIN__TOKEN", "another-token-0123456789");
    let refused = world.ramstream(&["sync", "--url", &admin]).await.exits_with(USAGE);
    assert!(!refused.stderr.contains("another-token"), "{refused:?}");
    refused.says(&["not the one of this daemon", "admin.token_file"]);
    let (_, log) = daemon.terminate().await;
    let told = |text: &str| log.lines().filter(|line| line.contains(text)).collect::<Vec<_>>();
    let accepted = told("admin: accepted");
    assert_eq!(accepted.len(), 1, "{accepted:?}");
    let accepted: Value = serde_json::from_str(accepted[0]).unwrap();
    assert_eq!((text(&accepted, "action"), text(&accepted, "request_id")), ("sync", "known"));
    assert_eq!(accepted["authenticated"], true);
    assert!(text(&accepted, "remote").starts_with("127.0.0.1:"), "{accepted}");
    assert_eq!(told("admin: refused").len(), 2, "{log}");
    assert!(!log.contains("canary-token") && !log.contains("another-token"), "{log}");
}
