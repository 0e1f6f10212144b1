//! The account's own life: what people do to it while it is read.
//!
//! Everything goes through the operations that people use, on a small world of names, so that names are
//! given up, taken over and swapped, and whoever comes back comes back under the old name. What the service
//! refuses (a name that is taken, a group that is not empty) did not happen; the truth log knows what did.

use rand::{Rng, rngs::StdRng};

/// A call of a write operation: version, action, parameters.
pub(crate) type Write = (&'static str, &'static str, Vec<(&'static str, String)>);

const RAM: &str = "2015-05-01";
pub(crate) const ECS: &str = "2014-05-26";
const IMS: &str = "2019-08-15";

/// How many names of each kind there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    pub(crate) users: u8,
    pub(crate) groups: u8,
    pub(crate) roles: u8,
    pub(crate) policies: u8,
}

impl Names {
    /// Between 2 and 40 things in all.
    pub(crate) fn draw(random: &mut StdRng) -> Self {
        Self {
            users: random.random_range(2..=18),
            groups: random.random_range(0..=6),
            roles: random.random_range(0..=6),
            policies: random.random_range(0..=6),
        }
    }
}

/// One thing that people do. Numbers are names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deed {
    CreateUser(u8),
    DeleteUser(u8),
    CommentUser(u8, u16),
    /// Display name and e-mail.
    DescribeUser(u8, u16),
    RenameUser(u8, u8),
    SwapUsers(u8, u8),
    ReuseName(u8),
    Freeze(u8),
    Unfreeze(u8),
    CreateGroup(u8),
    DeleteGroup(u8),
    RenameGroup(u8, u8),
    DescribeGroup(u8, u16),
    Join(u8, u8),
    Leave(u8, u8),
    Rejoin(u8, u8),
    CreateRole(u8),
    DeleteRole(u8),
    RetrustRole(u8, u16),
    /// Description and session duration.
    DescribeRole(u8, u16),
    /// With a description and a tag.
    CreatePolicy(u8, u16),
    /// The same name with another description and tag.
    RemakePolicy(u8, u16),
    DeletePolicy(u8),
    NewVersion(u8, u16),
    Attach(Principal, u8),
    Detach(Principal, u8),
    CreateKey(u8),
    DeleteKeys(u8),
    AllowSignIn(u8),
    ChangeSignIn(u8, u16),
    ForbidSignIn(u8),
    BindDevice(u8),
    UnbindDevice(u8),
    SetAlias(u8),
    RootMfa(bool),
    SetPasswordPolicy(u16),
    SetSecurityPreference(u16),
    CreateProvider(Provider),
    UpdateProvider(Provider, u16),
    DeleteProvider(Provider),
    RemakeProvider(Provider),
    ClearAlias,
    /// Everybody leaves.
    DeleteAllUsers,
    /// Nobody is in any group any more.
    EmptyAllGroups,
    /// Comes and goes before anybody looks.
    Flicker(u8),
    RunInstance(u8),
    DeleteInstance(u8),
    RenameInstance(u8, u16),
    StartInstance(u8),
    StopInstance(u8),
    TagInstance(u8, u16),
    UntagInstance(u8),
    /// An instance carries this role from now on, or none.
    GiveRole(u8, Option<u8>),
    RecreateInstance(u8),
}

/// The policy that is named like one of the service's own.
const CLASH: u8 = 0;

/// The regions that an account can use; tests on Kafka let one go.
const REGIONS: [&str; 3] = ["cn-hangzhou", "ap-southeast-1", "eu-central-1"];

/// How many instances there can be.
const INSTANCES: u8 = 6;

/// An identity provider; numbers are names.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Provider {
    Saml(u8),
    Oidc(u8),
}

/// Who gets a policy.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Principal {
    User(u8),
    Group(u8),
    Role(u8),
}

