//! A simulated account, and the program in a directory of its own with nothing else of the environment.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;

use ramstream::simulator::seed::Size;
use ramstream::simulator::throttle::Limits;
use ramstream::simulator::{self, Running, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// Whose the account's own key is: the first user of every made-up account.
pub(crate) const OWNER: &str = "alice.abara";
pub(crate) const PROVIDER: &str = "acs:ram::1:oidc-provider/ack";
pub(crate) const TOKEN: &str = "a-token-of-the-provider";

pub(crate) struct World {
    running: Running,
    http: reqwest::Client,
    directory: TempDir,
    variables: BTreeMap<String, String>,
    /// A role of the account.
    pub(crate) role: String,
}

/// What a run printed, and how it ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) log: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let settings = Settings {
            metadata: Some(any_port),
            key_owner: Some(OWNER.to_owned()),
            limits: Limits { quota_percent: None, ..Limits::default() },
            size: Size {
                users: 12,
                groups: 3,
                memberships: 6,
                roles: 3,
                custom_policies: 3,
                system_policies: 4,
                attachments: 8,
                access_keys: 0,
                login_profiles: 0,
                mfa_devices: 0,
                instances: 0,
                seed: 1,
            },
            ..Settings::default()
        };
        let running = simulator::start(settings).await.unwrap();
        let mut world = Self {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            directory: tempfile::tempdir().unwrap(),
            variables: BTreeMap::new(),
            role: String::new(),
            running,
        };
        world.role = world.account().await["roles"][0]["role_name"].as_str().unwrap().to_owned();
        let address = format!("http://{}", world.running.http);
        for service in ["STS", "IMS", "RAM", "RESOURCE_MANAGER"] {
            world.set(&format!("RAMSTREAM_ALICLOUD__ENDPOINTS__{service}"), &address);
        }
        let metadata = world.beside("");
        world.set("RAMSTREAM_ALICLOUD__ENDPOINTS__ECS_METADATA", &metadata);
        let account = world.running.account_id.clone();
        world.set("RAMSTREAM_ACCOUNT__ID", &account);
        world.set("RAMSTREAM_LOG__FORMAT", "text");
        world
    }

    /// Sets a variable of the program's environment.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.remove(name).expect("it is set");
    }

    /// The variables of the account's own key.
    pub(crate) fn set_key(&mut self) {
        let (id, secret) = self.key();
        self.set("ALIBABA_CLOUD_ACCESS_KEY_ID", &id);
        self.set("ALIBABA_CLOUD_ACCESS_KEY_SECRET", &secret);
    }

    pub(crate) fn key(&self) -> (String, String) {
        (self.running.access_key_id.clone(), self.running.access_key_secret.expose().to_owned())
    }

    pub(crate) fn role_arn(&self) -> String {
        format!("acs:ram::{}:role/{}", self.running.account_id, self.role)
    }

    /// How the log tells of a session of the role.
    pub(crate) fn session(&self, name: &str) -> String {
        format!("acs:ram::{}:assumed-role/{}/{name}", self.running.account_id, self.role.to_lowercase())
    }

    /// The address of what stands beside an instance.
    pub(crate) fn beside(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.metadata.unwrap())
    }

    /// The instance carries the role, and its metadata service may be asked in this way.
    pub(crate) async fn instance(&self, mode: &str) {
        self.control("/instance", json!({ "role": self.role, "mode": mode })).await;
    }

    /// The token of the provider in a file, and the account's trust in it.
    pub(crate) async fn oidc(&mut self) {
        self.control("/oidc", json!({ "provider_arn": PROVIDER, "token": TOKEN })).await;
        let (token, role) = (self.write("token", &format!("{TOKEN}\n")), self.role_arn());
        for (name, value) in [("ROLE_ARN", &*role), ("OIDC_PROVIDER_ARN", PROVIDER), ("OIDC_TOKEN_FILE", &token)] {
            self.set(&format!("ALIBABA_CLOUD_{name}"), value);
        }
    }

    /// A temporary key of the role, as a credentials URI gives it.
    pub(crate) async fn temporary_key(&self) -> [String; 3] {
        let given = self.http.get(self.beside("/credentials")).send().await.unwrap();
        let given: Value = given.json().await.unwrap();
        ["AccessKeyId", "AccessKeySecret", "SecurityToken"].map(|field| given[field].as_str().unwrap().to_owned())
    }

    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        let url = format!("http://{}{path}", self.running.control);
        let answer = self.http.post(url).body(body.to_string()).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
        answer.json().await.unwrap()
    }

    pub(crate) async fn shown(&self, path: &str) -> Value {
        let answer = self.http.get(format!("http://{}{path}", self.running.control)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn account(&self) -> Value {
        self.shown("/account").await
    }

    /// How often something was called: `2015-04-01/GetCallerIdentity`, `metadata/token`.
    pub(crate) async fn calls(&self, name: &str) -> u64 {
        self.shown("/calls").await[name]["calls"].as_u64().unwrap_or(0)
    }

    /// A file in the world's directory, and its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The program, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ramstream"));
        command.args(arguments).current_dir(&self.directory).env_clear().envs(&self.variables);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// `ramstream inventory`, to its end.
    pub(crate) async fn inventory(&self) -> Ended {
        let output = self.command(&["inventory"]).output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), stdout: text(output.stdout), log: text(output.stderr) }
    }
}

impl Ended {
    /// Everything was read, by this link, as `whom` (a part of an ARN).
    #[track_caller]
    pub(crate) fn read_all(self, link: &str, whom: &str) {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.log);
        let told = self.log.lines().find(|line| line.contains("whose the credentials are"));
        let told = told.unwrap_or_else(|| panic!("nobody is told of\n{}", self.log));
        assert!(told.contains(&format!("credentials={link}")) && told.contains(whom), "{link}, {whom}: {told}");
    }

    /// Nothing was read, and every one of `words` is told.
    #[track_caller]
    pub(crate) fn refused(self, words: &[&str]) {
        assert_eq!(self.code, Some(1), "{}\n{}", self.stdout, self.log);
        for word in words {
            assert!(self.log.contains(word), "{word:?} is missing in\n{}", self.log);
        }
    }
}
