//! The program as a supervisor or a person at a terminal meets it.

mod help;
mod offline;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;

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
    assert!(told.ends_with("the configuration is valid\n"));
    assert!(!told.contains("canary"));
}

#[test]
fn what_the_kubernetes_overlays_configure_is_accepted() {
    let directory = tempfile::tempdir().expect("a directory");
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "canary").expect("a file");
    let secret = secret.to_str().expect("UTF-8");
    let role = [
        ("RAMSTREAM_KAFKA__SASL_PASSWORD_FILE", secret),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", secret),
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1234567890123456:role/ramstream-reader"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1"),
    ];
    let key = [
        ("RAMSTREAM_CREDENTIALS__ACCESS_KEY_ID_FILE", secret),
        ("RAMSTREAM_CREDENTIALS__ACCESS_KEY_SECRET_FILE", secret),
    ];
    // As docs/deploy.md says for a look outside of the pod.
    let placeholders = [
        ("RAMSTREAM_CREDENTIALS__SOURCE", "environment"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "x"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "x"),
        ("RAMSTREAM_KAFKA__SASL_PASSWORD", "x"),
    ];
    let outside = [("access-key", &placeholders[..3]), ("rrsa", &placeholders)];
    for (overlay, variables) in [("access-key", &key[..]), ("rrsa", &role)].into_iter().chain(outside) {
        let file = format!("{}/deploy/kubernetes/overlays/{overlay}/ramstream.toml", env!("CARGO_MANIFEST_DIR"));
        let check = ramstream(directory.path(), &["--config", &file, "config", "check"], variables);
        assert_eq!(check.status.code(), Some(0), "{overlay}: {}", text(&check.stderr));
    }
}

#[test]
fn a_wrong_configuration_exits_with_64_and_tells_every_mistake() {
    let directory = tempfile::tempdir().expect("a directory");
    let check = ramstream(directory.path(), &["config", "check"], &[("RAMSTREAM_SYNC__INTERVALL", "5m")]);
    assert_eq!(check.status.code(), Some(64));
    let told = text(&check.stderr);
    for part in [
        "there is no ramstream.toml in this directory",
        "4 mistakes",
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
    for arguments in [&["config", "example"][..], &["version", "--format", "json"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ramstream"));
        command.args(arguments).env_clear().stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(text(&output.stderr), "", "{arguments:?}");
    }
}

#[test]
fn two_exports_are_compared_without_any_configuration() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(directory.path().join("empty")).expect("a directory");
    let compared = ramstream(directory.path(), &["snapshot", "diff", "empty", "empty"], &[]);
    assert_eq!(compared.status.code(), Some(64));
    let told = text(&compared.stderr);
    assert!(told.contains("empty/manifest.json: it cannot be read"), "{told}");
    assert!(told.contains("fix: give a directory that `ramstream snapshot export` wrote"), "{told}");
    for arguments in [&["snapshot", "diff", "empty"][..], &["snapshot", "diff", "empty", "empty", "--now"]] {
        assert_eq!(ramstream(directory.path(), arguments, &[]).status.code(), Some(64), "{arguments:?}");
    }
}

const ACCOUNT: (&str, &str) = ("RAMSTREAM_ACCOUNT__ID", "1234567890123456");
const TOKEN: (&str, &str) = ("RAMSTREAM_ADMIN__TOKEN", "canary-token-0123456789");

/// A daemon that gives these answers (status, body), one a connection, and then the requests that it got.
fn daemon(answers: &'static [(u16, &'static str)]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let served = std::thread::spawn(move || {
        let answer = |&(status, body): &(u16, &str)| {
            let (mut stream, _) = listener.accept().expect("somebody asks");
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !is_whole(&request) {
                let read = stream.read(&mut buffer).expect("a request");
                assert!(read > 0, "the request broke off");
                request.extend_from_slice(&buffer[..read]);
            }
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
            stream.write_all(format!("{head}{body}").as_bytes()).expect("an answer");
            String::from_utf8(request).expect("a request is text")
        };
        answers.iter().map(answer).collect()
    });
    (url, served)
}