/// What is to be asked of the service for a deed, or of its control address.
pub(crate) enum Asked {
    Call(Write),
    Freeze {
        user: String,
        frozen: bool,
    },
    /// Every key that the user has by then.
    DeleteKeys {
        user: String,
    },
    /// A virtual device of the user's name, made where there is none.
    BindDevice {
        user: String,
    },
    /// A call about the instance with this name, which the account has another name for.
    Instance {
        name: String,
        action: &'static str,
        parameters: Vec<(&'static str, String)>,
    },
    Recreate {
        name: String,
    },
    RootMfa(bool),
}

impl Deed {
    /// What it is counted as, if these operations were done and these users are left.
    pub(crate) fn counted_as(self, done: &[&str], users_left: usize) -> Option<&'static str> {
        let is_done = |operation| done.contains(&operation);
        let (name, is_whole) = match self {
            Self::RenameUser(..) => ("renamed", is_done("UpdateUser")),
            Self::RenameGroup(..) => ("renamed", is_done("UpdateGroup")),
            Self::SwapUsers(..) => ("names swapped", done.len() == 3),
            Self::ReuseName(_) => ("name reused", is_done("DeleteUser") && is_done("CreateUser")),
            Self::CommentUser(..) => ("text in Unicode", is_done("UpdateUser")),
            Self::RenameInstance(..) => ("text in Unicode", is_done("ModifyInstanceAttribute")),
            Self::CreatePolicy(CLASH, _) => ("policy named like the service's", is_done("CreatePolicy")),
            Self::DeleteAllUsers => ("all users deleted", is_done("DeleteUser") && users_left == 0),
            _ => return None,
        };
        is_whole.then_some(name)
    }

    /// Whether it makes or ends an edge, or one of its ends.
    pub(crate) fn is_about_an_edge(self) -> bool {
        matches!(
            self,
            Self::CreateUser(_)
                | Self::DeleteUser(_)
                | Self::CreateGroup(_)
                | Self::DeleteGroup(_)
                | Self::Flicker(_)
                | Self::Join(..)
                | Self::Leave(..)
                | Self::Rejoin(..)
                | Self::Attach(..)
                | Self::Detach(..)
        )
    }

    /// One at random.
    pub(crate) fn draw(random: &mut StdRng, names: Names) -> Self {
        let user = random.random_range(0..names.users);
        let other = random.random_range(0..names.users);
        let group = random.random_range(0..names.groups.max(1));
        let role = random.random_range(0..names.roles.max(1));
        let policy = random.random_range(0..names.policies.max(1) + 2);
        let number = random.random_range(0..u16::MAX);
        let principal = match random.random_range(0..3) {
            0 => Principal::User(user),
            1 => Principal::Group(group),
            _ => Principal::Role(role),
        };
        let instance = random.random_range(0..INSTANCES);
        let provider = if number % 2 == 0 { Provider::Saml(user % 3) } else { Provider::Oidc(user % 3) };
        match random.random_range(0..108) {
            0..=5 => Self::CreateUser(user),
            6..=8 => Self::DeleteUser(user),
            9 => Self::CommentUser(user, number),
            10..=11 => Self::DescribeUser(user, number),
            12..=13 => Self::RenameUser(user, other),
            14 => Self::SwapUsers(user, other),
            15..=16 => Self::ReuseName(user),
            17..=18 => Self::Freeze(user),
            19 => Self::Unfreeze(user),
            20..=22 => Self::CreateGroup(group),
            23 => Self::DeleteGroup(group),
            24 if number % 2 == 0 => Self::DescribeGroup(group, number),
            24 => Self::RenameGroup(group, other),
            25..=29 => Self::Join(group, user),
            30..=32 => Self::Leave(group, user),
            33 => Self::Rejoin(group, user),
            34..=35 => Self::CreateRole(role),
            36 => Self::DeleteRole(role),
            37 => Self::RetrustRole(role, number),
            38 => Self::DescribeRole(role, number),
            39 => Self::CreatePolicy(policy, number),
            40 => Self::RemakePolicy(policy, number),
            41 => Self::DeletePolicy(policy),
            42..=43 => Self::NewVersion(policy, number),
            44..=48 => Self::Attach(principal, policy),
            49..=51 => Self::Detach(principal, policy),
            52 => Self::SetAlias(user),
            53 => Self::ClearAlias,
            54..=55 => Self::Flicker(user),
            66..=69 => Self::RunInstance(instance),
            70..=71 => Self::DeleteInstance(instance),
            72 => Self::RenameInstance(instance, number),
            73..=75 => Self::GiveRole(instance, (number % 3 > 0).then_some(role)),
            76 => Self::RecreateInstance(instance),
            56 => Self::RootMfa(number % 2 == 0),
            57 => Self::SetPasswordPolicy(number),
            58 => Self::SetSecurityPreference(number),
            59..=61 => Self::CreateProvider(provider),
            62..=63 => Self::UpdateProvider(provider, number),
            64 => Self::DeleteProvider(provider),
            65 => Self::RemakeProvider(provider),
            77 if number % 4 == 0 => Self::StartInstance(instance),
            77 if number % 4 == 1 => Self::StopInstance(instance),
            77 if number % 4 == 2 => Self::UntagInstance(instance),
            77 => Self::TagInstance(instance, number),
            78..=81 => Self::CreateKey(user),
            82 => Self::DeleteKeys(user),
            83..=86 => Self::AllowSignIn(user),
            87 => Self::ChangeSignIn(user, number),
            88 => Self::ForbidSignIn(user),
            89..=92 => Self::BindDevice(user),
            93..=94 => Self::UnbindDevice(user),
            95..=98 => Self::CommentUser(user, number),
            99..=102 => Self::RenameUser(user, other),
            103..=105 => Self::ReuseName(user),
            _ => Self::SwapUsers(user, other),
        }
    }

