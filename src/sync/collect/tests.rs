//! What a reading concludes when the account moves between its listings; the server says what the script says.

use std::time::Duration;

use uuid::Uuid;

use super::*;
use crate::{
    alicloud::test_server::{ACCOUNT, Call, Says, Server},
    model::{
        Document, Reason,
        account::Account,
        policy::{Policy, PolicyVersion},
        policy_attachment::PolicyAttachment,
        role::Role,
    },
    state::{Progress, entity_record, progress_key},
};

const BEFORE: &str = "2026-01-01T00:00:00Z";

/// An account in which nothing is, except what `script` says.
async fn server(script: impl Fn(&Call) -> Option<&'static str> + Send + Sync + 'static) -> Server {
    Server::start(move |call| {
        let nothing = match call.action.as_str() {
            "ListUsers" | "ListUsersForGroup" => r#"{"IsTruncated":false,"Users":{"User":[]}}"#,
            "ListGroups" => r#"{"IsTruncated":false,"Groups":{"Group":[]}}"#,
            "ListRoles" => r#"{"IsTruncated":false,"Roles":{"Role":[]}}"#,
            "ListPolicies" => r#"{"IsTruncated":false,"Policies":{"Policy":[]}}"#,
            "ListPolicyAttachments" => {
                r#"{"PageNumber":1,"PageSize":100,"TotalCount":0,"PolicyAttachments":{"PolicyAttachment":[]}}"#
            }
            "DescribeRegions" => r#"{"Regions":{"Region":[{"RegionId":"eu-central-1"}]}}"#,
            "DescribeInstances" => r#"{"NextToken":"","Instances":{"Instance":[]}}"#,
            "ListAccessKeys" => r#"{"AccessKeys":{"AccessKey":[]}}"#,
            "GetUserMFAInfo" => r#"{"IsMFAEnable":false}"#,
            "ListVirtualMFADevices" => r#"{"IsTruncated":false,"VirtualMFADevices":{"VirtualMFADevice":[]}}"#,
            "GetLoginProfile" => return Some(script(call).map_or_else(no_login_profile, Says::ok)),
            "GetAccountSummary" => r#"{"SummaryMap":{}}"#,
            "GetAccountAlias" => r#"{"AccountAlias":"example"}"#,
            "GetAccountMFAInfo" => r#"{"IsMFAEnable":true}"#,
            "GetDefaultDomain" => r#"{"DefaultDomainName":"example.onaliyun.com"}"#,
            "GetPasswordPolicy" => r#"{"PasswordPolicy":{"MinimumPasswordLength":8}}"#,
            "GetSecurityPreference" => {
                r#"{"SecurityPreference":{"LoginProfilePreference":{"LoginSessionDuration":6},"AccessKeyPreference":{},
                "MFAPreference":{}}}"#
            }
            "ListSAMLProviders" => r#"{"IsTruncated":false,"SAMLProviders":{"SAMLProvider":[]}}"#,
            "ListOIDCProviders" => r#"{"IsTruncated":false,"OIDCProviders":{"OIDCProvider":[]}}"#,
            _ => return script(call).map(Says::ok),
        };
        Some(Says::ok(script(call).unwrap_or(nothing)))
    })
    .await
}

fn no_login_profile() -> Says {
    Says::error(404, "EntityNotExist.User.LoginProfile")
}

async fn read(server: &Server, state: &State) -> BTreeMap<Kind, Collection> {
    let ledger = Ledger::new(Duration::from_secs(3_600));
    let session = server.session();
    let reader = Reader { state, ledger: &ledger, kinds: &every_kind() };
    reader.read(&session, &Wanted::Everything, &mut Rounds::default()).await
}

fn every_kind() -> BTreeSet<Kind> {
    Kind::ALL.iter().copied().collect()
}

/// A state that holds `entity` since it was last read.
fn holding<E: Entity>(entity: &E) -> State {
    let mut state = State::new(ACCOUNT);
    let json = serde_json::to_string(entity).unwrap();
    state.apply(entity.key(ACCOUNT).as_ref(), Some(&entity_record(E::MODEL_VERSION, 1, &json))).unwrap();
    let progress = Progress::first(Uuid::nil(), ACCOUNT);
    state.apply(progress_key(ACCOUNT).as_bytes(), Some(&progress.to_value())).unwrap();
    state
}

