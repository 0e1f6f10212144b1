//! Every scenario, on every version of brokers, with several seeds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ramstream::kafka::Connection;
use ramstream::kafka::model::{Cluster, Isolation, Settings, Version, Weather};

use crate::kafka_scenarios::{self, Broker, Lost};

const VERSIONS: [Version; 3] = [Version::Old, Version::Verifying, Version::EpochPerTransaction];
const SEEDS: u64 = 10;
const PROCESS: &str = "process";

#[derive(Clone)]
struct Model {
    cluster: Cluster,
    topics: Arc<AtomicU32>,
}

impl Model {
    fn new(version: Version, seed: u64) -> Self {
        let cluster = Cluster::new(Settings { version, ..Settings::default() }, seed);
        Self { cluster, topics: Arc::default() }
    }
}

impl Broker for Model {
    type Open = String;

    fn connection(&self) -> Connection {
        self.cluster.connect(PROCESS)
    }

    fn lossy_connection(&self) -> Connection {
        self.connection()
    }

    fn lose(&self, lost: Lost) {
        let weather = match lost {
            Lost::Nothing => Weather::CALM,
            Lost::Replies => Weather { reply_lost: 1.0, ..Weather::CALM },
            Lost::Everything => Weather { request_lost: 1.0, ..Weather::CALM },
        };
        self.cluster.set_weather_of(PROCESS, weather);
    }

    async fn create(&self, _: bool) -> Arc<str> {
        let name = format!("topic-{}", self.topics.fetch_add(1, Ordering::Relaxed));
        self.cluster.create_topic(&name, 1);
        name.into()
    }

    async fn recreate(&self, topic: &Arc<str>) {
        self.cluster.delete_topic(topic);
        self.cluster.create_topic(topic, 1);
    }

    async fn delete(&self, topic: &str) {
        self.cluster.delete_topic(topic);
    }

    async fn delete_records_before(&self, topic: &str, offset: i64) {
        self.cluster.delete_records_before(topic, 0, offset);
    }

    fn append(&self, topic: &str, key: &str, value: &str) {
        self.cluster.append(topic, 0, key.as_bytes(), Some(value.as_bytes()));
    }

    fn open_transaction(&self, transactional_id: &str, topic: &str, key: &str, value: &str) -> String {
        self.cluster.open_foreign_transaction(transactional_id, topic, 0, key.as_bytes(), Some(value.as_bytes()));
        transactional_id.to_owned()
    }

    fn end_transaction(&self, open: String, commit: bool) {
        self.cluster.end_foreign_transaction(&open, commit);
    }

    fn fence(&self, transactional_id: &str) {
        self.cluster.fence(transactional_id);
    }

    fn read(&self, topic: &str, committed: bool) -> Vec<(i64, String, Option<String>)> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let isolation = if committed { Isolation::Committed } else { Isolation::Uncommitted };
        let records = self.cluster.records(topic, isolation).into_iter();
        records.map(|record| (record.offset, text(record.key), record.value.map(text))).collect()
    }
}

macro_rules! on_the_model {
    ($scenario:ident) => {
        #[tokio::test(start_paused = true)]
        async fn $scenario() {
            for version in VERSIONS {
                for seed in 0..SEEDS {
                    kafka_scenarios::$scenario(&Model::new(version, seed)).await;
                }
            }
        }
    };
}

for_every_scenario!(on_the_model);
