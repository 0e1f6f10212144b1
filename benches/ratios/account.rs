//! Made-up accounts as they look once they are read: collections of entities.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ramstream::model::{
    Collection, Complete, Document, Entity, Found, Key, Kind, Millis, Tag, Window,
    access_key::AccessKey,
    account::Account,
    group::Group,
    login_profile::LoginProfile,
    membership::Membership,
    mfa_device::{MfaDevice, VIRTUAL},
    policy::{Policy, PolicyType, PolicyVersion},
    policy_attachment::{PolicyAttachment, WHOLE_ACCOUNT},
    role::Role,
    user::User,
};

/// The account id.
pub(crate) const ID: &str = "5481250658560000";

/// How much of everything there is.
pub(crate) struct Size {
    pub(crate) users: usize,
    pub(crate) groups: usize,
    pub(crate) memberships: usize,
    pub(crate) roles: usize,
    pub(crate) custom_policies: usize,
    pub(crate) system_policies: usize,
    pub(crate) attachments: usize,
    pub(crate) access_keys: usize,
    pub(crate) login_profiles: usize,
    pub(crate) mfa_devices: usize,
}

impl Size {
    /// The largest account that the documented quotas allow, filled up with system policies to 270,000 entities
    /// (the account itself is one).
    pub(crate) const LARGEST: Self = Self {
        users: 5_000,
        groups: 300,
        memberships: 50_000,
        roles: 1_000,
        custom_policies: 1_500,
        system_policies: 3_199,
        attachments: 189_000,
        access_keys: 10_000,
        login_profiles: 5_000,
        mfa_devices: 5_000,
    };

    /// As many users as an account can have, each with all that a user signs in with, and little else.
    pub(crate) const MOST_USERS: Self =
        Self { users: 5_000, access_keys: 10_000, login_profiles: 5_000, mfa_devices: 5_000, ..Self::USUAL };

    /// The account of which the best complete peer needs 32 s and 1,803 calls.
    pub(crate) const USUAL: Self = Self {
        users: 1_000,
        groups: 50,
        memberships: 636,
        roles: 200,
        custom_policies: 100,
        system_policies: 1_000,
        attachments: 1_250,
        access_keys: 0,
        login_profiles: 0,
        mfa_devices: 0,
    };

    /// What changes in a large company over some days: mostly people and grants.
    pub(crate) const MIXED: Self = Self {
        users: 300,
        groups: 20,
        memberships: 250,
        roles: 60,
        custom_policies: 20,
        system_policies: 20,
        attachments: 330,
        access_keys: 60,
        login_profiles: 30,
        mfa_devices: 30,
    };

    /// Count of all entities.
    pub(crate) fn entities(&self) -> usize {
        let Self { users, groups, memberships, roles, custom_policies, system_policies, attachments, .. } = self;
        let Self { access_keys, login_profiles, mfa_devices, .. } = self;
        let sign_in = access_keys + login_profiles + mfa_devices;
        1 + users + groups + memberships + roles + custom_policies + system_policies + attachments + sign_in
    }
}

/// The account itself.
pub(crate) fn itself() -> Account {
    Account {
        alias: Some("example".to_owned()),
        root_mfa_enabled: Some(true),
        default_domain: Some("example.onaliyun.com".to_owned()),
    }
}

/// The account of this size, every collection read completely.
pub(crate) fn collections(size: &Size) -> BTreeMap<Kind, Collection> {
    let policies = (0..size.custom_policies).map(custom_policy).chain((0..size.system_policies).map(system_policy));
    let all = [
        whole([itself()]),
        whole((0..size.users).map(user)),
        whole((0..size.groups).map(group)),
        whole((0..size.roles).map(role)),
        whole(policies),
        whole((0..size.memberships).map(|n| membership(size, n))),
        whole((0..size.attachments).map(|n| attachment(size, n))),
        whole((0..size.access_keys).map(|n| access_key(size, n))),
        whole((0..size.login_profiles).map(login_profile)),
        whole((0..size.mfa_devices).map(mfa_device)),
    ];
    all.into_iter().map(|collection| (collection.kind(), collection)).collect()
}

fn whole<E: Entity>(entities: impl IntoIterator<Item = E>) -> Collection {
    let found = |entity: E| -> (Key, Found) {
        let json = serde_json::to_string(&entity).expect("an entity has string keys only");
        (entity.key(ID), Found::Known(json.into()))
    };
    let at = Timestamp::from_second(1_760_000_000).expect("in range");
    let window = Window { begun_at: at, ended_at: at };
    Collection::whole(E::KIND, Complete::proven(entities.into_iter().map(found).collect(), window))
}

/// Dates spread over some years.
fn date(n: usize) -> Option<Millis> {
    Some(Millis(1_640_000_000_000 + i64::try_from(n).expect("small") * 347_000))
}

fn user_id(n: usize) -> String {
    format!("24415{n:06}7930001")
}

fn group_id(n: usize) -> String {
    format!("g-{n:06}qYkL2vW8Zp")
}

fn role_id(n: usize) -> String {
    format!("30412{n:06}1145772")
}

fn system_policy_name(n: usize) -> String {
    format!("AliyunProduct{n}ReadOnlyAccess")
}

fn custom_policy_name(n: usize) -> String {
    format!("product-{n}-Production-ReadOnly")
}

fn tags(n: usize) -> Vec<Tag> {
    let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
    if n.is_multiple_of(4) { vec![tag("owner", "platform"), tag("team", "data")] } else { Vec::new() }
}

