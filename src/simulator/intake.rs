//! The simulator's readers for [`crate::intake`]: a request as bytes, and what comes in at the control address.

use axum::body::Body;
use futures::FutureExt as _;
use jiff::Timestamp;

use super::authentication::{Identity, Key, Keys};
use super::faults::Fault;
use super::request::Request;
use crate::secret::Secret;

/// A request as text: method and target, then headers, then an empty line and the body.
///
/// # Errors
/// It is no request, or not signed with the one key there is.
pub fn request(bytes: &[u8]) -> Result<(), String> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((bytes, &[][..]), |end| (&bytes[..end], &bytes[end + 2..]));
    let head = std::str::from_utf8(head).map_err(|_| "the head is not UTF-8".to_owned())?;
    let mut lines = head.lines();
    let (method, target) = lines.next().and_then(|line| line.split_once(' ')).ok_or("there is no request line")?;
    let mut request = axum::http::Request::builder().method(method).uri(target);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    let request = request.body(Body::from(body.to_vec())).map_err(|error| error.to_string())?;
    let read = Request::read(request).now_or_never().ok_or("the body has no end")?;
    let request = read.map_err(|error| error.to_string())?;
    request.operation().ok_or("it says no operation")?;
    request.parameters.tags().map_err(|error| error.message.into_owned())?;
    let keys = Keys::default();
    keys.add("LTAI-fuzz", Key { secret: Secret::new("fuzz"), identity: Identity::Root, session: None });
    let now = Timestamp::UNIX_EPOCH;
    keys.authenticate(&request, now, now).map(|_| ()).map_err(|error| format!("{}: {}", error.code, error.message))
}

/// A fault, as it is sent to the control address.
///
/// # Errors
/// It is none.
pub fn control_body(body: &[u8]) -> Result<(), String> {
    let fault: Fault = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    fault.problem().map_or(Ok(()), |problem| Err(problem.to_owned()))
}
