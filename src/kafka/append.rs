//! One record more at the end of a topic, outside any transaction: acknowledged, or an error.
//!
//! A client a record: this is for requests of people, which are rare, and no broken client is ever kept.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::client::{Client, blocking, refused};
use super::connection::{Connection, Record};
use super::error::{AppendError, ClientError};

const POLL: Duration = Duration::from_millis(10);
/// What the client's own time limit is given to tell of itself.
const GRACE: Duration = Duration::from_secs(1);

/// Where the record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

/// Appends `record` and waits until all in-sync replicas have it, for at most the connection's `request_timeout`.
///
/// # Errors
/// There is no such topic, it may not be written, or nobody acknowledged the record in time: then it may stand there
/// all the same.
pub async fn append(connection: &Arc<Connection>, record: Record) -> Result<Appended, AppendError> {
    #[cfg(feature = "simulation")]
    if connection.model.is_some() {
        let reason = "the model cluster takes transactions only".to_owned();
        return Err(ClientError::Failed { operation: "append", reason }.into());
    }
    let connection = Arc::clone(connection);
    let topic = record.topic.to_string();
    let delivered = blocking("append", move || {
        let made = connection.appender().create_with_context(Delivery::default()).map_err(refused)?;
        // Dropped off the async threads: it purges and joins its own.
        let client = Client::new(made);
        send(&client.share(), &record, Instant::now() + connection.request_timeout + GRACE)
    });
    delivered.await?.map_err(|error| match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
            AppendError::NoTopic { topic }
        }
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => AppendError::Denied { topic },
        _ => AppendError::Unacknowledged { topic, reason: error.to_string() },
    })
}

/// What became of the one record.
#[derive(Debug, Default)]
struct Delivery(Mutex<Option<Result<Appended, KafkaError>>>);

impl ClientContext for Delivery {}

impl ProducerContext for Delivery {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let result = match result {
            Ok(message) => Ok(Appended { partition: message.partition(), offset: message.offset() }),
            Err((error, _)) => Err(error.clone()),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }
}

fn send(
    producer: &BaseProducer<Delivery>,
    record: &Record,
    deadline: Instant,
) -> Result<Result<Appended, KafkaError>, ClientError> {
    let mut message = BaseRecord::<[u8], [u8], ()>::to(&record.topic).key(record.key.as_slice());
    message.partition = record.partition;
    message.payload = record.value.as_deref();
    if let Err((error, _)) = producer.send(message) {
        return Ok(Err(error));
    }
    loop {
        producer.poll(POLL);
        let told = producer.context().0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(result) = told {
            return Ok(result);
        }
        if Instant::now() >= deadline {
            return Err(ClientError::Failed { operation: "append", reason: "the time is up".to_owned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;

    use super::*;

    fn record(topic: &str) -> Record {
        Record {
            topic: topic.into(),
            partition: None,
            key: b"5481".to_vec(),
            value: Some(b"{}".to_vec()),
            headers: vec![],
        }
    }

    #[tokio::test]
    async fn a_record_is_acknowledged_with_the_place_where_it_stands() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("control", 1, 1).unwrap();
        let connection = Arc::new(Connection::new(vec![cluster.bootstrap_servers()]));
        let first = append(&connection, record("control")).await.unwrap();
        let second = append(&connection, record("control")).await.unwrap();
        assert_eq!((first, second), (Appended { partition: 0, offset: 0 }, Appended { partition: 0, offset: 1 }));
    }

    #[tokio::test]
    async fn nobody_there_is_no_acknowledgement_and_says_that_the_record_may_stand_there() {
        let mut connection = Connection::new(vec!["127.0.0.1:1".to_owned()]);
        connection.request_timeout = Duration::from_millis(300);
        let error = append(&Arc::new(connection), record("control")).await.unwrap_err();
        assert!(matches!(&error, AppendError::Unacknowledged { topic, .. } if topic == "control"), "{error:?}");
        assert!(error.to_string().contains("it may have been written all the same"), "{error}");
    }
}
