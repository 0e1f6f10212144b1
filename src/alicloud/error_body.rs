//! Reading what a service (or something in front of it) says when it refuses: JSON in either case of keys, XML, or HTML.
//!
//! Promises that only identifiers come out of here; the message is for one debug line, cut and cleaned.

use serde_json::Value;

use super::exchange::Reply;
use super::wire;

/// The longest message that is shown, in characters.
const MESSAGE_CHARS: usize = 200;

/// What could be made out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorBody {
    pub(super) code: Option<String>,
    pub(super) request_id: Option<String>,
    /// For debug logs only.
    pub(super) message: Option<String>,
}

impl ErrorBody {
    pub(super) fn of(reply: &Reply) -> Self {
        let text = String::from_utf8_lossy(&reply.body);
        let mut body = Self::of_json(&text).unwrap_or_else(|| Self::of_xml(&text));
        body.request_id = body.request_id.or_else(|| wire::request_id(&reply.headers));
        body
    }

    fn of_json(text: &str) -> Option<Self> {
        let Ok(Value::Object(fields)) = serde_json::from_str(text) else { return None };
        let field = |names: [&str; 3]| names.iter().find_map(|name| fields.get(*name)).and_then(Value::as_str);
        Some(Self::new(
            field(["Code", "code", "errorCode"]),
            field(["RequestId", "requestId", "request_id"]),
            field(["Message", "message", "errorMessage"]),
        ))
    }

    /// Enough of XML for flat error documents; HTML has none of these elements.
    fn of_xml(text: &str) -> Self {
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            Some(rest.split_once(&format!("</{name}>"))?.0)
        };
        Self::new(element("Code"), element("RequestId"), element("Message"))
    }

    fn new(code: Option<&str>, request_id: Option<&str>, message: Option<&str>) -> Self {
        let code = code.and_then(wire::identifier);
        // Signature errors repeat what was signed, parameters and token included.
        let shown = code.as_deref().is_some_and(|code| !code.contains("Signature"));
        Self {
            request_id: request_id.and_then(wire::identifier),
            message: message.filter(|_| shown).map(cleaned),
            code,
        }
    }
}

fn cleaned(message: &str) -> String {
    let message = message.split("string to sign").next().unwrap_or_default();
    message.chars().take(MESSAGE_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
