//! `ramstream topics acls` on a broker that refuses what no rule allows, with logins by SCRAM over TLS: its rights suffice,
//! each of the writer's is needed, and nobody has another's.

use std::collections::BTreeSet;

use tokio::process::Command;

use crate::check::verdict;
use crate::logins::self_signed;
use crate::support::cloud::small;
use crate::support::process::{COMPLETE, Finished, REFUSED, UNAVAILABLE};
use crate::support::services::OwnService;
use crate::support::world::{EVENT_TOPICS, World, text};

const PASSWORD: &str = "opensesame";
const WRITER: &str = "daemon";
const READER: &str = "siem";
const ASKER: &str = "ops";
const AUDITOR: &str = "audit";

/// The group that librdkafka asks for, and that the reader reads with.
const GROUP: &str = "ramstream";

const SERVICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/services");

/// A right of the writer: the operation, what it is on, and a name for which it stands.
type Right = (&'static str, &'static str, String);

struct Guarded {
    kafka: OwnService,
    world: World,
    directory: tempfile::TempDir,
}

impl Guarded {
    /// Nobody has a right yet but the administrator, who comes without a login.
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let (key, certificate) = self_signed();
        std::fs::write(path("broker.pem"), [key, certificate.clone()].concat()).unwrap();
        std::fs::write(path("ca.pem"), certificate).unwrap();
        let kafka = OwnService::kafka_with_scram(&path("broker.pem")).await;
        python("scram.py", &[kafka.address(), PASSWORD, WRITER, READER, ASKER, AUDITOR]).await;
        let mut world = World::on(kafka.address(), small()).await;
        for (key, value) in [
            ("KAFKA__BROKERS", kafka.extra_address()),
            ("KAFKA__SECURITY_PROTOCOL", "sasl_ssl"),
            ("KAFKA__SASL_MECHANISM", "SCRAM-SHA-512"),
            ("KAFKA__SASL_PASSWORD", PASSWORD),
            ("KAFKA__SSL_CA_FILE", &path("ca.pem")),
            ("KAFKA__TRANSACTION_TIMEOUT", "5s"),
        ] {
            world.set(key, value);
        }
        Self { kafka, world, directory }
    }

    /// What the command prints when it is told of these people.
    async fn printed(&mut self, creates: bool, people: &[&str]) -> String {
        self.world.set("KAFKA__CREATE_TOPICS", if creates { "true" } else { "false" });
        let printed = self.world.ramstream(&[&["topics", "acls"], people].concat()).await.exits_with(0).stdout;
        self.world.set("KAFKA__CREATE_TOPICS", "true");
        printed
    }

    /// Runs what the command prints, as its reader would.
    async fn grant(&mut self, creates: bool, people: &[&str]) {
        let file = self.directory.path().join("acls.sh");
        std::fs::write(&file, self.printed(creates, people).await).unwrap();
        let mut command = Command::new("sh");
        let path = std::env::var("PATH").unwrap();
        command.arg(file).args(["--bootstrap-server", self.kafka.address()]).env("PATH", format!("{SERVICES}:{path}"));
        Finished::of(command).await.exits_with(0);
    }

    /// Gives back or takes away one of the writer's rights.
    async fn turn(&self, word: &str, (operation, kind, name): &Right) {
        let user = format!("User:{WRITER}");
        python("acl.py", &[self.kafka.address(), word, "allow", &user, operation, kind, name]).await;
    }

    /// From now on commands come as `user`.
    fn become_user(&mut self, user: &str) {
        self.world.set("KAFKA__SASL_USERNAME", user);
    }

    /// The name with this ending behind the prefix, or one that is none of a topic.
    fn stands_for(&self, name: &str) -> String {
        let account = self.world.cloud.account_id();
        let Some(topic) = name.strip_prefix(&format!("{}.", self.world.prefix)) else { return name.to_owned() };
        let topic = topic.replace(account, "");
        let of_a_kind = |topic: &str| EVENT_TOPICS.contains(&topic);
        match topic.strip_prefix("snapshot.") {
            Some(kind) if of_a_kind(kind) => "snapshot.users".to_owned(),
            None if of_a_kind(&topic) => "users".to_owned(),
            _ => topic,
        }
    }
}

async fn python(script: &str, arguments: &[&str]) {
    let python = std::env::var("TEST_PYTHON").expect("TEST_PYTHON is an interpreter with the readers' packages");
    let mut command = Command::new(python);
    command.arg(format!("{SERVICES}/{script}")).args(arguments);
    Finished::of(command).await.exits_with(0);
}

