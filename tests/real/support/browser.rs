//! A real browser: headless Chromium, driven over WebDriver.

use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::process::PATIENCE;

/// Debian's Chromium and its driver. Both end with the test.
pub(crate) struct Browser {
    driver: Child,
    session: String,
    http: reqwest::Client,
}

impl Browser {
    pub(crate) async fn start() -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut driver = command.spawn().expect("apt-get install chromium chromium-driver");
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line =
                timeout(PATIENCE, lines.next_line()).await.expect("it starts").unwrap().expect("it says its port");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        // Nothing but this machine can be reached, and a container has neither a sandbox nor much shared memory.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-background-networking",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        ];
        let capabilities = json!({
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let mut browser = Self { driver, session: format!("http://127.0.0.1:{port}/session"), http };
        let begun = browser.post("", json!({ "capabilities": { "alwaysMatch": capabilities } })).await;
        browser.session += &format!("/{}", begun["sessionId"].as_str().unwrap());
        browser
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.http.post(format!("{}{path}", self.session)).json(&body).send().await.unwrap();
        let status = answer.status();
        let mut answer: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path} {body}: {answer}");
        answer["value"].take()
    }

    /// A command of the DevTools protocol.
    async fn tell(&self, command: &str, parameters: Value) -> Value {
        self.post("/goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    /// From now on it is a device of this size, whose owner prefers this colour scheme.
    pub(crate) async fn becomes(&self, (width, height): (u32, u32), is_mobile: bool, scheme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_mobile });
        self.tell("Emulation.setDeviceMetricsOverride", size).await;
        let preference = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.tell("Emulation.setEmulatedMedia", preference).await;
    }

    pub(crate) async fn opens(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    /// What the body of a function says; it is run from outside of the page, whatever the page allows.
    pub(crate) async fn says(&self, function: &str) -> Value {
        self.post("/execute/sync", json!({ "script": function, "args": [] })).await
    }

    /// The whole page as a PNG.
    pub(crate) async fn picture(&self, (width, height): (u32, u64)) -> Vec<u8> {
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let shot = self.tell("Page.captureScreenshot", json!({ "captureBeyondViewport": true, "clip": clip })).await;
        STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }

    /// What it complained of since it was last asked: what a policy forbade, what could not be loaded.
    pub(crate) async fn complaints(&self) -> Vec<Value> {
        let log = self.post("/se/log", json!({ "type": "browser" })).await;
        log.as_array().unwrap().clone()
    }

    /// In order, so that Chromium ends, too.
    pub(crate) async fn ends(mut self) {
        self.http.delete(&self.session).send().await.unwrap();
        self.driver.kill().await.unwrap();
    }
}
