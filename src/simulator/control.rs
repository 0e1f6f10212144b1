//! The control address: plain JSON over HTTP, for whoever runs the simulated account, never for its clients.
//!
//! | request | body | does |
//! |---|---|---|
//! | `GET /healthz` | | `{"status":"ok"}` |
//! | `GET /account` | | the whole account, in the form of the account file |
//! | `POST /save` | | writes the account file |
//! | `GET /calls` | | calls, refused and throttled, per operation |
//! | `GET /faults` | | faults in force, each with how often it happened (`fired`) |
//! | `POST /faults` | a fault, see below | adds a fault; the first that fits strikes |
//! | `DELETE /faults` | | takes all faults away |
//! | `POST /freeze`, `POST /unfreeze` | `{"user": name or id}` | what the console does and no public operation |
//! | `POST /security-key` | `{"user": name or id}` | binds one to the user, likewise |
//! | `POST /recreate` | `{"instance": id}` | makes an instance anew under its id, which no public operation does |
//! | `POST /edit` | `{"table": "roles", "id": id, "set": {"role_name": "new"}}` | what no public operation does to a row |
//! | `POST /regions` | `{"regions": ["eu-central-1"]}` | the regions that the account can use |
//! | `POST /root-mfa` | `{"enabled": true}` | what the root user does: no public operation gives it a second factor |
//! | `POST /latency` | `{"latency_ms": 20}` | every answer comes that much later |
//! | `POST /pages` | `{"largest_page": 3}`, or `null` | pages by marker hold at most so many rows |
//! | `POST /throttle` | any part of [`Limits`] | quotas, share of calls throttled at random |
//! | `POST /policy` | a RAM policy, or `null` | every call of every key is judged by it |
//! | `POST /sessions` | `{"seconds": 5, "external_id": "x"}` | so long live temporary keys; what AssumeRole asks for |
//! | `POST /oidc` | `{"provider_arn": "…", "token": "…"}` | the token that AssumeRoleWithOIDC takes for any role |
//! | `POST /instance` | `{"role": "reader", "mode": "hardened"}` | the metadata service; `mode` also `both`, `v1`; `"fails": true` |
//! | `POST /clock` | `{"offset_seconds": 1200}` | moves the service's clock, seen in `Date` and in every date |
//!
//! A fault: `{"operation": "ListUsers", "fault": "missing_marker"}`, with optional `version`, `page`, `parameters`
//! (`{"GroupName": "ops"}`), `times`, `probability`; for `error` also `status`, `code` and `message`, for `slow`
//! `delay_ms`, for `throttle` `retry_after_ms`. Faults: `error`, `throttle`, `deny`, `expired_token`, `http_5xx`, `html`,
//! `reset`, `reset_after`, `slow`, `stale` (reads see the account as it was when the fault was set), `truncate_body`,
//! `truncate_json`, `missing_marker`, `repeated_marker`, `endless_marker`, `empty_page`, `repeated_row`, `reordered`,
//! `missing_array`, `empty`, `partial`.
//!
//! An edit sets fields, named as in the account file, of a row of `users`, `groups`, `roles` or `access_keys`. Which keys
//! verify stays as it is.
//!
//! With a moved clock, requests with a right time are refused as expired from 15 minutes on. `"judge_requests_by":
//! "machine_clock"` beside `offset_seconds` lets them pass: for an account whose time is virtual.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::editing;
use super::entities::UserStatus;
use super::faults::Fault;
use super::issuing::{Instance, Rules, Trusted};
use super::policy::Policy;
use super::service::Simulator;
use super::throttle::Limits;

type Shared = State<Arc<Simulator>>;

/// The control address's routes.
pub(super) fn routes(simulator: Arc<Simulator>) -> Router {
    Router::new()
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .route("/account", get(account))
        .route("/save", post(save))
        .route("/calls", get(calls))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/freeze", post(freeze))
        .route("/unfreeze", post(unfreeze))
        .route("/security-key", post(security_key))
        .route("/recreate", post(recreate))
        .route("/edit", post(edit))
        .route("/regions", post(regions))
        .route("/root-mfa", post(root_mfa))
        .route("/latency", post(latency))
        .route("/pages", post(pages))
        .route("/throttle", post(throttle))
        .route("/clock", post(clock))
        .route("/policy", post(policy))
        .route("/sessions", post(sessions))
        .route("/oidc", post(oidc))
        .route("/instance", post(instance))
        .with_state(simulator)
}

/// Why a request is refused.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

/// Reads a body as JSON whatever its content type says, so that a bare `curl -d` works.
fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused(StatusCode::BAD_REQUEST, error.to_string()))
}