fn role() -> Role {
    let before = BEFORE.parse::<jiff::Timestamp>().unwrap();
    Role {
        role_id: "r-1".into(),
        role_name: "ops".into(),
        description: Some("as it was".into()),
        trust_policy: Some(Document::new("{}")),
        max_session_duration_secs: Some(3_600),
        service_linked: Some(false),
        tags: Vec::new(),
        create_date: Some(before.into()),
        update_date: Some(before.into()),
    }
}

fn unread(collection: &Collection) -> Vec<(&str, Reason)> {
    collection.unknown_scopes().iter().map(|(scope, why)| (scope.as_str(), why.reason)).collect()
}

#[tokio::test]
async fn a_role_that_changes_between_the_two_listings_is_not_read_with_its_old_trust_policy() {
    let server = server(|call| match (call.action.as_str(), call.earlier) {
        ("ListRoles", 0) => Some(
            r#"{"IsTruncated":false,"Roles":{"Role":[{"RoleId":"r-1","RoleName":"ops","Description":"as it was",
            "MaxSessionDuration":3600,"CreateDate":"2026-01-01T00:00:00Z","UpdateDate":"2026-01-01T00:00:00Z"}]}}"#,
        ),
        ("ListRoles", _) => Some(
            r#"{"IsTruncated":false,"Roles":{"Role":[{"RoleId":"r-1","RoleName":"ops","Description":"as it is",
            "MaxSessionDuration":3600,"CreateDate":"2026-01-01T00:00:00Z","UpdateDate":"2026-01-02T00:00:00Z"}]}}"#,
        ),
        _ => None,
    })
    .await;
    let roles = read(&server, &holding(&role())).await.remove(&Kind::Role).unwrap();
    assert_eq!(unread(&roles), [("role/r-1", Reason::DetailUnread)]);
    assert_eq!(server.calls("GetRole").len(), 0, "it was not due by the first listing");
}

#[tokio::test]
async fn a_trust_policy_that_is_older_than_the_listing_is_not_believed() {
    let server = server(|call| match call.action.as_str() {
        "ListRoles" => Some(
            r#"{"IsTruncated":false,"Roles":{"Role":[{"RoleId":"r-1","RoleName":"ops","Description":"as it is",
            "MaxSessionDuration":3600,"CreateDate":"2026-01-01T00:00:00Z","UpdateDate":"2026-01-02T00:00:00Z"}]}}"#,
        ),
        "GetRole" => Some(
            r#"{"Role":{"RoleId":"r-1","RoleName":"ops","Description":"as it was","AssumeRolePolicyDocument":"{}",
            "MaxSessionDuration":3600,"CreateDate":"2026-01-01T00:00:00Z","UpdateDate":"2026-01-01T00:00:00Z"}}"#,
        ),
        _ => None,
    })
    .await;
    let roles = read(&server, &holding(&role())).await.remove(&Kind::Role).unwrap();
    assert_eq!(unread(&roles), [("role/r-1", Reason::DetailUnread)]);
    assert_eq!(server.calls("GetRole").len(), 1);
}

