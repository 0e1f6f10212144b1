//! The form of what travels: headers, and the service's many ways to say "nothing".
//!
//! Promises that absent, `null`, `""` and `{}` become `None` here and nowhere else, and that errors name
//! fields and positions but never values. Knows no operation.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// The longest pause that a service is believed to ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// When the service answered, by its own clock.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(headers.get(DATE)?.as_bytes()).ok()
}

/// The pause that the service asks for (the header counts milliseconds).
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let millis: u64 = headers.get("x-acs-retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_millis(millis).min(MAX_RETRY_AFTER))
}

/// The id of the request, as the gateway's header tells it.
pub(super) fn request_id(headers: &HeaderMap) -> Option<String> {
    headers.get("x-acs-request-id")?.to_str().ok().and_then(identifier)
}

/// `text` if it is a plain identifier (a code, a request id), which is safe to log.
pub(super) fn identifier(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    ((1..=100).contains(&text.len()) && text.bytes().all(plain)).then(|| text.to_owned())
}

/// Parses a body. UTF-8 is checked once for all of it: `from_slice` would check string by string, which costs
/// half as much again.
///
/// # Errors
/// What is wrong with it, without repeating any value of it.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    let text = std::str::from_utf8(body).map_err(|_| "is not UTF-8".to_owned())?;
    // serde would take an array for a struct, field by field.
    if !text.trim_ascii_start().starts_with('{') {
        return Err("is not a JSON object".to_owned());
    }
    serde_json::from_str(text).map_err(|error| what_is_wrong(&error))
}

/// The parser's own text may repeat a value of the reply, except where a field is missing.
fn what_is_wrong(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("missing field") {
        return format!("has a {text}");
    }
    let what = if error.is_data() { "has a value of the wrong type or form" } else { "is not JSON" };
    format!("{what} (line {} column {})", error.line(), error.column())
}

/// What stands as an object and as nothing else: serde would take an array for a struct, field by field, so that
/// `"Users": [[]]` were an empty listing.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// An object. Use for structs inside a reply.
pub(super) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|object| object.0)
}

/// An object, or `None` where there is none. Use with `#[serde(default)]`.
pub(super) fn maybe_object<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Object<T>>::deserialize(deserializer)?.map(|object| object.0))
}

/// An array of objects, or `None` where there is none. Use with `#[serde(default)]`.
pub(super) fn items<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let items = Option::<Vec<Object<T>>>::deserialize(deserializer)?;
    Ok(items.map(|items| items.into_iter().map(|object| object.0).collect()))
}

/// A text, or `None` where there is none. Use with `#[serde(default)]`.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_any(NothingOr::new(|text| Some(text.to_owned())))
}

/// A text that must be there: an id, a name that serves as one.
pub(super) fn id<'de, D: Deserializer<'de>, T: for<'a> From<&'a str>>(deserializer: D) -> Result<T, D::Error> {
    let text = deserializer.deserialize_any(NothingOr::new(|text: &str| Some(T::from(text))))?;
    text.ok_or_else(|| D::Error::custom("an identifier is empty"))
}

/// An identifier of digits alone, which is safe to show.
pub(super) fn digits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text: String = id(deserializer)?;
    let is_fine = text.bytes().all(|byte| byte.is_ascii_digit());
    is_fine.then_some(text).ok_or_else(|| D::Error::custom("an identifier has other characters than digits"))
}

/// A date, or `None` where there is none. Use with `#[serde(default)]`.
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    deserializer.deserialize_any(NothingOr::new(|text| text.parse().ok()))
}

/// Tags, none where there are none. Use with `#[serde(default)]`.
pub(super) fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Tag>, D::Error> {
    deserializer.deserialize_any(NothingOrTags)
}

/// Texts that stand in one text, with commas or semicolons between them; none where there are none. Use with
/// `#[serde(default)]`.
pub(super) fn separated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text = text(deserializer)?.unwrap_or_default();
    let parts = text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty());
    Ok(parts.map(str::to_owned).collect())
}

/// An array of texts, none where there are none. Use with `#[serde(default)]`.
pub(super) fn array<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_any(NothingOrTexts)
}

/// A tag of a user, a role or a policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tag {
    /// The key.
    #[serde(rename = "TagKey", deserialize_with = "id")]
    pub key: String,
    /// The value.
    #[serde(rename = "TagValue", default, deserialize_with = "text")]
    pub value: Option<String>,
}

/// Accepts a text that `parse` understands, and every form of nothing.
struct NothingOr<T, F> {
    parse: F,
    result: PhantomData<T>,
}

impl<T, F: FnOnce(&str) -> Option<T>> NothingOr<T, F> {
    fn new(parse: F) -> Self {
        Self { parse, result: PhantomData }
    }
}

impl<'de, T, F: FnOnce(&str) -> Option<T>> Visitor<'de> for NothingOr<T, F> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, null or {}")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() {
            return Ok(None);
        }
        (self.parse)(text).map(Some).ok_or_else(|| E::custom("the text has the wrong form"))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        empty(map)?;
        Ok(None)
    }
}

