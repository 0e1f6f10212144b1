//! Accounts made up from a number: any size that the service allows, the same number always the same account.
//!
//! Promises: names, ids, dates and documents have the services' shapes, and no limit of the service is passed. Takes
//! neither clock nor randomness: everything follows from [`Size`].

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::account::{
    Account, Attachment, Group, Membership, Policy, PolicyType, PolicyVersion, PrincipalType, ResourceGroup, Role, Tag,
    User, UserStatus,
};
use super::ids;
use super::operations::limits;
use super::seed_names::{DEPARTMENTS, FIRST_NAMES, LAST_NAMES, PRODUCTS, UNICODE_NAMES};

/// How much of everything an account holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// RAM users, at most 5,000.
    pub users: usize,
    /// Groups, at most 300.
    pub groups: usize,
    /// Users in groups, at most ten per user.
    pub memberships: usize,
    /// Roles, at most 1,000.
    pub roles: usize,
    /// Custom policies, at most 1,500.
    pub custom_policies: usize,
    /// System policies.
    pub system_policies: usize,
    /// Policies attached, at most 20 system and 10 custom ones per user, group and role.
    pub attachments: usize,
    /// Another number, another account.
    pub seed: u64,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            users: 25,
            groups: 5,
            memberships: 40,
            roles: 8,
            custom_policies: 6,
            system_policies: 40,
            attachments: 60,
            seed: 1,
        }
    }
}

/// The service would not hold an account of that size.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{field}: {wanted} is more than the {most} that such an account can hold; ask for fewer")]
pub struct TooLarge {
    /// The field of [`Size`].
    pub field: &'static str,
    /// What was asked for.
    pub wanted: usize,
    /// What there can be.
    pub most: usize,
}

impl Size {
    /// # Errors
    /// A field above what the service allows.
    fn check(&self) -> Result<(), TooLarge> {
        let principals = self.users + self.groups + self.roles;
        let per_principal = self.system_policies.min(limits::SYSTEM_POLICIES_PER_PRINCIPAL)
            + self.custom_policies.min(limits::CUSTOM_POLICIES_PER_PRINCIPAL);
        let checks = [
            ("users", self.users, limits::USERS),
            ("groups", self.groups, limits::GROUPS),
            ("roles", self.roles, limits::ROLES),
            ("custom_policies", self.custom_policies, limits::CUSTOM_POLICIES),
            ("memberships", self.memberships, self.users * self.groups.min(limits::GROUPS_PER_USER)),
            ("attachments", self.attachments, principals * per_principal),
        ];
        match checks.into_iter().find(|(_, wanted, most)| wanted > most) {
            Some((field, wanted, most)) => Err(TooLarge { field, wanted, most }),
            None => Ok(()),
        }
    }
}

/// Makes up the account of `size`.
///
/// # Errors
/// The service would not hold an account of that size.
pub fn account(size: &Size) -> Result<Account, TooLarge> {
    size.check()?;
    let mut account = Account::empty(ids::account(size.seed));
    account.alias = Some(format!("example-{}", size.seed));
    let mut seeder = Seeder { random: StdRng::seed_from_u64(size.seed), account };
    for n in 0..size.users {
        seeder.user(n);
    }
    for n in 0..size.groups {
        seeder.group(n);
    }
    for n in 0..size.roles {
        seeder.role(n);
    }
    for n in 0..size.system_policies {
        seeder.system_policy(n);
    }
    for n in 0..size.custom_policies {
        seeder.custom_policy(n);
    }
    seeder.resource_groups();
    seeder.memberships(size.memberships);
    seeder.attachments(size.attachments);
    Ok(seeder.account)
}

struct Seeder {
    random: StdRng,
    account: Account,
}

const UNIQUE: &str = "every seeded name carries a number of its own where names run out";

impl Seeder {
    fn next_id_seed(&mut self) -> u64 {
        self.account.ids_issued += 1;
        self.account.ids_issued
    }

    /// A date between the beginning of 2024 and the end of 2025.
    fn date(&mut self) -> Timestamp {
        const BEGIN_2024: i64 = 1_704_067_200;
        let second = BEGIN_2024 + self.random.random_range(0..2 * 365 * 86_400);
        Timestamp::from_second(second).expect("the years 2024 and 2025 are within a timestamp's range")
    }

    fn later(&mut self, date: Timestamp) -> Timestamp {
        date + SignedDuration::from_secs(self.random.random_range(0..90 * 86_400))
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.random.random_range(0..n) == 0
    }

