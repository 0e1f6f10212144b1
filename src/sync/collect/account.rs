//! The account itself: one call.

use super::{Reader, Wanted};
use crate::{
    alicloud::{Session, ram},
    model::{Collection, Kind, Listing, account::Account},
};

impl Reader<'_> {
    pub(super) async fn list_account(&self, session: &Session, wanted: &Wanted) -> Option<Listing<ram::AccountAlias>> {
        if self.wants(wanted, Kind::Account) { Some(ram::get_account_alias(session).await) } else { None }
    }

    pub(super) fn account(&self, listing: Listing<ram::AccountAlias>) -> Collection {
        let listing = listing.map(|listing| {
            listing.map(|read| {
                // Where no alias is set, the service gives the account's id.
                let alias = read.account_alias.filter(|alias| alias != self.account_id());
                self.found(&Account { alias })
            })
        });
        Collection::whole_or_unknown(Kind::Account, listing)
    }
}
