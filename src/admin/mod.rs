//! Requests over HTTP: a thin face over the `.control` topic, and the status page (`page`).
//!
//! A request is appended to the topic, and answered once the brokers have acknowledged it; how it stands is read from
//! the [`Desk`](crate::sync::desk::Desk). Nothing is decided here, and nothing is kept but the ids that this process has
//! appended and not read back yet. One call acts on the process itself: the order to a parked copy to claim.
//!
//! [`OPENAPI`] describes every call, and the tests hold it to the router. `guard` says who may ask: whoever shows the
//! token; without one, whoever is on this machine, but no page in a browser other than our own. Errors are problem documents (RFC 9457).

mod ask;
mod asked;
mod document;
mod guard;
mod handlers;
mod limit;
mod page;
mod problem;
mod process;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::http::{Listener, serve_routes};
use crate::secret::Secret;
use asked::Asked;
use limit::Bucket;

pub use process::{Append, ExchangesInVain, InVain, Process, append_to};

/// The description of every call, as `/openapi.json` shows it.
pub const OPENAPI: &str = include_str!("openapi.json");

/// The longest body of a request, in bytes.
const BODY_MAX: usize = 16 * 1024;

/// A request that is under way when its connection is to be closed gets this long: brokers take their time.
const DRAIN: Duration = Duration::from_secs(5);

/// What the listener works with; cheap to clone, all clones are one.
#[derive(Clone)]
pub(crate) struct Admin(Arc<Inner>);

struct Inner {
    account_id: String,
    process: Process,
    asked: Asked,
    token: Option<Secret>,
    address: SocketAddr,
    /// What may be asked for.
    asking: Bucket,
    /// How much is said of what was refused.
    refusing: Bucket,
}

/// Serves requests for one account until `shutdown`. Without a token, everybody on this machine may ask.
///
/// # Errors
/// The listener has no address any more.
pub async fn serve(
    listener: Listener,
    account_id: &str,
    token: Option<Secret>,
    process: Process,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    let (scheme, is_secured) = (listener.scheme(), listener.is_secured());
    info!(%address, scheme, authenticated = token.is_some(), "serving requests (listen.admin)");
    if token.is_none() {
        info!("everybody on this machine may ask for replays and syncs: there is no admin.token_file");
    } else if !address.ip().is_loopback() && !is_secured {
        warn!(
            %address,
            "the token crosses the network readable: set listen.tls_certificate_file and listen.tls_key_file, or let \
             something in front of this address speak TLS"
        );
    }
    serve_routes(listener, routes(account_id, token, process, address), DRAIN, shutdown).await;
    Ok(())
}

fn routes(account_id: &str, token: Option<Secret>, process: Process, address: SocketAddr) -> Router {
    let admin = Admin(Arc::new(Inner {
        account_id: account_id.to_owned(),
        process,
        asked: Asked::default(),
        token,
        address,
        asking: Bucket::new(10, 20),
        refusing: Bucket::new(1, 20),
    }));
    Router::new()
        .route(page::PATH, get(page::show))
        .route("/openapi.json", get(handlers::show_openapi))
        .route("/v1/accounts/{account}/replays", get(handlers::list_replays).post(handlers::ask_replay))
        .route("/v1/accounts/{account}/replays/{request}", get(handlers::show_replay).delete(handlers::cancel_replay))
        .route("/v1/accounts/{account}/syncs", post(handlers::ask_sync))
        .route("/v1/accounts/{account}/syncs/{request}", get(handlers::show_sync))
        .route("/v1/accounts/{account}/status", get(handlers::show_status))
        .route("/v1/accounts/{account}/claim", post(handlers::claim))
        .fallback(handlers::no_such_path)
        .method_not_allowed_fallback(handlers::no_such_method)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn_with_state(admin.clone(), guard::guard))
        .with_state(admin)
}
