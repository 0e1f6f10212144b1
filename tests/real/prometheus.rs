//! A real Prometheus scrapes a live daemon: the rules can be evaluated, and no panel of a dashboard is without data.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::support::process::{Daemon, eventually};
use crate::support::world::World;

const DASHBOARDS: [&str; 3] = ["overview", "sync-and-api", "kafka"];

/// Debian's Prometheus, with the rules that are deployed. It ends with the test.
struct Prometheus {
    _child: Child,
    _data: tempfile::TempDir,
    url: String,
    http: reqwest::Client,
}

impl Prometheus {
    async fn start(target: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/prometheus/*.rules.yml");
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: ['{rules}']\n\
             scrape_configs: [{{ job_name: ramstream, static_configs: [{{ targets: ['{target}'] }}] }}]\n"
        );
        let file = data.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        // Free a moment ago; it takes no port 0 that it would tell.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new("prometheus");
        command.arg(argument("--config.file", &file)).arg(argument("--storage.tsdb.path", &data.path().join("data")));
        command.arg(format!("--web.listen-address={address}")).arg("--log.level=error");
        let child = command.stdout(Stdio::null()).kill_on_drop(true).spawn().expect("apt-get install prometheus");
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { _child: child, _data: data, url: format!("http://{address}"), http }
    }

    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let answer = self.http.get(format!("{}/api/v1/{path}", self.url)).query(query).send().await.ok()?;
        let answer: Value = answer.json().await.ok()?;
        assert_eq!(answer["status"], "success", "{path} {query:?}: {answer}");
        Some(answer["data"].clone())
    }

    /// Whether a graph of `expression` would show anything: one number at least.
    async fn shows(&self, expression: &str) -> bool {
        let Some(data) = self.ask("query", &[("query", expression)]).await else { return false };
        let series = data["result"].as_array().unwrap();
        series.iter().any(|series| series["value"][1].as_str().is_some_and(|value| value != "NaN"))
    }
}

fn argument(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

/// Title and expression of every query, as Grafana asks it of all copies.
fn queries() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for name in DASHBOARDS {
        let file = format!("{}/deploy/grafana/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let dashboard: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let expression = target["expr"].as_str().unwrap();
                let expression = expression.replace("$instance", ".*").replace("$__rate_interval", "1m");
                assert!(!expression.contains('$'), "{expression}");
                queries.push((format!("{name}: {}", panel["title"].as_str().unwrap()), expression));
            }
        }
    }
    queries
}

async fn daemon_and_prometheus(world: &World) -> (Daemon, Prometheus) {
    let mut daemon = world.start_daemon();
    daemon.is_ready().await;
    let target = daemon.address().await;
    let prometheus = Prometheus::start(target.strip_prefix("http://").unwrap()).await;
    (daemon, prometheus)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka, a registry and Prometheus: make test"]
async fn no_panel_is_without_data_and_every_rule_can_be_evaluated() {
    let world = World::small().await;
    let (mut daemon, prometheus) = daemon_and_prometheus(&world).await;
    daemon.syncs(1, "complete").await;
    let queries = queries();
    assert!(queries.len() > 40, "{queries:?}");
    for (panel, expression) in &queries {
        let what = format!("{panel} has data: {expression}");
        eventually(&what, async || prometheus.shows(expression).await.then_some(())).await;
    }

    let groups = prometheus.ask("rules", &[]).await.unwrap();
    let rules: Vec<&Value> =
        groups["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert!(rules.len() > 12, "{rules:?}");
    for rule in &rules {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert_ne!(rule["state"], "firing", "a daemon that is well wakes nobody: {rule}");
    }
    daemon.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka, a registry and Prometheus: make test"]
async fn a_suspected_mass_removal_wakes_somebody_and_is_shown_until_it_is_refuted() {
    let world = World::small().await;
    let (mut daemon, prometheus) = daemon_and_prometheus(&world).await;
    daemon.syncs(1, "complete").await;
    // Nobody has left a group; one listing says that all have.
    world.cloud.fault(json!({ "operation": "ListUsersForGroup", "fault": "empty" })).await;
    let firing = r#"ALERTS{alertname="RamstreamGuardActive", alertstate="firing", kind="membership"}"#;
    for shown in [r#"ramstream_removals_waiting{kind="membership"} > 5"#, firing] {
        eventually(shown, async || prometheus.shows(shown).await.then_some(())).await;
    }
    daemon.syncs(1, "partial").await;
    let held = r#"ramstream_guard_active{kind="membership"} == 1"#;
    eventually(held, async || prometheus.shows(held).await.then_some(())).await;
    world.cloud.end_faults().await;
    let over =
        r#"ramstream_guard_active{kind="membership"} == 0 and ramstream_removals_waiting{kind="membership"} == 0"#;
    eventually(over, async || prometheus.shows(over).await.then_some(())).await;
    daemon.terminate().await;
}
