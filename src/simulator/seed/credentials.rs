//! How the users of a made-up account get in.

use super::super::entities::{AccessKey, LoginProfile, MfaDevice, Switch};
use super::super::ids;
use super::Seeder;

impl Seeder {
    /// Round by round each user gets one more key.
    pub(super) fn access_keys(&mut self, count: usize) {
        let users = self.user_ids();
        for n in 0..count {
            let create_date = self.date();
            let row = AccessKey {
                access_key_id: ids::access_key(self.next_id_seed()),
                user_id: users[n % users.len()].clone(),
                status: if self.one_in(5) { Switch::Inactive } else { Switch::Active },
                update_date: self.later(create_date),
                create_date,
            };
            self.account.access_keys.insert(row).expect("ids are given out once");
        }
    }

    pub(super) fn login_profiles(&mut self, count: usize) {
        for user_id in self.user_ids().into_iter().take(count) {
            let create_date = self.date();
            let row = LoginProfile {
                user_id,
                status: if self.one_in(8) { Switch::Inactive } else { Switch::Active },
                mfa_bind_required: self.one_in(2),
                password_reset_required: self.one_in(6),
                update_date: self.later(create_date),
                create_date,
            };
            self.account.login_profiles.insert(row).expect("a user has one");
        }
    }

    /// Every fourth is a security key, which has no serial number.
    pub(super) fn mfa_devices(&mut self, count: usize) {
        for (n, user_id) in self.user_ids().into_iter().take(count).enumerate() {
            let is_virtual = n % 4 != 3;
            let serial_number = format!("acs:ram::{}:mfa/device-{n}", self.account.account_id);
            let row = MfaDevice {
                device_type: if is_virtual { MfaDevice::VIRTUAL } else { "U2F" }.to_owned(),
                serial_number: if is_virtual { serial_number } else { String::new() },
                user_id: Some(user_id),
                activate_date: Some(self.date()),
            };
            self.account.mfa_devices.insert(row).expect("a user has one");
        }
    }

    fn user_ids(&self) -> Vec<String> {
        self.account.users.iter().map(|user| user.user_id.clone()).collect()
    }
}
