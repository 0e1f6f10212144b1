//! What can go wrong with a call, sorted by what the caller can do about it.
//!
//! Promises that the *code* of the service decides, never the HTTP status (throttling is a 400, an unknown
//! AccessKeyId a 404 like a missing user), and that no message of a service is kept: the message of
//! `SignatureDoesNotMatch` repeats the string that was signed, others repeat names.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::answer::window;
use super::credentials::CredentialsError;
use super::error_body::ErrorBody;
use super::exchange::{ExchangeError, Reply};
use super::operation::Operation;
use super::retry::{Again, Failed};
use super::wire;
use crate::model::{Reason, Unknown, Window};

/// The service's refusal of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The operation that was called.
    pub operation: &'static Operation,
    /// The HTTP status.
    pub status: u16,
    /// The service's code; none if the answer is not the service's (a proxy's page, say).
    pub code: Option<String>,
    /// The id that the vendor's support asks for.
    pub request_id: Option<String>,
    /// When it was answered; none if the answer has no date. On the heap: every call's result has room for a refusal.
    pub window: Option<Box<Window>>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.as_deref().unwrap_or("no error code");
        let request_id = self.request_id.as_deref().unwrap_or("unknown");
        write!(f, "{}: {code} (status {}, request id {request_id})", self.operation, self.status)
    }
}

/// Why a call has no result. Everything that could be repeated has been repeated, as long as time allowed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Still throttled when the time budget was used up: wait, or ask for a smaller share of the quota.
    #[error("throttled until the time budget was used up: {0}")]
    Throttled(Refusal),
    /// Grant the operation's [`Operation::ram_action`].
    #[error("not permitted, grant {action}: {0}", action = needed_action(.0))]
    Denied(Refusal),
    /// Mend the credentials.
    #[error("the credentials are refused: {0}")]
    Unauthenticated(Refusal),
    /// Set the clock: it was corrected by the service's `Date` once, and refused again.
    #[error("this machine's clock differs from the service's by more than it accepts: {0}")]
    ClockApart(Refusal),
    /// What was asked for is not there (`EntityNotExist…`).
    #[error("not found: {0}")]
    NotFound(Refusal),
    /// The service does not accept the call for another reason; repeating it does not help.
    #[error("rejected: {0}")]
    Rejected(Refusal),
    /// The service failed until the time budget was used up: wait.
    #[error("unavailable: {0}")]
    Unavailable(Refusal),
    /// No reply until the time budget was used up: mend the network, or wait.
    #[error("no reply from {operation}")]
    NoReply {
        /// The operation that was called.
        operation: &'static Operation,
        /// Why there was no reply to the last attempt.
        #[source]
        source: ExchangeError,
    },
    /// An answer that breaks the service's own rules: nothing can be concluded from it.
    #[error("the reply of {operation} {what} (request id {})", request_id.as_deref().unwrap_or("unknown"))]
    BrokenReply {
        /// The operation that was called.
        operation: &'static Operation,
        /// The id that the vendor's support asks for.
        request_id: Option<String>,
        /// What is wrong with it; holds no value from the reply.
        what: String,
    },
    /// The time budget was used up before it was this call's turn.
    #[error("the time budget was used up before it was the turn of {operation}")]
    OutOfTime {
        /// The operation that was to be called.
        operation: &'static Operation,
    },
    /// The credentials belong to another account. Nothing else was called with them.
    #[error("the credentials belong to account {found}, not to {expected}: use credentials of {expected}")]
    ForeignAccount {
        /// The account of the configuration.
        expected: String,
        /// The account that the credentials belong to.
        found: String,
    },
    /// There are no credentials to sign with.
    #[error("no credentials for {operation}")]
    NoCredentials {
        /// The operation that was to be called.
        operation: &'static Operation,
        /// Which link of the chain, and why.
        #[source]
        source: CredentialsError,
    },
}

impl CallError {
    pub(super) fn broken_reply(
        operation: &'static Operation,
        request_id: Option<String>,
        what: impl Into<String>,
    ) -> Self {
        Self::BrokenReply { operation, request_id, what: what.into() }
    }

    /// Whether the service said that the entity itself (`EntityNotExist.User` for `User`) does not exist.
    #[must_use]
    pub fn says_gone(&self, entity: &str) -> bool {
        let Self::NotFound(Refusal { code: Some(code), .. }) = self else { return false };
        // ResourceManager and CloudSSO spell it with an s.
        ["EntityNotExist.", "EntityNotExists."].iter().any(|word| code.strip_prefix(word) == Some(entity))
    }

    /// When the service said that there is no such thing: `EntityNotExist.User.LoginProfile` for `User.LoginProfile`, which
    /// is an answer as any other. The code decides, never the status.
    pub(super) fn none_of(&self, entity: &str) -> Option<Window> {
        match self {
            Self::NotFound(refusal) if self.says_gone(entity) => refusal.window.as_deref().copied(),
            _ => None,
        }
    }

    /// The kind of error, for records.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Throttled(_) => Reason::Throttled,
            Self::Denied(_) => Reason::Denied,
            Self::NoReply { source: ExchangeError::UnsendableHeader(_), .. }
            | Self::Unauthenticated(_)
            | Self::ClockApart(_)
            | Self::ForeignAccount { .. } => Reason::Unauthenticated,
            Self::NoCredentials { source, .. } => source.reason(),
            // Only what was listed is asked for by name, so a parent vanished.
            Self::NotFound(_) => Reason::ParentGone,
            Self::Rejected(_) | Self::BrokenReply { .. } => Reason::Protocol,
            Self::Unavailable(_) | Self::NoReply { .. } => Reason::Unavailable,
            Self::OutOfTime { .. } => Reason::OutOfTime,
        }
    }
}

