use ramstream::simulator::Settings;
use ramstream::simulator::seed::Size;
use serde_json::{Value, json};

use crate::client::{IMS, RAM, RM, World, set, texts, unthrottled, world};

/// More users than IMS lists at once, more groups than a page holds.
async fn large() -> World {
    let size = Size { users: 1100, groups: 120, memberships: 2500, attachments: 400, ..Size::default() };
    world(Settings { size, ..unthrottled() }).await
}

#[tokio::test]
async fn every_row_is_listed_once_whatever_the_page_size() {
    let world = large().await;
    let account = world.account().await;
    let user_ids = texts(account["users"].as_array().unwrap(), "user_id");
    for (version, size) in [(IMS, "1000"), (IMS, "333"), (RAM, "7"), (RAM, "1000")] {
        let parameters: &[_] = match version {
            IMS => &[("Status", "active,freeze"), ("MaxItems", size)],
            _ => &[("MaxItems", size)],
        };
        let rows = world.by_marker(version, "ListUsers", parameters, ("Users", "User")).await;
        assert_eq!(texts(&rows, "UserId"), user_ids, "{version} by {size}");
    }
    let groups = world.by_marker(IMS, "ListGroups", &[], ("Groups", "Group")).await;
    assert_eq!(texts(&groups, "GroupId"), texts(account["groups"].as_array().unwrap(), "group_id"));
    let groups = world.by_marker(RAM, "ListGroups", &[("MaxItems", "50")], ("Groups", "Group")).await;
    assert_eq!(texts(&groups, "GroupId"), texts(account["groups"].as_array().unwrap(), "ram_group_id"));
}

#[tokio::test]
async fn members_of_a_group_come_with_their_dates_page_by_page() {
    let world = large().await;
    let account = world.account().await;
    let group = &account["groups"][3];
    let name = group["group_name"].as_str().unwrap();
    let parameters = [("GroupName", name), ("MaxItems", "5")];
    let rows = world.by_marker(IMS, "ListUsersForGroup", &parameters, ("Users", "User")).await;
    let wanted: Vec<_> = account["memberships"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["group_id"] == group["group_id"])
        .map(|row| (row["user_id"].clone(), row["join_date"].clone()))
        .collect();
    assert!(wanted.len() > 10, "the group takes several pages");
    let got: Vec<_> = rows.iter().map(|row| (row["UserId"].clone(), row["JoinDate"].clone())).collect();
    assert_eq!(got, wanted);
}

#[tokio::test]
async fn without_a_page_size_each_service_has_its_own_default() {
    let world = large().await;
    let listed = async |version, action, parameters: &[(&str, &str)], name: &str, item: &str| {
        world.call(version, action, parameters).await.done()[name][item].as_array().unwrap().len()
    };
    assert_eq!(listed(IMS, "ListUsers", &[("Status", "active,freeze")], "Users", "User").await, 1000);
    assert_eq!(listed(IMS, "ListUserBasicInfos", &[], "UserBasicInfos", "UserBasicInfo").await, 100);
    assert_eq!(listed(RAM, "ListUsers", &[], "Users", "User").await, 100);
    assert_eq!(listed(IMS, "ListGroups", &[], "Groups", "Group").await, 100);
    assert_eq!(listed(RM, "ListPolicyAttachments", &[], "PolicyAttachments", "PolicyAttachment").await, 10);
}

