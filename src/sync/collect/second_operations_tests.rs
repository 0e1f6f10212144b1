//! What second operations prove of edges that two listings lack; the server says what the script says.

use super::super::every_kind;
use super::*;
use crate::{
    alicloud::test_server::{ACCOUNT, Call, Says, Server},
    model::{Entity, policy::PolicyType},
    state::{State, entity_record},
    sync::details::Ledger,
};

const NOBODY: &str = r#"{"IsTruncated":false,"Users":{"User":[]}}"#;
const ALICE_AND_BOB: &str = r#"{"IsTruncated":false,"Users":{"User":[
    {"UserId":"1","UserPrincipalName":"alice@e.com"},{"UserId":"2","UserPrincipalName":"bob@e.com"}]}}"#;
const SWAPPED: &str = r#"{"IsTruncated":false,"Users":{"User":[
    {"UserId":"2","UserPrincipalName":"alice@e.com"},{"UserId":"1","UserPrincipalName":"bob@e.com"}]}}"#;
const OPS: &str = r#"{"IsTruncated":false,"Groups":{"Group":[{"GroupId":"g","GroupName":"ops"}]}}"#;
const NO_GROUPS: &str = r#"{"Groups":{"Group":[]}}"#;
const NO_POLICIES: &str = r#"{"Policies":{"Policy":[]}}"#;

/// Alice, Bob, the group ops, and what `script` says.
async fn server(script: impl Fn(&Call) -> Option<Says> + Send + Sync + 'static) -> Server {
    Server::start(move |call| {
        script(call).or_else(|| match call.action.as_str() {
            "ListUsers" => Some(Says::ok(ALICE_AND_BOB)),
            "ListGroups" => Some(Says::ok(OPS)),
            "ListRoles" => Some(Says::ok(r#"{"IsTruncated":false,"Roles":{"Role":[]}}"#)),
            _ => None,
        })
    })
    .await
}

fn member(user: &str) -> Membership {
    Membership { group_id: "g".into(), user_id: user.into(), join_date: None }
}

fn grant(kind: Kind, id: &str, scope: &str) -> PolicyAttachment {
    PolicyAttachment {
        policy_type: PolicyType::Custom,
        policy_name: "Deploy".into(),
        principal_type: kind,
        principal_id: id.into(),
        scope: scope.into(),
        attach_date: None,
    }
}

/// What is held of these edges, as path and reason, if all of them are missing.
async fn held<E: Entity>(server: &Server, edges: &[E]) -> Vec<(String, Unknown)> {
    let mut state = State::new(ACCOUNT);
    for edge in edges {
        let json = serde_json::to_string(edge).unwrap();
        state.apply(edge.key(ACCOUNT).as_ref(), Some(&entity_record("1", 1, &json))).unwrap();
    }
    let ledger = Ledger::new(std::time::Duration::from_secs(3_600));
    let (reader, session) = (Reader { state: &state, ledger: &ledger, kinds: &every_kind() }, server.session());
    let keys = edges.iter().map(|edge| edge.key(ACCOUNT)).collect();
    let mut held = reader.ask_by_second_operation(&session, &keys).await.unproven;
    held.sort_by(|(a, _), (b, _)| a.cmp(b));
    assert!(held.iter().all(|(_, why)| why.reason == Reason::RemovalsUnproven), "{held:?}");
    held.into_iter().map(|(key, why)| (key.path().to_owned(), why)).collect()
}

fn paths(held: &[(String, Unknown)]) -> Vec<&str> {
    held.iter().map(|(path, _)| path.as_str()).collect()
}

#[tokio::test]
async fn a_membership_that_the_user_still_has_is_held_and_another_is_gone() {
    let server = server(|call| match (call.action.as_str(), call.parameter("UserPrincipalName")) {
        ("ListGroupsForUser", Some("alice@e.com")) => {
            Some(Says::ok(r#"{"Groups":{"Group":[{"GroupId":"g","GroupName":"ops"}]}}"#))
        }
        ("ListGroupsForUser", Some("bob@e.com")) => Some(Says::ok(NO_GROUPS)),
        _ => None,
    })
    .await;
    let held = held(&server, &[member("1"), member("2")]).await;
    assert_eq!(paths(&held), ["membership/g/1"]);
    assert!(held[0].1.detail.contains("ListGroupsForUser still lists it"), "{}", held[0].1);
}

#[tokio::test]
async fn attachments_are_looked_for_where_each_scope_shows() {
    let server = server(|call| match (call.action.as_str(), call.parameter("UserName")) {
        ("ListPoliciesForUser", Some("alice")) => {
            Some(Says::ok(r#"{"Policies":{"Policy":[{"PolicyType":"Custom","PolicyName":"deploy"}]}}"#))
        }
        // Another policy, and the same name of the other type.
        ("ListPoliciesForUser", Some("bob")) => Some(Says::ok(
            r#"{"Policies":{"Policy":[{"PolicyType":"Custom","PolicyName":"Deploy2"},
            {"PolicyType":"System","PolicyName":"Deploy"}]}}"#,
        )),
        ("ListPoliciesForGroup", None) if call.parameter("GroupName") == Some("ops") => Some(Says::ok(NO_POLICIES)),
        ("ListPolicyAttachments", None) => {
            let asked = ["PolicyType", "PolicyName", "PrincipalType"].map(|name| call.parameter(name).unwrap());
            match asked {
                ["Custom", "Deploy", "IMSUser"] => Some(Says::ok(
                    r#"{"PageNumber":1,"PageSize":100,"TotalCount":2,"PolicyAttachments":{"PolicyAttachment":[
                    {"PolicyType":"Custom","PolicyName":"Deploy","PrincipalType":"IMSUser",
                    "PrincipalName":"alice@e.com","ResourceGroupId":"rg-1"},
                    {"PolicyType":"Custom","PolicyName":"Deploy","PrincipalType":"IMSUser",
                    "PrincipalName":"bob@e.com","ResourceGroupId":"rg-2"}]}}"#,
                )),
                _ => Some(Says::ok(
                    r#"{"PageNumber":1,"PageSize":100,"TotalCount":0,"PolicyAttachments":{"PolicyAttachment":[]}}"#,
                )),
            }
        }
        _ => None,
    })
    .await;
    let everywhere = |kind, id: &'static str| [WHOLE_ACCOUNT, "rg-1"].map(|scope| grant(kind, id, scope));
    let edges = [everywhere(Kind::User, "1"), everywhere(Kind::User, "2"), everywhere(Kind::Group, "g")].concat();
    let held = held(&server, &edges).await;
    let listed = ["policy_attachment/custom/deploy/user/1/account", "policy_attachment/custom/deploy/user/1/rg-1"];
    assert_eq!(paths(&held), listed);
    assert_eq!(server.calls("ListPolicyAttachments").len(), 2, "asked once for each policy and kind of principal");
}

