//! Elastic Compute Service: regions, the instances in each, and the RAM role that each instance carries.
//!
//! Everything but the list of regions is asked of one region, at its own host. The host follows from the region's id; the
//! `RegionEndpoint` that the service gives with it is not read (`endpoints.rs` says why).

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::endpoints::{Service, is_region};
use super::error::{CallError, Refusal};
use super::operation::{Operation, Quota};
use super::paging::{Identified, Listed, MarkedPage, NumberedPage, at_once, by_number, by_token, marked_page};
use super::session::Session;
use super::wire::{self, Tag};
use crate::model::{Complete, Listing, Reason, Unknown};

/// Lists the regions that the account can use.
pub const DESCRIBE_REGIONS: Operation = operation("DescribeRegions", "ecs:DescribeRegions");
/// Lists the instances of a region, or finds single ones.
pub const DESCRIBE_INSTANCES: Operation = operation("DescribeInstances", "ecs:DescribeInstances");
/// Tells which RAM roles instances carry; no other operation does.
pub const DESCRIBE_INSTANCE_RAM_ROLE: Operation = operation("DescribeInstanceRamRole", "ecs:DescribeInstanceRamRole");

/// The quotas of ECS hold per operation and region, and are counted by the minute. No row was found for these three; the
/// lowest of their neighbours is 500 a minute.
const fn operation(name: &'static str, action: &'static str) -> Operation {
    Operation { service: Service::Ecs, name, ram_action: Some(action), quota: Quota::Assumed(8) }
}

/// Instances of a page.
const PAGE: u32 = 100;
/// The most instances that are asked for by their ids in one call for roles.
const BATCH: usize = 50;
/// The quota counts processors, and can be raised; a listing may hold this many times the generosity of `paging.rs`.
const MOST_INSTANCES: u32 = 10_000;

/// The id of a region, which can stand in a host name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RegionId(String);

impl RegionId {
    /// `text`, if it has the form of a region's id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_region(text).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RegionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: String = wire::id(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("an id of a region cannot stand in a host name"))
    }
}

/// A region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Region {
    /// The id.
    pub region_id: RegionId,
}

impl Identified for Region {
    fn identity(&self) -> impl Ord {
        self.region_id.as_str()
    }
}

marked_page!(RegionsPage { "Regions": RegionList { "Region": [Region] } });

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Instance {
    /// The id.
    #[serde(deserialize_with = "wire::id")]
    pub instance_id: String,
    /// The name.
    #[serde(default, deserialize_with = "wire::text")]
    pub instance_name: Option<String>,
    /// `Pending`, `Running`, `Starting`, `Stopping`, `Stopped`.
    #[serde(default, deserialize_with = "wire::text")]
    pub status: Option<String>,
    /// When it was created, whole minutes.
    #[serde(default, deserialize_with = "wire::time")]
    pub creation_time: Option<Timestamp>,
    /// Its place in a virtual private cloud.
    #[serde(default, deserialize_with = "wire::maybe_object")]
    pub vpc_attributes: Option<VpcAttributes>,
    /// Its tags.
    #[serde(default, deserialize_with = "wire::tags")]
    pub tags: Vec<Tag>,
}

/// Where an instance is in a virtual private cloud.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VpcAttributes {
    /// The id of the cloud; none in the classic network.
    #[serde(default, deserialize_with = "wire::text")]
    pub vpc_id: Option<String>,
}

impl Identified for Instance {
    fn identity(&self) -> impl Ord {
        &self.instance_id
    }
}

/// A page of instances, as the body of a reply.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstancesPage {
    #[serde(default)]
    next_token: Option<String>,
    #[serde(default, deserialize_with = "wire::maybe_object")]
    instances: Option<InstanceList>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceList {
    #[serde(default, deserialize_with = "wire::items")]
    instance: Option<Vec<Instance>>,
}

impl InstancesPage {
    /// Whether it says that no other one follows.
    pub(super) fn is_last(&self) -> bool {
        self.next_token.as_deref() == Some("")
    }

    /// The items of the page, where it has an array.
    #[must_use]
    pub fn into_items(self) -> Option<Vec<Instance>> {
        self.instances?.instance
    }
}

impl From<InstancesPage> for MarkedPage<Instance> {
    fn from(page: InstancesPage) -> Self {
        let items = page.instances.and_then(|list| list.instance);
        // The last page says so by an empty token; one without any token says nothing.
        let is_truncated = page.next_token.as_ref().map(|token| !token.is_empty());
        Self { is_truncated, marker: page.next_token.filter(|token| !token.is_empty()), items }
    }
}

