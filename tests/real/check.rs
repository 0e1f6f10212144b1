//! `ramstream check` on real services: what is in order is said to be, every failure once with its mend, and nothing is
//! changed by looking.

use ramstream::simulator::seed::Size;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::Value;

use crate::schemas::{FOREIGN, somebody_registers, subjects};
use crate::support::cloud::small;
use crate::support::process::{COMPLETE, PARTIAL, REFUSED, UNAVAILABLE};
use crate::support::world::{World, text};
use crate::support::{PATIENCE, alter_topic, kafka};

const FAILED: i32 = 1;

/// The verdict on what is named so.
#[track_caller]
pub(crate) fn verdict<'a>(report: &'a Value, part: &str, what: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("no report: {report}"));
    let mut found = checks.iter().filter(|check| check["part"] == part && text(check, "what").contains(what));
    found.next().unwrap_or_else(|| panic!("no {part} {what} in {report:#}"))
}

/// What is failed, as part and name.
fn with(report: &Value, word: &str) -> Vec<(String, String)> {
    let checks = report["checks"].as_array().unwrap().iter().filter(|check| check["verdict"] == word);
    checks.map(|check| (text(check, "part").to_owned(), text(check, "what").to_owned())).collect()
}

#[track_caller]
fn fails(report: &Value, exit_code: i32, part: &str, what: &str, told: &str, mend: &str) {
    assert_eq!(report["exit_code"], exit_code, "{report:#}");
    let row = verdict(report, part, what);
    assert_eq!(row["verdict"], "failed", "{row:#}");
    assert!(text(row, "detail").contains(told) && text(row, "fix").contains(mend), "{row:#}");
}

