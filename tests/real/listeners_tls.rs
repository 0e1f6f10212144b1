//! The daemon's own addresses over TLS.

use std::path::Path;

use reqwest::{Certificate, Client};

use crate::logins::self_signed;
use crate::support::process::{COMPLETE, Finished, eventually};
use crate::support::world::World;

/// Makes an identity anew in these files.
fn put_identity(certificate: &Path, key: &Path) -> Certificate {
    let (own_key, own_certificate) = self_signed();
    std::fs::write(key, own_key).unwrap();
    std::fs::write(certificate, &own_certificate).unwrap();
    Certificate::from_pem(&own_certificate).unwrap()
}

/// A client that trusts this certificate, which the system does not.
fn trusting(certificate: &Certificate) -> Client {
    let client = Client::builder().no_proxy();
    client.add_root_certificate(certificate.clone()).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn both_addresses_speak_tls_alone_and_show_a_renewed_certificate_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let [certificate, key] = ["tls.crt", "tls.key"].map(|name| directory.path().join(name));
    let first = put_identity(&certificate, &key);
    let mut world = World::small().await;
    world.set("LISTEN__TLS_CERTIFICATE_FILE", certificate.to_str().unwrap());
    world.set("LISTEN__TLS_KEY_FILE", key.to_str().unwrap());
    let mut daemon = world.start_daemon();
    let (health, admin) = (daemon.address().await, daemon.admin().await);
    assert!(health.starts_with("https://") && admin.starts_with("https://"), "{health} {admin}");

    let client = trusting(&first);
    eventually("ready over TLS", async || {
        let answer = client.get(format!("{health}/readyz")).send().await.unwrap();
        answer.status().is_success().then_some(())
    })
    .await;
    let plain = client.get(health.replace("https", "http") + "/livez").send().await;
    assert!(plain.is_err(), "nothing is answered that is not encrypted: {plain:?}");

    // The commands that ask trust what the system trusts.
    let mut ask = world.command_without_credentials(&["replay", "--kind", "user", "--url", &admin]);
    ask.env("SSL_CERT_FILE", &certificate);
    Finished::of(ask).await.exits_with(COMPLETE).says(&[": committed"]);
    let distrusted = world.ramstream(&["replay", "--kind", "user", "--url", &admin]).await;
    assert!(distrusted.stderr.contains("certificate verify failed"), "{}", distrusted.stderr);

    // A half written pair changes nothing, a whole one is shown to whoever connects next.
    std::fs::write(&certificate, "-----BEGIN CERTIFICATE-----\n").unwrap();
    assert!(trusting(&first).get(format!("{health}/livez")).send().await.unwrap().status().is_success());
    daemon.logs("the listeners keep the certificate that they had").await;
    let second = put_identity(&certificate, &key);
    assert!(trusting(&second).get(format!("{health}/livez")).send().await.unwrap().status().is_success());
    assert!(trusting(&first).get(format!("{admin}/openapi.json")).send().await.is_err());
    daemon.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_key_of_another_certificate_ends_the_start_with_the_setting_to_mend() {
    let directory = tempfile::tempdir().unwrap();
    let [certificate, key, other] = ["tls.crt", "tls.key", "other"].map(|name| directory.path().join(name));
    put_identity(&certificate, &key);
    put_identity(&other, &key);
    let mut world = World::small().await;
    world.set("LISTEN__TLS_CERTIFICATE_FILE", certificate.to_str().unwrap());
    let half = world.ramstream(&["config", "check"]).await;
    assert!(half.stderr.contains("listen.tls_key_file"), "{}", half.stderr);
    world.set("LISTEN__TLS_KEY_FILE", key.to_str().unwrap());
    let failed = Finished::of(world.command(&["run"])).await;
    let failed = failed.exits_with(1);
    failed.says(&["listen.tls_key_file", "key values mismatch", "the private key of the first certificate"]);
}
