//! The listener for `/metrics`, `/livez` and `/readyz`.
//!
//! *Live* means that the daemon's own tasks still turn; it never depends on Kafka or the cloud, whose outage no restart
//! mends. *Ready* means that this copy publishes, and not that it is trying to in vain. No login: nothing here names an
//! entity, and the default address is this machine. Only GET and HEAD.

mod connections;
mod tls;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

pub use connections::{Listener, Peer, serve_routes};
pub use tls::{Tls, TlsError};

/// A request that is under way when its connection is to be closed gets this long.
const DRAIN: Duration = Duration::from_secs(1);

/// Something that has to hold before this copy is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// The published state was read and verified.
    StateVerified,
    /// This copy's claim on the account is committed.
    Claimed,
    /// No other copy has taken over.
    NotParked,
    /// The last attempt to publish went through, if there was one.
    Publishing,
}

impl Condition {
    /// The word for it in `/readyz`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StateVerified => "state_verified",
            Self::Claimed => "claimed",
            Self::NotParked => "not_parked",
            Self::Publishing => "publishing",
        }
    }
}

/// The daemon's health, written by its tasks and read by the listener; cheap to clone, all clones are one.
#[derive(Debug, Clone)]
pub struct Health(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    /// Why not, for each condition that does not hold.
    unmet: BTreeMap<Condition, String>,
    tasks: BTreeMap<&'static str, Task>,
}

#[derive(Debug, Clone, Copy)]
struct Task {
    last_tick: Instant,
    deadline: Duration,
}

impl Default for Health {
    /// Not ready yet, and no task.
    fn default() -> Self {
        let unmet = [
            (Condition::StateVerified, "the state has not been read yet".to_owned()),
            (Condition::Claimed, "the account has not been claimed yet".to_owned()),
        ];
        Self(Arc::new(Mutex::new(Inner { unmet: BTreeMap::from(unmet), tasks: BTreeMap::new() })))
    }
}

impl Health {
    /// `condition` holds from now on.
    pub fn meet(&self, condition: Condition) {
        self.inner().unmet.remove(&condition);
    }

    /// `condition` does not hold, and why; no secret in the text, please: anybody who may connect reads it.
    pub fn miss(&self, condition: Condition, why: impl Into<String>) {
        self.inner().unmet.insert(condition, why.into());
    }

    /// The conditions that do not hold, with the reasons; none = ready.
    #[must_use]
    pub fn unmet(&self) -> Vec<(Condition, String)> {
        self.inner().unmet.iter().map(|(condition, why)| (*condition, why.clone())).collect()
    }

    /// From now on `task` has to tick at least once per `deadline`. A task that dies without [`Pulse::end`] is missed.
    #[must_use = "a task without a pulse is soon taken for dead"]
    pub fn watch(&self, task: &'static str, deadline: Duration) -> Pulse {
        let pulse = Pulse { health: self.clone(), task, deadline };
        pulse.tick();
        pulse
    }

    /// The tasks that have not ticked within their deadline, each with the time since it did; none = live.
    #[must_use]
    pub fn overdue(&self) -> Vec<(&'static str, Duration)> {
        let inner = self.inner();
        let silence = inner.tasks.iter().map(|(name, task)| (*name, task.last_tick.elapsed(), task.deadline));
        silence.filter(|(_, silence, deadline)| silence > deadline).map(|(name, silence, _)| (name, silence)).collect()
    }

    /// A panic while the lock was held leaves single values behind that are whole, so it is taken over.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task's sign of life.
#[derive(Debug)]
pub struct Pulse {
    health: Health,
    task: &'static str,
    deadline: Duration,
}

impl Pulse {
    /// The task is alive.
    pub fn tick(&self) {
        self.tick_within(self.deadline);
    }

    /// The task is alive, and the next tick comes within `deadline` this time.
    pub fn tick_within(&self, deadline: Duration) {
        self.health.inner().tasks.insert(self.task, Task { last_tick: Instant::now(), deadline });
    }

