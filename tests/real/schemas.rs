//! `ramstream schemas` on a real registry.

use serde_json::{Value, json};

use crate::support::process::{COMPLETE, REFUSED, UNAVAILABLE};
use crate::support::registry;
use crate::support::world::{World, text};

/// What has nothing to do with our schemas.
pub(crate) const FOREIGN: &str = r#"{"type":"record","name":"Foreign","fields":[{"name":"event_id","type":"long"}]}"#;

/// Somebody else registers this under the topic's subject.
pub(crate) async fn somebody_registers(topic: &str, schema: &str) {
    let url = format!("{}/subjects/{topic}-value/versions", registry());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({ "schema": schema, "schemaType": "AVRO" }).to_string();
    let posted = http.post(url).header("content-type", "application/vnd.schemaregistry.v1+json").body(body);
    let answer = posted.send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

/// Those of the world's subjects that are registered. Each is asked for: a registry's list ends after some hundreds.
pub(crate) async fn subjects(world: &World) -> Vec<String> {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let listed = world.ramstream(&["schemas", "list", "--format", "json"]).await.exits_with(COMPLETE);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
    let mut registered = Vec::new();
    for schema in listed["schemas"].as_array().unwrap() {
        let subject = text(schema, "subject");
        let answer = http.get(format!("{}/subjects/{subject}/versions", registry())).send().await.unwrap();
        match answer.status().as_u16() {
            200 => registered.push(subject.to_owned()),
            404 => {}
            other => panic!("{other} for {subject}"),
        }
    }
    registered
}

async fn checked(world: &World, code: i32) -> Vec<Value> {
    let finished = world.ramstream(&["schemas", "check", "--format", "json"]).await.exits_with(code);
    let told: Value = serde_json::from_str(&finished.stdout).unwrap();
    told["schemas"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn checking_registers_nothing_and_registering_is_found_by_it_and_by_the_daemon() {
    let mut world = World::small().await;
    assert!(checked(&world, COMPLETE).await.iter().all(|schema| schema["state"] == "new"));
    assert_eq!(subjects(&world).await, Vec::<String>::new());

    world.set("REGISTRY__MODE", "lookup");
    let registered = world.ramstream(&["schemas", "register"]).await.exits_with(COMPLETE);
    let schemas = checked(&world, COMPLETE).await;
    assert_eq!(subjects(&world).await.len(), schemas.len());
    for schema in &schemas {
        assert_eq!(schema["state"], "registered", "{schema}");
        let line = registered.stdout.lines().find(|line| line.starts_with(&format!("{} ", text(schema, "subject"))));
        assert!(line.unwrap().ends_with(&format!("id {}", schema["id"])), "{line:?} {schema}");
    }
    world.run_once().await.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_schema_that_does_not_fit_what_somebody_registered_is_named_with_the_reason() {
    let mut world = World::small().await;
    somebody_registers(&world.topic("users"), FOREIGN).await;
    let told = world.ramstream(&["schemas", "check"]).await.exits_with(REFUSED).stdout;
    let line = told.lines().find(|line| line.starts_with(&format!("{}-value ", world.topic("users")))).unwrap();
    assert!(line.contains("not compatible with version 1"), "{line}");
    assert!(told.lines().filter(|line| line.contains("the subject does not exist")).count() > 5, "{told}");
    let refused = world.ramstream(&["schemas", "register"]).await.exits_with(REFUSED);
    refused.says(&["refused the schema of subject", "users-value", "another topic prefix"]);

    world.set("REGISTRY__URL", "http://127.0.0.1:1");
    world.ramstream(&["schemas", "check"]).await.exits_with(UNAVAILABLE).says(&["cannot be reached"]);
}
