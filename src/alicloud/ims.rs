//! Identity Management Service: users, groups and who is in which.
//!
//! Items hold what is compared, as received; dates of last use, which move by themselves, are not read.

use jiff::Timestamp;
use serde::Deserialize;

use super::answer::Dated;
use super::endpoints::Service;
use super::error::CallError;
use super::operation::{Operation, Quota};
use super::paging::{Identified, Listed, at_once, by_marker, marked_page};
use super::session::Session;
use super::wire::{self, Tag};
use crate::model::Listing;

/// Lists users.
pub const LIST_USERS: Operation = operation("ListUsers", "ram:ListUsers", Quota::Documented(450));
/// Lists groups.
pub const LIST_GROUPS: Operation = operation("ListGroups", "ram:ListGroups", Quota::Assumed(100));
/// Lists the members of a group.
pub const LIST_USERS_FOR_GROUP: Operation =
    operation("ListUsersForGroup", "ram:ListUsersForGroup", Quota::Documented(450));
/// Lists the groups of a user. No row was found for IMS; RAM's operation of this name has 100.
pub const LIST_GROUPS_FOR_USER: Operation =
    operation("ListGroupsForUser", "ram:ListGroupsForUser", Quota::Assumed(100));
/// Gets one user.
pub const GET_USER: Operation = operation("GetUser", "ram:GetUser", Quota::Assumed(100));
/// Gets one group.
pub const GET_GROUP: Operation = operation("GetGroup", "ram:GetGroup", Quota::Assumed(100));
/// Gets the account's own counts.
pub const GET_ACCOUNT_SUMMARY: Operation = operation("GetAccountSummary", "ram:GetAccountSummary", Quota::Assumed(100));

/// IMS operations are authorised by the actions of RAM.
pub(super) const fn operation(name: &'static str, ram_action: &'static str, quota: Quota) -> Operation {
    Operation { service: Service::Ims, name, ram_action: Some(ram_action), quota }
}

/// The most users of an account (not adjustable).
const MOST_USERS: u32 = 5000;
/// The most groups of an account (not adjustable).
const MOST_GROUPS: u32 = 300;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct User {
    /// The id, which survives renaming.
    #[serde(deserialize_with = "wire::id")]
    pub user_id: String,
    /// `<user name>@<domain>`; the domain follows the account's alias.
    #[serde(deserialize_with = "wire::id")]
    pub user_principal_name: String,
    /// The display name.
    #[serde(default, deserialize_with = "wire::text")]
    pub display_name: Option<String>,
    /// The comments.
    #[serde(default, deserialize_with = "wire::text")]
    pub comments: Option<String>,
    /// The e-mail address; the international site has none.
    #[serde(default, deserialize_with = "wire::text")]
    pub email: Option<String>,
    /// The mobile phone number; the international site has none.
    #[serde(default, deserialize_with = "wire::text")]
    pub mobile_phone: Option<String>,
    /// `Manual`, `SCIM` or `CloudSSO`.
    #[serde(default, deserialize_with = "wire::text")]
    pub provision_type: Option<String>,
    /// `active` or `freeze`, as received.
    #[serde(default, deserialize_with = "wire::text")]
    pub status: Option<String>,
    /// When it was created.
    #[serde(default, deserialize_with = "wire::time")]
    pub create_date: Option<Timestamp>,
    /// When it was last updated; moves without a visible change, too.
    #[serde(default, deserialize_with = "wire::time")]
    pub update_date: Option<Timestamp>,
    /// The tags, in the order of the service.
    #[serde(default, deserialize_with = "wire::tags")]
    pub tags: Vec<Tag>,
}

