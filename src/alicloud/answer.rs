//! What a single reply means: an answer with the time in which it was made, or a failure.
//!
//! Promises that a status 200 alone is no answer: the body must be what the operation gives, and the reply
//! must carry the service's date. Knows no waiting and no repeating.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use tracing::{Span, debug};

use super::credentials::Credentials;
use super::error::{CallError, judge_refusal};
use super::error_body::ErrorBody;
use super::exchange::Reply;
use super::operation::Operation;
use super::retry::{Again, Failed};
use super::wire;
use crate::ambient;
use crate::model::Window;

/// A single item, and when it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Dated<T> {
    /// The item.
    pub item: T,
    /// When it was read.
    pub window: Window,
}

/// A reply that was understood.
pub(super) struct Answer<T> {
    pub(super) item: T,
    pub(super) window: Window,
    pub(super) request_id: Option<String>,
}

impl<T> Answer<T> {
    pub(super) fn map<U>(self, turn: impl FnOnce(T) -> U) -> Answer<U> {
        Answer { item: turn(self.item), window: self.window, request_id: self.request_id }
    }

    pub(super) fn dated(self) -> Dated<T> {
        Dated { item: self.item, window: self.window }
    }
}

/// Makes an answer of a reply, and tells the current span about it. Without `credentials` by which to tell whether a
/// message repeats a secret, no message is told.
pub(super) fn judge<T: DeserializeOwned>(
    operation: &'static Operation,
    credentials: Option<&Credentials>,
    reply: &Reply,
) -> Result<Answer<T>, Failed> {
    Span::current().record("status", reply.status);
    let date = wire::date(&reply.headers);
    if reply.status != 200 {
        tell_refusal(credentials, reply);
        // Both clocks are taken now: the reply has just arrived.
        let offset_secs = date.map(|date| date.as_second() - ambient::now().as_second());
        return Err(judge_refusal(operation, reply, offset_secs));
    }
    let request_id = wire::request_id(&reply.headers);
    if let Some(request_id) = &request_id {
        Span::current().record("request_id", request_id);
    }
    let parsed = date.ok_or_else(|| "has no readable Date header".to_owned());
    let parsed = parsed.and_then(|date| Ok((window(date, reply.duration), wire::parse(&reply.body)?)));
    match parsed {
        Ok((window, item)) => {
            debug!("answered");
            Ok(Answer { item, window, request_id })
        }
        Err(what) => {
            debug!(what, "unreadable");
            Err(Failed { error: CallError::broken_reply(operation, request_id, what), again: Again::AFewTimes })
        }
    }
}

fn tell_refusal(credentials: Option<&Credentials>, reply: &Reply) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let ErrorBody { code, request_id, message } = ErrorBody::of(reply);
    Span::current().record("code", code).record("request_id", request_id);
    // Whatever answers may repeat what it was sent.
    let message = message.filter(|message| credentials.is_some_and(|credentials| !credentials.are_in(message)));
    debug!(message, "refused");
}

/// The time in which a single reply was made, by the service's clock.
pub(super) fn window(date: Timestamp, duration: Duration) -> Window {
    let begun_at = SignedDuration::try_from(duration)
        .ok()
        .and_then(|duration| date.checked_sub(duration).ok())
        .and_then(|begun_at| Timestamp::from_second(begun_at.as_second()).ok())
        .unwrap_or(Timestamp::MIN);
    let ended_at = date.checked_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX);
    Window { begun_at, ended_at }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::window;

    #[test]
    fn a_window_begins_before_the_request_was_sent_and_ends_after_the_reply_was_made() {
        for (millis, begun_at) in [(0, "30"), (1, "29"), (1000, "29"), (1100, "28"), (20_500, "09")] {
            let window = window("2026-11-24T06:36:30Z".parse().unwrap(), Duration::from_millis(millis));
            assert_eq!(window.begun_at.to_string(), format!("2026-11-24T06:36:{begun_at}Z"), "{millis} ms");
            assert_eq!(window.ended_at.to_string(), "2026-11-24T06:36:31Z");
        }
    }
}
