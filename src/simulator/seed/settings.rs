//! What holds for the whole of a made-up account, and its identity providers. Nothing of it is drawn: the rest of the
//! account stays what it was for its number.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::super::entities::{IdentityProvider, ProviderType};
use super::super::settings::{PasswordPolicy, SecurityPreference};
use super::{Seeder, UNIQUE};

const METADATA: &str =
    r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://sso.example.com/saml"/>"#;

impl Seeder {
    /// Stricter than the service's defaults; with roles to assume there is one provider of each type.
    pub(super) fn settings(&mut self) {
        self.account.root_mfa_enabled = true;
        self.account.password_policy = PasswordPolicy {
            minimum_length: 12,
            require_numbers: true,
            require_lowercase: true,
            max_age_days: 90,
            max_login_attempts: 5,
            ..PasswordPolicy::default()
        };
        self.account.security_preference = SecurityPreference {
            login_network_masks: vec!["192.168.0.0/16".to_owned(), "10.0.0.0/8".to_owned()],
            verification_types: vec!["sms".to_owned(), "email".to_owned()],
            ..SecurityPreference::default()
        };
        if !self.account.roles.is_empty() {
            let saml = IdentityProvider {
                encoded_metadata: BASE64.encode(METADATA),
                authn_sign_algo: "rsa-sha256".to_owned(),
                ..self.provider(ProviderType::Saml, "corporate-sso")
            };
            let oidc = IdentityProvider {
                issuer_url: "https://token.example.com/ack".to_owned(),
                client_ids: vec!["sts.aliyuncs.com".to_owned(), "ack-pods".to_owned()],
                fingerprints: vec!["902ef2deeb3c5b13ea4c3d5193629309e231ae55".to_owned()],
                issuance_limit_hours: 12,
                ..self.provider(ProviderType::Oidc, "ack-rrsa")
            };
            self.account.identity_providers.insert(saml).expect(UNIQUE);
            self.account.identity_providers.insert(oidc).expect(UNIQUE);
        }
    }

    fn provider(&self, provider_type: ProviderType, name: &str) -> IdentityProvider {
        let role = self.account.roles.iter().next().expect("it is asked that there are roles");
        IdentityProvider {
            provider_type,
            provider_name: name.to_owned(),
            description: format!("{name} of the company"),
            encoded_metadata: String::new(),
            authn_sign_algo: String::new(),
            issuer_url: String::new(),
            client_ids: Vec::new(),
            fingerprints: Vec::new(),
            issuance_limit_hours: 0,
            create_date: role.create_date,
            update_date: role.create_date,
        }
    }
}
