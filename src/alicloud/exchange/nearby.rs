//! The way to what stands beside this process: the metadata service of the instance, a credentials URI.
//!
//! Promises short waits, no proxy, no redirect, no retry and a small body. Plain HTTP is what these speak.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url, redirect, retry};

use super::{ExchangeError, ExchangeSettingsError, no_reply};

/// Whatever is that near answers at once, or is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(2);
/// Credentials take 1 or 2 KiB.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// See the module's page.
#[derive(Debug, Clone)]
pub(in crate::alicloud) struct Nearby(reqwest::Client);

/// What came back, whatever it means. No `Debug`: it is a secret.
pub(in crate::alicloud) struct NearbyReply {
    pub(in crate::alicloud) status: u16,
    pub(in crate::alicloud) body: Vec<u8>,
}

impl Nearby {
    pub(in crate::alicloud) fn new() -> Result<Self, ExchangeSettingsError> {
        let builder = reqwest::Client::builder()
            .user_agent(concat!("ramstream/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .no_proxy();
        builder.build().map(Self).map_err(ExchangeSettingsError::Client)
    }

    /// Asks `url`, with one header that may be secret.
    pub(in crate::alicloud) async fn ask(
        &self,
        method: Method,
        url: Url,
        header: Option<(&'static str, &str)>,
    ) -> Result<NearbyReply, ExchangeError> {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            let mut value = HeaderValue::from_str(value).map_err(|_| ExchangeError::UnsendableHeader(name))?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        let mut response = self.0.request(method, url).headers(headers).send().await.map_err(no_reply)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_reply)? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(ExchangeError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(NearbyReply { status: response.status().as_u16(), body })
    }
}
