//! A new lineage under running copies: who is asked, who is superseded, who goes on.

use super::{SUPERSEDED, USAGE};
use crate::support::process::{COMPLETE, Daemon};
use crate::support::recreate;
use crate::support::world::{World, of_type, text};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_daemon_whose_state_topic_was_recreated_goes_on_in_a_new_lineage() {
    let world = World::small().await;
    let mut daemon = world.start_daemon();
    daemon.syncs(1, "complete").await;
    let old = world.last_lineage().await;
    recreate(&world.state_topic(), "compact").await;
    let why = daemon.readyz(503, "not taken for a first run").await;
    assert!(why.contains("docs/runbook.md#state-lost"), "{why}");
    assert_eq!(world.sections().await, ["state-lost"]);
    assert_eq!(world.refused_checks().await, ["trace"]);

    world.new_lineage(&["--yes"]).await.exits_with(COMPLETE);
    goes_on(&world, &mut daemon, &old).await;
    let (status, _) = daemon.terminate().await;
    assert_eq!(status.code(), Some(COMPLETE));
    world.goes_on_in_a_new_lineage(&old).await;
}

/// The daemon owns the new lineage and publishes changes in it.
async fn goes_on(world: &World, daemon: &mut Daemon, old: &str) {
    daemon.is_ready().await;
    daemon.syncs(1, "complete").await;
    world.cloud.create_user("later").await;
    daemon.syncs(1, "complete").await;
    let events = world.events().await;
    let added: Vec<_> = of_type(&events, "user.added").into_iter().filter(|event| event["lineage"] != old).collect();
    assert_eq!(added.len(), 1);
    assert_eq!(text(&added[0]["after"], "user_name"), "later");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn who_holds_the_claim_is_superseded_on_demand_only_and_one_copy_goes_on() {
    let world = World::small().await;
    let mut older = world.start_daemon();
    older.syncs(1, "complete").await;
    let mut newer = world.start_daemon();
    newer.is_ready().await;
    older.readyz(503, "another copy owns the account").await;
    newer.syncs(1, "complete").await;
    let old = world.last_lineage().await;
    let owner = text(&world.last_claim().await, "writer").to_owned();

    world.new_lineage(&["--yes"]).await.exits_with(SUPERSEDED).says(&[&owner, "--take-over"]);
    world.new_lineage(&["--take-over"]).await.exits_with(USAGE).says(&["--yes"]);
    newer.syncs(1, "complete").await;
    assert_eq!(world.last_lineage().await, old, "nothing was written");
    assert_eq!(world.last_claim().await["writer"], owner.as_str(), "nobody was fenced");

    world.new_lineage(&["--take-over", "--yes"]).await.exits_with(COMPLETE);
    // Of the two parked copies one takes the release; which one is open.
    let (mut owning, mut parked) = tokio::select! {
        () = claims(&mut older) => (older, newer),
        () = claims(&mut newer) => (newer, older),
    };
    goes_on(&world, &mut owning, &old).await;
    parked.readyz(503, "another copy owns the account").await;
    for daemon in [parked, owning] {
        let (status, log) = daemon.terminate().await;
        assert_eq!(status.code(), Some(COMPLETE), "{log}");
    }
    world.goes_on_in_a_new_lineage(&old).await;
}

/// Waits for the claim that is yet to come.
async fn claims(daemon: &mut Daemon) {
    daemon.next_logs("claimed the account").await;
}
