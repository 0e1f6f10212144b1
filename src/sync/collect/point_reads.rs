//! The last piece of evidence for a removal: what two listings lack is asked for by itself.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::Reader;
use crate::{
    alicloud::{
        CallError, Session,
        presence::{self, Presence},
        ram,
    },
    model::{
        Collection, Key, Kind, Reason, Unknown,
        group::Group,
        policy::{Policy, PolicyType},
        role::Role,
    },
};

impl Reader<'_> {
    /// Asks for each doubtful entity that `again`, the second listing, lacks. What the service does not
    /// call gone is held: the listings alone do not prove it.
    pub(crate) async fn hold_what_exists(&self, session: &Session, again: &mut Collection, doubtful: &BTreeSet<Key>) {
        if planted!(PointReadLeftOut) {
            return;
        }
        let kind = again.kind();
        let is_missing = |key: &&Key| {
            again.get(key).is_none() && again.knows(&kind.scope_of(key)) && self.state.get(kind, key).is_some()
        };
        let missing: Vec<Key> = doubtful.iter().filter(is_missing).cloned().collect();
        let asked = missing.into_iter().map(async |key| {
            let presence = self.presence(session, kind, &key).await;
            (key, presence)
        });
        for (key, presence) in join_all(asked).await {
            let why = match presence {
                None | Some(Ok(Presence::Gone)) => continue,
                Some(Ok(Presence::Exists)) => {
                    "it is in no listing, but the service finds it when asked for it".to_owned()
                }
                Some(Err(error)) => format!("the service did not say whether it is gone: {error}"),
            };
            again.hold(key, Unknown::new(Reason::RemovalsUnproven, why));
        }
    }

    /// What the service says of one entity; `None` where it cannot be asked for a single one.
    async fn presence(&self, session: &Session, kind: Kind, key: &Key) -> Option<Result<Presence, CallError>> {
        match kind {
            Kind::User => Some(presence::of_user(session, key.components().next()?).await),
            Kind::Group => {
                let held = self.state.read::<Group>(key)?;
                Some(presence::of_group(session, &held.group_name, &held.group_id).await)
            }
            Kind::Role => {
                let held = self.state.read::<Role>(key)?;
                Some(presence::of_role(session, &held.role_name, &held.role_id).await)
            }
            Kind::Policy => {
                let held = self.state.read::<Policy>(key)?;
                let policy_type = match held.policy_type {
                    PolicyType::Custom => ram::PolicyType::Custom,
                    PolicyType::System => ram::PolicyType::System,
                };
                Some(presence::of_policy(session, policy_type, &held.policy_name).await)
            }
            Kind::Account | Kind::Membership | Kind::PolicyAttachment => None,
        }
    }
}