pub(crate) fn user(n: usize) -> User {
    User {
        user_id: user_id(n),
        user_name: format!("alexandra.smith{n}"),
        user_principal_name: format!("alexandra.smith{n}@example.onaliyun.com"),
        display_name: Some(format!("Alexandra Smith {n}")),
        comments: n.is_multiple_of(3).then(|| "Data platform team".to_owned()),
        email: n.is_multiple_of(2).then(|| format!("alexandra.smith{n}@example.com")),
        mobile_phone: n.is_multiple_of(4).then(|| format!("86-1380000{:04}", n % 10_000)),
        status: if n.is_multiple_of(30) { "frozen" } else { "active" }.to_owned(),
        provision_type: Some("Manual".to_owned()),
        tags: tags(n),
        create_date: date(n),
        update_date: date(n + 1),
    }
}

pub(crate) fn group(n: usize) -> Group {
    Group {
        group_id: group_id(n),
        group_name: format!("operations-{n}"),
        display_name: Some(format!("Operations {n}")),
        comments: Some(format!("Members of operations-{n}")),
        create_date: date(n),
        update_date: date(n + 1),
    }
}

pub(crate) fn role(n: usize) -> Role {
    let trust = r#"{"Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":["ecs.aliyuncs.com"]}}],"Version":"1"}"#;
    Role {
        role_id: role_id(n),
        role_name: format!("product{n}-operator"),
        description: Some(format!("Operates product {n}")),
        trust_policy: Some(Document::new(trust)),
        max_session_duration_secs: Some(3_600),
        service_linked: Some(n.is_multiple_of(4)),
        tags: tags(n),
        create_date: date(n),
        update_date: date(n + 1),
    }
}

pub(crate) fn custom_policy(n: usize) -> Policy {
    let document = |version: usize| {
        let statement = format!(
            r#"{{"Effect":"Allow","Action":["product{n}:Get*","product{n}:List*","product{n}:Describe*"],"Resource":["acs:product{n}:*:{ID}:production-{version}/*"],"Condition":{{"IpAddress":{{"acs:SourceIp":["10.0.0.0/8"]}}}}}}"#
        );
        Document::new(format!(r#"{{"Version":"1","Statement":[{statement},{statement}]}}"#))
    };
    let count = n % 5 + 1;
    let versions = (1..=count).map(|v| PolicyVersion {
        version_id: format!("v{v}"),
        create_date: date(n + v),
        document: Some(document(v)),
    });
    Policy {
        policy_type: PolicyType::Custom,
        policy_name: custom_policy_name(n),
        description: Some("Production only".to_owned()),
        default_version: Some(format!("v{count}")),
        default_document: Some(document(count)),
        versions: versions.collect(),
        tags: tags(n),
        create_date: date(n),
        update_date: date(n + 1),
    }
}

pub(crate) fn system_policy(n: usize) -> Policy {
    Policy {
        policy_type: PolicyType::System,
        policy_name: system_policy_name(n),
        description: None,
        default_version: Some("v3".to_owned()),
        default_document: None,
        versions: Vec::new(),
        tags: Vec::new(),
        create_date: None,
        update_date: None,
    }
}

/// Round by round every user joins one more group.
pub(crate) fn membership(size: &Size, n: usize) -> Membership {
    let (round, user) = (n / size.users, n % size.users);
    Membership { group_id: group_id((user * 7 + round) % size.groups), user_id: user_id(user), join_date: date(n) }
}

/// Round by round every principal gets one more policy: up to twenty system ones, then custom ones.
pub(crate) fn attachment(size: &Size, n: usize) -> PolicyAttachment {
    let principals = size.users + size.groups + size.roles;
    let (round, index) = (n / principals, n % principals);
    let (principal_type, principal_id) = if index < size.users {
        (Kind::User, user_id(index))
    } else if index < size.users + size.groups {
        (Kind::Group, group_id(index - size.users))
    } else {
        (Kind::Role, role_id(index - size.users - size.groups))
    };
    let (policy_type, policy_name) = match round.checked_sub(20) {
        None => (PolicyType::System, system_policy_name((index * 13 + round) % size.system_policies)),
        Some(round) => (PolicyType::Custom, custom_policy_name((index * 13 + round) % size.custom_policies)),
    };
    let scope = if n.is_multiple_of(10) { "rg-acfmxazb4ph6aiy".to_owned() } else { WHOLE_ACCOUNT.to_owned() };
    PolicyAttachment { policy_type, policy_name, principal_type, principal_id, scope, attach_date: date(n) }
}

pub(crate) fn access_key(size: &Size, n: usize) -> AccessKey {
    AccessKey {
        access_key_id: format!("LTAI5t{n:08}Kq7Bv2Xw"),
        user_id: user_id(n % size.users),
        status: if n.is_multiple_of(5) { "inactive" } else { "active" }.to_owned(),
        create_date: date(n),
        update_date: date(n + 1),
    }
}

pub(crate) fn login_profile(n: usize) -> LoginProfile {
    LoginProfile {
        user_id: user_id(n),
        status: "active".to_owned(),
        mfa_bind_required: Some(n.is_multiple_of(2)),
        password_reset_required: Some(false),
        update_date: date(n),
    }
}

pub(crate) fn mfa_device(n: usize) -> MfaDevice {
    MfaDevice {
        user_id: user_id(n),
        device_type: VIRTUAL.to_owned(),
        serial_number: Some(format!("acs:ram::{ID}:mfa/device-{n}")),
        activate_date: date(n),
    }
}
