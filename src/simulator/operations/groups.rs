//! Groups, in both faces: RAM shows the `g-…` id, IMS the numeric id and a display name.

use jiff::Timestamp;
use serde::Serialize;

use super::super::account::Account;
use super::super::draft::Draft;
use super::super::entities::{Group, PrincipalType};
use super::super::error;
use super::super::ids;
use super::super::keys::{id_key, members_key, name_key, principal_key};
use super::super::page;
use super::super::reply::Reply;
use super::{Answer, Call, Operation, Service, find, limits, read, write};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ram, "ListGroups", list).by_marker(100, 100),
    read(Service::Ims, "ListGroups", list).by_marker(100, 100),
    read(Service::Ram, "GetGroup", get),
    read(Service::Ims, "GetGroup", get),
    write(Service::Ram, "CreateGroup", create),
    write(Service::Ims, "CreateGroup", create),
    write(Service::Ram, "UpdateGroup", update),
    write(Service::Ims, "UpdateGroup", update),
    write(Service::Ram, "DeleteGroup", delete),
    write(Service::Ims, "DeleteGroup", delete),
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupRow<'a> {
    group_id: &'a str,
    group_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    comments: &'a str,
    create_date: Timestamp,
    update_date: Timestamp,
}

impl<'a> GroupRow<'a> {
    fn of(call: &Call<'_>, group: &'a Group) -> Self {
        Self {
            group_id: shown_id(call, group),
            group_name: &group.group_name,
            display_name: (call.service() == Service::Ims).then_some(&group.display_name),
            comments: &group.comments,
            create_date: group.create_date,
            update_date: group.update_date,
        }
    }
}

/// The id that this face shows.
pub(super) fn shown_id<'a>(call: &Call<'_>, group: &'a Group) -> &'a str {
    if call.service() == Service::Ims { &group.group_id } else { &group.ram_group_id }
}

fn list(call: &Call<'_>, account: &Account) -> Answer {
    page::by_marker(call, ("Groups", "Group"), |place| account.groups.after(place), |group| GroupRow::of(call, group))
}

fn get(call: &Call<'_>, account: &Account) -> Answer {
    let group = find::group(call, account)?;
    Ok(Reply::done().with("Group", &GroupRow::of(call, group)))
}

fn create(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let group_name = call.parameters.new_name("GroupName", 64, "-_.")?.to_owned();
    if draft.groups.get(&name_key(&group_name)).is_some() {
        return Err(error::GROUP_EXISTS);
    }
    if draft.groups.len() >= limits::GROUPS {
        return Err(error::TOO_MANY_GROUPS);
    }
    let display_name = call.parameters.bounded("DisplayName", 128)?.unwrap_or(&group_name).to_owned();
    let comments = call.parameters.bounded("Comments", 128)?.unwrap_or_default().to_owned();
    let id = draft.new_id_seed();
    let group = Group {
        group_id: ids::ims_group(id),
        ram_group_id: ids::ram_group(id),
        group_name,
        display_name,
        comments,
        create_date: call.now,
        update_date: call.now,
    };
    let reply = Reply::done().with("Group", &GroupRow::of(call, &group));
    draft.insert(group);
    Ok(reply)
}

fn update(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let mut group = find::group(call, draft)?.clone();
    if call.parameters.text("NewGroupName").is_some() {
        group.group_name = call.parameters.new_name("NewGroupName", 64, "-_.")?.to_owned();
        let other = draft.groups.get(&name_key(&group.group_name));
        if other.is_some_and(|other| other.group_id != group.group_id) {
            return Err(error::GROUP_EXISTS);
        }
    }
    if let Some(comments) = call.parameters.bounded("NewComments", 128)? {
        group.comments = comments.to_owned();
    }
    if let Some(display_name) = call.parameters.bounded("NewDisplayName", 128)? {
        group.display_name = display_name.to_owned();
    }
    group.update_date = call.now;
    let reply = Reply::done().with("Group", &GroupRow::of(call, &group));
    draft.replace(group);
    Ok(reply)
}

fn delete(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let group_id = find::group(call, draft)?.group_id.clone();
    if draft.memberships.group_len(&members_key(&group_id)) > 0 {
        return Err(error::GROUP_HAS_USER);
    }
    if draft.attachments.group_len(&principal_key(PrincipalType::Group, &group_id)) > 0 {
        return Err(error::GROUP_HAS_POLICY);
    }
    draft.remove::<Group>(&id_key(&group_id));
    Ok(Reply::done())
}
