//! Users in groups, from IMS ListUsersForGroup.

use serde::{Deserialize, Serialize};

use super::{Dates, Entity, Key, Kind, Labels, Millis, Names, Scope, entity::differing_fields};

/// A user in a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Membership {
    /// The group's id.
    pub group_id: String,
    /// The user's id.
    pub user_id: String,
    /// JoinDate.
    pub join_date: Option<Millis>,
}

impl Membership {
    /// The scope of the members of one group.
    #[must_use]
    pub fn scope_of_group(group: &Key) -> Scope {
        Scope::children(Kind::Membership, group.components())
    }
}

/// The two components of a membership's key: group and user.
fn group_and_user(key: &Key) -> (&str, &str) {
    let mut components = key.components();
    (components.next().unwrap_or_default(), components.next().unwrap_or_default())
}

impl Entity for Membership {
    const KIND: Kind = Kind::Membership;
    const MODEL_VERSION: &'static str = "1";

    fn key(&self, account: &str) -> Key {
        Key::new(account, Kind::Membership, &[&self.group_id, &self.user_id])
    }

    fn scope(key: &Key) -> Scope {
        Scope::children(Kind::Membership, key.components().take(1))
    }

    fn ends(key: &Key) -> Vec<Key> {
        let (group, user) = group_and_user(key);
        vec![key.sibling(Kind::Group, &[group]), key.sibling(Kind::User, &[user])]
    }

    fn scope_under(parent: &Key) -> Option<Scope> {
        (parent.kind() == Some(Kind::Group)).then(|| Self::scope_of_group(parent))
    }

    fn labels<'a>(&'a self, key: &Key, names: &'a Names) -> Labels<'a> {
        let (group, user) = group_and_user(key);
        vec![
            ("group_id", Some(&self.group_id)),
            ("user_id", Some(&self.user_id)),
            ("group_name", names.of(Kind::Group, group)),
            ("user_name", names.of(Kind::User, user)),
        ]
    }

    fn dates(&self) -> Dates {
        Dates { born: self.join_date, touched: None }
    }

    fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        differing_fields!(self, after, compared: [join_date], not_compared: [group_id, user_id])
    }
}
