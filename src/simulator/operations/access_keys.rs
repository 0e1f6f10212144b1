//! Access keys of users, in both faces. A key that is made here verifies until it is switched off or deleted, or until the
//! process ends: secrets are in no file.

use jiff::Timestamp;
use serde::Serialize;

use super::super::account::Account;
use super::super::authentication::{Identity, Key};
use super::super::draft::Draft;
use super::super::entities::{AccessKey, Switch};
use super::super::error::{self, ServiceError};
use super::super::ids;
use super::super::keys::{id_key, owned_key};
use super::super::reply::Reply;
use super::{Answer, Call, Operation, Service, find, limits, read, write};
use crate::ambient;
use crate::secret::Secret;

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ram, "ListAccessKeys", list),
    read(Service::Ims, "ListAccessKeys", list).quota(100),
    write(Service::Ram, "CreateAccessKey", create),
    write(Service::Ims, "CreateAccessKey", create),
    write(Service::Ram, "UpdateAccessKey", update),
    write(Service::Ims, "UpdateAccessKey", update),
    write(Service::Ram, "DeleteAccessKey", delete),
    write(Service::Ims, "DeleteAccessKey", delete),
];

/// IMS alone shows when a key was changed.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AccessKeyRow<'a> {
    access_key_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_secret: Option<&'a str>,
    status: &'static str,
    create_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_date: Option<Timestamp>,
}

fn list(call: &Call<'_>, account: &Account) -> Answer {
    let owner = match owner(call, account) {
        Ok(user_id) => owned_key(&user_id),
        // Keys of the account itself are not among those of this table.
        Err(error) if error.code.starts_with("Missing") => String::new(),
        Err(error) => return Err(error),
    };
    let rows: Vec<_> = account
        .access_keys
        .group(&owner)
        .map(|key| AccessKeyRow {
            access_key_id: &key.access_key_id,
            access_key_secret: None,
            status: key.status.as_str(),
            create_date: key.create_date,
            update_date: (call.service() == Service::Ims).then_some(key.update_date),
        })
        .collect();
    Ok(Reply::done().with_rows("AccessKeys", "AccessKey", &rows))
}

fn create(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let user_id = owner(call, draft)?;
    if draft.access_keys.group_len(&owned_key(&user_id)) >= limits::ACCESS_KEYS_PER_USER {
        return Err(error::TOO_MANY_KEYS_OF_USER);
    }
    let access_key_id = ids::access_key(draft.new_id_seed());
    let secret = ambient::text(30);
    let identity = Identity::User(user_id.clone());
    call.keys.add(access_key_id.clone(), Key { secret: Secret::new(secret.clone()), identity, session: None });
    let reply = Reply::done().with(
        "AccessKey",
        &AccessKeyRow {
            access_key_id: &access_key_id,
            access_key_secret: Some(&secret),
            status: Switch::Active.as_str(),
            create_date: call.now,
            update_date: None,
        },
    );
    let status = Switch::Active;
    draft.insert(AccessKey { access_key_id, user_id, status, create_date: call.now, update_date: call.now });
    Ok(reply)
}

fn update(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let held = named(call, draft)?;
    let status = switch(call, "Status")?.ok_or_else(|| ServiceError::missing("Status"))?;
    let changed = AccessKey { status, update_date: call.now, ..held };
    call.keys.switch(&changed.access_key_id, status == Switch::Active);
    draft.replace(changed);
    Ok(Reply::done())
}

fn delete(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let held = named(call, draft)?;
    call.keys.remove(&held.access_key_id);
    draft.remove::<AccessKey>(&id_key(&held.access_key_id));
    Ok(Reply::done())
}

/// Whose keys: the user that is named, or the caller.
fn owner(call: &Call<'_>, account: &Account) -> Result<String, ServiceError> {
    match (find::user(call, account), &call.caller.identity) {
        (Err(error), Identity::User(user_id)) if error.code.starts_with("Missing") => Ok(user_id.clone()),
        (found, _) => found.map(|user| user.user_id.clone()),
    }
}

fn named(call: &Call<'_>, account: &Account) -> Result<AccessKey, ServiceError> {
    let user_id = owner(call, account)?;
    let key = account.access_keys.get(&id_key(call.parameters.required("UserAccessKeyId")?));
    key.filter(|key| key.user_id == user_id).cloned().ok_or(error::ACCESS_KEY_NOT_EXIST)
}

/// `Active` or `Inactive`, if it was sent.
pub(super) fn switch(call: &Call<'_>, parameter: &str) -> Result<Option<Switch>, ServiceError> {
    match call.parameters.text(parameter) {
        None => Ok(None),
        Some("Active") => Ok(Some(Switch::Active)),
        Some("Inactive") => Ok(Some(Switch::Inactive)),
        Some(_) => Err(ServiceError::invalid(parameter)),
    }
}