    /// The task ended in order and is not watched any longer.
    pub fn end(self) {
        self.health.inner().tasks.remove(self.task);
    }
}

/// Serves until `shutdown`, then answers what is open for at most a second.
pub async fn serve(listener: Listener, metrics: Arc<Metrics>, health: Health, shutdown: CancellationToken) {
    let routes = Router::new()
        .route("/metrics", get(show_metrics))
        .route("/livez", get(show_live))
        .route("/readyz", get(show_ready))
        .with_state((metrics, health));
    serve_routes(listener, routes, DRAIN, shutdown).await;
}

async fn show_metrics(State((metrics, health)): State<(Arc<Metrics>, Health)>) -> impl IntoResponse {
    metrics.set_ready(health.unmet().is_empty());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}

async fn show_live(State((_, health)): State<(Arc<Metrics>, Health)>) -> (StatusCode, String) {
    let overdue = health.overdue();
    verdict(overdue.iter().map(|(task, silence)| format!("{task}: no sign of life for {} s", silence.as_secs())))
}

async fn show_ready(State((_, health)): State<(Arc<Metrics>, Health)>) -> (StatusCode, String) {
    verdict(health.unmet().iter().map(|(condition, why)| format!("{}: {why}", condition.as_str())))
}

/// 200 and `ok`, or 503 and one line per complaint.
fn verdict(complaints: impl Iterator<Item = String>) -> (StatusCode, String) {
    let lines: String = complaints.map(|complaint| complaint + "\n").collect();
    if lines.is_empty() { (StatusCode::OK, "ok\n".to_owned()) } else { (StatusCode::SERVICE_UNAVAILABLE, lines) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use reqwest::{Client, Method, StatusCode};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::task::JoinHandle;
    use tokio_util::sync::CancellationToken;

    use super::{Condition, Health, Listener, connections::CONNECTIONS_MAX, serve};
    use crate::metrics::Metrics;
    use crate::model::{Kind, Reason};

    struct Daemon {
        base: String,
        health: Health,
        shutdown: CancellationToken,
        server: JoinHandle<()>,
    }

    async fn daemon() -> Daemon {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let metrics = Arc::new(Metrics::new(&[Kind::User], &["ListUsers"], &[Reason::Denied]));
        let (health, shutdown) = (Health::default(), CancellationToken::new());
        let server = tokio::spawn(serve(listener, metrics, health.clone(), shutdown.clone()));
        Daemon { base, health, shutdown, server }
    }

    impl Daemon {
        async fn ask(&self, method: Method, path: &str) -> (StatusCode, String) {
            let client = Client::builder().no_proxy().build().unwrap();
            let response = client.request(method, format!("{}{path}", self.base)).send().await.unwrap();
            (response.status(), response.text().await.unwrap())
        }

        async fn get(&self, path: &str) -> (StatusCode, String) {
            self.ask(Method::GET, path).await
        }

        async fn samples(&self) -> Vec<String> {
            let (status, text) = self.get("/metrics").await;
            assert_eq!(status, StatusCode::OK);
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
        }
    }

    #[tokio::test]
    async fn a_copy_is_ready_once_every_condition_holds_and_says_why_not_until_then() {
        let daemon = daemon().await;
        let (status, body) = daemon.get("/readyz").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(body.lines().count(), 2, "{body}");
        assert!(body.contains("state_verified: the state has not been read yet\n"));

        daemon.health.meet(Condition::StateVerified);
        daemon.health.meet(Condition::Claimed);
        assert_eq!(daemon.get("/readyz").await, (StatusCode::OK, "ok\n".into()));
        assert!(daemon.samples().await.contains(&"ramstream_ready 1".to_owned()));

        daemon.health.miss(Condition::NotParked, "superseded by 0190");
        assert_eq!(
            daemon.get("/readyz").await,
            (StatusCode::SERVICE_UNAVAILABLE, "not_parked: superseded by 0190\n".into())
        );
        assert!(daemon.samples().await.contains(&"ramstream_ready 0".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_is_missed_when_its_deadline_passes_and_not_when_it_ends_in_order() {
        let health = Health::default();
        let (sync, tail) =
            (health.watch("sync", Duration::from_secs(60)), health.watch("tail", Duration::from_secs(60)));
        tokio::time::advance(Duration::from_secs(50)).await;
        sync.tick();
        tokio::time::advance(Duration::from_secs(50)).await;
        assert_eq!(health.overdue(), [("tail", Duration::from_secs(100))]);
        tail.end();
        assert!(health.overdue().is_empty());
        sync.tick_within(Duration::from_secs(600));
        tokio::time::advance(Duration::from_secs(500)).await;
        assert!(health.overdue().is_empty());
        drop(sync);
        tokio::time::advance(Duration::from_secs(200)).await;
        assert_eq!(health.overdue(), [("sync", Duration::from_secs(700))]);
    }

    #[tokio::test]
    async fn livez_answers_for_the_tasks_and_not_for_readiness() {
        let daemon = daemon().await;
        assert_eq!(daemon.get("/livez").await, (StatusCode::OK, "ok\n".into()));
        let pulse = daemon.health.watch("sync", Duration::ZERO);
        let (status, body) = daemon.get("/livez").await;
        assert_eq!((status, body.as_str()), (StatusCode::SERVICE_UNAVAILABLE, "sync: no sign of life for 0 s\n"));
        pulse.end();
    }

    #[tokio::test]
    async fn other_paths_and_methods_are_refused() {
        let daemon = daemon().await;
        assert_eq!(daemon.get("/").await.0, StatusCode::NOT_FOUND);
        assert_eq!(daemon.get("/metrics/x").await.0, StatusCode::NOT_FOUND);
        assert_eq!(daemon.ask(Method::HEAD, "/livez").await, (StatusCode::OK, String::new()));
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            assert_eq!(daemon.ask(method, "/metrics").await.0, StatusCode::METHOD_NOT_ALLOWED);
        }
    }

    #[tokio::test]
    async fn a_shutdown_ends_it_although_a_client_never_finishes_its_request() {
        let daemon = daemon().await;
        let address = daemon.base.strip_prefix("http://").unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET /metrics HTTP/1.1\r\n").await.unwrap();
        daemon.shutdown.cancel();
        tokio::time::timeout(Duration::from_secs(20), daemon.server).await.unwrap().unwrap();
    }
    /// The paused clock jumps ahead whenever everybody waits.
    #[tokio::test(start_paused = true)]
    async fn clients_that_never_ask_are_closed_so_that_others_get_a_place() {
        let daemon = daemon().await;
        let address = daemon.base.strip_prefix("http://").unwrap();
        let mut idle = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        let mut last = TcpStream::connect(address).await.unwrap();
        last.write_all(b"GET /livez HTTP/1.0\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(Duration::from_secs(3600), last.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.ends_with("ok\n"), "{answer}");
    }
}
