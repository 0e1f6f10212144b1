//! Identity providers: one listing a type; the metadata of SAML providers from GetSAMLProvider.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures::{future::join_all, join};
use sha2::{Digest as _, Sha256};

use super::{
    Reader, Wanted, dates,
    roles::{detail_unread, listed_since},
    sorted_texts,
};
use crate::{
    alicloud::{
        Session,
        ims_providers::{self, OidcProvider, SamlProvider},
    },
    model::{
        Collection, Dates, Entity, Found, Key, Kind, Listing, Reason, Unknown,
        identity_provider::{IdentityProvider, ProviderType},
    },
    sync::details::{Mark, Round},
};

/// Identity providers as listed; `None` where a type was not wanted.
#[derive(Debug)]
pub struct ListedProviders {
    /// SAML providers.
    pub saml: Option<Listing<SamlProvider>>,
    /// OIDC providers.
    pub oidc: Option<Listing<OidcProvider>>,
}

/// What only the reading of a single SAML provider gives: of the metadata the digest is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlMetadata {
    sha256: String,
    authn_sign_algorithm: Option<String>,
}

impl Reader<'_> {
    /// Lists the providers and reads the details that are due.
    pub(super) async fn list_providers(
        &self,
        session: &Session,
        wanted: &Wanted,
        round: &mut Round<SamlMetadata>,
    ) -> ListedProviders {
        let saml = async {
            if !self.wants(wanted, Kind::IdentityProvider) || !wanted.scope(&ProviderType::Saml.scope()) {
                return None;
            }
            let listing = ims_providers::list_saml_providers(session).await;
            if let Ok(listing) = &listing {
                self.saml_details(session, listing.items(), round).await;
            }
            Some(listing)
        };
        let oidc = async {
            let is_wanted = self.wants(wanted, Kind::IdentityProvider) && wanted.scope(&ProviderType::Oidc.scope());
            if is_wanted { Some(ims_providers::list_oidc_providers(session).await) } else { None }
        };
        let (saml, oidc) = join!(saml, oidc);
        ListedProviders { saml, oidc }
    }

    async fn saml_details(&self, session: &Session, listed: &[SamlProvider], round: &mut Round<SamlMetadata>) {
        let begun_at = self.state.progress_of(Kind::IdentityProvider).begun_at;
        let due = listed.iter().filter_map(|listed| {
            let (key, mark) = (self.saml_key(listed), mark(listed));
            let held = self.state.head(Kind::IdentityProvider, &key).map(|held| Mark::of(held.dates()));
            self.ledger.is_due(&key, &mark, held.as_ref(), round, begun_at).then_some((key, mark, listed))
        });
        let read = due.map(async |(key, mark, listed)| {
            let read = ims_providers::get_saml_provider(session, &listed.name).await.map_err(Unknown::from);
            let read = read.and_then(|read| Ok((metadata(listed, &read.item)?, read.window)));
            (key, mark, read)
        });
        let read = join_all(read.collect::<Vec<_>>()).await;
        round.take(read);
    }

    /// Identity providers, with the details read now or held; `None` if none were wanted.
    pub(super) fn identity_providers(
        &self,
        listed: ListedProviders,
        round: &Round<SamlMetadata>,
    ) -> Option<Collection> {
        let saml = listed.saml.map(|listing| listing.map(|all| all.map(|listed| self.saml_provider(listed, round))));
        let oidc = listed.oidc.map(|listing| listing.map(|all| all.map(|listed| self.oidc_provider(listed))));
        let windows = [&saml, &oidc].into_iter().flatten().flatten().map(|listing| listing.window());
        let window = windows.reduce(|all, window| all.and(window));
        let listings = [(ProviderType::Saml, saml), (ProviderType::Oidc, oidc)];
        let listings = listings.into_iter().filter_map(|(of_type, listing)| Some((of_type.scope(), listing?)));
        let listings: Vec<_> = listings.collect();
        let collection = match (window, listings.first()) {
            (Some(window), _) => Collection::by_scope(Kind::IdentityProvider, window, listings),
            (None, Some((_, Err(why)))) => Collection::unknown(Kind::IdentityProvider, why.clone()),
            (None, _) => return None,
        };
        Some(self.with_metadata_window(collection, round))
    }

    fn saml_provider(&self, listed: SamlProvider, round: &Round<SamlMetadata>) -> (Key, Found) {
        let key = self.saml_key(&listed);
        let metadata = match (round.get(&key), self.state.read::<IdentityProvider>(&key)) {
            (Some(Err(why)), _) => return (key, Found::Unread(detail_unread(why))),
            (Some(Ok(read)), _) => (Some(read.detail.sha256.clone()), read.detail.authn_sign_algorithm.clone()),
            (None, Some(held)) => (held.metadata_sha256, held.authn_sign_algorithm),
            (None, None) => return (key, Found::Unread(listed_since())),
        };
        self.found(&IdentityProvider {
            provider_type: ProviderType::Saml,
            arn: listed.arn,
            provider_name: listed.name,
            description: listed.description,
            metadata_sha256: metadata.0,
            authn_sign_algorithm: metadata.1,
            issuer_url: None,
            client_ids: Vec::new(),
            fingerprints: Vec::new(),
            issuance_limit_hours: None,
            create_date: listed.create_date.map(Into::into),
            update_date: listed.update_date.map(Into::into),
        })
    }

    fn oidc_provider(&self, listed: OidcProvider) -> (Key, Found) {
        self.found(&IdentityProvider {
            provider_type: ProviderType::Oidc,
            arn: listed.arn,
            provider_name: listed.name,
            description: listed.description,
            metadata_sha256: None,
            authn_sign_algorithm: None,
            issuer_url: Some(listed.issuer_url),
            client_ids: sorted_texts(listed.client_ids),
            fingerprints: sorted_texts(listed.fingerprints),
            issuance_limit_hours: listed.issuance_limit_time.map(i64::from),
            create_date: listed.create_date.map(Into::into),
            update_date: listed.update_date.map(Into::into),
        })
    }

    fn with_metadata_window(&self, mut collection: Collection, round: &Round<SamlMetadata>) -> Collection {
        let is_saml = |key: &&Key| IdentityProvider::scope(key) == ProviderType::Saml.scope();
        let keys: Vec<Key> = collection.found().iter().map(|(key, _)| key).filter(is_saml).cloned().collect();
        let held = self.state.progress_of(Kind::IdentityProvider).begun_at;
        if let Some(begun_at) = self.ledger.oldest(&keys, round, held) {
            collection.begin_at(begun_at);
        }
        if let Some(ended_at) = round.ended_at() {
            collection.end_at(ended_at);
        }
        collection
    }

    fn saml_key(&self, listed: &SamlProvider) -> Key {
        ProviderType::Saml.key(self.account_id(), &listed.arn)
    }
}

fn mark(listed: &SamlProvider) -> Mark {
    Mark::of(dates(listed.create_date, listed.update_date))
}

/// What the detail says, if it is about what was listed: the same provider in the same state.
fn metadata(listed: &SamlProvider, detail: &ims_providers::SamlDetail) -> Result<SamlMetadata, Unknown> {
    let is_same = |listed: Dates, detail: Dates| !listed.older_than(detail) && !detail.older_than(listed);
    let (before, now) = (dates(listed.create_date, listed.update_date), dates(detail.create_date, detail.update_date));
    if listed.arn != detail.arn || !is_same(before, now) {
        return Err(listed_since());
    }
    let plain: String = detail.encoded_metadata.split_ascii_whitespace().collect();
    let document = BASE64
        .decode(plain)
        .map_err(|_| Unknown::new(Reason::Protocol, format!("the metadata of {} is not Base64", listed.name)))?;
    let sha256 = hex::encode(Sha256::digest(document));
    Ok(SamlMetadata { sha256, authn_sign_algorithm: detail.authn_sign_algo.clone() })
}
