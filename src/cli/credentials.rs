//! From the configured credentials to the link of the chain that gives them.

use anyhow::Context;
use reqwest::Url;

use crate::{
    alicloud::{
        self, AssumedRole, CliProfile, CredentialFiles, CredentialsSource, CredentialsUri, DEFAULT_METADATA, EcsRole,
        EcsSettings, OidcRole, OidcSettings, RoleSettings,
    },
    config::{AccessKey, AssumeRole, Credentials, Endpoints, Source},
};

/// Nothing is read or called yet.
pub(super) fn credentials_source(
    credentials: &Credentials,
    endpoints: &Endpoints,
) -> anyhow::Result<CredentialsSource> {
    let source = source(credentials.source.clone(), endpoints)?;
    Ok(match credentials.assume_role.clone() {
        None => source,
        Some(role) => CredentialsSource::AssumeRole(Box::new(AssumedRole::new(source, role_settings(role)))),
    })
}

fn source(source: Source, endpoints: &Endpoints) -> anyhow::Result<CredentialsSource> {
    Ok(match source {
        Source::Values(key) => CredentialsSource::Static(access_key(key)),
        Source::Environment(key) => CredentialsSource::Environment(access_key(key)),
        Source::Files { access_key_id, access_key_secret, security_token } => {
            CredentialsSource::Files(CredentialFiles::new(access_key_id, access_key_secret, security_token))
        }
        Source::Oidc(oidc) => CredentialsSource::Oidc(OidcRole::new(OidcSettings {
            role: RoleSettings {
                role_arn: oidc.role_arn,
                session_name: oidc.session_name,
                external_id: None,
                policy: None,
                duration: RoleSettings::DURATION,
            },
            provider_arn: oidc.provider_arn,
            token_file: oidc.token_file,
        })),
        Source::Profile(profile) => {
            let ecs = ecs(endpoints, None, profile.allow_v1, true)?;
            CredentialsSource::Profile(CliProfile::new(profile.file, profile.name, ecs))
        }
        Source::Ecs(given) => {
            let settings = ecs(endpoints, given.role, given.allow_v1, given.is_chosen)?;
            CredentialsSource::EcsMetadata(EcsRole::new(settings)?)
        }
        Source::Uri(address) => {
            let address = Url::parse(address.expose()).context("credentials.uri is not an address")?;
            CredentialsSource::Uri(CredentialsUri::new(address)?)
        }
    })
}

fn access_key(key: AccessKey) -> alicloud::Credentials {
    let AccessKey { access_key_id, access_key_secret, security_token } = key;
    alicloud::Credentials { access_key_id, access_key_secret, security_token }
}

fn role_settings(role: AssumeRole) -> RoleSettings {
    let AssumeRole { role_arn, session_name, external_id, policy, duration } = role;
    RoleSettings { role_arn, session_name, external_id, policy, duration }
}

fn ecs(endpoints: &Endpoints, role: Option<String>, allow_v1: bool, is_chosen: bool) -> anyhow::Result<EcsSettings> {
    let address = match &endpoints.ecs_metadata {
        Some(address) => address.clone(),
        None => Url::parse(DEFAULT_METADATA)?,
    };
    Ok(EcsSettings { address, role, allow_v1, is_chosen })
}
