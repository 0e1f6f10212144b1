//! Users, groups, roles, policies and resource groups of a made-up account.

use rand::Rng as _;
use rand::seq::IndexedRandom as _;

use super::super::entities::{
    Group, Instance, Policy, PolicyType, PolicyVersion, ResourceGroup, Role, Tag, User, UserStatus,
};
use super::super::ids;
use super::names::{DEPARTMENTS, FIRST_NAMES, LAST_NAMES, PRODUCTS, UNICODE_NAMES};
use super::{Seeder, UNIQUE};

impl Seeder {
    pub(super) fn user(&mut self, n: usize) {
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

    pub(super) fn group(&mut self, n: usize) {
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

    pub(super) fn role(&mut self, n: usize) {
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

    pub(super) fn system_policy(&mut self, n: usize) {
        let (policy_name, action) = system_policy(n);
        let version = self.random.random_range(1..6);
        let document = document("Allow", &action, "*");
        self.policy(PolicyType::System, policy_name, "Provided by the cloud", version, &[document]);
    }

    pub(super) fn custom_policy(&mut self, n: usize) {
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

    /// Every other one carries a role, where there is one that can be carried.
    pub(super) fn instance(&mut self, n: usize) {
        let roles: Vec<String> = self
            .account
            .roles
            .iter()
            .filter(|role| !role.is_service_linked_role)
            .map(|role| role.role_name.clone())
            .collect();
        let role_name = if n.is_multiple_of(2) { roles.choose(&mut self.random).cloned() } else { None };
        let regions = &self.account.regions;
        let instance = Instance {
            region: regions[n % regions.len()].clone(),
            instance_name: format!("{}-{}", ["web", "worker", "build"][n % 3], n + 1),
            vpc_id: Some("vpc-bp1aevy8sofi8mh1q".to_owned()),
            role_name,
            status: if self.one_in(5) { "Stopped" } else { "Running" }.to_owned(),
            tags: if self.one_in(2) { vec![tag("environment", "production")] } else { Vec::new() },
            creation_time: self.date(),
            instance_id: ids::instance(self.next_id_seed()),
        };
        self.account.instances.insert(instance).expect(UNIQUE);
    }

    pub(super) fn resource_groups(&mut self) {
        for name in ["default", "production", "staging"] {
            let id = ids::resource_group(self.next_id_seed());
            let create_date = self.date();
            let group =
                ResourceGroup { id, name: name.to_owned(), display_name: format!("{name} resources"), create_date };
            self.account.resource_groups.insert(group).expect(UNIQUE);
        }
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
