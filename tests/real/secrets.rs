//! No secret leaves (P8), on real services: canaries for every credential that a daemon has, and a search through the raw
//! bytes of whatever it writes, shows or logs, with all of it working and with each of them refused.
//!
//! What needs no services is tried in `tests/secrets`. A proxy's password is: in a configuration it is refused.

#[path = "../secrets/forms.rs"]
mod forms;

use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ramstream::secret::Secret;
use ramstream::simulator;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::json;

use crate::support::cloud::small;
use crate::support::process::{COMPLETE, Daemon, Finished, eventually};
use crate::support::services::OwnService;
use crate::support::world::World;
use crate::support::{PATIENCE, registry, unique};

const ACCESS_KEY_SECRET: &str = "canary/access+key=secret";
const KAFKA_PASSWORD: &str = "canary/sasl+password=1";
const REGISTRY_PASSWORD: &str = "canary/registry+password=2";
const WRONG: &str = "canary/wrong+password=3";

/// Whose key it is: the first user of every made-up account.
const OWNER: &str = "alice.abara";

/// As deep as anything logs that has to do with a login: librdkafka tells of its own only what it is asked for.
const DEEPEST: [(&str, &str); 2] = [
    ("LOG__LEVEL", "trace,librdkafka=trace,rdkafka=trace,hyper=trace,hyper_util=trace,reqwest=trace"),
    ("KAFKA__PROPERTIES__DEBUG", "generic,broker,security,conf,eos"),
];

/// What came out of the binary in one way or another.
struct Seen(Vec<(String, Vec<u8>)>);

impl Seen {
    fn add(&mut self, what: &str, text: impl Into<Vec<u8>>) {
        self.0.push((what.to_owned(), text.into()));
    }

    fn run(&mut self, what: &str, finished: &Finished) {
        self.add(what, format!("{}\n{}", finished.stdout, finished.stderr));
    }

    /// What the health listener shows.
    async fn pages(&mut self, when: &str, daemon: &mut Daemon) {
        for path in ["/metrics", "/readyz", "/livez", "/nothing"] {
            let (_, body) = daemon.page(path).await;
            self.add(&format!("{path} {when}"), body);
        }
    }

