//! What is asked of the brokers about topics. Every question is one that creates nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;

use super::super::client::{Complaints, ask, refused};
use super::super::connection::Connection;
use super::super::error::TopicsError;
use super::{Creation, Finding, Presence, Severity, TopicSpec};

pub(super) type Admin = AdminClient<DefaultClientContext>;

/// One topic in the brokers' metadata.
pub(super) struct Seen {
    pub(super) brokers: usize,
    pub(super) shape: Shape,
}

pub(super) enum Shape {
    Missing,
    Denied,
    There { partitions: i32, replicas: i32 },
}

/// Asks through a consumer, topic by topic: the one client that never creates a topic by asking.
pub(super) async fn describe(connection: &Arc<Connection>, plan: &[TopicSpec]) -> Result<Vec<Seen>, TopicsError> {
    let connection = Arc::clone(connection);
    let names: Vec<String> = plan.iter().map(|spec| spec.name.clone()).collect();
    let described = tokio::task::spawn_blocking(move || {
        let made = connection.watermark_client().create_with_context(Complaints::default());
        let client: BaseConsumer<_> = made.map_err(refused)?;
        names.iter().map(|name| describe_one(&client, name, connection.request_timeout)).collect()
    });
    described.await.map_err(|error| TopicsError::Unanswered { reason: error.to_string() })?
}

fn describe_one(client: &BaseConsumer<Complaints>, name: &str, timeout: Duration) -> Result<Seen, TopicsError> {
    let metadata = ask(client, "metadata", |client| client.fetch_metadata(Some(name), timeout))?;
    let brokers = metadata.brokers().len();
    let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name) else {
        return Ok(Seen { brokers, shape: Shape::Missing });
    };
    let shape = match topic.error().map(RDKafkaErrorCode::from) {
        None => there(topic),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Shape::Missing,
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Shape::Denied,
        Some(code) => return Err(TopicsError::Unanswered { reason: format!("{name}: {code}") }),
    };
    Ok(Seen { brokers, shape })
}

/// The fewest replicas of any partition count.
fn there(topic: &MetadataTopic) -> Shape {
    let replicas = topic.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
    Shape::There { partitions: count(topic.partitions().len()), replicas: count(replicas) }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// `Found` if another process created it meanwhile: then its settings are not ours. `Missing` if it was only rehearsed.
pub(super) async fn create_missing(
    connection: &Connection,
    admin: &Admin,
    spec: &TopicSpec,
    creation: Creation,
    brokers: usize,
) -> Result<Presence, Finding> {
    if spec.replication > count(brokers) {
        return Err(too_few_brokers(spec, brokers));
    }
    if creation == Creation::Off {
        return Err(missing(spec, "is not there, and creating topics is switched off".to_owned()));
    }
    let settings = spec.all_settings();
    let replication = TopicReplication::Fixed(spec.replication);
    let topic = settings
        .iter()
        .fold(NewTopic::new(&spec.name, spec.partitions, replication), |topic, (name, value)| topic.set(name, value));
    let is_rehearsed = creation == Creation::Rehearsed;
    let options = AdminOptions::new().operation_timeout(Some(connection.request_timeout)).validate_only(is_rehearsed);
    let failure = match admin.create_topics([&topic], &options).await {
        Ok(results) => match results.into_iter().next() {
            Some(Ok(_)) => return Ok(if is_rehearsed { Presence::Missing } else { Presence::Created }),
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => return Ok(Presence::Found),
            Some(Err((_, code))) => code.to_string(),
            None => "the brokers did not answer for it".to_owned(),
        },
        Err(error) => error.to_string(),
    };
    Err(missing(spec, format!("could not be created: {failure}")))
}

fn too_few_brokers(spec: &TopicSpec, brokers: usize) -> Finding {
    let wanted = spec.replication;
    Finding {
        severity: Severity::Refused,
        setting: "replication",
        reason: format!("{wanted} replicas are asked for, but the cluster has {brokers} broker(s)"),
        mend: format!("set kafka.replication_factor to {brokers}, or add brokers"),
    }
}

fn missing(spec: &TopicSpec, reason: String) -> Finding {
    let mend = format!("kafka-topics.sh {}", spec.create_arguments());
    Finding { severity: Severity::Refused, setting: "topic", reason, mend }
}

pub(super) fn denied(spec: &TopicSpec) -> Finding {
    Finding {
        severity: Severity::Refused,
        setting: "topic",
        reason: "may not be described by this user".to_owned(),
        mend: format!("grant `Describe` and `DescribeConfigs` on topic {}", spec.name),
    }
}

/// A broker may hear of a new topic a little later than the controller that made it.
pub(super) async fn await_topic(connection: &Arc<Connection>, spec: &TopicSpec) -> Result<Seen, TopicsError> {
    let deadline = Instant::now() + connection.request_timeout;
    while Instant::now() < deadline {
        let seen = describe(connection, std::slice::from_ref(spec)).await?.pop();
        if let Some(seen) = seen.filter(|seen| !matches!(seen.shape, Shape::Missing)) {
            return Ok(seen);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(TopicsError::Unanswered { reason: format!("{} exists, but its brokers do not show it yet", spec.name) })
}

/// The topic's settings, or why they cannot be read.
pub(super) async fn settings_found(
    connection: &Connection,
    admin: &Admin,
    spec: &TopicSpec,
) -> Result<Result<BTreeMap<String, String>, String>, TopicsError> {
    let options = AdminOptions::new().request_timeout(Some(connection.request_timeout));
    let topic = [ResourceSpecifier::Topic(&spec.name)];
    let described = admin.describe_configs(&topic, &options).await.map_err(unknown)?;
    let settings: BTreeMap<String, String> = match described.into_iter().next() {
        Some(Ok(resource)) => {
            resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect()
        }
        Some(Err(code)) => return Ok(Err(code.to_string())),
        None => BTreeMap::new(),
    };
    // Without the right to describe them, the brokers answer with no settings and no error.
    let told = settings.contains_key("cleanup.policy");
    Ok(if told { Ok(settings) } else { Err("the brokers do not tell its settings".to_owned()) })
}

pub(super) fn unknown(error: KafkaError) -> TopicsError {
    TopicsError::Unanswered { reason: error.to_string() }
}
