//! Identity providers, and whom roles trust.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::fold::{assert_same, check_sequences, content, encoded_arn, fold};
use crate::support::process::{COMPLETE, PARTIAL};
use crate::support::world::{World, collection, text, told};

const OKTA: &str = "<EntityDescriptor entityID=\"https://okta.example.com\"/>";

fn key(world: &World, of_type: &str, name: &str) -> String {
    let arn = encoded_arn(world.cloud.account_id(), of_type, name);
    world.key(&format!("identity_provider/{of_type}/{arn}"))
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn create(world: &World) {
    let metadata = BASE64.encode(OKTA);
    let saml = [("SAMLProviderName", "okta"), ("EncodedSAMLMetadataDocument", &*metadata)];
    world.cloud.ims("CreateSAMLProvider", &saml).await;
    let issuer = ("IssuerUrl", "https://token.example.com");
    let oidc = [("OIDCProviderName", "actions"), issuer, ("ClientIds", "web,api"), ("Fingerprints", "0f,0a")];
    world.cloud.ims("CreateOIDCProvider", &oidc).await;
}

async fn delete(world: &World) {
    world.cloud.ims("DeleteSAMLProvider", &[("SAMLProviderName", "okta")]).await;
    world.cloud.ims("DeleteOIDCProvider", &[("OIDCProviderName", "actions")]).await;
}

/// The events of one sync, which are about both providers: OIDC's, then SAML's.
async fn both(world: &World, sequence: i64, verb: &str) -> [Value; 2] {
    let events = world.events_of(sequence).await;
    let keys = [key(world, "oidc", "actions"), key(world, "saml", "okta")];
    assert_eq!(told(&events), keys.map(|key| format!("identity_provider.{verb} {key}")));
    events.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_provider_is_added_updated_removed_and_added_again() {
    let world = World::small().await;
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);

    create(&world).await;
    world.run_once().await.exits_with(COMPLETE);
    let [oidc, saml] = both(&world, 2, "added").await;
    assert_eq!((text(&saml, "op"), text(&saml, "provider_name")), ("c", "okta"));
    assert_eq!(saml["after"]["metadata_sha256"], sha256(OKTA), "the digest of the document, not of its Base64");
    assert_eq!(
        (&oidc["after"]["client_ids"], &oidc["after"]["fingerprints"]),
        (&json!(["api", "web"]), &json!(["0a", "0f"]))
    );
    assert!(!saml.to_string().contains(&BASE64.encode(OKTA)), "the document itself is not published");

    // A second later, so that the update shows in UpdateDate.
    cloud.advance_clock(10).await;
    let metadata = BASE64.encode("<other/>");
    let saml = [("SAMLProviderName", "okta"), ("NewEncodedSAMLMetadataDocument", &*metadata)];
    cloud.ims("UpdateSAMLProvider", &saml).await;
    cloud.ims("AddClientIdToOIDCProvider", &[("OIDCProviderName", "actions"), ("ClientId", "cli")]).await;
    let fingerprint = [("OIDCProviderName", "actions"), ("Fingerprint", "0f")];
    cloud.ims("RemoveFingerprintFromOIDCProvider", &fingerprint).await;
    world.run_once().await.exits_with(COMPLETE);
    let [oidc, saml] = both(&world, 3, "updated").await;
    assert_eq!(saml["changed_fields"], json!(["metadata_sha256"]));
    assert_eq!(saml["after"]["metadata_sha256"], sha256("<other/>"));
    assert_eq!(oidc["changed_fields"], json!(["client_ids", "fingerprints"]));
    assert_eq!(oidc["after"]["client_ids"], json!(["api", "cli", "web"]));

    // Made again under their names between two syncs: only the date betrays it.
    cloud.advance_clock(20).await;
    delete(&world).await;
    create(&world).await;
    world.run_once().await.exits_with(COMPLETE);
    let [_, saml] = both(&world, 4, "readded").await;
    assert_eq!((text(&saml, "op"), &saml["after"]["metadata_sha256"]), ("u", &json!(sha256(OKTA))));

    delete(&world).await;
    world.run_once().await.exits_with(COMPLETE);
    let [oidc, _] = both(&world, 5, "removed").await;
    assert_eq!((text(&oidc, "op"), text(&oidc, "provider_name"), &oidc["after"]), ("d", "actions", &Value::Null));

    cloud.advance_clock(60).await;
    create(&world).await;
    world.run_once().await.exits_with(COMPLETE);
    both(&world, 6, "added").await;
    let events = world.events().await;
    assert_same(&fold(&events), &content(&cloud.account().await));
    check_sequences(&world.syncs().await, &events);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn each_type_of_provider_is_known_or_unknown_by_itself() {
    let world = World::small().await;
    let cloud = &world.cloud;
    create(&world).await;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;

    delete(&world).await;
    cloud.fault(json!({ "operation": "ListSAMLProviders", "fault": "deny" })).await;
    world.run_once().await.exits_with(PARTIAL);
    assert!(cloud.end_faults().await > 0);
    let published = world.events().await.split_off(baseline.len());
    let removed = |of_type, name| format!("identity_provider.removed {}", key(&world, of_type, name));
    assert_eq!(told(&published), [removed("oidc", "actions")], "nothing is said of SAML providers");
    let syncs = world.syncs().await;
    let said = collection(&syncs[1], "identity_provider");
    assert_eq!((text(said, "status"), text(said, "reason")), ("partial", "denied"), "{said}");
    let scopes: Vec<&str> = syncs[1]["scopes"].as_array().unwrap().iter().map(|scope| text(scope, "scope")).collect();
    assert_eq!(scopes, ["identity_provider/saml"]);

    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(told(&world.events_of(3).await), [removed("saml", "okta")]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_provider_that_two_listings_lack_and_the_service_finds_is_not_removed() {
    let world = World::small().await;
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;
    for operation in ["ListSAMLProviders", "ListOIDCProviders"] {
        cloud.fault(json!({ "operation": operation, "fault": "empty" })).await;
    }
    world.run_once().await.exits_with(PARTIAL);
    assert!(cloud.struck().await.iter().all(|times| *times >= 2), "they were listed twice");
    cloud.end_faults().await;
    assert_eq!(world.events().await, baseline);
    let syncs = world.syncs().await;
    assert_eq!(text(collection(&syncs[1], "identity_provider"), "reason"), "removals_unproven");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_provider_whose_metadata_cannot_be_read_is_not_added_until_it_can() {
    let world = World::small().await;
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);
    let baseline = world.events().await;
    create(&world).await;
    cloud.fault(json!({ "operation": "GetSAMLProvider", "fault": "deny" })).await;
    world.run_once().await.exits_with(PARTIAL);
    assert!(cloud.end_faults().await > 0);
    let published = world.events().await.split_off(baseline.len());
    let added = |of_type, name| format!("identity_provider.added {}", key(&world, of_type, name));
    assert_eq!(told(&published), [added("oidc", "actions")]);
    world.run_once().await.exits_with(COMPLETE);
    let found = told(&world.events_of(3).await);
    assert!(found == [added("saml", "okta")], "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn the_event_of_a_changed_trust_policy_says_who_is_trusted_now() {
    let world = World::small().await;
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);
    cloud.create_role("deployer").await;
    world.run_once().await.exits_with(COMPLETE);
    let service = json!([{ "principal_type": "service", "principal": "ecs.aliyuncs.com" }]);
    let created = &world.events_of(2).await[0];
    assert_eq!((&created["trust_added"], &created["trust_removed"]), (&service, &json!([])));

    cloud.advance_clock(10).await;
    let provider = format!("acs:ram::{}:oidc-provider/ack-rrsa", cloud.account_id());
    let statement = json!({
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": { "RAM": "acs:ram::1234567890123456:root", "Federated": [provider] },
    });
    cloud.retrust_role("deployer", &json!({ "Version": "1", "Statement": [statement] }).to_string()).await;
    world.run_once().await.exits_with(COMPLETE);
    let changed = &world.events_of(3).await[0];
    assert_eq!((text(changed, "event_type"), &changed["changed_fields"]), ("role.updated", &json!(["trust_policy"])));
    let added = json!([
        { "principal_type": "federated", "principal": provider },
        { "principal_type": "ram", "principal": "acs:ram::1234567890123456:root" },
    ]);
    assert_eq!((&changed["trust_added"], &changed["trust_removed"]), (&added, &service));
    let observed = world.events_of(1).await.into_iter().find(|event| event["event_type"] == "role.observed").unwrap();
    assert_eq!((&observed["trust_added"], &observed["trust_removed"]), (&Value::Null, &Value::Null));
}
