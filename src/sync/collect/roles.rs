//! Roles: complete by the later of the two listings, with the trust policy of each from GetRole.

use futures::future::join_all;

use super::{Reader, Wanted, dates, note_count, sorted_tags};
use crate::{
    alicloud::{Session, ims, ram},
    model::{Collection, Document, Entity, Found, Key, Kind, Listing, Reason, Scope, Unknown, role},
    sync::details::{Mark, Round},
};

impl Reader<'_> {
    /// Reads the details that are due.
    pub(super) async fn role_details(
        &self,
        session: &Session,
        wanted: &Wanted,
        roles: &Listing<ram::Role>,
        round: &mut Round<ram::RoleDetail>,
    ) {
        let roles = match roles {
            Ok(roles) if self.wants(wanted, Kind::Role) && wanted.details(&Scope::collection(Kind::Role)) => {
                roles.items()
            }
            _ => return,
        };
        let read = self.due_roles(roles, round).into_iter().map(async |(key, mark, listed)| {
            let read = ram::get_role(session, &listed.role_name).await.map_err(Unknown::from);
            let read = read.and_then(|read| {
                if read.item.role_id != listed.role_id {
                    let why = format!("{} is another role by now", listed.role_name);
                    return Err(Unknown::new(Reason::UnresolvedName, why));
                }
                // A replica that lags behind would give the trust policy as it was before.
                if dates(None, read.item.update_date).older_than(dates(None, listed.update_date)) {
                    return Err(Unknown::new(
                        Reason::Stale,
                        format!("{} was listed newer than it was read", listed.role_name),
                    ));
                }
                Ok((read.item, read.window))
            });
            (key, mark, read)
        });
        round.take(join_all(read).await);
    }

    /// The roles of which the details are to be read.
    pub fn due_roles<'r>(
        &self,
        roles: &'r [ram::Role],
        round: &Round<ram::RoleDetail>,
    ) -> Vec<(Key, Mark, &'r ram::Role)> {
        let begun_at = self.state.progress_of(Kind::Role).begun_at;
        let due = roles.iter().filter_map(|listed| {
            let (key, mark) = (self.role_key(listed), mark(listed));
            let held = self.state.head(Kind::Role, &key).map(|held| Mark::of(held.dates()));
            self.ledger.is_due(&key, &mark, held.as_ref(), round, begun_at).then_some((key, mark, listed))
        });
        due.collect()
    }

    /// Roles, with the details read now or held.
    pub(super) fn roles(
        &self,
        listing: Listing<ram::Role>,
        counts: Option<&ims::AccountSummary>,
        round: &Round<ram::RoleDetail>,
    ) -> Collection {
        let listed = listing.as_ref().ok().map(|listing| listing.items().len());
        let keys: Vec<Key> = listing
            .as_ref()
            .map(|roles| roles.items().iter().map(|role| self.role_key(role)).collect())
            .unwrap_or_default();
        let listing = listing.map(|listing| listing.map(|listed| self.role(listed, round)));
        let mut collection = Collection::whole_or_unknown(Kind::Role, listing);
        if let Some(begun_at) = self.ledger.oldest(&keys, round, self.state.progress_of(Kind::Role).begun_at) {
            collection.begin_at(begun_at);
        }
        note_count(&mut collection, listed, counts.and_then(|counts| counts.roles));
        collection
    }

    fn role(&self, listed: ram::Role, round: &Round<ram::RoleDetail>) -> (Key, Found) {
        let key = self.role_key(&listed);
        let held = self.state.read::<role::Role>(&key);
        let held_mark = held.as_ref().map(|held| Mark::of(held.dates()));
        let (trust_policy, service_linked) = match (round.get(&key), held) {
            (Some(Err(_)), _) if planted!(UnreadDetailIsNone) => (None, None),
            (Some(Err(why)), _) => return (key, Found::Unread(detail_unread(why))),
            // Details are read by the earlier listing; what moved since is read with the next one.
            _ if self.ledger.has_moved(&key, &mark(&listed), held_mark.as_ref(), round) => {
                return (key, Found::Unread(listed_since()));
            }
            (Some(Ok(read)), _) => (
                Some(Document::new(read.detail.assume_role_policy_document.as_str())),
                read.detail.is_service_linked_role,
            ),
            (None, Some(held)) => (held.trust_policy, held.service_linked),
            (None, None) => return (key, Found::Unread(listed_since())),
        };
        self.found(&role::Role {
            role_id: listed.role_id,
            role_name: listed.role_name,
            description: listed.description,
            trust_policy,
            max_session_duration_secs: listed.max_session_duration_secs.map(i64::from),
            service_linked,
            tags: sorted_tags(listed.tags),
            create_date: listed.create_date.map(Into::into),
            update_date: listed.update_date.map(Into::into),
        })
    }

    fn role_key(&self, listed: &ram::Role) -> Key {
        Key::new(self.account_id(), Kind::Role, &[&listed.role_id])
    }
}

fn mark(listed: &ram::Role) -> Mark {
    Mark::of(dates(listed.create_date, listed.update_date))
}

/// Why an entity is unread whose detail could not be read. Want of permission is told as such.
pub(super) fn detail_unread(why: &Unknown) -> Unknown {
    if why.reason == Reason::Denied { why.clone() } else { Unknown::new(Reason::DetailUnread, why.to_string()) }
}

/// Why an entity is unread that the earlier listing, by which details are read, did not have as it is now.
pub(super) fn listed_since() -> Unknown {
    Unknown::new(Reason::DetailUnread, "it came or changed while the account was read")
}
