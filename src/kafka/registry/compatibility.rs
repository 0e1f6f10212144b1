//! The compatibility level of a subject: `FULL_TRANSITIVE`, so that old and new readers both go on.

use reqwest::{Method, RequestBuilder};
use schema_registry_converter::schema_registry_common::RawError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::RegistryAuth;
use super::failure::Failure;

pub(super) const WANTED: &str = "FULL_TRANSITIVE";
const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// What became of a subject's compatibility level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compatibility {
    /// Look-up only: not looked at.
    NotAsked,
    /// It was `FULL_TRANSITIVE` already.
    AlreadySet,
    /// It is `FULL_TRANSITIVE` now. `previously` is the level that was found; Apicurio calls "not set"
    /// `NONE` as well.
    Set {
        /// The level before, if the subject had one.
        previously: Option<String>,
    },
    /// Somebody chose another level for this subject. It was left alone; say so.
    Left {
        /// That level.
        level: String,
    },
    /// The registry would not tell or set it. The schemas are checked against their released versions by
    /// this project's own tests either way.
    NotSupported {
        /// Its answer.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Level {
    compatibility_level: String,
}

/// Sets `FULL_TRANSITIVE` unless somebody chose a level.
pub(super) async fn ensure(
    http: &reqwest::Client,
    auth: &RegistryAuth,
    url: &str,
    subject: &str,
) -> Result<Compatibility, Failure> {
    let address = format!("{url}/config/{subject}");
    let previously = match level(http, auth, url, subject).await {
        Ok(level) => level,
        Err(failure) => return not_supported(failure),
    };
    match previously.as_deref() {
        Some(WANTED) => return Ok(Compatibility::AlreadySet),
        None | Some("NONE") => {}
        Some(level) => return Ok(Compatibility::Left { level: level.to_owned() }),
    }
    let body = json!({ "compatibility": WANTED }).to_string();
    let put = http.request(Method::PUT, &address).header("content-type", CONTENT_TYPE).body(body);
    match send(authorized(put, auth)).await {
        Ok(_) => Ok(Compatibility::Set { previously }),
        Err(failure) => not_supported(failure),
    }
}

/// The level that somebody chose for this subject.
pub(super) async fn level(
    http: &reqwest::Client,
    auth: &RegistryAuth,
    url: &str,
    subject: &str,
) -> Result<Option<String>, Failure> {
    match get(http, auth, &format!("{url}/config/{subject}")).await {
        Ok(Level { compatibility_level }) => Ok(Some(compatibility_level)),
        Err(failure) if failure.is_absence() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// What stands at this address.
pub(super) async fn get<T: DeserializeOwned>(
    http: &reqwest::Client,
    auth: &RegistryAuth,
    address: &str,
) -> Result<T, Failure> {
    let text = send(authorized(http.request(Method::GET, address), auth)).await?;
    serde_json::from_str(&text).map_err(|error| Failure::Unusable(error.to_string()))
}

/// A refusal is reported and survived; trouble with the registry is not.
fn not_supported(failure: Failure) -> Result<Compatibility, Failure> {
    match failure {
        Failure::Answered { status, text, .. } => {
            Ok(Compatibility::NotSupported { reason: format!("status {status}: {text}") })
        }
        other => Err(other),
    }
}

fn authorized(request: RequestBuilder, auth: &RegistryAuth) -> RequestBuilder {
    match auth {
        RegistryAuth::None => request,
        RegistryAuth::Basic { username, password } => request.basic_auth(username, Some(password)),
        RegistryAuth::Bearer { token } => request.bearer_auth(token),
    }
}

async fn send(request: RequestBuilder) -> Result<String, Failure> {
    let later = |error: reqwest::Error| Failure::Later(error.without_url().to_string());
    let answer = request.header("accept", CONTENT_TYPE).send().await.map_err(later)?;
    let status = answer.status();
    let text = answer.text().await.map_err(later)?;
    if status.is_success() {
        return Ok(text);
    }
    let (code, text) = match serde_json::from_str::<RawError>(&text) {
        Ok(raw) => (raw.error_code, raw.message),
        Err(_) => (0, status.to_string()),
    };
    Err(Failure::from_status(status.as_u16(), code, text))
}
