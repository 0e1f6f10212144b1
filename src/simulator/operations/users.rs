//! Users as the two faces show them.
//!
//! What RAM leaves out (state, tags, how a user came to be) and what IMS names otherwise is decided in [`UserRow`].

use jiff::Timestamp;
use serde::Serialize;

use super::super::account::Account;
use super::super::entities::{Tag, User, UserStatus};
use super::super::error::ServiceError;
use super::super::page;
use super::super::reply::Reply;
use super::tags::Tags;
use super::{Answer, Call, Operation, Service, find, read};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ram, "ListUsers", list).by_marker(100, 1000),
    read(Service::Ims, "ListUsers", list).by_marker(1000, 1000),
    read(Service::Ims, "ListUserBasicInfos", list_basic_infos).by_marker(100, 1000),
    read(Service::Ram, "GetUser", get),
    read(Service::Ims, "GetUser", get),
];

/// A user as listed. RAM has the name and no more than the basics; IMS has the principal name and the rest.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserRow<'a> {
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
    pub(super) fn of(call: &Call<'_>, account: &Account, user: &'a User) -> Self {
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
