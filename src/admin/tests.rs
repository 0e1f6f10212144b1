//! The router against a process that the test makes up. Every answer is held against [`OPENAPI`].

mod html;
mod page;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request as HttpRequest, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::{ExchangesInVain, OPENAPI, Process, routes};
use crate::control::{Action, Ended, Entry, Outcome, Place, Request, RequestId, Standing};
use crate::http::Peer;
use crate::model::{Kind, Millis};
use crate::secret::Secret;
use crate::sync::Phase;
use crate::sync::desk::{Doing, Published, View};

const TOKEN: &str = "0123456789abcdef-canary";
const LOOPBACK: &str = "127.0.0.1:9465";
const REPLAYS: &str = "/v1/accounts/5481/replays";
const SYNCS: &str = "/v1/accounts/5481/syncs";
const STATUS: &str = "/v1/accounts/5481/status";
const CLAIM: &str = "/v1/accounts/5481/claim";

/// What the process behind the router is, and what was asked of it.
#[derive(Clone)]
struct World(Arc<Mutex<Inner>>, Router);

struct Inner {
    view: View,
    phase: Phase,
    appended: Vec<Request>,
    claims: u32,
    brokers: Result<(), String>,
    in_vain: Option<ExchangesInVain>,
}

impl World {
    fn new(token: Option<&str>, address: &str) -> Self {
        let inner = Inner {
            view: View::default(),
            phase: Phase::Running,
            appended: Vec::new(),
            claims: 0,
            brokers: Ok(()),
            in_vain: None,
        };
        let inner = Arc::new(Mutex::new(inner));
        let (a, b, c, d) = (Arc::clone(&inner), Arc::clone(&inner), Arc::clone(&inner), Arc::clone(&inner));
        let e = Arc::clone(&inner);
        let process = Process {
            account_name: Some("prod & <b>\"more\"</b>".to_owned()),
            writer: Uuid::from_u128(3),
            view: Box::new(move || a.lock().unwrap().view.clone()),
            phase: Box::new(move || b.lock().unwrap().phase.clone()),
            claim: Box::new(move || c.lock().unwrap().claims += 1),
            append: Arc::new(move |request| {
                let mut inner = d.lock().unwrap();
                let answer = inner.brokers.clone();
                if answer.is_ok() {
                    inner.appended.push(request.clone());
                }
                Box::pin(std::future::ready(answer))
            }),
            in_vain: Box::new(move || e.lock().unwrap().in_vain),
        };
        let address: SocketAddr = address.parse().unwrap();
        Self(inner, routes("5481", token.map(Secret::new), process, address))
    }

    fn open() -> Self {
        Self::new(None, LOOPBACK)
    }

    fn set(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.0.lock().unwrap());
    }

    fn appended(&self) -> Vec<Request> {
        self.0.lock().unwrap().appended.clone()
    }

    /// Sends a request as it is, and holds the answer against the description.
    async fn send(&self, request: HttpRequest<Body>) -> Answer {
        let (method, path) = (request.method().as_str().to_lowercase(), request.uri().path().to_owned());
        let response = self.1.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let answer = Answer {
            status: parts.status,
            content_type: header("content-type").unwrap_or_default(),
            location: header("location"),
            retry_after: header("retry-after"),
            challenge: header("www-authenticate"),
            cors: header("access-control-allow-origin"),
            body: serde_json::from_slice(&body).unwrap_or_default(),
            text: String::from_utf8(body.to_vec()).unwrap(),
            headers: parts.headers.clone(),
        };
        judge_by_description(&method, &path, &answer);
        answer
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(ask("GET", path).body(Body::empty()).unwrap()).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.send(ask("DELETE", path).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        let request = ask("POST", path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn post_nothing(&self, path: &str) -> Answer {
        self.send(ask("POST", path).body(Body::empty()).unwrap()).await
    }
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    content_type: String,
    location: Option<String>,
    retry_after: Option<String>,
    challenge: Option<String>,
    cors: Option<String>,
    body: Value,
    text: String,
    headers: axum::http::HeaderMap,
}

impl Answer {
    /// It must be this problem, with all of these in its detail.
    #[track_caller]
    fn is_problem(&self, status: u16, slug: &str, told: &[&str]) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.content_type, "application/problem+json");
        assert_eq!(self.body["type"], format!("urn:ramstream:problem:{slug}"), "{self:?}");
        assert_eq!(self.body["status"], status);
        for part in told {
            assert!(self.body["detail"].as_str().unwrap().contains(part), "no {part:?} in {self:?}");
        }
    }

    #[track_caller]
    fn is(&self, status: u16) -> &Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        &self.body
    }
}

