//! Users: complete by the later of the two listings.

use super::{Reader, note_count, sorted_tags};
use crate::{
    alicloud::ims,
    model::{Collection, Kind, Listing, user},
};

impl Reader<'_> {
    pub(super) fn users(&self, listing: Listing<ims::User>, counts: Option<&ims::AccountSummary>) -> Collection {
        let listed = listing.as_ref().ok().map(|listing| listing.items().len());
        let listing = listing.map(|listing| listing.map(|listed| self.found(&user_of(listed))));
        let mut collection = Collection::whole_or_unknown(Kind::User, listing);
        note_count(&mut collection, listed, counts.and_then(|counts| counts.users));
        collection
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
