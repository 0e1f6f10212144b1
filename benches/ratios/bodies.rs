//! The pages of a made-up account as the services send them.

use jiff::Timestamp;
use ramstream::model::{Kind, Millis, Tag, membership::Membership, policy::Policy, policy_attachment::WHOLE_ACCOUNT};
use serde_json::{Value, json};

use crate::account::{self, Size};

/// The bodies of every page of one reading; users, groups and roles are listed twice and parsed twice.
pub(crate) struct Bodies {
    pub(crate) users: Vec<Vec<u8>>,
    pub(crate) groups: Vec<Vec<u8>>,
    pub(crate) roles: Vec<Vec<u8>>,
    pub(crate) custom_policies: Vec<Vec<u8>>,
    pub(crate) system_policies: Vec<Vec<u8>>,
    /// One listing per group, in the order of the groups.
    pub(crate) members: Vec<Vec<u8>>,
    pub(crate) attachments: Vec<Vec<u8>>,
}

impl Bodies {
    pub(crate) fn of(size: &Size) -> Self {
        let mut members = vec![Vec::new(); size.groups];
        for row in (0..size.memberships).map(|n| account::membership(size, n)) {
            let group = (0..size.groups).find(|group| account::group(*group).group_id == row.group_id);
            members[group.unwrap_or_default()].push(member(&row));
        }
        let attachments: Vec<Value> = (0..size.attachments).map(|n| attachment(size, n)).collect();
        let total = attachments.len();
        let numbered = attachments.chunks(100).enumerate().map(|(page, rows)| {
            body(json!({ "PageNumber": page + 1, "PageSize": 100, "TotalCount": total,
                "PolicyAttachments": { "PolicyAttachment": rows } }))
        });
        Self {
            users: marked("Users", "User", 1_000, (0..size.users).map(user)),
            groups: marked("Groups", "Group", 1_000, (0..size.groups).map(group)),
            roles: marked("Roles", "Role", 1_000, (0..size.roles).map(role)),
            custom_policies: marked(
                "Policies",
                "Policy",
                1_000,
                (0..size.custom_policies).map(|n| policy(&account::custom_policy(n))),
            ),
            system_policies: marked(
                "Policies",
                "Policy",
                1_000,
                (0..size.system_policies).map(|n| policy(&account::system_policy(n))),
            ),
            members: members.into_iter().flat_map(|rows| marked("Users", "User", 1_000, rows)).collect(),
            attachments: numbered.collect(),
        }
    }

    /// Bytes of all pages, as often as they are parsed.
    pub(crate) fn bytes(&self) -> usize {
        let once = [&self.custom_policies, &self.system_policies, &self.members, &self.attachments];
        let twice = [&self.users, &self.groups, &self.roles];
        let sum = |pages: &Vec<Vec<u8>>| pages.iter().map(Vec::len).sum::<usize>();
        once.into_iter().map(sum).sum::<usize>() + 2 * twice.into_iter().map(sum).sum::<usize>()
    }
}

fn body(mut fields: Value) -> Vec<u8> {
    fields["RequestId"] = json!("5B1C9F2A-6C7E-5D1B-9C60-2B1D9A4E7F13");
    fields.to_string().into_bytes()
}

fn marked(outer: &str, inner: &str, page_size: usize, rows: impl IntoIterator<Item = Value>) -> Vec<Vec<u8>> {
    let rows: Vec<Value> = rows.into_iter().collect();
    let pages = rows.len().div_ceil(page_size).max(1);
    let page = |page: usize| {
        let end = rows.len().min((page + 1) * page_size);
        let mut fields = json!({ "IsTruncated": page + 1 < pages });
        if page + 1 < pages {
            fields["Marker"] = json!("MTAwMDpuZXh0");
        }
        fields[outer] = json!({ inner: rows[page * page_size..end] });
        body(fields)
    };
    (0..pages).map(page).collect()
}