fn ask(method: &str, path: &str) -> axum::http::request::Builder {
    let peer = Peer("127.0.0.1:50000".parse().unwrap());
    HttpRequest::builder().method(method).uri(path).header("host", LOOPBACK).extension(peer)
}

fn id(text: &str) -> RequestId {
    RequestId::try_from(text.to_owned()).unwrap()
}

fn replay(name: &str) -> Request {
    Request { id: id(name), action: Action::Replay { kinds: vec![Kind::User] }, not_after: None }
}

fn waiting(request: Request) -> Entry {
    let place = Place { partition: 0, offset: 0 };
    Entry { place, id: Some(request.id.clone()), standing: Standing::Waiting(request) }
}

fn outcome(name: &str, action: &str, ended: Ended) -> Outcome {
    Outcome {
        request_id: id(name),
        action: action.to_owned(),
        ended,
        at: Millis(1_769_857_200_250),
        sequence: 7,
        rows: BTreeMap::new(),
        reason: None,
        sync_outcome: None,
    }
}

fn outcomes<const N: usize>(ended: [Outcome; N]) -> Arc<VecDeque<Outcome>> {
    Arc::new(ended.into())
}

/// The description with `reference` of it at its root.
fn validator(reference: &str) -> jsonschema::Validator {
    let description: Value = serde_json::from_str(OPENAPI).unwrap();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": reference,
        "components": description["components"],
    });
    jsonschema::validator_for(&schema).unwrap()
}

/// The path of the description that `path` is one of.
fn described<'a>(description: &'a Value, path: &str) -> Option<&'a Value> {
    let fits = |template: &str| {
        let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
        template.len() == path.len() && template.iter().zip(path).all(|(t, p)| t.starts_with('{') || *t == p)
    };
    description["paths"].as_object().unwrap().iter().find(|(template, _)| fits(template)).map(|(_, item)| item)
}

