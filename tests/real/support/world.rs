//! One test's world: a simulated account, topics under a prefix of their own, and the binary between them.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;

use ramstream::simulator;
use ramstream::simulator::seed::Size;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::cloud::{Cloud, small};
use super::process::{COMPLETE, Daemon, Finished, eventually};
use super::proxy::Proxy;
use super::{admin, kafka, outsider_at, outsider_sends, registry, unique};

/// The event topics, by what stands behind the prefix.
pub(crate) const EVENT_TOPICS: &[&str] = &[
    "accounts",
    "groups",
    "identity-providers",
    "instances",
    "memberships",
    "password-policies",
    "policies",
    "policy-attachments",
    "roles",
    "security-preferences",
    "users",
    "access-keys",
    "login-profiles",
    "mfa-devices",
];

/// How many each event topic has: several, and each costs the brokers and every reader time.
pub(crate) const PARTITIONS: i32 = 3;

/// Where the account's truth log stands in the world's directory.
const TRUTH_LOG: &str = "truth.jsonl";

/// A request for everything once more.
pub(crate) fn replay(id: &str) -> String {
    json!({ "format": 1, "request_id": id, "action": "replay" }).to_string()
}

pub(crate) struct World {
    pub(crate) cloud: Arc<Cloud>,
    pub(crate) prefix: String,
    kafka: String,
    settings: BTreeMap<String, String>,
    directory: TempDir,
}

impl World {
    /// A small account that nobody has published yet.
    pub(crate) async fn small() -> Self {
        Self::of(small()).await
    }

    pub(crate) async fn of(size: Size) -> Self {
        Self::on(&kafka(), size).await
    }

    /// An account that is published to a broker of the test's own.
    pub(crate) async fn on(kafka: &str, size: Size) -> Self {
        Self::with(kafka, simulator::Settings { size, ..simulator::Settings::default() }).await
    }

    /// A small account whose clock is so many seconds ahead.
    pub(crate) async fn with_clock(clock_offset_seconds: i32) -> Self {
        let account = simulator::Settings { size: small(), clock_offset_seconds, ..simulator::Settings::default() };
        Self::with(&kafka(), account).await
    }

    /// An account with more to it than its size.
    pub(crate) async fn with(kafka: &str, account: simulator::Settings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut world = Self {
            cloud: Arc::new(Cloud::start(account, directory.path().join(TRUTH_LOG)).await),
            prefix: unique("real"),
            kafka: kafka.to_owned(),
            settings: BTreeMap::new(),
            directory,
        };
        let address = world.cloud.address();
        world.set_endpoints(&address);
        let account_id = world.cloud.account_id().to_owned();
        let (registry, prefix) = (registry(), world.prefix.clone());
        for (key, value) in [
            ("ACCOUNT__ID", account_id.as_str()),
            ("KAFKA__BROKERS", kafka),
            ("KAFKA__SECURITY_PROTOCOL", "plaintext"),
            ("KAFKA__REPLICATION_FACTOR", "1"),
            ("KAFKA__TOPIC_PREFIX", &prefix),
            ("KAFKA__EVENT_PARTITIONS", &PARTITIONS.to_string()),
            ("REGISTRY__URL", &registry),
            ("SYNC__INTERVAL", "1s"),
            ("SYNC__JITTER", "0"),
            ("SYNC__CONFIRM_DELAY", "1s"),
            ("LISTEN__METRICS", "127.0.0.1:0"),
            ("LISTEN__ADMIN", "127.0.0.1:0"),
        ] {
            world.set(key, value);
        }
        world
    }

