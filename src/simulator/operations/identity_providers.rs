//! Identity providers of role-based single sign-on: SAML and OIDC, each with operations of its own.
//!
//! Listings show no metadata. A provider made again under its name has the ARN of the one before.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde::Serialize;

use super::super::account::Account;
use super::super::draft::Draft;
use super::super::entities::{IdentityProvider, ProviderType};
use super::super::error::{self, ServiceError};
use super::super::keys::{issuer_key, provider_key};
use super::super::page;
use super::super::reply::Reply;
use super::{Answer, Call, Operation, Service, read, write};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ims, "ListSAMLProviders", list_saml).by_marker(100, 100),
    read(Service::Ims, "GetSAMLProvider", get_saml),
    write(Service::Ims, "CreateSAMLProvider", create_saml),
    write(Service::Ims, "UpdateSAMLProvider", update_saml),
    write(Service::Ims, "DeleteSAMLProvider", delete_saml),
    read(Service::Ims, "ListOIDCProviders", list_oidc).by_marker(100, 100),
    read(Service::Ims, "GetOIDCProvider", get_oidc),
    write(Service::Ims, "CreateOIDCProvider", create_oidc),
    write(Service::Ims, "UpdateOIDCProvider", update_oidc),
    write(Service::Ims, "DeleteOIDCProvider", delete_oidc),
    write(Service::Ims, "AddClientIdToOIDCProvider", add_client_id),
    write(Service::Ims, "RemoveClientIdFromOIDCProvider", remove_client_id),
    write(Service::Ims, "AddFingerprintToOIDCProvider", add_fingerprint),
    write(Service::Ims, "RemoveFingerprintFromOIDCProvider", remove_fingerprint),
];

/// By which the account signs its requests where nothing else was asked for.
const SIGN_ALGORITHM: &str = "rsa-sha1";
/// Hours that a token is taken for where nothing else was asked for.
const ISSUANCE_LIMIT: u32 = 12;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SamlRow<'a> {
    arn: String,
    #[serde(rename = "SAMLProviderName")]
    name: &'a str,
    description: &'a str,
    create_date: Timestamp,
    update_date: Timestamp,
    #[serde(rename = "EncodedSAMLMetadataDocument", skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authn_sign_algo: Option<&'a str>,
}

impl<'a> SamlRow<'a> {
    fn of(account: &Account, provider: &'a IdentityProvider) -> Self {
        Self {
            arn: arn(account, provider),
            name: &provider.provider_name,
            description: &provider.description,
            create_date: provider.create_date,
            update_date: provider.update_date,
            metadata: None,
            authn_sign_algo: None,
        }
    }

    /// As GetSAMLProvider alone shows it.
    fn with_metadata(account: &Account, provider: &'a IdentityProvider) -> Self {
        let (metadata, algorithm) = (Some(&*provider.encoded_metadata), Some(&*provider.authn_sign_algo));
        Self { metadata, authn_sign_algo: algorithm, ..Self::of(account, provider) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OidcRow<'a> {
    arn: String,
    #[serde(rename = "OIDCProviderName")]
    name: &'a str,
    description: &'a str,
    issuer_url: &'a str,
    client_ids: String,
    fingerprints: String,
    issuance_limit_time: u32,
    create_date: Timestamp,
    update_date: Timestamp,
    gmt_create: String,
    gmt_modified: String,
}

impl<'a> OidcRow<'a> {
    fn of(account: &Account, provider: &'a IdentityProvider) -> Self {
        Self {
            arn: arn(account, provider),
            name: &provider.provider_name,
            description: &provider.description,
            issuer_url: &provider.issuer_url,
            client_ids: provider.client_ids.join(","),
            fingerprints: provider.fingerprints.join(","),
            issuance_limit_time: provider.issuance_limit_hours,
            create_date: provider.create_date,
            update_date: provider.update_date,
            gmt_create: provider.create_date.as_millisecond().to_string(),
            gmt_modified: provider.update_date.as_millisecond().to_string(),
        }
    }
}

fn arn(account: &Account, provider: &IdentityProvider) -> String {
    let of_type = provider.provider_type.as_str();
    format!("acs:ram::{}:{of_type}-provider/{}", account.account_id, provider.provider_name)
}

fn list_saml(call: &Call<'_>, account: &Account) -> Answer {
    let after = |place| account.identity_providers.group_after(ProviderType::Saml.as_str(), place);
    page::by_marker(call, ("SAMLProviders", "SAMLProvider"), after, |row| SamlRow::of(account, row))
}

fn list_oidc(call: &Call<'_>, account: &Account) -> Answer {
    let after = |place| account.identity_providers.group_after(ProviderType::Oidc.as_str(), place);
    page::by_marker(call, ("OIDCProviders", "OIDCProvider"), after, |row| OidcRow::of(account, row))
}

/// The provider that the call names. The services' own tools know its absence under two codes.
fn named<'a>(
    call: &Call<'_>,
    account: &'a Account,
    (of_type, absent): (ProviderType, ServiceError),
) -> Result<&'a IdentityProvider, ServiceError> {
    let name = call.parameters.required(of_type.name_parameter())?;
    account.identity_providers.get(&provider_key(of_type, name)).ok_or(absent)
}

