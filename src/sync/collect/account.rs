//! The account itself: one call.

use super::{Reader, Wanted};
use crate::{
    alicloud::ram,
    model::{Collection, Kind, account::Account},
};

impl Reader<'_> {
    pub(super) async fn account(&self, wanted: &Wanted) -> Option<Collection> {
        if !wanted.kind(Kind::Account) {
            return None;
        }
        let listing = ram::get_account_alias(self.session).await;
        let listing = listing.map(|listing| {
            listing.map(|read| {
                // Where no alias is set, the service gives the account's id.
                let alias = read.account_alias.filter(|alias| alias != self.account_id());
                self.found(&Account { alias })
            })
        });
        Some(Collection::whole_or_unknown(Kind::Account, listing))
    }
}
