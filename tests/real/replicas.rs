//! Listings from replicas that lag behind: nothing flaps, nothing appears, nothing goes back.

use serde_json::{Value, json};

use crate::support::cloud::{Cloud, names};
use crate::support::fold::{assert_same, content, fold};
use crate::support::process::{COMPLETE, PARTIAL};
use crate::support::world::{World, collection, text, told};

/// From now on a replica of `operation` stands still: it answers from the `later`th listing on.
async fn freeze_replica(cloud: &Cloud, operation: &str, later: u32) {
    // The first fault does nothing but stand in the way of the second.
    cloud.fault(json!({ "operation": operation, "fault": "slow", "delay_ms": 0, "times": later })).await;
    cloud.fault(json!({ "operation": operation, "fault": "stale" })).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_removed_user_whom_a_replica_still_lists_does_not_come_back() {
    let world = World::small().await;
    let cloud = &world.cloud;
    cloud.create_user("gone").await;
    world.run_once().await.exits_with(COMPLETE);
    // Users are listed first and last, and once more first and last for the removal.
    freeze_replica(cloud, "ListUsers", 4).await;
    cloud.delete_user("gone").await;
    world.run_once().await.exits_with(COMPLETE);
    assert_eq!(cloud.struck().await, [4, 0]);
    let published = world.events().await;
    assert_eq!(text(published.last().unwrap(), "event_type"), "user.removed");

    for _ in 0..2 {
        world.run_once().await.exits_with(PARTIAL);
        assert_eq!(world.events().await, published);
        let record = world.syncs().await.pop().unwrap();
        assert_eq!(text(collection(&record, "user"), "reason"), "stale", "{record}");
    }
    cloud.end_faults().await;
    assert_eq!(world.run_once().await.exits_with(COMPLETE).last_line(), "nothing changed");
    world.verify(&[]).await.0.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_update_date_that_goes_backwards_makes_the_listing_unknown_and_changes_nothing() {
    let world = World::small().await;
    let cloud = &world.cloud;
    world.run_once().await.exits_with(COMPLETE);
    let name = names(&cloud.account().await, "users", "user_name").swap_remove(0);
    freeze_replica(cloud, "ListUsers", 2).await;
    cloud.advance_clock(10).await;
    cloud.rename_user(&name, "renamed").await;
    world.run_once().await.exits_with(COMPLETE);
    let published = world.events().await;
    assert_eq!(text(published.last().unwrap(), "event_type"), "user.renamed");

    // The replica knows the old name only, and not the user who was created since.
    cloud.create_user("unseen").await;
    world.run_once().await.exits_with(PARTIAL);
    assert_eq!(world.events().await, published);
    let record = world.syncs().await.pop().unwrap();
    assert_eq!(text(collection(&record, "user"), "reason"), "stale", "{record}");
    cloud.end_faults().await;
    world.run_once().await.exits_with(COMPLETE);
    let found: Vec<Value> = world.events().await.split_off(published.len());
    assert_eq!(found.iter().map(|event| text(event, "event_type")).collect::<Vec<_>>(), ["user.added"]);
    assert_same(&fold(&world.events().await), &content(&cloud.account().await));
    world.verify(&[]).await.0.exits_with(COMPLETE);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn names_that_swap_while_the_account_is_read_lead_no_policy_to_the_wrong_user() {
    let world = World::small().await;
    let cloud = &world.cloud;
    for name in ["powerful", "harmless"] {
        cloud.create_user(name).await;
    }
    cloud.create_policy("power").await;
    cloud.attach("Custom", "power", "powerful").await;
    world.run_once().await.exits_with(COMPLETE);
    let published = world.events().await;

    // The first listing of users has the names as they were.
    cloud.fault(json!({ "operation": "ListUsers", "fault": "stale", "times": 1 })).await;
    cloud.rename_user("powerful", "parked").await;
    cloud.rename_user("harmless", "powerful").await;
    cloud.rename_user("parked", "harmless").await;
    world.run_once().await.exits_with(PARTIAL);
    assert_eq!(cloud.end_faults().await, 1);
    let found: Vec<Value> = world.events().await.split_off(published.len());
    let types: Vec<&str> = found.iter().map(|event| text(event, "event_type")).collect();
    assert_eq!(types, ["user.renamed", "user.renamed"], "{:#?}", told(&found));
    let record = world.syncs().await.pop().unwrap();
    let attached = collection(&record, "policy_attachment");
    assert_eq!((text(attached, "reason"), &attached["stale_scopes"]), ("unresolved_name", &json!(2)), "{record}");

    assert_eq!(world.run_once().await.exits_with(COMPLETE).last_line(), "nothing changed");
    assert_same(&fold(&world.events().await), &content(&cloud.account().await));
    world.verify(&[]).await.0.exits_with(COMPLETE);
}