/// What is read for its count alone stands nowhere: a detail that was read with it would count as read, and be lost.
#[tokio::test]
async fn what_is_listed_again_for_its_count_alone_is_not_asked_for_its_details() {
    let server = server(|call| match call.action.as_str() {
        "ListRoles" => Some(r#"{"IsTruncated":false,"Roles":{"Role":[{"RoleId":"r-1","RoleName":"ops"}]}}"#),
        "GetRole" => Some(r#"{"Role":{"RoleId":"r-1","RoleName":"ops","AssumeRolePolicyDocument":"{}"}}"#),
        "ListPolicies" => Some(r#"{"IsTruncated":false,"Policies":{"Policy":[{"PolicyName":"p"}]}}"#),
        "ListPolicyVersions" => Some(r#"{"IsTruncated":false,"PolicyVersions":{"PolicyVersion":[]}}"#),
        _ => None,
    })
    .await;
    let (state, ledger) = (State::new(ACCOUNT), Ledger::new(Duration::from_secs(3_600)));
    let reader = Reader { state: &state, ledger: &ledger, kinds: &every_kind() };
    let scopes = || [counted_scope(Kind::Role), counted_scope(Kind::Policy)].into();
    let details = || ["GetRole", "ListPolicyVersions"].map(|operation| server.calls(operation).len());
    for (doubtful, counted, calls) in [(BTreeSet::new(), scopes(), [0, 0]), (scopes(), BTreeSet::new(), [1, 1])] {
        let wanted = Wanted::Again { doubtful, counted };
        reader.read(&server.session(), &wanted, &mut Rounds::default()).await;
        assert_eq!(details(), calls, "{wanted:?}");
    }
}

#[tokio::test]
async fn what_a_second_reading_lists_first_and_then_no_more_is_not_gone() {
    const GROUP: &str = r#"{"IsTruncated":false,"Groups":{"Group":[{"GroupId":"g-1","GroupName":"ops"}]}}"#;
    let server = server(|call| (call.action == "ListGroups" && call.earlier == 0).then_some(GROUP)).await;
    let (state, ledger) = (State::new(ACCOUNT), Ledger::new(Duration::from_secs(3_600)));
    let reader = Reader { state: &state, ledger: &ledger, kinds: &every_kind() };
    let wanted = Wanted::Again { doubtful: [Scope::collection(Kind::Group)].into(), counted: BTreeSet::new() };
    let mut read = reader.read(&server.session(), &wanted, &mut Rounds::default()).await;
    assert_eq!(unread(&read.remove(&Kind::Group).unwrap()), [("group/g-1", Reason::RemovalsUnproven)]);
}

#[tokio::test]
async fn an_attachment_of_a_name_that_nobody_has_is_not_passed_over_in_silence() {
    let server = server(|call| {
        (call.action == "ListPolicyAttachments").then_some(
            r#"{"PageNumber":1,"PageSize":100,"TotalCount":1,"PolicyAttachments":{"PolicyAttachment":[
            {"PolicyType":"System","PolicyName":"AdministratorAccess","PrincipalType":"IMSUser",
            "PrincipalName":"alice@old.onaliyun.com","ResourceGroupId":"1000000000000001"}]}}"#,
        )
    })
    .await;
    let attachments = read(&server, &State::new(ACCOUNT)).await.remove(&Kind::PolicyAttachment).unwrap();
    assert_eq!(unread(&attachments), [("policy_attachment/user/~alice%40old.onaliyun.com", Reason::UnresolvedName)]);
    assert!(attachments.found().is_empty());
}

fn account(root_mfa_enabled: bool) -> Account {
    Account {
        alias: Some("example".into()),
        root_mfa_enabled: Some(root_mfa_enabled),
        default_domain: Some("example.onaliyun.com".into()),
    }
}

#[tokio::test]
async fn an_account_of_which_nothing_changed_is_read_once() {
    let server = server(|_| None).await;
    let accounts = read(&server, &holding(&account(true))).await.remove(&Kind::Account).unwrap();
    assert_eq!((accounts.is_complete(), accounts.found().len()), (true, 1));
    assert_eq!(server.calls("GetDefaultDomain").len(), 1);
}

#[tokio::test]
async fn an_account_that_changes_between_its_calls_is_read_until_it_stands_still() {
    // The alias is read before the change, the domain behind it.
    let server = server(|call| match (call.action.as_str(), call.earlier) {
        ("GetAccountAlias", 0) => Some(r#"{"AccountAlias":"example"}"#),
        ("GetAccountAlias", _) => Some(r#"{"AccountAlias":"other"}"#),
        ("GetDefaultDomain", _) => Some(r#"{"DefaultDomainName":"other.onaliyun.com"}"#),
        _ => None,
    })
    .await;
    let accounts = read(&server, &holding(&account(true))).await.remove(&Kind::Account).unwrap();
    let [(_, Found::Known(json))] = accounts.found() else { panic!("{accounts:?}") };
    assert_eq!(
        **json, *r#"{"alias":"other","root_mfa_enabled":true,"default_domain":"other.onaliyun.com"}"#,
        "not the old alias with the new domain"
    );
    assert_eq!(server.calls("GetAccountAlias").len(), 3);
}

#[tokio::test]
async fn an_account_that_never_stands_still_is_unknown() {
    let server = server(|call| match (call.action.as_str(), call.earlier % 2) {
        ("GetAccountMFAInfo", 0) => Some(r#"{"IsMFAEnable":false}"#),
        _ => None,
    })
    .await;
    let accounts = read(&server, &State::new(ACCOUNT)).await.remove(&Kind::Account).unwrap();
    assert_eq!(unread(&accounts), [("account", Reason::Protocol)]);
}

#[tokio::test]
async fn settings_that_a_reply_lacks_altogether_are_unknown_and_not_taken_away() {
    for (action, kind, reply) in [
        ("GetPasswordPolicy", Kind::PasswordPolicy, r#"{"PasswordPolicy":{}}"#),
        ("GetSecurityPreference", Kind::SecurityPreference, r#"{"SecurityPreference":{}}"#),
        ("GetAccountMFAInfo", Kind::Account, "{}"),
        ("GetDefaultDomain", Kind::Account, r#"{"DefaultDomainName":""}"#),
    ] {
        let server = server(move |call| (call.action == action).then_some(reply)).await;
        let settings = read(&server, &State::new(ACCOUNT)).await.remove(&kind).unwrap();
        assert_eq!(unread(&settings), [(kind.as_str(), Reason::Protocol)], "{action}");
    }
}

#[tokio::test]
async fn a_field_that_nobody_knows_yet_changes_nothing_and_nothing_is_told_in_three_ways() {
    let server = server(|call| match call.action.as_str() {
        "GetSecurityPreference" => Some(
            r#"{"SecurityPreference":{"New":{"Field":1},"LoginProfilePreference":{"LoginSessionDuration":6,"New":[1],
            "LoginNetworkMasks":"","MFAOperationForLogin":null},"AccessKeyPreference":{"New":1},"MFAPreference":{},
            "VerificationPreference":{"VerificationTypes":{}},"MaxIdleDays":null}}"#,
        ),
        _ => None,
    })
    .await;
    let preferences = read(&server, &State::new(ACCOUNT)).await.remove(&Kind::SecurityPreference).unwrap();
    let [(_, Found::Known(json))] = preferences.found() else { panic!("{preferences:?}") };
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(json).unwrap();
    let told = fields.into_iter().filter(|(_, value)| !value.is_null() && *value != serde_json::json!([]));
    assert_eq!(told.collect::<Vec<_>>(), [("login_session_duration_hours".to_owned(), 6.into())]);
}

const SAML: &str = r#"{"IsTruncated":false,"SAMLProviders":{"SAMLProvider":[{"Arn":"acs:ram::1:saml-provider/okta",
    "SAMLProviderName":"okta","CreateDate":"2026-01-01T00:00:00Z","UpdateDate":"2026-01-01T00:00:00Z"}]}}"#;

#[tokio::test]
async fn a_provider_that_changes_between_its_listing_and_its_metadata_is_unread() {
    let server = server(|call| match call.action.as_str() {
        "ListSAMLProviders" => Some(SAML),
        "GetSAMLProvider" => Some(
            r#"{"SAMLProvider":{"Arn":"acs:ram::1:saml-provider/okta","EncodedSAMLMetadataDocument":"PG0vPg==",
            "CreateDate":"2026-01-01T00:00:00Z","UpdateDate":"2026-01-02T00:00:00Z"}}"#,
        ),
        _ => None,
    })
    .await;
    let providers = read(&server, &State::new(ACCOUNT)).await.remove(&Kind::IdentityProvider).unwrap();
    let scope = "identity_provider/saml/acs%3Aram%3A%3A1%3Asaml-provider%2Fokta";
    assert_eq!(unread(&providers), [(scope, Reason::DetailUnread)]);
}