impl Identified for User {
    fn identity(&self) -> impl Ord {
        self.user_id.as_str()
    }
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Group {
    /// The id, which survives renaming.
    #[serde(deserialize_with = "wire::id")]
    pub group_id: String,
    /// The name, unique in the account.
    #[serde(deserialize_with = "wire::id")]
    pub group_name: String,
    /// The display name.
    #[serde(default, deserialize_with = "wire::text")]
    pub display_name: Option<String>,
    /// The comments.
    #[serde(default, deserialize_with = "wire::text")]
    pub comments: Option<String>,
    /// When it was created.
    #[serde(default, deserialize_with = "wire::time")]
    pub create_date: Option<Timestamp>,
    /// When it was last updated.
    #[serde(default, deserialize_with = "wire::time")]
    pub update_date: Option<Timestamp>,
}

impl Identified for Group {
    fn identity(&self) -> impl Ord {
        self.group_id.as_str()
    }
}

/// A user as member of a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Member {
    /// The user's id.
    #[serde(deserialize_with = "wire::id")]
    pub user_id: String,
    /// The user's principal name.
    #[serde(default, deserialize_with = "wire::text")]
    pub user_principal_name: Option<String>,
    /// Since when.
    #[serde(default, deserialize_with = "wire::time")]
    pub join_date: Option<Timestamp>,
}

impl Identified for Member {
    fn identity(&self) -> impl Ord {
        self.user_id.as_str()
    }
}

/// A group that a user is in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct JoinedGroup {
    /// The group's id.
    #[serde(deserialize_with = "wire::id")]
    pub group_id: String,
}

impl Identified for JoinedGroup {
    fn identity(&self) -> impl Ord {
        self.group_id.as_str()
    }
}

/// The account's own counts, for an independent check of listings; none where the service gives none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountSummary {
    /// Users.
    pub users: Option<u64>,
    /// Groups.
    pub groups: Option<u64>,
    /// Roles.
    pub roles: Option<u64>,
    /// Custom policies.
    pub policies: Option<u64>,
}

marked_page!(UsersPage { "Users": UserList { "User": [User] } });
marked_page!(GroupsPage { "Groups": GroupList { "Group": [Group] } });
marked_page!(JoinedGroupsPage { "Groups": JoinedGroupList { "Group": [JoinedGroup] } });
marked_page!(MembersPage { "Users": MemberList { "User": [Member] } });

/// Lists all users, frozen ones included (which the service leaves out unless asked).
///
/// # Errors
///
/// Why the listing is not known.
pub async fn list_users(session: &Session) -> Listing<User> {
    let parameters = [("Status", "active,freeze")];
    let listed = Listed { operation: &LIST_USERS, parameters: &parameters, page_size: 1000, largest: MOST_USERS };
    by_marker::<UsersPage, _>(session, &listed).await
}

/// Lists all groups.
///
/// # Errors
///
/// Why the listing is not known.
pub async fn list_groups(session: &Session) -> Listing<Group> {
    let listed = Listed { operation: &LIST_GROUPS, parameters: &[], page_size: 100, largest: MOST_GROUPS };
    by_marker::<GroupsPage, _>(session, &listed).await
}

/// Lists the members of the group of this name.
///
/// # Errors
///
/// Why the listing is not known; a group that does not exist has no empty listing, it has none.
pub async fn list_users_for_group(session: &Session, group_name: &str) -> Listing<Member> {
    let operation = &LIST_USERS_FOR_GROUP;
    let parameters = [("GroupName", group_name)];
    let listed = Listed { operation, parameters: &parameters, page_size: 100, largest: MOST_USERS };
    by_marker::<MembersPage, _>(session, &listed).await
}

/// Lists the groups of the user of this principal name; the operation has no pages.
///
/// # Errors
///
/// Why the listing is not known; a user who does not exist has no empty listing, but none.
pub async fn list_groups_for_user(session: &Session, user_principal_name: &str) -> Listing<JoinedGroup> {
    let parameters = [("UserPrincipalName", user_principal_name)];
    at_once::<JoinedGroupsPage, _>(session, &LIST_GROUPS_FOR_USER, &parameters).await
}

/// Gets the account's own counts.
///
/// # Errors
///
/// The failure of the call.
pub async fn get_account_summary(session: &Session) -> Result<Dated<AccountSummary>, CallError> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(rename = "SummaryMap", deserialize_with = "wire::object")]
        summary: AccountSummary,
    }
    Ok(session.call::<Reply>(&GET_ACCOUNT_SUMMARY, &[]).await?.map(|reply| reply.summary).dated())
}
