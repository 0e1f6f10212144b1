//! Temporary credentials as STS, the metadata service and credentials URIs give them.

use jiff::Timestamp;
use serde::Deserialize;

use super::super::wire;
use super::Credentials;
use crate::secret::Secret;

/// Credentials with an end.
#[derive(Debug, Clone)]
pub(super) struct Issued {
    pub(super) credentials: Credentials,
    pub(super) expires: Timestamp,
}

/// What stands in the answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fields {
    #[serde(deserialize_with = "header_value")]
    access_key_id: Secret,
    #[serde(deserialize_with = "header_value")]
    access_key_secret: Secret,
    #[serde(deserialize_with = "header_value")]
    security_token: Secret,
    expiration: Timestamp,
}

/// The answer of STS.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfSts {
    #[serde(deserialize_with = "wire::object")]
    credentials: Fields,
}

/// The metadata service says so, whatever the status.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Verdict {
    #[serde(default)]
    code: Option<String>,
}

impl From<OfSts> for Issued {
    fn from(answer: OfSts) -> Self {
        answer.credentials.into()
    }
}

impl From<Fields> for Issued {
    fn from(fields: Fields) -> Self {
        let credentials = Credentials {
            access_key_id: fields.access_key_id.expose().to_owned(),
            access_key_secret: fields.access_key_secret,
            security_token: Some(fields.security_token),
        };
        Self { credentials, expires: fields.expiration }
    }
}

/// Reads the answer of the metadata service, or of a credentials URI.
///
/// # Errors
/// What is wrong with it, without repeating any value of it.
pub(super) fn nearby(body: &[u8]) -> Result<Issued, String> {
    match wire::parse::<Verdict>(body)?.code.as_deref() {
        Some("Success") => Ok(wire::parse::<Fields>(body)?.into()),
        _ => Err("does not say \"Code\": \"Success\"".to_owned()),
    }
}

/// Values travel in HTTP headers: anything else would fail later, with a less helpful text.
fn header_value<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let text: String = wire::id(deserializer)?;
    let is_fine = text.bytes().all(|byte| byte.is_ascii_graphic());
    is_fine.then(|| Secret::new(text)).ok_or_else(|| serde::de::Error::custom("a value is not printable ASCII"))
}

#[cfg(test)]
mod tests {
    use super::nearby;

    const GIVEN: &str = r#"{"Code":"Success","AccessKeyId":"STS.a","AccessKeySecret":"hush","SecurityToken":"hush/+",
        "Expiration":"2026-01-02T03:04:05Z"}"#;

    #[test]
    fn what_the_metadata_service_gives_is_taken_as_it_is() {
        let issued = nearby(GIVEN.as_bytes()).unwrap();
        assert_eq!(issued.credentials.access_key_id, "STS.a");
        assert_eq!(issued.credentials.access_key_secret.expose(), "hush");
        assert_eq!(issued.credentials.security_token.unwrap().expose(), "hush/+");
        assert_eq!(issued.expires.to_string(), "2026-01-02T03:04:05Z");
    }

    #[test]
    fn anything_else_is_refused_without_repeating_it() {
        for (from, to) in [
            ("Success", "Failed"),
            ("\"STS.a\"", "\"\""),
            ("\"STS.a\"", "[\"hush\"]"),
            ("hush/+", "hush\\nhush"),
            ("2026-01-02T03:04:05Z", "hush"),
            (",\n        \"Expiration\":\"2026-01-02T03:04:05Z\"", ""),
            ("{", "[{"),
        ] {
            let body = GIVEN.replace(from, to);
            assert_ne!(body, GIVEN);
            let what = nearby(body.as_bytes()).unwrap_err();
            assert!(!what.contains("hush"), "{what}");
        }
    }
}
