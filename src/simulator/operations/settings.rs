//! What holds for the whole account: password policy, security preferences, the root user's second factor.
//!
//! What a write does not name stays as it is. The pages of the operations give defaults, and do not say which of the two
//! an absent parameter means.

use serde::Serialize;

use super::super::account::Account;
use super::super::draft::Draft;
use super::super::error::ServiceError;
use super::super::parameters::Parameters;
use super::super::reply::Reply;
use super::super::settings::{PasswordPolicy, SecurityPreference};
use super::{Answer, Call, Operation, Service, read, write};

pub(super) const OPERATIONS: &[Operation] = &[
    read(Service::Ims, "GetPasswordPolicy", get_password_policy),
    write(Service::Ims, "SetPasswordPolicy", set_password_policy),
    read(Service::Ims, "GetSecurityPreference", get_security_preference),
    write(Service::Ims, "SetSecurityPreference", set_security_preference),
    read(Service::Ims, "GetAccountMFAInfo", get_account_mfa),
];

/// Most characters of all masks together, and most masks.
const MASKS: (usize, usize) = (512, 40);

fn get_account_mfa(_: &Call<'_>, account: &Account) -> Answer {
    Ok(Reply::done().with("IsMFAEnable", &account.root_mfa_enabled))
}

fn get_password_policy(_: &Call<'_>, account: &Account) -> Answer {
    Ok(policy_reply(&account.password_policy))
}

fn set_password_policy(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let (sent, now) = (Sent(call.parameters), draft.password_policy.clone());
    let policy = PasswordPolicy {
        minimum_length: sent.number("MinimumPasswordLength", now.minimum_length, 8..=32)?,
        minimum_different_characters: sent.number(
            "MinimumPasswordDifferentCharacter",
            now.minimum_different_characters,
            0..=8,
        )?,
        require_lowercase: sent.flag("RequireLowercaseCharacters", now.require_lowercase)?,
        require_uppercase: sent.flag("RequireUppercaseCharacters", now.require_uppercase)?,
        require_numbers: sent.flag("RequireNumbers", now.require_numbers)?,
        require_symbols: sent.flag("RequireSymbols", now.require_symbols)?,
        forbid_user_name: sent.flag("PasswordNotContainUserName", now.forbid_user_name)?,
        refuse_risky_over_api: sent.flag("InterceptRiskPasswordOnApi", now.refuse_risky_over_api)?,
        max_age_days: sent.number("MaxPasswordAge", now.max_age_days, 0..=1095)?,
        initial_max_age_days: sent.number("InitialPasswordAge", now.initial_max_age_days, 0..=90)?,
        expired_bars_login: sent.flag("HardExpire", now.expired_bars_login)?,
        reuse_prevention_count: sent.number("PasswordReusePrevention", now.reuse_prevention_count, 0..=24)?,
        max_login_attempts: sent.number("MaxLoginAttemps", now.max_login_attempts, 0..=32)?,
    };
    let reply = policy_reply(&policy);
    draft.set_password_policy(policy);
    Ok(reply)
}

fn get_security_preference(_: &Call<'_>, account: &Account) -> Answer {
    Ok(preference_reply(&account.security_preference))
}

fn set_security_preference(call: &Call<'_>, draft: &mut Draft<'_>) -> Answer {
    let (sent, now) = (Sent(call.parameters), draft.security_preference.clone());
    let preference = SecurityPreference {
        login_session_duration_hours: sent.number("LoginSessionDuration", now.login_session_duration_hours, 1..=24)?,
        login_network_masks: sent.masks(now.login_network_masks)?,
        mfa_operation_for_login: sent.one_of(
            "MFAOperationForLogin",
            now.mfa_operation_for_login,
            &["mandatory", "independent", "adaptive"],
        )?,
        operation_for_risk_login: sent.one_of(
            "OperationForRiskLogin",
            now.operation_for_risk_login,
            &["autonomous", "enforceVerify"],
        )?,
        verification_types: sent.types(now.verification_types)?,
        save_mfa_ticket: sent.flag("EnableSaveMFATicket", now.save_mfa_ticket)?,
        allow_user_to_login_with_passkey: sent
            .flag("AllowUserToLoginWithPasskey", now.allow_user_to_login_with_passkey)?,
        allow_user_to_change_password: sent.flag("AllowUserToChangePassword", now.allow_user_to_change_password)?,
        allow_user_to_manage_access_keys: sent
            .flag("AllowUserToManageAccessKeys", now.allow_user_to_manage_access_keys)?,
        allow_user_to_manage_service_credentials: sent
            .flag("AllowUserToManageServiceCredentials", now.allow_user_to_manage_service_credentials)?,
        allow_user_to_manage_mfa_devices: sent
            .flag("AllowUserToManageMFADevices", now.allow_user_to_manage_mfa_devices)?,
        allow_user_to_manage_personal_dingtalk: sent
            .flag("AllowUserToManagePersonalDingTalk", now.allow_user_to_manage_personal_dingtalk)?,
        max_idle_days_for_users: sent.idle("MaxIdleDaysForUsers", now.max_idle_days_for_users)?,
        max_idle_days_for_access_keys: sent.idle("MaxIdleDaysForAccessKeys", now.max_idle_days_for_access_keys)?,
    };
    let reply = preference_reply(&preference);
    draft.set_security_preference(preference);
    Ok(reply)
}

