//! What can be known of the brokers by asking, without a record written or a running writer disturbed.
//!
//! A right to write cannot be tried so: only a record shows it. That is left to whoever says what was looked at.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::client::{Client, Complaints, Producer, ask, blocking, failed, refused};
use super::connection::Connection;
use super::error::ClientError;

const POLL: Duration = Duration::from_millis(100);

/// The brokers as any of them tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brokers {
    /// How many the cluster has.
    pub count: usize,
}

/// Asks any broker which brokers there are. `topic` may be any name: whoever asks of no topic is told of all.
///
/// # Errors
/// None of them answered, and why.
pub async fn brokers(connection: &Arc<Connection>, topic: &str) -> Result<Brokers, ClientError> {
    let (connection, topic) = (Arc::clone(connection), topic.to_owned());
    blocking("metadata", move || {
        let made = connection.watermark_client().create_with_context(Complaints::default());
        let client: BaseConsumer<_> = made.map_err(refused)?;
        let timeout = connection.request_timeout;
        let metadata = ask(&client, "metadata", |client| client.fetch_metadata(Some(&topic), timeout))?;
        Ok(Brokers { count: metadata.brokers().len() })
    })
    .await
}

/// What came of reading at the end of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MayRead {
    /// The brokers let this user fetch.
    pub topic: bool,
    /// They let it know of the group that the library asks for; nothing hangs on that but lines in the log.
    pub group: bool,
}

/// Fetches at the end of the first partition of `topic`, which has to be there, with the group that readers name.
///
/// # Errors
/// The brokers gave no answer.
pub async fn may_read(connection: &Arc<Connection>, topic: &str) -> Result<MayRead, ClientError> {
    let (connection, topic) = (Arc::clone(connection), topic.to_owned());
    blocking("read", move || {
        let made = at_the_end(&connection).create_with_context(Complaints::default()).map_err(refused)?;
        let client: Client<BaseConsumer<Complaints>> = Client::new(made);
        let consumer = client.share();
        ask(&consumer, "metadata", |consumer| consumer.fetch_metadata(Some(&topic), connection.request_timeout))?;
        let mut assignment = TopicPartitionList::new();
        let assigned = assignment.add_partition_offset(&topic, 0, Offset::End);
        assigned.and_then(|()| consumer.assign(&assignment)).map_err(failed("assign"))?;
        until_told(&consumer, Instant::now() + connection.request_timeout)
    })
    .await
}

/// Says so when there is nothing more to read: that is the answer which proves that reading is allowed.
fn at_the_end(connection: &Connection) -> ClientConfig {
    let mut config = connection.reader();
    config.set("enable.partition.eof", "true").set("isolation.level", "read_uncommitted");
    config
}

fn until_told(consumer: &BaseConsumer<Complaints>, deadline: Instant) -> Result<MayRead, ClientError> {
    let mut group = true;
    while Instant::now() < deadline {
        match consumer.poll(POLL) {
            None => {}
            Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => return Ok(MayRead { topic: true, group }),
            Some(Err(error)) => match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::TopicAuthorizationFailed) => return Ok(MayRead { topic: false, group }),
                Some(RDKafkaErrorCode::GroupAuthorizationFailed) => group = false,
                Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown) => {}
                _ => return Err(consumer.context().explain("read", error)),
            },
        }
    }
    Err(ClientError::Failed { operation: "read", reason: "the brokers did not answer in time".to_owned() })
}

/// Makes a transactional producer with this id and begins nothing with it. Whoever else uses the id is fenced: it must
/// be no writer's. The brokers remember an id for some days (`transactional.id.expiration.ms`), and nothing else of it.
///
/// # Errors
/// No transactions, no right to this id, or no answer.
pub async fn transactions(connection: &Arc<Connection>, transactional_id: &str) -> Result<(), ClientError> {
    let made = Producer::create_and_init(Arc::clone(connection), transactional_id.to_owned(), String::new());
    made.await.map(drop)
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;

    use super::*;

    #[tokio::test]
    async fn an_empty_topic_can_be_read_to_its_end_and_brokers_are_counted() {
        let cluster = MockCluster::new(2).unwrap();
        cluster.create_topic("state", 1, 1).unwrap();
        let connection = Arc::new(Connection::new(vec![cluster.bootstrap_servers()]));
        assert_eq!(brokers(&connection, "state").await.unwrap(), Brokers { count: 2 });
        assert_eq!(may_read(&connection, "state").await.unwrap(), MayRead { topic: true, group: true });
    }

    #[tokio::test]
    async fn nobody_there_is_an_error_that_says_why() {
        let mut connection = Connection::new(vec!["127.0.0.1:1".to_owned()]);
        connection.request_timeout = Duration::from_millis(500);
        let error = brokers(&Arc::new(connection), "state").await.unwrap_err();
        assert!(error.to_string().contains("Connection refused"), "{error}");
    }
}