    /// Sets a key of the configuration, written as its environment variable without `RAMSTREAM_`.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.settings.insert(format!("RAMSTREAM_{key}"), value.to_owned());
    }

    /// The broker, for whoever needs no login.
    pub(crate) fn kafka(&self) -> &str {
        &self.kafka
    }

    /// Everything that the binary is given in confidence.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let is_secret = |name: &str| ["_PASSWORD", "_SECRET", "_TOKEN"].iter().any(|end| name.ends_with(end));
        let given = self.settings.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| value.clone());
        given.chain([self.cloud.key().1.to_owned()]).collect()
    }

    /// Leaves a key of the configuration to its default.
    pub(crate) fn unset(&mut self, key: &str) {
        self.settings.remove(&format!("RAMSTREAM_{key}")).expect("it is set");
    }

    fn set_endpoints(&mut self, address: &str) {
        for service in ["STS", "IMS", "RAM", "RESOURCE_MANAGER", "ECS"] {
            self.set(&format!("ALICLOUD__ENDPOINTS__{service}"), address);
        }
    }

    /// From now on the binary reaches the account through this proxy; an answer that does not come is soon given up.
    pub(crate) fn account_through_proxy(&mut self) -> Proxy {
        let address = self.cloud.address();
        let proxy = Proxy::to(address.strip_prefix("http://").unwrap());
        self.set_endpoints(&format!("http://{}", proxy.address()));
        self.set("ALICLOUD__CONNECT_TIMEOUT", "1s");
        self.set("ALICLOUD__REQUEST_TIMEOUT", "2s");
        proxy
    }

    /// From now on the binary reaches Kafka through this proxy; an answer that does not come is soon given up.
    pub(crate) fn kafka_through_proxy(&mut self) -> Proxy {
        let kafka = self.kafka.clone();
        self.kafka_through_proxy_to(&kafka)
    }

    /// The same, to another listener of the broker.
    pub(crate) fn kafka_through_proxy_to(&mut self, listener: &str) -> Proxy {
        let proxy = Proxy::to_kafka(listener);
        self.set("KAFKA__BROKERS", &proxy.address());
        self.set("KAFKA__PROPERTIES__SOCKET_TIMEOUT_MS", "5000");
        self.set("KAFKA__TRANSACTION_TIMEOUT", "10s");
        proxy
    }

    /// From now on the binary reaches the registry through this proxy.
    pub(crate) fn registry_through_proxy(&mut self) -> Proxy {
        let url = registry();
        let (address, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).unwrap();
        let proxy = Proxy::to(address);
        self.set("REGISTRY__URL", &format!("http://{}/{path}", proxy.address()));
        self.set("REGISTRY__TIMEOUT", "1s");
        proxy
    }

    /// What is started from now on reaches everything directly.
    pub(crate) fn end_proxies(&mut self) {
        let (account, kafka) = (self.cloud.address(), self.kafka.clone());
        self.set_endpoints(&account);
        self.set("KAFKA__BROKERS", &kafka);
        self.set("REGISTRY__URL", &registry());
    }

    /// The binary with this world's configuration and nothing else of the environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let (key_id, secret) = self.cloud.key();
        let mut command = Command::new(env!("CARGO_BIN_EXE_ramstream"));
        command.args(arguments).current_dir(&self.directory).env_clear().envs(&self.settings);
        command.env("ALIBABA_CLOUD_ACCESS_KEY_ID", key_id).env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret);
        command
    }

    /// What works with the topics alone is given no credentials.
    pub(crate) fn command_without_credentials(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.env_remove("ALIBABA_CLOUD_ACCESS_KEY_ID").env_remove("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
        command
    }

    /// `ramstream state …`, to its end, without a terminal.
    pub(crate) async fn state(&self, arguments: &[&str]) -> Finished {
        let mut command = self.command_without_credentials(&[&["state"], arguments].concat());
        command.stdin(Stdio::null());
        Finished::of(command).await
    }

    /// `ramstream snapshot export …`, to its end.
    pub(crate) async fn export(&self, arguments: &[&str]) -> Finished {
        let arguments = [&["snapshot", "export"], arguments].concat();
        Finished::of(self.command_without_credentials(&arguments)).await
    }

    /// `ramstream snapshot diff …`, to its end.
    pub(crate) async fn snapshot_diff(&self, arguments: &[&str]) -> Finished {
        Finished::of(self.command(&[&["snapshot", "diff"], arguments].concat())).await
    }

    /// The rows of an export in the world's directory, and its manifest, as a reader by another hand finds them.
    pub(crate) async fn exported(&self, name: &str) -> (Value, Vec<Value>) {
        let directory = self.path(name);
        let mut reader = Command::new(python());
        reader.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/readers/read_snapshot.py")).arg(&directory);
        let read = Finished::of(reader).await.exits_with(0);
        let mut lines: Vec<Value> = read.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let manifest = std::fs::read(directory.join("manifest.json")).unwrap();
        (serde_json::from_slice(&manifest).unwrap(), lines.iter_mut().map(|line| line["row"].take()).collect())
    }

    /// A path in the world's directory, in which the binary works.
    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// The names of what stands in the world's directory by now.
    pub(crate) fn entries(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.directory).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Any command that needs no credentials, to its end.
    pub(crate) async fn ramstream(&self, arguments: &[&str]) -> Finished {
        Finished::of(self.command_without_credentials(arguments)).await
    }

    /// `ramstream run --once`, to its end.
    pub(crate) async fn run_once(&self) -> Finished {
        Finished::of(self.command(&["run", "--once"])).await
    }

    /// `ramstream check`, and the report that it printed.
    pub(crate) async fn check(&self) -> (Finished, Value) {
        Self::checked(self.command(&["check", "--format", "json"])).await
    }

    /// The same without any credentials, where no ECS instance is either.
    pub(crate) async fn check_without_credentials(&mut self) -> (Finished, Value) {
        self.set("ALICLOUD__ENDPOINTS__ECS_METADATA", "http://127.0.0.1:1");
        Self::checked(self.command_without_credentials(&["check", "--format", "json"])).await
    }

    async fn checked(command: Command) -> (Finished, Value) {
        let finished = Finished::of(command).await;
        let report = serde_json::from_str(&finished.stdout).unwrap_or_default();
        (finished, report)
    }

    /// `ramstream verify` with the truth log, and the report that it printed.
    pub(crate) async fn verify(&self, options: &[&str]) -> (Finished, Value) {
        let arguments = [&["verify", "--truth", TRUTH_LOG, "--format", "json"], options].concat();
        let finished = Finished::of(self.command_without_credentials(&arguments)).await;
        let report = serde_json::from_str(&finished.stdout).unwrap_or_default();
        (finished, report)
    }

    /// `ramstream tail …`, not started yet.
    pub(crate) fn tail_command(&self, options: &[&str]) -> Command {
        self.command_without_credentials(&[&["tail"], options].concat())
    }

    /// `ramstream tail --until-end …`, to its end.
    pub(crate) async fn tail(&self, options: &[&str]) -> Finished {
        Finished::of(self.tail_command(&[&["--until-end"], options].concat())).await
    }

    /// Every file that stands in the world's directory by now: the truth log, and what the binary may have written.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let files = std::fs::read_dir(&self.directory).unwrap().map(|file| file.unwrap());
        files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())).collect()
    }

    /// The requests in the truth log, in the order in which they were answered.
    pub(crate) fn requests(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.directory.path().join(TRUTH_LOG)).unwrap();
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["type"] == "request").map(|mut line| line["request"].take()).collect()
    }

    /// Lets `daemon` read the account, which is quiet by now, twice, ends it, and has everything judged by the checker,
    /// as both sorts of readers see it. Returns its report.
    pub(crate) async fn settles_clean(&self, mut daemon: Daemon) -> Value {
        daemon.is_ready().await;
        daemon.syncs(2, "complete").await;
        let (status, log) = daemon.terminate().await;
        assert_eq!(status.code(), Some(COMPLETE), "{log}");
        self.is_clean().await
    }

    /// The checker's report, which must be clean for both sorts of readers.
    pub(crate) async fn is_clean(&self) -> Value {
        self.verify(&["--read-uncommitted"]).await.0.exits_with(COMPLETE);
        let (finished, report) = self.verify(&[]).await;
        finished.exits_with(COMPLETE);
        report
    }

    /// Who owned the account, in order, as the claims in the state topic tell; a release is null. An owner that claims
    /// with every sync counts once.
    pub(crate) async fn owners(&self) -> Vec<Value> {
        let key = self.key("~claim");
        let mut claims = self.state_records().await;
        claims.retain(|record| record["key"] == key.as_str());
        let mut owners: Vec<Value> = claims.into_iter().map(|mut claim| claim["value"]["writer"].take()).collect();
        owners.dedup();
        owners
    }

    /// `ramstream run`.
    pub(crate) fn start_daemon(&self) -> Daemon {
        Daemon::start(self.command(&["run"]))
    }

    /// Whether nothing was made of it in Kafka.
    pub(crate) fn has_no_topic(&self) -> bool {
        let metadata = admin().inner().fetch_metadata(None, std::time::Duration::from_secs(10)).unwrap();
        metadata.topics().iter().all(|topic| !topic.name().starts_with(&self.prefix))
    }

    /// The topic with this prefix.
    pub(crate) fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    pub(crate) fn state_topic(&self) -> String {
        self.topic(&format!("state.{}", self.cloud.account_id()))
    }

    /// The key of one of this account's entities.
    pub(crate) fn key(&self, path: &str) -> String {
        format!("{}/{path}", self.cloud.account_id())
    }

    /// Every change event in the order in which a consumer applies them. Each is the decoded value with `key`, `topic`,
    /// `partition` and `headers` beside it.
    pub(crate) async fn events(&self) -> Vec<Value> {
        self.events_read(&[]).await
    }

    async fn events_read(&self, options: &[&str]) -> Vec<Value> {
        let topics: Vec<String> = EVENT_TOPICS.iter().map(|name| self.topic(name)).collect();
        let mut events: Vec<Value> = self.read(&topics, options).await.into_iter().map(flat).collect();
        events.sort_by_key(|event| (event["sequence"].as_i64().unwrap(), event["batch_index"].as_i64().unwrap()));
        events
    }

    /// Events and sync records as a reader without isolation finds them: also what was aborted.
    pub(crate) async fn uncommitted(&self) -> (Vec<Value>, Vec<Value>) {
        let options = ["--read-uncommitted"];
        let mut syncs: Vec<Value> = self.read(&[self.topic("syncs")], &options).await.into_iter().map(flat).collect();
        syncs.retain(|notice| notice["notice_type"] == "sync.completed");
        (self.events_read(&options).await, syncs)
    }

    /// The change events of one sync.
    pub(crate) async fn events_of(&self, sequence: i64) -> Vec<Value> {
        let mut events = self.events().await;
        events.retain(|event| event["sequence"] == sequence);
        events
    }

    /// The rows of all replays, in the order of their topics.
    pub(crate) async fn rows(&self) -> Vec<Value> {
        let topics: Vec<String> = EVENT_TOPICS.iter().map(|name| self.topic(&format!("snapshot.{name}"))).collect();
        self.read(&topics, &[]).await.into_iter().map(flat).collect()
    }

    /// Somebody asks for everything once more, under this id.
    pub(crate) fn ask_for_replay(&self, id: &str) {
        self.ask(&replay(id));
    }

    /// Somebody appends to `.control`, for this account.
    pub(crate) fn ask(&self, value: &str) {
        outsider_sends(&outsider_at(&self.kafka, None), &self.topic("control"), self.cloud.account_id(), value);
    }

    /// Waits for the notice of this type about this request.
    pub(crate) async fn notice_of(&self, request: &str, notice_type: &str) -> Value {
        eventually(&format!("{notice_type} of {request}"), async || {
            let notices = self.notices().await;
            let is_it = |notice: &Value| notice["request_id"] == request && notice["notice_type"] == notice_type;
            notices.into_iter().find(is_it)
        })
        .await
    }

    /// Everything in `.syncs`, in its order.
    pub(crate) async fn notices(&self) -> Vec<Value> {
        self.read(&[self.topic("syncs")], &[]).await.into_iter().map(flat).collect()
    }

    /// The `sync.completed` records.
    pub(crate) async fn syncs(&self) -> Vec<Value> {
        let mut notices = self.notices().await;
        notices.retain(|notice| notice["notice_type"] == "sync.completed");
        notices
    }

    /// The state topic's records, oldest first.
    pub(crate) async fn state_records(&self) -> Vec<Value> {
        self.read(&[self.state_topic()], &["--json"]).await
    }

    /// How many records of the state topic were aborted: what kills in the middle of a transaction leave behind.
    pub(crate) async fn aborted_state_records(&self) -> usize {
        let all = self.read(&[self.state_topic()], &["--json", "--read-uncommitted"]).await;
        all.len() - self.state_records().await.len()
    }

    /// The claim record that holds: who owns the account.
    pub(crate) async fn last_claim(&self) -> Value {
        let key = self.key("~claim");
        let mut claims = self.state_records().await;
        claims.retain(|record| record["key"] == key.as_str());
        claims.pop().expect("somebody has claimed the account")["value"].take()
    }

    /// The records of some topics as a reader by another hand decodes them.
    async fn read(&self, topics: &[String], options: &[&str]) -> Vec<Value> {
        let mut reader = Command::new(python());
        reader.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/readers/read_topic.py"));
        reader.args(["--kafka", &self.kafka, "--registry", &registry()]);
        reader.args(options).args(topics);
        let read = Finished::of(reader).await.exits_with(0);
        read.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The interpreter that has the readers' packages.
pub(crate) fn python() -> String {
    std::env::var("TEST_PYTHON").expect("TEST_PYTHON is an interpreter with the readers' packages")
}

/// The decoded value, with what stands around it in Kafka.
fn flat(mut record: Value) -> Value {
    let mut value = record["value"].take();
    for field in ["key", "topic", "partition", "headers"] {
        value[field] = record[field].take();
    }
    value
}

/// The events of these types.
pub(crate) fn of_type<'a>(events: &'a [Value], event_type: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event_type"] == event_type).collect()
}

/// `event_type key` of each event, for comparing at a glance.
pub(crate) fn told(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| format!("{} {}", text(event, "event_type"), text(event, "key"))).collect()
}

/// A text field.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {value}"))
}

/// What a sync record says of one collection.
pub(crate) fn collection<'a>(sync: &'a Value, kind: &str) -> &'a Value {
    let collections = sync["collections"].as_array().unwrap();
    collections.iter().find(|collection| collection["kind"] == kind).unwrap_or_else(|| panic!("no {kind} in {sync}"))
}