#[tokio::test]
async fn the_metadata_of_a_provider_is_told_by_the_digest_of_its_document() {
    let server = server(|call| match call.action.as_str() {
        "ListSAMLProviders" => Some(SAML),
        "GetSAMLProvider" => Some(
            r#"{"SAMLProvider":{"Arn":"acs:ram::1:saml-provider/okta","EncodedSAMLMetadataDocument":"YW\nJj",
            "AuthnSignAlgo":"rsa-sha256","CreateDate":"2026-01-01T00:00:00Z","UpdateDate":"2026-01-01T00:00:00Z"}}"#,
        ),
        _ => None,
    })
    .await;
    let providers = read(&server, &State::new(ACCOUNT)).await.remove(&Kind::IdentityProvider).unwrap();
    let [(_, Found::Known(json))] = providers.found() else { panic!("{providers:?}") };
    // `printf abc | sha256sum`, as FIPS 180-2 has it.
    assert!(json.contains("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), "{json}");
}

#[tokio::test]
async fn a_policy_whose_default_version_moves_while_it_is_read_is_unread() {
    let server = server(|call| match (call.action.as_str(), call.parameter("PolicyType")) {
        ("ListPolicies", Some("Custom")) => Some(
            r#"{"IsTruncated":false,"Policies":{"Policy":[{"PolicyName":"ops","DefaultVersion":"v1",
            "CreateDate":"2026-01-01T00:00:00Z","UpdateDate":"2026-01-01T00:00:00Z"}]}}"#,
        ),
        ("ListPolicyVersions", _) => Some(
            r#"{"PolicyVersions":{"PolicyVersion":[
            {"VersionId":"v1","IsDefaultVersion":false,"PolicyDocument":"{}","CreateDate":"2026-01-01T00:00:00Z"},
            {"VersionId":"v2","IsDefaultVersion":true,"PolicyDocument":"{}","CreateDate":"2026-01-02T00:00:00Z"}]}}"#,
        ),
        _ => None,
    })
    .await;
    let policies = read(&server, &State::new(ACCOUNT)).await.remove(&Kind::Policy).unwrap();
    assert_eq!(unread(&policies), [("policy/custom/ops", Reason::DetailUnread)]);
    let why = policies.unknown_scopes().values().next().unwrap();
    assert_eq!(why.detail, "the default version of ops changed while it was read");
}

