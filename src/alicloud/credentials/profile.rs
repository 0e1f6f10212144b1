//! A profile of Alibaba Cloud's command line (`~/.aliyun/config.json`), as that writes it.
//!
//! The file is read again when it changes; what hangs on it (the session of a role) lives on as long as the profile says
//! the same. Modes that need a person or another program are refused with what to do instead.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use std::{fmt, fs};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};

use super::super::session::Session;
use super::super::wire;
use super::assume_role::{AssumedRole, RoleSettings};
use super::metadata::{EcsRole, EcsSettings};
use super::oidc::{OidcRole, OidcSettings};
use super::{Credentials, CredentialsError, CredentialsSource, Link};
use crate::ambient;
use crate::secret::Secret;

/// A file that cannot be read this soon after it was written is being written: the profile from before holds.
const WRITING: Duration = Duration::from_secs(2);
/// Profiles that hang on each other, at most: more are a circle.
const CHAIN: usize = 8;

/// See the module's page.
#[derive(Debug)]
pub struct CliProfile {
    file: PathBuf,
    name: Option<String>,
    ecs: EcsSettings,
    held: Mutex<Option<Opened>>,
}

#[derive(Debug, Clone)]
struct Opened {
    stamp: SystemTime,
    /// The profile and those that it hangs on.
    chain: Vec<Profile>,
    source: Arc<CredentialsSource>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default, deserialize_with = "wire::text")]
    current: Option<String>,
    #[serde(default, deserialize_with = "wire::items")]
    profiles: Option<Vec<Profile>>,
}

/// The command line writes every field; an empty one says nothing.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Profile {
    #[serde(default, deserialize_with = "wire::text")]
    name: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    mode: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    access_key_id: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    access_key_secret: Option<Secret>,
    #[serde(default, deserialize_with = "secret")]
    sts_token: Option<Secret>,
    #[serde(default, deserialize_with = "wire::text")]
    ram_role_name: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    ram_role_arn: Option<String>,
    #[serde(default, alias = "role_session_name", deserialize_with = "wire::text")]
    ram_session_name: Option<String>,
    #[serde(default)]
    expired_seconds: Option<u64>,
    #[serde(default, deserialize_with = "secret")]
    external_id: Option<Secret>,
    #[serde(default, deserialize_with = "wire::text")]
    policy: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    source_profile: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    oidc_provider_arn: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    oidc_token_file: Option<String>,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(wire::text(deserializer)?.map(Secret::new))
}

impl CliProfile {
    /// The profile `name` of `file`, or the one that the file calls current. `ecs` is for the mode EcsRamRole. Nothing is
    /// read yet.
    #[must_use]
    pub fn new(file: PathBuf, name: Option<String>, ecs: EcsSettings) -> Self {
        Self { file, name, ecs, held: Mutex::default() }
    }

    pub(super) async fn current(&self, session: &Session) -> Result<Credentials, CredentialsError> {
        let source = self.source()?;
        source.current(session).await
    }

    pub(super) fn distrust(&self, refused: &Credentials) {
        let source = self.held().as_ref().map(|opened| Arc::clone(&opened.source));
        if let Some(source) = source {
            source.distrust(refused);
        }
    }

    /// What the profile stands for, by the file as it is now.
    fn source(&self) -> Result<Arc<CredentialsSource>, CredentialsError> {
        let unreadable = |error: std::io::Error| {
            let what = format!("{} cannot be read: {error}", self.file.display());
            failed(what, "make sure that it exists and that this process may read it (`aliyun configure` writes it)")
        };
        let stamp = fs::metadata(&self.file).and_then(|file| file.modified()).map_err(unreadable)?;
        let mut held = self.held();
        if let Some(opened) = held.as_ref().filter(|opened| opened.stamp == stamp) {
            return Ok(Arc::clone(&opened.source));
        }
        let opened = fs::read(&self.file).map_err(unreadable).and_then(|text| self.open(&text, stamp, held.as_ref()));
        match (opened, held.as_ref()) {
            (Ok(opened), _) => {
                let source = Arc::clone(&opened.source);
                *held = Some(opened);
                Ok(source)
            }
            (Err(_), Some(before)) if is_being_written(stamp) => Ok(Arc::clone(&before.source)),
            (Err(error), _) => Err(error),
        }
    }

    fn open(&self, text: &[u8], stamp: SystemTime, before: Option<&Opened>) -> Result<Opened, CredentialsError> {
        let file: File = wire::parse(text)
            .map_err(|what| failed(format!("{} {what}", self.file.display()), "let `aliyun configure` write it"))?;
        let chain = self.chain(file)?;
        if let Some(before) = before.filter(|before| before.chain == chain) {
            return Ok(Opened { stamp, ..before.clone() });
        }
        let source = Arc::new(self.stands_for(&chain)?);
        Ok(Opened { stamp, chain, source })
    }

