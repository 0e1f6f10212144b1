//! The account's security preferences, from IMS GetSecurityPreference: one record, always there.

use serde::{Deserialize, Serialize};

use super::{Dates, Entity, Key, Kind, Labels, Names, Scope, entity::differing_fields};

/// How RAM users log in, and what they may do for themselves. Absent are settings that the service left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecurityPreference {
    /// LoginSessionDuration, in hours.
    pub login_session_duration_hours: Option<i64>,
    /// LoginNetworkMasks: from where users may log in to the console, sorted; empty: from everywhere.
    pub login_network_masks: Vec<String>,
    /// MFAOperationForLogin: `mandatory`, `independent` (by user) or `adaptive`, as received.
    pub mfa_operation_for_login: Option<String>,
    /// OperationForRiskLogin: `autonomous` or `enforceVerify`, as received.
    pub operation_for_risk_login: Option<String>,
    /// VerificationTypes: the ways of a second factor, sorted.
    pub verification_types: Vec<String>,
    /// EnableSaveMFATicket: whether a second factor counts for seven days.
    pub save_mfa_ticket: Option<bool>,
    /// AllowUserToLoginWithPasskey.
    pub allow_user_to_login_with_passkey: Option<bool>,
    /// AllowUserToChangePassword.
    pub allow_user_to_change_password: Option<bool>,
    /// AllowUserToManageAccessKeys.
    pub allow_user_to_manage_access_keys: Option<bool>,
    /// AllowUserToManageServiceCredentials.
    pub allow_user_to_manage_service_credentials: Option<bool>,
    /// AllowUserToManageMFADevices.
    pub allow_user_to_manage_mfa_devices: Option<bool>,
    /// AllowUserToManagePersonalDingTalk.
    pub allow_user_to_manage_personal_dingtalk: Option<bool>,
    /// MaxIdleDaysForUsers: after so many days without a login, console access is switched off.
    pub max_idle_days_for_users: Option<i64>,
    /// MaxIdleDaysForAccessKeys: after so many days without use, an access key is switched off.
    pub max_idle_days_for_access_keys: Option<i64>,
}

impl Entity for SecurityPreference {
    const KIND: Kind = Kind::SecurityPreference;
    const MODEL_VERSION: &'static str = "1";

    fn key(&self, account: &str) -> Key {
        Key::new(account, Kind::SecurityPreference, &[])
    }

    fn scope(_: &Key) -> Scope {
        Scope::collection(Kind::SecurityPreference)
    }

    fn labels<'a>(&'a self, _: &Key, _: &'a Names) -> Labels<'a> {
        Vec::new()
    }

    fn dates(&self) -> Dates {
        Dates::default()
    }

    fn changed_fields(&self, after: &Self) -> Vec<&'static str> {
        differing_fields!(self, after,
            compared: [
                login_session_duration_hours, login_network_masks, mfa_operation_for_login, operation_for_risk_login,
                verification_types, save_mfa_ticket, allow_user_to_login_with_passkey, allow_user_to_change_password,
                allow_user_to_manage_access_keys, allow_user_to_manage_service_credentials,
                allow_user_to_manage_mfa_devices, allow_user_to_manage_personal_dingtalk, max_idle_days_for_users,
                max_idle_days_for_access_keys,
            ],
            not_compared: [])
    }

    /// No date tells an old answer from a new one.
    fn must_be_seen_twice(&self, _: &Self) -> bool {
        true
    }
}
