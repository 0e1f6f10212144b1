//! The dashboards of deploy/grafana, as far as that goes without Prometheus; tests/real/prometheus.rs asks every query.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::alerts::recorded;
use crate::metrics_table::documented;
use crate::words::assert_known;

/// What the variable of the data source holds.
const CHOSEN: &str = "${datasource}";

const DASHBOARDS: [&str; 3] = [
    include_str!("../../deploy/grafana/overview.json"),
    include_str!("../../deploy/grafana/sync-and-api.json"),
    include_str!("../../deploy/grafana/kafka.json"),
];

fn dashboards() -> impl Iterator<Item = Value> {
    DASHBOARDS.iter().map(|text| serde_json::from_str(text).unwrap())
}

fn panels(dashboard: &Value) -> &Vec<Value> {
    dashboard["panels"].as_array().unwrap()
}

fn expressions(panel: &Value) -> impl Iterator<Item = &str> {
    panel["targets"].as_array().unwrap().iter().map(|target| target["expr"].as_str().unwrap())
}

#[test]
fn every_dashboard_is_in_this_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/grafana");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    assert_eq!(files.filter(|path| path.extension().is_some_and(|it| it == "json")).count(), DASHBOARDS.len());
    let uids: BTreeSet<String> = dashboards().map(|dashboard| dashboard["uid"].as_str().unwrap().to_owned()).collect();
    assert_eq!(uids.len(), DASHBOARDS.len());
}

#[test]
fn every_panel_asks_the_chosen_source_for_documented_metrics_of_the_chosen_copy() {
    // What the variable begins with where nobody has chosen: the default one.
    const PROVISIONED: &str = include_str!("../../deploy/grafana/provisioning/datasources/prometheus.yml");
    assert!(PROVISIONED.contains("    type: prometheus\n") && PROVISIONED.contains("    isDefault: true\n"));
    for dashboard in dashboards() {
        let [sources, copies] = [0, 1].map(|n| &dashboard["templating"]["list"][n]);
        let source = (&sources["name"], &sources["type"], &sources["query"]);
        assert_eq!(source, (&json!("datasource"), &json!("datasource"), &json!("prometheus")));
        assert_eq!(copies["datasource"]["uid"], CHOSEN);
        let mut ids = BTreeSet::new();
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().unwrap();
            assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
            assert_eq!(panel["datasource"]["uid"], CHOSEN, "{title}");
            for expression in expressions(panel) {
                assert_known(expression, &recorded());
                assert!(expression.contains("$instance") || expression.starts_with("count(ALERTS"), "{expression}");
            }
        }
    }
}

#[test]
fn panels_lie_side_by_side() {
    for dashboard in dashboards() {
        let mut taken = BTreeSet::new();
        for panel in panels(&dashboard) {
            let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            for (x, y) in
                (side("x")..side("x") + side("w")).flat_map(|x| (side("y")..side("y") + side("h")).map(move |y| (x, y)))
            {
                assert!(x < 24 && taken.insert((x, y)), "{} overlaps at {x}, {y}", panel["title"]);
            }
        }
    }
}

#[test]
fn every_metric_of_ours_that_moves_is_on_a_dashboard_or_in_a_rule() {
    let rules = include_str!("../../deploy/prometheus/ramstream.rules.yml");
    let shown = DASHBOARDS.concat() + rules;
    // What /readyz says is shown in words, as the phase.
    for name in documented().keys().filter(|name| name.starts_with("ramstream_") && *name != "ramstream_ready") {
        assert!(shown.contains(name.as_str()), "{name} is looked at nowhere");
    }
}