    /// The profile, followed by those that it hangs on.
    fn chain(&self, file: File) -> Result<Vec<Profile>, CredentialsError> {
        let profiles = file.profiles.unwrap_or_default();
        let mut next = self.name.clone().or(file.current);
        let mut chain: Vec<Profile> = Vec::new();
        loop {
            let name = next.take().ok_or_else(|| {
                failed(
                    format!("{} calls no profile the current one", self.file.display()),
                    "name one (credentials.profile.name, or ALIBABA_CLOUD_PROFILE)",
                )
            })?;
            let found = profiles.iter().find(|profile| profile.name.as_deref() == Some(&name));
            let profile = found.ok_or_else(|| {
                let there: Vec<&str> = profiles.iter().filter_map(|profile| profile.name.as_deref()).collect();
                let what = format!("{} has no profile {name:?}, only {there:?}", self.file.display());
                failed(what, "name one of them (credentials.profile.name, or ALIBABA_CLOUD_PROFILE)")
            })?;
            chain.push(profile.clone());
            if profile.mode.as_deref() != Some("ChainableRamRoleArn") {
                return Ok(chain);
            }
            if chain.len() >= CHAIN {
                return Err(failed(format!("the profile {name:?} depends on itself"), "fix source_profile"));
            }
            next = Some(profile.needs("source_profile", profile.source_profile.as_ref())?.clone());
        }
    }

    fn stands_for(&self, chain: &[Profile]) -> Result<CredentialsSource, CredentialsError> {
        let Some((profile, below)) = chain.split_first() else {
            return Err(failed("there is no profile", "name one"));
        };
        let assumed = |base| Ok(CredentialsSource::AssumeRole(Box::new(AssumedRole::new(base, profile.role()?))));
        match profile.mode.as_deref().unwrap_or("AK") {
            "AK" => Ok(CredentialsSource::Static(profile.key(None)?)),
            "StsToken" => {
                let token = profile.needs("sts_token", profile.sts_token.as_ref())?;
                Ok(CredentialsSource::Static(profile.key(Some(token.clone()))?))
            }
            "RamRoleArn" => assumed(CredentialsSource::Static(profile.key(profile.sts_token.clone())?)),
            "ChainableRamRoleArn" => assumed(self.stands_for(below)?),
            "EcsRamRole" => {
                let settings = EcsSettings { role: profile.ram_role_name.clone(), is_chosen: true, ..self.ecs.clone() };
                let role = EcsRole::new(settings).map_err(|error| failed(error.to_string(), "restart"))?;
                Ok(CredentialsSource::EcsMetadata(role))
            }
            "OIDC" => Ok(CredentialsSource::Oidc(OidcRole::new(OidcSettings {
                role: profile.role()?,
                provider_arn: profile.needs("oidc_provider_arn", profile.oidc_provider_arn.as_ref())?.clone(),
                token_file: profile.needs("oidc_token_file", profile.oidc_token_file.as_ref())?.into(),
            }))),
            mode => Err(profile.refused(mode)),
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<Opened>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Profile {
    fn key(&self, security_token: Option<Secret>) -> Result<Credentials, CredentialsError> {
        let (id, secret) = (self.access_key_id.as_ref(), self.access_key_secret.as_ref());
        Ok(Credentials {
            access_key_id: self.needs("access_key_id", id)?.clone(),
            access_key_secret: self.needs("access_key_secret", secret)?.clone(),
            security_token,
        })
    }

    fn role(&self) -> Result<RoleSettings, CredentialsError> {
        let session_name = self.ram_session_name.clone();
        let seconds = self.expired_seconds.filter(|seconds| *seconds > 0);
        Ok(RoleSettings {
            role_arn: self.needs("ram_role_arn", self.ram_role_arn.as_ref())?.clone(),
            session_name: session_name.unwrap_or_else(|| RoleSettings::SESSION_NAME.to_owned()),
            external_id: self.external_id.clone(),
            policy: self.policy.clone(),
            duration: seconds.map_or(RoleSettings::DURATION, Duration::from_secs),
        })
    }

    fn needs<'a, T>(&self, field: &str, value: Option<&'a T>) -> Result<&'a T, CredentialsError> {
        value.ok_or_else(|| {
            let what = format!("{self} lacks {field}");
            failed(what, "complete it with `aliyun configure --profile …`")
        })
    }

    /// Modes that need a person, or another program.
    fn refused(&self, mode: &str) -> CredentialsError {
        let mend = match mode {
            "External" => {
                "ramstream runs no other program: let that program write what it gives into files \
                 (credentials.access_key_id_file and its siblings, read again when they change), or serve it at an address \
                 (credentials.uri)"
            }
            "CloudSSO" | "OAuth" => {
                "its tokens end with a person's login: give the daemon an identity of its own (a role by \
                 credentials.oidc, credentials.ecs or credentials.assume_role, or an AccessKey of a RAM user)"
            }
            _ => "use one of AK, StsToken, RamRoleArn, EcsRamRole, OIDC and ChainableRamRoleArn",
        };
        failed(format!("{self} has the mode {mode}, which is not supported"), mend)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the profile {:?}", self.name.as_deref().unwrap_or_default())
    }
}

impl fmt::Display for CliProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let opened = self.held();
        match (opened.as_ref().and_then(|opened| Some((opened.chain.first()?, &opened.source))), &self.name) {
            (Some((profile, source)), _) => write!(f, "{profile} of {}: {source}", self.file.display()),
            (None, Some(name)) => write!(f, "the profile {name:?} of {}", self.file.display()),
            (None, None) => write!(f, "the current profile of {}", self.file.display()),
        }
    }
}

