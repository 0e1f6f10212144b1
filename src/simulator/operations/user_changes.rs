//! How users come, change and go, in both faces.

use jiff::Timestamp;

use super::super::account::Account;
use super::super::draft::Draft;
use super::super::entities::{PrincipalType, User, UserStatus};
use super::super::error::{self, ServiceError};
use super::super::ids;
use super::super::keys::{id_key, joined_key, name_key, owned_key, principal_key};
use super::super::parameters::Parameters;
use super::super::reply::Reply;
use super::users::UserRow;
use super::{Answer, Call, Operation, Service, find, limits, write};

pub(super) const OPERATIONS: &[Operation] = &[
    write(Service::Ram, "CreateUser", create),
    write(Service::Ims, "CreateUser", create),
    write(Service::Ram, "UpdateUser", update),
    write(Service::Ims, "UpdateUser", update),
    write(Service::Ram, "DeleteUser", delete),
    write(Service::Ims, "DeleteUser", delete),
];

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
        user_id: ids::numeric(draft.new_id_seed()),
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
    let owned = owned_key(&user_id);
    if draft.access_keys.group_len(&owned) > 0 {
        return Err(error::USER_HAS_KEY);
    }
    if draft.login_profiles.group_len(&owned) > 0 {
        return Err(error::USER_HAS_LOGIN_PROFILE);
    }
    if draft.mfa_devices.group_len(&owned) > 0 {
        return Err(error::USER_HAS_MFA_DEVICE);
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
    let table = &draft.users;
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
