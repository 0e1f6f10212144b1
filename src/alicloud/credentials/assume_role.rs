//! A role on top of any other link: STS AssumeRole.
//!
//! The credentials below may belong to another account (that is what roles are for): the one call that is made with them
//! is this. Whose the role's credentials are is asked before they are used, as with all others.

use std::fmt;
use std::time::Duration;

use super::super::error::CallError;
use super::super::session::{Outgoing, Session};
use super::super::sign::canonical_query;
use super::super::sts::ASSUME_ROLE;
use super::expiring::Expiring;
use super::issued::{Issued, OfSts};
use super::{Credentials, CredentialsError, CredentialsSource, Link};
use crate::secret::Secret;

/// Which role, and how it is taken on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSettings {
    /// `acs:ram::<account>:role/<name>`.
    pub role_arn: String,
    /// What the role's calls are called in the audit log.
    pub session_name: String,
    /// What the role's trust policy may ask for.
    pub external_id: Option<Secret>,
    /// Narrows what the role may do, JSON.
    pub policy: Option<String>,
    /// How long the credentials are asked for.
    pub duration: Duration,
}

impl RoleSettings {
    /// The session name where none is given: the same at every start, so that an audit log can be searched for it.
    pub const SESSION_NAME: &str = "ramstream";
    /// The duration where none is given; every role allows it.
    pub const DURATION: Duration = Duration::from_secs(3600);
}

/// A role, and the credentials that may take it on.
#[derive(Debug)]
pub struct AssumedRole {
    base: CredentialsSource,
    settings: RoleSettings,
    pub(super) held: Expiring,
}

impl AssumedRole {
    /// The role of `settings`, taken on by credentials of `base`. Nothing is called yet.
    #[must_use]
    pub fn new(base: CredentialsSource, settings: RoleSettings) -> Self {
        Self { base, settings, held: Expiring::new(Link::AssumeRole) }
    }

    pub(super) async fn current(&self, session: &Session) -> Result<Credentials, CredentialsError> {
        self.held.current(session, self.assume(session)).await
    }

    async fn assume(&self, session: &Session) -> Result<Issued, CredentialsError> {
        let base = self.base.current(session).await?;
        let refused = match self.ask(session, &base).await {
            Err(error @ CallError::Unauthenticated(_)) => error,
            outcome => return outcome.map_err(|error| self.failed(&error)),
        };
        // They may have been exchanged meanwhile, or expire earlier than they said.
        self.base.distrust(&base);
        let again = self.base.current(session).await?;
        if again == base {
            return Err(self.failed(&refused));
        }
        self.ask(session, &again).await.map_err(|error| self.failed(&error))
    }

    async fn ask(&self, session: &Session, credentials: &Credentials) -> Result<Issued, CallError> {
        let RoleSettings { role_arn, session_name, external_id, policy, duration } = &self.settings;
        let seconds = duration.as_secs().to_string();
        let mut parameters =
            vec![("RoleArn", role_arn.as_str()), ("RoleSessionName", session_name), ("DurationSeconds", &seconds)];
        parameters.extend(external_id.as_ref().map(|id| ("ExternalId", id.expose())));
        parameters.extend(policy.as_ref().map(|policy| ("Policy", policy.as_str())));
        let query = canonical_query(&parameters);
        let answer: OfSts = session.ask_sts(&ASSUME_ROLE, &Outgoing::Signed { query: &query, credentials }).await?;
        Ok(answer.into())
    }

    fn failed(&self, error: &CallError) -> CredentialsError {
        let mend = format!(
            "grant sts:AssumeRole to whom {} gives, and let the trust policy of {} name them",
            self.base.link(),
            self.settings.role_arn
        );
        CredentialsError::of_call(Link::AssumeRole, error, mend)
    }
}

impl fmt::Display for AssumedRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.settings.role_arn, self.base)
    }
}