/// The parameters of a write; each with what holds where it was not sent.
struct Sent<'a>(&'a Parameters);

impl Sent<'_> {
    fn number(&self, name: &str, now: u32, range: std::ops::RangeInclusive<u32>) -> Result<u32, ServiceError> {
        self.0.number(name, now, range)
    }

    fn flag(&self, name: &str, now: bool) -> Result<bool, ServiceError> {
        if self.0.text(name).is_some() { self.0.flag(name) } else { Ok(now) }
    }

    fn one_of(&self, name: &str, now: String, words: &[&str]) -> Result<String, ServiceError> {
        match self.0.text(name) {
            None => Ok(now),
            Some(word) if words.contains(&word) => Ok(word.to_owned()),
            Some(_) => Err(ServiceError::invalid(name)),
        }
    }

    fn idle(&self, name: &str, now: u32) -> Result<u32, ServiceError> {
        let days = self.number(name, now, 0..=730)?;
        if [now, 90, 180, 365, 730].contains(&days) { Ok(days) } else { Err(ServiceError::invalid(name)) }
    }

    /// Empty means that every network may log in.
    fn masks(&self, now: Vec<String>) -> Result<Vec<String>, ServiceError> {
        const NAME: &str = "LoginNetworkMasks";
        let Some(text) = self.0.bounded(NAME, MASKS.0)? else { return Ok(now) };
        let masks: Vec<String> = text.split(';').filter(|mask| !mask.is_empty()).map(str::to_owned).collect();
        let is_mask = |mask: &String| mask.chars().all(|c| c.is_ascii_hexdigit() || ".:/".contains(c));
        if masks.len() > MASKS.1 || !masks.iter().all(is_mask) { Err(ServiceError::invalid(NAME)) } else { Ok(masks) }
    }

    /// The official clients send a list as a JSON text.
    fn types(&self, now: Vec<String>) -> Result<Vec<String>, ServiceError> {
        const NAME: &str = "VerificationTypes";
        match self.0.sent(NAME) {
            None => Ok(now),
            Some("") => Ok(Vec::new()),
            Some(text) => serde_json::from_str(text).map_err(|_| ServiceError::invalid(NAME)),
        }
    }
}

fn policy_reply(policy: &PasswordPolicy) -> Reply {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Row {
        hard_expire: bool,
        initial_password_age: u32,
        intercept_risk_password_on_api: bool,
        #[serde(rename = "MaxLoginAttemps")]
        max_login_attempts: u32,
        max_password_age: u32,
        minimum_password_different_character: u32,
        minimum_password_length: u32,
        password_not_contain_user_name: bool,
        password_reuse_prevention: u32,
        require_lowercase_characters: bool,
        require_numbers: bool,
        require_symbols: bool,
        require_uppercase_characters: bool,
    }
    let row = Row {
        hard_expire: policy.expired_bars_login,
        initial_password_age: policy.initial_max_age_days,
        intercept_risk_password_on_api: policy.refuse_risky_over_api,
        max_login_attempts: policy.max_login_attempts,
        max_password_age: policy.max_age_days,
        minimum_password_different_character: policy.minimum_different_characters,
        minimum_password_length: policy.minimum_length,
        password_not_contain_user_name: policy.forbid_user_name,
        password_reuse_prevention: policy.reuse_prevention_count,
        require_lowercase_characters: policy.require_lowercase,
        require_numbers: policy.require_numbers,
        require_symbols: policy.require_symbols,
        require_uppercase_characters: policy.require_uppercase,
    };
    Reply::done().with("PasswordPolicy", &row)
}

fn preference_reply(preference: &SecurityPreference) -> Reply {
    let row = serde_json::json!({
        "AccessKeyPreference": {
            "AllowUserToManageAccessKeys": preference.allow_user_to_manage_access_keys,
            "AllowUserToManageServiceCredentials": preference.allow_user_to_manage_service_credentials,
        },
        "LoginProfilePreference": {
            "AllowUserToChangePassword": preference.allow_user_to_change_password,
            "AllowUserToLoginWithPasskey": preference.allow_user_to_login_with_passkey,
            "EnableSaveMFATicket": preference.save_mfa_ticket,
            "LoginNetworkMasks": preference.login_network_masks.join(";"),
            "LoginSessionDuration": preference.login_session_duration_hours,
            "MFAOperationForLogin": preference.mfa_operation_for_login,
            "OperationForRiskLogin": preference.operation_for_risk_login,
        },
        "MFAPreference": { "AllowUserToManageMFADevices": preference.allow_user_to_manage_mfa_devices },
        "MaxIdleDays": {
            "MaxIdleDaysForAccessKeys": preference.max_idle_days_for_access_keys,
            "MaxIdleDaysForUsers": preference.max_idle_days_for_users,
        },
        "PersonalInfoPreference": {
            "AllowUserToManagePersonalDingTalk": preference.allow_user_to_manage_personal_dingtalk,
        },
        "VerificationPreference": { "VerificationTypes": preference.verification_types },
    });
    Reply::done().with("SecurityPreference", &row)
}
