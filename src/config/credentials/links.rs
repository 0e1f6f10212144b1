//! The links that have settings of their own; Alibaba Cloud's variables stand in for each that is not given.

use std::path::PathBuf;

use reqwest::Url;

use super::super::parse::{self, Parsed};
use super::super::problem::Fault;
use super::super::reader::Reader;
use super::super::source::Raw;
use super::Source;
use super::assume_role::{SESSION_NAME, role_arn, session_name};
use crate::secret::Secret;

pub(super) const OIDC: &[&str] = &[
    "credentials.oidc.role_arn",
    "credentials.oidc.provider_arn",
    "credentials.oidc.token_file",
    "credentials.oidc.session_name",
];
pub(super) const PROFILE: &[&str] = &["credentials.profile.file", "credentials.profile.name"];
pub(super) const ECS: &[&str] = &["credentials.ecs.role"];
pub(super) const URI: &[&str] = &["credentials.uri"];

/// Of the chain's last link, too: it has an effect without being a choice of that link.
const ECS_ALLOW_V1: &str = "credentials.ecs.allow_v1";

/// A role by the token of an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// The role.
    pub role_arn: String,
    /// The identity provider, as the account knows it.
    pub provider_arn: String,
    /// Holds the token.
    pub token_file: PathBuf,
    /// What the role's calls are called in the audit log.
    pub session_name: String,
}

/// A profile of Alibaba Cloud's command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Usually `~/.aliyun/config.json`.
    pub file: PathBuf,
    /// The profile that the file calls current, without one.
    pub name: Option<String>,
    /// For profiles of the mode EcsRamRole.
    pub allow_v1: bool,
}

/// The role of the ECS instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ecs {
    /// Its name; whichever the instance has, without one.
    pub role: Option<String>,
    /// Whether the metadata service may be asked without a token.
    pub allow_v1: bool,
    /// Whether somebody chose it.
    pub is_chosen: bool,
}

/// What was given of all of them.
pub(super) struct Links {
    oidc: [Option<String>; 4],
    profile: (Option<PathBuf>, Option<String>),
    ecs_role: Option<String>,
    allow_v1: bool,
    uri: Option<Secret>,
}

impl Links {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        Self {
            oidc: [
                r.optional(OIDC[0], role_arn),
                r.optional(OIDC[1], parse::text),
                r.optional(OIDC[2], parse::text),
                r.optional(OIDC[3], session_name),
            ],
            profile: (r.secret_file(PROFILE[0]), r.optional(PROFILE[1], parse::text)),
            ecs_role: r.optional(ECS[0], role_name),
            allow_v1: r.value(ECS_ALLOW_V1, "false", parse::boolean),
            uri: r.hidden(URI[0]),
        }
    }

    /// `None` comes with a problem.
    pub(super) fn oidc(self, r: &mut Reader<'_>) -> Option<Source> {
        let [role, provider, token_file, session] = self.oidc;
        let mend =
            "set all of ALIBABA_CLOUD_ROLE_ARN, ALIBABA_CLOUD_OIDC_PROVIDER_ARN and ALIBABA_CLOUD_OIDC_TOKEN_FILE";
        let mut needed = |value: Option<String>, key: &str, name: &str, parse: fn(&Raw) -> Parsed<String>| {
            let value = value.or_else(|| r.shown_stand_in(name, key, parse));
            if value.is_none() && !r.is_given(key) && r.theirs(name).is_none() {
                r.missing(key, mend);
            }
            value
        };
        let role_arn = needed(role, OIDC[0], "ALIBABA_CLOUD_ROLE_ARN", role_arn);
        let provider_arn = needed(provider, OIDC[1], "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", parse::text);
        let token_file = needed(token_file, OIDC[2], "ALIBABA_CLOUD_OIDC_TOKEN_FILE", parse::text);
        let session = session.or_else(|| r.shown_stand_in("ALIBABA_CLOUD_ROLE_SESSION_NAME", OIDC[3], session_name));
        Some(Source::Oidc(Oidc {
            role_arn: role_arn?,
            provider_arn: provider_arn?,
            token_file: token_file?.into(),
            session_name: session.unwrap_or_else(|| SESSION_NAME.to_owned()),
        }))
    }

    /// `None` comes with a problem.
    pub(super) fn profile(self, r: &mut Reader<'_>) -> Option<Source> {
        let (file, name) = self.profile;
        if file.is_none() && r.is_given(PROFILE[0]) {
            return None;
        }
        let name = name.or_else(|| r.shown_stand_in("ALIBABA_CLOUD_PROFILE", PROFILE[1], parse::text));
        let file = match file.or_else(|| r.in_home(".aliyun/config.json")) {
            Some(file) => file,
            None => {
                r.missing(PROFILE[0], "HOME is not set: name the file that `aliyun configure` wrote");
                return None;
            }
        };
        r.check_permissions(PROFILE[0], &file);
        Some(Source::Profile(Profile { file, name, allow_v1: self.allow_v1 }))
    }

    pub(super) fn ecs(self, r: &mut Reader<'_>, is_chosen: bool) -> Source {
        let role = self.ecs_role.or_else(|| r.shown_stand_in("ALIBABA_CLOUD_ECS_METADATA", ECS[0], role_name));
        Source::Ecs(Ecs { role, allow_v1: self.allow_v1, is_chosen })
    }

    /// `None` comes with a problem.
    pub(super) fn uri(self, r: &mut Reader<'_>) -> Option<Source> {
        let uri = match self.uri {
            Some(uri) => uri,
            None => match r.stand_in("ALIBABA_CLOUD_CREDENTIALS_URI", URI[0]) {
                Some(uri) => Secret::new(uri),
                None => {
                    r.missing(URI[0], "give the address, or set ALIBABA_CLOUD_CREDENTIALS_URI");
                    return None;
                }
            },
        };
        match why_not(&uri) {
            None => Some(Source::Uri(uri)),
            Some(reason) => {
                r.fault(URI[0], reason, "write https://…, or http:// to this machine itself (127.0.0.1)");
                None
            }
        }
    }
}

/// What is wrong with an address of credentials, without repeating it.
fn why_not(uri: &Secret) -> Option<&'static str> {
    match Url::parse(uri.expose()) {
        Ok(url) if !matches!(url.scheme(), "https" | "http") || !url.has_host() => Some("is not an http address"),
        Ok(url) if url.scheme() == "http" && !parse::is_loopback(&url) => {
            Some("is plain http to another machine: everybody on the way could read the credentials")
        }
        Ok(_) => None,
        Err(_) => Some("is not an address"),
    }
}

fn role_name(raw: &Raw) -> Parsed<String> {
    let name = parse::text(raw)?;
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.bytes().all(is_fine) {
        return Ok(name);
    }
    Err(Fault::new(format!("{name:?} is not the name of a role"), "write the name alone, not the ARN"))
}
