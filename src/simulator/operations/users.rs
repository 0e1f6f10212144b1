//! Users, in both faces.
//!
//! What RAM leaves out (state, tags, how a user came to be) and what IMS names otherwise is decided in [`UserRow`].

use jiff::Timestamp;
use serde::Serialize;

use super::super::account::{
    Account, PrincipalType, Tag, User, UserStatus, id_key, joined_key, name_key, principal_key,
};
use super::super::draft::Draft;
use super::super::error::{self, ServiceError};
use super::super::page;
use super::super::parameters::Parameters;
use super::super::reply::Reply;
use super::super::{ids, table::Row};
use super::{Answer, Call, Operation, Service, find, limits, read, write};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ram, "ListUsers", list).by_marker(100, 1000),
    read(Service::Ims, "ListUsers", list).by_marker(1000, 1000),
    read(Service::Ims, "ListUserBasicInfos", list_basic_infos).by_marker(100, 1000),
    read(Service::Ram, "GetUser", get),
    read(Service::Ims, "GetUser", get),
    write(Service::Ram, "CreateUser", create),
    write(Service::Ims, "CreateUser", create),
    write(Service::Ram, "UpdateUser", update),
    write(Service::Ims, "UpdateUser", update),
    write(Service::Ram, "DeleteUser", delete),
    write(Service::Ims, "DeleteUser", delete),
];

/// Tags in the wrapping of these services; left out when there are none.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tags {
    tag: Vec<TagRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TagRow {
    tag_key: String,
    tag_value: String,
}

impl Tags {
    pub(super) fn of(tags: &[Tag]) -> Option<Self> {
        let rows = tags.iter().map(|tag| TagRow { tag_key: tag.key.clone(), tag_value: tag.value.clone() });
        (!tags.is_empty()).then(|| Self { tag: rows.collect() })
    }
}

/// A user as listed. RAM has the name and no more than the basics; IMS has the principal name and the rest.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserRow<'a> {
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_principal_name: Option<String>,
    display_name: &'a str,
    comments: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mobile_phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provision_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login_date: Option<String>,
    create_date: Timestamp,
    update_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Tags>,
}

impl<'a> UserRow<'a> {
    fn of(call: &Call<'_>, account: &Account, user: &'a User) -> Self {
        let ims = call.service() == Service::Ims;
        // IMS shows "" for a user who never logged in; RAM's lists have no such field.
        let last_login = user.last_login_date.map(|date| date.to_string()).unwrap_or_default();
        Self {
            user_id: &user.user_id,
            user_name: (!ims).then_some(&user.user_name),
            user_principal_name: ims.then(|| find::user_principal_name(account, &user.user_name)),
            display_name: &user.display_name,
            comments: &user.comments,
            email: user.email.as_deref(),
            mobile_phone: user.mobile_phone.as_deref(),
            provision_type: ims.then_some(&user.provision_type),
            status: None,
            last_login_date: ims.then_some(last_login),
            create_date: user.create_date,
            update_date: user.update_date,
            tags: ims.then(|| Tags::of(&user.tags)).flatten(),
        }
    }

    /// As IMS ListUsers alone shows it: with the state.
    fn listed(call: &Call<'_>, account: &Account, user: &'a User) -> Self {
        let status = (call.service() == Service::Ims).then_some(status_word(user.status));
        Self { status, ..Self::of(call, account, user) }
    }
}

/// IMS's word for a state.
fn status_word(status: UserStatus) -> &'static str {
    match status {
        UserStatus::Active => "active",
        UserStatus::Frozen => "freeze",
    }
}

fn list(call: &Call<'_>, account: &Account) -> Answer {
    let shown = shown_users(call)?;
    let after = |place| account.users.after(place).filter(|(_, user)| shown.shows(user));
    page::by_marker(call, ("Users", "User"), after, |user| UserRow::listed(call, account, user))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BasicInfoRow<'a> {
    user_id: &'a str,
    user_principal_name: String,
    display_name: &'a str,
    status: &'static str,
}

fn list_basic_infos(call: &Call<'_>, account: &Account) -> Answer {
    if call.parameters.text("Status").is_some() && !call.parameters.tags()?.is_empty() {
        return Err(ServiceError::invalid("Status"));
    }
    let shown = shown_users(call)?;
    let after = |place| account.users.after(place).filter(|(_, user)| shown.shows(user));
    page::by_marker(call, ("UserBasicInfos", "UserBasicInfo"), after, |user| BasicInfoRow {
        user_id: &user.user_id,
        user_principal_name: find::user_principal_name(account, &user.user_name),
        display_name: &user.display_name,
        status: status_word(user.status),
    })
}

/// Which users a listing shows.
struct Shown {
    active: bool,
    frozen: bool,
    tags: Vec<Tag>,
}

impl Shown {
    fn shows(&self, user: &User) -> bool {
        let state = match user.status {
            UserStatus::Active => self.active,
            UserStatus::Frozen => self.frozen,
        };
        state && self.tags.iter().all(|tag| user.tags.contains(tag))
    }
}

/// RAM shows every user. IMS shows the states that `Status` lists, only active ones without it, and both when it is
/// asked for tags.
fn shown_users(call: &Call<'_>) -> Result<Shown, ServiceError> {
    if call.service() == Service::Ram {
        return Ok(Shown { active: true, frozen: true, tags: Vec::new() });
    }
    let tags = call.parameters.tags()?;
    let mut shown = Shown { active: false, frozen: false, tags };
    let default = if shown.tags.is_empty() { "active" } else { "active,freeze" };
    for word in call.parameters.text("Status").unwrap_or(default).split(',') {
        match word {
            "active" => shown.active = true,
            "freeze" => shown.frozen = true,
            _ => return Err(ServiceError::invalid("Status")),
        }
    }
    Ok(shown)
}