#[tokio::test]
async fn a_page_size_outside_the_range_is_refused() {
    let world = world(unthrottled()).await;
    let account = world.account().await;
    let group = account["groups"][0]["group_name"].as_str().unwrap();
    for (version, action, name, most) in [
        (IMS, "ListUsers", "MaxItems", 1000),
        (RAM, "ListUsers", "MaxItems", 1000),
        (IMS, "ListGroups", "MaxItems", 100),
        (RAM, "ListGroups", "MaxItems", 100),
        (IMS, "ListUsersForGroup", "MaxItems", 100),
        (RAM, "ListUsersForGroup", "MaxItems", 1000),
        (RAM, "ListRoles", "MaxItems", 1000),
        (RAM, "ListPolicies", "MaxItems", 1000),
        (RM, "ListPolicyAttachments", "PageSize", 100),
        (RM, "ListRoles", "PageSize", 100),
    ] {
        let call =
            async |size: u32| world.call(version, action, &[("GroupName", group), (name, &size.to_string())]).await;
        call(most).await.done();
        call(most + 1).await.refused(400, &format!("InvalidParameter.{name}"));
        call(0).await.refused(400, &format!("InvalidParameter.{name}"));
    }
    world.call(RM, "ListRoles", &[("PageNumber", "0")]).await.refused(400, "InvalidParameter.PageNumber");
}

#[tokio::test]
async fn a_page_number_behind_the_end_is_an_empty_page_with_the_count() {
    let world = world(unthrottled()).await;
    let page = world.call(RM, "ListPolicyAttachments", &[("PageNumber", "99")]).await.done();
    assert_eq!(page["PolicyAttachments"], json!({ "PolicyAttachment": [] }));
    assert_eq!((&page["TotalCount"], &page["PageNumber"], &page["PageSize"]), (&json!(60), &json!(99), &json!(10)));
}

#[tokio::test]
async fn a_row_that_goes_does_not_move_the_rows_behind_a_marker() {
    let world = world(unthrottled()).await;
    let created: Vec<_> = (0..4).map(|n| format!("new{n}")).collect();
    for name in &created {
        world.call(RAM, "CreateUser", &[("UserName", name)]).await.done();
    }
    let before = texts(world.account().await["users"].as_array().unwrap(), "user_name");
    let size = before.len() - 2;
    let first = world.call(RAM, "ListUsers", &[("MaxItems", &size.to_string())]).await.done();
    world.call(RAM, "DeleteUser", &[("UserName", "new0")]).await.done();
    let marker = first["Marker"].as_str().unwrap();
    let second = world.call(RAM, "ListUsers", &[("Marker", marker)]).await.done();
    assert_eq!(set(&second["Users"]["User"], "UserName"), ["new2", "new3"].map(str::to_owned).into());
}

#[tokio::test]
async fn a_marker_serves_only_the_operation_that_gave_it() {
    let world = world(unthrottled()).await;
    let page = world.call(RAM, "ListUsers", &[("MaxItems", "2")]).await.done();
    let marker = page["Marker"].as_str().unwrap();
    world.call(RAM, "ListRoles", &[("Marker", marker)]).await.refused(400, "InvalidParameter.Marker");
    world.call(RAM, "ListUsers", &[("Marker", "AAAB/+c=")]).await.refused(400, "InvalidParameter.Marker");
}

#[tokio::test]
async fn ims_lists_only_active_users_unless_it_is_asked_for_others() {
    let world = world(unthrottled()).await;
    let names = async |status: &[(&str, &str)]| {
        let page = world.call(IMS, "ListUsers", status).await.done();
        texts(page["Users"]["User"].as_array().unwrap(), "UserId")
    };
    let all = texts(world.account().await["users"].as_array().unwrap(), "user_id");
    let frozen = names(&[("Status", "freeze")]).await;
    world.control(reqwest::Method::POST, "/freeze", json!({ "user": all[4] })).await;
    let after = names(&[("Status", "freeze")]).await;
    assert_eq!(after.len(), frozen.len() + 1);
    assert!(after.contains(&all[4]) && !names(&[]).await.contains(&all[4]));
    assert_eq!(names(&[("Status", "active,freeze")]).await, all);
    world.call(IMS, "ListUsers", &[("Status", "frozen")]).await.refused(400, "InvalidParameter.Status");
    world.control(reqwest::Method::POST, "/unfreeze", json!({ "user": all[4] })).await;
    assert!(names(&[]).await.contains(&all[4]));
}

