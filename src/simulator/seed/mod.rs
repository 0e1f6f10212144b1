//! Accounts made up from a number: any size that the service allows, the same number always the same account.
//!
//! Promises: names, ids, dates and documents have the services' shapes, and no limit of the service is passed. Takes
//! neither clock nor randomness: everything follows from [`Size`].

mod credentials;
mod edges;
mod entities;
mod names;
mod settings;

use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::account::Account;
use super::ids;
use super::operations::limits;

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
    /// Access keys, at most two per user.
    pub access_keys: usize,
    /// Users who may sign in to the console.
    pub login_profiles: usize,
    /// Users with a second factor.
    pub mfa_devices: usize,
    /// ECS instances, spread over the regions.
    pub instances: usize,
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
            access_keys: 20,
            login_profiles: 15,
            mfa_devices: 8,
            instances: 6,
            seed: 1,
        }
    }
}

/// The service would not hold an account of that size.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{field}: {wanted} is more than the {most} that such an account can hold; ask for fewer")]
pub(super) struct TooLarge {
    /// The field of [`Size`].
    field: &'static str,
    /// What was asked for.
    wanted: usize,
    /// What there can be.
    most: usize,
}

impl Size {
    /// An account with nothing in it, and what a size that names only some fields takes the others from.
    pub const EMPTY: Self = Self {
        users: 0,
        groups: 0,
        memberships: 0,
        roles: 0,
        custom_policies: 0,
        system_policies: 0,
        attachments: 0,
        access_keys: 0,
        login_profiles: 0,
        mfa_devices: 0,
        instances: 0,
        seed: 1,
    };

    /// # Errors
    /// A field above what the service allows.
    fn check(&self) -> Result<(), TooLarge> {
        let principals = self.users.saturating_add(self.groups).saturating_add(self.roles);
        let per_principal = self.system_policies.min(limits::SYSTEM_POLICIES_PER_PRINCIPAL)
            + self.custom_policies.min(limits::CUSTOM_POLICIES_PER_PRINCIPAL);
        let checks = [
            ("users", self.users, limits::USERS),
            ("groups", self.groups, limits::GROUPS),
            ("roles", self.roles, limits::ROLES),
            ("custom_policies", self.custom_policies, limits::CUSTOM_POLICIES),
            ("memberships", self.memberships, self.users.saturating_mul(self.groups.min(limits::GROUPS_PER_USER))),
            ("attachments", self.attachments, principals.saturating_mul(per_principal)),
            ("access_keys", self.access_keys, self.users.saturating_mul(limits::ACCESS_KEYS_PER_USER)),
            ("login_profiles", self.login_profiles, self.users),
            ("mfa_devices", self.mfa_devices, self.users),
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
pub(super) fn account(size: &Size) -> Result<Account, TooLarge> {
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
    seeder.access_keys(size.access_keys);
    seeder.login_profiles(size.login_profiles);
    seeder.mfa_devices(size.mfa_devices);
    seeder.settings();
    for n in 0..size.instances {
        seeder.instance(n);
    }
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
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::super::entities::{PolicyType, UserStatus};
    use super::*;

    #[test]
    fn the_same_size_is_the_same_account() {
        let json = |size: &Size| serde_json::to_string(&account(size).unwrap()).unwrap();
        let size = Size::default();
        assert_eq!(json(&size), json(&size));
        assert_ne!(json(&size), json(&Size { seed: 2, ..size.clone() }));
    }

    #[test]
    fn the_largest_legal_account_can_be_made_and_no_larger_one() {
        let largest = Size {
            users: 5000,
            groups: 300,
            memberships: 50_000,
            roles: 1000,
            custom_policies: 1500,
            system_policies: 1200,
            attachments: 189_000,
            access_keys: 10_000,
            login_profiles: 5000,
            mfa_devices: 5000,
            instances: 2_000,
            seed: 7,
        };
        let made = account(&largest).unwrap();
        assert_eq!((made.users.len(), made.memberships.len(), made.attachments.len()), (5000, 50_000, 189_000));
        let mut held = HashMap::<_, usize>::new();
        for row in made.attachments.iter() {
            *held
                .entry((format!("{:?}", row.principal_type), &row.principal_id, row.policy_type.as_str()))
                .or_default() += 1;
        }
        let most = |policy_type: PolicyType| {
            held.iter().filter(|(key, _)| key.2 == policy_type.as_str()).map(|(_, n)| n).max()
        };
        assert_eq!((most(PolicyType::System), most(PolicyType::Custom)), (Some(&20), Some(&10)));

        let problem = |size| account(&size).unwrap_err().field;
        assert_eq!(problem(Size { users: 5001, ..largest.clone() }), "users");
        assert_eq!(problem(Size { memberships: 50_001, ..largest.clone() }), "memberships");
        assert_eq!(problem(Size { attachments: 189_001, ..largest.clone() }), "attachments");
        assert_eq!(problem(Size { access_keys: 10_001, ..largest.clone() }), "access_keys");
        assert_eq!(problem(Size { mfa_devices: 5001, ..largest }), "mfa_devices");
    }

    #[test]
    fn an_account_with_nothing_in_it_can_be_made() {
        let made = account(&Size::EMPTY).unwrap();
        let held = [made.users.len(), made.groups.len(), made.roles.len(), made.policies.len()];
        assert_eq!((held, made.memberships.len(), made.attachments.len()), ([0; 4], 0, 0));
    }

    #[test]
    fn the_made_up_account_has_what_a_reader_must_cope_with() {
        let made = account(&Size { users: 400, attachments: 400, ..Size::default() }).unwrap();
        assert!(made.users.iter().any(|user| user.status == UserStatus::Frozen));
        assert!(made.users.iter().any(|user| !user.display_name.is_ascii()));
        assert!(made.attachments.iter().any(|row| row.resource_group_id.is_some()));
        assert!(made.roles.iter().any(|role| role.is_service_linked_role));
        assert!(made.policies.iter().any(|policy| policy.policy_name == "AdministratorAccess"));
        assert!(made.instances.iter().any(|row| row.role_name.is_some()));
        assert!(made.instances.iter().any(|row| row.role_name.is_none()));
        assert!(made.users.iter().all(|user| user.user_id.len() == 18) && made.account_id.len() == 16);
    }
}
