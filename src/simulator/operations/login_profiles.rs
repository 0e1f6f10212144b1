//! How users sign in to the console, in both faces: RAM shows no status. Passwords are checked for their length and kept
//! nowhere.

use jiff::Timestamp;
use serde::Serialize;

use super::super::account::Account;
use super::super::draft::Draft;
use super::super::entities::{LoginProfile, Switch, User};
use super::super::error::{self, ServiceError};
use super::super::keys::id_key;
use super::super::reply::Reply;
use super::access_keys::switch;
use super::{Answer, Call, Operation, Service, find, read, write};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ram, "GetLoginProfile", get),
    read(Service::Ims, "GetLoginProfile", get).quota(100),
    write(Service::Ram, "CreateLoginProfile", create),
    write(Service::Ims, "CreateLoginProfile", create),
    write(Service::Ram, "UpdateLoginProfile", update),
    write(Service::Ims, "UpdateLoginProfile", update),
    write(Service::Ram, "DeleteLoginProfile", delete),
    write(Service::Ims, "DeleteLoginProfile", delete),
];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LoginProfileRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_principal_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(rename = "MFABindRequired")]
    mfa_bind_required: bool,
    password_reset_required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_status: Option<&'static str>,
    /// A text, although it says yes or no.
    #[serde(skip_serializing_if = "Option::is_none")]
    auto_disable_login_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_date: Option<Timestamp>,
}

impl<'a> LoginProfileRow<'a> {
    fn of(call: &Call<'_>, account: &Account, user: &'a User, profile: &LoginProfile) -> Self {
        let ims = call.service() == Service::Ims;
        let last_login = user.last_login_date.map(|date| date.to_string()).unwrap_or_default();
        Self {
            user_name: (!ims).then_some(&user.user_name),
            user_principal_name: ims.then(|| find::user_principal_name(account, &user.user_name)),
            status: ims.then(|| profile.status.as_str()),
            mfa_bind_required: profile.mfa_bind_required,
            password_reset_required: profile.password_reset_required,
            last_login_time: ims.then_some(last_login),
            password_status: ims.then_some("InitialValid"),
            auto_disable_login_status: ims.then_some("false"),
            create_date: (!ims).then_some(profile.create_date),
            update_date: ims.then_some(profile.update_date),
        }
    }
}

fn get(call: &Call<'_>, account: &Account) -> Answer {
    let user = find::user(call, account)?;
    let profile = account.login_profiles.get(&id_key(&user.user_id)).ok_or(error::LOGIN_PROFILE_NOT_EXIST)?;
    Ok(Reply::done().with("LoginProfile", &LoginProfileRow::of(call, account, user, profile)))
}

fn create(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let user = find::user(call, draft)?.clone();
    if draft.login_profiles.get(&id_key(&user.user_id)).is_some() {
        return Err(error::LOGIN_PROFILE_EXISTS);
    }
    call.parameters.required("Password")?;
    check_password(call)?;
    let profile = LoginProfile {
        user_id: user.user_id.clone(),
        status: switch(call, "Status")?.unwrap_or(Switch::Active),
        mfa_bind_required: call.parameters.flag("MFABindRequired")?,
        password_reset_required: call.parameters.flag("PasswordResetRequired")?,
        create_date: call.now,
        update_date: call.now,
    };
    let reply = Reply::done().with("LoginProfile", &LoginProfileRow::of(call, draft, &user, &profile));
    draft.insert(profile);
    Ok(reply)
}

fn update(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let user = find::user(call, draft)?.clone();
    let mut profile = draft.login_profiles.get(&id_key(&user.user_id)).ok_or(error::LOGIN_PROFILE_NOT_EXIST)?.clone();
    check_password(call)?;
    if let Some(status) = switch(call, "Status")? {
        profile.status = status;
    }
    if call.parameters.text("MFABindRequired").is_some() {
        profile.mfa_bind_required = call.parameters.flag("MFABindRequired")?;
    }
    if call.parameters.text("PasswordResetRequired").is_some() {
        profile.password_reset_required = call.parameters.flag("PasswordResetRequired")?;
    }
    profile.update_date = call.now;
    let reply = Reply::done().with("LoginProfile", &LoginProfileRow::of(call, draft, &user, &profile));
    draft.replace(profile);
    Ok(reply)
}

fn delete(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let key = id_key(&find::user(call, draft)?.user_id);
    if draft.login_profiles.get(&key).is_none() {
        return Err(error::LOGIN_PROFILE_NOT_EXIST);
    }
    draft.remove::<LoginProfile>(&key);
    Ok(Reply::done())
}

fn check_password(call: &Call<'_>) -> Result<(), ServiceError> {
    match call.parameters.text("Password") {
        Some(password) if !(8..=32).contains(&password.chars().count()) => {
            Err(ServiceError::invalid_length("Password"))
        }
        _ => Ok(()),
    }
}