#[tokio::test]
async fn an_operation_that_fails_proves_nothing() {
    let server = server(|call| match call.action.as_str() {
        "ListGroupsForUser" => Some(Says::error(403, "NoPermission")),
        "ListPoliciesForUser" => Some(Says::error(404, "EntityNotExist.User")),
        "ListPolicyAttachments" => Some(Says::ok("{}")),
        _ => None,
    })
    .await;
    let members = held(&server, &[member("1")]).await;
    assert_eq!(paths(&members), ["membership/g/1"]);
    assert!(members[0].1.detail.contains("grant ram:ListGroupsForUser"), "{}", members[0].1);
    let attached = held(&server, &[grant(Kind::User, "1", WHOLE_ACCOUNT), grant(Kind::User, "1", "rg-1")]).await;
    assert_eq!(attached.len(), 2, "{attached:?}");
}

#[tokio::test]
async fn an_answer_for_a_name_that_moves_to_another_user_proves_nothing() {
    let server = server(|call| match (call.action.as_str(), call.earlier) {
        ("ListUsers", 1) => Some(Says::ok(SWAPPED)),
        ("ListGroupsForUser", _) => Some(Says::ok(NO_GROUPS)),
        _ => None,
    })
    .await;
    assert_eq!(paths(&held(&server, &[member("1"), member("2")]).await), ["membership/g/1", "membership/g/2"]);
}

#[tokio::test]
async fn an_edge_of_a_user_whom_nobody_lists_cannot_be_asked_for() {
    let server = server(|call| (call.action == "ListUsers").then(|| Says::ok(NOBODY))).await;
    assert_eq!(paths(&held(&server, &[member("1")]).await), ["membership/g/1"]);
    assert!(server.calls("ListGroupsForUser").is_empty());
}

#[tokio::test]
async fn a_row_that_leads_to_no_single_id_may_be_the_missing_one() {
    let server = server(|call| {
        (call.action == "ListPolicyAttachments").then(|| {
            Says::ok(
                r#"{"PageNumber":1,"PageSize":100,"TotalCount":1,"PolicyAttachments":{"PolicyAttachment":[
                {"PolicyType":"Custom","PolicyName":"Deploy","PrincipalType":"IMSUser",
                "PrincipalName":"alice@old.onaliyun.com","ResourceGroupId":"rg-1"}]}}"#,
            )
        })
    })
    .await;
    let held = held(&server, &[grant(Kind::User, "1", "rg-1"), grant(Kind::User, "1", "rg-2")]).await;
    assert_eq!(paths(&held), ["policy_attachment/custom/deploy/user/1/rg-1"]);
}
