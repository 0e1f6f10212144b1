//! One request, as it stands in the `.control` topic.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::Value;

use crate::model::{Kind, Millis};

/// The format that this version writes and reads.
const FORMAT: u32 = 1;

/// The longest request that is read, in bytes; the longest well-formed one is far below.
const LONGEST: usize = 16 * 1024;

/// The id that the caller gives a request: 1 to 64 of `A-Z a-z 0-9 . _ -`. The same id is the same request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(String);

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The published state once more, to the snapshot topics.
    Replay {
        /// Of these kinds, in their own order.
        kinds: Vec<Kind>,
    },
    /// A sync now.
    Sync,
    /// That the waiting request of this id is not served.
    Cancel,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The caller's id.
    pub id: RequestId,
    /// What is asked for.
    pub action: Action,
    /// It is not to be served after this moment.
    pub not_after: Option<Millis>,
}

/// Why a record is no request. Each text says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    /// The id, where at least that could be read.
    pub id: Option<RequestId>,
    /// What is wrong, and the mend.
    pub reason: String,
}

/// As it is written.
#[derive(Debug, Serialize)]
struct Written {
    format: u32,
    request_id: String,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kinds: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
}

/// As it is read: every field is looked at by hand, so that a mistake is named. Null is absent.
#[derive(Debug, Deserialize)]
struct Fields {
    #[serde(rename = "format")]
    _format: IgnoredAny,
    request_id: Option<Value>,
    action: Option<Value>,
    kinds: Option<Value>,
    not_after: Option<Value>,
}

/// The fields of a request.
const FIELDS: [&str; 5] = ["format", "request_id", "action", "kinds", "not_after"];

/// What is longer than so many characters is told in part, and no moment is.
const TOLD: usize = 64;

impl RequestId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RequestId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(is_allowed) {
            Ok(Self(text))
        } else {
            Err("a request id has 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and dash".to_owned())
        }
    }
}

impl From<RequestId> for String {
    fn from(id: RequestId) -> Self {
        id.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Action {
    /// The word for it in requests, outcomes and metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Replay { .. } => "replay",
            Self::Sync => "sync",
            Self::Cancel => "cancel",
        }
    }

    /// A replay of the kinds with these names, each once; of all if there are none.
    ///
    /// # Errors
    /// A name is that of no kind.
    pub fn replay_of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let kind = |name: &str| Kind::from_name(name).ok_or_else(|| unknown_kind(name));
        let mut kinds = names.into_iter().map(kind).collect::<Result<Vec<_>, _>>()?;
        if kinds.is_empty() {
            kinds = Kind::ALL.to_vec();
        }
        kinds.sort_unstable();
        kinds.dedup();
        Ok(Self::Replay { kinds })
    }
}

