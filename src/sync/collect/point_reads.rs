//! The last piece of evidence: what two listings lack, and what they have although it should have been
//! seen before, is asked for by itself.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde::de::DeserializeOwned;

use super::{Reader, policies::asked_type};
use crate::{
    alicloud::{
        CallError, Dated, Session,
        ecs::RegionId,
        presence::{self, Presence},
    },
    model::{
        Collection, Found, Key, Kind, Reason, Unknown,
        group::Group,
        identity_provider::{IdentityProvider, ProviderType},
        instance::Instance,
        policy::Policy,
        role::Role,
    },
};

impl Reader<'_> {
    /// Asks for each doubtful entity by itself. What `again`, the second listing, lacks and the service does
    /// not call gone is held; what it has and the service calls gone, as a replica that lags behind would have
    /// it, is not added.
    pub(crate) async fn ask_for_each(&self, session: &Session, again: &mut Collection, doubtful: &BTreeSet<Key>) {
        if planted!(PointReadLeftOut) {
            return;
        }
        let kind = again.kind();
        let known = doubtful.iter().filter(|key| again.knows(&kind.scope_of(key)));
        let asked = known.filter_map(|key| match (again.get(key), self.state.get(kind, key)) {
            (None, Some(held)) => Some((key, Presence::Gone, &*held.entity)),
            (Some(Found::Known(json)), None) => Some((key, Presence::Exists, &**json)),
            _ => None,
        });
        let asked = asked.map(async |(key, listed, json)| {
            let found = presence(session, kind, key, json).await?;
            Some((key.clone(), listed, found))
        });
        let mut contradicted: Vec<(Key, Unknown)> = Vec::new();
        for (key, listed, found) in join_all(asked).await.into_iter().flatten() {
            // What a lying listing lacked may have gone only now.
            if let Ok(Dated { window, .. }) = &found {
                again.end_at(window.ended_at);
            }
            contradicted.extend(contradiction(listed, found.map(|found| found.item)).map(|why| (key, why)));
        }
        again.hold(contradicted);
    }
}

/// Why the listings do not prove what they say, if the service does not say the same.
fn contradiction(listed: Presence, found: Result<Presence, CallError>) -> Option<Unknown> {
    match (listed, found) {
        (Presence::Gone, Ok(Presence::Gone)) | (Presence::Exists, Ok(Presence::Exists)) => None,
        (Presence::Gone, Ok(Presence::Exists)) => {
            let why = "it is in no listing, but the service finds it when asked for it";
            Some(Unknown::new(Reason::RemovalsUnproven, why))
        }
        (Presence::Gone, Err(error)) => {
            let why = format!("the service did not say whether it is gone: {error}");
            Some(Unknown::new(Reason::RemovalsUnproven, why))
        }
        (Presence::Exists, Ok(Presence::Gone)) => {
            let why =
                "it is listed, but older than the last listing, which lacked it, and the service does not find it";
            Some(Unknown::new(Reason::Stale, why))
        }
        (Presence::Exists, Err(error)) => Some(error.into()),
    }
}

/// What the service says of one entity, `json`; `None` where it cannot be asked for a single one.
async fn presence(session: &Session, kind: Kind, key: &Key, json: &str) -> Option<Result<Dated<Presence>, CallError>> {
    fn read<E: DeserializeOwned>(json: &str) -> Option<E> {
        serde_json::from_str(json).ok()
    }
    match kind {
        Kind::User => Some(presence::of_user(session, key.components().next()?).await),
        Kind::Group => {
            let group = read::<Group>(json)?;
            Some(presence::of_group(session, &group.group_name, &group.group_id).await)
        }
        Kind::Role => {
            let role = read::<Role>(json)?;
            Some(presence::of_role(session, &role.role_name, &role.role_id).await)
        }
        Kind::Policy => {
            let policy = read::<Policy>(json)?;
            Some(presence::of_policy(session, asked_type(policy.policy_type), &policy.policy_name).await)
        }
        Kind::Instance => {
            let instance = read::<Instance>(json)?;
            let region = RegionId::parse(&instance.region)?;
            Some(presence::of_instance(session, &region, &instance.instance_id).await)
        }
        Kind::IdentityProvider => {
            let provider = read::<IdentityProvider>(json)?;
            Some(match provider.provider_type {
                ProviderType::Saml => presence::of_saml_provider(session, &provider.provider_name).await,
                ProviderType::Oidc => presence::of_oidc_provider(session, &provider.provider_name).await,
            })
        }
        // What a user has is itself asked for user by user.
        Kind::AccessKey | Kind::LoginProfile | Kind::MfaDevice => None,
        Kind::Account | Kind::PasswordPolicy | Kind::SecurityPreference | Kind::Membership | Kind::PolicyAttachment => {
            None
        }
    }
}
