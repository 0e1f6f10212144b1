use ramstream::simulator::Settings;
use ramstream::simulator::seed::Size;
use serde_json::{Value, json};

use crate::client::{IMS, RAM, RM, World, texts, unthrottled, world};

const DOCUMENT: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"}]}"#;

async fn name(world: &World, table: &str, index: usize, field: &str) -> String {
    world.account().await[table][index][field].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_rename_keeps_the_id_and_everything_that_hangs_on_it() {
    let world = world(unthrottled()).await;
    let membership = world.account().await["memberships"][0].clone();
    let user_id = membership["user_id"].as_str().unwrap();
    let users = world.account().await["users"].clone();
    let user = users.as_array().unwrap().iter().find(|user| user["user_id"] == user_id).unwrap().clone();
    let old = user["user_name"].as_str().unwrap();
    let renamed = world.call(RAM, "UpdateUser", &[("UserName", old), ("NewUserName", "renamed")]).await.done();
    assert_eq!(renamed["User"]["UserId"], user_id);
    world.call(RAM, "GetUser", &[("UserName", old)]).await.refused(404, "EntityNotExist.User");
    let groups = world.call(RAM, "ListGroupsForUser", &[("UserName", "renamed")]).await.done();
    assert!(!groups["Groups"]["Group"].as_array().unwrap().is_empty());
    let after = world.account().await;
    assert_eq!(after["memberships"][0], membership);
}

#[tokio::test]
async fn an_update_changes_only_what_was_sent() {
    let world = world(unthrottled()).await;
    let given = [("UserName", "eve"), ("DisplayName", "Eve"), ("Comments", "x"), ("Email", "eve@example.com")];
    world.call(RAM, "CreateUser", &given).await.done();
    let updated = world.call(RAM, "UpdateUser", &[("UserName", "EVE"), ("NewComments", "")]).await.done();
    let user = &updated["User"];
    assert_eq!(
        (&user["DisplayName"], &user["Comments"], &user["Email"]),
        (&json!("Eve"), &json!(""), &json!("eve@example.com"))
    );
    assert_eq!(user["MobilePhone"], Value::Null);
}

#[tokio::test]
async fn a_user_made_again_gets_another_id() {
    let world = world(unthrottled()).await;
    let create = async || {
        let created = world.call(RAM, "CreateUser", &[("UserName", "eve")]).await.done();
        created["User"]["UserId"].as_str().unwrap().to_owned()
    };
    let first = create().await;
    assert!(first.len() == 18 && first.bytes().all(|byte| byte.is_ascii_digit()), "{first}");
    world.call(RAM, "DeleteUser", &[("UserName", "eve")]).await.done();
    assert_ne!(create().await, first);
}

#[tokio::test]
async fn what_something_hangs_on_is_not_deleted() {
    let world = world(unthrottled()).await;
    let group = name(&world, "groups", 0, "group_name").await;
    let role = name(&world, "roles", 0, "role_name").await;
    world.call(RAM, "CreateUser", &[("UserName", "eve")]).await.done();
    world.call(RAM, "AddUserToGroup", &[("UserName", "eve"), ("GroupName", &group)]).await.done();
    world.call(RAM, "DeleteUser", &[("UserName", "eve")]).await.refused(409, "DeleteConflict.User.Group");
    world.call(RAM, "DeleteGroup", &[("GroupName", &group)]).await.refused(409, "DeleteConflict.Group.User");
    world.call(RAM, "RemoveUserFromGroup", &[("UserName", "eve"), ("GroupName", &group)]).await.done();
    world.call(RAM, "CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", DOCUMENT)]).await.done();
    let policy = [("PolicyName", "p"), ("PolicyType", "Custom"), ("UserName", "eve")];
    world.call(RAM, "AttachPolicyToUser", &policy).await.done();
    world.call(RAM, "DeleteUser", &[("UserName", "eve")]).await.refused(409, "DeleteConflict.User.Policy");
    world.call(RAM, "DeletePolicy", &[("PolicyName", "p")]).await.refused(409, "DeleteConflict.Policy.User");
    world.call(RAM, "DetachPolicyFromUser", &policy).await.done();
    world.call(RAM, "DetachPolicyFromUser", &policy).await.refused(404, "EntityNotExist.User.Policy");
    world.call(RAM, "DeletePolicy", &[("PolicyName", "p")]).await.done();
    world.call(RAM, "DeleteUser", &[("UserName", "eve")]).await.done();
    world.call(RAM, "DeleteRole", &[("RoleName", &role)]).await.refused(409, "DeleteConflict.Role.Policy");
}