    fn user(&mut self, n: usize) {
        let (first, last) = person(n);
        let user_id = ids::numeric(self.next_id_seed());
        let round = n / (FIRST_NAMES.len() * LAST_NAMES.len());
        let number = if round == 0 { String::new() } else { (round + 1).to_string() };
        let unicode = if self.one_in(12) { UNICODE_NAMES.choose(&mut self.random).copied() } else { None };
        let create_date = self.date();
        let has_contact = self.one_in(2);
        let team = DEPARTMENTS[self.random.random_range(0..DEPARTMENTS.len())];
        let user = User {
            user_name: format!("{}.{}{number}", first.to_lowercase(), last.to_lowercase()),
            display_name: unicode.map_or_else(|| format!("{first} {last}"), str::to_owned),
            comments: if self.one_in(3) { format!("{team} team") } else { String::new() },
            email: has_contact.then(|| format!("{}.{}{number}@example.com", first.to_lowercase(), last.to_lowercase())),
            mobile_phone: self.one_in(4).then(|| format!("86-1380000{:04}", n % 10_000)),
            status: if self.one_in(30) { UserStatus::Frozen } else { UserStatus::Active },
            provision_type: if self.one_in(5) { "SCIM" } else { "Manual" }.to_owned(),
            tags: if self.one_in(4) { vec![tag("team", team)] } else { Vec::new() },
            last_login_date: if self.one_in(2) { Some(self.later(create_date)) } else { None },
            update_date: self.later(create_date),
            create_date,
            user_id,
        };
        self.account.users.insert(user).expect(UNIQUE);
    }

    fn group(&mut self, n: usize) {
        let name = numbered(DEPARTMENTS, n);
        let id = self.next_id_seed();
        let create_date = self.date();
        let group = Group {
            group_id: ids::ims_group(id),
            ram_group_id: ids::ram_group(id),
            display_name: if self.one_in(6) { "管理员组".to_owned() } else { name.clone() },
            comments: format!("Members of {name}"),
            group_name: name,
            create_date,
            update_date: self.later(create_date),
        };
        self.account.groups.insert(group).expect(UNIQUE);
    }

