//! `ramstream tail` against what a reader by another hand finds in the topics.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::support::cloud::rows;
use crate::support::process::{COMPLETE, PATIENCE};
use crate::support::world::{World, of_type, text};
use crate::support::{outsider, outsider_sends, unique};

/// As documented: usage, and brokers or registry that cannot be reached.
const USAGE: i32 = 64;
const UNAVAILABLE: i32 = 69;

/// A baseline, and a second sync in which a user comes, joins a group and gets a policy.
async fn with_two_syncs() -> World {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    world.cloud.create_group("ops").await;
    world.cloud.create_user("newcomer").await;
    world.cloud.join("newcomer", "ops").await;
    world.cloud.create_policy("mine").await;
    world.cloud.attach("Custom", "mine", "newcomer").await;
    world.run_once().await.exits_with(COMPLETE);
    world
}

/// The events that tail prints as JSON, as [`World::events`] has them.
async fn read_back(world: &World, options: &[&str]) -> Vec<Value> {
    let options = [&["--format", "json", "--notices", "none"], options].concat();
    let told = world.tail(&options).await.exits_with(COMPLETE);
    told.stdout.lines().map(|line| flat(serde_json::from_str(line).unwrap())).collect()
}

fn flat(mut line: Value) -> Value {
    let mut event = line["value"].take();
    for field in ["topic", "partition", "key"] {
        event[field] = line[field].take();
    }
    event
}

