//! The Kafka client as [`super::log`] and [`super::attempt`] see it: nine operations and nothing else.
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
//! | how many partitions | [`WatermarkClient::partitions`] |
//! | poll and position | [`Reader::poll`] |
//!
//! Every operation is asynchronous and runs its blocking part on a blocking thread. `log` and `attempt` use
//! these and never name the Kafka library; with the feature `simulation` (tests only) a connection may lead
//! to a `model` cluster instead, which offers the same nine.
//!
//! Giving up on a future here does not stop the operation: a commit under way goes on. That is the same
//! as a lost answer, and is handled as one.

mod ahead;
mod complaints;
mod deliveries;
mod producer;
mod reader;

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::connection::{Connection, Record, Records};
use super::error::ClientError;
#[cfg(feature = "simulation")]
use super::model;

pub(super) use complaints::{Complaints, ask};
pub use deliveries::{ProducerObserver, ProducerReport};
pub(super) use reader::Polled;
#[cfg(feature = "simulation")]
pub(super) use reader::ReadBatch;
pub use reader::Watermarks;

/// A producer for one transaction. Dropping it aborts nothing: the next init of the same id does that, with a
/// higher epoch.
pub(super) enum Producer {
    Kafka(producer::Producer),
    #[cfg(feature = "simulation")]
    Model(Box<model::Producer>),
}

impl Producer {
    /// Makes a producer and fences every older one with the same id. `watched_topic` is the topic whose
    /// [`acknowledged_offset`](Self::acknowledged_offset) is asked for.
    pub(super) async fn create_and_init(
        connection: Arc<Connection>,
        transactional_id: String,
        watched_topic: String,
    ) -> Result<Self, ClientError> {
        #[cfg(feature = "simulation")]
        if let Some(link) = connection.model.clone() {
            let made = model::Producer::create_and_init(link, &connection, transactional_id, watched_topic);
            return made.await.map(|producer| Self::Model(Box::new(producer)));
        }
        producer::Producer::create_and_init(connection, transactional_id, watched_topic).await.map(Self::Kafka)
    }

    /// Begins the one transaction.
    pub(super) async fn begin(&mut self) -> Result<(), ClientError> {
        match self {
            Self::Kafka(producer) => producer.begin().await,
            #[cfg(feature = "simulation")]
            Self::Model(producer) => producer.begin(),
        }
    }

    /// Sends one record to the watched topic and waits for its offset.
    pub(super) async fn send(&mut self, record: Record, deadline: Instant) -> Result<i64, ClientError> {
        self.send_all(Box::new(std::iter::once(Ok(record))), deadline).await?;
        self.acknowledged_offset().ok_or(ClientError::Failed {
            operation: "send",
            reason: "the broker acknowledged a record without an offset".to_owned(),
        })
    }

    /// Sends records as they come out of `records` and waits until each is delivered; anything less is
    /// an error. Returns how many were delivered by this call.
    pub(super) async fn send_all(&mut self, records: Records, deadline: Instant) -> Result<u64, ClientError> {
        match self {
            Self::Kafka(producer) => producer.send_all(records, deadline).await,
            #[cfg(feature = "simulation")]
            Self::Model(producer) => producer.send_all(records, deadline.into()).await,
        }
    }

    /// The highest offset that the broker acknowledged in the watched topic.
    pub(super) fn acknowledged_offset(&self) -> Option<i64> {
        match self {
            Self::Kafka(producer) => producer.acknowledged_offset(),
            #[cfg(feature = "simulation")]
            Self::Model(producer) => producer.acknowledged_offset(),
        }
    }

    /// Commits, without a time-out of our own: a finite one leaves client and coordinator out of step.
    pub(super) async fn commit(self) -> Result<(), ClientError> {
        match self {
            Self::Kafka(producer) => producer.commit().await,
            #[cfg(feature = "simulation")]
            Self::Model(producer) => producer.commit().await,
        }
    }
}

/// A `read_uncommitted` client, asked only where a partition ends.
pub(super) enum WatermarkClient {
    Kafka(reader::WatermarkClient),
    #[cfg(feature = "simulation")]
    Model(model::WatermarkClient),
}

impl WatermarkClient {
    /// Makes the client; connects on the first question.
    pub(super) fn create(connection: &Connection) -> Result<Self, ClientError> {
        #[cfg(feature = "simulation")]
        if let Some(link) = connection.model.clone() {
            return Ok(Self::Model(model::WatermarkClient::create(link, connection)));
        }
        reader::WatermarkClient::create(connection).map(Self::Kafka)
    }

    /// Asks any broker how many partitions the topic has.
    pub(super) async fn partitions(&self, topic: &str) -> Result<i32, ClientError> {
        match self {
            Self::Kafka(client) => client.partitions(topic).await,
            #[cfg(feature = "simulation")]
            Self::Model(client) => client.partitions(topic).await,
        }
    }

    /// Asks the partition's leader.
    pub(super) async fn watermarks(&self, topic: &str, partition: i32) -> Result<Watermarks, ClientError> {
        match self {
            Self::Kafka(client) => client.watermarks(topic, partition).await,
            #[cfg(feature = "simulation")]
            Self::Model(client) => client.watermarks(topic, partition).await,
        }
    }
}

/// A `read_committed` reader of one partition.
pub(super) enum Reader {
    Kafka(reader::Reader),
    #[cfg(feature = "simulation")]
    Model(model::Reader),
}

impl Reader {
    /// Starts reading at `offset`.
    pub(super) async fn open(
        connection: Arc<Connection>,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<Self, ClientError> {
        #[cfg(feature = "simulation")]
        if let Some(link) = connection.model.clone() {
            return model::Reader::open(link, &connection, topic, partition, offset).await.map(Self::Model);
        }
        reader::Reader::open(connection, topic, partition, offset).await.map(Self::Kafka)
    }

    /// Waits up to `wait` for a first record, then takes what is at hand.
    pub(super) async fn poll(&mut self, wait: Duration) -> Result<Polled, ClientError> {
        match self {
            Self::Kafka(reader) => reader.poll(wait).await,
            #[cfg(feature = "simulation")]
            Self::Model(reader) => reader.poll(wait).await,
        }
    }
}

/// Runs `operation` where blocking is allowed.
pub(super) async fn blocking<T: Send + 'static>(
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

/// Wraps the error of `operation`. The codes looked at are facts about brokers, rights and topics, not about
/// the fate of a transaction.
pub(super) fn failed(operation: &'static str) -> impl Fn(KafkaError) -> ClientError {
    move |error| match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::UnsupportedFeature) if operation == "init_transactions" => {
            ClientError::TransactionsUnsupported
        }
        Some(RDKafkaErrorCode::TransactionalIdAuthorizationFailed) => ClientError::TransactionalIdDenied,
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
