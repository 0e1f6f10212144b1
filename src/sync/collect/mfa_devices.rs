//! MFA devices: virtual ones by one listing for all, all others user by user.
//!
//! Both operations show a virtual device. Only the listing is its source; where the user's own answer shows one that the
//! listing lacks, one of the two is behind, and nothing is known of that user. Whoever is listed with another virtual device
//! than before is asked at once: another kind of device may have gone for it, or may stand beside it.

use std::collections::HashSet;

use super::{
    Parents, Reader, Wanted,
    user_details::{Asked, UserDetail},
};
use crate::{
    alicloud::{Session, sign_in},
    model::{
        Collection, Entity, Key, Kind, Listing, Reason, Unknown,
        mfa_device::{MfaDevice, VIRTUAL},
    },
    sync::details::Round,
};

/// What was listed for all, and what users were asked for.
#[derive(Debug)]
pub struct MfaDevices {
    pub(super) of_users: Asked<sign_in::MfaDevice>,
    pub(super) virtual_ones: Listing<sign_in::VirtualMfaDevice>,
}

impl UserDetail for MfaDevice {
    type Item = sign_in::MfaDevice;

    async fn read(session: &Session, principal_name: &str) -> Listing<sign_in::MfaDevice> {
        sign_in::get_user_mfa_info(session, principal_name).await
    }

    fn of(user_id: &str, read: sign_in::MfaDevice) -> Option<Self> {
        let device_type = read.device_type.filter(|device_type| !Self::is_virtual(device_type))?;
        let user_id = user_id.to_owned();
        Some(Self { user_id, device_type, serial_number: read.serial_number, activate_date: None })
    }

    fn is_from_it(key: &Key) -> bool {
        !Self::is_key_of_virtual(key)
    }
}

impl Reader<'_> {
    /// Lists the virtual devices, if devices are wanted.
    pub(super) async fn list_virtual_mfa_devices(
        &self,
        session: &Session,
        wanted: &Wanted,
    ) -> Option<Listing<sign_in::VirtualMfaDevice>> {
        if !self.wants(wanted, Kind::MfaDevice) {
            return None;
        }
        Some(sign_in::list_virtual_mfa_devices(session).await)
    }

    /// The ids of the users whose virtual devices are others than those in the published state.
    pub(super) fn users_with_other_devices(
        &self,
        listing: Option<&Listing<sign_in::VirtualMfaDevice>>,
    ) -> HashSet<String> {
        let Some(Ok(listing)) = listing else { return HashSet::new() };
        let bound = listing.items().iter().filter_map(|listed| self.bound(listed));
        let listed: HashSet<Key> = bound.map(|device| device.key(self.account_id())).collect();
        let held = self.state.entities(Kind::MfaDevice).keys().filter(|key| MfaDevice::is_key_of_virtual(key));
        let held: HashSet<Key> = held.cloned().collect();
        let others = listed.symmetric_difference(&held);
        others.filter_map(|key| key.components().next().map(str::to_owned)).collect()
    }

    pub(super) fn mfa_devices(
        &self,
        parents: &Parents,
        wanted: &Wanted,
        devices: MfaDevices,
        round: &Round<()>,
    ) -> Collection {
        let MfaDevices { mut of_users, virtual_ones } = devices;
        let bound = match virtual_ones {
            Ok(listing) => listing.sift(|listed| self.bound(&listed)),
            Err(why) => return Collection::unknown(Kind::MfaDevice, why),
        };
        let listed: HashSet<Key> = bound.items().iter().map(|device| device.key(self.account_id())).collect();
        of_users.refuse(|user_id, shown| {
            let lacks = |device: &sign_in::MfaDevice| {
                let is_virtual = device.device_type.as_deref().is_some_and(MfaDevice::is_virtual);
                is_virtual
                    && !listed.contains(&virtual_device(user_id, device.serial_number.clone()).key(self.account_id()))
            };
            let detail = || format!("user {user_id} has a virtual device that is not listed");
            shown.items().iter().any(lacks).then(|| Unknown::new(Reason::Stale, detail()))
        });
        let mut collection = self.users_details::<MfaDevice>(parents, wanted, of_users, round);
        collection.join(bound.map(|device| self.found(&device)));
        collection
    }

    /// The device, if it is bound to a user; that of the account itself is no user's.
    fn bound(&self, listed: &sign_in::VirtualMfaDevice) -> Option<MfaDevice> {
        let user_id = listed.user.as_ref()?.user_id.as_deref().filter(|user_id| *user_id != self.account_id())?;
        let device = virtual_device(user_id, Some(listed.serial_number.clone()));
        Some(MfaDevice { activate_date: listed.activate_date.map(Into::into), ..device })
    }
}

fn virtual_device(user_id: &str, serial_number: Option<String>) -> MfaDevice {
    MfaDevice { user_id: user_id.to_owned(), device_type: VIRTUAL.to_owned(), serial_number, activate_date: None }
}