#[tokio::test]
async fn a_user_is_in_ten_groups_at_most() {
    let world = world(unthrottled()).await;
    world.call(RAM, "CreateUser", &[("UserName", "eve")]).await.done();
    for n in 0..11 {
        let group = format!("g{n}");
        world.call(IMS, "CreateGroup", &[("GroupName", &group)]).await.done();
        let added = world.call(RAM, "AddUserToGroup", &[("UserName", "eve"), ("GroupName", &group)]).await;
        if n < 10 { drop(added.done()) } else { added.refused(409, "LimitExceeded.User.Group") }
    }
    let again = world.call(RAM, "AddUserToGroup", &[("UserName", "eve"), ("GroupName", "g0")]).await;
    again.refused(409, "EntityAlreadyExists.User.Group");
}

#[tokio::test]
async fn a_principal_has_twenty_system_policies_at_most() {
    let size = Size { attachments: 0, ..Size::default() };
    let world = world(Settings { size, ..unthrottled() }).await;
    let role = name(&world, "roles", 0, "role_name").await;
    let account = world.account().await;
    let policies: Vec<_> =
        account["policies"].as_array().unwrap().iter().filter(|p| p["policy_type"] == "System").cloned().collect();
    for (n, policy) in texts(&policies, "policy_name").iter().take(21).enumerate() {
        let parameters = [("PolicyName", policy.as_str()), ("PolicyType", "System"), ("RoleName", &role)];
        let attached = world.call(RAM, "AttachPolicyToRole", &parameters).await;
        if n < 20 { drop(attached.done()) } else { attached.refused(409, "LimitExceeded.Role.Policy") }
    }
}

#[tokio::test]
async fn a_sixth_version_is_refused_or_takes_the_place_of_the_oldest() {
    let world = world(unthrottled()).await;
    world.call(RAM, "CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", DOCUMENT)]).await.done();
    let version = [("PolicyName", "p"), ("PolicyDocument", DOCUMENT)];
    for _ in 0..4 {
        world.call(RAM, "CreatePolicyVersion", &version).await.done();
    }
    world.call(RAM, "CreatePolicyVersion", &version).await.refused(409, "LimitExceeded.Policy.Version");
    let rotating = [version[0], version[1], ("RotateStrategy", "DeleteOldestNonDefaultVersionWhenLimitExceeded")];
    world.call(RAM, "CreatePolicyVersion", &rotating).await.done();
    let held = world.call(RAM, "ListPolicyVersions", &[("PolicyName", "P"), ("PolicyType", "Custom")]).await.done();
    let held = texts(held["PolicyVersions"]["PolicyVersion"].as_array().unwrap(), "VersionId");
    assert_eq!(held, ["v1", "v3", "v4", "v5", "v6"], "v1 is the default one and stays");
}

#[tokio::test]
async fn names_that_break_the_rules_are_refused() {
    let world = world(unthrottled()).await;
    let long = "x".repeat(65);
    for (name, code) in [
        ("", "MissingUserName"),
        ("with space", "InvalidParameter.UserName.InvalidChars"),
        ("ü", "InvalidParameter.UserName.InvalidChars"),
        (long.as_str(), "InvalidParameter.UserName.Length"),
    ] {
        world.call(RAM, "CreateUser", &[("UserName", name)]).await.refused(400, code);
    }
    let foreign = [("UserPrincipalName", "eve@elsewhere.onaliyun.com")];
    world.call(IMS, "CreateUser", &foreign).await.refused(400, "InvalidParameter.UserPrincipalName.Format");
    for document in ["", "{", "[]", r#"{"Version":"1","Statement":[]}"#, r#"{"Version":"1","Statement":[{}]}"#] {
        let reply = world.call(RAM, "CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", document)]).await;
        reply.refused(400, if document.is_empty() { "MissingPolicyDocument" } else { "MalformedPolicyDocument" });
    }
}

