//! Who may ask: judged before anything else is looked at, and every action goes into the log with what came of it.
//!
//! The token, where there is one, is compared in constant time. Pages in a browser never get through: a page of another
//! origin says so of itself, and a name that was pointed at this machine (DNS rebinding) shows in the Host header.
//!
//! The status page alone is made for a browser, which can send no bearer token by itself: there, and nowhere else, the token may
//! come as the password of HTTP Basic, whatever the name. A link to it may stand anywhere: following one shows the page to
//! whoever followed it, and to nobody else.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tracing::{info, warn};

use super::problem::{About, FROM_A_PAGE, Problem, TOO_MANY, UNAUTHENTICATED, Why};
use super::{Admin, page};
use crate::http::Peer;
use crate::secret::Secret;

/// Whether somebody who asks is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// The token was shown.
    Token,
    /// There is none to show, or the path needs none.
    Nobody,
}

/// With it a browser asks for name and password.
const BASIC: &str = "Basic realm=\"ramstream: any name, the token as password\", charset=\"UTF-8\"";

pub(super) async fn guard(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let remote = request.extensions().get::<Peer>().map(|peer| peer.0);
    let action = action(&request);
    let is_page = is_page(&request);
    let (known, response) = match admin.judge(&request) {
        Ok(known) if action.is_some() => match admin.0.asking.take() {
            Ok(()) => (known, next.run(request).await),
            Err(wait) => (known, too_many(wait.as_secs().max(1))),
        },
        Ok(known) => (known, next.run(request).await),
        // Who guesses is answered more and more briefly, and does not fill the log.
        Err(refused) => match admin.0.refusing.take() {
            Ok(()) => {
                tell(action.unwrap_or("look"), remote, Known::Nobody, None, Some(refused.detail()));
                let mut response = refused.into_response();
                if is_page && response.status() == StatusCode::UNAUTHORIZED {
                    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(BASIC));
                }
                return response;
            }
            Err(wait) => return too_many(wait.as_secs().max(1)),
        },
    };
    if let Some(action) = action {
        let about = response.extensions().get::<About>().map(|about| about.0.as_str());
        let why = response.extensions().get::<Why>().map(|why| why.0.as_str());
        tell(action, remote, known, about, why);
    }
    response
}

fn too_many(seconds: u64) -> Response {
    let detail = format!("too many requests at once; try again in {seconds} s");
    Problem::new(TOO_MANY, detail).retry_after(seconds).into_response()
}

/// The word for what is asked for; none if it is only looked at.
fn action(request: &Request) -> Option<&'static str> {
    let path = request.uri().path();
    match *request.method() {
        Method::GET | Method::HEAD => None,
        Method::DELETE => Some("cancel"),
        _ if path.ends_with("/replays") => Some("replay"),
        _ if path.ends_with("/syncs") => Some("sync"),
        _ if path.ends_with("/claim") => Some("claim"),
        _ => Some("unknown"),
    }
}

fn tell(action: &str, remote: Option<SocketAddr>, known: Known, request_id: Option<&str>, why: Option<&str>) {
    let remote = remote.map(|remote| remote.to_string());
    let authenticated = known == Known::Token;
    match why {
        None => info!(action, request_id, remote, authenticated, "admin: accepted"),
        Some(why) => warn!(action, request_id, remote, authenticated, why, "admin: refused"),
    }
}

impl Admin {
    fn judge(&self, request: &Request) -> Result<Known, Problem> {
        let headers = request.headers();
        let is_page = is_page(request);
        if let Some(why) = from_a_page(headers).filter(|_| !(is_page && is_followed_link(headers))) {
            return Err(Problem::new(FROM_A_PAGE, why));
        }
        let Some(token) = &self.0.token else {
            return match foreign_host(headers, self.0.address) {
                Some(why) => Err(Problem::new(FROM_A_PAGE, why)),
                None => Ok(Known::Nobody),
            };
        };
        // It describes the calls, and holds nothing of this account.
        if request.uri().path() == "/openapi.json" {
            return Ok(Known::Nobody);
        }
        let shown = bearer(headers).or_else(|| is_page.then(|| password(headers)).flatten());
        let detail = match shown {
            None if is_page => {
                "the request has no token; in a browser, log in with any name and the token of admin.token_file as \
                     password"
            }
            None => {
                "the request has no token; send the header authorization: Bearer <token>, with the token of \
                     admin.token_file"
            }
            Some(shown) if is_same(&shown, token) => return Ok(Known::Token),
            Some(_) => "the token is not the one of this daemon; it is in the file that its admin.token_file names",
        };
        Err(Problem::new(UNAUTHENTICATED, detail))
    }
}

/// Whether the status page is looked at.
fn is_page(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD) && request.uri().path() == page::PATH
}

/// Whether a browser opens what is asked for in a window of its own, and shows it to no page.
fn is_followed_link(headers: &HeaderMap) -> bool {
    let says = |name: &str, word: &str| headers.get(name).is_some_and(|value| value == word);
    !headers.contains_key(ORIGIN) && says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document")
}

/// What a browser says of a page that asks. No call here is made for pages.
fn from_a_page(headers: &HeaderMap) -> Option<String> {
    if let Some(origin) = headers.get(ORIGIN) {
        return Some(format!("the request comes from a page of {origin:?} (header origin); ask with curl or the CLI"));
    }
    let site = headers.get("sec-fetch-site")?;
    let is_typed = site == "none" || site == "same-origin";
    (!is_typed)
        .then(|| format!("a page of another site asks (header sec-fetch-site: {site:?}); ask with curl or the CLI"))
}

/// Why the name by which this listener is asked is none of this machine's.
fn foreign_host(headers: &HeaderMap, address: SocketAddr) -> Option<String> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (host, "80"),
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let is_here = name.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    let is_ours = is_here && port.parse() == Ok(address.port());
    (!is_ours).then(|| {
        format!("the header host is {host:?}; without a token, ask at http://{address} or at localhost with that port")
    })
}

fn bearer(headers: &HeaderMap) -> Option<Vec<u8>> {
    authorization(headers, b"Bearer ").map(<[u8]>::to_vec)
}

/// The password of HTTP Basic.
fn password(headers: &HeaderMap) -> Option<Vec<u8>> {
    let pair = STANDARD.decode(authorization(headers, b"Basic ")?).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

fn authorization<'a>(headers: &'a HeaderMap, wanted: &[u8]) -> Option<&'a [u8]> {
    let (scheme, shown) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(wanted.len())?;
    scheme.eq_ignore_ascii_case(wanted).then(|| shown.trim_ascii())
}

/// In a time that does not depend on where they differ, nor on how long they are.
fn is_same(shown: &[u8], token: &Secret) -> bool {
    Sha256::digest(shown).ct_eq(&Sha256::digest(token.expose().as_bytes())).into()
}
