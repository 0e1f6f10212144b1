//! Identity Management Service: identity providers of role-based single sign-on.
//!
//! Items hold what is compared, as received. The two types have operations of their own.

use jiff::Timestamp;
use serde::Deserialize;

use super::answer::Dated;
use super::endpoints::Service;
use super::error::CallError;
use super::operation::{Operation, Quota};
use super::paging::{Identified, Listed, by_marker, marked_page};
use super::session::Session;
use super::wire;
use crate::model::Listing;

/// Lists SAML providers.
pub const LIST_SAML_PROVIDERS: Operation = operation("ListSAMLProviders", "ram:ListSAMLProviders", Quota::Assumed(100));
/// Gets one SAML provider, with its metadata.
pub const GET_SAML_PROVIDER: Operation = operation("GetSAMLProvider", "ram:GetSAMLProvider", Quota::Documented(450));
/// Lists OIDC providers.
pub const LIST_OIDC_PROVIDERS: Operation = operation("ListOIDCProviders", "ram:ListOIDCProviders", Quota::Assumed(100));
/// Gets one OIDC provider.
pub const GET_OIDC_PROVIDER: Operation = operation("GetOIDCProvider", "ram:GetOIDCProvider", Quota::Documented(450));

const fn operation(name: &'static str, ram_action: &'static str, quota: Quota) -> Operation {
    Operation { service: Service::Ims, name, ram_action: Some(ram_action), quota }
}

/// The most providers of one type: no source has a number; no account is known to need so many.
const MOST_PROVIDERS: u32 = 1000;

/// A SAML provider, as the listing gives it: without metadata.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SamlProvider {
    /// The ARN.
    #[serde(deserialize_with = "wire::id")]
    pub arn: String,
    /// The name, unique among SAML providers.
    #[serde(rename = "SAMLProviderName", deserialize_with = "wire::id")]
    pub name: String,
    /// The description.
    #[serde(default, deserialize_with = "wire::text")]
    pub description: Option<String>,
    /// When it was created.
    #[serde(default, deserialize_with = "wire::time")]
    pub create_date: Option<Timestamp>,
    /// When it was last updated.
    #[serde(default, deserialize_with = "wire::time")]
    pub update_date: Option<Timestamp>,
}

impl Identified for SamlProvider {
    fn identity(&self) -> impl Ord {
        self.arn.as_str()
    }
}

/// What only the reading of a single SAML provider gives.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SamlDetail {
    /// The ARN.
    #[serde(deserialize_with = "wire::id")]
    pub arn: String,
    /// The metadata, Base64 of an XML document.
    #[serde(rename = "EncodedSAMLMetadataDocument", deserialize_with = "wire::id")]
    pub encoded_metadata: String,
    /// By which the account signs its requests.
    #[serde(default, deserialize_with = "wire::text")]
    pub authn_sign_algo: Option<String>,
    /// When it was created.
    #[serde(default, deserialize_with = "wire::time")]
    pub create_date: Option<Timestamp>,
    /// When it was last updated.
    #[serde(default, deserialize_with = "wire::time")]
    pub update_date: Option<Timestamp>,
}

/// An OIDC provider.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OidcProvider {
    /// The ARN.
    #[serde(deserialize_with = "wire::id")]
    pub arn: String,
    /// The name, unique among OIDC providers.
    #[serde(rename = "OIDCProviderName", deserialize_with = "wire::id")]
    pub name: String,
    /// The description.
    #[serde(default, deserialize_with = "wire::text")]
    pub description: Option<String>,
    /// The issuer; every provider has one.
    #[serde(deserialize_with = "wire::id")]
    pub issuer_url: String,
    /// One text, several ids with commas between them.
    #[serde(default, deserialize_with = "wire::separated")]
    pub client_ids: Vec<String>,
    /// One text, several fingerprints with commas between them.
    #[serde(default, deserialize_with = "wire::separated")]
    pub fingerprints: Vec<String>,
    /// How old a token may be, in hours.
    pub issuance_limit_time: Option<u32>,
    /// When it was created.
    #[serde(default, deserialize_with = "wire::time")]
    pub create_date: Option<Timestamp>,
    /// When it was last updated.
    #[serde(default, deserialize_with = "wire::time")]
    pub update_date: Option<Timestamp>,
}

impl Identified for OidcProvider {
    fn identity(&self) -> impl Ord {
        self.arn.as_str()
    }
}

marked_page!(SamlPage { "SAMLProviders": SamlList { "SAMLProvider": [SamlProvider] } });
marked_page!(OidcPage { "OIDCProviders": OidcList { "OIDCProvider": [OidcProvider] } });

/// Lists all SAML providers.
///
/// # Errors
///
/// Why the listing is not known.
pub async fn list_saml_providers(session: &Session) -> Listing<SamlProvider> {
    by_marker::<SamlPage, _>(session, &listed(&LIST_SAML_PROVIDERS)).await
}

/// Reads the SAML provider of this name.
///
/// # Errors
///
/// The failure of the call.
pub async fn get_saml_provider(session: &Session, name: &str) -> Result<Dated<SamlDetail>, CallError> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(rename = "SAMLProvider", deserialize_with = "wire::object")]
        provider: SamlDetail,
    }
    let reply = session.call::<Reply>(&GET_SAML_PROVIDER, &[("SAMLProviderName", name)]).await?;
    Ok(reply.map(|reply| reply.provider).dated())
}

/// Lists all OIDC providers.
///
/// # Errors
///
/// Why the listing is not known.
pub async fn list_oidc_providers(session: &Session) -> Listing<OidcProvider> {
    by_marker::<OidcPage, _>(session, &listed(&LIST_OIDC_PROVIDERS)).await
}

fn listed(operation: &'static Operation) -> Listed<'static> {
    Listed { operation, parameters: &[], page_size: 100, largest: MOST_PROVIDERS }
}
