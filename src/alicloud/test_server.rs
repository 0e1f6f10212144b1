//! A scripted HTTP server for tests: the real exchange talks to it over a loopback socket.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Response;
use reqwest::Url;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Backoff, Client, Credentials, CredentialsSource, EndpointSettings, Endpoints, Service, Session, Settings};
use crate::secret::Secret;

/// The account that every key belongs to unless a script says otherwise.
pub(crate) const ACCOUNT: &str = "1000000000000001";

/// A call as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) action: String,
    pub(crate) parameters: HashMap<String, String>,
    pub(crate) headers: HashMap<String, String>,
    /// How many calls of this action came before.
    pub(crate) earlier: usize,
}

impl Call {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    pub(crate) fn access_key_id(&self) -> &str {
        self.headers["authorization"].split(['=', ',']).nth(1).unwrap()
    }
}

/// What the server says.
#[derive(Debug, Clone)]
pub(crate) struct Says {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    after: Duration,
}

impl Says {
    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into(), after: Duration::ZERO }
    }

    pub(crate) fn error(status: u16, code: &str) -> Self {
        let body = format!(r#"{{"RequestId":"R-1","HostId":"h","Code":"{code}","Message":"no"}}"#);
        Self { status, ..Self::ok(body) }
    }

    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn after(self, after: Duration) -> Self {
        Self { after, ..self }
    }
}

type Script = dyn Fn(&Call) -> Option<Says> + Send + Sync;

struct Shared {
    script: Box<Script>,
    calls: Mutex<Vec<Call>>,
}

/// A running server; it ends with the value.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Starts a server that answers as `script` says; where that says nothing, callers belong to [`ACCOUNT`].
    pub(crate) async fn start(script: impl Fn(&Call) -> Option<Says> + Send + Sync + 'static) -> Self {
        let shared = Arc::new(Shared { script: Box::new(script), calls: Mutex::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = axum::Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, task }
    }

    /// The calls so far of `action`.
    pub(crate) fn calls(&self, action: &str) -> Vec<Call> {
        self.shared.calls.lock().unwrap().iter().filter(|call| call.action == action).cloned().collect()
    }

    /// Settings that lead here, with short waits and the whole quota.
    pub(crate) fn settings(&self) -> Settings {
        settings_for(&format!("http://{}", self.address))
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.settings(), ACCOUNT).unwrap()
    }

    /// A session with time enough.
    pub(crate) fn session(&self) -> Session {
        self.client().session(Instant::now() + Duration::from_secs(60))
    }

    /// A session with next to no time, whose key is already known.
    pub(crate) async fn short_session(&self) -> Session {
        let client = self.client();
        client.session(Instant::now() + Duration::from_secs(60)).verify_account().await.unwrap();
        client.session(Instant::now() + Duration::from_millis(500))
    }
}

pub(crate) fn settings_for(url: &str) -> Settings {
    let endpoints = EndpointSettings {
        overrides: Service::ALL.iter().map(|&service| (service, url.to_owned())).collect(),
        ..EndpointSettings::default()
    };
    let mut settings = Settings::new(CredentialsSource::Static(key("LTAI-one")), Endpoints::new(&endpoints).unwrap());
    settings.rate_share = 1.0;
    settings.backoff = Backoff { floor: Duration::from_millis(1), cap: Duration::from_millis(5) };
    settings
}

pub(crate) fn key(access_key_id: &str) -> Credentials {
    Credentials { access_key_id: access_key_id.into(), access_key_secret: Secret::new("hush"), security_token: None }
}

pub(crate) fn belongs_to(account: &str) -> Says {
    Says::ok(format!(r#"{{"AccountId":"{account}","IdentityType":"RAMUser","Arn":"acs:ram::{account}:user/a"}}"#))
}

async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let call = shared.record(&request);
    let says = (shared.script)(&call).unwrap_or_else(|| {
        assert_eq!(call.action, "GetCallerIdentity", "the script has no answer");
        belongs_to(ACCOUNT)
    });
    if !says.after.is_zero() {
        tokio::time::sleep(says.after).await;
    }
    let mut response = Response::builder().status(says.status).header("x-acs-request-id", "R-200");
    for (name, value) in says.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(says.body)).unwrap()
}

impl Shared {
    fn record(&self, request: &Request) -> Call {
        let url = Url::parse(&format!("http://localhost{}", request.uri())).unwrap();
        let headers: HashMap<String, String> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let mut calls = self.calls.lock().unwrap();
        let action = headers["x-acs-action"].clone();
        let call = Call {
            earlier: calls.iter().filter(|call| call.action == action).count(),
            parameters: url.query_pairs().into_owned().collect(),
            action,
            headers,
        };
        calls.push(call.clone());
        call
    }
}
