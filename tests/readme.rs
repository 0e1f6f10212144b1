//! What the README says is what the code does.

use std::collections::BTreeSet;

use ramstream::{alicloud::OPERATIONS, model::Kind};

const README: &str = include_str!("../README.md");

/// The first JSON block of the README.
fn policy() -> serde_json::Value {
    let block = README.split("```json").nth(1).and_then(|rest| rest.split("```").next()).expect("a JSON block");
    serde_json::from_str(block).expect("the policy is JSON")
}

#[test]
fn the_policy_grants_exactly_what_the_calls_need() {
    let statement = &policy()["Statement"][0];
    let granted = statement["Action"].as_array().expect("actions");
    let granted: BTreeSet<&str> = granted.iter().filter_map(|action| action.as_str()).collect();
    let needed: BTreeSet<&str> = OPERATIONS.iter().filter_map(|operation| operation.ram_action).collect();
    assert_eq!(granted, needed);
    assert_eq!(statement["Effect"], "Allow");
}

#[test]
fn every_kind_has_its_row() {
    let rows: Vec<&str> = README.lines().filter(|line| line.starts_with("| ")).collect();
    for kind in Kind::ALL {
        let begin = format!("| {kind} | `.{}` |", kind.plural());
        assert!(rows.iter().any(|row| row.starts_with(&begin)), "no row begins with {begin}");
    }
}

#[test]
fn every_file_that_it_links_is_there() {
    for link in README.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let file = link.split('#').next().unwrap_or(link);
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        assert!(path.exists(), "{link}");
    }
}

#[test]
fn every_operation_of_the_client_is_in_its_list() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/alicloud");
    let files = std::fs::read_dir(folder).expect("the client's folder");
    let files = files.map(|file| file.expect("a file").path()).filter(|path| path.is_file());
    let text: String = files.map(|file| std::fs::read_to_string(file).expect("text")).collect();
    let constants = text.lines().filter(|line| line.starts_with("pub const ") && line.contains(": Operation ="));
    assert_eq!(constants.count(), OPERATIONS.len());
}
