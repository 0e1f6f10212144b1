//! ECS instances: one listing a region, then the RAM roles of what is in it.
//!
//! A role comes and goes without any date, and no listing tells of it, so it is asked for in every sync. Between the
//! listing and the roles an instance may change, too: where a region differs from what is held, it is listed once more,
//! and an instance counts only as it was both before and after its role was read.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use super::{Reader, Wanted, roles::detail_unread, roles::listed_since, sorted_tags, went};
use crate::{
    alicloud::{
        CallError, Session,
        ecs::{self, RegionId},
    },
    model::{Collection, Complete, Found, Key, Kind, Listing, Reason, Scope, Unknown, Window, instance::Instance},
};

/// The instances of every region that was wanted.
#[derive(Debug)]
pub struct ListedInstances {
    /// The regions of the account, where all of it was wanted.
    pub regions: Option<Listing<ecs::Region>>,
    /// What each of them holds.
    pub by_region: Vec<(RegionId, ListedRegion)>,
}

/// What one region holds.
#[derive(Debug)]
pub struct ListedRegion {
    /// Its instances before their roles were read.
    pub before: Result<Complete<ecs::Instance>, CallError>,
    /// Their roles.
    pub roles: Roles,
    /// Its instances afterwards, if anything was to be told of them.
    pub after: Option<Result<Complete<ecs::Instance>, CallError>>,
}

/// The RAM roles of instances, as far as they could be read.
#[derive(Debug, Default)]
pub struct Roles {
    /// The role of each instance that was asked for, or why it is not known.
    by_instance: BTreeMap<String, Result<Option<String>, Unknown>>,
    window: Option<Window>,
}

impl Roles {
    async fn read(session: &Session, region: &RegionId, instances: &[ecs::Instance]) -> Self {
        let ids: Vec<String> = instances.iter().map(|instance| instance.instance_id.clone()).collect();
        let mut roles = Self::default();
        for (ids, listing) in ecs::describe_instance_ram_roles(session, region, &ids).await {
            match listing {
                Ok(listing) => {
                    roles.window = Some(roles.window.map_or(listing.window(), |window| window.and(listing.window())));
                    let named: BTreeMap<_, _> =
                        listing.items().iter().map(|row| (&row.instance_id, &row.ram_role_name)).collect();
                    let role_of = |id: &String| named.get(id).and_then(|role| (*role).clone());
                    roles.by_instance.extend(ids.iter().map(|id| (id.clone(), Ok(role_of(id)))));
                }
                Err(why) => roles.by_instance.extend(ids.iter().map(|id| (id.clone(), Err(why.clone())))),
            }
        }
        roles
    }
}

