//! What stands beside an ECS instance: its metadata service, and an address that gives credentials.
//!
//! | request | gives |
//! |---|---|
//! | `PUT /latest/api/token` | a token, for `X-aliyun-ecs-metadata-token` |
//! | `GET /latest/meta-data/ram/security-credentials/` | the name of the instance's role |
//! | `GET /latest/meta-data/ram/security-credentials/<role>` | a temporary key of it |
//! | `GET /credentials` | the same, as a credentials URI gives it, without a token |

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use serde::Serialize;

use super::authentication::Identity;
use super::clock::whole_seconds;
use super::issuing::{Instance, Issued, Mode, issue};
use super::keys::name_key;
use super::service::Simulator;

/// Of the service's six hours; long enough for two requests.
const TOKEN: &str = "simulated-metadata-token";
const SECONDS: u32 = 6 * 3600;

type Shared = State<Arc<Simulator>>;

/// The routes of the instance's own address.
pub(super) fn routes(simulator: Arc<Simulator>) -> Router {
    Router::new()
        .route("/latest/api/token", put(token))
        .route("/latest/meta-data/ram/security-credentials/", get(role))
        .route("/latest/meta-data/ram/security-credentials/{role}", get(credentials))
        .route("/credentials", get(by_uri))
        .with_state(simulator)
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    code: &'static str,
    #[serde(flatten)]
    issued: Issued,
}

async fn token(State(simulator): Shared, headers: HeaderMap) -> Response {
    simulator.note("metadata/token");
    let instance = simulator.keys.issuing.instance();
    match (instance.mode, headers.contains_key("x-aliyun-ecs-metadata-token-ttl-seconds")) {
        _ if instance.fails => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        (Mode::V1, _) => StatusCode::NOT_FOUND.into_response(),
        (_, false) => StatusCode::BAD_REQUEST.into_response(),
        (_, true) => TOKEN.into_response(),
    }
}

async fn role(State(simulator): Shared, headers: HeaderMap) -> Response {
    simulator.note("metadata/role");
    match admitted(&simulator, &headers) {
        Ok(Instance { role: Some(role), .. }) => role.into_response(),
        Ok(_) => StatusCode::NOT_FOUND.into_response(),
        Err(status) => status.into_response(),
    }
}

async fn credentials(State(simulator): Shared, headers: HeaderMap, Path(role): Path<String>) -> Response {
    simulator.note("metadata/credentials");
    match admitted(&simulator, &headers) {
        Ok(instance) if instance.role.as_ref() == Some(&role) => given(&simulator, &role, "instance"),
        Ok(_) => StatusCode::NOT_FOUND.into_response(),
        Err(status) => status.into_response(),
    }
}

async fn by_uri(State(simulator): Shared) -> Response {
    simulator.note("uri/credentials");
    let instance = simulator.keys.issuing.instance();
    match instance.role {
        _ if instance.fails => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(role) => given(&simulator, &role, "uri"),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn admitted(simulator: &Simulator, headers: &HeaderMap) -> Result<Instance, StatusCode> {
    let instance = simulator.keys.issuing.instance();
    let has_token = headers.get("x-aliyun-ecs-metadata-token").is_some_and(|token| token == TOKEN);
    match instance.mode {
        _ if instance.fails => Err(StatusCode::INTERNAL_SERVER_ERROR),
        Mode::Hardened if !has_token => Err(StatusCode::FORBIDDEN),
        Mode::Hardened | Mode::Both | Mode::V1 => Ok(instance),
    }
}

/// A temporary key of a role of the account.
fn given(simulator: &Simulator, role: &str, session_name: &str) -> Response {
    let (account, _) = simulator.snapshot();
    let Some(role) = account.roles.get(&name_key(role)) else { return StatusCode::NOT_FOUND.into_response() };
    let identity = Identity::Session { role_id: role.role_id.clone(), session_name: session_name.to_owned() };
    let issued = issue(&simulator.keys, identity, whole_seconds(simulator.clock.now()), SECONDS);
    axum::Json(Given { code: "Success", issued }).into_response()
}
