//! ECS: the regions of the account, the instances in them, and the RAM role that each carries.
//!
//! Everything but the list of regions is about one region. Of the three reads two page, each in its own way: instances by
//! token, which is empty on the last page, roles by number.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::super::account::Account;
use super::super::draft::Draft;
use super::super::entities::{Instance, Tag};
use super::super::error::{self, ServiceError};
use super::super::ids;
use super::super::keys::{id_key, name_key};
use super::super::page::{self, Rows};
use super::super::reply::Reply;
use super::tags::Tags;
use super::{Answer, Call, Operation, Service, limits, read, write};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ecs, "DescribeRegions", regions),
    read(Service::Ecs, "DescribeInstances", list).by_token(10, 100),
    read(Service::Ecs, "DescribeInstanceRamRole", roles).by_number(10, 50),
    write(Service::Ecs, "RunInstances", run),
    write(Service::Ecs, "DeleteInstance", delete),
    write(Service::Ecs, "ModifyInstanceAttribute", modify),
    write(Service::Ecs, "StartInstance", start),
    write(Service::Ecs, "StopInstance", stop),
    write(Service::Ecs, "AttachInstanceRamRole", attach),
    write(Service::Ecs, "DetachInstanceRamRole", detach),
    write(Service::Ecs, "TagResources", tag),
    write(Service::Ecs, "UntagResources", untag),
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RegionRow<'a> {
    region_id: &'a str,
    region_endpoint: String,
    local_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceRow<'a> {
    instance_id: &'a str,
    instance_name: &'a str,
    region_id: &'a str,
    status: &'a str,
    instance_type: &'static str,
    resource_group_id: &'static str,
    creation_time: String,
    expired_time: &'static str,
    vpc_attributes: VpcRow<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct VpcRow<'a> {
    vpc_id: &'a str,
}

