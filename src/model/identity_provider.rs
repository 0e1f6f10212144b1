//! Identity providers of the account's role-based single sign-on, from IMS ListSAMLProviders with GetSAMLProvider for
//! the metadata, and from IMS ListOIDCProviders.

use serde::{Deserialize, Serialize};

use super::{Dates, Entity, Key, Kind, Labels, Millis, Names, Scope, entity::differing_fields, fields::serde_as_text};

/// The protocol that a provider speaks, as it stands in keys and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProviderType {
    /// SAML 2.0.
    Saml,
    /// OpenID Connect.
    Oidc,
}

serde_as_text!(ProviderType);

impl ProviderType {
    /// Both types.
    pub const ALL: &[Self] = &[Self::Saml, Self::Oidc];

    /// The type as it stands in keys and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Saml => "saml",
            Self::Oidc => "oidc",
        }
    }

    /// The scope of all providers of this type: each type has a listing of its own.
    #[must_use]
    pub fn scope(self) -> Scope {
        Scope::children(Kind::IdentityProvider, [self.as_str()])
    }

    /// The key of the provider of this type with this ARN.
    #[must_use]
    pub fn key(self, account: &str, arn: &str) -> Key {
        Key::new(account, Kind::IdentityProvider, &[self.as_str(), arn])
    }
}

/// Whom the account believes who somebody is: roles may trust it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentityProvider {
    /// SAML or OIDC.
    pub provider_type: ProviderType,
    /// Its ARN, by which trust policies name it.
    pub arn: String,
    /// SAMLProviderName or OIDCProviderName.
    pub provider_name: String,
    /// Description.
    pub description: Option<String>,
    /// Of SAML: lower-case hex SHA-256 of the metadata document, decoded.
    pub metadata_sha256: Option<String>,
    /// Of SAML: AuthnSignAlgo, by which the account signs its requests.
    pub authn_sign_algorithm: Option<String>,
    /// Of OIDC: IssuerUrl.
    pub issuer_url: Option<String>,
    /// Of OIDC: ClientIds, sorted.
    pub client_ids: Vec<String>,
    /// Of OIDC: Fingerprints of the issuer's certificate, sorted.
    pub fingerprints: Vec<String>,
    /// Of OIDC: IssuanceLimitTime, in hours: how old a token may be.
    pub issuance_limit_hours: Option<i64>,
    /// CreateDate.
    pub create_date: Option<Millis>,
    /// UpdateDate; published, not compared.
    pub update_date: Option<Millis>,
}

impl Entity for IdentityProvider {
    const KIND: Kind = Kind::IdentityProvider;
    const MODEL_VERSION: &'static str = "1";

    fn key(&self, account: &str) -> Key {
        self.provider_type.key(account, &self.arn)
    }

    fn scope(key: &Key) -> Scope {
        Scope::children(Kind::IdentityProvider, key.components().take(1))
    }

    fn labels<'a>(&'a self, _: &Key, _: &'a Names) -> Labels<'a> {
        vec![
            ("provider_type", Some(self.provider_type.as_str())),
            ("provider_name", Some(&self.provider_name)),
            ("arn", Some(&self.arn)),
        ]
    }

    fn name(&self) -> Option<&str> {
        Some(&self.provider_name)
    }

    fn dates(&self) -> Dates {
        Dates { born: self.create_date, touched: self.update_date }
    }

    fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        differing_fields!(self, after,
            compared: [
                provider_name, description, metadata_sha256, authn_sign_algorithm, issuer_url, client_ids, fingerprints,
                issuance_limit_hours, create_date,
            ],
            not_compared: [provider_type, arn, update_date])
    }
}
