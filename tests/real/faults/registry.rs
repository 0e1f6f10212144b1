//! The registry answers another id for the same schema, or dies and forgets everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use serde_json::Value;

use crate::support::registry;
use crate::support::services::OwnService;
use crate::support::world::{PARTITIONS, World};

/// How far the other ids are from the registry's own: a real one counts from 1.
const OTHER: u64 = 1_000_000;

/// Passes everything on to the registry, and answers other ids than it, from `moved` on.
struct Renumbering {
    base: String,
    client: reqwest::Client,
    moved: AtomicU64,
    renumbered: AtomicU64,
}

impl Renumbering {
    async fn start() -> (Arc<Self>, String) {
        let url = registry();
        let (base, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).unwrap();
        let face = Arc::new(Self {
            base: format!("http://{base}"),
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            moved: AtomicU64::new(0),
            renumbered: AtomicU64::new(0),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/{path}", listener.local_addr().unwrap());
        let app = Router::new().fallback(pass).with_state(Arc::clone(&face));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        (face, address)
    }
}

async fn pass(State(face): State<Arc<Renumbering>>, method: Method, uri: Uri, body: Bytes) -> (StatusCode, String) {
    // A question for an id that was given away here is about the registry's own.
    let path = match uri.path().rsplit_once("/schemas/ids/") {
        Some((before, id)) => {
            let id: u64 = id.parse().unwrap();
            format!("{before}/schemas/ids/{}", id % OTHER)
        }
        None => uri.path_and_query().unwrap().to_string(),
    };
    let request = face.client.request(method, format!("{}{path}", face.base)).body(body);
    let answer = request.header("content-type", "application/vnd.schemaregistry.v1+json").send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    let Ok(mut value) = serde_json::from_str::<Value>(&text) else { return (status, text) };
    if let Some(id) = value.get("id").and_then(Value::as_u64) {
        value["id"] = (id + face.moved.load(Ordering::Relaxed)).into();
        face.renumbered.fetch_add(1, Ordering::Relaxed);
    }
    (status, value.to_string())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn another_id_for_the_same_schema_is_taken_at_a_start_and_changes_nothing_else() {
    let mut world = World::small().await;
    let (face, address) = Renumbering::start().await;
    world.set("REGISTRY__URL", &address);
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let first_ids = schema_ids(&world);

    // Who runs already keeps the ids that it has.
    face.moved.store(OTHER, Ordering::Relaxed);
    let asked = face.renumbered.load(Ordering::Relaxed);
    world.cloud.create_user("old-id").await;
    daemon.syncs(1, "complete").await;
    assert_eq!(face.renumbered.load(Ordering::Relaxed), asked, "nobody asked again");
    assert_eq!(schema_ids(&world), first_ids);
    daemon.terminate().await;

    let mut daemon = world.start_daemon();
    daemon.is_ready().await;
    assert!(face.renumbered.load(Ordering::Relaxed) > asked);
    world.cloud.create_user("new-id").await;
    world.settles_clean(daemon).await;
    let ids = schema_ids(&world);
    assert_eq!(ids.len(), 2, "one schema under two ids: {ids:?}");
    assert!(ids.iter().any(|id| *id > OTHER), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_registry_that_dies_and_comes_back_empty_stops_nothing() {
    let registry = OwnService::registry().await;
    let mut world = World::small().await;
    world.set("REGISTRY__URL", registry.address());
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    registry.kill().await;
    world.cloud.create_user("without-a-registry").await;
    daemon.syncs(2, "complete").await;
    registry.start_again().await;
    world.cloud.create_user("with-an-empty-one").await;
    daemon.syncs(2, "complete").await;
    daemon.terminate().await;

    // Registered anew and in the same order, the schemas have the ids that they had.
    let daemon = world.start_daemon();
    let report = world.settles_clean(daemon).await;
    assert!(report["events"].as_u64() > Some(2), "{report}");
}

/// The ids in front of the records of the topic of users.
fn schema_ids(world: &World) -> std::collections::BTreeSet<u64> {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    use rdkafka::message::Message;
    use rdkafka::{ClientConfig, Offset, TopicPartitionList};

    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", crate::support::kafka()).set("group.id", "ids").set("enable.partition.eof", "true");
    let consumer: BaseConsumer = config.create().unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment.add_partition_offset(&world.topic("users"), partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let (mut ids, mut ended) = (std::collections::BTreeSet::new(), 0);
    while ended < PARTITIONS {
        match consumer.poll(crate::support::PATIENCE).expect("a record or an end") {
            Ok(message) => {
                let id: [u8; 4] = message.payload().unwrap()[1..5].try_into().unwrap();
                ids.insert(u64::from(u32::from_be_bytes(id)));
            }
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => ended += 1,
            Err(error) => panic!("{error}"),
        }
    }
    ids
}
