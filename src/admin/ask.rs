//! The body of a request, and what it asks for.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use super::BODY_MAX;
use super::problem::{INVALID, NOT_JSON, Problem, TOO_LARGE};
use crate::ambient;
use crate::control::Request;

/// A body; all of it may be left out.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kinds: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
}

/// A body with the words that stand in the path instead.
#[derive(Serialize)]
struct Record<'a> {
    format: u32,
    action: &'a str,
    #[serde(flatten)]
    body: Body,
}

const EXAMPLE: &str =
    r#"write {"request_id": "r-1", "kinds": ["user"], "not_after": "2026-01-31T12:00:00Z"}, or nothing at all"#;

/// The request for `action` that the body makes; with an id of its own if it has none.
pub(super) fn request(
    action: &str,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Request, Problem> {
    let body = bytes(headers, body)?;
    let mut body: Body = parse(&body, EXAMPLE)?;
    body.request_id.get_or_insert_with(|| ambient::uuid_v7().to_string());
    // The record is what it becomes, so the reader of records judges it.
    let record = serde_json::to_vec(&Record { format: 1, action, body }).expect("a body has string keys only");
    Request::parse(&record).map_err(|malformed| Problem::new(INVALID, malformed.reason))
}

/// That the body asks for nothing.
pub(super) fn nothing(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<(), Problem> {
    #[derive(Default, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    let body = bytes(headers, body)?;
    parse::<Nothing>(&body, "this call takes no body").map(|_| ())
}

fn bytes(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(TOO_LARGE, format!("the body has more than {BODY_MAX} bytes; a request needs a few hundred"))
        }
        _ => Problem::new(INVALID, format!("the body broke off: {}", rejection.body_text())),
    })?;
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !body.is_empty() && !essence.eq_ignore_ascii_case("application/json") {
        let detail = format!("content-type is {content_type:?}; send a body with content-type: application/json");
        return Err(Problem::new(NOT_JSON, detail));
    }
    Ok(body)
}

fn parse<T: Default + for<'a> Deserialize<'a>>(body: &[u8], mend: &str) -> Result<T, Problem> {
    if body.is_empty() {
        return Ok(T::default());
    }
    let wrong = |why: String| Problem::new(INVALID, format!("the body: {why}; {mend}"));
    let json: serde_json::Value = serde_json::from_slice(body).map_err(|error| wrong(error.to_string()))?;
    // A list of values would be taken for the fields in their order.
    if !json.is_object() {
        return Err(wrong("it is not a JSON object".to_owned()));
    }
    serde_json::from_value(json).map_err(|error| wrong(error.to_string()))
}
