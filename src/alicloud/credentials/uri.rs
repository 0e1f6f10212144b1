//! An address that gives credentials to whoever may reach it: a sidecar, an agent, a vault.

use std::fmt;

use reqwest::{Method, Url};

use super::super::exchange::{ExchangeSettingsError, Nearby};
use super::super::session::Session;
use super::expiring::Expiring;
use super::issued::{self, Issued};
use super::{Credentials, CredentialsError, Link};

/// See the module's page. Only the host of the address is ever shown: path and query may be what lets one in.
pub struct CredentialsUri {
    address: Url,
    nearby: Nearby,
    pub(super) held: Expiring,
}

impl CredentialsUri {
    /// Credentials from `address`. Nothing is called yet.
    ///
    /// # Errors
    /// The HTTP client does not start.
    pub fn new(address: Url) -> Result<Self, ExchangeSettingsError> {
        Ok(Self { address, nearby: Nearby::new()?, held: Expiring::new(Link::Uri) })
    }

    pub(super) async fn current(&self, session: &Session) -> Result<Credentials, CredentialsError> {
        self.held.current(session, self.fetch()).await
    }

    async fn fetch(&self) -> Result<Issued, CredentialsError> {
        let mend = "look at what serves it; it has to give Code, AccessKeyId, AccessKeySecret, SecurityToken and \
                    Expiration as the metadata service does";
        let failed = |what: String| CredentialsError::new(Link::Uri, format!("the answer of {self} {what}"), mend);
        let reply = self.nearby.ask(Method::GET, self.address.clone(), None).await;
        let reply = reply.map_err(|error| CredentialsError::of_exchange(Link::Uri, &self.to_string(), &error, mend))?;
        if reply.status != 200 {
            return Err(failed(format!("is a status {}", reply.status)));
        }
        issued::nearby(&reply.body).map_err(failed)
    }
}

impl fmt::Display for CredentialsUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address.host_str().unwrap_or_default())
    }
}

impl fmt::Debug for CredentialsUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsUri").field("host", &self.to_string()).finish_non_exhaustive()
    }
}
