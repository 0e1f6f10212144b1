//! The account's password policy, from IMS GetPasswordPolicy: one, always there.

use serde::{Deserialize, Serialize};

use super::{Dates, Entity, Key, Kind, Labels, Names, Scope, entity::differing_fields};

/// What the passwords of RAM users must be like. Absent numbers and switches are those that the service left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PasswordPolicy {
    /// MinimumPasswordLength, in characters.
    pub minimum_length: Option<i64>,
    /// MinimumPasswordDifferentCharacter: how many characters must differ from each other; 0: no rule.
    pub minimum_different_characters: Option<i64>,
    /// RequireLowercaseCharacters.
    pub require_lowercase: Option<bool>,
    /// RequireUppercaseCharacters.
    pub require_uppercase: Option<bool>,
    /// RequireNumbers.
    pub require_numbers: Option<bool>,
    /// RequireSymbols.
    pub require_symbols: Option<bool>,
    /// PasswordNotContainUserName.
    pub forbid_user_name: Option<bool>,
    /// InterceptRiskPasswordOnApi: whether passwords known to be unsafe are refused over the API, too.
    pub refuse_risky_over_api: Option<bool>,
    /// MaxPasswordAge, in days; 0: passwords do not expire.
    pub max_age_days: Option<i64>,
    /// InitialPasswordAge, in days: how long a first password is good for; 0: no rule.
    pub initial_max_age_days: Option<i64>,
    /// HardExpire: whether an expired password bars the login until an administrator sets another.
    pub expired_bars_login: Option<bool>,
    /// PasswordReusePrevention: how many earlier passwords may not be used again; 0: no rule.
    pub reuse_prevention_count: Option<i64>,
    /// MaxLoginAttemps: wrong passwords in a row until the login is locked for an hour; 0: no rule.
    pub max_login_attempts: Option<i64>,
}

impl Entity for PasswordPolicy {
    const KIND: Kind = Kind::PasswordPolicy;
    const MODEL_VERSION: &'static str = "1";

    fn key(&self, account: &str) -> Key {
        Key::new(account, Kind::PasswordPolicy, &[])
    }

    fn scope(_: &Key) -> Scope {
        Scope::collection(Kind::PasswordPolicy)
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
                minimum_length, minimum_different_characters, require_lowercase, require_uppercase, require_numbers,
                require_symbols, forbid_user_name, refuse_risky_over_api, max_age_days, initial_max_age_days,
                expired_bars_login, reuse_prevention_count, max_login_attempts,
            ],
            not_compared: [])
    }

    /// No date tells an old answer from a new one.
    fn must_be_seen_twice(&self, _: &Self) -> bool {
        true
    }
}