#[tokio::test]
async fn versions_of_a_deleted_policy_are_not_taken_for_those_of_its_successor_of_the_same_name() {
    let read_with_created = async |created| {
        let server = server(move |call| match (call.action.as_str(), call.parameter("PolicyType")) {
            ("ListPolicies", Some("Custom")) => Some(created),
            ("ListPolicyVersions", _) => Some(
                r#"{"PolicyVersions":{"PolicyVersion":[
                {"VersionId":"v1","IsDefaultVersion":true,"PolicyDocument":"{}","CreateDate":"2026-01-01T00:00:00Z"},
                {"VersionId":"v2","IsDefaultVersion":false,"PolicyDocument":"{}","CreateDate":"2026-01-09T00:00:00Z"}]}}"#,
            ),
            _ => None,
        })
        .await;
        read(&server, &State::new(ACCOUNT)).await.remove(&Kind::Policy).unwrap()
    };
    let policies = read_with_created(
        r#"{"IsTruncated":false,"Policies":{"Policy":[{"PolicyName":"ops","DefaultVersion":"v1",
        "CreateDate":"2026-01-01T00:00:06Z","UpdateDate":"2026-01-01T00:00:06Z"}]}}"#,
    )
    .await;
    assert_eq!(unread(&policies), [("policy/custom/ops", Reason::DetailUnread)]);
    let why = policies.unknown_scopes().values().next().unwrap();
    assert_eq!(why.detail, "the versions read of ops are older than the policy itself");

    let policies = read_with_created(
        r#"{"IsTruncated":false,"Policies":{"Policy":[{"PolicyName":"ops","DefaultVersion":"v1",
        "CreateDate":"2026-01-01T00:00:05Z","UpdateDate":"2026-01-01T00:00:05Z"}]}}"#,
    )
    .await;
    assert_eq!(unread(&policies), [], "two clocks of one call may be some seconds apart");
}

