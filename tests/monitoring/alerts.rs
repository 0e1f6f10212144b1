//! The rules of deploy/prometheus. What they say is tested by promtool (scripts/lint-deploy); here, that they fit the rest.

use std::collections::{BTreeMap, BTreeSet};

use crate::{runbook::anchors, words::assert_known};

const RULES: &str = include_str!("../../deploy/prometheus/ramstream.rules.yml");
const TESTS: &str = include_str!("../../deploy/prometheus/ramstream.test.yml");

/// A rule, as the lines of its item: those of its expression, and its other keys.
struct Rule {
    record: Option<String>,
    alert: Option<String>,
    expression: String,
    keys: BTreeMap<String, String>,
}

/// The file is ours, so its layout is known: an item begins with a dash in the seventh column.
fn rules() -> Vec<Rule> {
    let items = RULES.split("\n      - ").skip(1);
    items
        .map(|item| {
            let (mut keys, mut expression, mut in_expression) = (BTreeMap::new(), String::new(), false);
            for line in item.lines().filter(|line| !line.trim_start().starts_with('#')) {
                let key = line.trim_start().split_once(": ").or_else(|| Some((line.trim().strip_suffix(':')?, "")));
                match key {
                    Some(("expr", rest)) => (in_expression, expression) = (true, rest.to_owned()),
                    _ if in_expression && line.starts_with("          ") => expression.push_str(line),
                    Some((key, value)) => {
                        in_expression = false;
                        keys.insert(key.to_owned(), value.to_owned());
                    }
                    None => {}
                }
            }
            Rule { record: keys.remove("record"), alert: keys.remove("alert"), expression, keys }
        })
        .collect()
}

pub(crate) fn recorded() -> BTreeSet<String> {
    rules().into_iter().filter_map(|rule| rule.record).collect()
}

fn alerts() -> BTreeSet<String> {
    rules().into_iter().filter_map(|rule| rule.alert).collect()
}

#[test]
fn every_rule_is_made_of_documented_metrics() {
    assert!(rules().len() > 12, "they are read");
    for rule in rules() {
        assert!(rule.record.is_some() != rule.alert.is_some());
        assert_known(&rule.expression, &recorded());
    }
}

#[test]
fn every_alert_has_a_severity_and_its_section_of_the_runbook_and_every_section_its_alert() {
    let anchors = anchors();
    for rule in rules().iter().filter(|rule| rule.alert.is_some()) {
        let alert = rule.alert.as_deref().unwrap();
        assert!(alert.starts_with("Ramstream"), "{alert}");
        assert!(["critical", "warning"].contains(&rule.keys["severity"].as_str()), "{alert}");
        let section = rule.keys["runbook_url"].strip_prefix("docs/runbook.md#").unwrap();
        assert_eq!(section, alert.to_lowercase());
        assert!(anchors.contains(section), "the runbook has no section #{section}");
    }
    let sections: BTreeSet<_> = anchors.into_iter().filter(|anchor| anchor.starts_with("ramstream")).collect();
    assert_eq!(sections, alerts().iter().map(|alert| alert.to_lowercase()).collect());
}

/// The tests name all that fires at a moment, so an alert that is not named is seen to be silent.
#[test]
fn every_alert_is_seen_to_fire_and_to_be_silent() {
    let scenarios: Vec<&str> = TESTS.split("\n  - name: ").skip(1).collect();
    for alert in alerts() {
        let named = format!("alertname=\"{alert}\"");
        let fires = scenarios.iter().filter(|scenario| scenario.contains(&named)).count();
        assert!(fires > 0 && fires < scenarios.len(), "{alert} fires in {fires} of {} tests", scenarios.len());
    }
    let all = "ALERTS{alertstate=\"firing\"}";
    for scenario in scenarios {
        assert!(scenario.contains(all) || scenario.contains("*firing"), "it looks at every alert: {scenario}");
    }
}