#[tokio::test]
async fn another_alias_renames_every_principal() {
    let world = world(unthrottled()).await;
    let first = async || {
        let page = world.call(RM, "ListPolicyAttachments", &[("PageSize", "1")]).await.done();
        page["PolicyAttachments"]["PolicyAttachment"][0]["PrincipalName"].as_str().unwrap().to_owned()
    };
    assert!(first().await.ends_with("@example-1.onaliyun.com"));
    world
        .call(RAM, "SetAccountAlias", &[("AccountAlias", "acme")])
        .await
        .refused(409, "EntityAlreadyExists.AccountAlias");
    world.call(RAM, "ClearAccountAlias", &[]).await.done();
    let id = &world.running.account_id;
    assert!(first().await.ends_with(&format!("@{id}.onaliyun.com")));
    assert_eq!(world.call(RAM, "GetAccountAlias", &[]).await.done()["AccountAlias"], id.as_str());
    world
        .call(RAM, "SetAccountAlias", &[("AccountAlias", "Acme")])
        .await
        .refused(400, "InvalidParameter.AccountAlias.Format");
    world.call(RAM, "SetAccountAlias", &[("AccountAlias", "acme")]).await.done();
    assert!(first().await.ends_with("@acme.onaliyun.com"));
}

#[tokio::test]
async fn resource_manager_attaches_in_one_scope_and_spells_its_own_way() {
    let world = world(unthrottled()).await;
    world.call(RAM, "CreateUser", &[("UserName", "eve")]).await.done();
    let scope = name(&world, "resource_groups", 1, "id").await;
    let grant = |scope| {
        [
            ("PolicyName", "AdministratorAccess"),
            ("PolicyType", "System"),
            ("PrincipalName", "eve@example-1.onaliyun.com"),
            ("PrincipalType", "IMSUser"),
            ("ResourceGroupId", scope),
        ]
    };
    world.call(RM, "AttachPolicy", &grant(&scope)).await.done();
    world.call(RM, "AttachPolicy", &grant(&scope)).await.refused(409, "EntityAlreadyExists.User.Policy");
    world.call(RM, "AttachPolicy", &grant("rg-nowhere")).await.refused(404, "EntityNotExists.ResourceGroup");
    let shown = world.call(RAM, "ListPoliciesForUser", &[("UserName", "eve")]).await.done();
    assert_eq!(shown["Policies"], json!({ "Policy": [] }), "RAM shows the account scope only");
    world.call(RM, "AttachPolicy", &grant(&world.running.account_id)).await.done();
    let shown = world.call(RAM, "ListPoliciesForUser", &[("UserName", "eve")]).await.done();
    assert_eq!(shown["Policies"]["Policy"][0]["PolicyName"], "AdministratorAccess");
    world.call(RM, "DetachPolicy", &grant(&scope)).await.done();
    world.call(RM, "DetachPolicy", &grant(&scope)).await.refused(404, "EntityNotExists.User.Policy");
    let entities = [("PolicyName", "AdministratorAccess"), ("PolicyType", "System")];
    let entities = world.call(RAM, "ListEntitiesForPolicy", &entities).await.done();
    assert!(texts(entities["Users"]["User"].as_array().unwrap(), "UserName").contains(&"eve".to_owned()));
}

#[tokio::test]
async fn a_row_is_edited_by_hand_as_far_as_the_account_can_be_so() {
    let world = world(unthrottled()).await;
    let (name, other) = (name(&world, "roles", 0, "role_name").await, name(&world, "roles", 1, "role_name").await);
    let id = world.account().await["roles"][0]["role_id"].clone();
    let edit = |set: Value| json!({ "table": "roles", "id": id, "set": set });
    world.control(reqwest::Method::POST, "/edit", edit(json!({ "role_name": "edited" }))).await;
    world.call(RAM, "GetRole", &[("RoleName", &name)]).await.refused(404, "EntityNotExist.Role");
    assert_eq!(world.call(RAM, "GetRole", &[("RoleName", "edited")]).await.done()["Role"]["RoleId"], id);

    let before = world.account().await;
    for (body, named) in [
        (edit(json!({ "role_name": other.to_uppercase() })), "another role has"),
        (edit(json!({ "role_id": "1" })), "stays as it is"),
        (edit(json!({ "rolename": "x" })), "rolename"),
        (edit(json!({ "create_date": "yesterday" })), "set: "),
        (json!({ "table": "roles", "id": "1", "set": {} }), "no role has the id"),
        (json!({ "table": "wheels", "id": "1", "set": {} }), "wheels"),
    ] {
        let answer = world.refused_control("/edit", body).await;
        assert!(answer.contains(named), "{answer}");
    }
    assert_eq!(world.account().await, before);
}
