//! The operations: one entry in one table each, and one small function.
//!
//! RAM and IMS are two faces of the same data. An operation that both have is one function, entered in the table of
//! its file once per face; it asks [`Call::service`] only where the faces differ: how an entity is named in the
//! parameters ([`find`]), and which fields a row shows. Page sizes and quotas differ per entry and stand in the table.
//!
//! To add an operation: write the function beside its kind, and enter it in that file's `OPERATIONS`. To add a kind or
//! a service: a new file with its `OPERATIONS`, and that file's name in [`TABLES`].

mod access_keys;
mod account;
mod attachments;
mod documents;
mod find;
mod grants;
mod groups;
mod identity_providers;
mod instances;
mod login_profiles;
mod memberships;
mod mfa_devices;
mod policies;
mod policy_versions;
mod resource_groups;
mod roles;
mod settings;
mod sts;
mod tags;
mod user_changes;
mod users;

pub(super) use instances::recreate as recreate_instance;
pub(super) use mfa_devices::add_security_key;
pub(super) use user_changes::set_status as set_user_status;

use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::Timestamp;

use super::account::Account;
use super::authentication::{Caller, Keys};
use super::clock::whole_seconds;
use super::draft::Draft;
use super::error::ServiceError;
use super::page::Paging;
use super::parameters::Parameters;
use super::reply::Reply;

/// What an operation answers.
pub(super) type Answer = Result<Reply, ServiceError>;

/// The services, told apart by version: on a bare endpoint the host says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Resource Access Management.
    Ram,
    /// Identity Management Service, RAM's newer face.
    Ims,
    /// Resource Management.
    ResourceManager,
    /// Security Token Service.
    Sts,
    /// Elastic Compute Service, of every region at one address.
    Ecs,
}

impl Service {
    /// The version in `x-acs-version` or `Version`.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::Ram => "2015-05-01",
            Self::Ims => "2019-08-15",
            Self::ResourceManager => "2020-03-31",
            Self::Sts => "2015-04-01",
            Self::Ecs => "2014-05-26",
        }
    }

    /// Reads and writes per second and operation, by the vendor's pages "API rate quota". No page shows a row for
    /// ListPolicyAttachments; it gets its neighbours' 100. ECS counts by the minute (500 at least) and in each region by
    /// itself; here that is 8 a second.
    const fn quotas(self) -> (u32, u32) {
        match self {
            Self::Ram | Self::ResourceManager => (100, 20),
            Self::Ims => (450, 150),
            Self::Sts => (100, 100),
            Self::Ecs => (8, 8),
        }
    }
}

/// An operation of a service.
#[derive(Debug)]
pub struct Operation {
    /// Whose.
    pub service: Service,
    /// The action.
    pub name: &'static str,
    /// How it pages.
    pub paging: Paging,
    /// Calls per second before it throttles.
    pub quota_per_second: u32,
    /// Whether a call has to be signed.
    pub signed: bool,
    /// What it does.
    pub run: Run,
}

/// An operation's function.
#[derive(Debug)]
pub enum Run {
    /// Only looks.
    Read(fn(&Call<'_>, &Account) -> Answer),
    /// Changes the account, or refuses and leaves it as it was.
    Write(fn(&Call<'_>, &mut Draft<'_>) -> Answer),
}

/// One call of an operation.
#[derive(Debug)]
pub struct Call<'a> {
    /// What is called.
    pub operation: &'static Operation,
    /// With what.
    pub parameters: &'a Parameters,
    /// By whom.
    pub caller: &'a Caller,
    /// When, by the account's clock; whole seconds.
    pub now: Timestamp,
    /// Where AssumeRole puts the keys it issues.
    pub keys: &'a Keys,
    /// Most rows of a page by marker.
    pub largest_page: u32,
}

impl<'a> Call<'a> {
    /// A call at `now`.
    #[must_use]
    pub fn new(
        operation: &'static Operation,
        parameters: &'a Parameters,
        caller: &'a Caller,
        now: Timestamp,
        keys: &'a Keys,
    ) -> Self {
        Self { operation, parameters, caller, now: whole_seconds(now), keys, largest_page: u32::MAX }
    }

