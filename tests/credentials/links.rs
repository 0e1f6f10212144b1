//! Each link gives credentials by which the whole account is read, and the log tells which one it was.

use serde_json::json;

use crate::world::{OWNER, PROVIDER, TOKEN, World};

const SESSION: &str = "ramstream";

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_comes_first() {
    let mut world = World::start().await;
    world.oidc().await;
    world.instance("hardened").await;
    world.set_key();
    world.inventory().await.read_all("environment", OWNER);
    assert_eq!(world.calls("metadata/token").await, 0, "no other link is asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_an_identity_provider_stands_for_a_role() {
    let mut world = World::start().await;
    world.oidc().await;
    world.inventory().await.read_all("oidc (", &world.session(SESSION));
    world.set("ALIBABA_CLOUD_ROLE_SESSION_NAME", "pod-7");
    world.inventory().await.read_all("oidc (", &world.session("pod-7"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mode_of_a_profile_is_read_as_the_command_line_writes_it() {
    let mut world = World::start().await;
    world.instance("hardened").await;
    world.control("/oidc", json!({ "provider_arn": PROVIDER, "token": TOKEN })).await;
    let (token, (id, secret)) = (world.write("token", TOKEN), world.key());
    let [sts_id, sts_secret, sts_token] = world.temporary_key().await;
    let role = world.role_arn();
    let assumed = |mode: &str| json!({ "name": mode, "mode": mode, "ram_role_arn": role, "ram_session_name": mode });
    let mut profiles = vec![
        json!({ "name": "AK", "mode": "AK", "access_key_id": id, "access_key_secret": secret, "sts_token": "" }),
        json!({ "name": "StsToken", "mode": "StsToken", "access_key_id": sts_id, "access_key_secret": sts_secret, "sts_token": sts_token }),
        json!({ "name": "EcsRamRole", "mode": "EcsRamRole", "ram_role_name": world.role }),
    ];
    for (mode, more) in [
        ("RamRoleArn", json!({ "access_key_id": id, "access_key_secret": secret, "expired_seconds": 900 })),
        ("ChainableRamRoleArn", json!({ "source_profile": "AK" })),
        ("OIDC", json!({ "oidc_provider_arn": PROVIDER, "oidc_token_file": token })),
    ] {
        let mut profile = assumed(mode);
        profile.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        profiles.push(profile);
    }
    let file = json!({ "current": "RamRoleArn", "profiles": profiles, "meta_path": "" });
    world.write(".aliyun/config.json", &file.to_string());
    let home = world.path("").to_str().unwrap().to_owned();
    world.set("HOME", &home);
    world.inventory().await.read_all("profile (the profile \"RamRoleArn\"", &world.session("RamRoleArn"));
    for (mode, whom) in [
        ("AK", OWNER.to_owned()),
        ("StsToken", world.session("uri")),
        ("EcsRamRole", world.session("instance")),
        ("ChainableRamRoleArn", world.session("ChainableRamRoleArn")),
        ("OIDC", world.session("OIDC")),
    ] {
        world.set("ALIBABA_CLOUD_PROFILE", mode);
        world.inventory().await.read_all(&format!("profile (the profile {mode:?}"), &whom);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_without_any_configuration_reads_with_its_role_in_hardened_mode() {
    let mut world = World::start().await;
    world.instance("hardened").await;
    world.inventory().await.read_all("ecs (the role of this instance)", &world.session("instance"));
    assert_eq!(world.calls("metadata/token").await, 1);
    let role = world.role.clone();
    world.set("ALIBABA_CLOUD_ECS_METADATA", &role);
    world.inventory().await.read_all("ecs (role ", &world.session("instance"));
    assert_eq!(world.calls("metadata/role").await, 1, "a role that is named is not asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metadata_service_without_tokens_is_asked_only_where_that_is_allowed() {
    let mut world = World::start().await;
    world.instance("v1").await;
    world.inventory().await.refused(&["credentials by ecs", "gives no token (status 404)", "credentials.ecs.allow_v1"]);
    assert_eq!(world.calls("metadata/credentials").await, 0);
    world.set("RAMSTREAM_CREDENTIALS__ECS__ALLOW_V1", "true");
    world.inventory().await.read_all("ecs", &world.session("instance"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metadata_service_that_fails_is_not_taken_for_one_without_tokens() {
    let mut world = World::start().await;
    world.control("/instance", json!({ "role": world.role, "mode": "both", "fails": true })).await;
    for allowed in ["false", "true"] {
        world.set("RAMSTREAM_CREDENTIALS__ECS__ALLOW_V1", allowed);
        let ended = world.inventory().await;
        assert!(!ended.log.contains("allow_v1"), "{}", ended.log);
        ended.refused(&["credentials by ecs", "answers with status 500", "asked again by itself"]);
    }
    for other in ["metadata/role", "metadata/credentials"] {
        assert_eq!(world.calls(other).await, 0, "{other}");
    }
    assert!(world.calls("metadata/token").await >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credentials_uri_gives_what_the_metadata_service_would() {
    let mut world = World::start().await;
    world.instance("hardened").await;
    let uri = world.beside("/credentials");
    world.set("ALIBABA_CLOUD_CREDENTIALS_URI", &uri);
    world.inventory().await.read_all("uri (127.0.0.1)", &world.session("uri"));
    assert_eq!(world.calls("metadata/token").await, 0, "what is configured comes before what is merely there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_goes_on_top_of_every_link() {
    let mut world = World::start().await;
    world.instance("hardened").await;
    world.oidc().await;
    world.control("/sessions", json!({ "external_id": "of-ours" })).await;
    let (role, uri, (id, secret)) = (world.role_arn(), world.beside("/credentials"), world.key());
    world.set_key();
    let id = world.write("id", &id);
    let secret = world.write("secret", &secret);
    for (name, value) in [("ROLE_ARN", &*role), ("EXTERNAL_ID", "of-ours"), ("SESSION_NAME", "on-top")] {
        world.set(&format!("RAMSTREAM_CREDENTIALS__ASSUME_ROLE__{name}"), value);
    }
    let policy = r#"{"Version":"1","Statement":[]}"#;
    world.set("RAMSTREAM_CREDENTIALS__ASSUME_ROLE__POLICY", policy);
    for (link, variables) in [
        ("environment", vec![("SOURCE", "environment")]),
        ("oidc", vec![("SOURCE", "oidc")]),
        ("ecs", vec![("SOURCE", "ecs")]),
        ("uri", vec![("URI", uri.as_str())]),
        ("files", vec![("ACCESS_KEY_ID_FILE", id.as_str()), ("ACCESS_KEY_SECRET_FILE", &secret)]),
    ] {
        for (name, value) in &variables {
            world.set(&format!("RAMSTREAM_CREDENTIALS__{name}"), value);
        }
        let told = format!("assume_role ({role} by {link}");
        world.inventory().await.read_all(&told, &world.session("on-top"));
        for (name, _) in &variables {
            world.unset(&format!("RAMSTREAM_CREDENTIALS__{name}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_chosen_outranks_the_environment() {
    let mut world = World::start().await;
    world.instance("both").await;
    world.set_key();
    world.set("RAMSTREAM_CREDENTIALS__SOURCE", "ecs");
    world.inventory().await.read_all("ecs", &world.session("instance"));
}