fn saml<'a>(call: &Call<'_>, account: &'a Account) -> Result<&'a IdentityProvider, ServiceError> {
    named(call, account, (ProviderType::Saml, error::SAML_PROVIDER_NOT_EXIST))
}

fn oidc<'a>(call: &Call<'_>, account: &'a Account) -> Result<&'a IdentityProvider, ServiceError> {
    named(call, account, (ProviderType::Oidc, error::OIDC_PROVIDER_NOT_EXIST))
}

fn get_saml(call: &Call<'_>, account: &Account) -> Answer {
    let provider = named(call, account, (ProviderType::Saml, error::SAML_PROVIDER_NOT_FOUND))?;
    Ok(Reply::done().with("SAMLProvider", &SamlRow::with_metadata(account, provider)))
}

fn get_oidc(call: &Call<'_>, account: &Account) -> Answer {
    Ok(Reply::done().with("OIDCProvider", &OidcRow::of(account, oidc(call, account)?)))
}

/// A provider of this type under a name that is free, with nothing in it yet.
fn new(call: &Call<'_>, account: &Account, of_type: ProviderType) -> Result<IdentityProvider, ServiceError> {
    let parameter = of_type.name_parameter();
    let name = call.parameters.new_name(parameter, 128, ".-_")?;
    let is_plain = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !is_plain(name.chars().next()) || !is_plain(name.chars().last()) {
        return Err(ServiceError::invalid_format(parameter));
    }
    if account.identity_providers.get(&provider_key(of_type, name)).is_some() {
        return Err(match of_type {
            ProviderType::Saml => error::SAML_PROVIDER_EXISTS,
            ProviderType::Oidc => error::OIDC_PROVIDER_EXISTS,
        });
    }
    Ok(IdentityProvider {
        provider_type: of_type,
        provider_name: name.to_owned(),
        description: call.parameters.bounded("Description", 256)?.unwrap_or_default().to_owned(),
        encoded_metadata: String::new(),
        authn_sign_algo: String::new(),
        issuer_url: String::new(),
        client_ids: Vec::new(),
        fingerprints: Vec::new(),
        issuance_limit_hours: 0,
        create_date: call.now,
        update_date: call.now,
    })
}

fn create_saml(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let metadata = metadata(call, "EncodedSAMLMetadataDocument")?;
    let metadata = metadata.ok_or_else(|| ServiceError::missing("EncodedSAMLMetadataDocument"))?;
    let authn_sign_algo = sign_algorithm(call)?.unwrap_or_else(|| SIGN_ALGORITHM.to_owned());
    let provider =
        IdentityProvider { encoded_metadata: metadata, authn_sign_algo, ..new(call, draft, ProviderType::Saml)? };
    let reply = Reply::done().with("SAMLProvider", &SamlRow::of(draft, &provider));
    draft.insert(provider);
    Ok(reply)
}

fn update_saml(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let now = saml(call, draft)?.clone();
    let description = call.parameters.bounded("NewDescription", 256)?.map(str::to_owned);
    let provider = IdentityProvider {
        description: description.unwrap_or(now.description),
        encoded_metadata: metadata(call, "NewEncodedSAMLMetadataDocument")?.unwrap_or(now.encoded_metadata),
        authn_sign_algo: sign_algorithm(call)?.unwrap_or(now.authn_sign_algo),
        update_date: call.now,
        ..now
    };
    let reply = Reply::done().with("SAMLProvider", &SamlRow::of(draft, &provider));
    draft.replace(provider);
    Ok(reply)
}

