//! Alibaba Cloud's default chain, by its own variables and files: the first link that is configured.
//!
//! Where this differs from Alibaba's own libraries, it is for one reason: who configured a link means it.
//! - A link that is half configured is a mistake; they pass over it.
//! - The instance's role is tried last, unless somebody names it: they try it before a credentials URI that is configured.
//! - An INI file, which they would read, is a mistake; it is not read here, and what comes behind it was not meant.

use super::super::problem::Origin;
use super::super::reader::Reader;
use super::links::Links;
use super::{AccessKey, SOURCE, Source, Word};
use crate::secret::Secret;

pub(super) const HOW: &str = "give both access_key_id and access_key_secret, or both access_key_id_file and \
                              access_key_secret_file, or the variables ALIBABA_CLOUD_ACCESS_KEY_ID and \
                              ALIBABA_CLOUD_ACCESS_KEY_SECRET, or another link of the chain (docs/credentials.md)";

const ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
const SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
const TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";
const OIDC_PROVIDER: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
const OIDC_TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";
const PROFILE: &str = "ALIBABA_CLOUD_PROFILE";
const PROFILE_DISABLED: &str = "ALIBABA_CLOUD_CLI_PROFILE_DISABLED";
const INI_FILE: &str = "ALIBABA_CLOUD_CREDENTIALS_FILE";
const ECS_ROLE: &str = "ALIBABA_CLOUD_ECS_METADATA";
const ECS_DISABLED: &str = "ALIBABA_CLOUD_ECS_METADATA_DISABLED";
const URI: &str = "ALIBABA_CLOUD_CREDENTIALS_URI";

/// `None` comes with a problem.
pub(super) fn first_configured(r: &mut Reader<'_>, links: Links) -> Option<Source> {
    let set = |r: &Reader<'_>, names: &[&'static str]| names.iter().copied().find(|name| r.theirs(name).is_some());
    let is_off = |r: &Reader<'_>, name: &str| r.theirs(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let decide = |r: &mut Reader<'_>, word: Word, variable: Option<&'static str>| {
        let origin = variable.map_or(Origin::Default, |name| Origin::Environment { name: name.to_owned() });
        r.settle(SOURCE, word.as_str(), origin);
    };
    if let Some(variable) = set(r, &[ID, SECRET]) {
        decide(r, Word::Environment, Some(variable));
        return environment(r);
    }
    if let Some(variable) = set(r, &[OIDC_TOKEN_FILE, OIDC_PROVIDER]) {
        decide(r, Word::Oidc, Some(variable));
        return links.oidc(r);
    }
    let by_name = set(r, &[PROFILE]);
    if !is_off(r, PROFILE_DISABLED)
        && (by_name.is_some() || r.in_home(".aliyun/config.json").is_some_and(|file| file.exists()))
    {
        decide(r, Word::Profile, by_name);
        return links.profile(r);
    }
    let ini = r.theirs(INI_FILE).map(str::to_owned);
    let ini = ini.or_else(|| {
        Some(r.in_home(".alibabacloud/credentials.ini").filter(|file| file.exists())?.display().to_string())
    });
    if let Some(ini) = ini {
        let mend =
            "write the same profile with `aliyun configure`, or choose other credentials with credentials.source";
        r.fault("credentials", format!("the chain comes to an INI file ({ini}), which is not read"), mend);
        return None;
    }
    let ecs_is_off = is_off(r, ECS_DISABLED);
    if let Some(variable) = set(r, &[ECS_ROLE]).filter(|_| !ecs_is_off) {
        decide(r, Word::Ecs, Some(variable));
        return Some(links.ecs(r, true));
    }
    if let Some(variable) = set(r, &[URI]) {
        decide(r, Word::Uri, Some(variable));
        return links.uri(r);
    }
    if ecs_is_off {
        r.fault("credentials", format!("no credentials are given, and {ECS_DISABLED} is set"), HOW);
        return None;
    }
    decide(r, Word::Ecs, None);
    Some(links.ecs(r, false))
}

/// `None` comes with a problem.
pub(super) fn environment(r: &mut Reader<'_>) -> Option<Source> {
    let id = r.stand_in(ID, "credentials.access_key_id");
    let secret = r.stand_in(SECRET, "credentials.access_key_secret");
    let token = r.stand_in(TOKEN, "credentials.security_token");
    match (id, secret) {
        (Some(id), Some(secret)) => Some(Source::Environment(AccessKey {
            access_key_id: id.to_owned(),
            access_key_secret: Secret::new(secret),
            security_token: token.map(Secret::new),
        })),
        (None, None) => {
            r.fault("credentials", format!("neither {ID} nor {SECRET} is set"), "set both");
            None
        }
        (id, _) => {
            let (set, unset) = if id.is_some() { (ID, SECRET) } else { (SECRET, ID) };
            r.fault("credentials", format!("{set} is set, but {unset} is not"), format!("set {unset} too"));
            None
        }
    }
}
