//! Kafka without Kafka: the mock broker that librdkafka brings for its own tests, on a real port.
//!
//! It speaks the protocol, transactions included, to any client. What it lacks is why this is a demo: no isolation
//! (readers see open and aborted transactions), no fencing, no compaction, no admin calls, and it keeps the newest
//! 5 MiB of a partition (`rd_kafka_mock_partition_new` in librdkafka 2.12), in memory.

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

use crate::{model::Kind, sync::Topics};

/// One mock broker with the account's topics.
pub(super) struct Broker {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Broker {
    /// Starts it and makes every topic with one partition, through the mock itself.
    pub(super) fn start(topics: &Topics) -> anyhow::Result<Self> {
        let cluster = MockCluster::new(1)?;
        for topic in names(topics) {
            cluster.create_topic(&topic, 1, 1)?;
        }
        Ok(Self { cluster })
    }

    /// `host:port`.
    pub(super) fn bootstrap_servers(&self) -> String {
        self.cluster.bootstrap_servers()
    }
}

fn names(topics: &Topics) -> impl Iterator<Item = std::sync::Arc<str>> {
    let events = Kind::ALL.iter().flat_map(|kind| [topics.of(*kind), topics.snapshot_of(*kind)]);
    events.chain([topics.syncs(), topics.control(), topics.state()])
}