/// What is unread of the policy `ops`, listed as made at the beginning of the year with v1 in force, when its versions are
/// these, with the dates at which they were made.
async fn unread_of_ops(versions: &[(&str, &str)], state: &State) -> Vec<String> {
    let listed = r#"{"IsTruncated":false,"Policies":{"Policy":[{"PolicyName":"ops","DefaultVersion":"v1",
        "CreateDate":"2026-01-01T00:00:00Z","UpdateDate":"2026-02-01T00:00:00Z"}]}}"#;
    let row = |(id, date): &(&str, &str)| {
        let in_force = *id == "v1";
        format!(r#"{{"VersionId":"{id}","IsDefaultVersion":{in_force},"PolicyDocument":"{{}}","CreateDate":"{date}"}}"#)
    };
    let rows: Vec<String> = versions.iter().map(row).collect();
    let versions: &'static str = format!(r#"{{"PolicyVersions":{{"PolicyVersion":[{}]}}}}"#, rows.join(",")).leak();
    let server = server(move |call| match (call.action.as_str(), call.parameter("PolicyType")) {
        ("ListPolicies", Some("Custom")) => Some(listed),
        ("ListPolicyVersions", _) => Some(versions),
        _ => None,
    })
    .await;
    let policies = read(&server, state).await.remove(&Kind::Policy).unwrap();
    policies.unknown_scopes().values().map(|why| why.detail.clone()).collect()
}

#[tokio::test]
async fn versions_that_were_all_made_after_the_policy_was_listed_are_those_of_its_successor() {
    let nothing = State::new(ACCOUNT);
    let unread = unread_of_ops(&[("v1", "2999-01-01T00:00:00Z")], &nothing).await;
    assert_eq!(unread, ["the versions read of ops were all made after it was listed"]);
    let unread = unread_of_ops(&[("v1", "2026-02-01T00:00:00Z")], &nothing).await;
    assert_eq!(unread, [""; 0], "the first version may have been deleted since");
}

#[tokio::test]
async fn versions_that_have_other_dates_than_before_are_of_another_policy_unless_the_policy_is_a_new_one() {
    let made = |date: &str| date.parse::<jiff::Timestamp>().unwrap().into();
    let version =
        |id: &str, date| PolicyVersion { version_id: id.to_owned(), create_date: Some(made(date)), document: None };
    let held = |created: &str| Policy {
        policy_type: PolicyType::Custom,
        policy_name: "ops".to_owned(),
        description: None,
        default_version: Some("v1".to_owned()),
        default_document: None,
        versions: vec![version("v1", "2026-01-02T00:00:00Z"), version("v2", "2026-01-03T00:00:00Z")],
        tags: Vec::new(),
        create_date: Some(made(created)),
        update_date: Some(made(created)),
    };
    let same = holding(&held("2026-01-01T00:00:00Z"));
    let unread = unread_of_ops(&[("v1", "2026-02-01T00:00:00Z")], &same).await;
    assert_eq!(unread, ["the versions read of ops have other dates than before"]);
    assert_eq!(unread_of_ops(&[("v1", "2026-01-02T00:00:00Z")], &same).await, [""; 0]);
    let numbered_again = [("v1", "2026-01-02T00:00:00Z"), ("v2", "2026-02-01T00:00:00Z")];
    assert_eq!(unread_of_ops(&numbered_again, &same).await, [""; 0], "a number may be given once more");
    let earlier = holding(&held("2025-01-01T00:00:00Z"));
    assert_eq!(unread_of_ops(&[("v1", "2026-02-01T00:00:00Z")], &earlier).await, [""; 0]);
}

