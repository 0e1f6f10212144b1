//! Schema ids from a real registry.

use std::time::Duration;

use ramstream::kafka::RegistryError;
use ramstream::kafka::registry::{Compatibility, Registry, RegistryAuth, RegistryMode, RegistrySettings};

use crate::support::{registry as address, unique};

const FIRST: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#;
const APPENDED: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"},
    {"name":"b","type":["null","string"],"default":null}]}"#;
const INCOMPATIBLE: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"long"}]}"#;

fn registry_at(urls: Vec<String>, mode: RegistryMode) -> Registry {
    let timeout = Duration::from_secs(10);
    Registry::new(RegistrySettings { urls, auth: RegistryAuth::None, ca_pem: None, timeout, mode }).unwrap()
}

fn registry(mode: RegistryMode) -> Registry {
    registry_at(vec![address()], mode)
}

#[tokio::test]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_schema_is_registered_once_under_full_transitive() {
    let subject = unique("t");
    let register = registry(RegistryMode::Register);
    let first = register.resolve(&subject, FIRST).await.unwrap();
    assert!(matches!(first.compatibility, Compatibility::Set { .. }), "{first:?}");
    let again = register.resolve(&subject, FIRST).await.unwrap();
    assert_eq!((again.id, again.compatibility), (first.id, Compatibility::AlreadySet));
    let level = reqwest::get(format!("{}/config/{subject}", address())).await.unwrap().text().await.unwrap();
    assert!(level.contains("FULL_TRANSITIVE"), "{level}");

    let appended = register.resolve(&subject, APPENDED).await.unwrap();
    assert_ne!(appended.id, first.id);
    // The older text keeps its own id after a newer version: never "the latest".
    assert_eq!(registry(RegistryMode::Lookup).resolve(&subject, FIRST).await.unwrap().id, first.id);
}

#[tokio::test]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_incompatible_schema_is_refused_with_subject_address_reason_and_mend() {
    let subject = unique("t");
    let register = registry(RegistryMode::Register);
    register.resolve(&subject, FIRST).await.unwrap();
    let error = register.resolve(&subject, INCOMPATIBLE).await.unwrap_err();
    assert!(matches!(error, RegistryError::Incompatible { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&subject) && text.contains(&address()) && text.contains("another topic prefix"), "{text}");
}

#[tokio::test]
#[ignore = "needs Kafka and a registry: make test"]
async fn looking_up_registers_nothing() {
    let subject = unique("t");
    let lookup = registry(RegistryMode::Lookup);
    for schema in [FIRST, APPENDED] {
        // First no subject at all, then a subject with another schema.
        let error = lookup.resolve(&subject, schema).await.unwrap_err();
        assert!(matches!(error, RegistryError::NotRegistered { .. }), "{error}");
        registry(RegistryMode::Register).resolve(&subject, FIRST).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_level_that_somebody_chose_is_left_alone_and_reported() {
    let subject = unique("t");
    registry(RegistryMode::Register).resolve(&subject, FIRST).await.unwrap();
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
    let put = client.put(format!("{}/config/{subject}", address()));
    let body = r#"{"compatibility":"BACKWARD"}"#;
    put.header("content-type", "application/vnd.schemaregistry.v1+json").body(body).send().await.unwrap();
    let resolved = registry(RegistryMode::Register).resolve(&subject, FIRST).await.unwrap();
    assert_eq!(resolved.compatibility, Compatibility::Left { level: "BACKWARD".to_owned() });
}

#[tokio::test]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_address_that_does_not_answer_is_passed_over() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let urls = vec![format!("http://127.0.0.1:{port}"), address()];
    registry_at(urls, RegistryMode::Register).resolve(&unique("t"), FIRST).await.unwrap();
}

#[tokio::test]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_wrong_base_address_says_so() {
    let wrong = registry_at(vec![format!("{}/nowhere", address())], RegistryMode::Register);
    let error = wrong.resolve(&unique("t"), FIRST).await.unwrap_err();
    assert!(error.to_string().contains("base of its Confluent API"), "{error}");
}
