//! Commands that ask nobody, and what they say where nobody could be asked.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use super::{ACCOUNT, CREDENTIALS, TOKEN, ramstream, text};

/// Where nobody listens.
const KAFKA: (&str, &str) = ("RAMSTREAM_KAFKA__BROKERS", "127.0.0.1:1");
const REGISTRY: (&str, &str) = ("RAMSTREAM_REGISTRY__URL", "http://127.0.0.1:1");

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let directory = tempfile::tempdir().expect("a directory");
    ramstream(directory.path(), arguments, variables)
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
}

#[test]
fn what_holds_is_shown_with_its_origin_and_without_its_secrets() {
    let variables = [ACCOUNT, CREDENTIALS[0], CREDENTIALS[1], TOKEN, ("RAMSTREAM_SYNC__INTERVAL", "90s")];
    let shown = run(&["config", "show"], &variables);
    assert_eq!(shown.status.code(), Some(0), "{}", text(&shown.stderr));
    let told = text(&shown.stdout);
    let words = |key: &str| -> Vec<&str> {
        let line = told.lines().find(|line| line.split_whitespace().next() == Some(key));
        line.unwrap_or_default().split_whitespace().collect()
    };
    assert_eq!(words("sync.interval"), ["sync.interval", "90s", "RAMSTREAM_SYNC__INTERVAL"]);
    assert_eq!(words("log.level"), ["log.level", "info", "default"]);
    assert_eq!(words("admin.token"), ["admin.token", "[secret]", "RAMSTREAM_ADMIN__TOKEN"]);
    assert!(!told.contains("canary"), "{told}");

    let given = run(&["config", "show", "--given", "--format", "json"], &variables);
    let settings = json(&given)["settings"].as_array().expect("settings").clone();
    let keys: Vec<&str> = settings.iter().filter_map(|setting| setting["key"].as_str()).collect();
    assert_eq!(
        keys,
        [
            "account.id",
            "credentials.source",
            "credentials.access_key_id",
            "credentials.access_key_secret",
            "sync.interval",
            "admin.token"
        ]
    );
    assert!(!text(&given.stdout).contains("canary"));
}

#[test]
fn schemas_are_printed_word_for_word() {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    for (name, file) in
        [("user", "users.avsc"), ("policy_attachment", "policy-attachments.avsc"), ("syncs", "syncs.avsc")]
    {
        let printed = run(&["schemas", "print", name], &[]);
        let stored = std::fs::read_to_string(schemas.join(file)).expect("a schema");
        assert_eq!(text(&printed.stdout).trim_end(), stored.trim_end(), "{name}");
    }
    let unknown = run(&["schemas", "print", "users"], &[]);
    assert_eq!(unknown.status.code(), Some(64));
    assert!(text(&unknown.stderr).contains("account, user") && text(&unknown.stderr).contains("syncs"));
}

#[test]
fn subjects_and_topics_are_listed_without_asking_anybody() {
    let variables =
        [ACCOUNT, KAFKA, REGISTRY, ("RAMSTREAM_KAFKA__TOPIC_PREFIX", "p"), ("RAMSTREAM_KAFKA__EVENT_RETENTION", "36h")];
    let schemas = json(&run(&["schemas", "list", "--format", "json"], &variables));
    let schemas = schemas["schemas"].as_array().expect("schemas").clone();
    let of = |subject: &str| {
        schemas.iter().find(|schema| schema["subject"] == subject).map(|schema| schema["schema"].clone())
    };
    assert_eq!(of("p.users-value"), Some("user".into()));
    assert_eq!(of("p.snapshot.users-value"), Some("user".into()));
    assert_eq!(of("p.syncs-value"), Some("syncs".into()));
    assert_eq!(of("p.state.1234567890123456-value"), None, "the state needs no registry");

    let topics = json(&run(&["topics", "list", "--format", "json"], &variables));
    let topics = topics["topics"].as_array().expect("topics").clone();
    let named = |name: &str| topics.iter().find(|topic| topic["name"] == name).expect("the topic");
    assert_eq!(named("p.state.1234567890123456")["settings"]["cleanup.policy"], "compact");
    assert_eq!(named("p.users")["partitions"], 6);
    assert_eq!(named("p.users")["settings"]["retention.ms"], "129600000");
    let table = run(&["topics", "list"], &variables);
    let users = text(&table.stdout).lines().find(|line| line.starts_with("p.users ")).expect("a line");
    assert_eq!(users.split_whitespace().collect::<Vec<_>>(), ["p.users", "6", "3", "delete", "36", "h"]);

    let commands = run(&["topics", "create", "--print"], &variables);
    let command = text(&commands.stdout).lines().find(|line| line.contains("--topic p.control ")).expect("a command");
    let expected = "kafka-topics.sh --bootstrap-server 127.0.0.1:1 --create --topic p.control --partitions 1 \
                    --replication-factor 3 --config cleanup.policy=delete --config retention.ms=604800000 \
                    --config min.insync.replicas=2";
    assert_eq!(command, expected);
}

