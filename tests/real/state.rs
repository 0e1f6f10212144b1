//! `ramstream state`: what a harmed state looks like, and the one way back from each harm.

mod harms;
mod lineage;

use serde_json::Value;

use crate::support::cloud::names;
use crate::support::process::{COMPLETE, Finished, REFUSED, UNAVAILABLE};
use crate::support::world::{World, text};

/// As documented.
const USAGE: i32 = 64;
const SUPERSEDED: i32 = 75;

impl World {
    /// `state describe`, as a program reads it.
    async fn described(&self) -> Value {
        let described = self.state(&["describe", "--format", "json"]).await.exits_with(COMPLETE);
        serde_json::from_str(&described.stdout).unwrap()
    }

    /// The sections of the runbook that `state describe` names.
    async fn sections(&self) -> Vec<String> {
        let described = self.described().await;
        described["wrong"].as_array().unwrap().iter().map(|wrong| text(wrong, "section").to_owned()).collect()
    }

    /// The names of the checks that `state verify` refuses; none exactly if it exits with 0.
    async fn refused_checks(&self) -> Vec<String> {
        let verified = self.state(&["verify", "--format", "json"]).await;
        let document: Value = serde_json::from_str(&verified.stdout).unwrap_or_else(|_| panic!("{verified:?}"));
        let checks = document["checks"].as_array().unwrap().iter();
        let refused = checks.filter(|check| check["verdict"] == "refused");
        let refused: Vec<String> = refused.map(|check| text(check, "name").to_owned()).collect();
        verified.exits_with(if refused.is_empty() { COMPLETE } else { REFUSED });
        refused
    }

    async fn new_lineage(&self, options: &[&str]) -> Finished {
        self.state(&[&["new-lineage", "--reason", "a test"], options].concat()).await
    }

    /// The lineage of the account's last sync.
    async fn last_lineage(&self) -> String {
        text(self.syncs().await.last().expect("there is a sync"), "lineage").to_owned()
    }

    /// What must hold of a lineage with which the account goes on after `old`: it was announced, begins at sequence 1
    /// with a baseline of what the account is, and the checker finds nothing.
    async fn goes_on_in_a_new_lineage(&self, old: &str) {
        self.goes_on_after(old, &format!(" of lineage {old})")).await;
    }

    async fn goes_on_after(&self, old: &str, comes_after: &str) {
        let lineage = self.last_lineage().await;
        assert_ne!(lineage, old);
        let notices = self.notices().await;
        let begins = notices.iter().position(|notice| notice["lineage"] == lineage.as_str()).unwrap();
        assert_eq!(notices[begins]["notice_type"], "lineage.started", "{}", notices[begins]);
        assert_eq!(notices[begins]["sequence"], 0);
        let message = text(&notices[begins], "message");
        assert!(message.starts_with("a test (") && message.ends_with(comes_after), "{message}");
        assert!(text(&notices[begins + 1], "notice_type") == "sync.completed" && notices[begins + 1]["sequence"] == 1);
        let events = self.events().await;
        let events: Vec<&Value> = events.iter().filter(|event| event["lineage"] == lineage.as_str()).collect();
        let baseline = |event: &&&Value| event["sequence"] == 1;
        let observed = |event: &Value| event["op"] == "r" && text(event, "event_type").ends_with(".observed");
        assert!(events.iter().filter(baseline).all(|event| observed(event)), "{events:?}");
        let users = events.iter().filter(|event| ["user.observed", "user.added"].contains(&text(event, "event_type")));
        assert_eq!(users.count(), names(&self.cloud.account().await, "users", "user_name").len());
        let (finished, report) = self.verify(&[]).await;
        finished.exits_with(COMPLETE);
        assert_eq!(report["lineage"], lineage.as_str());
        assert_eq!(self.refused_checks().await, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn looking_at_what_was_never_published_makes_nothing_and_begins_nothing() {
    let world = World::small().await;
    let described = world.described().await;
    assert_eq!(described["state_topic"]["exists"], false);
    assert_eq!((&described["progress"], &described["claim"]), (&Value::Null, &Value::Null));
    assert_eq!(described["wrong"], serde_json::json!([]));
    assert_eq!(world.refused_checks().await, [""; 0]);
    world.new_lineage(&["--yes"]).await.exits_with(REFUSED).says(&["never been published", "ramstream run"]);
    assert!(world.has_no_topic());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_sound_state_is_described_with_what_it_holds() {
    let world = World::small().await;
    world.cloud.fault(serde_json::json!({ "operation": "ListGroups", "fault": "deny" })).await;
    world.run_once().await;
    let described = world.described().await;
    let sync = world.syncs().await.pop().unwrap();
    for field in ["lineage", "sequence", "sync_id"] {
        assert_eq!(described["progress"][field], sync[field], "{field}");
        assert_eq!(described["last_trace"][field], sync[field], "{field}");
    }
    assert_eq!(described["last_trace"]["outcome"], sync["outcome"]);
    assert_eq!((&described["progress"]["format"], &described["progress"]["min_reader"]), (&2.into(), &2.into()));
    let of = |kind: &str| described["kinds"].as_array().unwrap().iter().find(|said| said["kind"] == kind).unwrap();
    let users = names(&world.cloud.account().await, "users", "user_name").len();
    assert_eq!((&of("user")["count"], &of("user")["progress_count"]), (&users.into(), &users.into()));
    assert_eq!((&of("user")["baseline"], &of("group")["baseline"]), (&true.into(), &false.into()));
    assert_eq!(of("user")["digest"], of("user")["progress_digest"]);
    let unknown: Vec<_> = described["unknown_scopes"].as_array().unwrap().iter().collect();
    assert!(unknown.iter().any(|scope| scope["scope"] == "group" && scope["reason"] == "denied"), "{unknown:?}");
    assert_eq!(described["claim"]["writer"], Value::Null, "it was released");
    assert_eq!(described["state_topic"]["records"], world.state_records().await.len());
    assert_eq!(described["syncs_topic"]["records"], world.notices().await.len());
    assert_eq!(described["state_topic"]["low_watermark"], 0);
    assert_eq!((&described["wrong"], &described["unusable_records"]), (&serde_json::json!([]), &0.into()));

    let table = world.state(&["describe"]).await.exits_with(COMPLETE).stdout;
    for part in [text(&sync, "lineage"), "group  denied since never", "released at sequence", "nothing is wrong"] {
        assert!(table.contains(part), "no {part:?} in:\n{table}");
    }
    let verified = world.state(&["verify"]).await.exits_with(COMPLETE).stdout;
    assert!(verified.contains("holds     counts") && verified.contains("is sound"), "{verified}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn brokers_out_of_reach_are_no_harm_of_the_state() {
    let mut world = World::small().await;
    world.set("KAFKA__BROKERS", "127.0.0.1:9");
    world.state(&["verify"]).await.exits_with(UNAVAILABLE).says(&["brokers"]);
}