    /// What is asked, in this order.
    pub(crate) fn asked(self, names: Names) -> Vec<Asked> {
        let calls = match self {
            Self::CreateUser(user) => vec![create_user(&user_name(user))],
            Self::DeleteUser(user) => delete_user(user, names),
            Self::CommentUser(user, number) => {
                let field = if number % 2 == 0 { "NewComments" } else { "NewDisplayName" };
                let text = format!("Zoë 王五 🙂 {number}");
                vec![ram("UpdateUser", [("UserName", user_name(user)), (field, text)])]
            }
            Self::DescribeUser(user, number) => {
                let email = ("NewEmail", format!("user-{number}@example.com"));
                let display_name = ("NewDisplayName", format!("user {number}"));
                vec![ram("UpdateUser", [("UserName", user_name(user)), display_name, email])]
            }
            Self::RenameUser(user, to) => vec![rename_user(&user_name(user), &format!("renamed-{to}"))],
            Self::SwapUsers(one, other) => vec![
                rename_user(&user_name(one), "between"),
                rename_user(&user_name(other), &user_name(one)),
                rename_user("between", &user_name(other)),
            ],
            Self::ReuseName(user) => {
                let mut calls = delete_user(user, names);
                calls.push(create_user(&user_name(user)));
                calls
            }
            Self::Freeze(user) => return vec![Asked::Freeze { user: user_name(user), frozen: true }],
            Self::Unfreeze(user) => return vec![Asked::Freeze { user: user_name(user), frozen: false }],
            Self::CreateGroup(group) => vec![ram("CreateGroup", [("GroupName", group_name(group))])],
            Self::DeleteGroup(group) => delete_group(group, names),
            Self::RenameGroup(group, to) => {
                let renamed = ("NewGroupName", format!("renamed-group-{to}"));
                vec![ram("UpdateGroup", [("GroupName", group_name(group)), renamed])]
            }
            Self::DescribeGroup(group, number) => {
                let display_name = ("NewDisplayName", format!("group {number}"));
                vec![ram("UpdateGroup", [("GroupName", group_name(group)), display_name])]
            }
            Self::Join(group, user) => vec![membership("AddUserToGroup", group, user)],
            Self::Leave(group, user) => vec![membership("RemoveUserFromGroup", group, user)],
            Self::Rejoin(group, user) => {
                vec![membership("RemoveUserFromGroup", group, user), membership("AddUserToGroup", group, user)]
            }
            Self::CreateRole(role) => {
                let trust = ("AssumeRolePolicyDocument", trust(0));
                vec![ram("CreateRole", [("RoleName", role_name(role)), trust])]
            }
            Self::DeleteRole(role) => delete_role(role, names),
            Self::RetrustRole(role, number) => {
                let trust = ("NewAssumeRolePolicyDocument", trust(number));
                vec![ram("UpdateRole", [("RoleName", role_name(role)), trust])]
            }
            Self::DescribeRole(role, number) => {
                let description = ("NewDescription", format!("role {number}"));
                let duration = ("NewMaxSessionDuration", (3_600 + u32::from(number) % 1_000).to_string());
                vec![ram("UpdateRole", [("RoleName", role_name(role)), description, duration])]
            }
            Self::CreatePolicy(policy, number) => vec![create_policy(policy, number)],
            Self::RemakePolicy(policy, number) => {
                let mut calls = delete_policy(policy, names);
                calls.push(create_policy(policy, number));
                calls
            }
            Self::DeletePolicy(policy) => delete_policy(policy, names),
            Self::NewVersion(policy, number) => vec![ram(
                "CreatePolicyVersion",
                [
                    ("PolicyName", policy_name(policy)),
                    ("PolicyDocument", document(number)),
                    ("SetAsDefault", (number % 2 == 0).to_string()),
                    ("RotateStrategy", "DeleteOldestNonDefaultVersionWhenLimitExceeded".to_owned()),
                ],
            )],
            Self::Attach(principal, policy) => vec![attach(principal, policy)],
            Self::Detach(principal, policy) => vec![detach(principal, policy)],
            Self::CreateKey(user) => vec![ram("CreateAccessKey", [("UserName", user_name(user))])],
            Self::DeleteKeys(user) => return vec![Asked::DeleteKeys { user: user_name(user) }],
            Self::AllowSignIn(user) => {
                let password = ("Password", "correct horse".to_owned());
                vec![ram("CreateLoginProfile", [("UserName", user_name(user)), password])]
            }
            Self::ChangeSignIn(user, number) => {
                let required = ("MFABindRequired", (number % 2 == 0).to_string());
                vec![ram("UpdateLoginProfile", [("UserName", user_name(user)), required])]
            }
            Self::ForbidSignIn(user) => vec![forbid_sign_in(user)],
            Self::BindDevice(user) => return vec![Asked::BindDevice { user: user_name(user) }],
            Self::UnbindDevice(user) => vec![unbind_device(user)],
            Self::SetAlias(number) => vec![ram("SetAccountAlias", [("AccountAlias", format!("alias-{number}"))])],
            Self::ClearAlias => vec![ram("ClearAccountAlias", [])],
            Self::RootMfa(is_enabled) => return vec![Asked::RootMfa(is_enabled)],
            Self::SetPasswordPolicy(number) => {
                let length = ("MinimumPasswordLength", (8 + number % 25).to_string());
                vec![ims("SetPasswordPolicy", [length, ("RequireSymbols", (number % 2 == 0).to_string())])]
            }
            Self::SetSecurityPreference(number) => {
                let masks = ("LoginNetworkMasks", format!("10.{}.0.0/16;10.0.0.0/8", number % 256));
                vec![ims("SetSecurityPreference", [masks, ("LoginSessionDuration", (1 + number % 24).to_string())])]
            }
            Self::CreateProvider(provider) => vec![create_provider(provider)],
            Self::UpdateProvider(provider, number) => vec![update_provider(provider, number)],
            Self::DeleteProvider(provider) => vec![delete_provider(provider)],
            Self::RemakeProvider(provider) => vec![delete_provider(provider), create_provider(provider)],
            Self::DeleteAllUsers => (0..names.users).flat_map(|user| delete_user(user, names)).collect(),
            Self::EmptyAllGroups => (0..names.groups)
                .flat_map(|group| (0..names.users).map(move |user| membership("RemoveUserFromGroup", group, user)))
                .collect(),
            Self::Flicker(user) => {
                let mut calls = vec![create_user(&user_name(user))];
                calls.extend(delete_user(user, names));
                calls
            }
            Self::RunInstance(instance) => {
                let region = REGIONS[usize::from(instance) % REGIONS.len()].to_owned();
                vec![(
                    ECS,
                    "RunInstances",
                    vec![
                        ("RegionId", region),
                        ("InstanceName", instance_name(instance)),
                        ("VpcId", format!("vpc-{}", instance % 2)),
                    ],
                )]
            }
            Self::DeleteInstance(instance) => {
                return vec![of_instance(instance, "DeleteInstance", [("Force", "true".to_owned())])];
            }
            Self::RenameInstance(instance, number) => {
                let renamed = [("InstanceName", format!("実例 {number}"))];
                return vec![of_instance(instance, "ModifyInstanceAttribute", renamed)];
            }
            Self::StartInstance(instance) => return vec![of_instance(instance, "StartInstance", [])],
            Self::StopInstance(instance) => return vec![of_instance(instance, "StopInstance", [])],
            Self::TagInstance(instance, number) => {
                return vec![of_instance(instance, "TagResources", tag(number))];
            }
            Self::UntagInstance(instance) => {
                return vec![of_instance(instance, "UntagResources", [("All", "true".to_owned())])];
            }
            Self::GiveRole(instance, role) => {
                let detach = of_instance(instance, "DetachInstanceRamRole", []);
                let attach = |role| of_instance(instance, "AttachInstanceRamRole", [("RamRoleName", role_name(role))]);
                return [Some(detach), role.map(attach)].into_iter().flatten().collect();
            }
            Self::RecreateInstance(instance) => return vec![Asked::Recreate { name: instance_name(instance) }],
        };
        calls.into_iter().map(Asked::Call).collect()
    }
}