#[test]
fn rights_are_printed_for_those_who_are_named_and_nobody_else() {
    // No registry has a part in them.
    let variables = [ACCOUNT, KAFKA, ("RAMSTREAM_KAFKA__TOPIC_PREFIX", "p")];
    let acls =
        |arguments: &[&str], variables: &[(&str, &str)]| run(&[&["topics", "acls"], arguments].concat(), variables);
    let printed = acls(&["--asker", "User:ops"], &variables);
    let expected = "#!/bin/sh\n# sh FILE --bootstrap-server HOST:PORT [--command-config FILE]\nset -eu\n\n\
        # User:ops asks for replays and syncs.\n\
        kafka-acls.sh \"$@\" --add --allow-principal 'User:ops' --operation Write --topic p.control\n\
        kafka-acls.sh \"$@\" --add --allow-principal 'User:ops' --operation Read --topic p.syncs\n\
        kafka-acls.sh \"$@\" --add --allow-principal 'User:ops' --operation Describe --group ramstream\n";
    assert_eq!(text(&printed.stdout), expected);
    let may_create =
        |variables: &[(&str, &str)]| text(&acls(&["--writer", "User:w"], variables).stdout).contains("Create");
    assert!(may_create(&variables));
    assert!(!may_create(&[&variables[..], &[("RAMSTREAM_KAFKA__CREATE_TOPICS", "false")]].concat()));
    for (arguments, part) in [
        (&[][..], "--writer"),
        (&["--writer", "ramstream"], "write User:name"),
        (&["--writer", "User:w", "--group", "g"], "--reader"),
    ] {
        let refused = acls(arguments, &variables);
        assert_eq!(refused.status.code(), Some(64), "{arguments:?}");
        assert!(text(&refused.stderr).contains(part), "{}", text(&refused.stderr));
    }
}

#[test]
fn the_version_names_what_is_built_in() {
    let printed = run(&["version"], &[]);
    assert!(text(&printed.stdout).starts_with(concat!("ramstream   ", env!("CARGO_PKG_VERSION"), "\n")));
    let told = json(&run(&["version", "--format", "json"], &[]));
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    let features = told["librdkafka"]["features"].as_array().expect("features");
    assert!(features.contains(&"sasl_scram".into()), "{told}");
    assert!(told["openssl"].as_str().expect("a text").starts_with("OpenSSL "), "{told}");
}

/// The verdict of what is named so.
fn verdict<'a>(report: &'a Value, part: &str, what: &str) -> &'a Value {
    let checks = report["checks"].as_array().expect("checks");
    let found =
        checks.iter().find(|check| check["part"] == part && check["what"].as_str().is_some_and(|w| w.contains(what)));
    found.unwrap_or_else(|| panic!("no {part} {what} in {report:#}"))
}

#[test]
fn a_check_with_half_a_configuration_tells_its_mistakes_and_looks_at_the_other_half() {
    let variables =
        [ACCOUNT, KAFKA, REGISTRY, ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true"), ("RAMSTREAM_SYNC__JITER", "0")];
    let checked = run(&["check", "--format", "json"], &variables);
    assert_eq!(checked.status.code(), Some(64), "{}", text(&checked.stderr));
    let report = json(&checked);
    assert_eq!(report["exit_code"], 64);
    let unknown = verdict(&report, "configuration", "sync.jiter");
    assert_eq!(unknown["verdict"], "failed");
    assert!(unknown["fix"].as_str().expect("a fix").contains("RAMSTREAM_SYNC__JITTER"), "{unknown}");

    let checked = run(&["check", "--format", "json"], &variables[..4]);
    let report = json(&checked);
    assert_eq!(checked.status.code(), Some(64), "{report:#}");
    assert_eq!(verdict(&report, "configuration", "credentials")["verdict"], "failed");
    assert_eq!(verdict(&report, "permissions", "all")["verdict"], "not_checked");
    let broker = verdict(&report, "brokers", "127.0.0.1:1");
    assert!(broker["verdict"] == "failed" && broker["fix"].as_str().expect("a fix").contains("kafka.brokers"));
    assert_eq!(verdict(&report, "transactions", "all")["verdict"], "not_checked");
    let registry = verdict(&report, "registry", "127.0.0.1:1");
    assert!(registry["verdict"] == "failed" && registry["fix"].as_str().expect("a fix").contains("registry.url"));
}