    fn hold_none_of(&self, secrets: &[&str]) {
        for (what, bytes) in &self.0 {
            if let Some(form) = forms::found(secrets, bytes) {
                panic!("{what} holds {form:?}:\n{}", String::from_utf8_lossy(bytes));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn no_secret_comes_out_of_a_daemon_whether_all_goes_well_or_each_of_them_is_refused() {
    let kafka = OwnService::kafka_with_login("daemon", KAFKA_PASSWORD, &[]).await;
    let account = simulator::Settings {
        size: small(),
        access_key_secret: Some(Secret::new(ACCESS_KEY_SECRET)),
        key_owner: Some(OWNER.to_owned()),
        ..simulator::Settings::default()
    };
    let mut world = World::with(kafka.address(), account).await;
    let gate = gated_registry().await;
    for (key, value) in [
        ("KAFKA__BROKERS", kafka.extra_address()),
        ("KAFKA__SECURITY_PROTOCOL", "sasl_plaintext"),
        ("KAFKA__SASL_MECHANISM", "PLAIN"),
        ("KAFKA__SASL_USERNAME", "daemon"),
        ("KAFKA__SASL_PASSWORD", KAFKA_PASSWORD),
        ("REGISTRY__URL", &gate),
        ("REGISTRY__USERNAME", "daemon"),
        ("REGISTRY__PASSWORD", REGISTRY_PASSWORD),
    ]
    .into_iter()
    .chain(DEEPEST)
    {
        world.set(key, value);
    }
    let mut seen = Seen(Vec::new());

    syncs(&world, &mut seen).await;
    let session = with_a_session(&mut world, &mut seen).await;
    seen.run("verify", &world.verify(&[]).await.0.exits_with(COMPLETE));
    seen.run("state describe", &world.state(&["describe"]).await.exits_with(COMPLETE));
    seen.run("state verify", &world.state(&["verify"]).await.exits_with(COMPLETE));
    refused(&mut world, &session, &mut seen).await;

    for (name, bytes) in world.files() {
        seen.add(&format!("the file {name}"), bytes);
    }
    let records = raw_records(kafka.address());
    let state_topic = world.state_topic();
    assert!(records.iter().any(|(topic, _)| *topic == state_topic), "the state is among what is searched");
    assert!(records.len() > 200, "only {} records were searched", records.len());
    seen.0.extend(records);
    assert!(seen.0.iter().any(|(name, log)| name == "the file truth.jsonl" && !log.is_empty()));
    let secrets = [ACCESS_KEY_SECRET, KAFKA_PASSWORD, REGISTRY_PASSWORD, WRONG, &session[0], &session[1]];
    seen.hold_none_of(&secrets);
}

/// A daemon whose account changes and whose calls fail, in every way in which the services refuse one.
async fn syncs(world: &World, seen: &mut Seen) {
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    world.cloud.create_user("canary").await;
    daemon.syncs(1, "complete").await;
    for fault in ["deny", "expired_token", "throttle", "error", "html", "reset"] {
        let fault = json!({ "operation": "ListGroups", "fault": fault, "times": 1 });
        world.cloud.fault(fault).await;
    }
    world.cloud.rename_user("canary", "bird").await;
    let all = async || world.cloud.struck().await.iter().all(|count| *count > 0).then_some(());
    eventually("every fault strikes", all).await;
    seen.pages("with failing calls", &mut daemon).await;
    world.cloud.end_faults().await;
    world.cloud.delete_user("bird").await;
    daemon.syncs(2, "complete").await;
    seen.pages("of a daemon that is well", &mut daemon).await;
    let (status, log) = daemon.terminate().await;
    assert_eq!(status.code(), Some(COMPLETE), "{log}");
    assert!(log.contains("\"TRACE\"") && log.contains("SASL"), "the log is not as deep as it goes:\n{log}");
    seen.add("the log", log);
}

/// One reading with a temporary key. Returns its secret and its token.
async fn with_a_session(world: &mut World, seen: &mut Seen) -> [String; 2] {
    world.cloud.create_role("reader").await;
    let [id, secret, token] = world.cloud.assume_role("reader").await;
    for (key, value) in [("ID", &id), ("SECRET", &secret)] {
        world.set(&format!("CREDENTIALS__ACCESS_KEY_{key}"), value);
    }
    world.set("CREDENTIALS__SECURITY_TOKEN", &token);
    seen.run("a run with a session", &world.run_once().await.exits_with(COMPLETE));
    [secret, token]
}

/// With each of the credentials wrong, one after the other.
async fn refused(world: &mut World, [secret, token]: &[String; 2], seen: &mut Seen) {
    for (key, right, words) in [
        ("CREDENTIALS__SECURITY_TOKEN", token.as_str(), "InvalidSecurityToken"),
        ("CREDENTIALS__ACCESS_KEY_SECRET", secret, "SignatureDoesNotMatch"),
        ("REGISTRY__PASSWORD", REGISTRY_PASSWORD, "401"),
        ("KAFKA__SASL_PASSWORD", KAFKA_PASSWORD, "unavailable, trying again"),
    ] {
        world.set(key, WRONG);
        let mut daemon = world.start_daemon();
        daemon.logs(words).await;
        seen.pages(&format!("with a wrong {key}"), &mut daemon).await;
        seen.add(&format!("the log with a wrong {key}"), daemon.log());
        daemon.kill().await;
        world.set(key, right);
    }
}

/// The registry behind a gate that lets pass only who has the login.
async fn gated_registry() -> String {
    let base = registry();
    let (host, path) = base.strip_prefix("http://").and_then(|rest| rest.split_once('/')).unwrap();
    let login = format!("Basic {}", BASE64.encode(format!("daemon:{REGISTRY_PASSWORD}")));
    let (host, http) = (host.to_owned(), reqwest::Client::builder().no_proxy().build().unwrap());
    let gate = async move |method: Method, uri: Uri, headers: HeaderMap, body: String| {
        if headers.get(header::AUTHORIZATION).is_none_or(|given| *given != *login) {
            return (StatusCode::UNAUTHORIZED, json!({ "error_code": 401, "message": "who are you?" }).to_string());
        }
        let request =
            http.request(method, format!("http://{host}{uri}")).header(header::CONTENT_TYPE, "application/json");
        let answer = request.body(body).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, axum::Router::new().fallback(gate)).into_future());
    format!("http://{address}/{path}")
}

/// Key, value and headers of every record that was ever written to any topic of `kafka`, also of what was aborted.
fn raw_records(kafka: &str) -> Vec<(String, Vec<u8>)> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", unique("reader"))
        .set("isolation.level", "read_uncommitted")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(None, PATIENCE).unwrap();
    let mut assignment = TopicPartitionList::new();
    for topic in metadata.topics() {
        for partition in topic.partitions() {
            assignment.add_partition_offset(topic.name(), partition.id(), Offset::Beginning).unwrap();
        }
    }
    consumer.assign(&assignment).unwrap();
    let (mut records, mut unread) = (Vec::new(), assignment.count());
    while unread > 0 {
        let message = match consumer.poll(PATIENCE).expect("a record or the end of a partition") {
            Ok(message) => message,
            Err(KafkaError::PartitionEOF(_)) => {
                unread -= 1;
                continue;
            }
            Err(error) => panic!("{error}"),
        };
        let mut bytes = [message.key().unwrap_or_default(), message.payload().unwrap_or_default()].join(&b'\n');
        for header in message.headers().into_iter().flat_map(Headers::iter) {
            bytes.extend([header.key.as_bytes(), header.value.unwrap_or_default()].concat());
        }
        records.push((message.topic().to_owned(), bytes));
    }
    records
}
