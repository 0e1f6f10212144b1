//! Security Token Service: whose credentials these are, and the credentials of roles.

use serde::Deserialize;

use super::answer::Dated;
use super::endpoints::Service;
use super::error::CallError;
use super::operation::{Operation, Quota};
use super::session::Session;
use super::wire;

/// Everybody may ask who they are.
pub const GET_CALLER_IDENTITY: Operation =
    Operation { service: Service::Sts, name: "GetCallerIdentity", ram_action: None, quota: Quota::Documented(100) };

/// Credentials of a role for credentials; who may is decided on the side of those, so that no action of the reading role
/// is needed.
pub const ASSUME_ROLE: Operation =
    Operation { service: Service::Sts, name: "AssumeRole", ram_action: None, quota: Quota::Documented(100) };

/// Credentials of a role for the token of an identity provider; not signed.
pub const ASSUME_ROLE_WITH_OIDC: Operation =
    Operation { service: Service::Sts, name: "AssumeRoleWithOIDC", ram_action: None, quota: Quota::Documented(100) };

/// To whom the credentials belong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CallerIdentity {
    /// The account's id, digits.
    #[serde(deserialize_with = "wire::digits")]
    pub account_id: String,
    /// `Account`, `RAMUser` or `AssumedRoleUser`.
    #[serde(default, deserialize_with = "wire::text")]
    pub identity_type: Option<String>,
    /// E.g. `acs:ram::<account>:user/<name>`.
    #[serde(default, deserialize_with = "wire::text")]
    pub arn: Option<String>,
}

/// Asks to whom the credentials belong.
///
/// # Errors
///
/// The failure of the call.
pub async fn get_caller_identity(session: &Session) -> Result<Dated<CallerIdentity>, CallError> {
    Ok(session.call(&GET_CALLER_IDENTITY, &[]).await?.dated())
}
