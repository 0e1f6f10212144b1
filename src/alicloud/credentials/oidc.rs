//! A role by the token of an identity provider: RRSA on ACK, or any other provider that the account trusts.
//!
//! STS AssumeRoleWithOIDC is not signed: the token is the proof. It travels in the body, for queries are logged by
//! whatever stands between. Its file is read at every exchange: whoever issued it replaces it.

use std::path::PathBuf;
use std::{fmt, fs};

use super::super::session::{Outgoing, Session};
use super::super::sign::canonical_query;
use super::super::sts::ASSUME_ROLE_WITH_OIDC;
use super::assume_role::RoleSettings;
use super::expiring::Expiring;
use super::issued::{Issued, OfSts};
use super::{Credentials, CredentialsError, Link};
use crate::secret::Secret;

/// Which role, and what proves that it may be taken on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcSettings {
    /// The role; an external id has no place here.
    pub role: RoleSettings,
    /// `acs:ram::<account>:oidc-provider/<name>`.
    pub provider_arn: String,
    /// Holds the token.
    pub token_file: PathBuf,
}

/// See the module's page.
#[derive(Debug)]
pub struct OidcRole {
    settings: OidcSettings,
    pub(super) held: Expiring,
}

impl OidcRole {
    /// The role of `settings`. Nothing is read or called yet.
    #[must_use]
    pub fn new(settings: OidcSettings) -> Self {
        Self { settings, held: Expiring::new(Link::Oidc) }
    }

    pub(super) async fn current(&self, session: &Session) -> Result<Credentials, CredentialsError> {
        self.held.current(session, self.assume(session)).await
    }

    async fn assume(&self, session: &Session) -> Result<Issued, CredentialsError> {
        let token = self.token()?;
        let OidcSettings { role: RoleSettings { role_arn, session_name, policy, duration, .. }, provider_arn, .. } =
            &self.settings;
        let seconds = duration.as_secs().to_string();
        let mut parameters = vec![
            ("RoleArn", role_arn.as_str()),
            ("OIDCProviderArn", provider_arn),
            ("OIDCToken", token.expose()),
            ("RoleSessionName", session_name),
            ("DurationSeconds", &seconds),
        ];
        parameters.extend(policy.as_ref().map(|policy| ("Policy", policy.as_str())));
        let form = Secret::new(canonical_query(&parameters));
        let answer = session.ask_sts::<OfSts>(&ASSUME_ROLE_WITH_OIDC, &Outgoing::Unsigned { form: &form }).await;
        let answer = answer.map_err(|error| {
            let mend = format!("let the trust policy of {role_arn} name {provider_arn} and the subject of the token");
            CredentialsError::of_call(Link::Oidc, &error, mend)
        })?;
        Ok(answer.into())
    }

    fn token(&self) -> Result<Secret, CredentialsError> {
        let path = &self.settings.token_file;
        let failed = |what: String| {
            let mend = "let the provider's token be mounted there, and this process read it";
            CredentialsError::new(Link::Oidc, format!("the token file {} {what}", path.display()), mend)
        };
        let text = fs::read_to_string(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
        let token = text.trim();
        if token.is_empty() {
            return Err(failed("is empty".to_owned()));
        }
        Ok(Secret::new(token))
    }
}

impl fmt::Display for OidcRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by the token in {}", self.settings.role.role_arn, self.settings.token_file.display())
    }
}
