//! The account as the services give it when nothing is wrong: at least one of everything.

use ramstream::model::Kind;
use serde_json::{Value, json};

use super::server::{Call, Says};

pub(crate) const ACCOUNT: &str = "5481250658560000";

const BEFORE: &str = "2025-06-01T08:00:00Z";
const SINCE: &str = "2025-12-01T08:00:00Z";
const DOCUMENT: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*"}]}"#;

/// An operation that a reading calls.
pub(crate) struct Operation {
    /// Its name for people.
    pub(crate) name: &'static str,
    pub(crate) action: &'static str,
    /// What tells calls of one action apart.
    parameter: Option<(&'static str, &'static str)>,
    /// Of which kind nothing may be concluded from a bad reply; of none: counts alone.
    pub(crate) kind: Option<Kind>,
    /// The reply up to the inside of a text that is read.
    pub(crate) inside: &'static str,
    /// Fields of the reply that it may do without.
    pub(crate) without: &'static [&'static str],
    reply: fn() -> Value,
}

impl Operation {
    pub(crate) fn reply(&self) -> Value {
        (self.reply)()
    }

    pub(crate) fn is_called_by(&self, call: &Call) -> bool {
        call.action == self.action && self.parameter.is_none_or(|(name, value)| call.parameter(name) == Some(value))
    }
}