async fn account(State(simulator): Shared) -> Result<Response, Refused> {
    let (account, _) = simulator.snapshot();
    let body = serde_json::to_vec(account.as_ref())
        .map_err(|error| Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    Ok(([("content-type", "application/json")], body).into_response())
}

async fn save(State(simulator): Shared) -> Result<Json<Value>, Refused> {
    match simulator.save() {
        Ok(Some(path)) => Ok(Json(json!({ "saved": path }))),
        Ok(None) => Err(Refused(StatusCode::CONFLICT, "there is no account file: start with --account FILE".into())),
        Err(error) => Err(Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

async fn calls(State(simulator): Shared) -> Json<Value> {
    Json(json!(*super::lock(&simulator.calls)))
}

async fn faults(State(simulator): Shared) -> Json<Vec<Fault>> {
    Json(simulator.faults.list())
}

async fn add_fault(State(simulator): Shared, body: Bytes) -> Result<Json<Vec<Fault>>, Refused> {
    let refused = |problem: &str| Refused(StatusCode::BAD_REQUEST, problem.to_owned());
    simulator.add_fault(parse(&body)?).map_err(refused)?;
    Ok(Json(simulator.faults.list()))
}

async fn clear_faults(State(simulator): Shared) -> Json<Vec<Fault>> {
    simulator.faults.clear();
    Json(simulator.faults.list())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WhichUser {
    user: String,
}

async fn freeze(State(simulator): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    set_status(&simulator, &body, UserStatus::Frozen)
}

async fn unfreeze(State(simulator): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    set_status(&simulator, &body, UserStatus::Active)
}

fn set_status(simulator: &Simulator, body: &Bytes, status: UserStatus) -> Result<Json<Value>, Refused> {
    let WhichUser { user } = parse(body)?;
    let refused = |error: super::error::ServiceError| Refused(StatusCode::NOT_FOUND, error.message.into_owned());
    simulator.set_user_status(&user, status).map_err(refused)?;
    Ok(Json(json!({ "user": user, "status": status })))
}

async fn security_key(State(simulator): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let WhichUser { user } = parse(&body)?;
    let status =
        |error: &super::error::ServiceError| StatusCode::from_u16(error.status).unwrap_or(StatusCode::CONFLICT);
    let refused = |error: super::error::ServiceError| Refused(status(&error), error.message.into_owned());
    simulator.add_security_key(&user).map_err(refused)?;
    Ok(Json(json!({ "user": user })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WhichInstance {
    instance: String,
}

async fn recreate(State(simulator): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let WhichInstance { instance } = parse(&body)?;
    let refused = |error: super::error::ServiceError| Refused(StatusCode::NOT_FOUND, error.message.into_owned());
    simulator.recreate_instance(&instance).map_err(refused)?;
    Ok(Json(json!({ "instance": instance })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    table: String,
    id: String,
    set: Map<String, Value>,
}

async fn edit(State(simulator): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let Edit { table, id, set } = parse(&body)?;
    let (edited, _) = simulator.change("Edit", |draft| editing::edit(draft, &table, &id, &set));
    edited.map_err(|problem| Refused(StatusCode::BAD_REQUEST, problem))?;
    Ok(Json(json!({ "table": table, "id": id })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Regions {
    regions: Vec<String>,
}

async fn regions(State(simulator): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let Regions { regions } = parse(&body)?;
    simulator.change("SetRegions", |draft| draft.set_regions(regions.clone()));
    Ok(Json(json!({ "regions": regions })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RootMfa {
    enabled: bool,
}

async fn root_mfa(State(simulator): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let RootMfa { enabled } = parse(&body)?;
    simulator.change("SetRootMFA", |draft| draft.set_root_mfa(enabled));
    Ok(Json(json!({ "enabled": enabled })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    latency_ms: u64,
}

async fn latency(State(simulator): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let Latency { latency_ms } = parse(&body)?;
    simulator.latency_ms.store(latency_ms, Ordering::Relaxed);
    Ok(Json(json!({ "latency_ms": latency_ms })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pages {
    largest_page: Option<NonZeroU32>,
}

async fn pages(State(simulator): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let Pages { largest_page } = parse(&body)?;
    simulator.largest_page.store(largest_page.map_or(u32::MAX, NonZeroU32::get), Ordering::Relaxed);
    Ok(Json(json!({ "largest_page": largest_page })))
}

/// Parts that are not named stay as they are.
async fn throttle(State(simulator): Shared, body: Bytes) -> Result<Json<Limits>, Refused> {
    let sent: Map<String, Value> = parse(&body)?;
    let mut limits = json!(simulator.throttle.limits());
    for (name, value) in sent {
        limits[name] = value;
    }
    let limits: Limits =
        serde_json::from_value(limits).map_err(|error| Refused(StatusCode::BAD_REQUEST, error.to_string()))?;
    simulator.throttle.set(limits.clone());
    Ok(Json(limits))
}

async fn policy(State(simulator): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let policy: Option<Policy> = parse(&body)?;
    let enforced = policy.is_some();
    *super::lock(&simulator.policy) = policy;
    Ok(Json(json!({ "enforced": enforced })))
}

async fn sessions(State(simulator): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let rules: Rules = parse(&body)?;
    let seconds = rules.seconds;
    simulator.keys.issuing.set_rules(rules);
    Ok(Json(json!({ "seconds": seconds })))
}

async fn oidc(State(simulator): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let trusted: Trusted = parse(&body)?;
    let provider_arn = trusted.provider_arn.clone();
    simulator.keys.issuing.trust(trusted);
    Ok(Json(json!({ "provider_arn": provider_arn })))
}

async fn instance(State(simulator): Shared, body: Bytes) -> Result<Json<Instance>, Refused> {
    let instance: Instance = parse(&body)?;
    simulator.keys.issuing.set_instance(instance.clone());
    Ok(Json(instance))
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum JudgedBy {
    #[default]
    SimulatedClock,
    MachineClock,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockSetting {
    offset_seconds: i32,
    #[serde(default)]
    judge_requests_by: JudgedBy,
}

async fn clock(State(simulator): Shared, body: Bytes) -> Result<Json<Value>, Refused> {
    let ClockSetting { offset_seconds, judge_requests_by } = parse(&body)?;
    simulator.clock.set(i64::from(offset_seconds) * 1000, judge_requests_by == JudgedBy::MachineClock);
    Ok(Json(json!({ "now": simulator.clock.now() })))
}
