//! What holds for the whole account: one call each.

use super::{Reader, Wanted, sorted_texts};
use crate::{
    alicloud::{Session, ims_settings},
    model::{Collection, Kind, Listing, password_policy::PasswordPolicy, security_preference::SecurityPreference},
};

impl Reader<'_> {
    pub(super) async fn list_password_policy(
        &self,
        session: &Session,
        wanted: &Wanted,
    ) -> Option<Listing<ims_settings::PasswordPolicy>> {
        let is_wanted = self.wants(wanted, Kind::PasswordPolicy);
        if is_wanted { Some(ims_settings::get_password_policy(session).await) } else { None }
    }

    pub(super) async fn list_security_preference(
        &self,
        session: &Session,
        wanted: &Wanted,
    ) -> Option<Listing<ims_settings::SecurityPreference>> {
        let is_wanted = self.wants(wanted, Kind::SecurityPreference);
        if is_wanted { Some(ims_settings::get_security_preference(session).await) } else { None }
    }

    pub(super) fn password_policy(&self, listing: Listing<ims_settings::PasswordPolicy>) -> Collection {
        let listing = listing.map(|listing| listing.map(|read| self.found(&password_policy(&read))));
        Collection::whole_or_unknown(Kind::PasswordPolicy, listing)
    }

    pub(super) fn security_preference(&self, listing: Listing<ims_settings::SecurityPreference>) -> Collection {
        let listing = listing.map(|listing| listing.map(|read| self.found(&security_preference(read))));
        Collection::whole_or_unknown(Kind::SecurityPreference, listing)
    }
}

fn password_policy(read: &ims_settings::PasswordPolicy) -> PasswordPolicy {
    PasswordPolicy {
        minimum_length: Some(i64::from(read.minimum_password_length)),
        minimum_different_characters: read.minimum_password_different_character.map(i64::from),
        require_lowercase: read.require_lowercase_characters,
        require_uppercase: read.require_uppercase_characters,
        require_numbers: read.require_numbers,
        require_symbols: read.require_symbols,
        forbid_user_name: read.password_not_contain_user_name,
        refuse_risky_over_api: read.intercept_risk_password_on_api,
        max_age_days: read.max_password_age.map(i64::from),
        initial_max_age_days: read.initial_password_age.map(i64::from),
        expired_bars_login: read.hard_expire,
        reuse_prevention_count: read.password_reuse_prevention.map(i64::from),
        max_login_attempts: read.max_login_attempts.map(i64::from),
    }
}

fn security_preference(read: ims_settings::SecurityPreference) -> SecurityPreference {
    let (login, keys, idle) = (read.login_profile_preference, read.access_key_preference, read.max_idle_days);
    SecurityPreference {
        login_session_duration_hours: Some(i64::from(login.login_session_duration)),
        login_network_masks: sorted_texts(login.login_network_masks),
        mfa_operation_for_login: login.mfa_operation_for_login,
        operation_for_risk_login: login.operation_for_risk_login,
        verification_types: sorted_texts(
            read.verification_preference.map(|preference| preference.verification_types).unwrap_or_default(),
        ),
        save_mfa_ticket: login.enable_save_mfa_ticket,
        allow_user_to_login_with_passkey: login.allow_user_to_login_with_passkey,
        allow_user_to_change_password: login.allow_user_to_change_password,
        allow_user_to_manage_access_keys: keys.allow_user_to_manage_access_keys,
        allow_user_to_manage_service_credentials: keys.allow_user_to_manage_service_credentials,
        allow_user_to_manage_mfa_devices: read.mfa_preference.allow_user_to_manage_mfa_devices,
        allow_user_to_manage_personal_dingtalk: read
            .personal_info_preference
            .and_then(|preference| preference.allow_user_to_manage_personal_dingtalk),
        max_idle_days_for_users: idle.as_ref().and_then(|idle| idle.max_idle_days_for_users).map(i64::from),
        max_idle_days_for_access_keys: idle.as_ref().and_then(|idle| idle.max_idle_days_for_access_keys).map(i64::from),
    }
}