    /// The face that is called.
    #[must_use]
    pub fn service(&self) -> Service {
        self.operation.service
    }
}

/// The tables of all files.
const TABLES: &[&[Operation]] = &[
    access_keys::OPERATIONS,
    account::OPERATIONS,
    attachments::OPERATIONS,
    grants::OPERATIONS,
    groups::OPERATIONS,
    identity_providers::OPERATIONS,
    instances::OPERATIONS,
    login_profiles::OPERATIONS,
    memberships::OPERATIONS,
    mfa_devices::OPERATIONS,
    policies::OPERATIONS,
    policy_versions::OPERATIONS,
    resource_groups::OPERATIONS,
    roles::OPERATIONS,
    settings::OPERATIONS,
    sts::OPERATIONS,
    user_changes::OPERATIONS,
    users::OPERATIONS,
];

static BY_NAME: LazyLock<HashMap<(&str, &str), &Operation>> =
    LazyLock::new(|| all().map(|operation| ((operation.service.version(), operation.name), operation)).collect());

/// All operations.
pub(super) fn all() -> impl Iterator<Item = &'static Operation> {
    TABLES.iter().copied().flatten()
}

/// The operation with this version and action.
#[must_use]
pub(super) fn lookup(version: &str, action: &str) -> Option<&'static Operation> {
    BY_NAME.get(&(version, action)).copied()
}

const fn read(service: Service, name: &'static str, run: fn(&Call<'_>, &Account) -> Answer) -> Operation {
    Operation {
        service,
        name,
        paging: Paging::None,
        quota_per_second: service.quotas().0,
        signed: true,
        run: Run::Read(run),
    }
}

const fn write(service: Service, name: &'static str, run: fn(&Call<'_>, &mut Draft<'_>) -> Answer) -> Operation {
    Operation {
        service,
        name,
        paging: Paging::None,
        quota_per_second: service.quotas().1,
        signed: true,
        run: Run::Write(run),
    }
}

impl Operation {
    const fn by_marker(self, default: u32, max: u32) -> Self {
        Self { paging: Paging::Marker { default, max }, ..self }
    }

    const fn by_token(self, default: u32, max: u32) -> Self {
        Self { paging: Paging::Token { default, max }, ..self }
    }

    const fn by_number(self, default: u32, max: u32) -> Self {
        Self { paging: Paging::Number { default, max }, ..self }
    }

    const fn unsigned(self) -> Self {
        Self { signed: false, ..self }
    }

    const fn quota(self, quota_per_second: u32) -> Self {
        Self { quota_per_second, ..self }
    }
}

/// What an account may hold (the vendor's page "Limitations", defaults of December 2025).
pub(super) mod limits {
    /// Users of an account.
    pub(crate) const USERS: usize = 5000;
    /// Groups of an account.
    pub(crate) const GROUPS: usize = 300;
    /// Roles of an account.
    pub(crate) const ROLES: usize = 1000;
    /// Custom policies of an account.
    pub(crate) const CUSTOM_POLICIES: usize = 1500;
    /// Groups that one user may be in.
    pub(crate) const GROUPS_PER_USER: usize = 10;
    /// System policies attached to one user, group or role.
    pub(crate) const SYSTEM_POLICIES_PER_PRINCIPAL: usize = 20;
    /// Custom policies attached to one user, group or role.
    pub(crate) const CUSTOM_POLICIES_PER_PRINCIPAL: usize = 10;
    /// Versions of a custom policy.
    pub(crate) const VERSIONS_PER_POLICY: usize = 5;
    /// Characters of a policy document.
    pub(crate) const DOCUMENT_CHARACTERS: usize = 6144;
    /// Access keys of one user.
    pub(crate) const ACCESS_KEYS_PER_USER: usize = 2;
    /// Virtual MFA devices of an account.
    pub(crate) const MFA_DEVICES: usize = 5000;
    /// Tags of one entity.
    pub(crate) const TAGS: usize = 20;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_operation_is_entered_twice() {
        assert_eq!(BY_NAME.len(), all().count());
    }

    #[test]
    fn operations_with_the_same_name_read_in_every_face_or_write_in_every_face() {
        for operation in all() {
            for other in all().filter(|other| other.name == operation.name) {
                let reads = |operation: &Operation| matches!(operation.run, Run::Read(_));
                assert_eq!(reads(operation), reads(other), "{}", operation.name);
            }
        }
    }
}
