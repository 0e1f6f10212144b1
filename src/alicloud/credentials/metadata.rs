//! The role of the ECS instance that this runs on, from the instance's metadata service.
//!
//! In hardened mode (IMDSv2): a token is asked for first, with a request that nothing makes by accident. Without one (v1)
//! only where that is allowed expressly, because whoever can make this machine send a plain GET could read the answer.

use std::fmt;

use reqwest::{Method, Url};

use super::super::exchange::{ExchangeError, ExchangeSettingsError, Nearby, NearbyReply};
use super::super::session::Session;
use super::expiring::Expiring;
use super::issued::{self, Issued};
use super::{Credentials, CredentialsError, Link};
use crate::secret::Secret;

/// Where every ECS instance finds its metadata service.
pub const DEFAULT_METADATA: &str = "http://100.100.100.200";

const TOKEN: &str = "x-aliyun-ecs-metadata-token";
const TOKEN_TTL: &str = "x-aliyun-ecs-metadata-token-ttl-seconds";
const TTL_SECONDS: &str = "21600";
const TOKEN_PATH: &str = "/latest/api/token";
const ROLES_PATH: &str = "/latest/meta-data/ram/security-credentials/";

/// Where and how the metadata service is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcsSettings {
    /// [`DEFAULT_METADATA`], or a stand-in.
    pub address: Url,
    /// The role's name; whichever the instance has, without one.
    pub role: Option<String>,
    /// Whether the service may be asked without a token.
    pub allow_v1: bool,
    /// Whether somebody chose this link; otherwise it is what is left when nothing else is configured.
    pub is_chosen: bool,
}

/// See the module's page.
#[derive(Debug)]
pub struct EcsRole {
    settings: EcsSettings,
    nearby: Nearby,
    pub(super) held: Expiring,
}

impl EcsRole {
    /// The role of this instance. Nothing is called yet.
    ///
    /// # Errors
    /// The HTTP client does not start.
    pub fn new(settings: EcsSettings) -> Result<Self, ExchangeSettingsError> {
        Ok(Self { settings, nearby: Nearby::new()?, held: Expiring::new(Link::EcsMetadata) })
    }

    pub(super) async fn current(&self, session: &Session) -> Result<Credentials, CredentialsError> {
        self.held.current(session, self.fetch()).await
    }

    async fn fetch(&self) -> Result<Issued, CredentialsError> {
        let token = self.token().await?;
        let role = match &self.settings.role {
            Some(role) => role.clone(),
            None => self.role_of_instance(token.as_ref()).await?,
        };
        let reply = self.get(&format!("{ROLES_PATH}{role}"), token.as_ref()).await?;
        match reply.status {
            200 => issued::nearby(&reply.body).map_err(|what| {
                self.failed(format!("the answer for role {role} {what}"), "look at the instance's role in the console")
            }),
            404 => Err(self.failed(
                format!("the instance has no role {role}"),
                "attach that role to the instance, or leave its name out (ALIBABA_CLOUD_ECS_METADATA)",
            )),
            status => Err(self.odd(status)),
        }
    }

    /// None where v1 has to do. A service that fails is not one without tokens: then nothing is asked without one.
    async fn token(&self) -> Result<Option<Secret>, CredentialsError> {
        let asked = self.ask(Method::PUT, TOKEN_PATH, (TOKEN_TTL, Some(TTL_SECONDS))).await?;
        if asked.status >= 500 {
            return Err(self.odd(asked.status));
        }
        let token = String::from_utf8(asked.body).unwrap_or_default().trim().to_owned();
        let is_token = asked.status == 200 && !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        match (is_token, self.settings.allow_v1) {
            (true, _) => Ok(Some(Secret::new(token))),
            (false, true) => Ok(None),
            (false, false) => Err(self.failed(
                format!("the metadata service gives no token (status {})", asked.status),
                "let the instance's metadata service take tokens (hardened mode), or set credentials.ecs.allow_v1 = true",
            )),
        }
    }

    async fn role_of_instance(&self, token: Option<&Secret>) -> Result<String, CredentialsError> {
        let reply = self.get(ROLES_PATH, token).await?;
        let none = || self.failed("the instance has no role", "attach a RAM role to the instance");
        match reply.status {
            200 => {
                let names = String::from_utf8(reply.body).unwrap_or_default();
                let name = names.lines().next().unwrap_or_default().trim();
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
                if name.is_empty() || !name.bytes().all(is_name) { Err(none()) } else { Ok(name.to_owned()) }
            }
            404 => Err(none()),
            status => Err(self.odd(status)),
        }
    }

    async fn get(&self, path: &str, token: Option<&Secret>) -> Result<NearbyReply, CredentialsError> {
        self.ask(Method::GET, path, (TOKEN, token.map(Secret::expose))).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        (name, value): (&'static str, Option<&str>),
    ) -> Result<NearbyReply, CredentialsError> {
        let mut url = self.settings.address.clone();
        url.set_path(path);
        let header = value.map(|value| (name, value));
        self.nearby.ask(method, url, header).await.map_err(|error| self.silent(&error))
    }

    fn silent(&self, error: &ExchangeError) -> CredentialsError {
        let whom = format!("the metadata service at {}", self.settings.address.host_str().unwrap_or_default());
        if self.settings.is_chosen {
            let mend = "run this on an ECS instance, or choose other credentials";
            return CredentialsError::of_exchange(Link::EcsMetadata, &whom, error, mend);
        }
        let whom = format!("none are configured, and {whom}");
        let mend = "configure credentials (docs/credentials.md), or run this on an ECS instance with a role";
        CredentialsError::of_exchange(Link::EcsMetadata, &whom, error, mend)
    }

    fn odd(&self, status: u16) -> CredentialsError {
        let mend = "it is asked again by itself; if it stays, look at the instance";
        self.failed(format!("the metadata service answers with status {status}"), mend)
    }

    fn failed(&self, what: impl Into<String>, mend: &str) -> CredentialsError {
        CredentialsError::new(Link::EcsMetadata, what, mend)
    }
}

impl fmt::Display for EcsRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.settings.role {
            Some(role) => write!(f, "role {role} of this instance"),
            None => f.write_str("the role of this instance"),
        }
    }
}
