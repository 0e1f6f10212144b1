//! The services of `make bench`, and the daemon and the simulated account as processes of their own.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::account::Size;

/// `host:port` of a broker.
pub(crate) fn kafka() -> Option<String> {
    env::var("TEST_KAFKA").ok()
}

/// Base address of a schema registry.
pub(crate) fn registry() -> Option<String> {
    env::var("TEST_REGISTRY").ok()
}

/// A name that nothing else uses.
pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", uuid::Uuid::now_v7().simple())
}

/// A program that ends with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn ramstream() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ramstream"));
    command.stdin(Stdio::null());
    command
}

/// `ramstream simulate`.
pub(crate) struct Simulator {
    _process: Process,
    _stdout: BufReader<ChildStdout>,
    http: String,
    control: String,
    account_id: String,
    key: [(&'static str, String); 2],
}

impl Simulator {
    /// An account of this size whose answers come `latency_ms` late.
    pub(crate) fn start(size: &Size, latency_ms: u32, quota_percent: &str) -> anyhow::Result<Self> {
        let key = [("ACCESS_KEY_ID", unique("key")), ("ACCESS_KEY_SECRET", unique("secret"))];
        let mut command = ramstream();
        command.arg("simulate").args(["--http", "0", "--control", "0", "--quota-percent", quota_percent]);
        command.args(["--latency-ms", &latency_ms.to_string()]);
        for (name, count) in [
            ("--users", size.users),
            ("--groups", size.groups),
            ("--memberships", size.memberships),
            ("--roles", size.roles),
            ("--custom-policies", size.custom_policies),
            ("--system-policies", size.system_policies),
            ("--attachments", size.attachments),
            ("--access-keys", size.access_keys),
            ("--login-profiles", size.login_profiles),
            ("--mfa-devices", size.mfa_devices),
        ] {
            command.arg(name).arg(count.to_string());
        }
        command.envs(key.iter().map(|(name, value)| (format!("SIMULATED_{name}"), value)));
        let mut process = Process(command.stdout(Stdio::piped()).spawn().context("starting the simulated account")?);
        let mut stdout = BufReader::new(process.0.stdout.take().context("the simulated account has no output")?);
        let account_id = word_after(&mut stdout, "Simulated Alibaba Cloud account ")?;
        let http = word_after(&mut stdout, "services over HTTP   ")?;
        let control = word_after(&mut stdout, "control address      ")?;
        Ok(Self { _process: process, _stdout: stdout, http, control, account_id, key })
    }

    /// Changes one thing: whether the account's root has a second factor.
    pub(crate) fn change(&self) -> anyhow::Result<()> {
        let body = serde_json::json!({ "enabled": false });
        let request = reqwest::Client::builder().no_proxy().build()?.post(format!("{}/root-mfa", self.control));
        let answer = tokio::runtime::Runtime::new()?.block_on(request.json(&body).send())?;
        answer.error_for_status()?;
        Ok(())
    }

    /// The account's id.
    pub(crate) fn account_id(&self) -> &str {
        &self.account_id
    }
}

fn word_after(lines: &mut impl BufRead, before: &str) -> anyhow::Result<String> {
    for line in lines.lines() {
        if let Some(word) = line?.trim_start().strip_prefix(before) {
            return Ok(word.trim().to_owned());
        }
    }
    bail!("the simulated account never said {before:?}")
}

/// `ramstream run`.
pub(crate) struct Daemon {
    process: Process,
    log: BufReader<ChildStderr>,
    settings: Vec<(String, String)>,
}

impl Daemon {
    /// A daemon that reads `simulator` and writes topics under `prefix`; `more` are further settings.
    pub(crate) fn start(
        simulator: &Simulator,
        kafka: &str,
        registry: &str,
        prefix: &str,
        more: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let endpoint = |service| (format!("RAMSTREAM_ALICLOUD__ENDPOINTS__{service}"), simulator.http.clone());
        let mut settings: Vec<(String, String)> = ["STS", "IMS", "RAM", "RESOURCE_MANAGER"].map(endpoint).into();
        let key = simulator.key.iter().map(|(name, value)| (format!("RAMSTREAM_CREDENTIALS__{name}"), value.clone()));
        settings.extend(key);
        let own = [
            ("RAMSTREAM_ACCOUNT__ID", simulator.account_id.as_str()),
            ("RAMSTREAM_KAFKA__BROKERS", kafka),
            ("RAMSTREAM_KAFKA__SECURITY_PROTOCOL", "plaintext"),
            ("RAMSTREAM_KAFKA__REPLICATION_FACTOR", "1"),
            ("RAMSTREAM_KAFKA__TOPIC_PREFIX", prefix),
            ("RAMSTREAM_KAFKA__TRANSACTIONAL_ID_PREFIX", prefix),
            ("RAMSTREAM_REGISTRY__URL", registry),
            ("RAMSTREAM_LISTEN__METRICS", "off"),
            ("RAMSTREAM_LISTEN__ADMIN", "off"),
            ("RAMSTREAM_LOG__FORMAT", "json"),
            ("RAMSTREAM_SYNC__JITTER", "0"),
        ];
        settings.extend(own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut command = ramstream();
        command.arg("run").stderr(Stdio::piped()).stdout(Stdio::null()).env("RUST_LOG", "info");
        command.envs(settings.iter().cloned());
        let mut process = Process(command.spawn().context("starting the daemon")?);
        let log = BufReader::new(process.0.stderr.take().context("the daemon has no log")?);
        Ok(Self { process, log, settings })
    }

    /// Waits for the next sync and gives what the log says of it.
    pub(crate) fn next_sync(&mut self) -> anyhow::Result<Value> {
        let mut last = String::new();
        for line in (&mut self.log).lines() {
            let line = line?;
            let entry: Value = serde_json::from_str(&line).unwrap_or_default();
            let said = entry.get("fields").unwrap_or(&entry);
            if said.get("sequence").is_some() && said.get("calls").is_some() {
                return Ok(said.clone());
            }
            last = line;
        }
        bail!("the daemon ended without a sync; the last it said: {last}")
    }

    /// Asks for a replay of everything, and waits until it is committed.
    pub(crate) fn replay(&self) -> anyhow::Result<()> {
        let asked = ramstream().args(["replay", "--via", "kafka"]).envs(self.settings.iter().cloned()).output()?;
        anyhow::ensure!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
        Ok(())
    }

    /// The most memory that it has held so far, in bytes.
    pub(crate) fn peak_memory_bytes(&self) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }
}

/// A number in the log.
pub(crate) fn number(said: &Value, field: &str) -> anyhow::Result<u64> {
    said.get(field).and_then(Value::as_u64).with_context(|| format!("the log says no {field}: {said}"))
}