/// The rights in what the command prints, one operation on one name each.
fn rights(printed: &str) -> Vec<(String, String, String)> {
    let mut rights = Vec::new();
    for line in printed.lines().filter(|line| line.starts_with("kafka-acls.sh ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let options: Vec<(&str, &str)> = words.windows(2).map(|pair| (pair[0], pair[1])).collect();
        let names = options.iter().filter(|(option, _)| ["--topic", "--transactional-id", "--group"].contains(option));
        for (kind, name) in names {
            for (_, operation) in options.iter().filter(|(option, _)| *option == "--operation") {
                rights.push(((*operation).to_owned(), (*kind).to_owned(), (*name).to_owned()));
            }
        }
    }
    rights
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn the_documented_rights_suffice_and_nobody_has_anothers() {
    let mut guarded = Guarded::start().await;
    guarded.become_user(WRITER);
    guarded.grant(false, &["--writer", "User:daemon"]).await;
    let refused = guarded.world.run_once().await.exits_with(REFUSED);
    refused.says(&["could not be created"]);

    let group = ["--group", GROUP];
    let people = ["--writer", "User:daemon", "--reader", "User:siem", "--asker", "User:ops"];
    guarded.grant(true, &[&people[..], &group, &["--auditor", "User:audit"]].concat()).await;
    let published = guarded.world.run_once().await.exits_with(COMPLETE);
    assert!(!published.stderr.contains("uthorization"), "{}", published.stderr);
    let mut daemon = guarded.world.start_daemon();
    daemon.is_ready().await;

    // The check asks for nothing that the daemon has not, and says what these rights do not let it see.
    let (_, report) = guarded.world.check().await;
    assert_eq!(report["exit_code"], COMPLETE, "{report:#}");
    let state = guarded.world.state_topic();
    assert_eq!(verdict(&report, "rights", &format!("Read on {state}"))["verdict"], "ok");
    assert_eq!(verdict(&report, "rights", "Write on every topic")["verdict"], "not_checked");
    let transactions = verdict(&report, "transactions", "ramstream.");
    assert_eq!(transactions["verdict"], "not_checked", "{transactions}");
    let read = ("read", "topic", guarded.world.topic("control"));
    guarded.turn("remove", &read).await;
    let (_, report) = guarded.world.check().await;
    let refused = verdict(&report, "rights", &format!("Read on {}", read.2));
    assert_eq!(refused["verdict"], "failed", "{refused}");
    assert!(text(refused, "fix").contains("topics acls"), "{refused}");
    guarded.turn("add", &read).await;

    guarded.become_user(READER);
    let from_the_beginning = ["--from", "beginning"];
    let seen = guarded.world.tail(&from_the_beginning).await.exits_with(COMPLETE);
    assert!(seen.stdout.contains("user.observed") && !seen.stderr.contains("uthorization"), "{seen:?}");
    guarded.world.export(&["--to", "no"]).await.exits_with(REFUSED).says(&["may not be described by this user"]);
    let asked = guarded.world.ramstream(&["replay", "--via", "kafka"]).await.exits_with(UNAVAILABLE);
    asked.says(&["control may not be written"]);

    guarded.become_user(ASKER);
    guarded.world.ramstream(&["replay", "--via", "kafka", "--kind", "user"]).await.exits_with(COMPLETE);
    let seen = guarded.world.tail(&from_the_beginning).await.says(&["not visible"]);
    assert!(!seen.stdout.contains("user.observed"), "{seen:?}");

    guarded.become_user(AUDITOR);
    guarded.world.state(&["verify"]).await.exits_with(COMPLETE);
    guarded.world.export(&["--to", "export"]).await.exits_with(COMPLETE);
    let asked = guarded.world.ramstream(&["replay", "--via", "kafka"]).await.exits_with(UNAVAILABLE);
    asked.says(&["control may not be written"]);
    guarded.world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn each_right_of_the_writer_is_needed_and_its_absence_is_told() {
    let mut guarded = Guarded::start().await;
    guarded.become_user(WRITER);
    guarded.grant(true, &["--writer", "User:daemon"]).await;
    guarded.world.run_once().await.exits_with(COMPLETE);

    let id = format!("ramstream.{}", guarded.world.cloud.account_id());
    let topic = |name: &str| guarded.world.topic(name);
    let state = guarded.world.state_topic();
    let configs = |name: &str| format!("grant `DescribeConfigs` on topic {name}");
    let describe = |name: &str| format!("on topic {name}");
    let failed = || "uthorization failed".to_owned();
    // Whoever may not write may not look either.
    let needed: [(Right, String); 15] = [
        (("write", "transactional_id", id), "initialising transactions".to_owned()),
        (("describe", "group", GROUP.to_owned()), "Group authorization failed".to_owned()),
        (("write", "topic", topic("users")), describe(&topic("users"))),
        (("describe_configs", "topic", topic("users")), configs(&topic("users"))),
        (("write", "topic", topic("snapshot.users")), describe(&topic("snapshot.users"))),
        (("describe_configs", "topic", topic("snapshot.users")), configs(&topic("snapshot.users"))),
        (("read", "topic", state.clone()), failed()),
        (("write", "topic", state.clone()), failed()),
        (("describe_configs", "topic", state.clone()), configs(&state)),
        (("read", "topic", topic("syncs")), failed()),
        (("write", "topic", topic("syncs")), failed()),
        (("describe_configs", "topic", topic("syncs")), configs(&topic("syncs"))),
        (("read", "topic", topic("control")), "requests cannot be read".to_owned()),
        (("write", "topic", topic("control")), "control may not be written".to_owned()),
        (("describe_configs", "topic", topic("control")), configs(&topic("control"))),
    ];
    // What is tried below is all that the command gives, but for the right to create.
    let word = |text: &str| text.replace(['-', '_'], "").to_lowercase();
    let tried: BTreeSet<_> =
        needed.iter().map(|((operation, _, name), _)| (word(operation), guarded.stands_for(name))).collect();
    let given = rights(&guarded.printed(false, &["--writer", "User:daemon"]).await);
    let given: BTreeSet<_> =
        given.iter().map(|(operation, _, name)| (word(operation), guarded.stands_for(name))).collect();
    assert_eq!(tried, given);

    for (right, words) in &needed {
        guarded.turn("remove", right).await;
        let mut daemon = guarded.world.start_daemon();
        if words == "control may not be written" {
            daemon.is_ready().await;
            let admin = daemon.admin().await;
            let asked = guarded.world.ramstream(&["sync", "--url", &admin]).await;
            assert_ne!(asked.status.code(), Some(COMPLETE), "{asked:?}");
        }
        daemon.logs(words).await;
        daemon.kill().await;
        guarded.turn("add", right).await;
    }
    guarded.world.run_once().await.exits_with(COMPLETE);
}
