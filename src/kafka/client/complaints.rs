//! Why the brokers do not talk to us at all.
//!
//! The library goes on trying whatever keeps a connection from coming up, and the operation that waits for it only says
//! "timed out". The reason comes apart from it, as an event of the client, and is seen only where its events are polled.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};

use super::super::error::ClientError;
use super::failed;

/// Longer than it takes to hand over an event that is there; a poll without time ends at the first line of the log.
pub(in crate::kafka) const DRAIN: Duration = Duration::from_millis(1);

/// A failure without a reason is not told before this has passed.
const REASON_COMES_WITHIN: Duration = Duration::from_millis(500);

/// What a client has complained of since its last success. The same complaint is repeated twice a minute only, so that it
/// must be kept from one failure to the next.
#[derive(Debug, Default)]
pub(in crate::kafka) struct Complaints(Mutex<Option<Complaint>>);

#[derive(Debug, Clone)]
struct Complaint {
    code: Code,
    reason: String,
}

impl Complaint {
    /// The brokers were reached, and refuse or are refused.
    fn is_refusal(&self) -> bool {
        matches!(self.code, Code::Authentication | Code::SSL)
    }
}

impl Complaints {
    fn note(&self, error: &KafkaError, reason: &str) {
        let Some(code) = error.rdkafka_error_code() else { return };
        let complaint = Complaint { code, reason: reason.to_owned() };
        let mut last = self.last();
        if complaint.is_refusal() || !last.as_ref().is_some_and(Complaint::is_refusal) {
            *last = Some(complaint);
        }
    }

    /// The brokers have answered.
    fn forget(&self) {
        *self.last() = None;
    }

    /// The error of `operation`, with the reason if no answer came.
    pub(in crate::kafka) fn explain(&self, operation: &'static str, error: KafkaError) -> ClientError {
        let complaint = self.last().clone().filter(|_| is_silence(&error));
        match complaint {
            None => failed(operation)(error),
            Some(Complaint { code: Code::Authentication, reason }) => ClientError::Authentication { reason },
            Some(Complaint { code: Code::SSL, reason }) => ClientError::Tls { reason },
            Some(Complaint { reason, .. }) => ClientError::Failed { operation, reason: format!("{error} ({reason})") },
        }
    }

    fn last(&self) -> MutexGuard<'_, Option<Complaint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// No broker has answered; anything else is an answer.
fn is_silence(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::AllBrokersDown
                | Code::Authentication
                | Code::BrokerTransportFailure
                | Code::OperationTimedOut
                | Code::Resolve
                | Code::SSL
        )
    )
}

impl ClientContext for Complaints {
    fn error(&self, error: KafkaError, reason: &str) {
        // That all brokers are down says less than why each of them is, which is told, too.
        if error.rdkafka_error_code() != Some(Code::AllBrokersDown) {
            self.note(&error, reason);
            DefaultClientContext.error(error, reason);
        }
    }
}

impl ConsumerContext for Complaints {}

/// Asks the brokers something through a client that reads nothing. Blocks.
pub(in crate::kafka) fn ask<T>(
    client: &BaseConsumer<Complaints>,
    operation: &'static str,
    question: impl FnOnce(&BaseConsumer<Complaints>) -> KafkaResult<T>,
) -> Result<T, ClientError> {
    use rdkafka::consumer::Consumer;
    let answer = question(client);
    while client.poll(DRAIN).is_some() {}
    let complaints = client.context();
    // On a busy machine the reason comes a moment behind the failure.
    let is_unexplained =
        |answer: &KafkaResult<T>| answer.as_ref().is_err_and(is_silence) && complaints.last().is_none();
    let until = Instant::now() + REASON_COMES_WITHIN;
    while is_unexplained(&answer) && Instant::now() < until {
        client.poll(DRAIN);
    }
    match answer {
        Ok(answer) => {
            complaints.forget();
            Ok(answer)
        }
        Err(error) => Err(complaints.explain(operation, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMED_OUT: KafkaError = KafkaError::MetadataFetch(Code::OperationTimedOut);

    fn complained(of: &[(Code, &str)]) -> Complaints {
        let complaints = Complaints::default();
        of.iter().for_each(|(code, reason)| complaints.error(KafkaError::Global(*code), reason));
        complaints
    }

    #[test]
    fn a_refused_login_outweighs_the_lost_connections_around_it() {
        let complaints = complained(&[
            (Code::BrokerTransportFailure, "disconnected"),
            (Code::Authentication, "wrong password"),
            (Code::BrokerTransportFailure, "disconnected"),
            (Code::AllBrokersDown, "1/1 brokers are down"),
        ]);
        let error = complaints.explain("metadata", TIMED_OUT);
        assert!(matches!(&error, ClientError::Authentication { reason } if reason == "wrong password"), "{error}");
    }

    #[test]
    fn a_lost_connection_is_told_with_its_reason_and_not_as_that_all_brokers_are_down() {
        let of = [(Code::BrokerTransportFailure, "connection refused"), (Code::AllBrokersDown, "1/1 are down")];
        let error = complained(&of).explain("metadata", TIMED_OUT);
        assert!(matches!(&error, ClientError::Failed { .. }) && error.to_string().contains("(connection refused)"));
    }

    #[test]
    fn an_answer_is_never_explained_by_an_old_complaint() {
        let complaints = complained(&[(Code::SSL, "certificate")]);
        let denied = KafkaError::MetadataFetch(Code::TopicAuthorizationFailed);
        assert!(matches!(complaints.explain("metadata", denied), ClientError::Failed { .. }));
        assert!(matches!(complaints.explain("metadata", TIMED_OUT), ClientError::Tls { .. }));
        complaints.forget();
        assert!(matches!(complaints.explain("metadata", TIMED_OUT), ClientError::Failed { .. }));
    }
}
