//! Point reads: is this one still there? The service's own word, for what listings alone do not prove.
//!
//! Only `EntityNotExist` from the service, or another id under the name, makes [`Presence::Gone`];
//! every other failure leaves the question open. ECS has no such code: it answers the question for the instance of one id
//! with a list, and that the list is whole and empty is its word for "gone".

use serde::Deserialize;

use super::answer::{Answer, Dated};
use super::ecs::{DESCRIBE_INSTANCES, InstancesPage, RegionId, id_list};
use super::error::CallError;
use super::ims::{GET_GROUP, GET_USER};
use super::ims_providers::{GET_OIDC_PROVIDER, GET_SAML_PROVIDER};
use super::operation::Operation;
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
pub async fn of_user(session: &Session, user_id: &str) -> Result<Dated<Presence>, CallError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Found {
        #[serde(deserialize_with = "wire::object")]
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
            Err(CallError::broken_reply(&GET_USER, answer.request_id, "is not about the one that was asked for"))
        }
        answer => presence(answer, "User", |_| true),
    }
}

/// Looks whether the group of this name is still the one with this id.
///
/// # Errors
///
/// The failure of the call.
pub async fn of_group(session: &Session, name: &str, group_id: &str) -> Result<Dated<Presence>, CallError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Found {
        #[serde(deserialize_with = "wire::object")]
        group: FoundGroup,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct FoundGroup {
        #[serde(deserialize_with = "wire::id")]
        group_id: String,
        #[serde(deserialize_with = "wire::id")]
        group_name: String,
    }
    let answer = session.call::<Found>(&GET_GROUP, &[("GroupName", name)]).await;
    let answer = about(answer, &GET_GROUP, name, |found| &found.group.group_name);
    presence(answer, "Group", |found| found.group.group_id == group_id)
}

/// Looks whether the role of this name is still the one with this id.
///
/// # Errors
///
/// The failure of the call.
pub async fn of_role(session: &Session, name: &str, role_id: &str) -> Result<Dated<Presence>, CallError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Found {
        #[serde(deserialize_with = "wire::object")]
        role: FoundRole,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct FoundRole {
        #[serde(deserialize_with = "wire::id")]
        role_id: String,
        #[serde(deserialize_with = "wire::id")]
        role_name: String,
    }
    let answer = session.call::<Found>(&GET_ROLE, &[("RoleName", name)]).await;
    let answer = about(answer, &GET_ROLE, name, |found| &found.role.role_name);
    presence(answer, "Role", |found| found.role.role_id == role_id)
}

/// Looks whether the policy of this type and name exists.
///
/// # Errors
///
/// The failure of the call, also if the reply is about no policy.
pub async fn of_policy(session: &Session, policy_type: PolicyType, name: &str) -> Result<Dated<Presence>, CallError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Found {
        #[serde(deserialize_with = "wire::object")]
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
    let answer = about(answer, &GET_POLICY, name, |found| &found.policy.policy_name);
    presence(answer, "Policy", |_| true)
}

/// Looks whether the instance of this id is in this region.
///
/// # Errors
///
/// The failure of the call, also if the reply has no list, is not whole, or is about other instances.
pub async fn of_instance(
    session: &Session,
    region: &RegionId,
    instance_id: &str,
) -> Result<Dated<Presence>, CallError> {
    let ids = id_list(&[instance_id.to_owned()]);
    let parameters = [("InstanceIds", ids.as_str()), ("MaxResults", "100"), ("RegionId", region.as_str())];
    let answer = session.call::<InstancesPage>(&DESCRIBE_INSTANCES, &parameters).await?;
    let (request_id, window) = (answer.request_id.clone(), answer.window);
    let broken = |what: &str| Err(CallError::broken_reply(&DESCRIBE_INSTANCES, request_id.clone(), what));
    let seen = |item| Ok(Dated { item, window });
    match (answer.item.is_last(), answer.item.into_items()) {
        (_, None) => broken("lacks its array"),
        (false, Some(_)) => broken("does not say that it is whole"),
        (true, Some(found)) if found.is_empty() => seen(Presence::Gone),
        (true, Some(found)) if found.iter().all(|found| found.instance_id == instance_id) => seen(Presence::Exists),
        (true, Some(_)) => broken("is not about the one that was asked for"),
    }
}

/// Looks whether the SAML provider of this name exists. The service was seen to spell the code of its absence in two ways.
///
/// # Errors
///
/// The failure of the call, also if the reply is about another provider.
pub async fn of_saml_provider(session: &Session, name: &str) -> Result<Dated<Presence>, CallError> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(rename = "SAMLProvider", deserialize_with = "wire::object")]
        provider: FoundProvider,
    }
    #[derive(Deserialize)]
    struct FoundProvider {
        #[serde(rename = "SAMLProviderName", deserialize_with = "wire::id")]
        name: String,
    }
    let answer = session.call::<Found>(&GET_SAML_PROVIDER, &[("SAMLProviderName", name)]).await;
    match about(answer, &GET_SAML_PROVIDER, name, |found| &found.provider.name) {
        Err(error) => gone(error, "SAMLProviderError").or_else(|error| gone(error, "SAMLProvider")),
        answer => presence(answer, "SAMLProvider", |_| true),
    }
}

/// Looks whether the OIDC provider of this name exists.
///
/// # Errors
///
/// The failure of the call, also if the reply is about another provider.
pub async fn of_oidc_provider(session: &Session, name: &str) -> Result<Dated<Presence>, CallError> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(rename = "OIDCProvider", deserialize_with = "wire::object")]
        provider: FoundProvider,
    }
    #[derive(Deserialize)]
    struct FoundProvider {
        #[serde(rename = "OIDCProviderName", deserialize_with = "wire::id")]
        name: String,
    }
    let answer = session.call::<Found>(&GET_OIDC_PROVIDER, &[("OIDCProviderName", name)]).await;
    let answer = about(answer, &GET_OIDC_PROVIDER, name, |found| &found.provider.name);
    presence(answer, "OIDCProvider", |_| true)
}

/// An answer about another name than the one asked for proves nothing; names are unique without regard to case.
fn about<T>(
    answer: Result<Answer<T>, CallError>,
    operation: &'static Operation,
    asked: &str,
    name: impl FnOnce(&T) -> &String,
) -> Result<Answer<T>, CallError> {
    match answer {
        Ok(answer) if !name(&answer.item).eq_ignore_ascii_case(asked) => {
            Err(CallError::broken_reply(operation, answer.request_id, "is not about the one that was asked for"))
        }
        answer => answer,
    }
}

/// What an answer says of the `entity` that was asked for by name; `is_it` tells it from its namesakes.
fn presence<T>(
    answer: Result<Answer<T>, CallError>,
    entity: &str,
    is_it: impl FnOnce(&T) -> bool,
) -> Result<Dated<Presence>, CallError> {
    match answer {
        Ok(answer) => {
            let found = if is_it(&answer.item) { Presence::Exists } else { Presence::Gone };
            Ok(answer.map(|_| found).dated())
        }
        Err(error) => gone(error, entity),
    }
}

/// The service's own word that there is no such `entity`, and when it said so.
fn gone(error: CallError, entity: &str) -> Result<Dated<Presence>, CallError> {
    match error.none_of(entity) {
        Some(window) => Ok(Dated { item: Presence::Gone, window }),
        None => Err(error),
    }
}
