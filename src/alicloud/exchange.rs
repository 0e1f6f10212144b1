//! One HTTP exchange: a signed request out, one reply in.
//!
//! Promises a bounded exchange: bounded time, bounded body (also after decompression), no redirect followed
//! (a signature must not travel to another host), no retry, no proxy from the environment (a proxy is used
//! only if the settings name one). Does not know what a reply means. What stands beside this process is asked by `nearby`.

mod nearby;
#[cfg(feature = "simulation")]
mod simulated;

use std::error::Error;
use std::fmt;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Proxy, Url, redirect, retry};
use tokio::time::Instant;
use uuid::Uuid;

pub(super) use nearby::{Nearby, NearbyReply};
#[cfg(feature = "simulation")]
pub use simulated::SimulatedServices;

use super::sign::SignedHeaders;
use crate::secret::Secret;

/// The largest body that is read, counted after decompression. The largest legal page (1,000 users, each with 20 tags
/// of 128 characters and 128 more, in three bytes each) takes 17 MiB; an ordinary one half a MiB.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// How requests travel. `Debug` leaves the proxy's address out: it may hold a password.
#[derive(Clone)]
pub struct ExchangeSettings {
    /// Longest time to establish a connection, TLS included.
    pub connect_timeout: Duration,
    /// Longest time for one whole exchange.
    pub total_timeout: Duration,
    /// Certificates to trust in addition to the system's, PEM, one or more.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// The proxy for every request, e.g. `http://proxy.example:3128`. `HTTPS_PROXY` and its like are *not* read.
    pub proxy: Option<String>,
    /// The process that asks, for the user agent: who reads the services' audit log tells copies apart by it.
    pub instance: Option<Uuid>,
    /// Called in place of the network, if given.
    #[cfg(feature = "simulation")]
    pub simulated: Option<SimulatedServices>,
}

impl fmt::Debug for ExchangeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeSettings")
            .field("connect_timeout", &self.connect_timeout)
            .field("total_timeout", &self.total_timeout)
            .field("proxy", &self.proxy.is_some())
            .finish_non_exhaustive()
    }
}

impl ExchangeSettings {
    /// `ramstream/0.1.0`, with the instance behind it.
    fn user_agent(&self) -> String {
        let program = concat!("ramstream/", env!("CARGO_PKG_VERSION"));
        self.instance.map_or_else(|| program.to_owned(), |instance| format!("{program} ({instance})"))
    }
}

impl Default for ExchangeSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(30),
            extra_ca_pem: None,
            proxy: None,
            instance: None,
            #[cfg(feature = "simulation")]
            simulated: None,
        }
    }
}

