//! No secret leaves (P8), on real services: canaries for every credential that a daemon has, and a search through the raw
//! bytes of whatever it writes, shows or logs, with all of it working and with each of them refused.
//!
//! What needs no services is tried in `tests/secrets`. A proxy's password is: in a configuration it is refused.

use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ramstream::secret::Secret;
use ramstream::simulator;
use serde_json::json;

use crate::support::cloud::small;
use crate::support::process::{COMPLETE, Daemon, eventually};
use crate::support::seen::Seen;
use crate::support::services::OwnService;
use crate::support::world::World;
use crate::support::{outsider_at, outsider_sends, registry};

const ACCESS_KEY_SECRET: &str = "canary/access+key=secret";
const KAFKA_PASSWORD: &str = "canary/sasl+password=1";
const REGISTRY_PASSWORD: &str = "canary/registry+password=2";
const ADMIN_TOKEN: &str = "canary-admin-token-4-of-a-length";
const WRONG: &str = "canary/wrong+password=3";

/// Whose key it is: the first user of every made-up account.
const OWNER: &str = "alice.abara";

/// As deep as anything logs that has to do with a login: librdkafka tells of its own only what it is asked for.
const DEEPEST: [(&str, &str); 2] = [
    ("LOG__LEVEL", "trace,librdkafka=trace,rdkafka=trace,hyper=trace,hyper_util=trace,reqwest=trace"),
    ("KAFKA__PROPERTIES__DEBUG", "generic,broker,security,conf,eos"),
];

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
        ("ADMIN__TOKEN", ADMIN_TOKEN),
    ]
    .into_iter()
    .chain(DEEPEST)
    {
        world.set(key, value);
    }
    let mut seen = Seen::default();

    syncs(&world, &mut seen).await;
    parks(&world, &mut seen).await;
    let session = with_a_session(&mut world, &mut seen).await;
    seen.run("verify", &world.verify(&[]).await.0.exits_with(COMPLETE));
    seen.run("state describe", &world.state(&["describe"]).await.exits_with(COMPLETE));
    seen.run("state verify", &world.state(&["verify"]).await.exits_with(COMPLETE));
    refused(&mut world, &session, &mut seen).await;

    is_harmed(&world, &mut seen).await;

    seen.all_of(&world);
    assert!(seen.count() > 200, "only {} things were searched", seen.count());
    let secrets = [ACCESS_KEY_SECRET, KAFKA_PASSWORD, REGISTRY_PASSWORD, ADMIN_TOKEN, WRONG, &session[0], &session[1]];
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
    is_administered(world, "with failing calls", &mut daemon, seen).await;
    world.cloud.end_faults().await;
    world.cloud.delete_user("bird").await;
    daemon.syncs(2, "complete").await;
    world.ask_for_replay("all-of-it");
    world.notice_of("all-of-it", "replay.completed").await;
    seen.pages("of a daemon that is well", &mut daemon).await;
    is_administered(world, "of a daemon that is well", &mut daemon, seen).await;
    let (status, log) = daemon.terminate().await;
    assert_eq!(status.code(), Some(COMPLETE), "{log}");
    assert!(log.contains("\"TRACE\"") && log.contains("SASL"), "the log is not as deep as it goes:\n{log}");
    seen.add("the log", log);
}

/// What the admin listener shows, to who has the token and to who has another one.
async fn is_administered(world: &World, when: &str, daemon: &mut Daemon, seen: &mut Seen) {
    let (admin, http) = (daemon.admin().await, reqwest::Client::builder().no_proxy().build().unwrap());
    for path in ["/", "/openapi.json", &format!("/v1/accounts/{}/status", world.cloud.account_id()), "/nothing"] {
        for (token, is_welcome) in [(ADMIN_TOKEN, true), (WRONG, false)] {
            let answer = http.get(format!("{admin}{path}")).bearer_auth(token).send().await.unwrap();
            let (status, headers) = (answer.status(), format!("{:?}", answer.headers()));
            assert!(is_welcome == (status != StatusCode::UNAUTHORIZED) || path == "/openapi.json", "{path}: {status}");
            seen.add(&format!("{path} {when}: {status}"), headers + &answer.text().await.unwrap());
        }
    }
}

/// Two copies, of which the first one parks.
async fn parks(world: &World, seen: &mut Seen) {
    let mut first = world.start_daemon();
    first.is_ready().await;
    let mut second = world.start_daemon();
    second.is_ready().await;
    first.readyz(503, "another copy owns the account").await;
    seen.pages("of a parked copy", &mut first).await;
    is_administered(world, "of a parked copy", &mut first, seen).await;
    for (what, daemon) in [("the log of a parked copy", first), ("the log of its superseder", second)] {
        seen.add(what, daemon.terminate().await.1);
    }
}

/// A state that no daemon starts on.
async fn is_harmed(world: &World, seen: &mut Seen) {
    outsider_sends(&outsider_at(world.kafka(), None), &world.state_topic(), &world.key("user/1"), "no JSON");
    let mut daemon = world.start_daemon();
    daemon.readyz(503, "cannot be read").await;
    seen.pages("of a refused state", &mut daemon).await;
    is_administered(world, "of a refused state", &mut daemon, seen).await;
    seen.add("the log of a refused state", daemon.terminate().await.1);
    seen.run("state verify of a harmed state", &world.state(&["verify"]).await);
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
