//! RAM user groups, from IMS ListGroups.

use serde::{Deserialize, Serialize};

use super::{Dates, Entity, Key, Kind, Labels, Millis, Names, Scope, Verb, entity::differing_fields};

/// A RAM user group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// GroupId.
    pub group_id: String,
    /// GroupName.
    pub group_name: String,
    /// DisplayName.
    pub display_name: Option<String>,
    /// Comments.
    pub comments: Option<String>,
    /// CreateDate.
    pub create_date: Option<Millis>,
    /// UpdateDate; published, not compared.
    pub update_date: Option<Millis>,
}

impl Entity for Group {
    const KIND: Kind = Kind::Group;
    const MODEL_VERSION: &'static str = "1";

    fn key(&self, account: &str) -> Key {
        Key::new(account, Kind::Group, &[&self.group_id])
    }

    fn scope(_: &Key) -> Scope {
        Scope::collection(Kind::Group)
    }

    fn labels<'a>(&'a self, _: &Key, _: &'a Names) -> Labels<'a> {
        vec![("group_id", Some(&self.group_id)), ("group_name", Some(&self.group_name))]
    }

    fn name(&self) -> Option<&str> {
        Some(&self.group_name)
    }

    fn dates(&self) -> Dates {
        Dates { born: self.create_date, touched: self.update_date }
    }

    fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        differing_fields!(self, after,
            compared: [group_name, display_name, comments, create_date],
            not_compared: [group_id, update_date])
    }

    fn update_verb(&self, after: &Self) -> Verb {
        if self.group_name == after.group_name { Verb::Updated } else { Verb::Renamed }
    }
}
