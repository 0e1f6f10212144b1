//! The topics that must be there, with the settings that carry the promises.
//!
//! Describes, creates what is missing where that is allowed, and says by name what is wrong and how to
//! mend it. It never changes a topic that exists, and no request of it creates one by accident. It does
//! not know what the topics are for: the caller gives the plan.

mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;

use self::verdict::{Found, judge};
use super::client::Client;
use super::connection::Connection;
use super::error::TopicsError;

/// What old records become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// `cleanup.policy=compact`, and the partition count is exact: a state topic.
    Compact,
    /// `cleanup.policy=delete`.
    Delete,
}

impl Cleanup {
    fn policy(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Delete => "delete",
        }
    }
}

/// A topic as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Name.
    pub name: String,
    /// Partitions of a new topic. An existing topic with `Cleanup::Delete` may have any number.
    pub partitions: i32,
    /// Replicas of each partition.
    pub replication: i32,
    /// `cleanup.policy`.
    pub cleanup: Cleanup,
    /// `retention.ms`; `None` for a compacted topic.
    pub retention: Option<Duration>,
    /// Further settings of a new topic.
    pub settings: Vec<(String, String)>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing may be published.
    Refused,
    /// Say it and go on.
    Warning,
}

/// One thing wrong with one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// The setting.
    pub setting: &'static str,
    /// What is wrong with it.
    pub reason: String,
    /// What to do: where there is one, a command of Kafka's own tools.
    pub mend: String,
}

/// Where a topic came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It was there.
    Found,
    /// It was created just now.
    Created,
    /// It is not there.
    Missing,
}

/// What became of one topic of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicReport {
    /// Topic name.
    pub name: String,
    /// Whether it is there.
    pub presence: Presence,
    /// What is wrong, refusals first; empty = as asked for.
    pub findings: Vec<Finding>,
}

impl TopicReport {
    /// Whether nothing may be published to it.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Refused)
    }
}

/// Looks at every topic of `plan` in its order and, if `create`, creates the missing ones.
pub async fn ensure(
    connection: &Arc<Connection>,
    plan: &[TopicSpec],
    create: bool,
) -> Result<Vec<TopicReport>, TopicsError> {
    let mut cluster = describe(connection, plan).await?;
    let made: Admin = connection.admin().create().map_err(unknown)?;
    // Kept off the async thread when it is dropped.
    let admin = Client::new(made);
    let mut reports = Vec::with_capacity(plan.len());
    for spec in plan {
        let mut presence = Presence::Found;
        if !cluster.topics.contains_key(&spec.name) {
            match create_missing(connection, &admin.share(), spec, create, cluster.brokers).await {
                Ok(()) => presence = Presence::Created,
                Err(finding) => {
                    reports.push(TopicReport {
                        name: spec.name.clone(),
                        presence: Presence::Missing,
                        findings: vec![finding],
                    });
                    continue;
                }
            }
            cluster.topics.extend(await_topic(connection, spec).await?);
        }
        let found = with_settings(connection, &admin.share(), spec, &cluster.topics).await?;
        let findings = judge(spec, &found, connection.message_max_bytes);
        reports.push(TopicReport { name: spec.name.clone(), presence, findings });
    }
    Ok(reports)
}

type Admin = AdminClient<DefaultClientContext>;

/// Partitions and fewest replicas by topic name; a topic that is not there is not in it.
type Shapes = BTreeMap<String, (i32, i32)>;

struct Cluster {
    brokers: usize,
    topics: Shapes,
}

/// Asks through a consumer, topic by topic: the one client that never creates a topic by asking.
async fn describe(connection: &Arc<Connection>, plan: &[TopicSpec]) -> Result<Cluster, TopicsError> {
    let connection = Arc::clone(connection);
    let names: Vec<String> = plan.iter().map(|spec| spec.name.clone()).collect();
    let described = tokio::task::spawn_blocking(move || {
        let client: BaseConsumer = connection.watermark_client().create().map_err(unknown)?;
        let mut cluster = Cluster { brokers: 0, topics: Shapes::new() };
        for name in names {
            let named = |error: KafkaError| TopicsError { reason: format!("{name}: {error}") };
            let metadata = client.fetch_metadata(Some(&name), connection.request_timeout).map_err(named)?;
            cluster.brokers = metadata.brokers().len();
            let topic = metadata.topics().iter().find(|topic| topic.name() == name);
            let shape = topic.map(shape).transpose().map_err(named)?.flatten();
            cluster.topics.extend(shape.map(|shape| (name, shape)));
        }
        Ok(cluster)
    });
    described.await.map_err(|error| TopicsError { reason: error.to_string() })?
}