fn delete_saml(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let key = provider_key(ProviderType::Saml, &saml(call, draft)?.provider_name);
    draft.remove::<IdentityProvider>(&key);
    Ok(Reply::done())
}

fn metadata(call: &Call<'_>, parameter: &str) -> Result<Option<String>, ServiceError> {
    let Some(text) = call.parameters.text(parameter) else { return Ok(None) };
    let is_encoded = BASE64.decode(text).is_ok();
    if is_encoded { Ok(Some(text.to_owned())) } else { Err(ServiceError::invalid(parameter)) }
}

fn sign_algorithm(call: &Call<'_>) -> Result<Option<String>, ServiceError> {
    match call.parameters.text("AuthnSignAlgo") {
        None => Ok(None),
        Some(word @ ("rsa-sha256" | "rsa-sha1")) => Ok(Some(word.to_owned())),
        Some(_) => Err(ServiceError::invalid("AuthnSignAlgo")),
    }
}

fn create_oidc(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let issuer_url = call.parameters.required("IssuerUrl")?.to_owned();
    if !issuer_url.starts_with("https://") || issuer_url.contains(['?', '@', '#']) {
        return Err(ServiceError::invalid_format("IssuerUrl"));
    }
    if draft.identity_providers.get(&issuer_key(&issuer_url)).is_some() {
        return Err(error::ISSUER_EXISTS);
    }
    let provider = IdentityProvider {
        issuer_url,
        client_ids: list(call, "ClientIds").unwrap_or_default(),
        fingerprints: list(call, "Fingerprints").unwrap_or_default(),
        issuance_limit_hours: call.parameters.number("IssuanceLimitTime", ISSUANCE_LIMIT, 1..=168)?,
        ..new(call, draft, ProviderType::Oidc)?
    };
    let reply = Reply::done().with("OIDCProvider", &OidcRow::of(draft, &provider));
    draft.insert(provider);
    Ok(reply)
}

fn update_oidc(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let now = oidc(call, draft)?.clone();
    let description = call.parameters.bounded("NewDescription", 256)?.map(str::to_owned);
    let provider = IdentityProvider {
        description: description.unwrap_or(now.description),
        client_ids: list(call, "ClientIds").unwrap_or(now.client_ids),
        issuance_limit_hours: call.parameters.number("IssuanceLimitTime", now.issuance_limit_hours, 1..=168)?,
        ..now
    };
    replace_oidc(call, draft, provider)
}

fn delete_oidc(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let key = provider_key(ProviderType::Oidc, &oidc(call, draft)?.provider_name);
    draft.remove::<IdentityProvider>(&key);
    Ok(Reply::done())
}

fn add_client_id(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    change_list(call, draft, "ClientId", |provider| &mut provider.client_ids, with)
}

fn remove_client_id(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    change_list(call, draft, "ClientId", |provider| &mut provider.client_ids, without)
}

fn add_fingerprint(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    change_list(call, draft, "Fingerprint", |provider| &mut provider.fingerprints, with)
}

fn remove_fingerprint(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    change_list(call, draft, "Fingerprint", |provider| &mut provider.fingerprints, without)
}

fn with(list: &mut Vec<String>, one: &str) {
    if !list.iter().any(|other| other == one) {
        list.push(one.to_owned());
    }
}

fn without(list: &mut Vec<String>, one: &str) {
    list.retain(|other| other != one);
}

fn change_list(
    call: &Call<'_>,
    draft: &mut Draft<'_>,
    parameter: &str,
    list: fn(&mut IdentityProvider) -> &mut Vec<String>,
    change: fn(&mut Vec<String>, &str),
) -> Answer {
    let mut provider = oidc(call, draft)?.clone();
    change(list(&mut provider), call.parameters.required(parameter)?);
    replace_oidc(call, draft, provider)
}

fn replace_oidc(call: &Call<'_>, draft: &mut Draft<'_>, provider: IdentityProvider) -> Answer {
    let provider = IdentityProvider { update_date: call.now, ..provider };
    let reply = Reply::done().with("OIDCProvider", &OidcRow::of(draft, &provider));
    draft.replace(provider);
    Ok(reply)
}

/// A list with commas, if it was sent.
fn list(call: &Call<'_>, parameter: &str) -> Option<Vec<String>> {
    let text = call.parameters.text(parameter)?;
    Some(text.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect())
}
