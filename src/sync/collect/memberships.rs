//! Memberships: one listing a group, by the group's name.

use std::collections::BTreeSet;

use futures::future::join_all;

use super::{Parents, Reader, Wanted};
use crate::{
    alicloud::{Session, ims},
    model::{Collection, Found, Key, Kind, Listing, Reason, Scope, Unknown, membership::Membership},
};

/// The members of the groups that were there before.
pub type Members = Vec<(ims::Group, Listing<ims::Member>)>;

impl Reader<'_> {
    pub(super) async fn members(
        &self,
        session: &Session,
        wanted: &Wanted,
        groups: &Listing<ims::Group>,
    ) -> Option<Members> {
        if !self.wants(wanted, Kind::Membership) {
            return None;
        }
        let groups = groups.as_ref().map(|groups| groups.items()).unwrap_or_default();
        let wanted_groups = groups.iter().filter(|group| wanted.scope(&self.members_scope(group)));
        let read = wanted_groups
            .map(async |group| (group.clone(), ims::list_users_for_group(session, &group.group_name).await));
        Some(join_all(read).await)
    }

    /// Memberships, as far as the names that they were asked for led to the same groups throughout.
    pub(super) fn memberships(&self, parents: &Parents, members: Members) -> Collection {
        let (names, after) = match (parents.group_names(), &parents.groups.after) {
            (Ok(names), Ok(after)) => (names, after),
            (Err(why), _) => return Collection::unknown(Kind::Membership, why),
            (Ok(_), Err(why)) => return Collection::unknown(Kind::Membership, why.clone()),
        };
        let asked: BTreeSet<Scope> = members.iter().map(|(group, _)| self.members_scope(group)).collect();
        let read = members.into_iter().map(|(group, listing)| {
            let scope = self.members_scope(&group);
            match names.resolve(&group.group_name) {
                Ok(_) => (scope, listing.map(|listing| listing.map(|member| self.membership(&group, member)))),
                Err(_) => (scope, Err(moved(&group))),
            }
        });
        let new = after.items().iter().filter(|group| !asked.contains(&self.members_scope(group)));
        let new = new.map(|group| (self.members_scope(group), Err(moved(group))));
        Collection::by_scope(Kind::Membership, after.window(), read.chain(new).collect::<Vec<_>>())
    }

    fn membership(&self, group: &ims::Group, member: ims::Member) -> (Key, Found) {
        self.found(&Membership {
            group_id: group.group_id.clone(),
            user_id: member.user_id,
            join_date: member.join_date.map(Into::into),
        })
    }

    fn members_scope(&self, group: &ims::Group) -> Scope {
        Membership::scope_of_group(&Key::new(self.account_id(), Kind::Group, &[&group.group_id]))
    }
}

fn moved(group: &ims::Group) -> Unknown {
    let detail = format!("group {} came, went or changed its name while it was read", group.group_id);
    Unknown::new(Reason::UnresolvedName, detail)
}
