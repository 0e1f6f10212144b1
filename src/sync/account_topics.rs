//! One account's topics and the brokers that hold them: enough to look at the published state, and to begin
//! a new lineage of it. Nothing here needs the cloud or its credentials.

use std::sync::Arc;

use super::recover::LifeError;
use super::topics::{TopicSettings, Topics};
use crate::{
    kafka::{
        Connection, StateLog, claim,
        topics::{TopicReport, TopicSpec, rehearse},
    },
    model::Redacted,
};

/// See the module's page.
#[derive(Debug, Clone)]
pub struct AccountTopics {
    /// The account id.
    pub account_id: String,
    /// Its label in events.
    pub account_name: Option<String>,
    /// The brokers.
    pub connection: Arc<Connection>,
    /// Topic names.
    pub topics: Arc<Topics>,
    /// How topics are made; `None` leaves them unlooked at.
    pub settings: Option<TopicSettings>,
    /// The same for every copy that serves the account: it fences.
    pub transactional_id: String,
    /// The fields that are left out of what is published.
    pub redacted: Arc<Redacted>,
}

impl AccountTopics {
    /// The state topic from its start.
    pub(super) fn state_log(&self) -> StateLog {
        StateLog::new(Arc::clone(&self.connection), self.topics.state(), claim::key(&self.account_id))
    }

    /// All topics as they should be.
    #[must_use]
    pub fn plan(&self) -> Vec<TopicSpec> {
        self.settings.as_ref().map(|settings| self.topics.plan(settings)).unwrap_or_default()
    }

    /// Looks at all topics, and creates none: a missing one without findings is one that the brokers would create.
    ///
    /// # Errors
    /// The brokers cannot be asked.
    pub async fn look_at_topics(&self) -> Result<Vec<TopicReport>, LifeError> {
        let creates = self.settings.as_ref().is_some_and(|settings| settings.create);
        rehearse(&self.connection, &self.plan(), creates).await.map_err(LifeError::unavailable)
    }

    /// Creates the topics that are missing, whatever the settings say of that, and looks at all.
    ///
    /// # Errors
    /// The brokers cannot be asked.
    pub async fn create_topics(&self) -> Result<Vec<TopicReport>, LifeError> {
        self.reports(&self.plan(), true).await
    }

    /// The state topic and the sync topic as they should be.
    pub(super) fn own_plan(&self) -> Vec<TopicSpec> {
        let own = [self.topics.state(), self.topics.syncs()];
        self.plan().into_iter().filter(|spec| own.iter().any(|name| **name == *spec.name)).collect()
    }

    /// The commands of Kafka's own tools that make all topics.
    #[must_use]
    pub fn commands_for_all_topics(&self) -> Vec<String> {
        let tool = self.topics_tool();
        self.plan().iter().map(|spec| format!("{tool} {}", spec.create_arguments())).collect()
    }

    fn topics_tool(&self) -> String {
        format!("kafka-topics.sh --bootstrap-server {}", self.connection.bootstrap_servers.join(","))
    }

    /// The commands of Kafka's own tools that delete the state topic and make it anew.
    #[must_use]
    pub fn commands_for_a_new_topic(&self) -> Vec<String> {
        let tool = self.topics_tool();
        let state = self.topics.state();
        let create = self.own_plan().into_iter().find(|spec| *spec.name == *state);
        let delete = format!("{tool} --delete --topic {state}");
        [delete].into_iter().chain(create.map(|spec| format!("{tool} {}", spec.create_arguments()))).collect()
    }
}