/// The RAM role of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceRamRole {
    /// The instance.
    #[serde(deserialize_with = "wire::id")]
    pub instance_id: String,
    /// The role's name; none if it carries none.
    #[serde(default, deserialize_with = "wire::text")]
    pub ram_role_name: Option<String>,
}

impl Identified for InstanceRamRole {
    fn identity(&self) -> impl Ord {
        &self.instance_id
    }
}

/// A page of RAM roles of instances, as the body of a reply.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceRamRolesPage {
    total_count: Option<u32>,
    #[serde(default, deserialize_with = "wire::maybe_object")]
    instance_ram_role_sets: Option<InstanceRamRoleList>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceRamRoleList {
    #[serde(default, deserialize_with = "wire::items")]
    instance_ram_role_set: Option<Vec<InstanceRamRole>>,
}

impl From<InstanceRamRolesPage> for NumberedPage<InstanceRamRole> {
    fn from(page: InstanceRamRolesPage) -> Self {
        Self {
            page_number: None,
            total_count: page.total_count,
            items: page.instance_ram_role_sets.and_then(|list| list.instance_ram_role_set),
        }
    }
}

/// Lists the regions that the account can use.
///
/// # Errors
///
/// Why the listing is not known; that there are none is no answer.
pub async fn describe_regions(session: &Session) -> Listing<Region> {
    let regions = at_once::<RegionsPage, _>(session, &DESCRIBE_REGIONS, &[]).await?;
    if regions.items().is_empty() {
        let detail = format!("the reply of {DESCRIBE_REGIONS} names no region, and every account has some");
        return Err(Unknown::new(Reason::Protocol, detail));
    }
    Ok(regions)
}

/// Lists the instances of a region.
///
/// # Errors
///
/// Why the listing is not known; [`CallError::says_no_such_region`] tells whether there can be nothing in it.
pub async fn describe_instances(session: &Session, region: &RegionId) -> Result<Complete<Instance>, CallError> {
    let parameters = [("RegionId", region.as_str())];
    let operation = &DESCRIBE_INSTANCES;
    let listed = Listed { operation, parameters: &parameters, page_size: PAGE, largest: MOST_INSTANCES };
    by_token::<InstancesPage, _>(session, &listed).await
}

/// Lists the RAM roles of these instances of a region, batch by batch: which instances were asked for together, and what
/// came of it. An instance without a role may be left out of the answer.
pub async fn describe_instance_ram_roles<'a>(
    session: &Session,
    region: &RegionId,
    ids: &'a [String],
) -> Vec<(&'a [String], Listing<InstanceRamRole>)> {
    let asked = ids.chunks(BATCH).map(async |ids| (ids, ram_roles_of(session, region, ids).await));
    futures::future::join_all(asked).await
}

async fn ram_roles_of(session: &Session, region: &RegionId, ids: &[String]) -> Listing<InstanceRamRole> {
    let operation = &DESCRIBE_INSTANCE_RAM_ROLE;
    let asked = id_list(ids);
    let parameters = [("InstanceIds", asked.as_str()), ("RegionId", region.as_str())];
    let page_size = 50;
    let listed = Listed { operation, parameters: &parameters, page_size, largest: page_size };
    let roles = by_number::<InstanceRamRolesPage, _>(session, &listed).await?;
    if roles.items().iter().any(|role| !ids.contains(&role.instance_id)) {
        let what = "is about another instance than those that were asked for";
        Err(CallError::broken_reply(operation, None, what))?;
    }
    Ok(roles)
}

/// Ids in one parameter, as ECS takes them.
pub(super) fn id_list(ids: &[String]) -> String {
    serde_json::to_string(ids).expect("texts always have a JSON form")
}

impl CallError {
    /// Whether ECS says that there is no such region for the account. No other code means that: that an endpoint does not
    /// operate a region, or that something there is not permitted, tells nothing of what is in it.
    #[must_use]
    pub fn says_no_such_region(&self) -> bool {
        matches!(self, Self::Rejected(Refusal { code: Some(code), .. }) if code == "InvalidRegionId.NotFound")
    }
}

#[cfg(test)]
#[path = "ecs_tests.rs"]
mod tests;
