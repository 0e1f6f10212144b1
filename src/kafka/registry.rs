//! The schema registry: from a schema text and a subject to the id that precedes every encoded record.
//!
//! Ids are resolved once, before anything is published; after that a registry outage stops nothing. The
//! text registered or looked up is always ours, never "the latest version", which anybody can move. The
//! Confluent API is spoken through `schema_registry_converter`, without its caches (they remember
//! failures, and know one schema per subject). Not known here: what a schema says.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use schema_registry_converter::async_impl::schema_registry::{SrSettings, perform_sr_call};
use schema_registry_converter::schema_registry_common::SrCall;
use serde_json::json;

use super::error::RegistryError;

mod compatibility;
mod failure;
mod standing;

pub use compatibility::Compatibility;
use failure::Failure;
pub use standing::Standing;

/// Tries of the whole list of addresses, when none of them could be reached.
const TRIES: u32 = 4;
/// The pause after the first try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// How to prove who asks. `Debug` shows no secret.
#[derive(Clone)]
pub enum RegistryAuth {
    /// Not at all.
    None,
    /// HTTP basic.
    Basic {
        /// User name or API key.
        username: String,
        /// Password or API secret.
        password: String,
    },
    /// Bearer token.
    Bearer {
        /// The token.
        token: String,
    },
}

impl RegistryAuth {
    /// Whether `text` repeats the secret, plain or as the header of a request carries it.
    fn is_in(&self, text: &str) -> bool {
        match self {
            Self::None => false,
            Self::Basic { username, password } => {
                text.contains(password.as_str()) || text.contains(&BASE64.encode(format!("{username}:{password}")))
            }
            Self::Bearer { token } => text.contains(token.as_str()),
        }
    }
}

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Basic { .. } => "Basic",
            Self::Bearer { .. } => "Bearer",
        })
    }
}

/// Whether schemas may be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryMode {
    /// Set `FULL_TRANSITIVE` on the subject and register the schema, if it is not there yet.
    Register,
    /// Only ask for the id.
    Lookup,
}

/// How to reach the registry.
#[derive(Debug, Clone)]
pub struct RegistrySettings {
    /// Base addresses of one registry's Confluent API, tried in order.
    pub urls: Vec<String>,
    /// Credentials.
    pub auth: RegistryAuth,
    /// A PEM certificate authority to trust besides the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// Limit of one request.
    pub timeout: Duration,
    /// Whether schemas may be registered.
    pub mode: RegistryMode,
}

/// A schema that has an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The schema id.
    pub id: u32,
    /// What became of the subject's compatibility level.
    pub compatibility: Compatibility,
}

/// One registry, at one or more addresses.
pub struct Registry {
    nodes: Vec<Node>,
    /// Which of them it was; the first, until one has.
    answered_last: AtomicUsize,
    auth: RegistryAuth,
    http: reqwest::Client,
    mode: RegistryMode,
}

struct Node {
    url: String,
    settings: SrSettings,
}

impl Registry {
    /// Makes the clients; asks nothing yet.
    pub fn new(settings: RegistrySettings) -> Result<Self, RegistryError> {
        if settings.urls.is_empty() {
            return Err(RegistryError::Configuration { reason: "no address given".to_owned() });
        }
        let http = http_client(&settings)?.timeout(settings.timeout).build().map_err(|error| refused(&error))?;
        let nodes = settings.urls.iter().map(|url| node(url, &settings)).collect::<Result<_, _>>()?;
        Ok(Self { nodes, answered_last: AtomicUsize::new(0), auth: settings.auth, http, mode: settings.mode })
    }

    /// Whether missing schemas are registered.
    #[must_use]
    pub fn mode(&self) -> RegistryMode {
        self.mode
    }

