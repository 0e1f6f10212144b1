//! A Kafka of the test's own, which it may kill, fill and forbid things: the other tests' Kafka is never disturbed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::process::eventually;

/// So many of them run at once: each is a JVM, and the machine is small.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// What makes a JVM start fast, at the cost of its speed later.
const QUICK: &str = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";

const UP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/services/up");
const DOWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/services/down");

pub(crate) struct OwnKafka {
    directory: PathBuf,
    told: BTreeMap<String, String>,
    _parent: tempfile::TempDir,
    _turn: SemaphorePermit<'static>,
}

impl OwnKafka {
    /// A broker with `properties` besides those that all have; `@PORT@` in one of them is [`OwnKafka::extra_address`].
    pub(crate) async fn start(properties: &[&str]) -> Self {
        let turn = AT_ONCE.acquire().await.unwrap();
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("kafka");
        let pid = std::process::id().to_string();
        let mut arguments = vec!["--for", &pid, "--only", "kafka"];
        for property in properties {
            arguments.extend(["--set", property]);
        }
        let told = up(&directory, &arguments).await;
        Self { directory, told, _parent: parent, _turn: turn }
    }

    pub(crate) fn address(&self) -> &str {
        &self.told["TEST_KAFKA"]
    }

    /// Of a second listener, where the properties define one.
    pub(crate) fn extra_address(&self) -> &str {
        &self.told["TEST_KAFKA_EXTRA"]
    }

    pub(crate) fn pid(&self) -> String {
        std::fs::read_to_string(self.directory.join("kafka.pid")).unwrap().trim().to_owned()
    }

    /// SIGKILL, in the middle of whatever it does.
    pub(crate) async fn kill(&self) {
        let pid = self.pid();
        let sent = Command::new("kill").args(["-KILL", &pid]).status().unwrap();
        assert!(sent.success());
        self.has_ended().await;
    }

    /// Waits until the broker's process is no more.
    pub(crate) async fn has_ended(&self) {
        let process = format!("/proc/{}", self.pid());
        eventually("the broker ends", async || (!std::path::Path::new(&process).exists()).then_some(())).await;
    }

    /// Starts what was killed on its data and its port, and waits until it answers.
    pub(crate) async fn start_again(&self) {
        up(&self.directory, &["--again", "kafka"]).await;
    }
}

impl Drop for OwnKafka {
    fn drop(&mut self) {
        // If this fails, `--for` has it stopped when the tests end.
        Command::new(DOWN).arg("--dir").arg(&self.directory).status().ok();
    }
}

/// Runs `up`, and returns what it tells.
async fn up(directory: &std::path::Path, arguments: &[&str]) -> BTreeMap<String, String> {
    let mut command = tokio::process::Command::new(UP);
    command.arg("--dir").arg(directory).args(arguments).env("JAVA_TOOL_OPTIONS", QUICK);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let variables = told.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
