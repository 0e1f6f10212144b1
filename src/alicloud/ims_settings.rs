//! Identity Management Service: what holds for the whole account.
//!
//! Items hold what is compared, as received. Every one of these replies has parts that are always there: a reply
//! without them is broken, not a setting that was taken away.

use serde::Deserialize;

use super::endpoints::Service;
use super::operation::{Operation, Quota};
use super::paging::only_item;
use super::session::Session;
use super::wire;
use crate::model::Listing;

/// Gets the account's password policy.
pub const GET_PASSWORD_POLICY: Operation = operation("GetPasswordPolicy", "ram:GetPasswordPolicy");
/// Gets the account's security preferences.
pub const GET_SECURITY_PREFERENCE: Operation = operation("GetSecurityPreference", "ram:GetSecurityPreference");
/// Tells whether the root user has a second factor.
pub const GET_ACCOUNT_MFA_INFO: Operation = operation("GetAccountMFAInfo", "ram:GetAccountMFAInfo");
/// Gets the account's default domain.
pub const GET_DEFAULT_DOMAIN: Operation = operation("GetDefaultDomain", "ram:GetDefaultDomain");

/// No row was found for any of them.
const fn operation(name: &'static str, ram_action: &'static str) -> Operation {
    Operation { service: Service::Ims, name, ram_action: Some(ram_action), quota: Quota::Assumed(100) }
}

/// The password policy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PasswordPolicy {
    /// Least characters; every policy has it.
    pub minimum_password_length: u32,
    /// Least characters that differ from each other.
    pub minimum_password_different_character: Option<u32>,
    /// Whether lower-case letters are required.
    pub require_lowercase_characters: Option<bool>,
    /// Whether upper-case letters are required.
    pub require_uppercase_characters: Option<bool>,
    /// Whether digits are required.
    pub require_numbers: Option<bool>,
    /// Whether symbols are required.
    pub require_symbols: Option<bool>,
    /// Whether the user name may not stand in it.
    pub password_not_contain_user_name: Option<bool>,
    /// Whether passwords known to be unsafe are refused over the API, too.
    pub intercept_risk_password_on_api: Option<bool>,
    /// In days.
    pub max_password_age: Option<u32>,
    /// In days.
    pub initial_password_age: Option<u32>,
    /// Whether an expired password bars the login. RAM's older face spells it `HardExpiry`.
    pub hard_expire: Option<bool>,
    /// How many earlier passwords may not be used again.
    pub password_reuse_prevention: Option<u32>,
    /// Spelled so by the service.
    #[serde(rename = "MaxLoginAttemps")]
    pub max_login_attempts: Option<u32>,
}

/// The security preferences. The first three parts are in every version of the service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SecurityPreference {
    /// How users log in.
    #[serde(deserialize_with = "wire::object")]
    pub login_profile_preference: LoginProfilePreference,
    /// Whether users manage their own keys.
    #[serde(deserialize_with = "wire::object")]
    pub access_key_preference: AccessKeyPreference,
    /// Whether users manage their own second factors.
    #[serde(rename = "MFAPreference", deserialize_with = "wire::object")]
    pub mfa_preference: MfaPreference,
    /// Whether users bind other accounts of theirs.
    #[serde(default, deserialize_with = "wire::maybe_object")]
    pub personal_info_preference: Option<PersonalInfoPreference>,
    /// When idle users and keys are switched off.
    #[serde(default, deserialize_with = "wire::maybe_object")]
    pub max_idle_days: Option<MaxIdleDays>,
    /// The ways of a second factor.
    #[serde(default, deserialize_with = "wire::maybe_object")]
    pub verification_preference: Option<VerificationPreference>,
}

/// How users log in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LoginProfilePreference {
    /// In hours; every account has it.
    pub login_session_duration: u32,
    /// From where: one text, several masks with semicolons between them.
    #[serde(default, deserialize_with = "wire::separated")]
    pub login_network_masks: Vec<String>,
    /// `mandatory`, `independent` or `adaptive`.
    #[serde(rename = "MFAOperationForLogin", default, deserialize_with = "wire::text")]
    pub mfa_operation_for_login: Option<String>,
    /// `autonomous` or `enforceVerify`.
    #[serde(default, deserialize_with = "wire::text")]
    pub operation_for_risk_login: Option<String>,
    /// Whether a second factor counts for seven days.
    #[serde(rename = "EnableSaveMFATicket")]
    pub enable_save_mfa_ticket: Option<bool>,
    /// Whether users may log in with passkeys.
    pub allow_user_to_login_with_passkey: Option<bool>,
    /// Whether users may change their own passwords.
    pub allow_user_to_change_password: Option<bool>,
}

/// Whether users manage their own keys.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccessKeyPreference {
    /// Access keys.
    pub allow_user_to_manage_access_keys: Option<bool>,
    /// API keys of services.
    pub allow_user_to_manage_service_credentials: Option<bool>,
}

/// Whether users manage their own second factors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MfaPreference {
    /// Whether they do.
    #[serde(rename = "AllowUserToManageMFADevices")]
    pub allow_user_to_manage_mfa_devices: Option<bool>,
}

/// Whether users bind other accounts of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PersonalInfoPreference {
    /// Whether they do.
    #[serde(rename = "AllowUserToManagePersonalDingTalk")]
    pub allow_user_to_manage_personal_dingtalk: Option<bool>,
}

/// When idle users and keys are switched off.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct MaxIdleDays {
    /// Console access of users.
    pub max_idle_days_for_users: Option<u32>,
    /// Access keys.
    pub max_idle_days_for_access_keys: Option<u32>,
}

/// The ways of a second factor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct VerificationPreference {
    /// In the order of the service.
    #[serde(default, deserialize_with = "wire::array")]
    pub verification_types: Vec<String>,
}

/// Whether the root user has a second factor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AccountMfa {
    /// Whether it has.
    #[serde(rename = "IsMFAEnable")]
    pub is_enabled: bool,
}

/// What stands behind the `@` of principal names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DefaultDomain {
    /// `<alias or account id>.onaliyun.com`; every account has one.
    #[serde(deserialize_with = "wire::id")]
    pub default_domain_name: String,
}

/// Reads the password policy: a collection of exactly one item.
///
/// # Errors
///
/// Why it is not known.
pub async fn get_password_policy(session: &Session) -> Listing<PasswordPolicy> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(rename = "PasswordPolicy", deserialize_with = "wire::object")]
        policy: PasswordPolicy,
    }
    let listing = only_item::<Reply>(session, &GET_PASSWORD_POLICY).await;
    listing.map(|listing| listing.map(|reply| reply.policy))
}

/// Reads the security preferences: a collection of exactly one item.
///
/// # Errors
///
/// Why they are not known.
pub async fn get_security_preference(session: &Session) -> Listing<SecurityPreference> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(rename = "SecurityPreference", deserialize_with = "wire::object")]
        preference: SecurityPreference,
    }
    let listing = only_item::<Reply>(session, &GET_SECURITY_PREFERENCE).await;
    listing.map(|listing| listing.map(|reply| reply.preference))
}

/// Reads whether the root user has a second factor: a collection of exactly one item.
///
/// # Errors
///
/// Why it is not known.
pub async fn get_account_mfa(session: &Session) -> Listing<AccountMfa> {
    only_item(session, &GET_ACCOUNT_MFA_INFO).await
}

/// Reads the default domain: a collection of exactly one item.
///
/// # Errors
///
/// Why it is not known.
pub async fn get_default_domain(session: &Session) -> Listing<DefaultDomain> {
    only_item(session, &GET_DEFAULT_DOMAIN).await
}
