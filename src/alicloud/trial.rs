//! Which operations may be called: each is tried once, by a call that is cheap and reads one thing.
//!
//! Promises that nothing is called that the daemon does not call, and that a call which needs the name of something is
//! not made, and said to be not made, where there is no such thing. Knows no kind, and not what a reply means.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ecs::{DESCRIBE_INSTANCE_RAM_ROLE, DESCRIBE_INSTANCES, DESCRIBE_REGIONS, id_list};
use super::error::CallError;
use super::ims::{
    GET_ACCOUNT_SUMMARY, GET_GROUP, GET_USER, LIST_GROUPS, LIST_GROUPS_FOR_USER, LIST_USERS, LIST_USERS_FOR_GROUP,
};
use super::ims_providers::{GET_OIDC_PROVIDER, GET_SAML_PROVIDER, LIST_OIDC_PROVIDERS, LIST_SAML_PROVIDERS};
use super::ims_settings::{GET_ACCOUNT_MFA_INFO, GET_DEFAULT_DOMAIN, GET_PASSWORD_POLICY, GET_SECURITY_PREFERENCE};
use super::operation::Operation;
use super::ram::{
    GET_ACCOUNT_ALIAS, GET_POLICY, GET_ROLE, LIST_POLICIES, LIST_POLICIES_FOR_GROUP, LIST_POLICIES_FOR_ROLE,
    LIST_POLICIES_FOR_USER, LIST_POLICY_VERSIONS, LIST_ROLES,
};
use super::resource_manager::LIST_POLICY_ATTACHMENTS;
use super::session::Session;
use super::sign_in::{GET_LOGIN_PROFILE, GET_USER_MFA_INFO, LIST_ACCESS_KEYS, LIST_VIRTUAL_MFA_DEVICES};

/// How one operation is tried.
struct Trial {
    operation: &'static Operation,
    parameters: &'static [(&'static str, Given)],
}

