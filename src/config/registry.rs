//! `[registry]`: the schema registry.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::parse::{self, MINUTE, SECOND};
use super::reader::Reader;
use crate::secret::Secret;

/// How the schemas get their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// `registry.url`: one or several addresses of the same registry (Confluent API), without a slash at the end.
    pub urls: Vec<String>,
    /// `registry.mode`.
    pub mode: RegistryMode,
    /// The login.
    pub auth: RegistryAuth,
    /// `registry.ca_file`: PEM certificates to trust in addition to the system's.
    pub ca_file: Option<PathBuf>,
    /// `registry.timeout`, for one call.
    pub timeout: Duration,
}

/// `registry.mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryMode {
    /// Missing schemas are registered.
    Register,
    /// Missing schemas are an error; somebody else registers them.
    Lookup,
}

/// How ramstream logs in to the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryAuth {
    /// Not at all.
    None,
    /// `registry.username` and `registry.password`.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Secret,
    },
    /// `registry.bearer_token`.
    Bearer(Secret),
}

const MODES: &[(&str, RegistryMode)] = &[("register", RegistryMode::Register), ("lookup", RegistryMode::Lookup)];

impl Registry {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let mend = "set it to the address of the schema registry, such as \"https://registry:8081\"";
        let urls: Vec<Url> = r.required("registry.url", mend, parse::list(parse::url));
        let auth = RegistryAuth::read(r);
        let open = |url: &Url| url.scheme() == "http" && !parse::is_loopback(url);
        if auth != RegistryAuth::None && urls.iter().any(open) {
            r.fault("registry.url", "the login would be sent over the network in clear text", "use https");
        }
        Self {
            urls: urls.iter().map(|url| url.as_str().trim_end_matches('/').to_owned()).collect(),
            mode: r.value("registry.mode", "register", parse::one_of(MODES)),
            auth,
            ca_file: r.optional("registry.ca_file", parse::file),
            timeout: r.value("registry.timeout", "10s", parse::duration(SECOND..=5 * MINUTE)),
        }
    }
}

impl RegistryAuth {
    fn read(r: &mut Reader<'_>) -> Self {
        let username = r.optional("registry.username", parse::text);
        let password = r.secret("registry.password");
        let token = r.secret("registry.bearer_token");
        match (username, password, token) {
            (None, None, None) => Self::None,
            (None, None, Some(token)) => Self::Bearer(token),
            (Some(username), Some(password), None) => Self::Basic { username, password },
            (Some(_), None, None) => {
                r.missing("registry.password", "registry.username needs it; password_file names a file with it");
                Self::None
            }
            (None, Some(_), None) => {
                r.missing("registry.username", "registry.password needs it");
                Self::None
            }
            (_, _, Some(_)) => {
                r.fault(
                    "registry.bearer_token",
                    "a username or password is given as well",
                    "give one of the two logins",
                );
                Self::None
            }
        }
    }
}
