//! Why there are no credentials: the link, the reason, the mend.

use std::error::Error;
use std::fmt;

use super::super::error::CallError;
use super::super::exchange::ExchangeError;
use crate::model::Reason;

/// A way to get credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Values in the configuration.
    Configuration,
    /// Files that the configuration names.
    Files,
    /// Alibaba Cloud's own variables.
    Environment,
    /// The token of an identity provider (RRSA).
    Oidc,
    /// A profile of Alibaba Cloud's command line.
    Profile,
    /// The metadata service of an ECS instance.
    EcsMetadata,
    /// An address that gives credentials.
    Uri,
    /// A role on top of another link.
    AssumeRole,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configuration => "configuration",
            Self::Files => "files",
            Self::Environment => "environment",
            Self::Oidc => "oidc",
            Self::Profile => "profile",
            Self::EcsMetadata => "ecs",
            Self::Uri => "uri",
            Self::AssumeRole => "assume_role",
        })
    }
}

/// A link of the chain has no credentials. No text of it holds a secret, or what a service said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("credentials by {link}: {what}: {mend}")]
pub struct CredentialsError {
    link: Link,
    what: String,
    mend: String,
    reason: Reason,
}

impl CredentialsError {
    pub(super) fn new(link: Link, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { link, what: what.into(), mend: mend.into(), reason: Reason::Unauthenticated }
    }

    /// STS was asked, and gave none.
    pub(super) fn of_call(link: Link, error: &CallError, mend: impl Into<String>) -> Self {
        let reason = match error.reason() {
            passing @ (Reason::Throttled | Reason::Unavailable | Reason::OutOfTime) => passing,
            _ => Reason::Unauthenticated,
        };
        Self { reason, ..Self::new(link, with_causes(error), mend) }
    }

    /// Something near this process was asked, and did not answer.
    pub(super) fn of_exchange(link: Link, whom: &str, error: &ExchangeError, mend: impl Into<String>) -> Self {
        let what = format!("{whom} does not answer ({})", with_causes(error));
        Self { reason: Reason::Unavailable, ..Self::new(link, what, mend) }
    }

    pub(super) fn out_of_time(link: Link) -> Self {
        let (what, mend) = ("the time budget was used up before there were any", "wait, or lengthen sync.time_budget");
        Self { reason: Reason::OutOfTime, ..Self::new(link, what, mend) }
    }

    /// The link that has none.
    #[must_use]
    pub fn link(&self) -> Link {
        self.link
    }

    /// The kind of error, for records.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}
