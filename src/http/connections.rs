//! How a listener serves its connections: so many at most, each for so long at most, over TLS or plain.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::tls::Tls;

/// At most so many connections of a listener are open; more wait. A scraper and a kubelet need two.
pub(super) const CONNECTIONS_MAX: usize = 64;
/// Then a connection is closed, however slow or busy its client is; scrapers connect again.
const CONNECTION_LIFETIME: Duration = Duration::from_secs(60);
/// After the listener failed.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// A handshake takes a client no longer than this.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where connections come from.
pub struct Listener {
    tcp: TcpListener,
    /// What they are secured with; `None` = plain.
    tls: Option<Arc<Tls>>,
}

impl Listener {
    /// Listens at `address`; over TLS with the identity in `tls`, else plain.
    ///
    /// # Errors
    /// The address is in use, or not of this machine.
    pub async fn bind(address: SocketAddr, tls: Option<Arc<Tls>>) -> io::Result<Self> {
        Ok(Self { tcp: TcpListener::bind(address).await?, tls })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// It has no address any more.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Whether nobody on the way can read along.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.tls.is_some()
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.is_secured() { "https" } else { "http" }
    }
}

/// Who is at the other end of the connection: an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Serves `routes` until `shutdown`; a request that is under way when its connection is to be closed gets `drain`.
pub async fn serve_routes(listener: Listener, routes: Router, drain: Duration, shutdown: CancellationToken) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Some(accepted) = shutdown.run_until_cancelled(accept(&listener.tcp, &places)).await {
        match accepted {
            Ok((stream, peer, place)) => {
                let (routes, tls, shutdown) =
                    (routes.clone().layer(Extension(peer)), listener.tls.clone(), shutdown.clone());
                connections.spawn(async move {
                    match tls {
                        None => answer(stream, routes, drain, shutdown).await,
                        Some(tls) => answer_secured(&tls, stream, routes, drain, shutdown).await,
                    }
                    drop(place);
                });
            }
            // Such as no file descriptor left: nothing gets better at once.
            Err(error) => {
                warn!(%error, "accepting a connection");
                sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, Peer, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
    let (stream, peer) = listener.accept().await?;
    Ok((stream, Peer(peer), place))
}

async fn answer_secured(tls: &Tls, stream: TcpStream, routes: Router, drain: Duration, shutdown: CancellationToken) {
    let handshake = shutdown.run_until_cancelled(timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)));
    match handshake.await {
        Some(Ok(Ok(stream))) => answer(stream, routes, drain, shutdown).await,
        Some(Ok(Err(error))) => debug!(%error, "TLS handshake"),
        Some(Err(_)) => debug!("TLS handshake timed out"),
        None => {}
    }
}

/// Answers the requests of one connection. Errors are the client's: it went away, or does not speak HTTP.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    routes: Router,
    drain: Duration,
    shutdown: CancellationToken,
) {
    let service = TowerToHyperService::new(routes);
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = shutdown.cancelled() => {}
        () = sleep(CONNECTION_LIFETIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    timeout(drain, connection).await.ok();
}
