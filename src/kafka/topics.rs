//! The topics that must be there, with the settings that carry the promises.
//!
//! Describes, creates what is missing where that is allowed, and says by name what is wrong and how to
//! mend it. It never changes a topic that exists, and no request of it creates one by accident. It does
//! not know what the topics are for: the caller gives the plan.

mod cluster;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use self::cluster::{Admin, Seen, Shape, await_topic, create_missing, denied, describe, settings_found, unknown};
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

impl TopicSpec {
    /// What `kafka-topics.sh` has to be told to make it.
    #[must_use]
    pub fn create_arguments(&self) -> String {
        let settings = self.all_settings();
        let settings: String = settings.iter().map(|(name, value)| format!(" --config {name}={value}")).collect();
        let Self { name, partitions, replication, .. } = self;
        format!("--create --topic {name} --partitions {partitions} --replication-factor {replication}{settings}")
    }

    /// Its settings by name, as it is created.
    #[must_use]
    pub fn all_settings(&self) -> Vec<(String, String)> {
        let retention = self.retention.map(|retention| ("retention.ms".to_owned(), retention.as_millis().to_string()));
        let cleanup = ("cleanup.policy".to_owned(), self.cleanup.policy().to_owned());
        [cleanup].into_iter().chain(retention).chain(self.settings.iter().cloned()).collect()
    }
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
    look(connection, plan, if create { Creation::Done } else { Creation::Off }).await
}

/// What [`ensure`] would find, without a topic created: the brokers only say whether they would. A missing topic without
/// findings is one that they would create.
pub async fn rehearse(
    connection: &Arc<Connection>,
    plan: &[TopicSpec],
    create: bool,
) -> Result<Vec<TopicReport>, TopicsError> {
    look(connection, plan, if create { Creation::Rehearsed } else { Creation::Off }).await
}

/// What is done about a topic that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Creation {
    Off,
    Rehearsed,
    Done,
}

async fn look(
    connection: &Arc<Connection>,
    plan: &[TopicSpec],
    creation: Creation,
) -> Result<Vec<TopicReport>, TopicsError> {
    let made: Admin = connection.admin().create().map_err(unknown)?;
    // Kept off the async thread when it is dropped.
    let admin = Client::new(made);
    let mut reports = Vec::with_capacity(plan.len());
    for (spec, seen) in plan.iter().zip(describe(connection, plan).await?) {
        let (presence, findings) = ensure_one(connection, &admin.share(), spec, seen, creation).await?;
        reports.push(TopicReport { name: spec.name.clone(), presence, findings });
    }
    Ok(reports)
}

async fn ensure_one(
    connection: &Arc<Connection>,
    admin: &Admin,
    spec: &TopicSpec,
    mut seen: Seen,
    creation: Creation,
) -> Result<(Presence, Vec<Finding>), TopicsError> {
    let mut presence = Presence::Found;
    if let Shape::Missing = seen.shape {
        presence = match create_missing(connection, admin, spec, creation, seen.brokers).await {
            Ok(Presence::Missing) => return Ok((Presence::Missing, Vec::new())),
            Ok(presence) => presence,
            Err(finding) => return Ok((Presence::Missing, vec![finding])),
        };
        seen = await_topic(connection, spec).await?;
    }
    let Shape::There { partitions, replicas } = seen.shape else { return Ok((presence, vec![denied(spec)])) };
    let settings = settings_found(connection, admin, spec).await?;
    Ok((presence, judge(spec, &Found { partitions, replicas, settings }, connection.message_max_bytes)))
}
