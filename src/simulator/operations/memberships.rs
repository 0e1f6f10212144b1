//! Who is in which group, in both faces.

use jiff::Timestamp;
use serde::Serialize;

use super::super::account::Account;
use super::super::draft::Draft;
use super::super::entities::{Group, Membership, User};
use super::super::error;
use super::super::keys::{id_key, joined_key, members_key, membership_key};
use super::super::page;
use super::super::reply::Reply;
use super::{Answer, Call, Operation, Service, find, groups, limits, read, write};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ram, "ListUsersForGroup", list_users).by_marker(100, 1000),
    read(Service::Ims, "ListUsersForGroup", list_users).by_marker(100, 100),
    read(Service::Ram, "ListGroupsForUser", list_groups),
    read(Service::Ims, "ListGroupsForUser", list_groups),
    write(Service::Ram, "AddUserToGroup", add),
    write(Service::Ims, "AddUserToGroup", add),
    write(Service::Ram, "RemoveUserFromGroup", remove),
    write(Service::Ims, "RemoveUserFromGroup", remove),
];

/// RAM shows a member's name and no id, IMS its id and principal name.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MemberRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_principal_name: Option<String>,
    display_name: &'a str,
    join_date: Timestamp,
}

fn list_users(call: &Call<'_>, account: &Account) -> Answer {
    let group = find::group(call, account)?;
    let ims = call.service() == Service::Ims;
    let after = |place| account.memberships.group_after(&members_key(&group.group_id), place);
    page::by_marker(call, ("Users", "User"), after, |membership| {
        let user = member(account, membership);
        MemberRow {
            user_id: ims.then_some(&user.user_id),
            user_name: (!ims).then_some(&user.user_name),
            user_principal_name: ims.then(|| find::user_principal_name(account, &user.user_name)),
            display_name: &user.display_name,
            join_date: membership.join_date,
        }
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct JoinedRow<'a> {
    group_id: &'a str,
    group_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
    comments: &'a str,
    join_date: Timestamp,
}

fn list_groups(call: &Call<'_>, account: &Account) -> Answer {
    let user = find::user(call, account)?;
    let rows: Vec<_> = account
        .memberships
        .group(&joined_key(&user.user_id))
        .map(|membership| {
            let group = joined(account, membership);
            JoinedRow {
                group_id: groups::shown_id(call, group),
                group_name: &group.group_name,
                display_name: (call.service() == Service::Ims).then_some(&group.display_name),
                comments: &group.comments,
                join_date: membership.join_date,
            }
        })
        .collect();
    Ok(Reply::done().with_rows("Groups", "Group", &rows))
}

fn add(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let user_id = find::user(call, draft)?.user_id.clone();
    let group_id = find::group(call, draft)?.group_id.clone();
    if draft.memberships.get(&membership_key(&group_id, &user_id)).is_some() {
        return Err(error::USER_GROUP_EXISTS);
    }
    if draft.memberships.group_len(&joined_key(&user_id)) >= limits::GROUPS_PER_USER {
        return Err(error::TOO_MANY_GROUPS_OF_USER);
    }
    draft.insert(Membership { group_id, user_id, join_date: call.now });
    Ok(Reply::done())
}

fn remove(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let user = find::user(call, draft)?;
    let group = find::group(call, draft)?;
    let key = membership_key(&group.group_id, &user.user_id);
    if draft.memberships.get(&key).is_none() {
        return Err(error::USER_GROUP_NOT_EXIST);
    }
    draft.remove::<Membership>(&key);
    Ok(Reply::done())
}

fn member<'a>(account: &'a Account, membership: &Membership) -> &'a User {
    account.users.get(&id_key(&membership.user_id)).expect("a user in a group cannot be deleted")
}

fn joined<'a>(account: &'a Account, membership: &Membership) -> &'a Group {
    account.groups.get(&id_key(&membership.group_id)).expect("a group with members cannot be deleted")
}
