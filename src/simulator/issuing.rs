//! Temporary keys: who gets them, and how long they live.
//!
//! Does not evaluate trust policies: an OIDC token is trusted if the control address was told of it, an external id is
//! asked for if the control address says so, and whoever is not the root account may assume any role.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::authentication::{Identity, Key, Keys};
use crate::ambient;
use crate::secret::Secret;

/// What the control address says of temporary keys. `Debug` shows no secret.
#[derive(Debug, Default)]
pub(super) struct Issuing {
    rules: Mutex<Rules>,
    trusted: Mutex<Option<Trusted>>,
    instance: Mutex<Instance>,
}

/// What holds for every session from now on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rules {
    /// So long lives every key that is issued, whatever is asked for.
    pub(super) seconds: Option<u32>,
    /// What AssumeRole asks for.
    pub(super) external_id: Option<Secret>,
}

/// The token of an identity provider that stands for any role.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trusted {
    /// The provider.
    pub(super) provider_arn: String,
    /// What it issued.
    pub(super) token: Secret,
}

/// The ECS instance whose metadata service is simulated.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Instance {
    /// The role that it carries.
    pub(super) role: Option<String>,
    /// How its metadata service may be asked.
    #[serde(default)]
    pub(super) mode: Mode,
    /// It fails with HTTP 500.
    #[serde(default)]
    pub(super) fails: bool,
}

/// How a metadata service may be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    /// With a token alone.
    #[default]
    Hardened,
    /// With a token or without.
    Both,
    /// Without: it knows no tokens.
    V1,
}

/// A temporary key, as those who asked for it see it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Issued {
    access_key_id: String,
    access_key_secret: String,
    security_token: String,
    expiration: Timestamp,
}

impl Issuing {
    pub(super) fn rules(&self) -> Rules {
        super::lock(&self.rules).clone()
    }

    pub(super) fn set_rules(&self, rules: Rules) {
        *super::lock(&self.rules) = rules;
    }

    pub(super) fn trust(&self, trusted: Trusted) {
        *super::lock(&self.trusted) = Some(trusted);
    }

    pub(super) fn trusts(&self, provider_arn: &str, token: &str) -> bool {
        let trusted = super::lock(&self.trusted);
        trusted.as_ref().is_some_and(|it| it.provider_arn == provider_arn && it.token.expose() == token)
    }

    pub(super) fn instance(&self) -> Instance {
        super::lock(&self.instance).clone()
    }

    pub(super) fn set_instance(&self, instance: Instance) {
        *super::lock(&self.instance) = instance;
    }
}

/// Makes a key for `identity` that verifies for `seconds`, or for as long as the rules say.
pub(super) fn issue(keys: &Keys, identity: Identity, now: Timestamp, seconds: u32) -> Issued {
    let seconds = keys.issuing.rules().seconds.unwrap_or(seconds);
    let (access_key_id, secret) = (format!("STS.{}", ambient::text(24)), ambient::text(44));
    let (token, expiration) =
        (format!("CAIS{}", ambient::text(180)), now + SignedDuration::from_secs(i64::from(seconds)));
    let session = Some((Secret::new(token.clone()), expiration));
    keys.add(access_key_id.clone(), Key { secret: Secret::new(secret.clone()), identity, session });
    Issued { access_key_id, access_key_secret: secret, security_token: token, expiration }
}