fn is_whole(request: &[u8]) -> bool {
    let request = String::from_utf8_lossy(request);
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

const RUNNING: &str = r#"{"phase":"running"}"#;

#[test]
fn a_replay_shows_how_it_stands_and_ends_with_what_came_of_it() {
    let (url, served) = daemon(&[
        (200, r#"{"phase":"parked","detail":"writer x"}"#),
        (202, r#"{"request_id":"r-1","action":"replay","state":"queued"}"#),
        (200, r#"{"request_id":"r-1","action":"replay","state":"behind_sync"}"#),
        (200, r#"{"request_id":"r-1","action":"replay","state":"sending","rows":{"user":{"sent":3,"total":10}}}"#),
        (503, ""),
        (404, r#"{"detail":"it has just been started"}"#),
        (
            200,
            r#"{"request_id":"r-1","action":"replay","state":"completed","sequence":7,"rows":{"user":{"sent":10,"total":10}}}"#,
        ),
    ]);
    let directory = tempfile::tempdir().expect("a directory");
    let arguments =
        ["replay", "--url", &url, "--id", "r-1", "--kind", "user", "--not-after", "2126-01-31T12:00:00+01:00"];
    let asked = ramstream(directory.path(), &arguments, &[ACCOUNT, TOKEN]);
    assert_eq!(asked.status.code(), Some(0), "{}", text(&asked.stderr));
    assert_eq!(text(&asked.stdout), "completed at sequence 7: 10 rows (user 10)\n");
    let told: Vec<&str> = text(&asked.stderr).lines().collect();
    assert_eq!(
        told,
        [
            "this copy is parked; requests are served by the owner: writer x",
            "replay r-1: queued",
            "replay r-1: behind a sync",
            "replay r-1: sending user 3 of 10",
            "replay r-1: committed",
        ]
    );
    let requests = served.join().expect("it served");
    for (request, line) in requests.iter().zip([
        "GET /v1/accounts/1234567890123456/status ",
        "POST /v1/accounts/1234567890123456/replays ",
        "GET /v1/accounts/1234567890123456/replays/r-1 ",
    ]) {
        assert!(request.starts_with(line), "{request}");
        assert!(request.contains("authorization: Bearer canary-token-0123456789\r\n"), "{request}");
    }
    let body = requests[1].split("\r\n\r\n").nth(1).expect("a body");
    assert_eq!(body, r#"{"kinds":["user"],"not_after":"2126-01-31T11:00:00Z","request_id":"r-1"}"#);
}

#[test]
fn what_came_of_a_request_is_the_exit_code() {
    let directory = tempfile::tempdir().expect("a directory");
    for (answer, line, code) in [
        (r#"{"request_id":"s","action":"sync","state":"completed","sequence":7}"#, "completed at sequence 7", 0),
        (
            r#"{"request_id":"s","action":"sync","state":"completed","sequence":7,"reason":"the sync was partial",
                "sync_outcome":"partial"}"#,
            "completed at sequence 7: the sync was partial",
            3,
        ),
        (r#"{"request_id":"s","action":"sync","state":"expired","reason":"late"}"#, "expired: late", 1),
    ] {
        let answers = vec![(200, RUNNING), (202, answer)].leak();
        let (url, served) = daemon(answers);
        let asked = ramstream(directory.path(), &["sync", "--url", &url, "--id", "s"], &[ACCOUNT]);
        assert_eq!((text(&asked.stdout).trim_end(), asked.status.code()), (line, Some(code)));
        assert!(served.join().expect("it served")[1].starts_with("POST /v1/accounts/1234567890123456/syncs "));
    }
    let (url, _) = daemon(&[(200, RUNNING), (202, r#"{"request_id":"s","action":"sync","state":"queued"}"#)]);
    let asked = ramstream(directory.path(), &["sync", "--url", &url, "--id", "s", "--no-wait"], &[ACCOUNT]);
    assert_eq!((text(&asked.stdout), asked.status.code()), ("queued s\n", Some(0)));
}

#[test]
fn a_daemon_that_refuses_or_is_not_there_is_told_with_the_mend() {
    let directory = tempfile::tempdir().expect("a directory");
    let ask = |arguments: &[&str], variables: &[(&str, &str)]| {
        let variables = [&[ACCOUNT], variables].concat();
        let asked = ramstream(directory.path(), arguments, &variables);
        (asked.status.code(), text(&asked.stderr).to_owned())
    };
    // Nobody listens on the lowest port.
    for command in [&["replay"][..], &["sync"], &["claim"], &["replay", "list"], &["replay", "cancel", "r-1"]] {
        let (code, told) = ask(&[command, &["--url", "http://127.0.0.1:1"]].concat(), &[]);
        assert_eq!(code, Some(69), "{told}");
        assert!(told.contains("no daemon answers at http://127.0.0.1:1") && told.contains("ramstream run"), "{told}");
        // Only a replay can be asked for in another way.
        assert_eq!(told.contains("--via kafka"), *command == ["replay"], "{told}");
    }
    let (code, told) = ask(&["sync"], &[("RAMSTREAM_LISTEN__ADMIN", "off")]);
    assert!(code == Some(64) && told.contains("listen.admin is \"off\"") && told.contains("--url"), "{told}");
    let (url, _) = daemon(&[(401, r#"{"detail":"the token is not the one of this daemon"}"#)]);
    let (code, told) = ask(&["sync", "--url", &url], &[TOKEN]);
    assert!(code == Some(64) && told.contains("not the one of this daemon; this command takes the token"), "{told}");
    assert!(!told.contains("canary"), "{told}");
    let (url, _) = daemon(&[(409, r#"{"detail":"this copy is not parked: it owns the account already"}"#)]);
    let (code, told) = ask(&["claim", "--url", &url], &[]);
    assert!(code == Some(1) && told.contains("owns the account already"), "{told}");
    let (url, _) = daemon(&[(200, RUNNING), (503, r#"{"detail":"no broker"}"#)]);
    let (code, told) = ask(&["replay", "--url", &url, "--id", "r-1"], &[]);
    assert!(code == Some(69) && told.contains("no broker") && told.contains("--id r-1"), "{told}");
    let (url, _) = daemon(&[(200, "<html>")]);
    let (code, told) = ask(&["sync", "--url", &url], &[]);
    assert!(code == Some(69) && told.contains("but not as ramstream does"), "{told}");
}

#[test]
fn what_cannot_be_asked_is_a_usage_error() {
    let directory = tempfile::tempdir().expect("a directory");
    for (arguments, part) in [
        (&["replay", "--id", "a/b"][..], "1 to 64 characters"),
        (&["replay", "--kind", "usr"], "account, user"),
        (&["replay", "--not-after", "soon"], "--not-after"),
        (&["replay", "--id", "a", "list"], "cannot be used"),
        (&["replay", "--via", "kafka"], "kafka.brokers"),
    ] {
        let asked = ramstream(directory.path(), arguments, &[ACCOUNT]);
        assert_eq!(asked.status.code(), Some(64), "{}", text(&asked.stderr));
        assert!(text(&asked.stderr).contains(part), "{part:?} is missing in {}", text(&asked.stderr));
    }
}

#[test]
fn a_daemon_that_others_can_reach_does_not_start_without_a_token() {
    let directory = tempfile::tempdir().expect("a directory");
    let variables = [
        ACCOUNT,
        CREDENTIALS[0],
        CREDENTIALS[1],
        ("RAMSTREAM_KAFKA__BROKERS", "127.0.0.1:1"),
        ("RAMSTREAM_REGISTRY__URL", "http://127.0.0.1:1"),
        ("RAMSTREAM_LISTEN__ADMIN", "0.0.0.0:9465"),
    ];
    let run = ramstream(directory.path(), &["run"], &variables);
    assert_eq!(run.status.code(), Some(64));
    for mend in ["listen.admin", "admin.token_file", "127.0.0.1:9465"] {
        assert!(text(&run.stderr).contains(mend), "{}", text(&run.stderr));
    }
}
