//! A Kafka or a registry of the test's own, which it may kill, fill and forbid things: those of the other tests are never
//! disturbed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::process::eventually;

/// So many of them run at once: each is a JVM, and the machine is small.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// What makes a JVM start fast, at the cost of its speed later.
const QUICK: &str = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";

const UP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/services/up");
const DOWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/services/down");

pub(crate) struct OwnService {
    name: &'static str,
    directory: PathBuf,
    told: BTreeMap<String, String>,
    _parent: tempfile::TempDir,
    _turn: SemaphorePermit<'static>,
}

impl OwnService {
    /// A broker with `properties` besides those that all have; `@PORT@` in one of them is [`OwnService::extra_address`].
    pub(crate) async fn kafka(properties: &[&str]) -> Self {
        Self::start("kafka", properties).await
    }

    /// A broker whose second listener wants `user`'s password; besides, with `properties`.
    pub(crate) async fn kafka_with_login(user: &str, password: &str, properties: &[&str]) -> Self {
        let login = format!(
            "listener.name.sasl_plaintext.plain.sasl.jaas.config=\
             org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}=\"{password}\";"
        );
        let listeners = [
            "listeners=PLAINTEXT://127.0.0.1:@BROKER@,CONTROLLER://127.0.0.1:@CONTROLLER@,\
             SASL_PLAINTEXT://127.0.0.1:@PORT@",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms=PLAIN",
            &login,
        ];
        Self::kafka(&[&listeners, properties].concat()).await
    }

    /// A broker whose second listener shows the certificate of this file, which holds its key, too.
    pub(crate) async fn kafka_with_tls(pem_file: &str) -> Self {
        let store = format!("ssl.keystore.location={pem_file}");
        let listeners = [
            "listeners=PLAINTEXT://127.0.0.1:@BROKER@,CONTROLLER://127.0.0.1:@CONTROLLER@,SSL://127.0.0.1:@PORT@",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL",
            "ssl.keystore.type=PEM",
            &store,
        ];
        Self::kafka(&listeners).await
    }

    /// A broker that refuses what no rule allows. Its second listener, encrypted by this file, takes logins by SCRAM; who
    /// comes by the first is the administrator.
    pub(crate) async fn kafka_with_scram(pem_file: &str) -> Self {
        let store = format!("ssl.keystore.location={pem_file}");
        let properties = [
            "listeners=PLAINTEXT://127.0.0.1:@BROKER@,CONTROLLER://127.0.0.1:@CONTROLLER@,SASL_SSL://127.0.0.1:@PORT@",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL",
            "sasl.enabled.mechanisms=SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required;",
            "ssl.keystore.type=PEM",
            &store,
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users=User:ANONYMOUS",
        ];
        Self::kafka(&properties).await
    }

    /// A registry that keeps everything in its memory.
    pub(crate) async fn registry() -> Self {
        Self::start("registry", &[]).await
    }

    async fn start(name: &'static str, properties: &[&str]) -> Self {
        let turn = AT_ONCE.acquire().await.unwrap();
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join(name);
        let pid = std::process::id().to_string();
        let mut arguments = vec!["--for", &pid, "--only", name];
        for property in properties {
            arguments.extend(["--set", property]);
        }
        let told = up(&directory, &arguments).await;
        Self { name, directory, told, _parent: parent, _turn: turn }
    }

    pub(crate) fn address(&self) -> &str {
        &self.told[&format!("TEST_{}", self.name.to_uppercase())]
    }

    /// Of a broker's second listener, where the properties define one.
    pub(crate) fn extra_address(&self) -> &str {
        &self.told["TEST_KAFKA_EXTRA"]
    }

    pub(crate) fn pid(&self) -> String {
        std::fs::read_to_string(self.directory.join(self.name).with_extension("pid")).unwrap().trim().to_owned()
    }

    /// SIGKILL, in the middle of whatever it does.
    pub(crate) async fn kill(&self) {
        let sent = Command::new("kill").args(["-KILL", &self.pid()]).status().unwrap();
        assert!(sent.success());
        self.has_ended().await;
    }

    /// Waits until its process is no more.
    pub(crate) async fn has_ended(&self) {
        let process = Path::new("/proc").join(self.pid());
        eventually("the service ends", async || (!process.exists()).then_some(())).await;
    }

    /// Starts what was killed on its port, Kafka on its data and a registry on none, and waits until it answers.
    pub(crate) async fn start_again(&self) {
        up(&self.directory, &["--again", self.name]).await;
    }
}

impl Drop for OwnService {
    fn drop(&mut self) {
        // If this fails, `--for` has it stopped when the tests end.
        Command::new(DOWN).arg("--dir").arg(&self.directory).status().ok();
    }
}

/// Runs `up`, and returns what it tells.
async fn up(directory: &Path, arguments: &[&str]) -> BTreeMap<String, String> {
    let mut command = tokio::process::Command::new(UP);
    command.arg("--dir").arg(directory).args(arguments).env("JAVA_TOOL_OPTIONS", QUICK);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let variables = told.lines().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
