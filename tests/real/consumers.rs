//! The worked examples of docs/consumers.md, as they stand there.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::process::Command;

use crate::support::fold::{assert_same, content, fold};
use crate::support::process::{COMPLETE, Finished};
use crate::support::world::{World, python};
use crate::support::{kafka, registry};

const TABLE: &str = "identity.sqlite";

/// The Python consumer until its table is whole and it has read everything, and what it then holds.
async fn keep_table(world: &World) -> BTreeMap<String, Value> {
    let mut example = Command::new(python());
    example.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/examples/keep_table.py"));
    example.args(["--kafka", &kafka(), "--registry", &registry(), "--prefix", &world.prefix, "--once"]);
    example.args(["--account", world.cloud.account_id()]).arg("--table").arg(world.path(TABLE));
    let finished = Finished::of(example).await.exits_with(COMPLETE);
    serde_json::from_str(finished.last_line()).unwrap()
}

async fn replays(world: &World) -> usize {
    world.notices().await.iter().filter(|notice| notice["notice_type"] == "replay.completed").count()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn the_python_consumer_builds_its_table_from_a_replay_follows_and_rebuilds_it_when_it_is_lost() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    for name in ["early", "gone"] {
        world.cloud.create_user(name).await;
    }
    daemon.syncs(1, "complete").await;
    world.cloud.create_group("auditors").await;
    world.cloud.join("early", "auditors").await;
    daemon.syncs(1, "complete").await;
    assert_same(&keep_table(&world).await, &content(&world.cloud.account().await));

    // While it is not there, the account goes on; the table is followed by live events alone.
    world.cloud.delete_user("gone").await;
    world.cloud.rename_user("early", "later").await;
    daemon.syncs(2, "complete").await;
    assert_same(&keep_table(&world).await, &content(&world.cloud.account().await));
    assert_eq!(replays(&world).await, 1);

    std::fs::remove_file(world.path(TABLE)).unwrap();
    let changes = async {
        for round in 0..4 {
            world.cloud.create_user(&format!("late-{round}")).await;
            if round > 0 {
                world.cloud.delete_user(&format!("late-{}", round - 1)).await;
            }
            daemon.syncs(1, "complete").await;
        }
        world.cloud.leave("later", "auditors").await;
        world.cloud.delete_group("auditors").await;
    };
    tokio::join!(keep_table(&world), changes);
    daemon.syncs(2, "complete").await;
    let rebuilt = keep_table(&world).await;
    assert_same(&rebuilt, &content(&world.cloud.account().await));
    assert_eq!(rebuilt, fold(&world.events().await));
    assert_eq!(replays(&world).await, 2);
    world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn the_python_consumer_replaces_what_it_holds_when_a_lineage_begins() {
    let world = World::small().await;
    world.cloud.create_user("old").await;
    world.run_once().await.exits_with(COMPLETE);
    let mut daemon = world.start_daemon();
    daemon.is_ready().await;
    keep_table(&world).await;
    daemon.terminate().await;
    world.state(&["new-lineage", "--yes", "--reason", "a test"]).await.exits_with(COMPLETE);
    // Nobody will ever tell of this removal.
    world.cloud.delete_user("old").await;
    world.run_once().await.exits_with(COMPLETE);
    assert_same(&keep_table(&world).await, &content(&world.cloud.account().await));
    assert_eq!(replays(&world).await, 1);
}