fn failed(what: impl Into<String>, mend: &str) -> CredentialsError {
    CredentialsError::new(Link::Profile, what, mend)
}

fn is_being_written(stamp: SystemTime) -> bool {
    let age = Timestamp::try_from(stamp).map(|stamp| ambient::now().duration_since(stamp).unsigned_abs());
    age.is_ok_and(|age| age < WRITING)
}

#[cfg(test)]
mod tests {
    use reqwest::Url;

    use super::super::DEFAULT_METADATA;
    use super::*;

    fn ecs() -> EcsSettings {
        let address = Url::parse(DEFAULT_METADATA).unwrap();
        EcsSettings { address, role: None, allow_v1: false, is_chosen: false }
    }

    /// What the profile is told to be once its file was read.
    fn opened(profiles: &str, name: Option<&str>) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), format!(r#"{{"current":"default","profiles":[{profiles}],"meta_path":""}}"#)).unwrap();
        let profile = CliProfile::new(file.path().to_owned(), name.map(str::to_owned), ecs());
        profile.source().map(|_| profile.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_mode_stands_for_its_link() {
        const KEY: &str = r#""access_key_id":"LTAI","access_key_secret":"hush","expired_seconds":0,"sts_token":"""#;
        let role = r#""ram_role_arn":"acs:ram::1:role/r","ram_session_name":"""#;
        for (profile, expected) in [
            (format!(r#"{{"name":"default","mode":"AK",{KEY}}}"#), "configuration"),
            (format!(r#"{{"name":"default","mode":"",{KEY}}}"#), "configuration"),
            (r#"{"name":"default","mode":"StsToken","access_key_id":"STS.a","access_key_secret":"hush","sts_token":"hush"}"#.into(), "configuration"),
            (format!(r#"{{"name":"default","mode":"RamRoleArn",{KEY},{role}}}"#), "assume_role (acs:ram::1:role/r by configuration)"),
            (r#"{"name":"default","mode":"EcsRamRole","ram_role_name":"reader"}"#.into(), "ecs (role reader of this instance)"),
            (format!(r#"{{"name":"default","mode":"OIDC",{role},"oidc_provider_arn":"p","oidc_token_file":"/t"}}"#), "oidc (acs:ram::1:role/r by the token in /t)"),
            (format!(r#"{{"name":"default","mode":"ChainableRamRoleArn",{role},"source_profile":"k"}},{{"name":"k","mode":"AK",{KEY}}}"#), "assume_role (acs:ram::1:role/r by configuration)"),
        ] {
            let told = opened(&profile, None).unwrap();
            assert!(told.starts_with("the profile \"default\" of /") && told.ends_with(&format!(": {expected}")), "{told}");
        }
    }

    #[test]
    fn a_profile_that_cannot_be_used_says_why_and_shows_no_secret() {
        for (profiles, name, expected) in [
            (r#"{"name":"default","mode":"External","process_command":"hush"}"#, None, "runs no other program"),
            (r#"{"name":"default","mode":"CloudSSO","access_token":"hush"}"#, None, "a person's login"),
            (r#"{"name":"default","mode":"OAuth"}"#, None, "a person's login"),
            (r#"{"name":"default","mode":"RsaKeyPair"}"#, None, "RsaKeyPair, which is not supported"),
            (r#"{"name":"default","mode":"AK","access_key_id":"LTAI"}"#, None, "lacks access_key_secret"),
            (
                r#"{"name":"default","mode":"StsToken","access_key_id":"a","access_key_secret":"hush"}"#,
                None,
                "lacks sts_token",
            ),
            (r#"{"name":"other","mode":"AK"}"#, None, "has no profile \"default\", only [\"other\"]"),
            (r#"{"name":"default","mode":"AK"}"#, Some("prod"), "has no profile \"prod\""),
            (
                r#"{"name":"default","mode":"ChainableRamRoleArn","source_profile":"default"}"#,
                None,
                "depends on itself",
            ),
            (r#"{"name":"default","mode":"AK","access_key_secret":["hush"]}"#, None, "wrong type or form"),
        ] {
            let told = opened(profiles, name).unwrap_err();
            assert!(told.contains(expected) && told.starts_with("credentials by profile: "), "{told}");
            assert!(!told.contains("hush"), "{told}");
        }
    }

    #[test]
    fn a_missing_file_is_named_with_the_mend() {
        let told = CliProfile::new("no/such/config.json".into(), None, ecs()).source().unwrap_err().to_string();
        assert!(told.contains("no/such/config.json") && told.contains("make sure that it exists"), "{told}");
    }
}
