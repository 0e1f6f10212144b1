//! The program as a supervisor or a person at a terminal meets it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

const CREDENTIALS: [(&str, &str); 2] =
    [("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tExample"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "canary-secret")];

fn ramstream(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ramstream"));
    command.args(arguments).current_dir(directory).env_clear().envs(variables.iter().copied());
    command.output().expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the program writes UTF-8")
}

#[test]
fn the_printed_example_is_accepted_from_the_working_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let example = ramstream(directory.path(), &["config", "example"], &[]);
    assert_eq!(example.status.code(), Some(0));
    std::fs::write(directory.path().join("ramstream.toml"), &example.stdout).expect("a file");

    let check = ramstream(directory.path(), &["config", "check"], &CREDENTIALS);
    let told = text(&check.stdout);
    assert_eq!(check.status.code(), Some(0), "{}", text(&check.stderr));
    let words = |key: &str| -> Vec<&str> {
        told.lines().find(|line| line.starts_with(key)).unwrap_or_default().split_whitespace().collect()
    };
    assert_eq!(words("sync.interval"), ["sync.interval", "5m", "default"]);
    assert_eq!(words("account.id")[1], "1234567890123456");
    assert!(words("account.id")[2].starts_with("ramstream.toml:"));
    let secret = ["credentials.access_key_secret", "[secret]", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"];
    assert_eq!(words("credentials.access_key_secret "), secret);
    assert!(told.ends_with("the configuration is in order\n"));
    assert!(!told.contains("canary"));
}

#[test]
fn a_wrong_configuration_exits_with_64_and_tells_every_mistake() {
    let directory = tempfile::tempdir().expect("a directory");
    let check = ramstream(directory.path(), &["config", "check"], &[("RAMSTREAM_SYNC__INTERVALL", "5m")]);
    assert_eq!(check.status.code(), Some(64));
    let told = text(&check.stderr);
    for part in [
        "there is no ramstream.toml in this directory",
        "5 mistakes",
        "account.id",
        "kafka.brokers",
        "registry.url",
        "did you mean RAMSTREAM_SYNC__INTERVAL?",
    ] {
        assert!(told.contains(part), "{part:?} is missing in:\n{told}");
    }
}

#[test]
fn reading_alone_needs_neither_kafka_nor_registry() {
    let directory = tempfile::tempdir().expect("a directory");
    let variables = [CREDENTIALS[0], CREDENTIALS[1], ("RAMSTREAM_ACCOUNT__ID", "1234567890123456")];
    assert_eq!(ramstream(directory.path(), &["config", "check", "--reading"], &variables).status.code(), Some(0));
    assert_eq!(ramstream(directory.path(), &["config", "check"], &variables).status.code(), Some(64));
}

#[test]
fn the_file_is_named_by_flag_or_variable_and_has_to_be_there_then() {
    let directory = tempfile::tempdir().expect("a directory");
    for (arguments, variables) in [
        (&["config", "check", "--config", "other.toml"][..], &[][..]),
        (&["config", "check"][..], &[("RAMSTREAM_CONFIG", "other.toml")][..]),
    ] {
        let check = ramstream(directory.path(), arguments, variables);
        assert_eq!(check.status.code(), Some(64));
        assert!(text(&check.stderr).contains("other.toml: the file cannot be read"), "{}", text(&check.stderr));
    }
}

#[test]
fn usage_errors_exit_with_64_and_help_with_0() {
    let directory = tempfile::tempdir().expect("a directory");
    let code = |arguments: &[&str]| ramstream(directory.path(), arguments, &[]).status.code();
    assert_eq!(code(&["--help"]), Some(0));
    assert_eq!(code(&["--version"]), Some(0));
    assert_eq!(code(&["config", "check", "--no-such-flag"]), Some(64));
    assert_eq!(code(&["no-such-command"]), Some(64));
    assert_eq!(code(&[]), Some(64));
}

#[test]
fn a_reader_that_goes_away_is_no_crash() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ramstream"));
    command.args(["config", "example"]).env_clear().stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn two_exports_are_compared_without_any_configuration() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join("empty")).expect("a directory");
    let compared = ramstream(directory.path(), &["snapshot", "diff", "empty", "empty"], &[]);
    assert_eq!(compared.status.code(), Some(64));
    let told = text(&compared.stderr);
    assert!(told.contains("empty/manifest.json: it cannot be read"), "{told}");
    assert!(told.contains("mend: give a directory that `ramstream snapshot export` wrote"), "{told}");
    for arguments in [&["snapshot", "diff", "empty"][..], &["snapshot", "diff", "empty", "empty", "--now"]] {
        assert_eq!(ramstream(directory.path(), arguments, &[]).status.code(), Some(64), "{arguments:?}");
    }
}
