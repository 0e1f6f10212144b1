//! What an outcome looks like as an HTTP response: status, body, and what a fault does to them.

use jiff::Timestamp;

use super::error::ServiceError;
use super::faults::Effect;
use super::request::Request;
use super::service::Outcome;

/// What goes back over the connection.
#[derive(Debug)]
pub(super) enum Answered {
    /// A response.
    Response {
        /// HTTP status.
        status: u16,
        /// The body.
        body: Vec<u8>,
        /// For `x-acs-request-id`.
        request_id: String,
        /// For `Date`.
        date: Timestamp,
        /// For `x-acs-retry-after`.
        retry_after_ms: Option<u64>,
        /// What the connection does to it.
        damage: Damage,
    },
    /// Nothing: the connection ends.
    Nothing,
}

impl Answered {
    /// HTTP status; 0 where the connection ends instead.
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Response { status, .. } => *status,
            Self::Nothing => 0,
        }
    }
}

/// What the connection does to a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// Nothing.
    None,
    /// It is a gateway's HTML page instead.
    Html,
    /// The connection ends after half of the body.
    CutOff,
}

/// Puts `outcome` into a response.
pub(super) fn respond(outcome: &Outcome, request: &Request, request_id: &str, date: Timestamp) -> Answered {
    let effect = outcome.fault.as_ref().map(|fault| fault.fault);
    let (status, mut body, retry_after_ms) = match &outcome.reply {
        Ok(reply) => (200, reply.body(request_id), None),
        Err(error) => (error.status, error_body(error, request, request_id), error.retry_after_ms),
    };
    let damage = match effect {
        Some(Effect::Reset | Effect::ResetAfter) => return Answered::Nothing,
        Some(Effect::Html) => Damage::Html,
        Some(Effect::TruncateBody) => Damage::CutOff,
        Some(Effect::TruncateJson) => {
            body.truncate(body.len() / 2);
            Damage::None
        }
        _ => Damage::None,
    };
    let status = if damage == Damage::Html { 502 } else { status };
    Answered::Response { status, body, request_id: request_id.to_owned(), date, retry_after_ms, damage }
}

fn error_body(error: &ServiceError, request: &Request, request_id: &str) -> Vec<u8> {
    let mut body = serde_json::json!({
        "RequestId": request_id,
        "HostId": request.header("host").unwrap_or_default(),
        "Code": error.code,
        "Message": error.message,
        "Recommend": format!("https://api.aliyun.com/troubleshoot?q={}", error.code),
    });
    if error.status == 403 {
        body["AccessDeniedDetail"] = serde_json::json!({ "NoPermissionType": "ImplicitDeny" });
    }
    body.to_string().into_bytes()
}
