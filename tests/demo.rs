//! `ramstream demo` is a story that is a test of itself; here it is told once, and judged by its lines.

use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The story takes about 30 seconds, on a machine with nothing else to do.
const LIMIT: Duration = Duration::from_secs(180);

/// In a directory whose configuration would be refused, behind a proxy that is not there: neither concerns the demo.
fn demo(directory: &tempfile::TempDir) -> Child {
    std::fs::write(directory.path().join("ramstream.toml"), "none = of this").expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ramstream"));
    command.arg("demo").current_dir(directory.path()).env_clear();
    command.env("http_proxy", "http://127.0.0.1:1").env("RAMSTREAM_SYNC__INTERVAL", "1h");
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command.spawn().expect("the program starts")
}

/// Event, subject and op of every line that tells an event.
fn events(told: &str) -> Vec<(String, String, String)> {
    let of_line = |line: &str| {
        let (_, line) = line.strip_prefix("  ")?.split_once("  ")?;
        let (event, line) = line.split_once(' ')?;
        let (line, window) = line.trim_end().rsplit_once(' ')?;
        let (subject, op) = line.trim().rsplit_once(' ')?;
        let is_event = event.contains('.') && window.contains('–');
        is_event.then(|| (event.to_owned(), subject.trim().to_owned(), op.to_owned()))
    };
    told.lines().filter_map(of_line).collect()
}

/// A subject without the beginning of the id behind it.
fn name(subject: &str) -> &str {
    subject.split_once(" (").map_or(subject, |(name, _)| name)
}

#[tokio::test]
async fn the_story_is_told_to_its_end_and_every_event_comes_once() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = timeout(LIMIT, demo(&directory).wait_with_output()).await.expect("it ends").expect("it runs");
    let Output { status, stdout, stderr } = output;
    let (told, logged) = (String::from_utf8(stdout).expect("UTF-8"), String::from_utf8(stderr).expect("UTF-8"));
    assert_eq!(status.code(), Some(0), "{told}\n{logged}");
    assert_eq!(logged, "", "the daemon's log stays away");

    assert!(told.contains("24 entities observed\n"), "{told}");
    let events = events(&told);
    let short: Vec<_> =
        events.iter().map(|(event, subject, op)| (event.as_str(), name(subject), op.as_str())).collect();
    let expected = [
        ("user.added", "carol.reyes", "c"),
        ("membership.added", "carol.reyes in administrators", "c"),
        ("policy_attachment.added", "AliyunOSSFullAccess on carol.reyes", "c"),
        ("user.renamed", "carol.reyes → carol.diaz", "u"),
        ("user.frozen", "carol.diaz active → frozen", "u"),
        ("membership.removed", "carol.diaz in administrators", "d"),
        ("policy_attachment.removed", "AliyunOSSFullAccess on carol.diaz", "d"),
        ("user.removed", "carol.diaz", "d"),
    ];
    assert_eq!(short, expected, "{told}");

    let throttled = told.find("users: unknown (throttled)").expect("the sync record says what was not known");
    let told_before = |what: &str| told.find(what).expect("it is told") < throttled;
    assert!(told_before("user.renamed") && !told_before("user.frozen"), "{told}");
}

#[tokio::test]
async fn what_is_told_to_a_pipe_is_plain_and_fits_a_terminal_and_ctrl_c_ends_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut child = demo(&directory);
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut baseline_came = false;
    while let Some(line) = timeout(LIMIT, lines.next_line()).await.expect("a line comes").expect("it is UTF-8") {
        assert!(line.chars().count() <= 100, "{line}");
        assert!(!line.contains('\x1b') && !line.ends_with(' '), "{line:?}");
        if line.contains("entities observed") {
            baseline_came = true;
            let pid = child.id().expect("it runs").to_string();
            let sent = Command::new("kill").args(["-INT", &pid]).status().await.expect("kill runs");
            assert!(sent.success());
        }
    }
    assert!(baseline_came);
    let output = timeout(LIMIT, child.wait_with_output()).await.expect("it ends").expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(said.contains("interrupted before the end of the story"), "{said}");
    let left = std::fs::read_dir(directory.path()).expect("it is there").count();
    assert_eq!(left, 1, "only the file of the test is left");
}
