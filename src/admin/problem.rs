//! Errors as problem documents (RFC 9457), each kind with a type that stays.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What kind of error: the last part of its type, its title, its status.
pub(super) type Kind = (&'static str, &'static str, StatusCode);

pub(super) const INVALID: Kind = ("invalid-request", "The request is not well-formed", StatusCode::BAD_REQUEST);
pub(super) const UNAUTHENTICATED: Kind = ("unauthenticated", "The token is missing or wrong", StatusCode::UNAUTHORIZED);
pub(super) const FROM_A_PAGE: Kind = ("from-a-page", "Pages in a browser may not send requests", StatusCode::FORBIDDEN);
pub(super) const NO_PATH: Kind = ("no-such-path", "There is no such path", StatusCode::NOT_FOUND);
pub(super) const NO_ACCOUNT: Kind = ("no-such-account", "The account is not served here", StatusCode::NOT_FOUND);
pub(super) const NO_REQUEST: Kind = ("no-such-request", "The request is not known", StatusCode::NOT_FOUND);
pub(super) const NO_METHOD: Kind =
    ("no-such-method", "The path does not take this method", StatusCode::METHOD_NOT_ALLOWED);
pub(super) const NOT_WAITING: Kind = ("not-waiting", "The request is no longer waiting", StatusCode::CONFLICT);
pub(super) const OTHER_ACTION: Kind = ("id-taken", "The id is that of another request", StatusCode::CONFLICT);
pub(super) const NOT_PARKED: Kind = ("not-parked", "Only a parked copy can be ordered to claim", StatusCode::CONFLICT);
pub(super) const TOO_LARGE: Kind = ("body-too-large", "The body is too large", StatusCode::PAYLOAD_TOO_LARGE);
pub(super) const NOT_JSON: Kind = ("not-json", "The body is not declared as JSON", StatusCode::UNSUPPORTED_MEDIA_TYPE);
pub(super) const TOO_MANY: Kind = ("too-many-requests", "Too many requests at once", StatusCode::TOO_MANY_REQUESTS);
pub(super) const UNACKNOWLEDGED: Kind =
    ("not-acknowledged", "The brokers did not acknowledge the request", StatusCode::SERVICE_UNAVAILABLE);

/// An error with its answer.
#[derive(Debug)]
pub(super) struct Problem {
    kind: Kind,
    detail: String,
    request_id: Option<String>,
    retry_after_secs: Option<u64>,
}

/// As it is written.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl Problem {
    /// `detail` names what is wrong, why, and the mend.
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), request_id: None, retry_after_secs: None }
    }

    /// About the request with this id.
    pub(super) fn about(self, request_id: impl Into<String>) -> Self {
        Self { request_id: Some(request_id.into()), ..self }
    }

    pub(super) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_secs: Some(seconds), ..self }
    }

    pub(super) fn detail(&self) -> &str {
        &self.detail
    }
}

/// Left in an answer for the log: why not.
#[derive(Debug, Clone)]
pub(super) struct Why(pub(super) String);

/// Left in an answer for the log: the id of the request that it is about.
#[derive(Debug, Clone)]
pub(super) struct About(pub(super) String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (slug, title, status) = self.kind;
        let document = Document {
            r#type: format!("urn:ramstream:problem:{slug}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            request_id: self.request_id.as_deref(),
        };
        let body = serde_json::to_vec(&document).expect("a problem has string keys only");
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"ramstream\""));
        }
        if let Some(seconds) = self.retry_after_secs {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(Why(self.detail));
        if let Some(id) = self.request_id {
            response.extensions_mut().insert(About(id));
        }
        response
    }
}