fn get(call: &Call<'_>, account: &Account) -> Answer {
    let user = find::user(call, account)?;
    let last_login = user.last_login_date.map(|date| date.to_string()).unwrap_or_default();
    let row = UserRow {
        user_name: Some(&user.user_name),
        last_login_date: Some(last_login),
        ..UserRow::of(call, account, user)
    };
    Ok(Reply::done().with("User", &row))
}

fn create(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let user_name = new_user_name(call, draft, "")?;
    if draft.users.get(&name_key(&user_name)).is_some() {
        return Err(error::USER_EXISTS);
    }
    if draft.users.len() >= limits::USERS {
        return Err(error::TOO_MANY_USERS);
    }
    let details = Details::read(call.parameters, "")?;
    let user = User {
        user_id: ids::numeric(draft.next_id_seed()),
        display_name: details.display_name.unwrap_or_else(|| user_name.clone()),
        user_name,
        comments: details.comments.unwrap_or_default(),
        email: details.email,
        mobile_phone: details.mobile_phone,
        status: UserStatus::Active,
        provision_type: "Manual".to_owned(),
        tags: call.parameters.tags()?,
        last_login_date: None,
        create_date: call.now,
        update_date: call.now,
    };
    let reply = Reply::done().with("User", &UserRow::of(call, draft, &user));
    draft.insert(user);
    Ok(reply)
}

fn update(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let held = find::user(call, draft)?;
    let mut user = held.clone();
    let renames = ["NewUserName", "NewUserPrincipalName"].iter().any(|name| call.parameters.text(name).is_some());
    if renames {
        user.user_name = new_user_name(call, draft, "New")?;
        let other = draft.users.get(&name_key(&user.user_name));
        if other.is_some_and(|other| other.user_id != user.user_id) {
            return Err(error::USER_EXISTS);
        }
    }
    Details::read(call.parameters, "New")?.apply(&mut user);
    user.update_date = call.now;
    let reply = Reply::done().with("User", &UserRow::of(call, draft, &user));
    draft.replace(user);
    Ok(reply)
}

fn delete(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let user_id = find::user(call, draft)?.user_id.clone();
    if draft.memberships.group_len(&joined_key(&user_id)) > 0 {
        return Err(error::USER_IN_GROUP);
    }
    if draft.attachments.group_len(&principal_key(PrincipalType::User, &user_id)) > 0 {
        return Err(error::USER_HAS_POLICY);
    }
    draft.remove::<User>(&id_key(&user_id));
    Ok(Reply::done())
}

/// Freezes or thaws a user: what the console does, and no public operation. The user is given by name or id.
///
/// # Errors
/// No such user.
pub(crate) fn set_status(
    draft: &mut Draft<'_>,
    user: &str,
    status: UserStatus,
    now: Timestamp,
) -> Result<(), ServiceError> {
    let table = User::table(draft);
    let held = table.get(&name_key(user)).or_else(|| table.get(&id_key(user))).ok_or(error::USER_NOT_EXIST)?;
    let changed = User { status, update_date: now, ..held.clone() };
    draft.replace(changed);
    Ok(())
}

/// The name of a user to be made or renamed: RAM's own parameter, or the part before the `@` of IMS's.
fn new_user_name(call: &Call<'_>, account: &Account, prefix: &str) -> Result<String, ServiceError> {
    if call.service() == Service::Ram {
        let name = call.parameters.new_name(&format!("{prefix}UserName"), 64, ".-_")?;
        return Ok(name.to_owned());
    }
    let parameter = format!("{prefix}UserPrincipalName");
    let principal_name = call.parameters.required(&parameter)?;
    let name = find::local_part(account, principal_name).ok_or_else(|| ServiceError::invalid_format(&parameter))?;
    if name.is_empty() || name.len() > 64 {
        return Err(ServiceError::invalid_length(&parameter));
    }
    match name.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c)) {
        true => Ok(name.to_owned()),
        false => Err(ServiceError::invalid_chars(&parameter)),
    }
}

/// What can be said of a user when it is made, and (with `New` before each parameter) changed later.
struct Details {
    display_name: Option<String>,
    comments: Option<String>,
    email: Option<String>,
    mobile_phone: Option<String>,
}

impl Details {
    fn read(parameters: &Parameters, prefix: &str) -> Result<Self, ServiceError> {
        let named = |name: &str| format!("{prefix}{name}");
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let email = owned(parameters.sent(&named("Email")));
        if email.as_deref().is_some_and(|email| !email.is_empty() && !email.contains('@')) {
            return Err(ServiceError::invalid_format(&named("Email")));
        }
        Ok(Self {
            display_name: owned(parameters.bounded(&named("DisplayName"), 128)?.filter(|name| !name.is_empty())),
            comments: owned(parameters.bounded(&named("Comments"), 128)?),
            email,
            mobile_phone: owned(parameters.bounded(&named("MobilePhone"), 32)?),
        })
    }

    fn apply(self, user: &mut User) {
        let not_empty = |text: String| Some(text).filter(|text| !text.is_empty());
        user.display_name = self.display_name.unwrap_or_else(|| user.display_name.clone());
        user.comments = self.comments.unwrap_or_else(|| user.comments.clone());
        user.email = self.email.map_or_else(|| user.email.clone(), not_empty);
        user.mobile_phone = self.mobile_phone.map_or_else(|| user.mobile_phone.clone(), not_empty);
    }
}
