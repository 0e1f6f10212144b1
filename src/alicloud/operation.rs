//! What is known about an operation besides its parameters: where it lives, what it needs, how often it may be called.

use std::fmt;

use super::endpoints::Service;

/// One operation of a service.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// The service that has it.
    pub service: Service,
    /// Its name, as `x-acs-action` carries it.
    pub name: &'static str,
    /// The action (of RAM's, or of the service's own) that the credentials must be granted; none if everybody may call it.
    pub ram_action: Option<&'static str>,
    /// How often the account may call it.
    pub quota: Quota,
}

impl Operation {
    /// The version of the interface that it belongs to.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.service.version()
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.service, self.name)
    }
}

/// Calls per second that one account may make of one operation, *all* its callers together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// As the service's page "API rate quotas" says.
    Documented(u32),
    /// No row was found for the operation: the lowest quota documented for its service, writes aside.
    Assumed(u32),
}

impl Quota {
    /// The calls per second.
    #[must_use]
    pub fn per_second(self) -> u32 {
        match self {
            Self::Documented(calls) | Self::Assumed(calls) => calls,
        }
    }
}