/// Where a parameter comes from.
enum Given {
    Word(&'static str),
    /// From the reply of another operation, at this place (a JSON pointer).
    Of(&'static Operation, &'static str),
    /// The same, up to the `@`: RAM calls users so, IMS by the whole name.
    BeforeAt(&'static Operation, &'static str),
    /// The same, as a list of one.
    OneOf(&'static Operation, &'static str),
    /// Every one of a list in another operation's reply: a call each.
    Each(&'static Operation, &'static str, &'static str),
}

const fn trial(operation: &'static Operation, parameters: &'static [(&'static str, Given)]) -> Trial {
    Trial { operation, parameters }
}

const ONE: (&str, Given) = ("MaxItems", Given::Word("1"));
const SYSTEM: (&str, Given) = ("PolicyType", Given::Word("System"));
const POLICY: (&str, Given) = ("PolicyName", Given::Of(&LIST_POLICIES, "/Policies/Policy/0/PolicyName"));
const USER: (&str, Given) = ("UserPrincipalName", Given::Of(&LIST_USERS, "/Users/User/0/UserPrincipalName"));
const GROUP: (&str, Given) = ("GroupName", Given::Of(&LIST_GROUPS, "/Groups/Group/0/GroupName"));
const ROLE: (&str, Given) = ("RoleName", Given::Of(&LIST_ROLES, "/Roles/Role/0/RoleName"));

/// What another one hangs on stands before it.
const TRIALS: &[Trial] = &[
    trial(&LIST_USERS, &[ONE]),
    trial(&GET_USER, &[("UserId", Given::Of(&LIST_USERS, "/Users/User/0/UserId"))]),
    trial(&LIST_GROUPS_FOR_USER, &[USER]),
    trial(&LIST_ACCESS_KEYS, &[USER]),
    trial(&GET_LOGIN_PROFILE, &[USER]),
    trial(&GET_USER_MFA_INFO, &[USER]),
    trial(&LIST_VIRTUAL_MFA_DEVICES, &[ONE]),
    trial(&LIST_POLICIES_FOR_USER, &[("UserName", Given::BeforeAt(&LIST_USERS, "/Users/User/0/UserPrincipalName"))]),
    trial(&LIST_GROUPS, &[ONE]),
    trial(&GET_GROUP, &[GROUP]),
    trial(&LIST_USERS_FOR_GROUP, &[GROUP, ONE]),
    trial(&LIST_POLICIES_FOR_GROUP, &[GROUP]),
    trial(&LIST_ROLES, &[ONE]),
    trial(&GET_ROLE, &[ROLE]),
    trial(&LIST_POLICIES_FOR_ROLE, &[ROLE]),
    trial(&LIST_POLICIES, &[SYSTEM, ONE]),
    trial(&GET_POLICY, &[SYSTEM, POLICY]),
    trial(&LIST_POLICY_VERSIONS, &[SYSTEM, POLICY]),
    trial(&LIST_POLICY_ATTACHMENTS, &[("PageNumber", Given::Word("1")), ("PageSize", Given::Word("1"))]),
    trial(&GET_ACCOUNT_SUMMARY, &[]),
    trial(&GET_ACCOUNT_ALIAS, &[]),
    trial(&GET_ACCOUNT_MFA_INFO, &[]),
    trial(&GET_DEFAULT_DOMAIN, &[]),
    trial(&GET_PASSWORD_POLICY, &[]),
    trial(&GET_SECURITY_PREFERENCE, &[]),
    trial(&LIST_SAML_PROVIDERS, &[ONE]),
    trial(
        &GET_SAML_PROVIDER,
        &[("SAMLProviderName", Given::Of(&LIST_SAML_PROVIDERS, "/SAMLProviders/SAMLProvider/0/SAMLProviderName"))],
    ),
    trial(&LIST_OIDC_PROVIDERS, &[ONE]),
    trial(
        &GET_OIDC_PROVIDER,
        &[("OIDCProviderName", Given::Of(&LIST_OIDC_PROVIDERS, "/OIDCProviders/OIDCProvider/0/OIDCProviderName"))],
    ),
    trial(&DESCRIBE_REGIONS, &[]),
    // In every region: each has a host of its own, which may be out of reach.
    trial(&DESCRIBE_INSTANCES, &[("RegionId", Given::Each(&DESCRIBE_REGIONS, "/Regions/Region", "/RegionId"))]),
    trial(
        &DESCRIBE_INSTANCE_RAM_ROLE,
        &[
            ("InstanceIds", Given::OneOf(&DESCRIBE_INSTANCES, "/Instances/Instance/0/InstanceId")),
            ("RegionId", Given::Of(&DESCRIBE_INSTANCES, "/Instances/Instance/0/RegionId")),
        ],
    ),
];

/// What came of trying one operation.
#[derive(Debug)]
pub enum Tried {
    /// It answers.
    Answered,
    /// It needs the name of something, and there is nothing that this operation lists.
    NothingToRead(&'static Operation),
    /// It needs the name of something that this operation, which failed, would have told.
    HangsOn(&'static Operation),
    /// It was called, and failed.
    Failed(CallError),
}

/// Tries these operations, each once, one after the other; whichever they hang on are called for them.
pub async fn try_out(session: &Session, wanted: &[&'static Operation]) -> Vec<(&'static Operation, Tried)> {
    let mut replies: BTreeMap<String, Result<Vec<Value>, ()>> = BTreeMap::new();
    let mut tried = Vec::new();
    for trial in TRIALS {
        if !is_needed(trial.operation, wanted) {
            continue;
        }
        let (outcome, reply) = match parameters(trial, &replies) {
            Err(outcome) => (outcome, Err(())),
            Ok(calls) => called(session, trial.operation, &calls).await,
        };
        replies.insert(trial.operation.to_string(), reply);
        if wanted.contains(&trial.operation) {
            tried.push((trial.operation, outcome));
        }
    }
    tried
}

/// Whether it is wanted, or what is wanted hangs on it.
fn is_needed(operation: &'static Operation, wanted: &[&'static Operation]) -> bool {
    let hangs_on_it = |trial: &Trial| trial.parameters.iter().any(|(_, given)| given.source() == Some(operation));
    let dependants = TRIALS.iter().filter(|trial| hangs_on_it(trial));
    wanted.contains(&operation) || dependants.into_iter().any(|trial| is_needed(trial.operation, wanted))
}

type Parameters = Vec<(&'static str, String)>;

/// The parameters of each call, or why there is none to make.
fn parameters(trial: &Trial, replies: &BTreeMap<String, Result<Vec<Value>, ()>>) -> Result<Vec<Parameters>, Tried> {
    let mut calls = vec![Parameters::new()];
    for (name, given) in trial.parameters {
        let values = given.values(replies)?;
        let with = |call: &Parameters, value: &String| [call.clone(), vec![(*name, value.clone())]].concat();
        calls = calls.iter().flat_map(|call| values.iter().map(|value| with(call, value))).collect();
    }
    Ok(calls)
}

impl Given {
    fn source(&self) -> Option<&'static Operation> {
        match self {
            Self::Word(_) => None,
            Self::Of(of, _) | Self::BeforeAt(of, _) | Self::OneOf(of, _) | Self::Each(of, _, _) => Some(of),
        }
    }

    fn values(&self, replies: &BTreeMap<String, Result<Vec<Value>, ()>>) -> Result<Vec<String>, Tried> {
        let Some(of) = self.source() else { return Ok(self.taken_from(&[])) };
        let Some(Ok(replies)) = replies.get(&of.to_string()) else { return Err(Tried::HangsOn(of)) };
        let values = self.taken_from(replies);
        if values.is_empty() { Err(Tried::NothingToRead(of)) } else { Ok(values) }
    }

    fn taken_from(&self, replies: &[Value]) -> Vec<String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let first = |place: &str| replies.iter().find_map(|reply| text(reply.pointer(place)?));
        match self {
            Self::Word(word) => vec![(*word).to_owned()],
            Self::Of(_, place) => first(place).into_iter().collect(),
            Self::BeforeAt(_, place) => {
                first(place).iter().map(|name| name.split('@').next().unwrap_or_default().to_owned()).collect()
            }
            Self::OneOf(_, place) => first(place).map(|id| id_list(&[id])).into_iter().collect(),
            Self::Each(_, list, place) => {
                let lists = replies.iter().filter_map(|reply| reply.pointer(list)?.as_array());
                lists.flatten().filter_map(|item| text(item.pointer(place)?)).collect()
            }
        }
    }
}

/// All calls of one operation; the first failure is what came of it, and what the others brought is there all the same.
async fn called(
    session: &Session,
    operation: &'static Operation,
    calls: &[Parameters],
) -> (Tried, Result<Vec<Value>, ()>) {
    let made = calls.iter().map(async |call| {
        let parameters: Vec<(&str, &str)> = call.iter().map(|(name, value)| (*name, value.as_str())).collect();
        session.call::<Value>(operation, &parameters).await.map(|answer| answer.item)
    });
    let (mut replies, mut failure) = (Vec::new(), None);
    for outcome in futures::future::join_all(made).await {
        match outcome {
            Ok(reply) => replies.push(reply),
            // Whoever may not ask is told that first: a user without a login, say.
            Err(CallError::NotFound(_)) => {}
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    let reply = if replies.is_empty() { Err(()) } else { Ok(replies) };
    (failure.map_or(Tried::Answered, Tried::Failed), reply)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{OPERATIONS, Service};
    use super::*;

    #[test]
    fn every_operation_that_needs_an_action_can_be_tried_in_one_way() {
        let names: Vec<String> = TRIALS.iter().map(|trial| trial.operation.to_string()).collect();
        let needed = OPERATIONS.iter().filter(|operation| operation.service != Service::Sts);
        assert_eq!(names.iter().cloned().collect::<BTreeSet<_>>(), needed.map(ToString::to_string).collect());
        assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len());
    }

    #[test]
    fn what_another_one_hangs_on_is_tried_before_it() {
        for (place, trial) in TRIALS.iter().enumerate() {
            for source in trial.parameters.iter().filter_map(|(_, given)| given.source()) {
                assert!(TRIALS[..place].iter().any(|before| before.operation == source), "{}", trial.operation);
            }
        }
    }

    #[test]
    fn what_is_wanted_brings_what_it_hangs_on_and_nothing_else() {
        assert!(is_needed(&DESCRIBE_REGIONS, &[&DESCRIBE_INSTANCE_RAM_ROLE]));
        assert!(is_needed(&LIST_USERS, &[&GET_USER]));
        assert!(!is_needed(&LIST_GROUPS, &[&GET_USER]));
    }
}
