//! Credentials, and where they come from: a file per link of the chain.
//!
//! Promises the credentials that are valid *now*: files are read again when they change, temporary credentials are
//! exchanged before they expire, in the middle of a sync too. Which link is the one was decided before (the caller says
//! so): a link that fails is an error, and no other takes its place. Does not judge whether a service accepts them, nor
//! whose they are: `session.rs` asks before anything but a change of credentials is signed with them.

mod assume_role;
mod error;
mod expiring;
mod files;
mod issued;
mod metadata;
mod oidc;
mod profile;
mod uri;

use std::fmt;

use futures::future::BoxFuture;

pub use self::assume_role::{AssumedRole, RoleSettings};
pub use self::error::{CredentialsError, Link};
pub use self::files::CredentialFiles;
pub use self::metadata::{DEFAULT_METADATA, EcsRole, EcsSettings};
pub use self::oidc::{OidcRole, OidcSettings};
pub use self::profile::CliProfile;
pub use self::uri::CredentialsUri;
use super::session::Session;
use crate::secret::Secret;

/// What a request is signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The AccessKeyId: public, it travels in every request and appears in the service's logs.
    pub access_key_id: String,
    /// The AccessKeySecret.
    pub access_key_secret: Secret,
    /// The token that temporary credentials (STS) need in addition.
    pub security_token: Option<Secret>,
}

impl Credentials {
    /// Whether one of the secrets, or the beginning of one (a text may be cut), stands in `text`.
    pub(super) fn are_in(&self, text: &str) -> bool {
        const TELLING: usize = 12;
        let secrets = [Some(&self.access_key_secret), self.security_token.as_ref()].into_iter().flatten();
        let mut heads = secrets.map(|secret| secret.expose()).filter(|secret| !secret.is_empty());
        heads.any(|secret| text.contains(secret.get(..TELLING).unwrap_or(secret)))
    }
}

/// Where credentials come from. `Display` says which link it is, and by what it is told from others of its kind.
#[derive(Debug)]
pub enum CredentialsSource {
    /// Given once in the configuration, valid as long as the process runs.
    Static(Credentials),
    /// Alibaba Cloud's own variables.
    Environment(Credentials),
    /// Kept in files that something else may replace.
    Files(CredentialFiles),
    /// A role that the token of an identity provider stands for.
    Oidc(OidcRole),
    /// A profile of Alibaba Cloud's command line.
    Profile(CliProfile),
    /// The role of the ECS instance that this runs on.
    EcsMetadata(EcsRole),
    /// An address that gives credentials.
    Uri(CredentialsUri),
    /// A role, by credentials of any other source.
    AssumeRole(Box<AssumedRole>),
    /// Kept by a simulation, which may replace them at any time.
    #[cfg(feature = "simulation")]
    Shared(std::sync::Arc<std::sync::Mutex<Credentials>>),
}

impl CredentialsSource {
    /// The credentials to sign the next request with.
    ///
    /// # Errors
    ///
    /// The link that has none, why, and the mend.
    pub(super) fn current<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<Credentials, CredentialsError>> {
        Box::pin(async move {
            match self {
                Self::Static(credentials) | Self::Environment(credentials) => Ok(credentials.clone()),
                Self::Files(files) => files.current(),
                Self::Oidc(role) => role.current(session).await,
                Self::Profile(profile) => profile.current(session).await,
                Self::EcsMetadata(role) => role.current(session).await,
                Self::Uri(uri) => uri.current(session).await,
                Self::AssumeRole(role) => role.current(session).await,
                #[cfg(feature = "simulation")]
                Self::Shared(shared) => Ok(shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()),
            }
        })
    }

    /// Takes back temporary credentials that a service refused, so that the next ones are asked for.
    pub(super) fn distrust(&self, refused: &Credentials) {
        match self {
            Self::Oidc(role) => role.held.distrust(refused),
            Self::Profile(profile) => profile.distrust(refused),
            Self::EcsMetadata(role) => role.held.distrust(refused),
            Self::Uri(uri) => uri.held.distrust(refused),
            Self::AssumeRole(role) => role.held.distrust(refused),
            Self::Static(_) | Self::Environment(_) | Self::Files(_) => {}
            #[cfg(feature = "simulation")]
            Self::Shared(_) => {}
        }
    }

    /// The link of the chain that this is.
    #[must_use]
    pub fn link(&self) -> Link {
        match self {
            Self::Static(_) => Link::Configuration,
            Self::Environment(_) => Link::Environment,
            Self::Files(_) => Link::Files,
            Self::Oidc(_) => Link::Oidc,
            Self::Profile(_) => Link::Profile,
            Self::EcsMetadata(_) => Link::EcsMetadata,
            Self::Uri(_) => Link::Uri,
            Self::AssumeRole(_) => Link::AssumeRole,
            #[cfg(feature = "simulation")]
            Self::Shared(_) => Link::Configuration,
        }
    }
}

impl fmt::Display for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = self.link();
        match self {
            Self::Oidc(role) => write!(f, "{link} ({role})"),
            Self::Profile(profile) => write!(f, "{link} ({profile})"),
            Self::EcsMetadata(role) => write!(f, "{link} ({role})"),
            Self::Uri(uri) => write!(f, "{link} ({uri})"),
            Self::AssumeRole(role) => write!(f, "{link} ({role})"),
            _ => write!(f, "{link}"),
        }
    }
}
