//! The broker says no: a right taken away, a record too large, a full disk, a topic that is gone, a transaction too slow.
//! Each says so in words that name the mend, nothing is lost, and it goes on by itself once it is mended.

use rdkafka::admin::{AdminOptions, NewTopic, TopicReplication};
use tokio::process::Command;

use crate::support::cloud::small;
use crate::support::process::{COMPLETE, Daemon, Finished, eventually};
use crate::support::proxy::{Call, Way};
use crate::support::services::OwnService;
use crate::support::world::{PARTITIONS, World, of_type};
use crate::support::{admin, alter_topic, delete, kafka};

async fn set_topic(topic: &str, name: &str, value: &str) {
    alter_topic(&kafka(), topic, &[(name, value)]).await;
}

/// As an operator makes anew what was deleted.
async fn create_topic(topic: &str, partitions: i32) {
    let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1)).set("cleanup.policy", "delete");
    let create = async || admin().create_topics([&topic], &AdminOptions::new()).await.unwrap()[0].is_ok();
    eventually("the topic can be made again", async || create().await.then_some(())).await;
}

/// The daemon publishes nothing any more, and says why in its log.
async fn fails_saying(daemon: &mut Daemon, texts: &[&str]) {
    let line = daemon.next_logs("publishing failed").await;
    for text in texts {
        assert!(line.contains(text), "no {text:?} in {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_record_that_a_topic_refuses_as_too_large_is_named_and_published_once_it_fits() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    set_topic(&world.topic("policies"), "max.message.bytes", "300").await;
    world.cloud.create_policy("large").await;
    world.cloud.create_user("beside-it").await;
    fails_saying(&mut daemon, &[&world.topic("policies"), "too large"]).await;
    set_topic(&world.topic("policies"), "max.message.bytes", "1048576").await;
    daemon.is_ready().await;
    world.settles_clean(daemon).await;
    let events = world.events().await;
    assert!(events.iter().any(|event| event["after"]["user_name"] == "beside-it"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_transaction_that_takes_too_long_names_the_setting_and_is_published_once_the_way_is_fast_again() {
    let mut world = World::small().await;
    let proxy = world.kafka_through_proxy();
    world.set("KAFKA__TRANSACTION_TIMEOUT", "5s");
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    world.cloud.create_user("slow").await;
    proxy.lose_request(Call::Produce, Way::Silent);
    fails_saying(&mut daemon, &["transaction.timeout.ms", "5000"]).await;
    assert_eq!(proxy.lost(), 1);
    proxy.set(Way::Open);
    daemon.is_ready().await;
    world.settles_clean(daemon).await;
}

/// What stood in the topic is gone with it; everything that changes from then on is there, and clean.
async fn goes_on_without(topic: &str, partitions: i32) {
    let mut world = World::small().await;
    // A topic that is not known may be one that is just being made: the client waits for it half of this.
    world.set("KAFKA__TRANSACTION_TIMEOUT", "10s");
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    delete(&world.topic(topic)).await;
    world.cloud.create_group("after").await;
    fails_saying(&mut daemon, &[&world.topic(topic), "Unknown topic"]).await;
    create_topic(&world.topic(topic), partitions).await;
    daemon.is_ready().await;
    daemon.syncs(2, "complete").await;
    daemon.terminate().await;

    let events = world.events().await;
    let added = of_type(&events, "group.added");
    assert_eq!(added.len(), 1, "{added:?}");
    let first = if topic == "syncs" { &world.syncs().await[0] } else { added[0] };
    let from = first["sequence"].to_string();
    world.verify(&["--from-sequence", &from]).await.0.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_topic_that_is_deleted_under_a_daemon_is_named_and_what_changes_afterwards_is_published() {
    tokio::join!(goes_on_without("groups", PARTITIONS), goes_on_without("syncs", 1));
}

/// A broker that asks who comes, and whether he may.
async fn guarded() -> (OwnService, World) {
    let properties = [
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users=User:ANONYMOUS",
        "allow.everyone.if.no.acl.found=true",
    ];
    let kafka = OwnService::kafka_with_login("daemon", "opensesame", &properties).await;
    let mut world = World::on(kafka.address(), small()).await;
    for (key, value) in [
        ("KAFKA__BROKERS", kafka.extra_address()),
        ("KAFKA__SECURITY_PROTOCOL", "sasl_plaintext"),
        ("KAFKA__SASL_MECHANISM", "PLAIN"),
        ("KAFKA__SASL_USERNAME", "daemon"),
        ("KAFKA__SASL_PASSWORD", "opensesame"),
        ("KAFKA__TRANSACTION_TIMEOUT", "5s"),
    ] {
        world.set(key, value);
    }
    (kafka, world)
}

async fn acl(kafka: &OwnService, words: &[&str]) {
    let python = std::env::var("TEST_PYTHON").expect("TEST_PYTHON is an interpreter with the readers' packages");
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/services/acl.py")).arg(kafka.address()).args(words);
    Finished::of(command).await.exits_with(0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_right_that_is_taken_away_is_named_and_publishing_goes_on_once_it_is_given_back() {
    const REFUSED: &str = "uthorization failed";
    let (kafka, world) = guarded().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let id = format!("ramstream.{}", world.cloud.account_id());
    let (users, state) = (world.topic("users"), world.state_topic());
    let denials = [
        ("write", "topic", &users, [users.as_str(), REFUSED]),
        ("write", "transactional_id", &id, ["initialising transactions", "grant Write on it"]),
        ("write", "topic", &state, [state.as_str(), REFUSED]),
        ("read", "topic", &state, ["Fetch", REFUSED]),
    ];
    for (operation, kind, name, words) in denials {
        let (allow, deny) =
            (["allow", "User:daemon", "all", kind, name], ["deny", "User:daemon", operation, kind, name]);
        // Where there is any rule, what no rule allows is denied.
        for rule in [allow, deny] {
            acl(&kafka, &[&["add"], rule.as_slice()].concat()).await;
        }
        world.cloud.create_user(&format!("{operation}-{kind}-{}", name.len())).await;
        let says = if operation == "write" { "publishing failed" } else { REFUSED };
        let line = daemon.next_logs(says).await;
        assert!(words.iter().all(|word| line.contains(word)), "no {words:?} in {line}");
        for rule in [deny, allow] {
            acl(&kafka, &[&["remove"], rule.as_slice()].concat()).await;
        }
        daemon.is_ready().await;
        daemon.syncs(1, "complete").await;
    }
    world.settles_clean(daemon).await;
}

/// Its files may not grow any more: to the broker, the failed write of a full disk.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_broker_that_fails_on_its_full_disk_in_the_middle_of_a_transaction_loses_nothing_that_it_acknowledged() {
    let kafka = OwnService::kafka(&[]).await;
    let world = World::on(kafka.address(), small()).await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let mut limit = Command::new("prlimit");
    limit.args(["--pid", &kafka.pid(), "--fsize=4096"]);
    Finished::of(limit).await.exits_with(0);
    world.cloud.create_user("full").await;
    // Nobody stops it: Kafka halts when a write to its last log directory fails.
    kafka.has_ended().await;
    kafka.start_again().await;
    daemon.is_ready().await;
    world.settles_clean(daemon).await;
}
