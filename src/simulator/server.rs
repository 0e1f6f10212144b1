//! The services' addresses: connections over HTTP and HTTPS, each in a task of its own.
//!
//! Promises: neither a handshake nor a slow client holds up the accepting of others. Does not know what is answered.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Response, header};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use openssl::ssl::{Ssl, SslAcceptor};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::answer::{Answered, Damage};
use super::request::Request;
use super::service::Simulator;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// After a failed accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const GATEWAY_PAGE: &str =
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>";

/// Accepts connections until `stop`; with `tls`, encrypted ones.
pub(super) async fn listen(
    listener: TcpListener,
    tls: Option<SslAcceptor>,
    simulator: Arc<Simulator>,
    stop: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, tls.clone(), Arc::clone(&simulator));
                let stop = stop.clone();
                connections.spawn(async move { stop.run_until_cancelled(connection).await });
            }
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

async fn connection(stream: TcpStream, tls: Option<SslAcceptor>, simulator: Arc<Simulator>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "socket option not set");
    }
    let Some(acceptor) = tls else { return serve(stream, simulator).await };
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake(&acceptor, stream)).await {
        Ok(Ok(stream)) => serve(stream, simulator).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake timed out"),
    }
}

async fn handshake(acceptor: &SslAcceptor, stream: TcpStream) -> io::Result<SslStream<TcpStream>> {
    let mut stream = SslStream::new(Ssl::new(acceptor.context())?, stream)?;
    Pin::new(&mut stream).accept().await.map_err(io::Error::other)?;
    Ok(stream)
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, simulator: Arc<Simulator>) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let simulator = Arc::clone(&simulator);
        async move {
            let request = Request::read(request.map(Body::new)).await.map_err(io::Error::other)?;
            response(simulator.answer(&request).await)
        }
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "connection ended");
    }
}

/// # Errors
/// The connection is to end without an answer.
fn response(answered: Answered) -> io::Result<Response<Body>> {
    let Answered::Response { damage, .. } = answered else { return Err(fault_ends_it()) };
    let mut response = whole_response(answered)?;
    if damage == Damage::CutOff {
        let length = response.body().len();
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        return Ok(response.map(half));
    }
    Ok(response.map(Body::from))
}

/// The response as it is before a connection damages it.
///
/// # Errors
/// There is none: the connection is to end without an answer.
pub(super) fn whole_response(answered: Answered) -> io::Result<Response<Vec<u8>>> {
    let Answered::Response { status, body, request_id, date, retry_after_ms, damage } = answered else {
        return Err(fault_ends_it());
    };
    let (content_type, body) = match damage {
        Damage::Html => ("text/html", GATEWAY_PAGE.into()),
        Damage::None | Damage::CutOff => ("application/json;charset=utf-8", body),
    };
    let mut response = Response::builder()
        .status(status)
        .header(header::DATE, http_date(date))
        .header(header::CONTENT_TYPE, content_type)
        .header("x-acs-request-id", request_id);
    if let Some(retry_after_ms) = retry_after_ms {
        response = response.header("x-acs-retry-after", retry_after_ms);
    }
    response.body(body).map_err(io::Error::other)
}

/// How a connection ends by a fault.
pub(super) fn fault_ends_it() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "a fault ends the connection")
}

/// Half of `body`, and then an error, at which the connection ends.
fn half(mut body: Vec<u8>) -> Body {
    body.truncate(body.len() / 2);
    let cut = async {
        // Only a body that keeps it waiting makes the connection send what it holds; an error at once drops all of it.
        tokio::task::yield_now().await;
        Err(fault_ends_it())
    };
    Body::from_stream(stream::iter([Ok(Bytes::from(body))]).chain(stream::once(cut)))
}

fn http_date(date: Timestamp) -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&date)
        .expect("the simulated clock is within the years that the format has")
}
