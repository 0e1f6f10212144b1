//! One account's topics and the brokers that hold them: enough to look at the published state, and to begin
//! a new lineage of it. Nothing here needs the cloud or its credentials.

use std::sync::Arc;

use super::topics::{TopicSettings, Topics};
use crate::{
    kafka::{Connection, StateLog, claim, topics::TopicSpec},
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

    /// The state topic and the sync topic as they should be.
    pub(super) fn own_plan(&self) -> Vec<TopicSpec> {
        let plan = self.settings.as_ref().map(|settings| self.topics.plan(settings)).unwrap_or_default();
        let own = [self.topics.state(), self.topics.syncs()];
        plan.into_iter().filter(|spec| own.iter().any(|name| **name == *spec.name)).collect()
    }

    /// The commands of Kafka's own tools that delete the state topic and make it anew.
    #[must_use]
    pub fn commands_for_a_new_topic(&self) -> Vec<String> {
        let tool = format!("kafka-topics.sh --bootstrap-server {}", self.connection.bootstrap_servers.join(","));
        let state = self.topics.state();
        let create = self.own_plan().into_iter().find(|spec| *spec.name == *state);
        let delete = format!("{tool} --delete --topic {state}");
        [delete].into_iter().chain(create.map(|spec| format!("{tool} {}", spec.create_arguments()))).collect()
    }
}
