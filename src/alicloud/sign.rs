//! Request signing: ACS3-HMAC-SHA256, the third version of Alibaba Cloud's request signature.
//!
//! Promises the vendor's published recipe in stages: canonical query, [`CanonicalRequest`], signature,
//! `Authorization`. Time and nonce are parameters; this module knows no clock, no randomness and no network.
//! Source: "V3 request structure and signature", <https://help.aliyun.com/document_detail/2593177.html>.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::credentials::Credentials;
use crate::secret::Secret;

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// Everything but RFC 3986's unreserved characters: a space becomes `%20`, `*` becomes `%2A`, `~` stays.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The query as it is signed, and as it is sent: sorted by raw name in byte order, percent-encoded.
pub(crate) fn canonical_query(parameters: &[(&str, &str)]) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort_unstable();
    let mut query = String::new();
    for (name, value) in sorted {
        if !query.is_empty() {
            query.push('&');
        }
        query.extend(utf8_percent_encode(name, RESERVED));
        query.push('=');
        query.extend(utf8_percent_encode(value, RESERVED));
    }
    query
}

/// The text whose digest is signed, with the list of headers that it covers.
pub(super) struct CanonicalRequest {
    text: String,
    signed_headers: String,
}

impl CanonicalRequest {
    /// Builds the text for the path `/`, which is the only one that these services use.
    ///
    /// `headers` carry lower-case names; all of them are signed.
    pub(super) fn new(method: &str, query: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut sorted = headers.to_vec();
        sorted.sort_unstable();
        let names: Vec<&str> = sorted.iter().map(|(name, _)| *name).collect();
        let signed_headers = names.join(";");
        let mut text = [method, "/", query, ""].join("\n");
        for (name, value) in sorted {
            text.extend([name, ":", value.trim(), "\n"]);
        }
        text.extend(["\n", &signed_headers, "\n", &hex_sha256(body)]);
        Self { text, signed_headers }
    }

    /// Lower-case hexadecimal SHA-256 of the text.
    pub(super) fn sha256(&self) -> String {
        hex_sha256(self.text.as_bytes())
    }

    /// The signature. The key is the bare secret: the `&` suffix belongs to the older signatures.
    pub(super) fn signature(&self, secret: &Secret) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
        mac.update(ALGORITHM.as_bytes());
        mac.update(b"\n");
        mac.update(self.sha256().as_bytes());
        hex_of(mac.finalize().into_bytes().into())
    }

    /// The value of the `Authorization` header.
    pub(super) fn authorization(&self, credentials: &Credentials) -> String {
        format!(
            "{ALGORITHM} Credential={},SignedHeaders={},Signature={}",
            credentials.access_key_id,
            self.signed_headers,
            self.signature(&credentials.access_key_secret)
        )
    }
}

/// A call before it is signed: always a `POST` to `/` with every parameter in the query and no body,
/// as the vendor's own clients call these operations.
pub(crate) struct Unsigned<'a> {
    /// Host as sent, with the port unless it is the scheme's default one.
    pub(crate) host: &'a str,
    /// The operation, e.g. `ListUsers`.
    pub(crate) action: &'a str,
    /// The product's version, e.g. `2019-08-15`.
    pub(crate) version: &'a str,
    /// The canonical query.
    pub(crate) query: &'a str,
}

/// The query of a call that is not signed: what signed calls carry in headers.
pub(super) fn unsigned_query(action: &str, version: &str, date: Timestamp, nonce: &str) -> String {
    let date = date.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    canonical_query(&[
        ("Action", action),
        ("Format", "JSON"),
        ("SignatureNonce", nonce),
        ("Timestamp", &date),
        ("Version", version),
    ])
}

/// The headers of a signed call, `authorization` included. Never to be logged.
pub(crate) type SignedHeaders = Vec<(&'static str, String)>;

/// Signs `call` as of `date` with a `nonce` that no other request has used.
pub(crate) fn sign(call: &Unsigned<'_>, credentials: &Credentials, date: Timestamp, nonce: &str) -> SignedHeaders {
    let mut headers: SignedHeaders = vec![
        ("host", call.host.to_owned()),
        ("x-acs-action", call.action.to_owned()),
        ("x-acs-content-sha256", hex_sha256(b"")),
        ("x-acs-date", date.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("x-acs-signature-nonce", nonce.to_owned()),
        ("x-acs-version", call.version.to_owned()),
    ];
    if let Some(token) = &credentials.security_token {
        headers.push(("x-acs-security-token", token.expose().to_owned()));
    }
    let signed: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let authorization = CanonicalRequest::new("POST", call.query, &signed, b"").authorization(credentials);
    headers.push(("authorization", authorization));
    headers
}

fn hex_sha256(bytes: &[u8]) -> String {
    hex_of(Sha256::digest(bytes).into())
}

/// `hex::encode` makes a text character by character, which takes longer than the hash.
fn hex_of(bytes: [u8; 32]) -> String {
    let mut text = [0; 64];
    hex::encode_to_slice(bytes, &mut text).expect("a byte is two digits");
    str::from_utf8(&text).expect("digits are ASCII").to_owned()
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
