//! Point reads: is this one still there? The service's own word, for what listings alone do not prove.
//!
//! Only `EntityNotExist` from the service, or another id under the name, makes [`Presence::Gone`];
//! every other failure leaves the question open.

use serde::Deserialize;

use super::answer::Answer;
use super::error::CallError;
use super::ims::{GET_GROUP, GET_USER};
use super::ram::{GET_POLICY, GET_ROLE, PolicyType};
use super::session::Session;
use super::wire;

/// What a point read found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is there.
    Exists,
    /// The service says that it does not exist.
    Gone,
}

/// Looks whether the user of this id exists.
///
/// # Errors
///
/// The failure of the call, also if the reply is about another user.
pub async fn of_user(session: &Session, user_id: &str) -> Result<Presence, CallError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Found {
        user: FoundUser,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct FoundUser {
        #[serde(deserialize_with = "wire::id")]
        user_id: String,
    }
    let answer = session.call::<Found>(&GET_USER, &[("UserId", user_id)]).await;
    match answer {
        Ok(answer) if answer.item.user.user_id != user_id => {
            Err(CallError::broken_reply(&GET_USER, answer.request_id, "is about another user"))
        }
        answer => presence(answer, "User", |_| true),
    }
}

/// Looks whether the group of this name is still the one with this id.
///
/// # Errors
///
/// The failure of the call.
pub async fn of_group(session: &Session, name: &str, group_id: &str) -> Result<Presence, CallError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Found {
        group: FoundGroup,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct FoundGroup {
        #[serde(deserialize_with = "wire::id")]
        group_id: String,
    }
    let answer = session.call::<Found>(&GET_GROUP, &[("GroupName", name)]).await;
    presence(answer, "Group", |found| found.group.group_id == group_id)
}

/// Looks whether the role of this name is still the one with this id.
///
/// # Errors
///
/// The failure of the call.
pub async fn of_role(session: &Session, name: &str, role_id: &str) -> Result<Presence, CallError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Found {
        role: FoundRole,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct FoundRole {
        #[serde(deserialize_with = "wire::id")]
        role_id: String,
    }
    let answer = session.call::<Found>(&GET_ROLE, &[("RoleName", name)]).await;
    presence(answer, "Role", |found| found.role.role_id == role_id)
}

/// Looks whether the policy of this type and name exists.
///
/// # Errors
///
/// The failure of the call, also if the reply is about no policy.
pub async fn of_policy(session: &Session, policy_type: PolicyType, name: &str) -> Result<Presence, CallError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Found {
        policy: FoundPolicy,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct FoundPolicy {
        #[serde(deserialize_with = "wire::id")]
        policy_name: String,
    }
    let parameters = [("PolicyType", policy_type.as_str()), ("PolicyName", name)];
    let answer = session.call::<Found>(&GET_POLICY, &parameters).await;
    presence(answer, "Policy", |found| found.policy.policy_name.eq_ignore_ascii_case(name))
}

/// What an answer says of the `entity` that was asked for by name; `is_it` tells it from its namesakes.
fn presence<T>(
    answer: Result<Answer<T>, CallError>,
    entity: &str,
    is_it: impl FnOnce(&T) -> bool,
) -> Result<Presence, CallError> {
    match answer {
        Ok(answer) if is_it(&answer.item) => Ok(Presence::Exists),
        Ok(_) => Ok(Presence::Gone),
        Err(error) if error.says_gone(entity) => Ok(Presence::Gone),
        Err(error) => Err(error),
    }
}