fn date(date: Option<Millis>) -> Value {
    date.and_then(|date| Timestamp::from_millisecond(date.0).ok()).map_or(json!(""), |date| json!(date.to_string()))
}

fn tags(tags: &[Tag]) -> Value {
    let tags: Vec<Value> = tags.iter().map(|tag| json!({ "TagKey": tag.key, "TagValue": tag.value })).collect();
    json!({ "Tag": tags })
}

fn text(text: Option<&String>) -> &str {
    text.map_or("", String::as_str)
}

fn user(n: usize) -> Value {
    let user = account::user(n);
    json!({
        "UserId": user.user_id,
        "UserPrincipalName": user.user_principal_name,
        "DisplayName": text(user.display_name.as_ref()),
        "Comments": text(user.comments.as_ref()),
        "Email": text(user.email.as_ref()),
        "MobilePhone": text(user.mobile_phone.as_ref()),
        "ProvisionType": text(user.provision_type.as_ref()),
        "Status": if user.status == "frozen" { "freeze" } else { &user.status },
        "LastLoginDate": "",
        "CreateDate": date(user.create_date),
        "UpdateDate": date(user.update_date),
        "Tags": tags(&user.tags),
    })
}

fn group(n: usize) -> Value {
    let group = account::group(n);
    json!({
        "GroupId": group.group_id,
        "GroupName": group.group_name,
        "DisplayName": text(group.display_name.as_ref()),
        "Comments": text(group.comments.as_ref()),
        "CreateDate": date(group.create_date),
        "UpdateDate": date(group.update_date),
    })
}

fn role(n: usize) -> Value {
    let role = account::role(n);
    json!({
        "RoleId": role.role_id,
        "RoleName": role.role_name,
        "Arn": format!("acs:ram::{}:role/{}", account::ID, role.role_name),
        "Description": text(role.description.as_ref()),
        "MaxSessionDuration": role.max_session_duration_secs,
        "CreateDate": date(role.create_date),
        "UpdateDate": date(role.update_date),
        "Tags": tags(&role.tags),
    })
}

fn policy(policy: &Policy) -> Value {
    json!({
        "PolicyName": policy.policy_name,
        "PolicyType": if policy.policy_type.as_str() == "custom" { "Custom" } else { "System" },
        "Description": policy.description.as_deref().unwrap_or("Provides read-only access"),
        "DefaultVersion": text(policy.default_version.as_ref()),
        "AttachmentCount": 3,
        "CreateDate": date(policy.create_date),
        "UpdateDate": date(policy.update_date),
        "Tags": tags(&policy.tags),
    })
}

fn member(row: &Membership) -> Value {
    json!({
        "UserId": row.user_id,
        "UserPrincipalName": "alexandra.smith@example.onaliyun.com",
        "DisplayName": "Alexandra Smith",
        "JoinDate": date(row.join_date),
    })
}

fn attachment(size: &Size, n: usize) -> Value {
    let row = account::attachment(size, n);
    let index = n % (size.users + size.groups + size.roles);
    let (principal_type, principal_name) = match row.principal_type {
        Kind::User => ("IMSUser", account::user(index).user_principal_name),
        Kind::Group => {
            ("IMSGroup", format!("{}@group.example.onaliyun.com", account::group(index - size.users).group_name))
        }
        _ => {
            let role = account::role(index - size.users - size.groups);
            ("ServiceRole", format!("{}@role.example.onaliyunservice.com", role.role_name))
        }
    };
    json!({
        "PolicyType": if row.policy_type.as_str() == "custom" { "Custom" } else { "System" },
        "PolicyName": row.policy_name,
        "PrincipalType": principal_type,
        "PrincipalName": principal_name,
        "ResourceGroupId": if row.scope == WHOLE_ACCOUNT { account::ID } else { row.scope.as_str() },
        "Description": "Provides read-only access",
        "AttachDate": date(row.attach_date),
    })
}
