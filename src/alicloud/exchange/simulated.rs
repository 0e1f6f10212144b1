//! The other way to the services, of the deterministic simulation: a call of a function instead of a socket.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use futures::future::BoxFuture;
use hyper::{Request, Response};
use reqwest::header::{HeaderValue, USER_AGENT};
use tokio::time::{Instant, timeout};

use super::{ExchangeError, MAX_BODY_BYTES, Reply, SignedRequest, header_map};

/// The services as a function from a request (its body is empty) to a whole response, or to how the connection failed:
/// `ConnectionRefused` for none at all, anything else for one that broke.
#[derive(Clone)]
pub struct SimulatedServices {
    answer: Arc<Answer>,
    user_agent: String,
}

type Answer = dyn Fn(Request<()>) -> BoxFuture<'static, io::Result<Response<Vec<u8>>>> + Send + Sync;

impl SimulatedServices {
    /// Services that answer with `answer`.
    pub fn new(
        answer: impl Fn(Request<()>) -> BoxFuture<'static, io::Result<Response<Vec<u8>>>> + Send + Sync + 'static,
    ) -> Self {
        Self { answer: Arc::new(answer), user_agent: String::new() }
    }

    /// The same, asked by this user agent.
    pub(super) fn asked_by(&self, user_agent: String) -> Self {
        Self { answer: Arc::clone(&self.answer), user_agent }
    }

    /// Sends `request` and waits for `total_timeout` at most; who waits no longer hangs up.
    pub(super) async fn exchange(
        &self,
        request: SignedRequest,
        total_timeout: Duration,
    ) -> Result<Reply, ExchangeError> {
        let begun = Instant::now();
        let mut sent = Request::post(request.url.as_str()).body(()).map_err(broken_off)?;
        *sent.headers_mut() = header_map(request.headers)?;
        sent.headers_mut().insert(USER_AGENT, HeaderValue::try_from(&self.user_agent).map_err(broken_off)?);
        let answered = timeout(total_timeout, (self.answer)(sent)).await;
        let response = answered.map_err(|error| ExchangeError::TimedOut(Box::new(error)))?.map_err(no_reply)?;
        let (head, body) = response.into_parts();
        if body.len() > MAX_BODY_BYTES {
            return Err(ExchangeError::TooLarge);
        }
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body, duration: begun.elapsed() })
    }
}

fn no_reply(error: io::Error) -> ExchangeError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ExchangeError::Connect(Box::new(error)),
        _ => broken_off(error),
    }
}

fn broken_off(error: impl Error + Send + Sync + 'static) -> ExchangeError {
    ExchangeError::BrokenOff(Box::new(error))
}

impl fmt::Debug for SimulatedServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedServices")
    }
}
