//! The account itself: three calls, known only together.
//!
//! One change shows in two of them (the alias is part of the default domain), so what differs from the published state
//! counts only if it is read twice in a row: what was read was the account then.

use futures::join;

use super::{Reader, Wanted};
use crate::{
    alicloud::{Session, ims_settings, ram},
    model::{Collection, Complete, Entity, Kind, Listing, Reason, Unknown, account::Account},
};

/// How often an account that moves is read before it counts as unknown.
const READINGS: u32 = 3;

impl Reader<'_> {
    /// Reads the account, if it is wanted.
    pub(super) async fn list_account(&self, session: &Session, wanted: &Wanted) -> Option<Listing<Account>> {
        if self.wants(wanted, Kind::Account) { Some(self.read_account(session).await) } else { None }
    }

    async fn read_account(&self, session: &Session) -> Listing<Account> {
        let mut last = self.read_once(session).await?;
        if last.items().iter().all(|account| self.is_held(account)) {
            return Ok(last);
        }
        for _ in 1..READINGS {
            let next = self.read_once(session).await?;
            if next.items() == last.items() {
                return Ok(next.completed_in(last.window()));
            }
            last = next;
        }
        Err(Unknown::new(Reason::Protocol, format!("the account is another in each of {READINGS} readings")))
    }

    async fn read_once(&self, session: &Session) -> Listing<Account> {
        let (alias, root_mfa, domain) = join!(
            ram::get_account_alias(session),
            ims_settings::get_account_mfa(session),
            ims_settings::get_default_domain(session),
        );
        let (alias, root_mfa, domain) = (alias?, root_mfa?, domain?);
        let window = root_mfa.window().and(domain.window());
        let parts = root_mfa.items().first().zip(domain.items().first());
        let whole = |alias: ram::AccountAlias| Account {
            // Where no alias is set, the service gives the account's id.
            alias: alias.account_alias.filter(|alias| alias != self.account_id()),
            root_mfa_enabled: parts.map(|(root_mfa, _)| root_mfa.is_enabled),
            default_domain: parts.map(|(_, domain)| domain.default_domain_name.clone()),
        };
        Ok(alias.map(whole).completed_in(window))
    }

    fn is_held(&self, account: &Account) -> bool {
        self.state.read::<Account>(&account.key(self.account_id())).as_ref() == Some(account)
    }

    pub(super) fn account(&self, listing: Listing<Account>) -> Collection {
        let listing = listing.map(|listing: Complete<Account>| listing.map(|account| self.found(&account)));
        Collection::whole_or_unknown(Kind::Account, listing)
    }
}