fn ram<const N: usize>(action: &'static str, parameters: [(&'static str, String); N]) -> Write {
    (RAM, action, parameters.into())
}

fn of_instance<const N: usize>(instance: u8, action: &'static str, parameters: [(&'static str, String); N]) -> Asked {
    Asked::Instance { name: instance_name(instance), action, parameters: parameters.into() }
}

fn ims<const N: usize>(action: &'static str, parameters: [(&'static str, String); N]) -> Write {
    (IMS, action, parameters.into())
}

fn create_provider(provider: Provider) -> Write {
    match provider {
        Provider::Saml(number) => ims(
            "CreateSAMLProvider",
            [
                ("SAMLProviderName", provider_name(number)),
                ("EncodedSAMLMetadataDocument", "PG1ldGFkYXRhLz4=".to_owned()),
            ],
        ),
        Provider::Oidc(number) => ims(
            "CreateOIDCProvider",
            [
                ("OIDCProviderName", provider_name(number)),
                ("IssuerUrl", format!("https://issuer-{number}.example.com")),
                ("ClientIds", "b,a".to_owned()),
            ],
        ),
    }
}

fn update_provider(provider: Provider, number: u16) -> Write {
    match provider {
        Provider::Saml(name) => {
            // Base64 of four letters or digits is Base64 of three bytes.
            let metadata = ("NewEncodedSAMLMetadataDocument", format!("{number:04x}"));
            ims("UpdateSAMLProvider", [("SAMLProviderName", provider_name(name)), metadata])
        }
        Provider::Oidc(name) => {
            let client = ("ClientId", format!("client-{number}"));
            ims("AddClientIdToOIDCProvider", [("OIDCProviderName", provider_name(name)), client])
        }
    }
}

