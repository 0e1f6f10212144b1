//! Who is in which group, and which policies are attached to whom, in a made-up account.

use rand::seq::IndexedRandom as _;

use super::super::account::Account;
use super::super::entities::{Attachment, Membership, PolicyType, PrincipalType};
use super::super::operations::limits;
use super::Seeder;

impl Seeder {
    /// Round by round each user joins one more group, so that none gets more than its share.
    pub(super) fn memberships(&mut self, count: usize) {
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
    pub(super) fn attachments(&mut self, count: usize) {
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
