//! Who needs which rights on the brokers: what ACLs have to grant, and no more. The one place that says so.
//!
//! `Describe` goes with `Read` and `Write`. Nothing is needed on the cluster.

use super::Topics;
use crate::model::Kind;

/// Somebody who uses the topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// ramstream itself, and no one else: whoever may write the state can hide a user.
    Writer {
        /// Whether it creates topics that are missing.
        creates: bool,
    },
    /// Consumers: every event topic, the snapshots, the record of syncs.
    Reader,
    /// May ask for replays and syncs, and reads what came of them.
    Asker,
    /// Reads the published state, too.
    Auditor,
}

/// What a right is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Topics.
    Topic,
    /// A transactional id.
    TransactionalId,
    /// Consumer groups.
    Group,
}

/// Some operations on some names, as Kafka's own tool calls them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The operations.
    pub operations: Vec<&'static str>,
    /// What they are on.
    pub resource: Resource,
    /// Its names.
    pub names: Vec<String>,
}

/// The names that are none of a topic.
#[derive(Debug, Clone, Copy)]
pub struct Ids<'a> {
    /// The transactional id of the account.
    pub transactional_id: &'a str,
    /// The group that the library asks for (`kafka.group_id`): nobody joins it.
    pub client_group: &'a str,
    /// The groups that readers read with.
    pub reader_groups: &'a [String],
}

/// What this role has to be granted.
#[must_use]
pub fn grants(role: Role, topics: &Topics, ids: Ids<'_>) -> Vec<Grant> {
    let on_topics = |operations: &[&'static str], names: Vec<String>| grant(operations, Resource::Topic, names);
    let [syncs, control, state] = [topics.syncs(), topics.control(), topics.state()].map(|name| name.to_string());
    let events: Vec<String> = Kind::ALL
        .iter()
        .map(|kind| topics.of(*kind))
        .chain(Kind::ALL.iter().map(|kind| topics.snapshot_of(*kind)))
        .map(|name| name.to_string())
        .collect();
    let read = [events.clone(), vec![syncs.clone()]].concat();
    let client_group = grant(&["Describe"], Resource::Group, vec![ids.client_group.to_owned()]);
    match role {
        Role::Writer { creates } => {
            let with_create = |operations: &[&'static str]| {
                let create = creates.then_some("Create");
                operations.iter().copied().chain(create).collect::<Vec<_>>()
            };
            vec![
                grant(&["Write"], Resource::TransactionalId, vec![ids.transactional_id.to_owned()]),
                client_group,
                on_topics(&with_create(&["Write", "DescribeConfigs"]), events),
                on_topics(&with_create(&["Read", "Write", "DescribeConfigs"]), vec![state, syncs, control]),
            ]
        }
        Role::Reader => {
            let groups = grant(&["Read"], Resource::Group, ids.reader_groups.to_vec());
            [on_topics(&["Read"], read), groups].into_iter().filter(|grant| !grant.names.is_empty()).collect()
        }
        Role::Asker => vec![on_topics(&["Write"], vec![control]), on_topics(&["Read"], vec![syncs]), client_group],
        Role::Auditor => {
            vec![on_topics(&["Read"], read), on_topics(&["Read", "DescribeConfigs"], vec![state]), client_group]
        }
    }
}

fn grant(operations: &[&'static str], resource: Resource, names: Vec<String>) -> Grant {
    Grant { operations: operations.to_vec(), resource, names }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(role: Role) -> Vec<Grant> {
        let topics = Topics::new("p", "5481");
        let reader_groups = ["siem".to_owned()];
        let ids = Ids { transactional_id: "t.5481", client_group: "g", reader_groups: &reader_groups };
        grants(role, &topics, ids)
    }

    fn may(role: Role, operation: &str, name: &str) -> bool {
        of(role).iter().any(|grant| grant.operations.contains(&operation) && grant.names.iter().any(|n| n == name))
    }

    #[test]
    fn the_writer_alone_may_write_the_state_and_use_the_id() {
        let writer = Role::Writer { creates: false };
        assert!(may(writer, "Write", "p.state.5481") && may(writer, "Write", "t.5481"));
        for other in [Role::Reader, Role::Asker, Role::Auditor] {
            assert!(!may(other, "Write", "p.state.5481") && !may(other, "Write", "t.5481"), "{other:?}");
        }
    }

    #[test]
    fn topics_are_created_only_by_a_writer_that_is_to_create_them() {
        assert!(may(Role::Writer { creates: true }, "Create", "p.users"));
        assert!(!may(Role::Writer { creates: false }, "Create", "p.users"));
    }

    #[test]
    fn the_state_is_read_by_auditors_and_by_no_reader() {
        assert!(may(Role::Auditor, "Read", "p.state.5481") && !may(Role::Reader, "Read", "p.state.5481"));
        assert!(may(Role::Reader, "Read", "p.snapshot.users") && may(Role::Reader, "Read", "siem"));
    }
}
