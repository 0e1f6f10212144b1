//! Credentials end in the middle of a reading, and the reading does not.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::ChildStderr;

use crate::world::World;

const WHOSE: &str = "2015-04-01/GetCallerIdentity";

/// A reading of many small pages takes several seconds.
async fn slow(world: &World) {
    world.control("/pages", json!({ "largest_page": 1 })).await;
    world.control("/latency", json!({ "latency_ms": 200 })).await;
}

/// Waits for a line of the log.
async fn told(log: &mut Lines<BufReader<ChildStderr>>, words: &str) {
    let until = async {
        while let Some(line) = log.next_line().await.unwrap() {
            if line.contains(words) {
                return;
            }
        }
        panic!("it ended without {words:?}");
    };
    tokio::time::timeout(Duration::from_secs(60), until).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_credentials_are_exchanged_in_mid_page_and_each_new_key_is_asked_whose_it_is() {
    let mut world = World::start().await;
    world.instance("hardened").await;
    world.oidc().await;
    world.control("/sessions", json!({ "seconds": 3 })).await;
    slow(&world).await;
    world.set("RAMSTREAM_CREDENTIALS__SOURCE", "ecs");
    world.inventory().await.read_all("ecs", &world.session("instance"));
    let given = world.calls("metadata/credentials").await;
    assert!(given >= 2, "they were given {given} times");
    assert_eq!(world.calls(WHOSE).await, given);
    world.set("RAMSTREAM_CREDENTIALS__SOURCE", "oidc");
    world.inventory().await.read_all("oidc", &world.session("ramstream"));
    let given_by_sts = world.calls("2015-04-01/AssumeRoleWithOIDC").await;
    assert!(given_by_sts >= 2, "they were given {given_by_sts} times");
    assert_eq!(world.calls(WHOSE).await, given + given_by_sts);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_the_service_calls_expired_before_their_time_are_exchanged_at_once() {
    let mut world = World::start().await;
    world.instance("hardened").await;
    world.control("/pages", json!({ "largest_page": 3 })).await;
    for source in ["ecs", "uri"] {
        let fault = json!({ "operation": "ListUsers", "page": 2, "fault": "expired_token", "times": 1 });
        world.control("/faults", fault).await;
        let uri = world.beside("/credentials");
        world.set("ALIBABA_CLOUD_CREDENTIALS_URI", &uri);
        world.set("RAMSTREAM_CREDENTIALS__SOURCE", source);
        world.inventory().await.read_all(source, &world.session(""));
    }
    let struck = world.shown("/faults").await;
    assert!(struck.as_array().unwrap().iter().all(|fault| fault["fired"] == 1), "{struck}");
    assert_eq!((world.calls("metadata/credentials").await, world.calls("uri/credentials").await), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_valid_is_used_while_there_is_nothing_new() {
    let mut world = World::start().await;
    world.instance("hardened").await;
    world.control("/sessions", json!({ "seconds": 9 })).await;
    slow(&world).await;
    world.control("/latency", json!({ "latency_ms": 400 })).await;
    world.set("RAMSTREAM_CREDENTIALS__SOURCE", "ecs");
    let mut program = world.command(&["inventory"]).spawn().unwrap();
    let mut log = BufReader::new(program.stderr.take().unwrap()).lines();
    told(&mut log, "whose the credentials are").await;
    world.control("/instance", json!({ "role": world.role, "fails": true })).await;
    told(&mut log, "no new credentials").await;
    world.instance("hardened").await;
    told(&mut log, "whose the credentials are").await;
    let mut printed = String::new();
    program.stdout.take().unwrap().read_to_string(&mut printed).await.unwrap();
    while log.next_line().await.unwrap().is_some() {}
    assert_eq!(program.wait().await.unwrap().code(), Some(0), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_files_and_in_a_profile_are_read_again_when_they_change() {
    for in_profile in [false, true] {
        let mut world = World::start().await;
        world.instance("hardened").await;
        world.control("/sessions", json!({ "seconds": 4 })).await;
        let first = world.temporary_key().await;
        let names = ["access_key_id", "access_key_secret", "security_token"];
        let write = |world: &World, [id, secret, token]: &[String; 3]| {
            let profile = json!({
                "name": "p", "mode": "StsToken", "access_key_id": id, "access_key_secret": secret, "sts_token": token,
            });
            world.write("config.json", &json!({ "current": "p", "profiles": [profile] }).to_string());
            for (name, value) in names.iter().zip([id, secret, token]) {
                world.write(name, value);
            }
        };
        write(&world, &first);
        let path = |name: &str| world.path(name).to_str().unwrap().to_owned();
        let variables = match in_profile {
            true => vec![("PROFILE__FILE".to_owned(), path("config.json"))],
            false => names.map(|name| (format!("{}_FILE", name.to_uppercase()), path(name))).to_vec(),
        };
        for (name, value) in variables {
            world.set(&format!("RAMSTREAM_CREDENTIALS__{name}"), &value);
        }
        slow(&world).await;
        world.control("/sessions", json!({ "seconds": null })).await;
        let second = world.temporary_key().await;
        let program = world.command(&["inventory"]).spawn().unwrap();
        while world.calls("2019-08-15/ListUsers").await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        write(&world, &second);
        let ended = program.wait_with_output().await.unwrap();
        let log = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(0), "{log}");
        for [id, ..] in [&first, &second] {
            assert!(log.contains(&format!("access_key_id={id:?}")), "{id}: {log}");
        }
    }
}
