//! Brokers that are there and do not talk to us: a wrong password, a way of logging in that they do not know, a certificate
//! that nobody trusts. Each is told by what is to be mended, and none as a network that is down.

use std::sync::Arc;
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use ramstream::kafka::topics::ensure;
use ramstream::kafka::{
    AttemptError, ClientError, Connection, PartitionLog, ReadError, TopicsError, end_open_transaction,
};

use crate::support::cloud::small;
use crate::support::event_topic;
use crate::support::process::{COMPLETE, UNAVAILABLE};
use crate::support::services::OwnService;
use crate::support::world::World;

const USER: &str = "daemon";
const PASSWORD: &str = "opensesame";

/// What would send an operator to the network.
const ABOUT_THE_NETWORK: &str = "check that the brokers are reachable";

fn log_in(world: &mut World, kafka: &OwnService, mechanism: &str, password: &str) {
    for (key, value) in [
        ("KAFKA__BROKERS", kafka.extra_address()),
        ("KAFKA__SECURITY_PROTOCOL", "sasl_plaintext"),
        ("KAFKA__SASL_MECHANISM", mechanism),
        ("KAFKA__SASL_USERNAME", USER),
        ("KAFKA__SASL_PASSWORD", password),
    ] {
        world.set(key, value);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_refused_login_is_told_by_the_settings_to_mend_and_not_as_a_broker_out_of_reach() {
    let kafka = OwnService::kafka_with_login(USER, PASSWORD, &[]).await;
    let mut world = World::on(kafka.address(), small()).await;
    let wrong = [("PLAIN", "canary", "Invalid username or password"), ("SCRAM-SHA-256", PASSWORD, "SCRAM-SHA-256")];
    for (mechanism, password, word) in wrong {
        log_in(&mut world, &kafka, mechanism, password);
        let failed = world.run_once().await.exits_with(UNAVAILABLE);
        let mend = "check kafka.sasl_username, kafka.sasl_password and kafka.sasl_mechanism";
        let failed = failed.says(&["authentication failed: ", word, mend]);
        assert!(!failed.stderr.contains(ABOUT_THE_NETWORK), "{}", failed.stderr);
        assert!(!failed.stderr.contains("canary"), "{}", failed.stderr);
    }
    log_in(&mut world, &kafka, "PLAIN", PASSWORD);
    world.run_once().await.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn every_kind_of_client_tells_a_refused_login_for_what_it_is_however_often_it_is_asked() {
    let kafka = OwnService::kafka_with_login(USER, PASSWORD, &[]).await;
    let mut connection = Connection::new(vec![kafka.extra_address().to_owned()]);
    for (name, value) in [
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", USER),
        ("sasl.password", "wrong"),
    ] {
        connection.properties.insert(name.to_owned(), value.to_owned());
    }
    connection.request_timeout = Duration::from_secs(3);
    connection.transaction_timeout = Duration::from_secs(3);
    let connection = Arc::new(connection);

    let topics = ensure(&connection, &[event_topic("events".to_owned())], true).await.unwrap_err();
    assert!(matches!(topics, TopicsError::Client(ClientError::Authentication { .. })), "{topics:?}");

    let mut log = PartitionLog::from_start(Arc::clone(&connection), "events".into(), 0);
    for _ in 0..2 {
        let watermark = log.watermarks().await.unwrap_err();
        assert!(is_login(&watermark), "{watermark:?}");
    }
    let mut log = PartitionLog::from_offset(Arc::clone(&connection), "events".into(), 0, 0);
    let read = log.follow(&mut |_: &[u8], _: Option<&[u8]>, _: i64| Ok(())).await.unwrap_err();
    assert!(is_login(&read), "{read:?}");

    let init = end_open_transaction(&connection, "id", "events").await.unwrap_err();
    assert!(matches!(init, AttemptError::Client { source: ClientError::Authentication { .. }, .. }), "{init:?}");
}

fn is_login(error: &ReadError) -> bool {
    matches!(error, ReadError::Client { source: ClientError::Authentication { .. }, .. })
}

/// A key and its certificate, signed by nobody else, for brokers on this machine; PEM.
pub(crate) fn self_signed() -> (Vec<u8>, Vec<u8>) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "ramstream test broker").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    certificate.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let names = SubjectAlternativeName::new().ip("127.0.0.1").build(&certificate.x509v3_context(None, None)).unwrap();
    certificate.append_extension(names).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    (key.private_key_to_pem_pkcs8().unwrap(), certificate.build().to_pem().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_certificate_that_is_not_trusted_is_told_by_the_setting_to_mend_and_not_as_a_broker_out_of_reach() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (key, certificate) = self_signed();
    std::fs::write(path("broker.pem"), [key, certificate.clone()].concat()).unwrap();
    std::fs::write(path("ca.pem"), certificate).unwrap();
    std::fs::write(path("other.pem"), self_signed().1).unwrap();
    let kafka = OwnService::kafka_with_tls(&path("broker.pem")).await;

    let mut world = World::on(kafka.address(), small()).await;
    world.set("KAFKA__BROKERS", kafka.extra_address());
    world.set("KAFKA__SECURITY_PROTOCOL", "ssl");
    world.set("KAFKA__SSL_CA_FILE", &path("other.pem"));
    let failed = world.run_once().await.exits_with(UNAVAILABLE);
    let failed =
        failed.says(&["no trusted TLS connection: ", "certificate verify failed", "check that kafka.ssl_ca_file"]);
    assert!(!failed.stderr.contains(ABOUT_THE_NETWORK), "{}", failed.stderr);
    world.set("KAFKA__SSL_CA_FILE", &path("ca.pem"));
    world.run_once().await.exits_with(COMPLETE);
}