/// All of them.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "GetCallerIdentity",
        action: "GetCallerIdentity",
        parameter: None,
        kind: Some(Kind::User),
        inside: "\"AccountId\":\"",
        without: &[],
        reply: || json!({ "AccountId": ACCOUNT, "Arn": "acs:ram::1:user/a", "IdentityType": "RAMUser", "RequestId": "R" }),
    },
    Operation {
        name: "GetAccountSummary",
        action: "GetAccountSummary",
        parameter: None,
        kind: None,
        inside: "\"SummaryMap",
        without: &[],
        reply: || json!({ "RequestId": "R", "SummaryMap": { "Users": 2, "Groups": 1, "Roles": 1, "Policies": 1 } }),
    },
    Operation {
        name: "GetAccountAlias",
        action: "GetAccountAlias",
        parameter: None,
        kind: Some(Kind::Account),
        inside: "\"AccountAlias\":\"",
        without: &[],
        reply: || json!({ "AccountAlias": "example", "RequestId": "R" }),
    },
    Operation {
        name: "GetAccountMFAInfo",
        action: "GetAccountMFAInfo",
        parameter: None,
        kind: Some(Kind::Account),
        inside: "\"IsMFAEnable",
        without: &[],
        reply: || json!({ "IsMFAEnable": true, "RequestId": "R" }),
    },
    Operation {
        name: "GetDefaultDomain",
        action: "GetDefaultDomain",
        parameter: None,
        kind: Some(Kind::Account),
        inside: "\"DefaultDomainName\":\"",
        without: &[],
        reply: || json!({ "DefaultDomainName": "example.onaliyun.com", "RequestId": "R" }),
    },
    Operation {
        name: "GetPasswordPolicy",
        action: "GetPasswordPolicy",
        parameter: None,
        kind: Some(Kind::PasswordPolicy),
        inside: "\"PasswordPolicy",
        without: &[],
        reply: || {
            let policy = json!({
                "HardExpire": true, "MaxLoginAttemps": 5, "MaxPasswordAge": 90, "MinimumPasswordLength": 8,
                "RequireNumbers": true,
            });
            json!({ "PasswordPolicy": policy, "RequestId": "R" })
        },
    },
    Operation {
        name: "GetSecurityPreference",
        action: "GetSecurityPreference",
        parameter: None,
        kind: Some(Kind::SecurityPreference),
        inside: "\"LoginNetworkMasks\":\"",
        without: &[],
        reply: || {
            let preference = json!({
                "AccessKeyPreference": { "AllowUserToManageAccessKeys": true },
                "LoginProfilePreference": { "LoginNetworkMasks": "10.0.0.0/8", "LoginSessionDuration": 6 },
                "MFAPreference": { "AllowUserToManageMFADevices": true },
            });
            json!({ "RequestId": "R", "SecurityPreference": preference })
        },
    },
    Operation {
        name: "ListSAMLProviders",
        action: "ListSAMLProviders",
        parameter: None,
        kind: Some(Kind::IdentityProvider),
        inside: "\"Arn\":\"",
        without: &[],
        reply: || {
            let provider = provider("saml", "SAMLProviderName");
            json!({ "IsTruncated": false, "RequestId": "R", "SAMLProviders": { "SAMLProvider": [provider] } })
        },
    },
    Operation {
        name: "GetSAMLProvider",
        action: "GetSAMLProvider",
        parameter: None,
        kind: Some(Kind::IdentityProvider),
        inside: "\"EncodedSAMLMetadataDocument\":\"",
        without: &[],
        reply: || {
            let mut provider = provider("saml", "SAMLProviderName");
            provider["EncodedSAMLMetadataDocument"] = json!("PG1ldGFkYXRhLz4=");
            json!({ "RequestId": "R", "SAMLProvider": provider })
        },
    },
    Operation {
        name: "ListOIDCProviders",
        action: "ListOIDCProviders",
        parameter: None,
        kind: Some(Kind::IdentityProvider),
        inside: "\"Arn\":\"",
        without: &[],
        reply: || {
            let mut provider = provider("oidc", "OIDCProviderName");
            provider["IssuerUrl"] = json!("https://issuer.example.com");
            provider["ClientIds"] = json!("b,a");
            json!({ "IsTruncated": false, "OIDCProviders": { "OIDCProvider": [provider] }, "RequestId": "R" })
        },
    },
    Operation {
        name: "ListUsers",
        action: "ListUsers",
        parameter: None,
        kind: Some(Kind::User),
        inside: "\"UserId\":\"",
        without: &[],
        reply: || json!({ "IsTruncated": false, "RequestId": "R", "Users": { "User": [user("1", "alice"), user("2", "bob")] } }),
    },
    Operation {
        name: "ListAccessKeys",
        action: "ListAccessKeys",
        parameter: None,
        kind: Some(Kind::AccessKey),
        inside: "\"AccessKeyId\":\"",
        without: &[],
        reply: || {
            let key = json!({ "AccessKeyId": "k-1", "CreateDate": BEFORE, "Status": "Active", "UpdateDate": SINCE });
            json!({ "AccessKeys": { "AccessKey": [key] }, "RequestId": "R" })
        },
    },
    Operation {
        name: "GetLoginProfile",
        action: "GetLoginProfile",
        parameter: None,
        kind: Some(Kind::LoginProfile),
        inside: "\"Status\":\"",
        without: &[],
        reply: || {
            let profile = json!({
                "MFABindRequired": true, "PasswordResetRequired": false, "Status": "Active", "UpdateDate": SINCE,
            });
            json!({ "LoginProfile": profile, "RequestId": "R" })
        },
    },
    Operation {
        name: "GetUserMFAInfo",
        action: "GetUserMFAInfo",
        parameter: None,
        kind: Some(Kind::MfaDevice),
        inside: "\"Type\":\"",
        // Where a device is named, it says nothing more.
        without: &["IsMFAEnable"],
        reply: || json!({ "IsMFAEnable": true, "MFADevice": { "Type": "U2F" }, "RequestId": "R" }),
    },
    Operation {
        name: "ListVirtualMFADevices",
        action: "ListVirtualMFADevices",
        parameter: None,
        kind: Some(Kind::MfaDevice),
        inside: "\"SerialNumber\":\"",
        // A device that is bound to nobody has none.
        without: &["UserId"],
        reply: || {
            let device =
                json!({ "ActivateDate": BEFORE, "SerialNumber": "acs:ram::1:mfa/a", "User": { "UserId": "1" } });
            json!({ "IsTruncated": false, "RequestId": "R", "VirtualMFADevices": { "VirtualMFADevice": [device] } })
        },
    },
    Operation {
        name: "ListGroups",
        action: "ListGroups",
        parameter: None,
        kind: Some(Kind::Group),
        inside: "\"GroupId\":\"",
        without: &[],
        reply: || json!({ "Groups": { "Group": [group()] }, "IsTruncated": false, "RequestId": "R" }),
    },
    Operation {
        name: "ListUsersForGroup",
        action: "ListUsersForGroup",
        parameter: None,
        kind: Some(Kind::Membership),
        inside: "\"UserId\":\"",
        // Members are matched by their ids.
        without: &["UserPrincipalName"],
        reply: || {
            let member = json!({ "JoinDate": BEFORE, "UserId": "1", "UserPrincipalName": principal("alice") });
            json!({ "IsTruncated": false, "RequestId": "R", "Users": { "User": [member] } })
        },
    },
    Operation {
        name: "ListRoles",
        action: "ListRoles",
        parameter: None,
        kind: Some(Kind::Role),
        inside: "\"RoleId\":\"",
        without: &[],
        reply: || json!({ "IsTruncated": false, "RequestId": "R", "Roles": { "Role": [role()] } }),
    },
    Operation {
        name: "GetRole",
        action: "GetRole",
        parameter: None,
        kind: Some(Kind::Role),
        inside: "\"RoleId\":\"",
        without: &["RoleName"],
        reply: || {
            let mut role = role();
            role["AssumeRolePolicyDocument"] = json!(DOCUMENT);
            role["IsServiceLinkedRole"] = json!(false);
            role["RolePrincipalName"] = json!(format!("ops@role.{ACCOUNT}.onaliyunservice.com"));
            for listed in ["Description", "MaxSessionDuration", "CreateDate", "Tags", "Arn"] {
                role.as_object_mut().expect("an object").remove(listed);
            }
            json!({ "RequestId": "R", "Role": role })
        },
    },
    Operation {
        name: "ListPolicies of the account",
        action: "ListPolicies",
        parameter: Some(("PolicyType", "Custom")),
        kind: Some(Kind::Policy),
        inside: "\"PolicyName\":\"",
        without: &["PolicyType"],
        reply: || json!({ "IsTruncated": false, "Policies": { "Policy": [policy("ecs-all", "Custom")] }, "RequestId": "R" }),
    },
    Operation {
        name: "ListPolicies of the system",
        action: "ListPolicies",
        parameter: Some(("PolicyType", "System")),
        kind: Some(Kind::Policy),
        inside: "\"PolicyName\":\"",
        without: &["PolicyType"],
        reply: || json!({ "IsTruncated": false, "Policies": { "Policy": [policy("ReadOnlyAccess", "System")] }, "RequestId": "R" }),
    },
    Operation {
        name: "ListPolicyVersions",
        action: "ListPolicyVersions",
        parameter: None,
        kind: Some(Kind::Policy),
        inside: "\"VersionId\":\"",
        without: &["IsTruncated"],
        reply: || {
            let version = json!({
                "CreateDate": BEFORE, "IsDefaultVersion": true, "PolicyDocument": DOCUMENT, "VersionId": "v1",
            });
            json!({ "PolicyVersions": { "PolicyVersion": [version] }, "RequestId": "R" })
        },
    },
    Operation {
        name: "ListPolicyAttachments",
        action: "ListPolicyAttachments",
        parameter: None,
        kind: Some(Kind::PolicyAttachment),
        inside: "\"PolicyName\":\"",
        without: &[],
        reply: || {
            let role = format!("ops@role.{ACCOUNT}.onaliyunservice.com");
            let attachments = [
                attachment("ecs-all", "Custom", "IMSUser", &principal("alice")),
                attachment("ReadOnlyAccess", "System", "ServiceRole", &role),
                attachment("ReadOnlyAccess", "System", "IMSGroup", &format!("devs@group.{ACCOUNT}.onaliyun.com")),
            ];
            json!({
                "PageNumber": 1, "PageSize": 100, "PolicyAttachments": { "PolicyAttachment": attachments },
                "RequestId": "R", "TotalCount": 3,
            })
        },
    },
    Operation {
        name: "DescribeRegions",
        action: "DescribeRegions",
        parameter: None,
        kind: Some(Kind::Instance),
        inside: "\"RegionId\":\"",
        without: &[],
        reply: || json!({ "Regions": { "Region": [{ "RegionId": "eu-central-1" }] }, "RequestId": "R" }),
    },
    Operation {
        name: "DescribeInstances",
        action: "DescribeInstances",
        parameter: None,
        kind: Some(Kind::Instance),
        inside: "\"InstanceId\":\"",
        without: &[],
        reply: || json!({ "Instances": { "Instance": [instance()] }, "NextToken": "", "RequestId": "R" }),
    },
    Operation {
        name: "DescribeInstanceRamRole",
        action: "DescribeInstanceRamRole",
        parameter: None,
        kind: Some(Kind::Instance),
        inside: "\"InstanceId\":\"",
        without: &[],
        reply: || {
            let role = json!({ "InstanceId": "i-1", "RamRoleName": "ops" });
            json!({ "InstanceRamRoleSets": { "InstanceRamRoleSet": [role] }, "RequestId": "R", "TotalCount": 1 })
        },
    },
];

