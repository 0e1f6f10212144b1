//! Second factors of users: virtual ones from IMS ListVirtualMFADevices, all others from IMS GetUserMFAInfo.

use serde::{Deserialize, Serialize};

use super::{
    Dates, Entity, Key, Kind, Labels, Millis, Names, Scope,
    entity::differing_fields,
    user::{scope_of_user, user_of},
};

/// The service's word for a virtual device.
pub const VIRTUAL: &str = "VMFA";

/// A device that a user signs in with beside the password.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MfaDevice {
    /// The id of the user.
    pub user_id: String,
    /// `VMFA`, `U2F`, or as received.
    pub device_type: String,
    /// SerialNumber; not every kind of device has one.
    pub serial_number: Option<String>,
    /// ActivateDate; virtual devices only.
    pub activate_date: Option<Millis>,
}

impl MfaDevice {
    /// Whether it is one of those that are listed for the whole account.
    #[must_use]
    pub fn is_virtual(device_type: &str) -> bool {
        device_type.eq_ignore_ascii_case(VIRTUAL)
    }

    /// Whether the device with this key is virtual.
    #[must_use]
    pub fn is_key_of_virtual(key: &Key) -> bool {
        key.components().nth(1).is_some_and(Self::is_virtual)
    }
}

impl Entity for MfaDevice {
    const KIND: Kind = Kind::MfaDevice;
    const MODEL_VERSION: &'static str = "1";

    fn key(&self, account: &str) -> Key {
        let serial_number = self.serial_number.as_deref().unwrap_or_default();
        Key::new(account, Kind::MfaDevice, &[&self.user_id, &self.device_type, serial_number])
    }

    fn scope(key: &Key) -> Scope {
        Scope::children(Kind::MfaDevice, key.components().take(1))
    }

    fn ends(key: &Key) -> Vec<Key> {
        user_of(key)
    }

    fn scope_under(parent: &Key) -> Option<Scope> {
        scope_of_user(Kind::MfaDevice, parent)
    }

    fn labels<'a>(&'a self, key: &Key, names: &'a Names) -> Labels<'a> {
        let user_name = key.components().next().and_then(|user| names.of(Kind::User, user));
        vec![
            ("user_id", Some(&self.user_id)),
            ("device_type", Some(&self.device_type)),
            ("serial_number", self.serial_number.as_deref()),
            ("user_name", user_name),
        ]
    }

    fn dates(&self) -> Dates {
        Dates { born: self.activate_date, touched: None }
    }

    fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        differing_fields!(self, after,
            compared: [activate_date],
            not_compared: [user_id, device_type, serial_number])
    }
}