    fn role(&mut self, n: usize) {
        let is_service_linked_role = n % 4 == 3;
        let product = numbered(PRODUCTS, n);
        let role_name = match is_service_linked_role {
            true => format!("AliyunServiceRoleFor{product}"),
            false => format!("{}-operator", product.to_lowercase()),
        };
        let create_date = self.date();
        let principal = match is_service_linked_role {
            true => format!(r#"{{"Service":["{}.aliyuncs.com"]}}"#, product.to_lowercase()),
            false => format!(r#"{{"RAM":["acs:ram::{}:root"]}}"#, self.account.account_id),
        };
        let role = Role {
            role_id: ids::numeric(self.next_id_seed()),
            description: format!("Operates {product}"),
            role_name,
            assume_role_policy_document: format!(
                r#"{{"Statement":[{{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{principal}}}],"Version":"1"}}"#
            ),
            max_session_duration: 3600,
            is_service_linked_role,
            tags: if self.one_in(3) { vec![tag("owner", "platform")] } else { Vec::new() },
            create_date,
            update_date: self.later(create_date),
        };
        self.account.roles.insert(role).expect(UNIQUE);
    }

    fn system_policy(&mut self, n: usize) {
        let (policy_name, action) = system_policy(n);
        let version = self.random.random_range(1..6);
        let document = document("Allow", &action, "*");
        self.policy(PolicyType::System, policy_name, "Provided by the cloud", version, &[document]);
    }

    fn custom_policy(&mut self, n: usize) {
        let product = numbered(PRODUCTS, n);
        let account = self.account.account_id.clone();
        let versions = self.random.random_range(1..=3);
        let documents: Vec<_> = (0..versions)
            .map(|version| {
                let resource = format!("acs:{}:*:{account}:production-{version}/*", product.to_lowercase());
                document("Allow", &format!("{}:Get*", product.to_lowercase()), &resource)
            })
            .collect();
        self.policy(PolicyType::Custom, format!("{product}-Production-ReadOnly"), "Production only", 0, &documents);
    }

    /// A policy whose versions end with the newest of `documents`, the default one; numbers begin behind `skipped`.
    fn policy(&mut self, policy_type: PolicyType, policy_name: String, text: &str, skipped: u32, documents: &[String]) {
        let create_date = self.date();
        let versions: Vec<_> = (skipped + 1..)
            .zip(documents)
            .map(|(number, document)| PolicyVersion {
                version_id: format!("v{number}"),
                policy_document: document.clone(),
                create_date,
            })
            .collect();
        let last_version = skipped + u32::try_from(documents.len()).expect("a policy has at most five versions");
        let policy = Policy {
            policy_type,
            policy_name,
            description: text.to_owned(),
            default_version: format!("v{last_version}"),
            last_version,
            versions,
            tags: Vec::new(),
            create_date,
            update_date: self.later(create_date),
        };
        self.account.policies.insert(policy).expect(UNIQUE);
    }

    fn resource_groups(&mut self) {
        for name in ["default", "production", "staging"] {
            let id = ids::resource_group(self.next_id_seed());
            let create_date = self.date();
            let group =
                ResourceGroup { id, name: name.to_owned(), display_name: format!("{name} resources"), create_date };
            self.account.resource_groups.insert(group).expect(UNIQUE);
        }
    }

    /// Round by round each user joins one more group, so that none gets more than its share.
    fn memberships(&mut self, count: usize) {
        let users: Vec<_> = self.account.users.iter().map(|user| user.user_id.clone()).collect();
        let groups: Vec<_> = self.account.groups.iter().map(|group| group.group_id.clone()).collect();
        for n in 0..count {
            let (round, user) = (n / users.len(), n % users.len());
            let group = (user * 7 + round) % groups.len();
            let join_date = self.date();
            let row = Membership { group_id: groups[group].clone(), user_id: users[user].clone(), join_date };
            self.account.memberships.insert(row).expect("rounds give a user different groups");
        }
    }

    /// Round by round each principal gets one more policy: system ones first, then custom ones.
    fn attachments(&mut self, count: usize) {
        let principals = self.principals();
        let (system, custom) = (self.policy_names(PolicyType::System), self.policy_names(PolicyType::Custom));
        let system_rounds = system.len().min(limits::SYSTEM_POLICIES_PER_PRINCIPAL);
        let scopes: Vec<_> = self.account.resource_groups.iter().map(|group| group.id.clone()).collect();
        for n in 0..count {
            let (round, index) = (n / principals.len(), n % principals.len());
            let (policy_type, names, round) = match round.checked_sub(system_rounds) {
                None => (PolicyType::System, &system, round),
                Some(round) => (PolicyType::Custom, &custom, round),
            };
            let (principal_type, principal_id) = principals[index].clone();
            let scope = if self.one_in(10) { scopes.choose(&mut self.random).cloned() } else { None };
            let row = Attachment {
                policy_type,
                policy_name: names[(index * 13 + round) % names.len()].clone(),
                principal_type,
                principal_id,
                resource_group_id: scope,
                attach_date: self.date(),
            };
            self.account.attachments.insert(row).expect("rounds give a principal different policies");
        }
    }

    fn principals(&self) -> Vec<(PrincipalType, String)> {
        let Account { users, groups, roles, .. } = &self.account;
        let users = users.iter().map(|user| (PrincipalType::User, user.user_id.clone()));
        let groups = groups.iter().map(|group| (PrincipalType::Group, group.group_id.clone()));
        let roles = roles.iter().map(|role| (PrincipalType::Role, role.role_id.clone()));
        users.chain(groups).chain(roles).collect()
    }

    fn policy_names(&self, policy_type: PolicyType) -> Vec<String> {
        self.account.policies.group(policy_type.as_str()).map(|policy| policy.policy_name.clone()).collect()
    }
}

/// First and last name of the `n`th person; all pairs come once before any comes again.
fn person(n: usize) -> (&'static str, &'static str) {
    let (first, last) = (n % FIRST_NAMES.len(), n / FIRST_NAMES.len());
    (FIRST_NAMES[first], LAST_NAMES[(first + last) % LAST_NAMES.len()])
}

fn numbered(names: &[&str], n: usize) -> String {
    let (round, name) = (n / names.len(), names[n % names.len()]);
    if round == 0 { name.to_owned() } else { format!("{name}{}", round + 1) }
}

/// Name and allowed action of the `n`th system policy.
fn system_policy(n: usize) -> (String, String) {
    match n {
        0 => ("AdministratorAccess".to_owned(), "*".to_owned()),
        1 => ("ReadOnlyAccess".to_owned(), "*:Describe*".to_owned()),
        _ => {
            let (product, access) = (numbered(PRODUCTS, (n - 2) / 2), n % 2);
            let (access, action) = if access == 0 { ("FullAccess", "*") } else { ("ReadOnlyAccess", "Get*") };
            (format!("Aliyun{product}{access}"), format!("{}:{action}", product.to_lowercase()))
        }
    }
}

fn document(effect: &str, action: &str, resource: &str) -> String {
    format!(r#"{{"Version":"1","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"}}]}}"#)
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}
