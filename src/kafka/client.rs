//! The Kafka client as [`super::log`] and [`super::attempt`] see it: eight operations and nothing else.
//!
//! | operation | here |
//! |---|---|
//! | create and init | [`Producer::create_and_init`] |
//! | begin | [`Producer::begin`] |
//! | send one record → its offset | [`Producer::send`] |
//! | send many → how many were delivered | [`Producer::send_all`] |
//! | commit | [`Producer::commit`], which uses the producer up: one transaction per producer |
//! | drop | dropping the value; there is no abort |
//! | watermark | [`WatermarkClient::watermarks`] |
//! | poll and position | [`Reader::poll`] |
//!
//! Every operation is asynchronous and runs its blocking part on a blocking thread. A broker made for
//! simulation offers the same eight: `log` and `attempt` use these and never name the Kafka library.
//!
//! Giving up on a future here does not stop the operation: a commit under way goes on. That is the same
//! as a lost answer, and is handled as one.

mod producer;
mod reader;

use std::sync::Arc;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::error::ClientError;

pub(super) use producer::Producer;
pub use reader::Watermarks;
pub(super) use reader::{Polled, Reader, WatermarkClient};

/// Runs `operation` where blocking is allowed.
async fn blocking<T: Send + 'static>(
    name: &'static str,
    operation: impl FnOnce() -> Result<T, ClientError> + Send + 'static,
) -> Result<T, ClientError> {
    match tokio::task::spawn_blocking(operation).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(ClientError::Failed { operation: name, reason: cancelled.to_string() }),
        },
    }
}

/// A client of the library. Dropping one may take half a second (it purges, leaves, joins its threads),
/// so that is not done on an async thread.
pub(super) struct Client<T: Send + Sync + 'static>(Option<Arc<T>>);

impl<T: Send + Sync + 'static> Client<T> {
    pub(super) fn new(client: T) -> Self {
        Self(Some(Arc::new(client)))
    }

    pub(super) fn share(&self) -> Arc<T> {
        Arc::clone(self.0.as_ref().expect("only drop takes the client"))
    }
}

impl<T: Send + Sync + 'static> Drop for Client<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn_blocking(move || drop(client));
        }
    }
}

/// Wraps the error of `operation`. The two codes looked at are facts about brokers and topics, not about
/// the fate of a transaction.
fn failed(operation: &'static str) -> impl Fn(KafkaError) -> ClientError {
    move |error| match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::UnsupportedFeature) if operation == "init_transactions" => {
            ClientError::TransactionsUnsupported
        }
        Some(RDKafkaErrorCode::AutoOffsetReset) => ClientError::OffsetOutOfRange,
        _ => ClientError::Failed { operation, reason: error.to_string() },
    }
}

/// A refused configuration: librdkafka's words and the property, not the value (it may be a secret).
pub(super) fn refused(error: KafkaError) -> ClientError {
    let reason = match error {
        KafkaError::ClientConfig(_, text, name, _) => format!("`{name}`: {text}"),
        other => other.to_string(),
    };
    ClientError::Configuration { reason }
}