impl Request {
    /// Whether it asks for a replay.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        matches!(self.action, Action::Replay { .. })
    }

    /// Reads the value of a record.
    ///
    /// # Errors
    /// It is no request of a format that is known here.
    pub fn parse(value: &[u8]) -> Result<Self, Malformed> {
        let anonymous = |reason: String| Malformed { id: None, reason };
        if value.len() > LONGEST {
            return Err(anonymous(format!("the request has {} bytes, more than {LONGEST}", value.len())));
        }
        let json: Value = serde_json::from_slice(value)
            .map_err(|error| anonymous(format!("the request is not JSON: {error}; {EXAMPLE}")))?;
        let id =
            json.get("request_id").and_then(|id| id.as_str()).and_then(|id| RequestId::try_from(id.to_owned()).ok());
        Self::of(&json, value).map_err(|reason| Malformed { id, reason })
    }

    fn of(json: &Value, value: &[u8]) -> Result<Self, String> {
        // A newer format may have other fields, so it is looked at first.
        match json.get("format").map(|format| format.as_u64()) {
            Some(Some(format)) if format == u64::from(FORMAT) => {}
            Some(Some(format)) => return Err(format!("`format` is {format}; this version reads {FORMAT}")),
            _ => return Err(format!("`format` is missing or no number; write \"format\": {FORMAT}")),
        }
        let mut names = json.as_object().into_iter().flat_map(|fields| fields.keys());
        if let Some(unknown) = names.find(|name| !FIELDS.contains(&name.as_str())) {
            return Err(format!("unknown field `{}`; {EXAMPLE}", shown(unknown)));
        }
        // Of a field that stands twice nobody says which holds; the value above would have the last.
        let fields: Fields = serde_json::from_slice(value).map_err(|error| format!("{error}; {EXAMPLE}"))?;
        let id = text("request_id", fields.request_id.as_ref())?;
        let id = RequestId::try_from(id.to_owned()).map_err(|mend| format!("`request_id`: {mend}"))?;
        let action = match text("action", fields.action.as_ref())? {
            "replay" => Action::replay_of(fields.kinds.as_ref().map(texts).transpose()?.unwrap_or_default())?,
            action @ ("sync" | "cancel") if fields.kinds.is_some() => {
                return Err(format!("`kinds` belongs to a replay, not to the action {action}"));
            }
            "sync" => Action::Sync,
            "cancel" => Action::Cancel,
            other => return Err(format!("`action` is \"{}\"; write replay, sync or cancel", shown(other))),
        };
        let not_after = fields.not_after.as_ref().map(|limit| moment(text("not_after", Some(limit))?)).transpose()?;
        Ok(Self { id, action, not_after })
    }

    /// The value of its record.
    #[must_use]
    pub fn to_value(&self) -> Vec<u8> {
        let kinds = match &self.action {
            Action::Replay { kinds } => Some(kinds.iter().map(|kind| kind.as_str()).collect()),
            Action::Sync | Action::Cancel => None,
        };
        let time = |at: Millis| Timestamp::from_millisecond(at.0).map(|time| time.to_string());
        let written = Written {
            format: FORMAT,
            request_id: self.id.to_string(),
            action: self.action.as_str(),
            kinds,
            not_after: self.not_after.and_then(|at| time(at).ok()),
        };
        serde_json::to_vec(&written).expect("a request has string keys only")
    }

    /// Whether it is too late to serve it.
    #[must_use]
    pub fn is_expired(&self, now: Millis) -> bool {
        self.not_after.is_some_and(|limit| now > limit)
    }
}

const EXAMPLE: &str = r#"write {"format": 1, "request_id": "r-1", "action": "replay", "kinds": ["user"], "not_after": "2026-01-31T12:00:00Z"}"#;

/// A part of what somebody wrote, as it may stand in a line of a log.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(TOLD).flat_map(char::escape_debug).collect();
    if text.chars().nth(TOLD).is_some() {
        shown.push('…');
    }
    shown
}

fn text<'a>(name: &str, value: Option<&'a Value>) -> Result<&'a str, String> {
    let Some(value) = value else { return Err(format!("missing field `{name}`; {EXAMPLE}")) };
    value.as_str().ok_or_else(|| format!("`{name}` is no text; {EXAMPLE}"))
}

fn texts(kinds: &Value) -> Result<Vec<&str>, String> {
    let texts = kinds.as_array().and_then(|kinds| kinds.iter().map(Value::as_str).collect());
    texts.ok_or_else(|| format!("`kinds` is no array of texts; {EXAMPLE}"))
}

fn unknown_kind(name: &str) -> String {
    let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    format!("`kinds`: there is no kind \"{}\"; the kinds are {}", shown(name), known.join(", "))
}