/// The topics under the world's prefix with the ends of their partitions.
fn ends(world: &World) -> Vec<(String, Vec<i64>)> {
    let client: BaseConsumer = ClientConfig::new().set("bootstrap.servers", kafka()).create().unwrap();
    let metadata = client.fetch_metadata(None, PATIENCE).unwrap();
    let ours = metadata.topics().iter().filter(|topic| topic.name().starts_with(&world.prefix));
    let mut ends: Vec<(String, Vec<i64>)> = ours
        .map(|topic| {
            let end = |partition: i32| client.fetch_watermarks(topic.name(), partition, PATIENCE).unwrap().1;
            (topic.name().to_owned(), topic.partitions().iter().map(|partition| end(partition.id())).collect())
        })
        .collect();
    ends.sort();
    ends
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_new_account_in_order_has_no_failed_verdict_and_looking_makes_nothing() {
    let mut world = World::of(Size { instances: 4, ..small() }).await;
    world.set("COLLECT__INSTANCE", "true");
    let printed = world.ramstream(&["policy"]).await.exits_with(COMPLETE);
    world.cloud.enforce(&serde_json::from_str(&printed.stdout).unwrap()).await;
    for _ in 0..2 {
        let (finished, report) = world.check().await;
        finished.exits_with(COMPLETE);
        assert_eq!((with(&report, "failed"), with(&report, "warning")), (vec![], vec![]));
        let not_checked = with(&report, "not_checked");
        assert!(not_checked.iter().all(|(part, _)| part == "rights"), "{not_checked:?}");
        let credentials = verdict(&report, "credentials", "environment");
        assert!(text(credentials, "detail").contains(world.cloud.account_id()), "{credentials}");
        assert!(text(verdict(&report, "topics", &world.state_topic()), "detail").contains("does not exist yet"));
        assert!(text(verdict(&report, "schemas", "users-value"), "detail").contains("not registered yet"));
        assert_eq!(verdict(&report, "transactions", ".check")["verdict"], "ok");
    }
    assert_eq!(ends(&world), []);
    assert_eq!(subjects(&world).await, Vec::<String>::new());
    // Every operation but those of STS was asked for, and answered.
    let (_, report) = world.check().await;
    let answered = report["checks"].as_array().unwrap().iter().filter(|check| check["part"] == "permissions");
    let operations = ramstream::alicloud::OPERATIONS.iter().filter(|operation| operation.ram_action.is_some());
    assert_eq!(answered.count(), operations.count());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_running_daemon_is_not_disturbed_and_its_topics_are_not_written_to() {
    let world = World::small().await;
    world.run_once().await.exits_with(COMPLETE);
    let before = ends(&world);
    let (finished, report) = world.check().await;
    finished.exits_with(COMPLETE);
    assert_eq!(with(&report, "failed"), []);
    assert_eq!(verdict(&report, "topics", &world.state_topic())["detail"], "as it should be");
    assert!(text(verdict(&report, "schemas", "syncs-value"), "detail").starts_with("registered, id "));
    for topic in [world.state_topic(), world.topic("syncs"), world.topic("control")] {
        assert_eq!(verdict(&report, "rights", &topic)["verdict"], "ok");
    }
    assert_eq!(ends(&world), before);

    let mut daemon = world.start_daemon();
    daemon.is_ready().await;
    let owners = world.owners().await;
    for _ in 0..3 {
        world.check().await.0.exits_with(COMPLETE);
    }
    daemon.syncs(2, "complete").await;
    assert_eq!(world.owners().await, owners);
    let log = daemon.log();
    assert!(!log.contains("fenced") && !log.contains("an attempt failed"), "{log}");
    world.settles_clean(daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_refused_permission_is_told_with_what_is_unknown_without_it() {
    let world = World::of(Size { groups: 0, memberships: 0, ..small() }).await;
    let printed = world.ramstream(&["policy"]).await.exits_with(COMPLETE);
    let policy: Value = serde_json::from_str(&printed.stdout).unwrap();
    let without = |action: &str| {
        let mut policy = policy.clone();
        policy["Statement"][0]["Action"].as_array_mut().unwrap().retain(|other| other != action);
        policy
    };
    world.cloud.enforce(&without("ram:ListRoles")).await;
    let (_, report) = world.check().await;
    let told = "not permitted, grant ram:ListRoles";
    fails(&report, PARTIAL, "permissions", "ram ListRoles", told, "grant ram:ListRoles; `ramstream policy`");
    let told = text(verdict(&report, "permissions", "ram ListRoles"), "detail");
    assert!(told.ends_with("unknown without it: role, policy_attachment"), "{told}");
    let detail = verdict(&report, "permissions", "ram GetRole");
    assert!(detail["verdict"] == "not_checked" && text(detail, "detail").contains("ram ListRoles failed"), "{detail}");
    let of_a_group = verdict(&report, "permissions", "ims GetGroup");
    assert_eq!(of_a_group["verdict"], "not_checked");
    assert!(text(of_a_group, "detail").contains("nothing to read"), "{of_a_group}");

    world.cloud.enforce(&without("ram:GetUser")).await;
    let (_, report) = world.check().await;
    assert_eq!(report["exit_code"], COMPLETE);
    let proof = verdict(&report, "permissions", "ims GetUser");
    assert!(proof["verdict"] == "warning" && text(proof, "fix").contains("grant ram:GetUser"), "{proof}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_clock_that_is_off_is_told_by_how_much_and_everything_else_is_checked() {
    let (_, report) = World::with_clock(3600).await.check().await;
    fails(&report, FAILED, "clock", "this machine", "s behind the service's, which refuses that", "NTP");
    assert_eq!(with(&report, "failed").len(), 1, "{report:#}");
    assert_eq!(verdict(&report, "permissions", "ims ListUsers")["verdict"], "ok");
    let (_, report) = World::with_clock(-300).await.check().await;
    assert_eq!(report["exit_code"], COMPLETE);
    let clock = verdict(&report, "clock", "this machine");
    assert!(clock["verdict"] == "warning" && text(clock, "detail").contains("s ahead of the service's"), "{clock}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn credentials_that_are_missing_or_another_accounts_are_told_and_nothing_is_called_with_them() {
    let mut world = World::small().await;
    let (_, report) = world.check_without_credentials().await;
    let link = "credentials by ecs: none are configured";
    fails(&report, UNAVAILABLE, "credentials", "ecs", link, "docs/credentials.md");
    assert_eq!(verdict(&report, "clock", "all")["verdict"], "not_checked");
    assert_eq!(verdict(&report, "permissions", "all")["verdict"], "not_checked");
    assert_eq!(verdict(&report, "brokers", "127.0.0.1")["verdict"], "ok");

    let theirs = world.cloud.account_id().to_owned();
    let asked = world.requests().len();
    world.set("ACCOUNT__ID", "1234567890123456");
    let (_, report) = world.check().await;
    let told = format!("they belong to account {theirs}");
    fails(&report, REFUSED, "credentials", "environment", &told, "use credentials of 1234567890123456");
    assert_eq!(verdict(&report, "permissions", "all")["verdict"], "not_checked");
    assert_eq!(world.requests().len(), asked + 1, "whose they are, and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn services_out_of_reach_are_told_and_what_hangs_on_them_is_not_checked() {
    let mut world = World::small().await;
    world.set("KAFKA__BROKERS", "127.0.0.1:1");
    let (_, report) = world.check().await;
    fails(&report, UNAVAILABLE, "brokers", "127.0.0.1:1", "Connection refused", "check kafka.brokers");
    for part in ["topics", "rights", "transactions"] {
        assert_eq!(verdict(&report, part, "all")["verdict"], "not_checked");
    }
    assert_eq!(verdict(&report, "permissions", "ims ListUsers")["verdict"], "ok");
    assert_eq!(verdict(&report, "schemas", "users-value")["verdict"], "ok");

    world.end_proxies();
    world.set("REGISTRY__URL", "http://127.0.0.1:1");
    let (_, report) = world.check().await;
    fails(&report, UNAVAILABLE, "registry", "127.0.0.1:1", "cannot be reached", "check registry.url");
    assert_eq!(verdict(&report, "schemas", "all")["verdict"], "not_checked");

    world.end_proxies();
    world.set("ALICLOUD__ENDPOINTS__STS", "http://127.0.0.1:1");
    let (_, report) = world.check().await;
    fails(&report, UNAVAILABLE, "credentials", "environment", "no reply from sts", "the way to STS");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_missing_topic_and_a_wrong_setting_are_told_with_the_command_that_mends_them() {
    let mut world = World::small().await;
    world.set("KAFKA__CREATE_TOPICS", "false");
    let (_, report) = world.check().await;
    let state = world.state_topic();
    let command = format!("kafka-topics.sh --create --topic {state} --partitions 1");
    fails(&report, REFUSED, "topics", &state, "is not there", &command);
    assert_eq!(verdict(&report, "rights", &state)["verdict"], "not_checked");

    world.set("KAFKA__CREATE_TOPICS", "true");
    world.run_once().await.exits_with(COMPLETE);
    alter_topic(&kafka(), &state, &[("cleanup.policy", "compact,delete")]).await;
    alter_topic(&kafka(), &world.topic("users"), &[("cleanup.policy", "delete"), ("retention.ms", "1000")]).await;
    let (_, report) = world.check().await;
    let command = format!("kafka-configs.sh --alter --entity-type topics --entity-name {state}");
    fails(&report, REFUSED, "topics", &state, "must be exactly `compact`", &command);
    let users = verdict(&report, "topics", &world.topic("users"));
    assert!(users["verdict"] == "warning" && text(users, "detail").starts_with("retention.ms"), "{users}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_schema_that_does_not_fit_or_may_not_be_registered_is_told() {
    let world = World::small().await;
    somebody_registers(&world.topic("groups"), FOREIGN).await;
    let (_, report) = world.check().await;
    let what = format!("{}-value", world.topic("groups"));
    fails(&report, REFUSED, "schemas", &what, "is not compatible with version 1", "another kafka.topic_prefix");
    assert_eq!(verdict(&report, "schemas", &format!("{}-value", world.topic("users")))["verdict"], "ok");
    assert_eq!(subjects(&world).await, [what]);

    let mut world = World::small().await;
    world.set("REGISTRY__MODE", "lookup");
    let (_, report) = world.check().await;
    fails(&report, REFUSED, "schemas", "users-value", "not registered yet", "`ramstream schemas register`");
}
