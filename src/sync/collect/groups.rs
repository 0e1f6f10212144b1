//! Groups: complete by the later of the two listings.

use super::{Reader, note_count};
use crate::{
    alicloud::ims,
    model::{Collection, Kind, Listing, group::Group},
};

impl Reader<'_> {
    pub(super) fn groups(&self, listing: Listing<ims::Group>, counts: Option<&ims::AccountSummary>) -> Collection {
        let listed = listing.as_ref().ok().map(|listing| listing.items().len());
        let listing = listing.map(|listing| listing.map(|listed| self.found(&group_of(listed))));
        let mut collection = Collection::whole_or_unknown(Kind::Group, listing);
        note_count(&mut collection, listed, counts.and_then(|counts| counts.groups));
        collection
    }
}

fn group_of(listed: ims::Group) -> Group {
    Group {
        group_id: listed.group_id,
        group_name: listed.group_name,
        display_name: listed.display_name,
        comments: listed.comments,
        create_date: listed.create_date.map(Into::into),
        update_date: listed.update_date.map(Into::into),
    }
}
