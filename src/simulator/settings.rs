//! What holds for a whole account: plain data, as in the account file and in the truth log.
//!
//! The defaults are those of the vendor's pages SetPasswordPolicy and SetSecurityPreference.

use serde::{Deserialize, Serialize};

/// The password policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordPolicy {
    /// 8 to 32.
    pub minimum_length: u32,
    /// 0 to 8.
    pub minimum_different_characters: u32,
    /// Whether lower-case letters are required.
    pub require_lowercase: bool,
    /// Whether upper-case letters are required.
    pub require_uppercase: bool,
    /// Whether digits are required.
    pub require_numbers: bool,
    /// Whether symbols are required.
    pub require_symbols: bool,
    /// Whether the user name may not stand in it.
    pub forbid_user_name: bool,
    /// Whether passwords known to be unsafe are refused over the API, too.
    pub refuse_risky_over_api: bool,
    /// Days, 0 to 1095.
    pub max_age_days: u32,
    /// Days, 0 to 90.
    pub initial_max_age_days: u32,
    /// Whether an expired password bars the login.
    pub expired_bars_login: bool,
    /// 0 to 24.
    pub reuse_prevention_count: u32,
    /// 0 to 32.
    pub max_login_attempts: u32,
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            minimum_length: 8,
            minimum_different_characters: 0,
            require_lowercase: false,
            require_uppercase: false,
            require_numbers: false,
            require_symbols: false,
            forbid_user_name: false,
            refuse_risky_over_api: false,
            max_age_days: 0,
            initial_max_age_days: 14,
            expired_bars_login: false,
            reuse_prevention_count: 0,
            max_login_attempts: 0,
        }
    }
}

/// The security preferences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecurityPreference {
    /// Hours, 1 to 24.
    pub login_session_duration_hours: u32,
    /// In the order in which they were sent.
    pub login_network_masks: Vec<String>,
    /// `mandatory`, `independent` or `adaptive`.
    pub mfa_operation_for_login: String,
    /// `autonomous` or `enforceVerify`.
    pub operation_for_risk_login: String,
    /// In the order in which they were sent.
    pub verification_types: Vec<String>,
    /// Whether a second factor counts for seven days.
    pub save_mfa_ticket: bool,
    /// Whether users may log in with passkeys.
    pub allow_user_to_login_with_passkey: bool,
    /// Whether users may change their own passwords.
    pub allow_user_to_change_password: bool,
    /// Whether users may manage their own access keys.
    pub allow_user_to_manage_access_keys: bool,
    /// Whether users may manage their own API keys of services.
    pub allow_user_to_manage_service_credentials: bool,
    /// Whether users may manage their own second factors.
    pub allow_user_to_manage_mfa_devices: bool,
    /// Whether users may bind their own DingTalk accounts.
    pub allow_user_to_manage_personal_dingtalk: bool,
    /// 90, 180, 365 or 730.
    pub max_idle_days_for_users: u32,
    /// 90, 180, 365 or 730.
    pub max_idle_days_for_access_keys: u32,
}

impl Default for SecurityPreference {
    fn default() -> Self {
        Self {
            login_session_duration_hours: 6,
            login_network_masks: Vec::new(),
            mfa_operation_for_login: "independent".to_owned(),
            operation_for_risk_login: "autonomous".to_owned(),
            verification_types: Vec::new(),
            save_mfa_ticket: false,
            allow_user_to_login_with_passkey: true,
            allow_user_to_change_password: true,
            allow_user_to_manage_access_keys: false,
            allow_user_to_manage_service_credentials: false,
            allow_user_to_manage_mfa_devices: true,
            allow_user_to_manage_personal_dingtalk: true,
            max_idle_days_for_users: 730,
            max_idle_days_for_access_keys: 730,
        }
    }
}