#[tokio::test]
async fn the_two_faces_show_their_own_fields() {
    let world = world(unthrottled()).await;
    let fields = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let ram = world.call(RAM, "ListUsers", &[]).await.done();
    let ims = world.call(IMS, "ListUsers", &[]).await.done();
    let (ram, ims) = (fields(&ram["Users"]["User"][0]), fields(&ims["Users"]["User"][0]));
    assert!(ram.contains(&"UserName".into()) && !ram.contains(&"UserPrincipalName".into()));
    assert!(!ram.iter().any(|field| ["Status", "Tags", "ProvisionType", "LastLoginDate"].contains(&field.as_str())));
    assert!(ims.contains(&"UserPrincipalName".into()) && !ims.contains(&"UserName".into()));
    assert!(["Status", "ProvisionType", "LastLoginDate"].iter().all(|field| ims.contains(&(*field).into())));
    let account = world.account().await;
    let user_id = [("UserId", account["users"][0]["user_id"].as_str().unwrap())];
    let alone = world.call(IMS, "GetUser", &user_id).await.done();
    assert_eq!(alone["User"]["Status"], Value::Null, "IMS GetUser has no state");
}

#[tokio::test]
async fn a_listing_of_roles_has_no_trust_policy() {
    let world = world(unthrottled()).await;
    let listed = world.call(RAM, "ListRoles", &[]).await.done()["Roles"]["Role"][3].clone();
    assert_eq!((&listed["AssumeRolePolicyDocument"], &listed["IsServiceLinkedRole"]), (&Value::Null, &Value::Null));
    let name = listed["RoleName"].as_str().unwrap();
    let role = world.call(RAM, "GetRole", &[("RoleName", name)]).await.done()["Role"].clone();
    assert_eq!(role["IsServiceLinkedRole"], json!(true));
    assert!(role["AssumeRolePolicyDocument"].as_str().unwrap().contains("sts:AssumeRole"));
    assert_eq!(role["Arn"], format!("acs:ram::{}:role/{}", world.running.account_id, name.to_lowercase()));
}

#[tokio::test]
async fn attachments_are_found_by_each_part_and_by_all_together() {
    let world = world(unthrottled()).await;
    let all = world.call(RM, "ListPolicyAttachments", &[("PageSize", "100")]).await.done();
    let rows = all["PolicyAttachments"]["PolicyAttachment"].as_array().unwrap();
    let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
    let row = rows.iter().find(|row| text(row, "ResourceGroupId").starts_with("rg-")).unwrap();
    let parts = ["PolicyName", "PolicyType", "PrincipalName", "PrincipalType", "ResourceGroupId"];
    for filter in [&parts[..1], &parts[..2], &parts[2..3], &parts[3..4], &parts[4..], &parts] {
        let wanted: Vec<_> = rows.iter().filter(|other| filter.iter().all(|part| other[part] == row[part])).collect();
        let values: Vec<_> = filter.iter().map(|part| text(row, part)).collect();
        let mut parameters: Vec<_> = filter.iter().copied().zip(values.iter().map(String::as_str)).collect();
        parameters.push(("PageSize", "100"));
        let page = world.call(RM, "ListPolicyAttachments", &parameters).await.done();
        let got: Vec<_> = page["PolicyAttachments"]["PolicyAttachment"].as_array().unwrap().iter().collect();
        assert_eq!(got, wanted, "{filter:?}");
    }
    let nobody = [("PrincipalName", "nobody@example.onaliyun.com")];
    assert_eq!(world.call(RM, "ListPolicyAttachments", &nobody).await.done()["TotalCount"], json!(0));
}

#[tokio::test]
async fn the_summary_counts_what_the_listings_show() {
    let world = world(unthrottled()).await;
    let summary = world.call(IMS, "GetAccountSummary", &[]).await.done()["SummaryMap"].clone();
    let size = Size::default();
    let counted = (&summary["Users"], &summary["Groups"], &summary["Roles"], &summary["Policies"]);
    assert_eq!(counted, (&json!(size.users), &json!(size.groups), &json!(size.roles), &json!(size.custom_policies)));
}