/// The status must be declared for this call, and the body must be as declared; what is not described must not exist.
#[track_caller]
fn judge_by_description(method: &str, path: &str, answer: &Answer) {
    let description: Value = serde_json::from_str(OPENAPI).unwrap();
    let Some(operation) = described(&description, path).and_then(|item| item.get(method)) else {
        assert!(
            [401, 403, 404, 405, 429].contains(&answer.status.as_u16()),
            "{method} {path} is not described: {answer:?}"
        );
        return assert!(validator("#/components/schemas/Problem").is_valid(&answer.body), "{answer:?}");
    };
    let declared = &operation["responses"][answer.status.as_str()];
    let declared = match declared["$ref"].as_str() {
        Some(reference) => description.pointer(reference.trim_start_matches('#')).unwrap(),
        None => declared,
    };
    assert!(declared.is_object(), "{method} {path}: {} is not declared", answer.status);
    let schema = &declared["content"][&answer.content_type]["schema"];
    assert!(schema.is_object(), "{method} {path}: {} as {} is not declared", answer.status, answer.content_type);
    if let Some(reference) = schema["$ref"].as_str() {
        let errors: Vec<_> = validator(reference).iter_errors(&answer.body).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{method} {path}: {errors:?} in {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_described_call_answers_and_no_other() {
    let description: Value = serde_json::from_str(OPENAPI).unwrap();
    let world = World::open();
    for (template, item) in description["paths"].as_object().unwrap() {
        let path = template.replace("{account}", "5481").replace("{request}", "r-1");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let answer = world.send(ask(method, &path).body(Body::empty()).unwrap()).await;
            let is_described = item.get(method.to_lowercase()).is_some();
            assert_eq!(is_described, answer.status != StatusCode::METHOD_NOT_ALLOWED, "{method} {path}: {answer:?}");
            assert_eq!(answer.cors, None);
            tokio::time::advance(std::time::Duration::from_secs(1)).await;
        }
    }
    for path in ["/v1", "/v1/accounts/5481", "/v1/accounts/5481/syncs/a/b", "/metrics"] {
        world.get(path).await.is_problem(404, "no-such-path", &["/openapi.json"]);
    }
    assert_eq!(world.get("/openapi.json").await.is(200), &description);
}

#[tokio::test]
async fn the_description_is_sound() {
    let description: Value = serde_json::from_str(OPENAPI).unwrap();
    assert_eq!(description["openapi"], "3.1.1");
    let mut references = BTreeSet::new();
    let mut open = vec![&description];
    while let Some(value) = open.pop() {
        references.extend(value.get("$ref").and_then(Value::as_str));
        open.extend(value.as_object().into_iter().flat_map(|object| object.values()));
        open.extend(value.as_array().into_iter().flatten());
    }
    assert!(references.len() > 15);
    for reference in references {
        assert!(description.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
    let examples = [("Replay", REPLAYS), ("Sync", SYNCS)];
    for (schema, path) in examples {
        let operation = &described(&description, path).unwrap()["post"];
        let example = &operation["requestBody"]["content"]["application/json"]["example"];
        assert!(validator(&format!("#/components/schemas/{schema}")).is_valid(example), "{example}");
        World::open().post(path, example.clone()).await.is(202);
    }
}

#[tokio::test]
async fn a_replay_is_appended_and_shown_as_queued_although_nobody_has_read_it_back() {
    let world = World::open();
    let body = json!({ "request_id": "r-1", "kinds": ["role", "user"], "not_after": "2026-01-31T12:00:00.25+01:00" });
    let answer = world.post(REPLAYS, body.clone()).await;
    let expected = json!({
        "request_id": "r-1", "action": "replay", "state": "queued",
        "kinds": ["user", "role"], "not_after": "2026-01-31T11:00:00.25Z",
    });
    assert_eq!(answer.is(202), &expected);
    assert_eq!(answer.location.as_deref(), Some("/v1/accounts/5481/replays/r-1"));
    let action = Action::Replay { kinds: vec![Kind::User, Kind::Role] };
    assert_eq!(world.appended(), [Request { id: id("r-1"), action, not_after: Some(Millis(1_769_857_200_250)) }]);

    assert_eq!(world.get("/v1/accounts/5481/replays/r-1").await.is(200), &expected);
    assert_eq!(world.get(REPLAYS).await.is(200)["replays"], json!([expected]));
    assert_eq!(world.get(STATUS).await.is(200)["waiting"], json!([expected]));
    // The same id is the same request, whatever it says this time.
    let again = world.post(REPLAYS, json!({ "request_id": "r-1" })).await;
    assert_eq!((again.is(200), world.appended().len()), (&expected, 1));
    assert_eq!(again.location, answer.location);
    world.post(SYNCS, body_of("r-1")).await.is_problem(409, "id-taken", &["r-1", "a replay", "take another"]);
    world.get("/v1/accounts/5481/syncs/r-1").await.is_problem(404, "no-such-request", &["r-1"]);
}

fn body_of(id: &str) -> Value {
    json!({ "request_id": id })
}

#[tokio::test]
async fn a_request_without_an_id_gets_one_that_begins_with_the_time() {
    let world = World::open();
    let first = world.post_nothing(REPLAYS).await;
    let made: Uuid = first.is(202)["request_id"].as_str().unwrap().parse().unwrap();
    assert_eq!(made.get_version_num(), 7);
    assert_eq!(first.location, Some(format!("{REPLAYS}/{made}")));
    assert_eq!(world.appended()[0].action, Action::Replay { kinds: Kind::ALL.to_vec() });
    let second = world.post(SYNCS, json!({})).await;
    assert_ne!(second.is(202)["request_id"], first.body["request_id"]);
    assert_eq!((&second.body["action"], &world.appended()[1].action), (&json!("sync"), &Action::Sync));
    assert!(second.location.unwrap().starts_with("/v1/accounts/5481/syncs/"));
}

#[tokio::test]
async fn how_a_replay_stands_is_what_the_desk_shows() {
    let world = World::open();
    world.post(REPLAYS, json!({ "request_id": "r-1", "kinds": ["user"] })).await.is(202);
    world.set(|inner| inner.view.entries = vec![waiting(replay("r-1"))]);
    let path = "/v1/accounts/5481/replays/r-1";
    assert_eq!(world.get(path).await.is(200)["state"], "queued");
    world.set(|inner| inner.view.failure = Some("topic x: not authorized".to_owned()));
    let failing = world.get(path).await;
    assert_eq!(failing.is(200)["state"], "queued");
    assert_eq!(failing.body["reason"], "an attempt failed and is repeated: topic x: not authorized");
    world.set(|inner| inner.view.doing = Doing::Syncing);
    assert_eq!(world.get(path).await.is(200)["state"], "behind_sync");
    world.set(|inner| inner.view.doing = Doing::Replaying { rows: BTreeMap::from([(Kind::User, (3, 10))]) });
    let sending = world.get(path).await;
    assert_eq!(sending.is(200)["state"], "sending");
    assert_eq!(sending.body["rows"], json!({ "user": { "sent": 3, "total": 10 } }));
    assert_eq!(world.get(STATUS).await.is(200)["doing"], "replaying");
    world.delete(path).await.is_problem(409, "not-waiting", &["r-1", "sending"]);

    let rows = BTreeMap::from([(Kind::User, 10)]);
    let done = Outcome { rows, ..outcome("r-1", "replay", Ended::Completed) };
    world.set(|inner| {
        (inner.view.entries, inner.view.outcomes, inner.view.doing) = (vec![], outcomes([done]), Doing::Idle)
    });
    let expected = json!({
        "request_id": "r-1", "action": "replay", "state": "completed", "sequence": 7,
        "at": "2026-01-31T11:00:00.25Z", "rows": { "user": { "sent": 10, "total": 10 } },
    });
    assert_eq!(world.get(path).await.is(200), &expected);
    assert_eq!(world.post(REPLAYS, body_of("r-1")).await.is(200), &expected);
    world.delete(path).await.is_problem(409, "not-waiting", &["completed"]);
    assert_eq!(world.appended().len(), 1);
    // What the desk has shown and forgotten is forgotten here, too.
    world.set(|inner| inner.view.outcomes = outcomes([]));
    world.get(path).await.is_problem(404, "no-such-request", &["r-1"]);
}

#[tokio::test]
async fn a_sync_that_could_not_read_everything_says_so_in_a_field() {
    let world = World::open();
    let partial = Outcome { sync_outcome: Some("partial".to_owned()), ..outcome("s-1", "sync", Ended::Completed) };
    world.set(|inner| inner.view.outcomes = outcomes([partial]));
    let shown = world.get("/v1/accounts/5481/syncs/s-1").await;
    assert_eq!((&shown.is(200)["state"], &shown.body["sync_outcome"]), (&json!("completed"), &json!("partial")));
}

#[tokio::test]
async fn what_ended_otherwise_says_why_and_a_list_has_replays_alone() {
    let world = World::open();
    let rejected = Outcome { reason: Some("busy".to_owned()), ..outcome("r-2", "replay", Ended::Rejected) };
    let ended = outcomes([
        rejected,
        outcome("s-1", "sync", Ended::Completed),
        outcome("r-3", "replay", Ended::Expired),
        outcome("r-4", "replay", Ended::Cancelled),
    ]);
    // Those that have ended and are not on record yet are among them; what just went on record is there once.
    let judged = |name: &str| {
        let place = Place { partition: 0, offset: 0 };
        Entry { place, id: Some(id(name)), standing: Standing::Ended(outcome(name, "replay", Ended::Expired)) }
    };
    let entries = vec![waiting(replay("r-5")), judged("r-4"), judged("r-6")];
    world.set(|inner| (inner.view.outcomes, inner.view.entries) = (ended, entries));
    let list = world.get(REPLAYS).await;
    let shown: Vec<_> = list.is(200)["replays"].as_array().unwrap().iter().collect();
    let shown: Vec<_> = shown.iter().map(|one| (one["request_id"].clone(), one["state"].clone())).collect();
    let expected =
        [("r-2", "rejected"), ("r-3", "expired"), ("r-4", "cancelled"), ("r-6", "expired"), ("r-5", "queued")];
    assert_eq!(shown, expected.map(|(id, state)| (json!(id), json!(state))));
    assert_eq!(list.body["replays"][0]["reason"], "busy");
    assert_eq!(world.get("/v1/accounts/5481/syncs/s-1").await.is(200)["sequence"], 7);
}

#[tokio::test]
async fn a_waiting_replay_is_cancelled_by_a_record_with_its_id() {
    let world = World::open();
    world.set(|inner| inner.view.entries = vec![waiting(replay("r-1"))]);
    assert_eq!(world.delete("/v1/accounts/5481/replays/r-1").await.is(202)["state"], "queued");
    assert_eq!(world.appended(), [Request { id: id("r-1"), action: Action::Cancel, not_after: None }]);
    world.delete("/v1/accounts/5481/replays/r-2").await.is_problem(404, "no-such-request", &["r-2"]);
    // Also before it was read back: the topic keeps the order.
    world.post(REPLAYS, body_of("r-3")).await.is(202);
    world.delete("/v1/accounts/5481/replays/r-3").await.is(202);
    assert_eq!(world.appended().last().unwrap().action, Action::Cancel);
}

#[tokio::test]
async fn brokers_that_do_not_answer_are_told_with_the_id_to_ask_again_with() {
    let world = World::open();
    world.set(|inner| inner.brokers = Err("the brokers did not acknowledge".to_owned()));
    let answer = world.post(REPLAYS, body_of("r-1")).await;
    answer.is_problem(503, "not-acknowledged", &["did not acknowledge", "same request_id, r-1"]);
    assert_eq!(answer.body["request_id"], "r-1");
    let made = world.post_nothing(SYNCS).await;
    assert!(made.body["detail"].as_str().unwrap().contains(made.body["request_id"].as_str().unwrap()));
    world.get("/v1/accounts/5481/replays/r-1").await.is_problem(404, "no-such-request", &[]);
}

#[tokio::test]
async fn status_tells_the_phase_and_where_the_published_state_stands() {
    let world = World::open();
    let status = world.get(STATUS).await;
    let expected = json!({
        "account_id": "5481", "writer": "00000000-0000-0000-0000-000000000003", "phase": "running",
        "published": null, "doing": "idle", "waiting": [],
    });
    assert_eq!(status.is(200), &expected);
    let (lineage, sync_id) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let complete_at = Some(Millis(1_769_857_200_250));
    let published = Published { lineage, sequence: 7, sync_id: Some(sync_id), complete_at };
    world.set(|inner| {
        inner.view.published = Some(published);
        inner.phase = Phase::Parked { by: "another copy owns the account: writer x".to_owned() };
    });
    let status = world.get(STATUS).await;
    let expected = json!({
        "lineage": "00000000-0000-0000-0000-000000000001", "sequence": 7,
        "sync_id": "00000000-0000-0000-0000-000000000002", "complete_at": "2026-01-31T11:00:00.25Z",
    });
    assert_eq!(status.is(200)["published"], expected);
    assert_eq!(
        (&status.body["phase"], &status.body["detail"]),
        (&json!("parked"), &json!("another copy owns the account: writer x"))
    );
}

#[tokio::test]
async fn only_a_parked_copy_is_told_to_claim() {
    let world = World::open();
    for (phase, told) in [
        (Phase::Running, "owns the account already"),
        (Phase::Failing { why: "slow".to_owned() }, "owns the account already"),
        (Phase::Starting, "claim by itself"),
        (Phase::Claiming, "claim by itself"),
        (Phase::Refused { why: "truncated".to_owned() }, "truncated"),
        (Phase::Unavailable { why: "no broker".to_owned() }, "no broker"),
    ] {
        world.set(|inner| inner.phase = phase);
        world.post_nothing(CLAIM).await.is_problem(409, "not-parked", &[told]);
    }
    world.set(|inner| inner.phase = Phase::Parked { by: "x".to_owned() });
    world.post(CLAIM, json!({ "force": true })).await.is_problem(400, "invalid-request", &["force", "no body"]);
    assert_eq!(world.0.lock().unwrap().claims, 0);
    assert_eq!(world.post_nothing(CLAIM).await.is(202)["phase"], "parked");
    assert_eq!(world.0.lock().unwrap().claims, 1);
    assert_eq!(world.appended(), []);
}

#[tokio::test(start_paused = true)]
async fn a_mistake_is_named_with_its_mend_and_nothing_is_appended() {
    let world = World::open();
    for (body, told) in [
        (json!({ "request_id": "a/b" }), &["`request_id`", "1 to 64 characters"][..]),
        (json!({ "request_id": 7 }), &["request_id", "invalid type", "write {"]),
        (json!({ "kinds": ["usr"] }), &["`kinds`", "no kind \"usr\"", "account, user"]),
        (json!({ "kinds": "user" }), &["invalid type", "write {"]),
        (json!({ "not_after": "soon" }), &["`not_after`", "2026-01-31T12:00:00Z"]),
        (json!({ "kind": "user" }), &["unknown field `kind`", "write {"]),
        (json!({ "action": "cancel" }), &["unknown field `action`"]),
        (json!({ "format": 1 }), &["unknown field `format`"]),
        (json!([]), &["write {"]),
        (json!("replay"), &["write {"]),
    ] {
        world.post(REPLAYS, body).await.is_problem(400, "invalid-request", told);
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
    }
    world.post(SYNCS, json!({ "kinds": ["user"] })).await.is_problem(
        400,
        "invalid-request",
        &["`kinds` belongs to a replay"],
    );
    world.get("/v1/accounts/5481/replays/a%20b").await.is_problem(400, "invalid-request", &["1 to 64"]);
    world.get("/v1/accounts/5481/replays/%FF").await.is_problem(400, "invalid-request", &["path"]);
    world.post(&REPLAYS.replace("5481", "9"), json!({})).await.is_problem(404, "no-such-account", &["\"9\"", "5481"]);
    let plain = ask("POST", REPLAYS).header("content-type", "text/plain").body(Body::from("{}")).unwrap();
    world.send(plain).await.is_problem(415, "not-json", &["text/plain", "application/json"]);
    let form = ask("POST", CLAIM).body(Body::from("a=b")).unwrap();
    world.send(form).await.is_problem(415, "not-json", &["application/json"]);
    let json =
        ask("POST", SYNCS).header("content-type", "Application/JSON; charset=utf-8").body(Body::from("{}")).unwrap();
    world.send(json).await.is(202);
    assert_eq!(world.appended().len(), 1);
}

#[tokio::test]
async fn a_body_of_16_kib_is_taken_and_a_longer_one_is_not() {
    let world = World::open();
    let filled = |length: usize| format!("{}{{}}", " ".repeat(length - 2));
    let sent = |length: usize| {
        let request = ask("POST", SYNCS).header("content-type", "application/json");
        world.send(request.body(Body::from(filled(length))).unwrap())
    };
    sent(16 * 1024).await.is(202);
    sent(16 * 1024 + 1).await.is_problem(413, "body-too-large", &["16384"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_is_limited_and_what_is_looked_at_is_not() {
    let world = World::open();
    for _ in 0..20 {
        world.post_nothing(SYNCS).await.is(202);
    }
    for answer in
        [world.post_nothing(SYNCS).await, world.delete(&format!("{REPLAYS}/x")).await, world.post_nothing(CLAIM).await]
    {
        answer.is_problem(429, "too-many-requests", &["try again in 1 s"]);
        assert_eq!(answer.retry_after.as_deref(), Some("1"));
    }
    assert_eq!(world.appended().len(), 20);
    for _ in 0..100 {
        world.get(STATUS).await.is(200);
    }
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    world.post_nothing(SYNCS).await.is(202);
}

#[tokio::test(start_paused = true)]
async fn with_a_token_everything_but_the_description_needs_it() {
    let world = World::new(Some(TOKEN), "0.0.0.0:9465");
    let with = |method: &str, path: &str, authorization: &str| {
        let request = ask(method, path).header("authorization", authorization).body(Body::empty()).unwrap();
        world.send(request)
    };
    for (method, path) in [
        ("GET", STATUS),
        ("GET", REPLAYS),
        ("POST", REPLAYS),
        ("POST", CLAIM),
        ("DELETE", "/v1/accounts/5481/replays/x"),
        ("GET", "/nowhere"),
    ] {
        let none = world.send(ask(method, path).body(Body::empty()).unwrap()).await;
        if path != "/nowhere" {
            none.is_problem(401, "unauthenticated", &["has no token", "authorization: Bearer"]);
        }
        assert_eq!(
            (none.status, none.challenge.as_deref()),
            (StatusCode::UNAUTHORIZED, Some("Bearer realm=\"ramstream\""))
        );
        tokio::time::advance(std::time::Duration::from_secs(60)).await;
    }
    let longer = format!("Bearer {TOKEN}x");
    let shorter = format!("Bearer {}", &TOKEN[1..]);
    for wrong in ["Bearer wrong", "Bearer ", &longer, &shorter, &format!("Bearer {}", TOKEN.to_uppercase())] {
        let answer = with("POST", REPLAYS, wrong).await;
        answer.is_problem(401, "unauthenticated", &["not the one of this daemon"]);
        assert!(!answer.body.to_string().contains(TOKEN));
        tokio::time::advance(std::time::Duration::from_secs(60)).await;
    }
    with("POST", REPLAYS, &format!("Basic {TOKEN}")).await.is_problem(401, "unauthenticated", &["has no token"]);
    assert_eq!(world.appended().len(), 0);
    with("POST", REPLAYS, &format!("bearer {TOKEN}")).await.is(202);
    with("GET", STATUS, &format!("Bearer {TOKEN}")).await.is(200);
    world.get("/openapi.json").await.is(200);
}

#[tokio::test(start_paused = true)]
async fn who_guesses_tokens_is_soon_told_to_wait_and_who_has_it_is_not() {
    let world = World::new(Some(TOKEN), LOOPBACK);
    for _ in 0..20 {
        world.get(STATUS).await.is_problem(401, "unauthenticated", &[]);
    }
    let answer = world.get(STATUS).await;
    answer.is_problem(429, "too-many-requests", &[]);
    assert_eq!(answer.retry_after.as_deref(), Some("1"));
    let known = ask("POST", SYNCS).header("authorization", format!("Bearer {TOKEN}")).body(Body::empty()).unwrap();
    world.send(known).await.is(202);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_only_names_of_this_machine_are_answered() {
    for (host, address, is_ours) in [
        ("127.0.0.1:9465", LOOPBACK, true),
        ("localhost:9465", LOOPBACK, true),
        ("LOCALHOST:9465", LOOPBACK, true),
        ("[::1]:9465", "[::1]:9465", true),
        ("localhost", "127.0.0.1:80", true),
        ("127.0.0.1", LOOPBACK, false),
        ("127.0.0.1:9464", LOOPBACK, false),
        ("evil.example:9465", LOOPBACK, false),
        ("127.0.0.1.evil.example:9465", LOOPBACK, false),
        ("localhost.evil.example:9465", LOOPBACK, false),
        ("192.0.2.1:9465", LOOPBACK, false),
        ("", LOOPBACK, false),
    ] {
        let world = World::new(None, address);
        for (method, path) in [("GET", STATUS), ("POST", REPLAYS), ("GET", "/openapi.json")] {
            let request = HttpRequest::builder().method(method).uri(path).header("host", host);
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status.is_success(), is_ours, "{host}: {answer:?}");
            if !is_ours {
                answer.is_problem(403, "from-a-page", &["host", "localhost"]);
            }
        }
        let nameless = HttpRequest::builder().method("POST").uri(CLAIM).body(Body::empty()).unwrap();
        world.send(nameless).await.is_problem(403, "from-a-page", &["host"]);
    }
}

#[tokio::test]
async fn a_page_in_a_browser_may_not_ask_not_even_with_the_token() {
    for token in [None, Some(TOKEN)] {
        let world = World::new(token, LOOPBACK);
        for (header, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("origin", "http://localhost:3000"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let request = ask("POST", REPLAYS).header("authorization", format!("Bearer {TOKEN}")).header(header, value);
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            answer.is_problem(403, "from-a-page", &[header]);
            assert_eq!(answer.cors, None);
        }
        assert_eq!(world.appended().len(), 0);
    }
    let typed = ask("GET", "/openapi.json").header("sec-fetch-site", "none").body(Body::empty()).unwrap();
    World::open().send(typed).await.is(200);
}