fn moment(text: &str) -> Result<Millis, String> {
    const MEND: &str = "write a time like 2026-01-31T12:00:00Z";
    if text.len() > TOLD {
        return Err(format!("`not_after` has {} characters; {MEND}", text.len()));
    }
    let time: Timestamp = text.parse().map_err(|error| format!("`not_after`: {error}; {MEND}"))?;
    Ok(time.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(value: &str) -> String {
        Request::parse(value.as_bytes()).unwrap_err().reason
    }

    #[test]
    fn a_request_is_read_as_documented() {
        let value = br#"{"format": 1, "request_id": "a.B_9-", "action": "replay", "kinds": ["role", "user", "role"],
            "not_after": "2026-01-31T12:00:00.250+01:00"}"#;
        let request = Request::parse(value).unwrap();
        assert_eq!(request.id.as_str(), "a.B_9-");
        assert_eq!(request.action, Action::Replay { kinds: vec![Kind::User, Kind::Role] });
        assert_eq!(request.not_after, Some(Millis(1_769_857_200_250)));
        assert!(!request.is_expired(Millis(1_769_857_200_250)) && request.is_expired(Millis(1_769_857_200_251)));
        let sync = Request::parse(br#"{"action":"sync","request_id":"x","format":1}"#).unwrap();
        assert_eq!((sync.action, sync.not_after), (Action::Sync, None));
    }

    #[test]
    fn a_replay_without_kinds_is_one_of_all() {
        for value in [
            r#"{"format":1,"request_id":"x","action":"replay"}"#,
            r#"{"format":1,"request_id":"x","action":"replay","kinds":[]}"#,
        ] {
            assert_eq!(Request::parse(value.as_bytes()).unwrap().action, Action::Replay { kinds: Kind::ALL.to_vec() });
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let action = Action::replay_of(["group"]).unwrap();
        let id = RequestId::try_from("r-1".to_owned()).unwrap();
        let request = Request { id, action, not_after: Some(Millis(1_769_857_200_250)) };
        assert_eq!(
            String::from_utf8(request.to_value()).unwrap(),
            r#"{"format":1,"request_id":"r-1","action":"replay","kinds":["group"],"not_after":"2026-01-31T11:00:00.25Z"}"#
        );
        assert_eq!(Request::parse(&request.to_value()), Ok(request));
    }

    #[test]
    fn a_mistake_is_named_with_its_mend() {
        for (value, told) in [
            ("", "not JSON"),
            ("replay", "not JSON"),
            ("[]", "`format` is missing"),
            (r#"{"request_id":"x","action":"sync"}"#, "`format` is missing"),
            (r#"{"format":"1","request_id":"x","action":"sync"}"#, "`format` is missing or no number"),
            (r#"{"format":2,"request_id":"x","action":"sync"}"#, "`format` is 2; this version reads 1"),
            (r#"{"format":1,"action":"sync"}"#, "missing field `request_id`"),
            (r#"{"format":1,"request_id":"","action":"sync"}"#, "`request_id`: a request id has 1 to 64"),
            (r#"{"format":1,"request_id":"a/b","action":"sync"}"#, "`request_id`: a request id has 1 to 64"),
            (
                r#"{"format":1,"request_id":"x","action":"reply"}"#,
                "`action` is \"reply\"; write replay, sync or cancel",
            ),
            (r#"{"format":1,"request_id":"x","action":"sync","kinds":["user"]}"#, "`kinds` belongs to a replay"),
            (
                r#"{"format":1,"request_id":"x","action":"replay","kinds":["usr"]}"#,
                "there is no kind \"usr\"; the kinds are account, user",
            ),
            (r#"{"format":1,"request_id":"x","action":"replay","not_after":"soon"}"#, "`not_after`"),
            (r#"{"format":1,"request_id":"x","action":"replay","kind":"user"}"#, "unknown field `kind`"),
            (r#"{"format":1,"request_id":7,"action":"sync"}"#, "`request_id` is no text"),
            (r#"{"format":1,"request_id":"x","action":"replay","kinds":"user"}"#, "`kinds` is no array of texts"),
            (r#"{"format":1,"request_id":"x","action":"sync","action":"replay"}"#, "duplicate field `action`"),
            (r#"{"format":1,"request_id":"x","action":"\u001b[2J"}"#, r#"`action` is "\u{1b}[2J""#),
        ] {
            assert!(reason(value).contains(told), "{value}: {}", reason(value));
        }
        assert!(reason(&" ".repeat(16_385)).contains("16385 bytes, more than 16384"));
    }

    #[test]
    fn the_id_of_a_malformed_request_is_told_where_it_can_be_read() {
        let id = |value: &[u8]| Request::parse(value).unwrap_err().id.map(String::from);
        assert_eq!(id(br#"{"format":1,"request_id":"x","action":"no"}"#).as_deref(), Some("x"));
        assert_eq!(id(br#"{"format":1,"request_id":"a b","action":"no"}"#), None);
    }
}
