//! What a daemon must remember when it begins anew: that it has owned the account before.

use crate::support::alter_topic;
use crate::support::cloud::small;
use crate::support::process::eventually;
use crate::support::proxy::Way;
use crate::support::services::OwnService;
use crate::support::world::World;

/// The state as it has to be; but compaction soon takes every claim except the last.
const COMPACTS_SOON: [(&str, &str); 3] =
    [("cleanup.policy", "compact"), ("segment.ms", "1000"), ("min.cleanable.dirty.ratio", "0.01")];

/// Cut off, it begins a new life; when it reads the state again, nothing in it tells that it was superseded.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_new_life_whose_own_claim_was_compacted_away_does_not_claim_over_its_superseder() {
    let kafka = OwnService::kafka(&["log.cleaner.backoff.ms=500"]).await;
    let mut world = World::on(kafka.address(), small()).await;
    let proxy = world.kafka_through_proxy();
    let mut older = world.start_daemon();
    older.syncs(1, "complete").await;
    alter_topic(kafka.address(), &world.state_topic(), &COMPACTS_SOON).await;
    let old_owner = world.last_claim().await["writer"].clone();
    // Between two syncs, so that this life ends with the next look at the state.
    older.next_logs("\"outcome\"").await;
    proxy.set(Way::Refused);
    older.next_logs("unavailable, trying again").await;
    assert!(proxy.struck() > 0);

    world.end_proxies();
    let mut newer = world.start_daemon();
    newer.is_ready().await;
    let new_owner = world.last_claim().await["writer"].clone();
    assert_ne!(new_owner, old_owner);
    eventually("compaction takes the older claim", async || (!world.owners().await.contains(&old_owner)).then_some(()))
        .await;

    proxy.set(Way::Open);
    older.readyz(503, "another copy owns the account").await;
    world.cloud.create_user("after").await;
    newer.syncs(2, "complete").await;
    assert_eq!(world.last_claim().await["writer"], new_owner);
    older.kill().await;
    world.settles_clean(newer).await;
}