impl From<CallError> for Unknown {
    fn from(error: CallError) -> Self {
        let mut detail = error.to_string();
        let mut cause = error.source();
        while let Some(source) = cause {
            detail.push_str(": ");
            detail.push_str(&source.to_string());
            cause = source.source();
        }
        Self::new(error.reason(), detail)
    }
}

fn needed_action(refusal: &Refusal) -> &'static str {
    refusal.operation.ram_action.unwrap_or("the operation")
}

/// Sorts a failed exchange.
pub(super) fn judge_exchange(operation: &'static Operation, source: ExchangeError) -> Failed {
    let again = match source {
        ExchangeError::TooLarge => {
            let error = CallError::broken_reply(operation, None, source.to_string());
            return Failed { error, again: Again::AFewTimes };
        }
        ExchangeError::UnsendableHeader(_) | ExchangeError::BudgetUsedUp => Again::Never,
        ExchangeError::Connect(_) | ExchangeError::TimedOut(_) | ExchangeError::BrokenOff(_) => {
            Again::After(Duration::ZERO)
        }
    };
    Failed { error: CallError::NoReply { operation, source }, again }
}

/// Sorts a reply that is not a success.
pub(super) fn judge_refusal(operation: &'static Operation, reply: &Reply, clock_offset_secs: Option<i64>) -> Failed {
    let ErrorBody { code, request_id, .. } = ErrorBody::of(reply);
    let meaning = Meaning::of(code.as_deref(), reply.status);
    let window = wire::date(&reply.headers).map(|date| Box::new(window(date, reply.duration)));
    let refusal = Refusal { operation, status: reply.status, code, request_id, window };
    let pause = wire::retry_after(&reply.headers).unwrap_or_default();
    let (error, again) = match meaning {
        Meaning::Throttled => (CallError::Throttled(refusal), Again::After(pause)),
        Meaning::Unavailable => (CallError::Unavailable(refusal), Again::After(pause)),
        Meaning::ClockApart => {
            (CallError::ClockApart(refusal), clock_offset_secs.map_or(Again::Never, Again::WithClockOffset))
        }
        Meaning::Denied => (CallError::Denied(refusal), Again::Never),
        Meaning::Unauthenticated => (CallError::Unauthenticated(refusal), Again::Never),
        Meaning::NotFound => (CallError::NotFound(refusal), Again::Never),
        Meaning::Rejected => (CallError::Rejected(refusal), Again::Never),
        Meaning::NotTheService => {
            let what = format!("is a status {} without an error code: something between answered", reply.status);
            (CallError::broken_reply(operation, refusal.request_id, what), Again::AFewTimes)
        }
    };
    Failed { error, again }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Throttled,
    Unavailable,
    ClockApart,
    Denied,
    Unauthenticated,
    NotFound,
    Rejected,
    NotTheService,
}

/// Beginnings of codes, and what they mean; the first that fits decides.
const CODES: &[(&str, Meaning)] = &[
    ("Throttling", Meaning::Throttled),
    ("Rejected.Throttling", Meaning::Throttled),
    ("ServiceUnavailable", Meaning::Unavailable),
    // KMS and its neighbours really spell it so.
    ("SerivceUnavailable", Meaning::Unavailable),
    ("InternalError", Meaning::Unavailable),
    ("InternalFailure", Meaning::Unavailable),
    // Our nonces are fresh for every attempt: a proxy repeated the request.
    ("SignatureNonceUsed", Meaning::Unavailable),
    ("InvalidTimeStamp.Expired", Meaning::ClockApart),
    ("InvalidTimeStamp", Meaning::Unauthenticated),
    ("InvalidAccessKey", Meaning::Unauthenticated),
    ("InvalidSecurityToken", Meaning::Unauthenticated),
    ("MissingSecurityToken", Meaning::Unauthenticated),
    ("SecurityTokenExpired", Meaning::Unauthenticated),
    ("SignatureDoesNotMatch", Meaning::Unauthenticated),
    ("IncompleteSignature", Meaning::Unauthenticated),
    ("InvalidSignature", Meaning::Unauthenticated),
    ("NoPermission", Meaning::Denied),
    ("Forbidden", Meaning::Denied),
    ("NotAuthorized", Meaning::Denied),
    ("AccessDenied", Meaning::Denied),
    ("AuthenticationFail", Meaning::Unauthenticated),
    ("EntityNotExist", Meaning::NotFound),
];

impl Meaning {
    /// The status counts only where there is no code, or one that says nothing on its own.
    fn of(code: Option<&str>, status: u16) -> Self {
        let known = code.and_then(|code| CODES.iter().find(|(start, _)| code.starts_with(start)));
        match (known, code, status) {
            (Some((_, meaning)), _, _) => *meaning,
            (None, _, 500..) => Self::Unavailable,
            (None, None, 429) => Self::Throttled,
            (None, None, _) => Self::NotTheService,
            (None, Some(_), _) => Self::Rejected,
        }
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