/// Why the settings make no HTTP client; each text names the setting.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeSettingsError {
    /// The extra certificates do not parse.
    #[error("the extra CA certificates are not usable: give one or more certificates in PEM form")]
    ExtraCa(#[source] reqwest::Error),
    /// There is no certificate in the text.
    #[error("the extra CA file holds no certificate: give one or more certificates in PEM form")]
    NoExtraCa,
    /// The proxy's address does not parse. The cause is left out: it may repeat a password from the address.
    #[error("the proxy is not usable: write its address like \"http://proxy.example:3128\"")]
    Proxy,
    /// The TLS library does not start.
    #[error("the HTTP client does not start")]
    Client(#[source] reqwest::Error),
}

/// What the connection says about its failure.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// No connection: name resolution, TCP or TLS.
    #[error("no connection")]
    Connect(#[source] Failure),
    /// The time-out struck.
    #[error("timed out")]
    TimedOut(#[source] Failure),
    /// The reading's deadline struck.
    #[error("the time budget was used up before the reply")]
    BudgetUsedUp,
    /// The connection broke, or the reply is not HTTP.
    #[error("the exchange broke off")]
    BrokenOff(#[source] Failure),
    /// The body is larger than any legal one.
    #[error("the body is larger than {MAX_BODY_BYTES} bytes")]
    TooLarge,
    /// A header value with control characters (from the credentials) cannot be sent.
    #[error("the value of header {0} cannot be sent: check the credentials for stray characters")]
    UnsendableHeader(&'static str),
}

/// A request that needs nothing more than to be sent (`POST`).
pub(super) struct SignedRequest {
    /// Address with the signed query.
    pub(super) url: Url,
    /// Headers, some of them secret.
    pub(super) headers: SignedHeaders,
    /// The body, where a call is not signed: a proof that must not stand in an address.
    pub(super) form: Option<Secret>,
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// What came back, whatever it means.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// From before the request was sent until the body was read.
    pub(super) duration: Duration,
}

/// The way to the services. One connection pool, shared by all calls.
pub(super) struct Exchange(Way);

enum Way {
    Http(reqwest::Client),
    #[cfg(feature = "simulation")]
    Simulated(SimulatedServices, Duration),
}

impl Exchange {
    pub(super) fn new(settings: &ExchangeSettings) -> Result<Self, ExchangeSettingsError> {
        #[cfg(feature = "simulation")]
        if let Some(services) = &settings.simulated {
            return Ok(Self(Way::Simulated(services.asked_by(settings.user_agent()), settings.total_timeout)));
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(settings.user_agent())
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .gzip(true)
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.total_timeout)
            .no_proxy();
        if let Some(address) = &settings.proxy {
            builder = builder.proxy(Proxy::all(address).map_err(|_| ExchangeSettingsError::Proxy)?);
        }
        if let Some(pem) = &settings.extra_ca_pem {
            builder = builder.tls_certs_merge(extra_ca(pem)?);
        }
        Ok(Self(Way::Http(builder.build().map_err(ExchangeSettingsError::Client)?)))
    }

    /// Sends `request` and reads the whole reply.
    pub(super) async fn exchange(&self, request: SignedRequest) -> Result<Reply, ExchangeError> {
        match &self.0 {
            Way::Http(http) => over_http(http, request).await,
            #[cfg(feature = "simulation")]
            Way::Simulated(services, total_timeout) => services.exchange(request, *total_timeout).await,
        }
    }
}

async fn over_http(http: &reqwest::Client, request: SignedRequest) -> Result<Reply, ExchangeError> {
    let begun = Instant::now();
    let mut headers = header_map(request.headers)?;
    let mut post = http.post(request.url);
    if let Some(form) = request.form {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(form.expose().len()));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        post = post.body(form.expose().to_owned());
    }
    let mut response = post.headers(headers).send().await.map_err(no_reply)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(no_reply)? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(ExchangeError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    Ok(Reply { status, headers, body, duration: begun.elapsed() })
}

fn extra_ca(pem: &[u8]) -> Result<Vec<Certificate>, ExchangeSettingsError> {
    let certificates = Certificate::from_pem_bundle(pem).map_err(ExchangeSettingsError::ExtraCa)?;
    if certificates.is_empty() { Err(ExchangeSettingsError::NoExtraCa) } else { Ok(certificates) }
}

fn header_map(headers: SignedHeaders) -> Result<HeaderMap, ExchangeError> {
    let mut map = HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers {
        let mut value = HeaderValue::try_from(value).map_err(|_| ExchangeError::UnsendableHeader(name))?;
        value.set_sensitive(true);
        map.insert(HeaderName::from_static(name), value);
    }
    map.insert(ACCEPT, HeaderValue::from_static("application/json"));
    // Left out for a request without a body by default, and gateways may answer 411 to a POST without it.
    map.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    Ok(map)
}

/// Sorts an error by what it means; the address is taken out, for its query holds names.
fn no_reply(error: reqwest::Error) -> ExchangeError {
    let error = error.without_url();
    if error.is_timeout() {
        ExchangeError::TimedOut(Box::new(error))
    } else if error.is_connect() {
        ExchangeError::Connect(Box::new(error))
    } else {
        ExchangeError::BrokenOff(Box::new(error))
    }
}

#[cfg(test)]
#[path = "exchange_tests.rs"]
mod tests;
