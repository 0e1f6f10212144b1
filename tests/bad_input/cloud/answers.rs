//! Bodies: every operation's, mutated in its bytes and in each of its fields.

use serde_json::{Value, json};

use super::account::OPERATIONS;
use super::server::Says;
use super::{Case, operation};
use crate::mutations::{of_bytes, of_fields};

pub(crate) fn cases() -> impl Iterator<Item = Case> {
    let generated = OPERATIONS.iter().flat_map(|operation| {
        let base = operation.reply();
        let case =
            |group| move |(name, body): (String, Vec<u8>)| Case::constant(group, operation, &name, Says::ok(body));
        let bytes = of_bytes(&base.to_string(), operation.inside).into_iter();
        let fields = of_fields(&base, operation.without).into_iter();
        bytes.map(case("answers, bytes")).chain(fields.map(case("answers, fields")))
    });
    generated.chain(contradictions())
}

/// Replies in the right form that cannot be right.
fn contradictions() -> impl Iterator<Item = Case> {
    let change = |name: &str, change: fn(&mut Value)| {
        let mut reply = operation(name).reply();
        change(&mut reply);
        Says::ok(reply.to_string())
    };
    let case = move |name: &'static str, what: &str, words: &[&'static str], changed: fn(&mut Value)| {
        let case = Case::constant("answers, contradictions", operation(name), what, change(name, changed));
        Case { words: words.to_vec(), ..case }
    };
    let older = "1999-01-01T00:00:00Z";
    let mut all = vec![
        case("GetCallerIdentity", "another account", &["belong to account 42"], |reply| {
            reply["AccountId"] = json!("42")
        }),
        case("GetCallerIdentity", "an account id that would spoil a terminal", &["GetCallerIdentity"], |reply| {
            reply["AccountId"] = json!("\u{1b}[2J");
        }),
        case("ListUsers", "one user twice, with two names", &["ListUsers"], |reply| {
            let mut twin = reply["Users"]["User"][0].clone();
            twin["UserPrincipalName"] = json!("mallory@example.com");
            reply["Users"]["User"][1] = twin;
        }),
        case("ListGroups", "one group twice, with two names", &["ListGroups"], |reply| {
            let twin = json!({ "GroupId": "g-1", "GroupName": "others" });
            reply["Groups"]["Group"].as_array_mut().expect("groups").push(twin);
        }),
        case("ListRoles", "one role twice, with two names", &["ListRoles"], |reply| {
            let twin = json!({ "RoleId": "r-1", "RoleName": "others" });
            reply["Roles"]["Role"].as_array_mut().expect("roles").push(twin);
        }),
        case("ListUsersForGroup", "one member since two dates", &["ListUsersForGroup"], |reply| {
            let twin = json!({ "UserId": "1", "JoinDate": "2024-01-01T00:00:00Z" });
            reply["Users"]["User"].as_array_mut().expect("members").push(twin);
        }),
        case("ListAccessKeys", "one key twice, on and off", &["ListAccessKeys"], |reply| {
            let twin = json!({ "AccessKeyId": "k-1", "Status": "Inactive" });
            reply["AccessKeys"]["AccessKey"].as_array_mut().expect("keys").push(twin);
        }),
        case("GetLoginProfile", "that of another user", &["GetLoginProfile"], |reply| {
            reply["LoginProfile"]["UserPrincipalName"] = json!("mallory@example.com");
        }),
        case("GetUserMFAInfo", "a virtual device that is not listed", &["not listed"], |reply| {
            reply["MFADevice"] = json!({ "SerialNumber": "acs:ram::1:mfa/b", "Type": "VMFA" });
        }),
        case("ListVirtualMFADevices", "one device of two users", &["ListVirtualMFADevices"], |reply| {
            let twin = json!({ "SerialNumber": "acs:ram::1:mfa/a", "User": { "UserId": "2" } });
            reply["VirtualMFADevices"]["VirtualMFADevice"].as_array_mut().expect("devices").push(twin);
        }),
        case("GetRole", "another role", &["another role"], |reply| reply["Role"]["RoleId"] = json!("r-2")),
        case("ListPolicyVersions", "the default is another version", &["ecs-all"], |reply| {
            reply["PolicyVersions"]["PolicyVersion"][0]["VersionId"] = json!("v2");
        }),
        case("ListPolicyVersions", "no version", &["ecs-all"], |reply| {
            reply["PolicyVersions"]["PolicyVersion"] = json!([]);
        }),
        case("ListPolicyVersions", "one version with two documents", &["ListPolicyVersions"], |reply| {
            let mut twin = reply["PolicyVersions"]["PolicyVersion"][0].clone();
            twin["PolicyDocument"] = json!("{}");
            reply["PolicyVersions"]["PolicyVersion"].as_array_mut().expect("versions").push(twin);
        }),
        case("ListPolicyVersions", "truncated", &["ListPolicyVersions"], |reply| reply["IsTruncated"] = json!(true)),
        case("ListPolicyAttachments", "an unknown type of policy", &["PolicyType"], |reply| {
            reply["PolicyAttachments"]["PolicyAttachment"][0]["PolicyType"] = json!("Shared");
        }),
        case("ListPolicyAttachments", "an unknown type of principal", &["PrincipalType"], |reply| {
            reply["PolicyAttachments"]["PolicyAttachment"][0]["PrincipalType"] = json!("Robot");
        }),
        case("ListPolicyAttachments", "a principal that nobody is", &["nobody"], |reply| {
            reply["PolicyAttachments"]["PolicyAttachment"][0]["PrincipalName"] = json!("nobody@example.com");
        }),
    ];
    // A date that moved backwards under a key is an older picture than the one held.
    let stale: [(&'static str, &str, &'static str); 11] = [
        ("ListUsers", "/Users/User/0/CreateDate", "1"),
        ("ListUsers", "/Users/User/0/UpdateDate", "1"),
        ("ListAccessKeys", "/AccessKeys/AccessKey/0/CreateDate", "k-1"),
        ("ListVirtualMFADevices", "/VirtualMFADevices/VirtualMFADevice/0/ActivateDate", "1"),
        ("ListGroups", "/Groups/Group/0/CreateDate", "g-1"),
        ("ListGroups", "/Groups/Group/0/UpdateDate", "g-1"),
        ("ListRoles", "/Roles/Role/0/CreateDate", "r-1"),
        ("ListRoles", "/Roles/Role/0/UpdateDate", "r-1"),
        ("ListUsersForGroup", "/Users/User/0/JoinDate", "g-1"),
        ("ListPolicies of the account", "/Policies/Policy/0/UpdateDate", "ecs-all"),
        ("ListPolicyAttachments", "/PolicyAttachments/PolicyAttachment/0/AttachDate", "ecs-all"),
    ];
    all.extend(stale.into_iter().map(|(name, pointer, _)| {
        let mut reply = operation(name).reply();
        *reply.pointer_mut(pointer).expect("the field is there") = json!(older);
        let says = Says::ok(reply.to_string());
        let case =
            Case::constant("answers, contradictions", operation(name), &format!("{pointer} of last century"), says);
        Case { words: vec!["older", "backwards", "stale", "changed while"], ..case }
    }));
    all.into_iter()
}
