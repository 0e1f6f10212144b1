//! How users get in, by Identity Management Service: access keys, login profiles, second factors.
//!
//! Items hold what is compared, as received; what moves by itself (the last login, the last use, the age of a password) is
//! not read.

use jiff::Timestamp;
use serde::Deserialize;

use super::ims::operation;
use super::operation::{Operation, Quota};
use super::paging::{Identified, Listed, at_most_one, at_once, by_marker, marked_page};
use super::session::Session;
use super::wire;
use crate::model::Listing;

/// Lists the access keys of a user. No row was found for IMS; RAM's operation of this name has 100.
pub const LIST_ACCESS_KEYS: Operation = operation("ListAccessKeys", "ram:ListAccessKeys", Quota::Assumed(100));
/// Gets the login profile of a user.
pub const GET_LOGIN_PROFILE: Operation = operation("GetLoginProfile", "ram:GetLoginProfile", Quota::Assumed(100));
/// Gets the second factor of a user.
pub const GET_USER_MFA_INFO: Operation = operation("GetUserMFAInfo", "ram:GetUserMFAInfo", Quota::Documented(700));
/// Lists all virtual MFA devices. No row was found for IMS; RAM's operation of this name has 100.
pub const LIST_VIRTUAL_MFA_DEVICES: Operation =
    operation("ListVirtualMFADevices", "ram:ListVirtualMFADevices", Quota::Assumed(100));

/// The most MFA devices of an account.
const MOST_MFA_DEVICES: u32 = 5000;

/// An access key of a user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccessKey {
    /// Its id.
    #[serde(deserialize_with = "wire::id")]
    pub access_key_id: String,
    /// `Active` or `Inactive`, as received.
    #[serde(deserialize_with = "wire::id")]
    pub status: String,
    /// When it was created.
    #[serde(default, deserialize_with = "wire::time")]
    pub create_date: Option<Timestamp>,
    /// When it was last updated.
    #[serde(default, deserialize_with = "wire::time")]
    pub update_date: Option<Timestamp>,
}

impl Identified for AccessKey {
    fn identity(&self) -> impl Ord {
        self.access_key_id.as_str()
    }
}

/// The login profile of a user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LoginProfile {
    /// The principal name of the user, where the reply has it.
    #[serde(default, deserialize_with = "wire::text")]
    pub user_principal_name: Option<String>,
    /// `Active` or `Inactive`, as received.
    #[serde(deserialize_with = "wire::id")]
    pub status: String,
    /// Whether a second factor must be bound.
    #[serde(rename = "MFABindRequired")]
    pub mfa_bind_required: Option<bool>,
    /// Whether the password must be changed at the next sign-in.
    pub password_reset_required: Option<bool>,
    /// When it was last updated.
    #[serde(default, deserialize_with = "wire::time")]
    pub update_date: Option<Timestamp>,
}

/// The second factor that a user signs in with, as the service shows it: one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MfaDevice {
    /// Not every kind of device has one.
    #[serde(default, deserialize_with = "wire::text")]
    pub serial_number: Option<String>,
    /// `VMFA` or `U2F`, as received; none where the object is empty.
    #[serde(rename = "Type", default, deserialize_with = "wire::text")]
    pub device_type: Option<String>,
}

/// A virtual MFA device.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VirtualMfaDevice {
    /// The serial number.
    #[serde(deserialize_with = "wire::id")]
    pub serial_number: String,
    /// When it was bound.
    #[serde(default, deserialize_with = "wire::time")]
    pub activate_date: Option<Timestamp>,
    /// The user that it is bound to; empty if it is bound to nobody.
    #[serde(default, deserialize_with = "wire::maybe_object")]
    pub user: Option<BoundTo>,
}

/// Whom a device is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BoundTo {
    /// The user's id.
    #[serde(default, deserialize_with = "wire::text")]
    pub user_id: Option<String>,
}

impl Identified for VirtualMfaDevice {
    fn identity(&self) -> impl Ord {
        self.serial_number.as_str()
    }
}

marked_page!(AccessKeysPage { "AccessKeys": AccessKeyList { "AccessKey": [AccessKey] } });
marked_page!(VirtualMfaDevicesPage {
    "VirtualMFADevices": VirtualMfaDeviceList { "VirtualMFADevice": [VirtualMfaDevice] }
});

/// Lists the access keys of the user of this principal name; the operation has no pages.
///
/// # Errors
///
/// Why the listing is not known; a user who does not exist has no empty listing, but none.
pub async fn list_access_keys(session: &Session, user_principal_name: &str) -> Listing<AccessKey> {
    let parameters = [("UserPrincipalName", user_principal_name)];
    at_once::<AccessKeysPage, _>(session, &LIST_ACCESS_KEYS, &parameters).await
}

/// Gets the login profile of the user of this principal name, if there is one.
///
/// # Errors
///
/// Why it is not known.
pub async fn get_login_profile(session: &Session, user_principal_name: &str) -> Listing<LoginProfile> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(rename = "LoginProfile", deserialize_with = "wire::object")]
        profile: LoginProfile,
    }
    let parameters = [("UserPrincipalName", user_principal_name)];
    at_most_one(session, &GET_LOGIN_PROFILE, &parameters, "User.LoginProfile", |reply: Reply| {
        let named = reply.profile.user_principal_name.as_deref();
        if named.is_some_and(|named| !named.eq_ignore_ascii_case(user_principal_name)) {
            return Err("is not about the one that was asked for");
        }
        Ok(Some(reply.profile))
    })
    .await
}

/// Gets the second factor of the user of this principal name, if there is one.
///
/// # Errors
///
/// Why it is not known.
pub async fn get_user_mfa_info(session: &Session, user_principal_name: &str) -> Listing<MfaDevice> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(rename = "IsMFAEnable")]
        is_enabled: Option<bool>,
        #[serde(rename = "MFADevice", default, deserialize_with = "wire::maybe_object")]
        device: Option<MfaDevice>,
    }
    let parameters = [("UserPrincipalName", user_principal_name)];
    at_most_one(session, &GET_USER_MFA_INFO, &parameters, "User.MFADevice", |reply: Reply| {
        match (reply.device.filter(|device| device.device_type.is_some()), reply.is_enabled) {
            (Some(device), _) => Ok(Some(device)),
            (None, Some(false)) => Ok(None),
            (None, _) => Err("names no device, and does not say that there is none"),
        }
    })
    .await
}

/// Lists all virtual MFA devices, also those that are bound to nobody.
///
/// # Errors
///
/// Why the listing is not known.
pub async fn list_virtual_mfa_devices(session: &Session) -> Listing<VirtualMfaDevice> {
    let operation = &LIST_VIRTUAL_MFA_DEVICES;
    let listed = Listed { operation, parameters: &[], page_size: 100, largest: MOST_MFA_DEVICES };
    by_marker::<VirtualMfaDevicesPage, _>(session, &listed).await
}
