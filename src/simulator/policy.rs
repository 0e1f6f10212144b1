//! What callers may do, once the control address says so: a RAM policy that every call is judged by.
//!
//! Knows actions and effects, not resources and conditions. STS is not judged: everybody may ask who they are, and who
//! gets a role is `issuing`'s to say.

use serde::Deserialize;

use super::operations::{Operation, Service};

/// A policy, as RAM takes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Policy {
    statement: Vec<Statement>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: Effect,
    action: Actions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Actions {
    One(String),
    Several(Vec<String>),
}

impl Policy {
    /// Whether it lets a caller call `operation`.
    pub(super) fn allows(&self, operation: &Operation) -> bool {
        let Some(action) = action(operation) else { return true };
        let says = |effect| self.statement.iter().any(|it| it.effect == effect && it.action.cover(&action));
        says(Effect::Allow) && !says(Effect::Deny)
    }
}

impl Actions {
    fn cover(&self, action: &str) -> bool {
        let covers = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => action.starts_with(beginning),
            None => action == pattern,
        };
        match self {
            Self::One(pattern) => covers(pattern),
            Self::Several(patterns) => patterns.iter().any(covers),
        }
    }
}

/// The action that a caller needs. IMS and ResourceManager have RAM's.
fn action(operation: &Operation) -> Option<String> {
    match operation.service {
        Service::Sts => None,
        Service::Ecs => Some(format!("ecs:{}", operation.name)),
        Service::Ram | Service::Ims | Service::ResourceManager => Some(format!("ram:{}", operation.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::operations::lookup;
    use super::*;

    #[test]
    fn an_action_has_to_be_allowed_and_not_denied() {
        let policy = r#"{"Version":"1","Statement":[
            {"Effect":"Allow","Action":["ram:List*","ram:GetUser"],"Resource":"*"},
            {"Effect":"Deny","Action":"ram:ListRoles","Resource":"*"}]}"#;
        let policy: Policy = serde_json::from_str(policy).unwrap();
        let allows = |version: &str, action: &str| policy.allows(lookup(version, action).unwrap());
        assert!(allows("2019-08-15", "ListUsers") && allows("2015-05-01", "ListUsers"));
        assert!(allows("2020-03-31", "ListPolicyAttachments") && allows("2019-08-15", "GetUser"));
        assert!(!allows("2015-05-01", "ListRoles") && !allows("2015-05-01", "GetRole"));
        assert!(allows("2015-04-01", "GetCallerIdentity"));
    }
}
