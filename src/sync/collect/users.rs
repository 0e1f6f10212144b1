//! Users: complete by the later of the two listings; a missing one is asked for by its id.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::{Reader, note_count, sorted_tags};
use crate::{
    alicloud::{Session, ims},
    model::{Collection, Key, Kind, Listing, Reason, Unknown, user},
};

impl Reader<'_> {
    pub(super) fn users(&self, listing: Listing<ims::User>, counts: Option<&ims::AccountSummary>) -> Collection {
        let listed = listing.as_ref().map_or(0, |listing| listing.items().len());
        let listing = listing.map(|listing| listing.map(|listed| self.found(&user_of(listed))));
        let mut collection = Collection::whole_or_unknown(Kind::User, listing);
        note_count(&mut collection, listed, counts.and_then(|counts| counts.users));
        collection
    }
}

impl Reader<'_> {
    /// Asks for each of these users by id, if the listing lacks it. Whoever the service does not call gone
    /// is held, for the listings alone do not prove it.
    pub(crate) async fn hold_users_that_exist(
        &self,
        session: &Session,
        users: &mut Collection,
        doubtful: &BTreeSet<Key>,
    ) {
        let missing: Vec<Key> = doubtful.iter().filter(|key| users.get(key).is_none()).cloned().collect();
        let asked = missing.into_iter().map(async |key| {
            let gone = ims::get_user(session, key.components().next().unwrap_or_default()).await;
            (key, gone)
        });
        for (key, answer) in join_all(asked).await {
            let why = match answer {
                Ok(ims::Presence::Gone) => continue,
                Ok(ims::Presence::Exists) => "it is in no listing, but GetUser finds it".to_owned(),
                Err(error) => format!("GetUser did not say whether it is gone: {error}"),
            };
            users.hold(key, Unknown::new(Reason::RemovalsUnproven, why));
        }
    }
}

fn user_of(listed: ims::User) -> user::User {
    let user_name = listed.user_principal_name.split('@').next().unwrap_or_default().to_owned();
    let status = match listed.status.as_deref() {
        Some("freeze") => user::FROZEN.to_owned(),
        Some(other) => other.to_owned(),
        None => "unknown".to_owned(),
    };
    user::User {
        user_id: listed.user_id,
        user_name,
        user_principal_name: listed.user_principal_name,
        display_name: listed.display_name,
        comments: listed.comments,
        email: listed.email,
        mobile_phone: listed.mobile_phone,
        status,
        provision_type: listed.provision_type,
        tags: sorted_tags(listed.tags),
        create_date: listed.create_date.map(Into::into),
        update_date: listed.update_date.map(Into::into),
    }
}
