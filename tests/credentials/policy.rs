//! `ramstream policy` against an account that enforces it, without a broker: `tests/real/least_privilege.rs` takes single
//! actions away.

use serde_json::Value;

use crate::world::{OWNER, World};

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_policy_is_enough_to_read_everything_and_needs_no_configuration() {
    let mut world = World::start().await;
    let printed = world.command(&["policy"]).env_clear().output().await.unwrap();
    assert_eq!(printed.status.code(), Some(0));
    let policy: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!((&policy["Version"], &policy["Statement"][0]["Effect"]), (&"1".into(), &"Allow".into()));
    world.set_key();
    world.control("/policy", policy.clone()).await;
    world.inventory().await.read_all("environment", OWNER);

    let mut nothing = policy;
    nothing["Statement"][0]["Action"] = Value::Array(Vec::new());
    world.control("/policy", nothing).await;
    let ended = world.inventory().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("unknown (denied)") && ended.stdout.contains("grant ram:ListUsers"),
        "{}",
        ended.stdout
    );
}