impl<'a> InstanceRow<'a> {
    fn of(instance: &'a Instance) -> Self {
        Self {
            instance_id: &instance.instance_id,
            instance_name: &instance.instance_name,
            region_id: &instance.region,
            status: &instance.status,
            instance_type: "ecs.g6.large",
            resource_group_id: "",
            creation_time: minutes(instance.creation_time),
            expired_time: "2099-12-31T15:59Z",
            vpc_attributes: VpcRow { vpc_id: instance.vpc_id.as_deref().unwrap_or_default() },
            tags: Tags::of(&instance.tags),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleRow<'a> {
    instance_id: &'a str,
    ram_role_name: &'a str,
}

impl<'a> RoleRow<'a> {
    fn of(instance: &'a Instance) -> Self {
        Self { instance_id: &instance.instance_id, ram_role_name: instance.role_name.as_deref().unwrap_or_default() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResultRow {
    instance_id: String,
    success: bool,
    code: &'static str,
    message: &'static str,
}

/// ECS gives times without seconds.
fn minutes(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%MZ").to_string()
}

/// The region that is asked about, which the account must have.
fn region<'a>(call: &Call<'a>, account: &Account) -> Result<&'a str, ServiceError> {
    let region = call.parameters.required("RegionId")?;
    if account.regions.iter().any(|known| known == region) { Ok(region) } else { Err(error::REGION_NOT_FOUND) }
}

/// The ids of `InstanceIds`, a JSON array in one parameter; `None` if it was not sent.
fn ids_sent(call: &Call<'_>, most: usize) -> Result<Option<Vec<String>>, ServiceError> {
    let Some(json) = call.parameters.text("InstanceIds") else { return Ok(None) };
    let ids: Vec<String> = serde_json::from_str(json).map_err(|_| error::INSTANCE_IDS_MALFORMED)?;
    if (1..=most).contains(&ids.len()) { Ok(Some(ids)) } else { Err(error::INSTANCE_IDS_MALFORMED) }
}

fn find<'a>(account: &'a Account, id: &str) -> Result<&'a Instance, ServiceError> {
    account.instances.get(&id_key(id)).ok_or(error::INSTANCE_NOT_FOUND)
}

fn regions(_: &Call<'_>, account: &Account) -> Answer {
    let rows: Vec<RegionRow<'_>> = account
        .regions
        .iter()
        .map(|region| RegionRow {
            region_id: region,
            region_endpoint: format!("ecs.{region}.aliyuncs.com"),
            local_name: region,
        })
        .collect();
    Ok(Reply::done().with_rows("Regions", "Region", &rows))
}

fn list(call: &Call<'_>, account: &Account) -> Answer {
    let region = region(call, account)?;
    // Ids that there are not are passed over in silence.
    let wanted = ids_sent(call, 100)?;
    let is_wanted = |instance: &Instance| wanted.as_ref().is_none_or(|ids| ids.contains(&instance.instance_id));
    let total = account.instances.group(region).filter(|instance| is_wanted(instance)).count();
    let after = |place| account.instances.group_after(region, place).filter(|(_, instance)| is_wanted(instance));
    let reply = page::by_token(call, ("Instances", "Instance"), after, InstanceRow::of)?;
    Ok(reply.with("TotalCount", &total).with("PageNumber", &1))
}

fn roles(call: &Call<'_>, account: &Account) -> Answer {
    let region = region(call, account)?;
    let role = call.parameters.text("RamRoleName");
    let ids = ids_sent(call, 50)?;
    if ids.is_none() && role.is_none() {
        return Err(ServiceError::missing("InstanceIds"));
    }
    let in_region = |id: &String| find(account, id).ok().filter(|instance| instance.region == region);
    let found: Vec<&Instance> = match &ids {
        // One that is not there spoils the whole call.
        Some(ids) => ids.iter().map(in_region).collect::<Option<_>>().ok_or(error::INSTANCE_NOT_FOUND)?,
        None => account.instances.group(region).collect(),
    };
    let has_role = |instance: &&Instance| role.is_none() || instance.role_name.as_deref() == role;
    let rows = Rows::Some(found.into_iter().filter(has_role).collect());
    let mut reply = page::by_number(call, ("InstanceRamRoleSets", "InstanceRamRoleSet"), rows, RoleRow::of)?;
    // Unlike others, this operation says neither the number nor the size of the page.
    reply.remove("PageNumber");
    reply.remove("PageSize");
    Ok(reply.with("RegionId", &region))
}

fn run(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let region = region(call, draft)?.to_owned();
    let role_name = call.parameters.text("RamRoleName").map(|name| role_named(draft, name)).transpose()?;
    let amount = call.parameters.number("Amount", 1, 1..=100)?;
    let tags = call.parameters.tags()?;
    let mut made = Vec::new();
    for _ in 0..amount {
        let instance_id = ids::instance(draft.new_id_seed());
        draft.insert(Instance {
            region: region.clone(),
            instance_name: call.parameters.bounded("InstanceName", 128)?.unwrap_or(&instance_id).to_owned(),
            vpc_id: Some(call.parameters.text("VpcId").unwrap_or("vpc-bp1aevy8sofi8mh1q").to_owned()),
            role_name: role_name.clone(),
            status: "Running".to_owned(),
            tags: tags.clone(),
            creation_time: call.now,
            instance_id: instance_id.clone(),
        });
        made.push(instance_id);
    }
    Ok(Reply::done().with_rows("InstanceIdSets", "InstanceIdSet", &made))
}

fn role_named(account: &Account, name: &str) -> Result<String, ServiceError> {
    let role = account.roles.get(&name_key(name)).ok_or(error::RAM_ROLE_NOT_FOUND)?;
    Ok(role.role_name.clone())
}

/// The instance that `InstanceId` names, to be changed.
fn named(call: &Call<'_>, account: &Account) -> Result<Instance, ServiceError> {
    find(account, call.parameters.required("InstanceId")?).cloned()
}

fn delete(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let instance = named(call, draft)?;
    if instance.status != "Stopped" && !call.parameters.flag("Force")? {
        return Err(error::INSTANCE_NOT_STOPPED);
    }
    draft.remove::<Instance>(&id_key(&instance.instance_id));
    Ok(Reply::done())
}

fn modify(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let mut instance = named(call, draft)?;
    if let Some(name) = call.parameters.bounded("InstanceName", 128)? {
        instance.instance_name = name.to_owned();
    }
    draft.replace(instance);
    Ok(Reply::done())
}

fn start(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    set_status(call, draft, "Running")
}

fn stop(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    set_status(call, draft, "Stopped")
}

/// At once; the real service takes a while, in which it says `Starting` and `Stopping`.
fn set_status(call: &Call<'_>, draft: &mut Draft<'_>, status: &str) -> Answer {
    let instance = named(call, draft)?;
    draft.replace(Instance { status: status.to_owned(), ..instance });
    Ok(Reply::done())
}

fn attach(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let role = role_named(draft, call.parameters.required("RamRoleName")?)?;
    let set = |instance: Instance| match &instance.role_name {
        Some(_) => Err(("InvalidRamRole.NotEmpty", "The instance already has a RAM role.")),
        None => Ok(Instance { role_name: Some(role.clone()), ..instance }),
    };
    let (rows, failed) = for_each(call, draft, set)?;
    let reply = Reply::done().with("RamRoleName", &role).with("TotalCount", &rows.len()).with("FailCount", &failed);
    Ok(reply.with_rows("AttachInstanceRamRoleResults", "AttachInstanceRamRoleResult", &rows))
}

fn detach(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let only = call.parameters.text("RamRoleName");
    let set = |instance: Instance| match &instance.role_name {
        Some(role) if only.is_none_or(|only| only == role) => Ok(Instance { role_name: None, ..instance }),
        _ => Err(("InvalidRamRole.NotFound", "The instance does not have the RAM role.")),
    };
    let (rows, failed) = for_each(call, draft, set)?;
    let reply = Reply::done().with("TotalCount", &rows.len()).with("FailCount", &failed);
    Ok(reply.with_rows("DetachInstanceRamRoleResults", "DetachInstanceRamRoleResult", &rows))
}

/// What came of each instance of `InstanceIds`, and how many were left as they were.
fn for_each(
    call: &Call<'_>,
    draft: &mut Draft<'_>,
    set: impl Fn(Instance) -> Result<Instance, (&'static str, &'static str)>,
) -> Result<(Vec<ResultRow>, usize), ServiceError> {
    let region = region(call, draft)?.to_owned();
    let ids = ids_sent(call, 100)?.ok_or_else(|| ServiceError::missing("InstanceIds"))?;
    let mut rows = Vec::new();
    for instance_id in ids {
        let instance = find(draft, &instance_id).ok().filter(|instance| instance.region == region).cloned();
        let changed = instance.ok_or(("InvalidInstanceId.NotFound", "The instance does not exist.")).and_then(&set);
        let (success, (code, message)) = match changed {
            Ok(instance) => {
                draft.replace(instance);
                (true, ("200", "success"))
            }
            Err(why) => (false, why),
        };
        rows.push(ResultRow { instance_id, success, code, message });
    }
    let failed = rows.iter().filter(|row| !row.success).count();
    Ok((rows, failed))
}

fn tag(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let new = call.parameters.tags()?;
    for mut instance in tagged(call, draft)? {
        instance.tags.retain(|tag| new.iter().all(|other| other.key != tag.key));
        instance.tags.extend(new.iter().cloned());
        if instance.tags.len() > limits::TAGS {
            return Err(ServiceError::invalid("Tag"));
        }
        draft.replace(instance);
    }
    Ok(Reply::done())
}

fn untag(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let gone: Vec<&str> = (1..).map_while(|n| call.parameters.text(&format!("TagKey.{n}"))).collect();
    let all = call.parameters.flag("All")?;
    for mut instance in tagged(call, draft)? {
        instance.tags.retain(|tag: &Tag| !all && !gone.contains(&tag.key.as_str()));
        draft.replace(instance);
    }
    Ok(Reply::done())
}

/// The instances that `ResourceId.1` and so on name.
fn tagged(call: &Call<'_>, account: &Account) -> Result<Vec<Instance>, ServiceError> {
    region(call, account)?;
    if call.parameters.required("ResourceType")? != "instance" {
        return Err(ServiceError::invalid("ResourceType"));
    }
    let ids = (1..).map_while(|n| call.parameters.text(&format!("ResourceId.{n}")));
    ids.map(|id| find(account, id).cloned()).collect()
}

/// Takes an instance out and makes it anew under its id, a minute later at least: no public operation does it.
pub(in super::super) fn recreate(draft: &mut Draft<'_>, id: &str, now: Timestamp) -> Result<(), ServiceError> {
    let instance = find(draft, id)?.clone();
    let creation_time = now.max(instance.creation_time + SignedDuration::from_mins(1));
    draft.remove::<Instance>(&id_key(id));
    draft.insert(Instance { creation_time, ..instance });
    Ok(())
}
