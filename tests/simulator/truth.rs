use std::collections::BTreeMap;
use std::path::Path;

use ramstream::simulator::{Settings, start};
use serde_json::{Value, json};

use crate::client::{RAM, unthrottled, world};

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Tables as sets of rows, whatever their order.
fn tables(account: &Value) -> BTreeMap<String, Vec<String>> {
    let kinds =
        [("user", "users"), ("group", "groups"), ("membership", "memberships"), ("policy_attachment", "attachments")];
    let sorted = |rows: &Value| {
        let mut rows: Vec<_> = rows.as_array().unwrap().iter().map(Value::to_string).collect();
        rows.sort();
        rows
    };
    kinds.into_iter().map(|(kind, table)| (kind.to_owned(), sorted(&account[table]))).collect()
}

#[tokio::test]
async fn folding_the_truth_log_over_the_first_account_gives_the_last() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("truth.jsonl");
    let world = world(Settings { truth_log: Some(path.clone()), ..unthrottled() }).await;
    let begin = lines(&path).remove(0);
    assert_eq!((&begin["type"], &begin["account"]), (&json!("account"), &world.account().await));
    let mut folded = tables(&begin["account"]);
    let group = world.account().await["groups"][0]["group_name"].as_str().unwrap().to_owned();
    world.call(RAM, "CreateUser", &[("UserName", "eve")]).await.done();
    world.call(RAM, "CreateUser", &[("UserName", "eve")]).await.refused(409, "EntityAlreadyExists.User");
    world.call(RAM, "AddUserToGroup", &[("UserName", "eve"), ("GroupName", &group)]).await.done();
    world.call(RAM, "UpdateUser", &[("UserName", "eve"), ("NewUserName", "eva")]).await.done();
    world.control(reqwest::Method::POST, "/freeze", json!({ "user": "eva" })).await;
    world.call(RAM, "RemoveUserFromGroup", &[("UserName", "eva"), ("GroupName", &group)]).await.done();

    let log = lines(&path);
    let mutations: Vec<_> = log.iter().filter(|line| line["type"] == "mutation").collect();
    assert_eq!(mutations.len(), 5, "a refused call changes nothing");
    for line in mutations {
        let change = &line["change"];
        let table = folded.get_mut(change["kind"].as_str().unwrap()).unwrap();
        if !change["before"].is_null() {
            let before = change["before"].to_string();
            let at = table.iter().position(|row| *row == before).unwrap();
            table.remove(at);
        }
        if !change["after"].is_null() {
            table.push(change["after"].to_string());
            table.sort();
        }
    }
    assert_eq!(folded, tables(&world.account().await));
}

#[tokio::test]
async fn every_line_has_its_place_and_none_a_secret() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("truth.jsonl");
    let settings = || Settings { truth_log: Some(path.clone()), ..unthrottled() };
    let first = world(settings()).await;
    first.call(RAM, "CreateUser", &[("UserName", "eve")]).await.done();
    first.call(RAM, "ListUsers", &[("MaxItems", "5")]).await.done();
    first.running.shutdown().await.unwrap();
    let second = world(settings()).await;
    second.call(RAM, "GetUser", &[("UserName", "nobody")]).await.refused(404, "EntityNotExist.User");

    let log = lines(&path);
    let sequences: Vec<_> = log.iter().map(|line| line["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=log.len() as u64).collect::<Vec<_>>(), "without a gap, also across a restart");
    assert!(log.is_sorted_by_key(|line| line["time_ms"].as_i64().unwrap()));
    let listed = &log.iter().find(|line| line["request"]["operation"] == "ListUsers").unwrap()["request"];
    // The account, the new user, the request that made it, this one: what it shows is the second line.
    assert_eq!((&listed["status"], &listed["as_of"], &listed["page"]), (&json!(200), &json!(2), &json!(1)));
    let begins: Vec<_> = log.iter().filter(|line| line["type"] == "account").collect();
    assert_eq!(begins.len(), 2, "one a start");
    assert_eq!(listed["parameters"], json!({ "MaxItems": "5" }));
    let refused = &log.last().unwrap()["request"];
    assert_eq!((&refused["status"], &refused["code"]), (&json!(404), &json!("EntityNotExist.User")));
    let text = std::fs::read_to_string(&path).unwrap();
    for key in [&first.key, &second.key] {
        assert!(!text.contains(&key.secret) && !text.contains(&key.id));
    }
}

#[tokio::test]
async fn an_account_survives_in_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("account.json");
    let settings = || Settings { account_file: Some(path.clone()), ..unthrottled() };
    let first = world(settings()).await;
    first.call(RAM, "CreateUser", &[("UserName", "eve")]).await.done();
    let saved = first.account().await;
    first.running.shutdown().await.unwrap();
    let second = world(settings()).await;
    assert_eq!(second.account().await, saved);
    second.control(reqwest::Method::POST, "/save", Value::Null).await;
}

#[tokio::test]
async fn an_account_file_with_a_loose_end_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("account.json");
    let row = json!({ "group_id": "7", "user_id": "2", "join_date": "2024-01-02T03:04:05Z" });
    std::fs::write(&path, json!({ "account_id": "1234567890123456", "memberships": [row] }).to_string()).unwrap();
    let error = start(Settings { account_file: Some(path), ..unthrottled() }).await.unwrap_err().to_string();
    assert!(error.contains("account.json: memberships: user 2 or group 7 is missing"), "{error}");
}
