//! The worked examples of docs/consumers.md, as they stand there.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::fold::{assert_same, content, fold};
use crate::support::process::{COMPLETE, Finished, eventually};
use crate::support::world::{World, python, text};
use crate::support::{kafka, registry, unique};

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

    // What crept in goes with the next replay, whoever asked for it.
    let row = format!("INSERT INTO held VALUES ('{}', 'user', 1, '{{}}', -1)", world.key("user/0"));
    let script = format!("import sqlite3; db = sqlite3.connect('{TABLE}'); db.execute(\"{row}\"); db.commit()");
    let mut plant = Command::new(python());
    plant.current_dir(world.path("")).args(["-c", &script]);
    Finished::of(plant).await.exits_with(COMPLETE);
    assert!(keep_table(&world).await.contains_key(&world.key("user/0")));
    world.ask(&json!({ "format": 1, "request_id": "audit", "action": "replay" }).to_string());
    world.notice_of("audit", "replay.completed").await;
    assert_same(&keep_table(&world).await, &content(&world.cloud.account().await));

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
    assert_eq!(replays(&world).await, 3);
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

/// A field of a line that the file sink wrote.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let rest = line.split_once(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in {line}")).1;
    rest.split([',', '}']).next().unwrap()
}

/// Writes a file of the page into the world's directory, with what this test needs in place of what stands there.
fn settle(world: &World, example: &str, replaced: &[(&str, &str)], added: &str) -> std::path::PathBuf {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/connect").join(example);
    let mut settings = std::fs::read_to_string(page).unwrap();
    for (written, here) in replaced {
        assert!(settings.contains(&format!("={written}\n")), "{written} is not in {example}");
        settings = settings.replace(&format!("={written}\n"), &format!("={here}\n"));
    }
    let file = world.path(example);
    std::fs::write(&file, settings + added).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn the_connect_sink_writes_a_line_for_each_event_of_a_user() {
    let world = World::small().await;
    world.cloud.create_user("early").await;
    world.run_once().await.exits_with(COMPLETE);
    world.cloud.rename_user("early", "later").await;
    world.run_once().await.exits_with(COMPLETE);
    let mut events = world.events().await;
    events.retain(|event| text(event, "event_type").starts_with("user."));
    let mut expected: Vec<_> =
        events.iter().map(|event| ["event_type", "user_id", "user_name"].map(|of| text(event, of))).collect();
    expected.sort_unstable();
    assert!(expected.iter().any(|[event_type, _, name]| (*event_type, *name) == ("user.renamed", "later")));

    let registry = registry().replace("/ccompat/v7", "/registry/v2");
    let addresses = [
        ("localhost:9092", kafka()),
        ("/opt/connect-plugins", "@PLUGINS@".to_owned()),
        ("http://localhost:8080/apis/registry/v2", registry),
    ];
    let addresses = addresses.each_ref().map(|(written, here)| (*written, here.as_str()));
    // It need not look through every class for plugins, and nobody asks it anything.
    let quick = "plugin.discovery=service_load\nlisteners=http://127.0.0.1:0\n";
    let worker = settle(&world, "worker.properties", &addresses, quick);
    let (name, topic) = (unique("users-to-file"), world.topic("users"));
    let names = [("users-to-file", name.as_str()), ("alicloud.identity.users", &topic)];
    let connector = settle(&world, "users-to-file.properties", &names, "");
    let mut connect = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/services/connect"));
    connect.args([worker, connector]).current_dir(world.path("")).kill_on_drop(true);
    let log = std::fs::File::create(world.path("connect.log")).unwrap();
    connect.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
    let _connect = connect.spawn().unwrap();
    let lines = eventually("a line for each event", async || {
        let lines = std::fs::read_to_string(world.path("users.txt")).unwrap_or_default();
        (lines.lines().count() >= expected.len()).then_some(lines)
    });
    let lines = lines.await;
    let mut written: Vec<_> =
        lines.lines().map(|line| ["event_type", "user_id", "user_name"].map(|of| field(line, of))).collect();
    written.sort_unstable();
    assert_eq!(written, expected);
}
