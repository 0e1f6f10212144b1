//! A link that is configured and fails is an error that names it, the reason and the mend; none is passed over.

use std::net::TcpListener;

use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_role_is_told_with_what_to_grant() {
    let mut world = World::start().await;
    world.set_key();
    world.control("/sessions", json!({ "external_id": "of-ours" })).await;
    let role = world.role_arn();
    world.set("RAMSTREAM_CREDENTIALS__ASSUME_ROLE__ROLE_ARN", &role);
    let words = [
        "credentials by assume_role",
        "NoPermission",
        "grant sts:AssumeRole to whom environment gives",
        "trust policy",
    ];
    world.inventory().await.refused(&words);
    assert_eq!(world.calls("2019-08-15/ListUsers").await, 0, "nothing is read with the credentials below");
    world.set("RAMSTREAM_CREDENTIALS__ASSUME_ROLE__ROLE_ARN", &format!("{role}-gone"));
    world.inventory().await.refused(&["credentials by assume_role", "EntityNotExist.Role"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_token_file_an_empty_one_and_an_untrusted_token_are_told_and_no_other_link_is_tried() {
    let mut world = World::start().await;
    world.instance("hardened").await;
    world.oidc().await;
    let uri = world.beside("/credentials");
    world.set("ALIBABA_CLOUD_CREDENTIALS_URI", &uri);
    let missing = world.path("no/token").to_str().unwrap().to_owned();
    let [empty, untrusted] = [("empty", " \n"), ("untrusted", "canary")].map(|(name, text)| world.write(name, text));
    for (file, words) in [
        (missing, ["no/token cannot be read", "let the provider's token be mounted there"]),
        (empty, ["is empty", "let the provider's token be mounted there"]),
        (untrusted, ["AuthenticationFail.NoPermission", "let the trust policy of"]),
    ] {
        world.set("ALIBABA_CLOUD_OIDC_TOKEN_FILE", &file);
        let ended = world.inventory().await;
        assert!(!ended.log.contains("canary"), "{}", ended.log);
        ended.refused(&["credentials by oidc", words[0], words[1]]);
    }
    for other in ["metadata/token", "metadata/credentials", "uri/credentials", "2019-08-15/ListUsers"] {
        assert_eq!(world.calls(other).await, 0, "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_metadata_service_it_is_told_whether_anything_was_configured_at_all() {
    let mut world = World::start().await;
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    world.set("RAMSTREAM_ALICLOUD__ENDPOINTS__ECS_METADATA", &format!("http://{nobody}"));
    world.inventory().await.refused(&["none are configured", "docs/credentials.md"]);
    world.set("RAMSTREAM_CREDENTIALS__SOURCE", "ecs");
    world.inventory().await.refused(&[
        "credentials by ecs",
        "does not answer (no connection",
        "run this on an ECS instance",
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_without_a_role_or_with_another_one_is_told_so() {
    let mut world = World::start().await;
    world.control("/instance", json!({ "role": null })).await;
    world.inventory().await.refused(&["the instance has no role", "attach a RAM role"]);
    world.instance("hardened").await;
    world.set("ALIBABA_CLOUD_ECS_METADATA", "another");
    world.inventory().await.refused(&["the instance has no role another", "ALIBABA_CLOUD_ECS_METADATA"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_runs_a_program_is_refused_with_what_to_do_instead() {
    let mut world = World::start().await;
    world.set_key();
    let profile = json!({ "name": "default", "mode": "External", "process_command": "echo" });
    let file = world.write("config.json", &json!({ "current": "default", "profiles": [profile] }).to_string());
    world.set("RAMSTREAM_CREDENTIALS__PROFILE__FILE", &file);
    world.inventory().await.refused(&[
        "credentials by profile",
        "mode External",
        "access_key_id_file",
        "credentials.uri",
    ]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credentials_uri_that_fails_is_told_by_its_host_alone() {
    let mut world = World::start().await;
    let uri = world.beside("/canary");
    world.set("RAMSTREAM_CREDENTIALS__URI", &uri);
    let ended = world.inventory().await;
    assert!(!ended.log.contains("canary"), "{}", ended.log);
    ended.refused(&["credentials by uri", "the answer of 127.0.0.1 is a status 404"]);
}