/// `None` = there is no such topic.
fn shape(topic: &MetadataTopic) -> Result<Option<(i32, i32)>, KafkaError> {
    match topic.error().map(RDKafkaErrorCode::from) {
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Ok(None),
        Some(code) => Err(KafkaError::MetadataFetch(code)),
        None => {
            let replicas = topic.partitions().iter().map(|partition| partition.replicas().len()).min().unwrap_or(0);
            Ok(Some((count(topic.partitions().len()), count(replicas))))
        }
    }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// `Ok` also if another process created it meanwhile.
async fn create_missing(
    connection: &Connection,
    admin: &Admin,
    spec: &TopicSpec,
    create: bool,
    brokers: usize,
) -> Result<(), Finding> {
    if spec.replication > count(brokers) {
        return Err(too_few_brokers(spec, brokers));
    }
    if !create {
        return Err(missing(spec, "is not there, and creating topics is switched off".to_owned()));
    }
    let settings = settings(spec);
    let replication = TopicReplication::Fixed(spec.replication);
    let topic = settings
        .iter()
        .fold(NewTopic::new(&spec.name, spec.partitions, replication), |topic, (name, value)| topic.set(name, value));
    let options = AdminOptions::new().operation_timeout(Some(connection.request_timeout));
    let failure = match admin.create_topics([&topic], &options).await {
        Ok(results) => match results.into_iter().next() {
            Some(Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => return Ok(()),
            Some(Err((_, code))) => code.to_string(),
            None => "the brokers did not answer for it".to_owned(),
        },
        Err(error) => error.to_string(),
    };
    Err(missing(spec, format!("could not be created: {failure}")))
}

fn settings(spec: &TopicSpec) -> Vec<(String, String)> {
    let retention = spec.retention.map(|retention| ("retention.ms".to_owned(), retention.as_millis().to_string()));
    let cleanup = ("cleanup.policy".to_owned(), spec.cleanup.policy().to_owned());
    [cleanup].into_iter().chain(retention).chain(spec.settings.iter().cloned()).collect()
}

fn too_few_brokers(spec: &TopicSpec, brokers: usize) -> Finding {
    let wanted = spec.replication;
    Finding {
        severity: Severity::Refused,
        setting: "replication",
        reason: format!("{wanted} replicas are asked for, but the cluster has {brokers} broker(s)"),
        mend: format!("set the replication of topics to {brokers} in ramstream's configuration, or add brokers"),
    }
}

fn missing(spec: &TopicSpec, reason: String) -> Finding {
    let settings: String = settings(spec).iter().map(|(name, value)| format!(" --config {name}={value}")).collect();
    Finding {
        severity: Severity::Refused,
        setting: "topic",
        reason,
        mend: format!(
            "kafka-topics.sh --create --topic {} --partitions {} --replication-factor {}{settings}",
            spec.name, spec.partitions, spec.replication
        ),
    }
}

/// A broker may hear of a new topic a little later than the controller that made it.
async fn await_topic(connection: &Arc<Connection>, spec: &TopicSpec) -> Result<Shapes, TopicsError> {
    let deadline = Instant::now() + connection.request_timeout;
    loop {
        let cluster = describe(connection, std::slice::from_ref(spec)).await?;
        if !cluster.topics.is_empty() {
            return Ok(cluster.topics);
        }
        if Instant::now() >= deadline {
            return Err(TopicsError { reason: format!("{} was created, but does not appear", spec.name) });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn with_settings(
    connection: &Connection,
    admin: &Admin,
    spec: &TopicSpec,
    shapes: &Shapes,
) -> Result<Found, TopicsError> {
    let (partitions, replicas) = shapes.get(&spec.name).copied().unwrap_or_default();
    let options = AdminOptions::new().request_timeout(Some(connection.request_timeout));
    let described = admin.describe_configs([&ResourceSpecifier::Topic(&spec.name)], &options).await.map_err(unknown)?;
    let settings = match described.into_iter().next() {
        Some(Ok(resource)) => {
            Ok(resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect())
        }
        Some(Err(code)) => Err(code.to_string()),
        None => Err("the brokers did not answer for it".to_owned()),
    };
    Ok(Found { partitions, replicas, settings })
}

fn unknown(error: KafkaError) -> TopicsError {
    TopicsError { reason: error.to_string() }
}