fn delete_provider(provider: Provider) -> Write {
    match provider {
        Provider::Saml(number) => ims("DeleteSAMLProvider", [("SAMLProviderName", provider_name(number))]),
        Provider::Oidc(number) => ims("DeleteOIDCProvider", [("OIDCProviderName", provider_name(number))]),
    }
}

fn provider_name(number: u8) -> String {
    format!("provider-{number}")
}

fn create_user(name: &str) -> Write {
    ram("CreateUser", [("UserName", name.to_owned())])
}

fn rename_user(name: &str, to: &str) -> Write {
    ram("UpdateUser", [("UserName", name.to_owned()), ("NewUserName", to.to_owned())])
}

fn membership(action: &'static str, group: u8, user: u8) -> Write {
    ram(action, [("GroupName", group_name(group)), ("UserName", user_name(user))])
}

fn attach(principal: Principal, policy: u8) -> Write {
    let (action, name) = match principal {
        Principal::User(user) => ("AttachPolicyToUser", ("UserName", user_name(user))),
        Principal::Group(group) => ("AttachPolicyToGroup", ("GroupName", group_name(group))),
        Principal::Role(role) => ("AttachPolicyToRole", ("RoleName", role_name(role))),
    };
    ram(action, [name, ("PolicyName", policy_name(policy)), ("PolicyType", policy_type(principal, policy))])
}

fn detach(principal: Principal, policy: u8) -> Write {
    let (action, name) = match principal {
        Principal::User(user) => ("DetachPolicyFromUser", ("UserName", user_name(user))),
        Principal::Group(group) => ("DetachPolicyFromGroup", ("GroupName", group_name(group))),
        Principal::Role(role) => ("DetachPolicyFromRole", ("RoleName", role_name(role))),
    };
    ram(action, [name, ("PolicyName", policy_name(policy)), ("PolicyType", policy_type(principal, policy))])
}

/// Of the two policies of one name, half of the principals get the service's.
fn policy_type(principal: Principal, policy: u8) -> String {
    let (Principal::User(number) | Principal::Group(number) | Principal::Role(number)) = principal;
    if policy == CLASH && number % 2 == 0 { "System" } else { "Custom" }.to_owned()
}

fn delete_user(user: u8, names: Names) -> Vec<Write> {
    let mut calls: Vec<Write> = (0..names.groups).map(|group| membership("RemoveUserFromGroup", group, user)).collect();
    calls.extend(detach_all(Principal::User(user), names));
    calls.extend([forbid_sign_in(user), unbind_device(user)]);
    calls.push(ram("DeleteUser", [("UserName", user_name(user))]));
    calls
}