/// What the services answer when nothing is wrong.
pub(crate) fn well(call: &Call) -> Says {
    let operation = OPERATIONS.iter().find(|operation| operation.is_called_by(call));
    Says::ok(operation.expect("a reading calls nothing else").reply().to_string())
}

fn principal(name: &str) -> String {
    format!("{name}@{ACCOUNT}.onaliyun.com")
}

fn tags() -> Value {
    json!({ "Tag": [{ "TagKey": "team", "TagValue": "core" }] })
}

fn user(id: &str, name: &str) -> Value {
    json!({
        "Comments": "on call", "CreateDate": BEFORE, "DisplayName": name, "Email": format!("{name}@example.com"),
        "MobilePhone": "86-13000000000", "ProvisionType": "Manual", "Status": "active", "Tags": tags(),
        "UpdateDate": SINCE, "UserId": id, "UserPrincipalName": principal(name),
    })
}

fn group() -> Value {
    json!({
        "Comments": "builds", "CreateDate": BEFORE, "DisplayName": "developers", "GroupId": "g-1", "GroupName": "devs",
        "UpdateDate": SINCE,
    })
}

fn provider(of_type: &str, name: &str) -> Value {
    json!({
        "Arn": format!("acs:ram::1:{of_type}-provider/okta"), "CreateDate": BEFORE, "Description": "sign-on", name: "okta",
        "UpdateDate": SINCE,
    })
}

fn role() -> Value {
    json!({
        "Arn": "acs:ram::1:role/ops", "CreateDate": BEFORE, "Description": "operators", "MaxSessionDuration": 3600,
        "RoleId": "r-1", "RoleName": "ops", "Tags": tags(), "UpdateDate": SINCE,
    })
}

fn policy(name: &str, of_type: &str) -> Value {
    json!({
        "CreateDate": BEFORE, "DefaultVersion": "v1", "Description": "all of ECS", "PolicyName": name,
        "PolicyType": of_type, "Tags": tags(), "UpdateDate": SINCE,
    })
}

fn attachment(policy: &str, policy_type: &str, principal_type: &str, principal: &str) -> Value {
    json!({
        "AttachDate": BEFORE, "PolicyName": policy, "PolicyType": policy_type, "PrincipalName": principal,
        "PrincipalType": principal_type, "ResourceGroupId": ACCOUNT,
    })
}

fn instance() -> Value {
    json!({
        "CreationTime": "2025-06-01T08:00Z", "InstanceId": "i-1", "InstanceName": "web", "Status": "Running",
        "Tags": tags(), "VpcAttributes": { "VpcId": "vpc-1" },
    })
}