#[tokio::test]
async fn a_user_renamed_between_the_two_listings_has_unknown_attachments_and_nobody_else_has() {
    let server = server(|call| match (call.action.as_str(), call.earlier) {
        ("ListUsers", 0) => Some(
            r#"{"IsTruncated":false,"Users":{"User":[{"UserId":"1","UserPrincipalName":"alice@e.com"},
            {"UserId":"2","UserPrincipalName":"bob@e.com"}]}}"#,
        ),
        ("ListUsers", _) => Some(
            r#"{"IsTruncated":false,"Users":{"User":[{"UserId":"1","UserPrincipalName":"alicia@e.com"},
            {"UserId":"2","UserPrincipalName":"bob@e.com"}]}}"#,
        ),
        ("ListPolicyAttachments", _) => Some(
            r#"{"PageNumber":1,"PageSize":100,"TotalCount":2,"PolicyAttachments":{"PolicyAttachment":[
            {"PolicyType":"System","PolicyName":"P","PrincipalType":"IMSUser","PrincipalName":"alicia@e.com",
            "ResourceGroupId":"1000000000000001"},
            {"PolicyType":"System","PolicyName":"P","PrincipalType":"IMSUser","PrincipalName":"bob@e.com",
            "ResourceGroupId":"1000000000000001"}]}}"#,
        ),
        _ => None,
    })
    .await;
    let attachments = read(&server, &State::new(ACCOUNT)).await.remove(&Kind::PolicyAttachment).unwrap();
    assert_eq!(unread(&attachments), [("policy_attachment/user/1", Reason::UnresolvedName)]);
    let found: Vec<&str> = attachments.found().iter().map(|(key, _)| key.path()).collect();
    assert_eq!(found, ["policy_attachment/system/p/user/2/account"]);
}

#[tokio::test]
async fn names_that_swap_between_the_two_listings_make_the_attachments_of_both_users_unknown() {
    let server = server(|call| match (call.action.as_str(), call.earlier) {
        ("ListUsers", 0) => Some(
            r#"{"IsTruncated":false,"Users":{"User":[{"UserId":"1","UserPrincipalName":"alice@e.com"},
            {"UserId":"2","UserPrincipalName":"bob@e.com"},{"UserId":"3","UserPrincipalName":"carol@e.com"}]}}"#,
        ),
        ("ListUsers", _) => Some(
            r#"{"IsTruncated":false,"Users":{"User":[{"UserId":"1","UserPrincipalName":"bob@e.com"},
            {"UserId":"2","UserPrincipalName":"alice@e.com"},{"UserId":"9","UserPrincipalName":"carol@e.com"}]}}"#,
        ),
        ("ListPolicyAttachments", _) => Some(
            r#"{"PageNumber":1,"PageSize":100,"TotalCount":2,"PolicyAttachments":{"PolicyAttachment":[
            {"PolicyType":"System","PolicyName":"P","PrincipalType":"IMSUser","PrincipalName":"alice@e.com",
            "ResourceGroupId":"1000000000000001"},
            {"PolicyType":"System","PolicyName":"P","PrincipalType":"IMSUser","PrincipalName":"carol@e.com",
            "ResourceGroupId":"1000000000000001"}]}}"#,
        ),
        _ => None,
    })
    .await;
    let attachments = read(&server, &State::new(ACCOUNT)).await.remove(&Kind::PolicyAttachment).unwrap();
    let of_user = |id| (format!("policy_attachment/user/{id}"), Reason::UnresolvedName);
    let unread = unread(&attachments).into_iter().map(|(scope, why)| (scope.to_owned(), why));
    assert_eq!(unread.collect::<Vec<_>>(), ["1", "2", "3", "9"].map(of_user), "also of a name that a new user took");
    assert!(attachments.found().is_empty());
}

