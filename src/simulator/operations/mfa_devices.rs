//! Second factors, in both faces. A user has one at most. Authentication codes are looked at, and not compared with anything.
//!
//! No public operation binds a security key: people do that in the console.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use serde::Serialize;

use super::super::account::Account;
use super::super::draft::Draft;
use super::super::entities::MfaDevice;
use super::super::error::{self, ServiceError};
use super::super::keys::{id_key, name_key, owned_key};
use super::super::page;
use super::super::reply::Reply;
use super::super::table::Row as _;
use super::{Answer, Call, Operation, Service, find, limits, read, write};
use crate::ambient;

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ram, "ListVirtualMFADevices", list),
    read(Service::Ims, "ListVirtualMFADevices", list_pages).by_marker(100, 100).quota(100),
    read(Service::Ram, "GetUserMFAInfo", get),
    read(Service::Ims, "GetUserMFAInfo", get).quota(700),
    write(Service::Ram, "CreateVirtualMFADevice", create),
    write(Service::Ims, "CreateVirtualMFADevice", create),
    write(Service::Ram, "BindMFADevice", bind),
    write(Service::Ims, "BindMFADevice", bind),
    write(Service::Ram, "UnbindMFADevice", unbind),
    write(Service::Ims, "UnbindMFADevice", unbind),
    write(Service::Ram, "DeleteVirtualMFADevice", delete),
    write(Service::Ims, "DeleteVirtualMFADevice", delete),
];

/// Everything is absent of a device that is bound to nobody: the object is empty then.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BoundTo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_principal_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeviceRow<'a> {
    serial_number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    activate_date: Option<Timestamp>,
    user: BoundTo<'a>,
}

impl<'a> DeviceRow<'a> {
    fn of(call: &Call<'_>, account: &'a Account, device: &'a MfaDevice) -> Self {
        let ims = call.service() == Service::Ims;
        let user = device.user_id.as_ref().and_then(|user_id| account.users.get(&id_key(user_id)));
        let user = user.map(|user| BoundTo {
            user_id: Some(&user.user_id),
            user_name: (!ims).then_some(&*user.user_name),
            user_principal_name: ims.then(|| find::user_principal_name(account, &user.user_name)),
            display_name: Some(&user.display_name),
        });
        Self {
            serial_number: &device.serial_number,
            activate_date: device.activate_date,
            user: user.unwrap_or_default(),
        }
    }
}

fn list(call: &Call<'_>, account: &Account) -> Answer {
    let devices = account.mfa_devices.iter().filter(|device| device.is_virtual());
    let rows: Vec<_> = devices.map(|device| DeviceRow::of(call, account, device)).collect();
    Ok(Reply::done().with_rows("VirtualMFADevices", "VirtualMFADevice", &rows))
}

fn list_pages(call: &Call<'_>, account: &Account) -> Answer {
    let after = |place| account.mfa_devices.after(place).filter(|(_, device)| device.is_virtual());
    page::by_marker(call, ("VirtualMFADevices", "VirtualMFADevice"), after, |device| {
        DeviceRow::of(call, account, device)
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shown<'a> {
    serial_number: &'a str,
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    device_type: Option<&'a str>,
}

fn get(call: &Call<'_>, account: &Account) -> Answer {
    let device = bound_to(account, &find::user(call, account)?.user_id).ok_or(error::USER_MFA_DEVICE_NOT_EXIST)?;
    let shown = Shown { serial_number: &device.serial_number, device_type: Some(&device.device_type) };
    let reply = Reply::done().with("MFADevice", &shown);
    Ok(if call.service() == Service::Ims { reply.with("IsMFAEnable", &true) } else { reply })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Created<'a> {
    serial_number: &'a str,
    base32_string_seed: String,
    #[serde(rename = "QRCodePNG")]
    qr_code_png: String,
}

fn create(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let name = call.parameters.new_name("VirtualMFADeviceName", 64, "-_.")?;
    let serial_number = format!("acs:ram::{}:mfa/{name}", draft.account_id);
    let is_it = |device: &&MfaDevice| name_key(&device.serial_number) == name_key(&serial_number);
    if draft.mfa_devices.iter().any(|device| is_it(&device)) {
        return Err(error::MFA_DEVICE_EXISTS);
    }
    if draft.mfa_devices.len() >= limits::MFA_DEVICES {
        return Err(error::TOO_MANY_MFA_DEVICES);
    }
    let seed = ambient::text(32).to_uppercase();
    let qr_code_png = BASE64.encode(b"no picture: this is a simulated account");
    let created = Created { serial_number: &serial_number, base32_string_seed: seed, qr_code_png };
    let reply = Reply::done().with("VirtualMFADevice", &created);
    let device_type = MfaDevice::VIRTUAL.to_owned();
    draft.insert(MfaDevice { device_type, serial_number, user_id: None, activate_date: None });
    Ok(reply)
}

fn bind(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let user_id = find::user(call, draft)?.user_id.clone();
    let device = named(call, draft)?;
    for parameter in ["AuthenticationCode1", "AuthenticationCode2"] {
        let code = call.parameters.required(parameter)?;
        if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ServiceError::invalid_format("AuthenticationCode"));
        }
    }
    if device.user_id.is_some() {
        return Err(error::MFA_DEVICE_BOUND);
    }
    if bound_to(draft, &user_id).is_some() {
        return Err(error::USER_MFA_DEVICE_EXISTS);
    }
    draft.replace(MfaDevice { user_id: Some(user_id), activate_date: Some(call.now), ..device });
    Ok(Reply::done())
}

fn unbind(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let user_id = find::user(call, draft)?.user_id.clone();
    let device = bound_to(draft, &user_id).ok_or(error::USER_MFA_DEVICE_NOT_EXIST)?.clone();
    let shown = Shown { serial_number: &device.serial_number, device_type: None };
    let reply = Reply::done().with("MFADevice", &shown);
    if device.is_virtual() {
        draft.replace(MfaDevice { user_id: None, activate_date: None, ..device });
    } else {
        draft.remove::<MfaDevice>(&device.keys()[0]);
    }
    Ok(reply)
}

fn delete(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let device = named(call, draft)?;
    if device.user_id.is_some() {
        return Err(error::MFA_DEVICE_HAS_USER);
    }
    draft.remove::<MfaDevice>(&device.keys()[0]);
    Ok(Reply::done())
}

/// Binds a security key to a user, given by name or id: what the console does, and no public operation.
///
/// # Errors
/// No such user, or one that has a device.
pub(crate) fn add_security_key(draft: &mut Draft<'_>, user: &str, now: Timestamp) -> Result<(), ServiceError> {
    let table = &draft.users;
    let user = table.get(&name_key(user)).or_else(|| table.get(&id_key(user))).ok_or(error::USER_NOT_EXIST)?;
    let user_id = user.user_id.clone();
    if bound_to(draft, &user_id).is_some() {
        return Err(error::USER_MFA_DEVICE_EXISTS);
    }
    let (device_type, serial_number) = ("U2F".to_owned(), String::new());
    draft.insert(MfaDevice { device_type, serial_number, user_id: Some(user_id), activate_date: Some(now) });
    Ok(())
}

fn named(call: &Call<'_>, account: &Account) -> Result<MfaDevice, ServiceError> {
    let serial_number = call.parameters.required("SerialNumber")?;
    account.mfa_devices.get(&id_key(serial_number)).cloned().ok_or(error::MFA_DEVICE_NOT_EXIST)
}

fn bound_to<'a>(account: &'a Account, user_id: &str) -> Option<&'a MfaDevice> {
    account.mfa_devices.group(&owned_key(user_id)).next()
}
