//! Changes the simulated account as a person's tools would: signed calls to the services, JSON to the control address.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use jiff::Timestamp;
use reqwest::{Method, Response, header::HeaderMap};
use serde_json::Value;
use uuid::Uuid;

use crate::alicloud::{Credentials, Unsigned, canonical_query, sign};

/// RAM's version of the interface, which `aliyun ram` calls too.
const RAM_VERSION: &str = "2015-05-01";

/// Longest time for one call; everything is on this machine.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Somebody with an access key of the account and a way to its control address.
pub(super) struct Caller {
    http: reqwest::Client,
    services: SocketAddr,
    control: SocketAddr,
    credentials: Credentials,
}

impl Caller {
    pub(super) fn new(services: SocketAddr, control: SocketAddr, credentials: Credentials) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(CALL_TIMEOUT).build()?;
        Ok(Self { http, services, control, credentials })
    }

    /// Calls an operation of RAM, signed.
    pub(super) async fn ram(&self, action: &str, parameters: &[(&str, &str)]) -> anyhow::Result<()> {
        let (host, query) = (self.services.to_string(), canonical_query(parameters));
        let call = Unsigned { host: &host, action, version: RAM_VERSION, query: &query };
        let nonce = Uuid::new_v4().simple().to_string();
        let mut headers = HeaderMap::new();
        for (name, value) in sign(&call, &self.credentials, Timestamp::now(), &nonce) {
            headers.insert(name, value.parse()?);
        }
        let sent = self.http.post(format!("http://{host}/?{query}")).headers(headers).send().await;
        accepted(sent).await.with_context(|| format!("calling {action}"))
    }

    /// Asks something of the control address.
    pub(super) async fn control(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<()> {
        let request = self.http.request(method, format!("http://{}{path}", self.control)).json(body);
        accepted(request.send().await).await.with_context(|| format!("asking {path} of the control address"))
    }
}

async fn accepted(sent: reqwest::Result<Response>) -> anyhow::Result<()> {
    let answer = sent?;
    let (status, text) = (answer.status(), answer.text().await?);
    ensure!(status.is_success(), "answered with {status}: {text}");
    Ok(())
}