#[tokio::test]
async fn names_of_users_that_are_unknown_leave_the_attachments_of_groups_and_roles_known() {
    let server = server(|call| match (call.action.as_str(), call.earlier) {
        // Read before, and not after.
        ("ListUsers", 0) => {
            Some(r#"{"IsTruncated":false,"Users":{"User":[{"UserId":"1","UserPrincipalName":"alice@e.com"}]}}"#)
        }
        ("ListUsers", _) => Some(r#"{"IsTruncated":true,"Users":{"User":[]}}"#),
        ("ListGroups", _) => Some(r#"{"IsTruncated":false,"Groups":{"Group":[{"GroupId":"g","GroupName":"ops"}]}}"#),
        ("ListPolicyAttachments", _) => Some(
            r#"{"PageNumber":1,"PageSize":100,"TotalCount":2,"PolicyAttachments":{"PolicyAttachment":[
            {"PolicyType":"System","PolicyName":"P","PrincipalType":"IMSUser","PrincipalName":"alice@e.com",
            "ResourceGroupId":"1000000000000001"},
            {"PolicyType":"System","PolicyName":"P","PrincipalType":"IMSGroup","PrincipalName":"ops@group.e.com",
            "ResourceGroupId":"1000000000000001"}]}}"#,
        ),
        _ => None,
    })
    .await;
    let attachments = read(&server, &State::new(ACCOUNT)).await.remove(&Kind::PolicyAttachment).unwrap();
    assert_eq!(unread(&attachments), [("policy_attachment/user", Reason::ParentUnknown)]);
    let found: Vec<&str> = attachments.found().iter().map(|(key, _)| key.path()).collect();
    assert_eq!(found, ["policy_attachment/system/p/group/g/account"]);
    let knows =
        |kind, id: &str| attachments.knows(&PolicyAttachment::scope_of_principal(&Key::new(ACCOUNT, kind, &[id])));
    assert_eq!([knows(Kind::User, "1"), knows(Kind::Group, "g"), knows(Kind::Role, "r")], [false, true, true]);
}

/// The users of an account of which nothing is held, after each was asked for by itself.
async fn users_asked_for_each(server: &Server) -> Collection {
    let (state, ledger, session) = (State::new(ACCOUNT), Ledger::new(Duration::from_secs(3_600)), server.session());
    let reader = Reader { state: &state, ledger: &ledger, kinds: &every_kind() };
    let mut read = reader.read(&session, &Wanted::Everything, &mut Rounds::default()).await;
    let mut users = read.remove(&Kind::User).unwrap();
    let doubtful: BTreeSet<Key> = users.found().iter().map(|(key, _)| key.clone()).collect();
    reader.ask_for_each(&session, &mut users, &doubtful).await;
    users
}

#[tokio::test]
async fn an_addition_that_should_have_been_seen_before_counts_only_if_the_service_finds_it() {
    let server = Server::start(|call| match (call.action.as_str(), call.parameter("UserId")) {
        ("GetUser", Some("1")) => Some(Says::ok(r#"{"User":{"UserId":"1"}}"#)),
        ("GetUser", Some("2")) => Some(Says::error(404, "EntityNotExist.User")),
        ("GetUser", _) => Some(Says::error(403, "NoPermission")),
        ("ListUsers", _) => Some(Says::ok(
            r#"{"IsTruncated":false,"Users":{"User":[{"UserId":"1","UserPrincipalName":"a@e.com"},
            {"UserId":"2","UserPrincipalName":"b@e.com"},{"UserId":"3","UserPrincipalName":"c@e.com"}]}}"#,
        )),
        ("GetCallerIdentity", _) => None,
        _ => Some(Says::error(403, "NoPermission")),
    })
    .await;
    let users = users_asked_for_each(&server).await;
    assert_eq!(unread(&users), [("user/2", Reason::Stale), ("user/3", Reason::Denied)]);
}

#[tokio::test]
async fn what_is_asked_for_by_itself_ends_the_window_for_it_may_have_gone_only_then() {
    let server = Server::start(|call| match call.action.as_str() {
        "GetUser" => Some(Says::error(404, "EntityNotExist.User").header("date", "Wed, 01 Jan 2098 00:00:00 GMT")),
        "ListUsers" => {
            Some(Says::ok(r#"{"IsTruncated":false,"Users":{"User":[{"UserId":"1","UserPrincipalName":"a@e.com"}]}}"#))
        }
        "GetCallerIdentity" => None,
        _ => Some(Says::error(403, "NoPermission")),
    })
    .await;
    let users = users_asked_for_each(&server).await;
    // A date counts whole seconds.
    assert_eq!(users.window().unwrap().ended_at, "2098-01-01T00:00:01Z".parse().unwrap());
}
