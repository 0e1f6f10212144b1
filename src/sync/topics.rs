//! The topics of one account, by what they carry.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    kafka::topics::{Cleanup, TopicSpec},
    model::Kind,
};

/// How topics are made, and what they are held against.
#[derive(Debug, Clone)]
pub struct TopicSettings {
    /// Whether missing topics are created.
    pub create: bool,
    /// Partitions of a new event topic.
    pub event_partitions: i32,
    /// Retention of event topics.
    pub event_retention: Duration,
    /// Retention of `.syncs`.
    pub syncs_retention: Duration,
    /// Replicas of each partition.
    pub replication: i32,
}

/// The names of all topics that ramstream writes for one account.
#[derive(Debug, Clone)]
pub struct Topics {
    kinds: BTreeMap<Kind, Arc<str>>,
    snapshots: BTreeMap<Kind, Arc<str>>,
    syncs: Arc<str>,
    control: Arc<str>,
    state: Arc<str>,
}

/// The active segment is never compacted, and by default it stays active for a week; a tombstone must
/// outlive the slowest reader.
const COMPACTION: [(&str, &str); 2] = [("segment.ms", "86400000"), ("delete.retention.ms", "604800000")];

/// An acknowledged record must survive the loss of a broker, where there are enough of them to ask for it.
fn durability(replication: i32) -> Vec<(String, String)> {
    if replication < 3 { Vec::new() } else { vec![("min.insync.replicas".to_owned(), "2".to_owned())] }
}

impl Topics {
    /// The topics under `prefix` (default `alicloud.identity`).
    #[must_use]
    pub fn new(prefix: &str, account: &str) -> Self {
        let kinds = Kind::ALL.iter().map(|kind| (*kind, format!("{prefix}.{}", kind.plural()).into()));
        let snapshots = Kind::ALL.iter().map(|kind| (*kind, format!("{prefix}.snapshot.{}", kind.plural()).into()));
        Self {
            kinds: kinds.collect(),
            snapshots: snapshots.collect(),
            control: format!("{prefix}.control").into(),
            syncs: format!("{prefix}.syncs").into(),
            state: format!("{prefix}.state.{account}").into(),
        }
    }

    /// The change events of one kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Arc<str> {
        Arc::clone(&self.kinds[&kind])
    }

    /// The rows of one kind that replays write.
    #[must_use]
    pub fn snapshot_of(&self, kind: Kind) -> Arc<str> {
        Arc::clone(&self.snapshots[&kind])
    }

    /// Requests, of all accounts; whoever may write there may ask.
    #[must_use]
    pub fn control(&self) -> Arc<str> {
        Arc::clone(&self.control)
    }

    /// What happened to syncs and coverage, of all accounts.
    #[must_use]
    pub fn syncs(&self) -> Arc<str> {
        Arc::clone(&self.syncs)
    }

    /// All of them as they should be.
    #[must_use]
    pub fn plan(&self, settings: &TopicSettings) -> Vec<TopicSpec> {
        let spec = |name: &Arc<str>, partitions, cleanup, retention| TopicSpec {
            name: name.to_string(),
            partitions,
            replication: settings.replication,
            cleanup,
            retention,
            settings: durability(settings.replication),
        };
        let retention = Some(settings.event_retention);
        let events = self.kinds.values().map(|name| spec(name, settings.event_partitions, Cleanup::Delete, retention));
        let syncs = spec(&self.syncs, 1, Cleanup::Delete, Some(settings.syncs_retention));
        let days_7 = Some(Duration::from_secs(7 * 24 * 3600));
        let snapshots = self.snapshots.values().map(|name| spec(name, 1, Cleanup::Delete, days_7));
        let control = spec(&self.control, 1, Cleanup::Delete, days_7);
        let mut state = spec(&self.state, 1, Cleanup::Compact, None);
        state.settings.extend(COMPACTION.map(|(name, value)| (name.to_owned(), value.to_owned())));
        events.chain(snapshots).chain([syncs, control, state]).collect()
    }

    /// The published state; only ramstream may write it.
    #[must_use]
    pub fn state(&self) -> Arc<str> {
        Arc::clone(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_plural_with_dashes_and_only_the_state_is_an_accounts_own() {
        let topics = Topics::new("alicloud.identity", "5481");
        assert_eq!(&*topics.of(Kind::PolicyAttachment), "alicloud.identity.policy-attachments");
        assert_eq!((&*topics.syncs(), &*topics.state()), ("alicloud.identity.syncs", "alicloud.identity.state.5481"));
    }

    #[test]
    fn only_the_state_is_compacted_and_three_replicas_need_two_in_sync() {
        let settings = TopicSettings {
            create: true,
            event_partitions: 6,
            event_retention: Duration::from_secs(1),
            syncs_retention: Duration::from_secs(2),
            replication: 3,
        };
        let plan = Topics::new("p", "5481").plan(&settings);
        let compacted: Vec<_> = plan.iter().filter(|spec| spec.cleanup == Cleanup::Compact).collect();
        assert_eq!(
            compacted.iter().map(|spec| (spec.name.as_str(), spec.partitions)).collect::<Vec<_>>(),
            [("p.state.5481", 1)]
        );
        assert!(plan.iter().all(|spec| spec.settings.contains(&("min.insync.replicas".into(), "2".into()))));
    }
}