struct NothingOrTexts;

impl<'de> Visitor<'de> for NothingOrTexts {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("texts, null, \"\" or {}")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() { Ok(Vec::new()) } else { Err(E::custom("a list is not text")) }
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = all.next_element()? {
            texts.push(text);
        }
        Ok(texts)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        empty(map)?;
        Ok(Vec::new())
    }
}

struct NothingOrTags;

impl<'de> Visitor<'de> for NothingOrTags {
    type Value = Vec<Tag>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tags, null, \"\" or {}")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() { Ok(Vec::new()) } else { Err(E::custom("tags are not text")) }
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        struct Wrapped {
            #[serde(rename = "Tag", default, deserialize_with = "items")]
            tags: Option<Vec<Tag>>,
        }
        Wrapped::deserialize(MapAccessDeserializer::new(map)).map(|wrapped| wrapped.tags.unwrap_or_default())
    }
}

fn empty<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    match map.next_key::<serde::de::IgnoredAny>()? {
        None => Ok(()),
        Some(_) => Err(A::Error::custom("an object stands where a text belongs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Thing {
        #[serde(deserialize_with = "id")]
        thing_id: String,
        #[serde(default, deserialize_with = "text")]
        comments: Option<String>,
        #[serde(default, deserialize_with = "time")]
        create_date: Option<Timestamp>,
        #[serde(default, deserialize_with = "tags")]
        tags: Vec<Tag>,
    }

    fn bare() -> Thing {
        Thing { thing_id: "1".into(), comments: None, create_date: None, tags: Vec::new() }
    }

    #[test]
    fn every_form_of_nothing_is_the_same_nothing() {
        for nothing in ["null", "\"\"", "{}"] {
            let body =
                format!(r#"{{"ThingId":"1","Comments":{nothing},"CreateDate":{nothing},"Tags":{nothing},"New":[1]}}"#);
            assert_eq!(parse::<Thing>(body.as_bytes()), Ok(bare()), "{nothing}");
        }
        assert_eq!(parse::<Thing>(br#"{"ThingId":"1"}"#), Ok(bare()));
        assert_eq!(parse::<Thing>(br#"{"ThingId":"1","Tags":{"Tag":[]}}"#), Ok(bare()));
    }

    #[test]
    fn values_are_taken_as_they_are() {
        let body = r#"{"ThingId":"244149157557930001","Comments":"Zoë \u0041","CreateDate":"2015-01-23T12:33:18Z",
            "Tags":{"Tag":[{"TagKey":"k","TagValue":""},{"TagKey":"l","TagValue":"v"}]}}"#;
        let thing: Thing = parse(body.as_bytes()).unwrap();
        assert_eq!(thing.thing_id, "244149157557930001");
        assert_eq!(thing.comments.as_deref(), Some("Zoë A"));
        assert_eq!(thing.create_date.unwrap().as_second(), 1_422_016_398);
        assert_eq!(
            thing.tags,
            [Tag { key: "k".into(), value: None }, Tag { key: "l".into(), value: Some("v".into()) }]
        );
    }

    #[test]
    fn a_wrong_type_is_an_error_that_names_a_place_and_no_value() {
        for body in [
            r#"{"ThingId":5407}"#,
            r#"{"ThingId":""}"#,
            r#"{"ThingId":"1","Comments":["hush"]}"#,
            r#"{"ThingId":"1","Comments":{"hush":1}}"#,
            r#"{"ThingId":"1","CreateDate":"hush"}"#,
            r#"{"ThingId":"1","Tags":"hush"}"#,
            r#"{"ThingId":"1","Tags":{"Tag":[["hush","hush"]]}}"#,
        ] {
            let what = parse::<Thing>(body.as_bytes()).unwrap_err();
            assert!(what.starts_with("has a value of the wrong type or form (line 1"), "{what}");
            assert!(!what.contains("hush") && !what.contains("5407"), "{what}");
        }
        assert_eq!(parse::<Thing>(b"{}").unwrap_err(), "has a missing field `ThingId` at line 1 column 2");
        assert_eq!(parse::<Thing>(b"<html>").unwrap_err(), "is not a JSON object");
        assert_eq!(parse::<Thing>(b"").unwrap_err(), "is not a JSON object");
        assert_eq!(parse::<Thing>(b"[\"1\"]").unwrap_err(), "is not a JSON object");
        assert_eq!(parse::<Thing>(b" {\"ThingId\":").unwrap_err(), "is not JSON (line 1 column 12)");
        assert_eq!(parse::<Thing>(b"\"\xff\"").unwrap_err(), "is not UTF-8");
    }

    #[test]
    fn the_date_header_is_read_and_an_odd_one_is_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(date(&headers), None);
        headers.insert(DATE, "Tue, 24 Nov 2026 06:36:17 GMT".parse().unwrap());
        assert_eq!(date(&headers).unwrap().to_string(), "2026-11-24T06:36:17Z");
        headers.insert(DATE, "yesterday".parse().unwrap());
        assert_eq!(date(&headers), None);
    }
}