impl Reader<'_> {
    /// Lists the regions, and the instances of each; `None` if none are wanted.
    pub(super) async fn list_instances(&self, session: &Session, wanted: &Wanted) -> Option<ListedInstances> {
        if !self.wants(wanted, Kind::Instance) {
            return None;
        }
        let (regions, ids): (Option<Listing<ecs::Region>>, Vec<RegionId>) = match wanted {
            Wanted::Everything => {
                let regions = ecs::describe_regions(session).await;
                let listed = regions.as_ref().map(|regions| regions.items()).unwrap_or_default();
                let ids = listed.iter().map(|region| region.region_id.clone()).collect();
                (Some(regions), ids)
            }
            Wanted::Again { doubtful, .. } => (None, doubtful.iter().filter_map(region_of).collect()),
        };
        let read = ids.into_iter().map(async |region| {
            let listed = self.list_region(session, &region).await;
            (region, listed)
        });
        Some(ListedInstances { regions, by_region: join_all(read).await })
    }

    async fn list_region(&self, session: &Session, region: &RegionId) -> ListedRegion {
        let before = ecs::describe_instances(session, region).await;
        let Ok(listed) = &before else { return ListedRegion { before, roles: Roles::default(), after: None } };
        let roles = Roles::read(session, region, listed.items()).await;
        let is_news = |instance: &ecs::Instance| match roles.by_instance.get(&instance.instance_id) {
            Some(Ok(role)) => !self.holds(&self.instance(region, instance.clone(), role.clone())),
            _ => false,
        };
        let after = match listed.items().iter().any(is_news) {
            true => Some(ecs::describe_instances(session, region).await),
            false => None,
        };
        ListedRegion { before, roles, after }
    }

    /// Instances, region by region; a region that is not listed any more keeps what is held of it.
    pub(super) fn instances(&self, wanted: &Wanted, listed: ListedInstances) -> Collection {
        let ListedInstances { regions, by_region } = listed;
        let regions_listed = match regions {
            Some(Err(why)) => return Collection::unknown(Kind::Instance, why),
            Some(Ok(regions)) => Some(regions),
            None => None,
        };
        let held_regions = self.held_regions();
        let (mut ended, mut went_between) = (Vec::new(), Vec::new());
        let mut listings: Vec<(Scope, Listing<(Key, Found)>)> = Vec::new();
        for (region, listed) in by_region {
            let scope = Instance::scope_of_region(region.as_str());
            let nothing = || regions_listed.clone().map(|regions| regions.sift(|_| None));
            let is_empty = |error: &CallError| error.says_no_such_region() && !held_regions.contains(&scope);
            let listing = match listed.before {
                Err(error) if is_empty(&error) => nothing().ok_or_else(|| Unknown::from(error)),
                Err(error) => Err(error.into()),
                Ok(before) => {
                    ended.extend(listed.roles.window);
                    if let (Wanted::Again { .. }, Some(Ok(after))) = (wanted, &listed.after) {
                        let key = |listed: &ecs::Instance| self.key_of(&region, listed);
                        went_between.extend(went(before.items(), after.items(), key));
                    }
                    self.region(&region, before, &listed.roles, listed.after)
                }
            };
            listings.push((scope, listing));
        }
        if regions_listed.is_some() {
            let asked: BTreeSet<&Scope> = listings.iter().map(|(scope, _)| scope).collect();
            let gone: Vec<Scope> = held_regions.into_iter().filter(|scope| !asked.contains(scope)).collect();
            listings.extend(gone.into_iter().map(|scope| (scope, Err(region_gone()))));
        }
        let windows = listings.iter().filter_map(|(_, listing)| Some(listing.as_ref().ok()?.window()));
        let window = regions_listed.map(|regions| regions.window()).into_iter().chain(windows).reduce(Window::and);
        let mut collection = match (window, listings.first()) {
            (Some(window), _) => Collection::by_scope(Kind::Instance, window, listings),
            (None, Some((_, Err(why)))) => return Collection::unknown(Kind::Instance, why.clone()),
            (None, _) => return Collection::unknown(Kind::Instance, region_gone()),
        };
        ended.into_iter().for_each(|window| collection.end_at(window.ended_at));
        collection.hold(went_between);
        collection
    }

    /// What one region holds, of each instance as it was before and after its role was read.
    fn region(
        &self,
        region: &RegionId,
        before: Complete<ecs::Instance>,
        roles: &Roles,
        after: Option<Result<Complete<ecs::Instance>, CallError>>,
    ) -> Listing<(Key, Found)> {
        let Some(after) = after else {
            return Ok(before.map(|listed| self.with_role(region, listed, roles)));
        };
        let first: BTreeMap<String, ecs::Instance> =
            before.items().iter().map(|listed| (listed.instance_id.clone(), listed.clone())).collect();
        Ok(after?.map(|listed| match first.get(&listed.instance_id) {
            Some(same) if *same == listed => self.with_role(region, listed, roles),
            _ => (self.key_of(region, &listed), Found::Unread(listed_since())),
        }))
    }

    fn with_role(&self, region: &RegionId, listed: ecs::Instance, roles: &Roles) -> (Key, Found) {
        match roles.by_instance.get(&listed.instance_id) {
            Some(Ok(role)) => self.found(&self.instance(region, listed, role.clone())),
            Some(Err(why)) => (self.key_of(region, &listed), Found::Unread(detail_unread(why))),
            None => (self.key_of(region, &listed), Found::Unread(listed_since())),
        }
    }

    fn instance(&self, region: &RegionId, listed: ecs::Instance, role_name: Option<String>) -> Instance {
        Instance {
            region: region.as_str().to_owned(),
            instance_id: listed.instance_id,
            instance_name: listed.instance_name,
            vpc_id: listed.vpc_attributes.and_then(|vpc| vpc.vpc_id),
            role_name,
            status: listed.status.filter(|_| !self.state.leaves_out(Kind::Instance, "status")),
            tags: sorted_tags(listed.tags),
            creation_time: listed.creation_time.map(Into::into),
        }
    }

    fn key_of(&self, region: &RegionId, listed: &ecs::Instance) -> Key {
        Key::new(self.account_id(), Kind::Instance, &[region.as_str(), &listed.instance_id])
    }

    /// The scopes of the regions of which something is held.
    fn held_regions(&self) -> BTreeSet<Scope> {
        self.state.entities(Kind::Instance).keys().map(|key| Kind::Instance.scope_of(key)).collect()
    }
}

/// The region that a scope is of.
fn region_of(scope: &Scope) -> Option<RegionId> {
    let (kind, region) = scope.as_str().split_once('/')?;
    (Kind::from_name(kind) == Some(Kind::Instance)).then(|| RegionId::parse(region))?
}

fn region_gone() -> Unknown {
    let detail = "the region is not among those of the account any more: nobody can say what is in it";
    Unknown::new(Reason::ParentGone, detail)
}

#[cfg(test)]
#[path = "instances_tests.rs"]
mod tests;