    /// The id of exactly this schema under this subject (see [`RegistryMode`]).
    ///
    /// An address that cannot be reached is passed over; an answer, also a refusal, is final.
    pub async fn resolve(&self, subject: &str, schema: &str) -> Result<Resolved, RegistryError> {
        let body = json!({ "schema": schema, "schemaType": "AVRO" }).to_string();
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            match self.at_any_node(subject, async |node| self.resolve_at(node, subject, &body).await).await {
                Err(RegistryError::Unreachable { .. }) if tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                outcome => return outcome,
            }
        }
    }

    /// The schema with this id, as whoever wrote a record registered it.
    ///
    /// An address that cannot be reached is passed over; an answer, also a refusal, is final.
    pub async fn schema(&self, id: u32) -> Result<String, RegistryError> {
        self.at_any_node(&format!("schema id {id}"), async |node| {
            let answer = perform_sr_call(&node.settings, SrCall::GetById(id)).await.map_err(Failure::from_converter)?;
            answer.schema.ok_or_else(|| Failure::Unusable("the answer has no schema".to_owned()))
        })
        .await
    }

    /// Asks one address after the other, first the one that answered last: one that cannot be reached is passed over; an
    /// answer, also a refusal, is final. `about` is what the error names.
    async fn at_any_node<T>(
        &self,
        about: &str,
        ask: impl AsyncFn(&Node) -> Result<T, Failure>,
    ) -> Result<T, RegistryError> {
        let mut last = Err(RegistryError::Configuration { reason: "no address given".to_owned() });
        let first = self.answered_last.load(Ordering::Relaxed);
        for number in (first..self.nodes.len()).chain(0..first) {
            let node = &self.nodes[number];
            last = ask(node).await.map_err(|failure| failure.explain(about, &node.url, &self.auth));
            if !matches!(last, Err(RegistryError::Unreachable { .. })) {
                self.answered_last.store(number, Ordering::Relaxed);
                break;
            }
        }
        last
    }

    /// Compatibility first, so that the registration is already checked under it.
    async fn resolve_at(&self, node: &Node, subject: &str, body: &str) -> Result<Resolved, Failure> {
        let (compatibility, call) = match self.mode {
            RegistryMode::Lookup => (Compatibility::NotAsked, SrCall::PostForVersion(subject, body)),
            RegistryMode::Register => {
                let level = compatibility::ensure(&self.http, &self.auth, &node.url, subject).await?;
                (level, SrCall::PostNew(subject, body))
            }
        };
        let answer = perform_sr_call(&node.settings, call).await.map_err(Failure::from_converter)?;
        let id = answer.id.ok_or_else(|| Failure::Unusable("the answer has no schema id".to_owned()))?;
        Ok(Resolved { id, compatibility })
    }
}

fn node(url: &str, settings: &RegistrySettings) -> Result<Node, RegistryError> {
    let url = checked(url)?;
    let mut builder = SrSettings::new_builder(url.clone());
    builder.set_timeout(settings.timeout);
    match &settings.auth {
        RegistryAuth::None => {}
        RegistryAuth::Basic { username, password } => {
            builder.set_basic_authorization(username, Some(password));
        }
        RegistryAuth::Bearer { token } => {
            builder.set_token_authorization(token);
        }
    }
    let settings = builder.build_with(http_client(settings)?).map_err(|error| refused(&error))?;
    Ok(Node { url, settings })
}

/// The address without a slash at its end. It appears in errors, so it may not carry a password.
fn checked(url: &str) -> Result<String, RegistryError> {
    let refuse = |reason: String| Err(RegistryError::Configuration { reason });
    match reqwest::Url::parse(url) {
        Err(error) => refuse(format!("an address is not a URL: {error}")),
        Ok(parsed) if !matches!(parsed.scheme(), "http" | "https") => refuse(format!("{url} is not http or https")),
        Ok(parsed) if !parsed.username().is_empty() || parsed.password().is_some() => {
            refuse("an address carries credentials; give user name and password in their own settings".to_owned())
        }
        Ok(_) => Ok(url.trim_end_matches('/').to_owned()),
    }
}

fn http_client(settings: &RegistrySettings) -> Result<reqwest::ClientBuilder, RegistryError> {
    // No variable but ours decides where the schemas and the password go.
    let builder = reqwest::Client::builder().no_proxy();
    let Some(pem) = &settings.ca_pem else { return Ok(builder) };
    let authority = reqwest::Certificate::from_pem(pem).map_err(|error| refused(&error))?;
    Ok(builder.add_root_certificate(authority))
}

fn refused(error: &dyn std::error::Error) -> RegistryError {
    RegistryError::Configuration { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_credential() {
        let auth = RegistryAuth::Basic { username: "key".to_owned(), password: "hunter2".to_owned() };
        assert_eq!(format!("{auth:?}"), "Basic");
    }

    #[test]
    fn an_address_with_a_password_is_refused_without_showing_it() {
        let error = checked("http://key:hunter2@registry").unwrap_err().to_string();
        assert!(error.contains("carries credentials") && !error.contains("hunter2"), "{error}");
        assert!(checked("registry:8081").is_err());
        assert_eq!(checked("https://registry/apis/ccompat/v7/").unwrap(), "https://registry/apis/ccompat/v7");
    }

    #[tokio::test]
    async fn an_unreachable_registry_is_named_with_subject_and_address() {
        // A port that was free a moment ago and that nobody listens on.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        let registry = Registry::new(RegistrySettings {
            urls: vec![url.clone()],
            auth: RegistryAuth::None,
            ca_pem: None,
            timeout: Duration::from_secs(5),
            mode: RegistryMode::Lookup,
        })
        .unwrap();
        let error = registry.resolve("t-value", "\"string\"").await.unwrap_err();
        assert!(matches!(error, RegistryError::Unreachable { .. }), "{error}");
        assert!(error.to_string().contains(&url) && error.to_string().contains("t-value"), "{error}");
    }
}