fn without_headers(mut events: Vec<Value>) -> Vec<Value> {
    for event in &mut events {
        event.as_object_mut().unwrap().remove("headers");
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn everything_is_read_back_in_its_order_from_wherever_one_begins() {
    let world = with_two_syncs().await;
    let all = without_headers(world.events().await);
    assert_eq!(read_back(&world, &[]).await, all);
    assert_eq!(read_back(&world, &["--from", "beginning", "-n", "3"]).await, all[..3]);

    let second: Vec<Value> = all.iter().filter(|event| event["sequence"] == 2).cloned().collect();
    assert!(second.len() >= 5 && second.len() < all.len(), "{second:?}");
    assert_eq!(read_back(&world, &["--from", "sequence:2"]).await, second);
    assert_eq!(read_back(&world, &["--from", "sequence:3"]).await, [] as [Value; 0]);

    let told = world.tail(&["--format", "json", "--from", "sequence:2"]).await.exits_with(COMPLETE);
    let times = told.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["timestamp"].as_i64());
    let first = jiff::Timestamp::from_millisecond(times.min().unwrap().unwrap()).unwrap().to_string();
    assert_eq!(read_back(&world, &["--from", &first]).await, second);
    assert_eq!(read_back(&world, &["--from", "1h"]).await, all);
    assert_eq!(read_back(&world, &["--from", "end"]).await, [] as [Value; 0]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn filters_leave_what_they_name() {
    let world = with_two_syncs().await;
    let all = without_headers(world.events().await);
    let only =
        |is_meant: &dyn Fn(&Value) -> bool| all.iter().filter(|event| is_meant(event)).cloned().collect::<Vec<_>>();

    let of_kinds =
        only(&|event| ["user.", "membership."].iter().any(|kind| text(event, "event_type").starts_with(kind)));
    assert_eq!(read_back(&world, &["--kind", "user,membership"]).await, of_kinds);
    let added = only(&|event| text(event, "event_type").ends_with(".added"));
    assert!(added.len() >= 4, "{added:?}");
    assert_eq!(read_back(&world, &["--type", "*.added"]).await, added);

    let newcomer = of_type(&all, "user.added")[0];
    let id = text(newcomer, "user_id");
    let about = only(&|event| text(event, "key").contains(id));
    assert!(about.len() >= 3, "{about:?}");
    assert_eq!(read_back(&world, &["--key", &format!("*{id}*")]).await, about);
    assert_eq!(read_back(&world, &["--key", &format!("user/{id}")]).await, std::slice::from_ref(newcomer));
    assert_eq!(read_back(&world, &["--key", text(newcomer, "key")]).await, std::slice::from_ref(newcomer));

    let notices = world.tail(&["--format", "json", "--type", "sync"]).await.exits_with(COMPLETE);
    let notices: Vec<Value> = notices.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(notices.iter().map(|notice| &notice["value"]["sequence"]).collect::<Vec<_>>(), [&json!(1), &json!(2)]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn what_was_aborted_is_not_shown_and_what_is_open_is_not_waited_for() {
    let world = with_two_syncs().await;
    let all = without_headers(world.events().await);
    let id = unique("open");
    let open = outsider(Some(&id));
    outsider_sends(&open, &world.topic("users"), &world.key("user/1"), "no Avro");
    assert_eq!(read_back(&world, &[]).await, all, "while it is open");
    drop(open);
    // The next of the same id ends what the one before it left open.
    drop(outsider(Some(&id)));
    outsider_sends(&outsider(None), &world.topic("users"), &world.key("user/2"), "no Avro");
    let told = world.tail(&["--kind", "user"]).await.exits_with(COMPLETE).stdout;
    assert!(told.contains("user/2: ") && !told.contains("user/1: "), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn what_comes_is_told_in_words_and_a_record_that_cannot_be_decoded_stops_nothing() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    let mut following = Following::start(world.tail_command(&[])).await;

    outsider_sends(&outsider(None), &world.topic("groups"), &world.key("group/1"), "no Avro");
    let broken = following.line().await;
    let place = format!("(undecodable)              {}[", world.topic("groups"));
    assert!(broken.contains(&place) && broken.contains("not an Avro value in Confluent framing"), "{broken}");

    world.cloud.create_user("alice").await;
    world.run_once().await.exits_with(COMPLETE);
    world.cloud.rename_user("alice", "alicia").await;
    world.run_once().await.exits_with(COMPLETE);
    let account = world.cloud.account().await;
    let alicia = rows(&account, "users").iter().find(|user| user["user_name"] == "alicia").unwrap();
    let id = &text(alicia, "user_id")[..4];
    let added = following.line().await;
    assert!(added.ends_with(&format!("Z user.added                 alice ({id}…)")), "{added}");
    let renamed = following.line().await;
    assert!(renamed.contains(&format!("Z user.renamed               alice → alicia ({id}…)")), "{renamed}");
    assert_eq!(following.interrupt().await, (Some(COMPLETE), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_reader_that_goes_away_ends_it_quietly() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    let mut command = world.tail_command(&["--until-end"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8(ended.stderr).unwrap()), (Some(COMPLETE), String::new()));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn what_stands_in_the_way_is_said_with_its_mend() {
    let mut world = World::small().await;
    let missing = world.tail(&["--kind", "user"]).await.exits_with(UNAVAILABLE);
    missing.says(&["there is no topic", &world.topic("users"), "kafka.topic_prefix", "ramstream run"]);
    world.tail(&["--from", "yesterday"]).await.exits_with(USAGE).says(&["--from", "sequence:N"]);
    world.tail(&["--kind", "robot"]).await.exits_with(USAGE).says(&["--kind", "policy_attachment"]);
    world.run_once().await.exits_with(COMPLETE);
    world.set("REGISTRY__URL", "http://127.0.0.1:9");
    world.tail(&[]).await.exits_with(UNAVAILABLE).says(&["registry", "127.0.0.1:9"]);
}

/// A tail that waits for more.
struct Following {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<tokio::process::ChildStderr>>,
}

impl Following {
    /// Nothing that is published afterwards is missed.
    async fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut err = BufReader::new(child.stderr.take().unwrap()).lines();
        let begun = timeout(PATIENCE, err.next_line()).await.unwrap().unwrap().unwrap();
        assert!(begun.contains("following"), "{begun}");
        Self { child, out, err }
    }

    async fn line(&mut self) -> String {
        timeout(PATIENCE, self.out.next_line()).await.expect("a line").unwrap().expect("it goes on")
    }

    /// Ctrl-C; its exit code, and what it said besides on standard error.
    async fn interrupt(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().expect("it runs").to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap();
        let mut said = String::new();
        while let Some(line) = self.err.next_line().await.unwrap() {
            said += &line;
        }
        (status.code(), said)
    }
}