fn delete_group(group: u8, names: Names) -> Vec<Write> {
    let mut calls: Vec<Write> = (0..names.users).map(|user| membership("RemoveUserFromGroup", group, user)).collect();
    calls.extend(detach_all(Principal::Group(group), names));
    calls.push(ram("DeleteGroup", [("GroupName", group_name(group))]));
    calls
}

fn delete_role(role: u8, names: Names) -> Vec<Write> {
    let mut calls: Vec<Write> = detach_all(Principal::Role(role), names).collect();
    calls.push(ram("DeleteRole", [("RoleName", role_name(role))]));
    calls
}

fn create_policy(policy: u8, number: u16) -> Write {
    let [key, value] = tag(number);
    let description = ("Description", format!("policy {number}"));
    let document = ("PolicyDocument", document(0));
    ram("CreatePolicy", [("PolicyName", policy_name(policy)), document, description, key, value])
}

fn tag(number: u16) -> [(&'static str, String); 2] {
    [("Tag.1.Key", "number".to_owned()), ("Tag.1.Value", number.to_string())]
}

fn delete_policy(policy: u8, names: Names) -> Vec<Write> {
    let principals = (0..names.users)
        .map(Principal::User)
        .chain((0..names.groups).map(Principal::Group))
        .chain((0..names.roles).map(Principal::Role));
    let mut calls: Vec<Write> = principals.map(|principal| detach(principal, policy)).collect();
    calls.push(ram("DeletePolicy", [("PolicyName", policy_name(policy)), ("CascadingDelete", "true".to_owned())]));
    calls
}

fn detach_all(principal: Principal, names: Names) -> impl Iterator<Item = Write> {
    (0..names.policies + 2).map(move |policy| detach(principal, policy))
}

fn forbid_sign_in(user: u8) -> Write {
    ram("DeleteLoginProfile", [("UserName", user_name(user))])
}

fn unbind_device(user: u8) -> Write {
    ram("UnbindMFADevice", [("UserName", user_name(user))])
}

/// The keys of a user in this account, each to be deleted: their ids are given out by the service.
pub(crate) fn delete_keys(account: &serde_json::Value, user: &str) -> Vec<Write> {
    let rows = |table: &str| account[table].as_array().cloned().unwrap_or_default();
    let Some(row) = rows("users").into_iter().find(|row| row["user_name"] == user) else { return Vec::new() };
    let keys = rows("access_keys").into_iter().filter(|key| key["user_id"] == row["user_id"]);
    let id = |key: serde_json::Value| key["access_key_id"].as_str().unwrap_or_default().to_owned();
    let delete = |key| ram("DeleteAccessKey", [("UserName", user.to_owned()), ("UserAccessKeyId", id(key))]);
    keys.map(delete).collect()
}

/// What binds a virtual device to a user, and makes it where there is none.
pub(crate) fn bind_device(account_id: &str, user: &str) -> Vec<Write> {
    let name = format!("device-of-{user}");
    let serial = ("SerialNumber", format!("acs:ram::{account_id}:mfa/{name}"));
    let code = |parameter| (parameter, "123456".to_owned());
    let codes = [code("AuthenticationCode1"), code("AuthenticationCode2")];
    let [first, second] = codes;
    vec![
        ram("CreateVirtualMFADevice", [("VirtualMFADeviceName", name)]),
        ram("BindMFADevice", [("UserName", user.to_owned()), serial, first, second]),
    ]
}

fn user_name(number: u8) -> String {
    format!("user-{number}")
}

fn group_name(number: u8) -> String {
    format!("group-{number}")
}

fn role_name(number: u8) -> String {
    format!("role-{number}")
}

fn policy_name(number: u8) -> String {
    if number == CLASH { "ReadOnlyAccess".to_owned() } else { format!("policy-{number}") }
}

fn instance_name(number: u8) -> String {
    format!("instance-{number}")
}

fn trust(number: u16) -> String {
    let service = format!("service-{number}.aliyuncs.com");
    let principal = serde_json::json!({ "Service": [service] });
    let statement = serde_json::json!([{ "Action": "sts:AssumeRole", "Effect": "Allow", "Principal": principal }]);
    serde_json::json!({ "Statement": statement, "Version": "1" }).to_string()
}

fn document(number: u16) -> String {
    let statement = serde_json::json!([{ "Action": "oss:Get*", "Effect": "Allow", "Resource": format!("r/{number}") }]);
    serde_json::json!({ "Statement": statement, "Version": "1" }).to_string()
}
