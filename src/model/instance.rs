//! ECS instances, from ECS DescribeInstances, with DescribeInstanceRamRole for the RAM role that each carries.

use serde::{Deserialize, Serialize};

use super::{Dates, Entity, Key, Kind, Labels, Millis, Names, Scope, Tag, Verb, entity::differing_fields};

/// CreationTime has minutes and no seconds.
const MINUTE_MS: i64 = 60_000;

/// An ECS instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// RegionId.
    pub region: String,
    /// InstanceId.
    pub instance_id: String,
    /// InstanceName.
    pub instance_name: Option<String>,
    /// VpcAttributes.VpcId; null in the classic network.
    pub vpc_id: Option<String>,
    /// RamRoleName: the role whose credentials every program on the instance can have; null if it carries none.
    pub role_name: Option<String>,
    /// Status as received, `Running`; null if it is left out by configuration, for it may move all day.
    pub status: Option<String>,
    /// Tags, sorted by key.
    pub tags: Vec<Tag>,
    /// CreationTime, whole minutes.
    pub creation_time: Option<Millis>,
}

impl Instance {
    /// The scope of the instances of one region, each of which is listed by itself.
    #[must_use]
    pub fn scope_of_region(region: &str) -> Scope {
        Scope::children(Kind::Instance, [region])
    }
}

impl Entity for Instance {
    const KIND: Kind = Kind::Instance;
    const MODEL_VERSION: &'static str = "1";

    fn key(&self, account: &str) -> Key {
        Key::new(account, Kind::Instance, &[&self.region, &self.instance_id])
    }

    fn scope(key: &Key) -> Scope {
        Scope::children(Kind::Instance, key.components().take(1))
    }

    fn labels<'a>(&'a self, _: &Key, _: &'a Names) -> Labels<'a> {
        vec![
            ("region", Some(&self.region)),
            ("instance_id", Some(&self.instance_id)),
            ("instance_name", self.instance_name.as_deref()),
        ]
    }

    fn name(&self) -> Option<&str> {
        self.instance_name.as_deref()
    }

    fn dates(&self) -> Dates {
        // It may have begun at any second of its minute: only what was certainly there earlier is held against a listing.
        let latest = |time: Millis| Millis(time.0.saturating_add(MINUTE_MS - 1));
        Dates { born: self.creation_time.map(latest), touched: None }
    }

    fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        differing_fields!(self, after,
            compared: [instance_name, vpc_id, role_name, status, tags, creation_time],
            not_compared: [region, instance_id])
    }

    /// A change of the role comes before a change of the name: it decides what the instance may do.
    fn update_verb(&self, after: &Self) -> Verb {
        if self.role_name != after.role_name {
            // From one role to another is an attachment, too: `before` has the role that went.
            if after.role_name.is_some() { Verb::RoleAttached } else { Verb::RoleDetached }
        } else if self.instance_name != after.instance_name {
            Verb::Renamed
        } else {
            Verb::Updated
        }
    }

    /// The listing of roles has no row, or an empty one, for an instance without a role: an empty answer would look the
    /// same. And no date tells an old answer, with a role that was taken away, from a new one.
    fn must_be_seen_twice(&self, after: &Self) -> bool {
        self.role_name != after.role_name
    }
}
