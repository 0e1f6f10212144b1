//! A request as it came in, taken apart just far enough to be authenticated and dispatched.

use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;

use super::parameters::{Parameters, decode_form};
use super::signature::ACS3;

/// The largest body that is read; documents of policies are the largest parameters (6,144 characters).
const LARGEST_BODY_BYTES: usize = 256 * 1024;

/// A request, whole.
#[derive(Debug)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// The path alone.
    pub path: String,
    /// The query's parameters, decoded.
    pub query: Vec<(String, String)>,
    /// Parameters of query and form body.
    pub parameters: Parameters,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// Reads the body to its end.
    ///
    /// # Errors
    /// The connection broke, or the body is larger than any call needs.
    pub async fn read(request: axum::http::Request<Body>) -> Result<Self, axum::Error> {
        let (head, body) = request.into_parts();
        Ok(Self::whole(head, to_bytes(body, LARGEST_BODY_BYTES).await?))
    }

    /// A request that is there to its end.
    #[must_use]
    pub fn whole(head: Parts, body: Bytes) -> Self {
        let query = decode_form(head.uri.query().unwrap_or_default());
        let mut pairs = query.clone();
        if is_form(&head.headers) {
            pairs.extend(decode_form(&String::from_utf8_lossy(&body)));
        }
        Self {
            method: head.method.as_str().to_owned(),
            path: head.uri.path().to_owned(),
            query,
            parameters: Parameters::new(pairs),
            headers: head.headers,
            body,
        }
    }

    /// A header's value, if there is one and it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        // A host name and UTF-8 texts are all that clients send; `to_str` would refuse the latter.
        std::str::from_utf8(self.headers.get(name)?.as_bytes()).ok()
    }

    /// The ACS3 `Authorization` header without its scheme; absent for the older style.
    #[must_use]
    pub fn acs3_authorization(&self) -> Option<&str> {
        self.header(header::AUTHORIZATION.as_str())?.strip_prefix(ACS3).map(str::trim_start)
    }

    /// Version and action.
    ///
    /// Clients of the older signature send the `x-acs` headers too, so parameters come first there.
    #[must_use]
    pub fn operation(&self) -> Option<(&str, &str)> {
        let sent = |header: &str, parameter: &str| match self.acs3_authorization() {
            Some(_) => self.header(header).or_else(|| self.parameters.text(parameter)),
            None => self.parameters.text(parameter).or_else(|| self.header(header)),
        };
        Some((sent("x-acs-version", "Version")?, sent("x-acs-action", "Action")?))
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}
