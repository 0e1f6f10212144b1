//! One reading of the cloud: which listings make which collection complete.
//!
//! Parents (users, groups, roles) are listed first and last; what is read by name in between counts
//! only if the name led to the same id both times. Everything independent is read concurrently; the
//! client bounds how much. A file per collection says what makes it complete.

mod access_keys;
mod account;
mod groups;
mod identity_providers;
mod instances;
mod login_profiles;
mod memberships;
mod mfa_devices;
mod names;
mod point_reads;
mod policies;
mod policy_attachments;
mod roles;
mod second_operations;
mod user_details;
mod settings;
mod users;

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    future::Future,
    io,
    sync::Arc,
};

use futures::join;
use serde::de::DeserializeOwned;

use self::user_details::Readings;
pub use self::{
    identity_providers::{ListedProviders, SamlMetadata},
    instances::ListedInstances,
    memberships::Members,
    mfa_devices::MfaDevices,
    policies::ListedPolicies,
    user_details::Asked,
};
use super::details::{Ledger, Round};
use crate::{
    alicloud::{Session, ims, ims_settings, ram, resource_manager::PolicyAttachment, sign_in},
    model::{
        ACTIVE, Collection, Dates, Entity, Found, Key, Kind, Listing, Millis, Reason, Scope, Tag, Unknown,
        access_key::AccessKey, account::Account, login_profile::LoginProfile, mfa_device::MfaDevice,
        policy::PolicyType,
    },
    state::{Held, State},
};

/// What to read.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// The whole account.
    Everything,
    /// Some scopes once more.
    Again {
        /// Those in which something is doubtful.
        doubtful: BTreeSet<Scope>,
        /// Those that were counted otherwise than they were listed: only how many they hold is wanted.
        counted: BTreeSet<Scope>,
    },
}

impl Wanted {
    fn kind(&self, kind: Kind) -> bool {
        match self {
            Self::Everything => true,
            Self::Again { doubtful, counted } => doubtful.iter().chain(counted).any(|scope| scope.kind() == Some(kind)),
        }
    }

    fn scope(&self, scope: &Scope) -> bool {
        match self {
            Self::Everything => true,
            Self::Again { doubtful, counted } => doubtful.contains(scope) || counted.contains(scope),
        }
    }

    /// Whether the details of what is in `scope` are wanted, too. Where they are not, none is read: it would count as
    /// read, and stand nowhere.
    fn details(&self, scope: &Scope) -> bool {
        match self {
            Self::Everything => true,
            Self::Again { doubtful, .. } => doubtful.contains(scope),
        }
    }
}

/// The details read in one sync, over all its readings.
#[derive(Debug, Default)]
pub struct Rounds {
    /// Of roles: their trust policies.
    pub roles: Round<ram::RoleDetail>,
    /// Of custom policies: their versions.
    pub policies: Round<Vec<ram::PolicyVersion>>,
    /// Of SAML providers: their metadata.
    pub providers: Round<SamlMetadata>,
    /// Of users: which of their access keys, login profiles and MFA devices were read, by the keys of the scopes.
    pub users: Round<()>,
}

/// What a reading works with: the published state, and the details known so far.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The published state.
    pub state: &'a State,
    /// Which details were read when.
    pub ledger: &'a Ledger,
    /// The kinds that are read; no operation of another one is called.
    pub kinds: &'a BTreeSet<Kind>,
}

/// Everything that one reading lists, as the services gave it. What was not wanted is `None`.
#[derive(Debug)]
pub struct Listings {
    /// The account itself.
    pub account: Option<Listing<Account>>,
    /// Users, groups and roles.
    pub parents: Parents,
    /// The members of the groups that were there before.
    pub members: Option<Members>,
    /// What users were asked for.
    pub details: UserDetails,
    /// Policy attachments.
    pub attachments: Option<Listing<PolicyAttachment>>,
    /// Policies.
    pub policies: ListedPolicies,
    /// Instances, region by region.
    pub instances: Option<ListedInstances>,
    /// The password policy.
    pub password_policy: Option<Listing<ims_settings::PasswordPolicy>>,
    /// The security preferences.
    pub security_preference: Option<Listing<ims_settings::SecurityPreference>>,
    /// Identity providers.
    pub providers: ListedProviders,
    /// The account's own counts, if it could be asked.
    pub counts: Option<ims::AccountSummary>,
}

/// What the users who were there before were asked for. What was not wanted is `None`.
#[derive(Debug)]
pub struct UserDetails {
    /// Their access keys.
    pub access_keys: Option<Asked<sign_in::AccessKey>>,
    /// Their login profiles.
    pub login_profiles: Option<Asked<sign_in::LoginProfile>>,
    /// Their MFA devices.
    pub mfa_devices: Option<MfaDevices>,
}

/// The parents, listed before and after what is read by their names.
#[derive(Debug)]
pub struct Parents {
    /// Users.
    pub users: Twice<ims::User>,
    /// Groups.
    pub groups: Twice<ims::Group>,
    /// Roles.
    pub roles: Twice<ram::Role>,
}

/// Two listings of the same collection.
#[derive(Debug)]
pub struct Twice<T> {
    /// The one that came first.
    pub before: Listing<T>,
    /// The one that came last.
    pub after: Listing<T>,
}

impl<T> Twice<T> {
    fn went(&self, key: impl Fn(&T) -> Key) -> Vec<(Key, Unknown)> {
        match (&self.before, &self.after) {
            (Ok(before), Ok(after)) => went(before.items(), after.items(), key),
            _ => Vec::new(),
        }
    }
}

/// What the first of two listings has and the last one lacks, by its key: such a pair proves no removal.
fn went<T>(before: &[T], after: &[T], key: impl Fn(&T) -> Key) -> Vec<(Key, Unknown)> {
    let after: HashSet<Key> = after.iter().map(&key).collect();
    let went = before.iter().map(key).filter(|key| !after.contains(key));
    went.map(|key| (key, Unknown::new(Reason::RemovalsUnproven, "it was listed a moment before"))).collect()
}

impl Reader<'_> {
    /// Reads what is wanted. Nothing in it fails as a whole: what could not be read is unknown.
    pub async fn read(&self, session: &Session, wanted: &Wanted, rounds: &mut Rounds) -> BTreeMap<Kind, Collection> {
        // On the heap: it waits for many calls at once and holds the future of each of them.
        let listings = Box::pin(self.list(session, wanted, rounds)).await;
        self.collections(wanted, listings, rounds)
    }

    /// All calls of a reading.
    async fn list(&self, session: &Session, wanted: &Wanted, rounds: &mut Rounds) -> Listings {
        let Rounds { roles: roles_round, policies: policies_round, users: users_round, providers: providers_round } =
            rounds;
        let by_name = async {
            let (users, groups, roles) = self.list_parents(session).await;
            let (members, attachments, details, ()) = join!(
                self.members(session, wanted, &groups),
                self.list_attachments(session, wanted),
                self.user_details(session, wanted, &users, users_round),
                self.role_details(session, wanted, &roles, roles_round),
            );
            let (users_after, groups_after, roles_after) = self.list_parents(session).await;
            let parents = Parents {
                users: Twice { before: users, after: users_after },
                groups: Twice { before: groups, after: groups_after },
                roles: Twice { before: roles, after: roles_after },
            };
            (parents, members, details, attachments)
        };
        let settings =
            async { join!(self.list_password_policy(session, wanted), self.list_security_preference(session, wanted)) };
        let (account, settings, providers, policies, instances, counts, (parents, members, details, attachments)) = join!(
            self.list_account(session, wanted),
            settings,
            self.list_providers(session, wanted, providers_round),
            self.list_policies(session, wanted, policies_round),
            self.list_instances(session, wanted),
            self.count(session),
            by_name,
        );
        let (password_policy, security_preference) = settings;
        Listings {
            account,
            parents,
            members,
            details,
            attachments,
            policies,
            instances,
            password_policy,
            security_preference,
            providers,
            counts,
        }
    }

    /// Asks the users who were listed for whatever is due.
    async fn user_details(
        &self,
        session: &Session,
        wanted: &Wanted,
        users: &Listing<ims::User>,
        round: &mut Round<()>,
    ) -> UserDetails {
        let users = self.candidates(users);
        let (round_before, nobody) = (&*round, HashSet::new());
        let devices = async {
            // Who has another virtual device than before may have no other one any more.
            let virtual_ones = self.list_virtual_mfa_devices(session, wanted).await;
            let news = self.users_with_other_devices(virtual_ones.as_ref());
            (self.ask_users::<MfaDevice>(session, wanted, &users, round_before, &news).await, virtual_ones)
        };
        let (access_keys, login_profiles, (of_users, virtual_ones)) = join!(
            self.ask_users::<AccessKey>(session, wanted, &users, round_before, &nobody),
            self.ask_users::<LoginProfile>(session, wanted, &users, round_before, &nobody),
            devices,
        );
        fn noted<T>(asked: Option<(Asked<T>, Readings)>, round: &mut Round<()>) -> Option<Asked<T>> {
            let (asked, readings) = asked?;
            round.take(readings);
            Some(asked)
        }
        let mfa_devices = noted(of_users, round).zip(virtual_ones);
        UserDetails {
            access_keys: noted(access_keys, round),
            login_profiles: noted(login_profiles, round),
            mfa_devices: mfa_devices.map(|(of_users, virtual_ones)| MfaDevices { of_users, virtual_ones }),
        }
    }

    /// The account's own counts, if anything that they count is read.
    async fn count(&self, session: &Session) -> Option<ims::AccountSummary> {
        let counted = [Kind::User, Kind::Group, Kind::Role, Kind::Policy];
        if !counted.iter().any(|kind| self.kinds.contains(kind)) {
            return None;
        }
        ims::get_account_summary(session).await.map(|counts| counts.item).ok()
    }

    /// Users, groups and roles, as far as they are read.
    async fn list_parents(&self, session: &Session) -> (Listing<ims::User>, Listing<ims::Group>, Listing<ram::Role>) {
        join!(
            self.listed(Kind::User, || ims::list_users(session)),
            self.listed(Kind::Group, || ims::list_groups(session)),
            self.listed(Kind::Role, || ram::list_roles(session)),
        )
    }

    async fn listed<T, F: Future<Output = Listing<T>>>(&self, kind: Kind, list: impl FnOnce() -> F) -> Listing<T> {
        if self.kinds.contains(&kind) { list().await } else { Err(off()) }
    }

    /// Whether anything of `kind` is wanted, and read at all.
    fn wants(&self, wanted: &Wanted, kind: Kind) -> bool {
        self.kinds.contains(&kind) && wanted.kind(kind)
    }

    /// What the listings say of each kind; asks nobody.
    #[must_use]
    pub fn collections(&self, wanted: &Wanted, listings: Listings, rounds: &Rounds) -> BTreeMap<Kind, Collection> {
        let Listings {
            account,
            parents,
            members,
            details,
            attachments,
            policies,
            instances,
            password_policy,
            security_preference,
            providers,
            counts,
        } = listings;
        let counts = counts.as_ref();
        let UserDetails { access_keys, login_profiles, mfa_devices } = details;
        let round = &rounds.users;
        let mut access_keys = access_keys.map(|asked| self.users_details::<AccessKey>(&parents, wanted, asked, round));
        let mut login_profiles =
            login_profiles.map(|asked| self.users_details::<LoginProfile>(&parents, wanted, asked, round));
        let mut mfa_devices = mfa_devices.map(|devices| self.mfa_devices(&parents, wanted, devices, round));
        let mut memberships = members.map(|members| self.memberships(&parents, members));
        let mut policy_attachments = attachments.map(|rows| self.policy_attachments(&parents, rows));
        let mut went = self.went(wanted, &parents);
        let Parents { users, groups, roles } = parents;
        let mut users = self.wants(wanted, Kind::User).then(|| self.users(users.after, counts));
        let mut groups = self.wants(wanted, Kind::Group).then(|| self.groups(groups.after, counts));
        let mut roles = self.wants(wanted, Kind::Role).then(|| self.roles(roles.after, counts, &rounds.roles));
        for parents in [&mut users, &mut groups, &mut roles].into_iter().flatten() {
            parents.hold(went.remove(&parents.kind()).unwrap_or_default());
        }
        let mut policies = self.policies(policies, counts, &rounds.policies);
        let mut account = account.map(|listing| self.account(listing));
        let mut instances = instances.map(|listed| self.instances(wanted, listed));
        let mut password_policy = password_policy.map(|listing| self.password_policy(listing));
        let mut security_preference = security_preference.map(|listing| self.security_preference(listing));
        let mut providers = self.identity_providers(providers, &rounds.providers);
        // A kind that is left out here would count as read: so the compiler asks for each.
        let mut collection = |kind| match kind {
            Kind::Account => account.take(),
            Kind::User => users.take(),
            Kind::Group => groups.take(),
            Kind::Role => roles.take(),
            Kind::Policy => policies.take(),
            Kind::Instance => instances.take(),
            Kind::PasswordPolicy => password_policy.take(),
            Kind::SecurityPreference => security_preference.take(),
            Kind::IdentityProvider => providers.take(),
            Kind::AccessKey => access_keys.take(),
            Kind::LoginProfile => login_profiles.take(),
            Kind::MfaDevice => mfa_devices.take(),
            Kind::Membership => memberships.take(),
            Kind::PolicyAttachment => policy_attachments.take(),
        };
        let is_off = |kind| matches!(wanted, Wanted::Everything) && !self.kinds.contains(&kind);
        let or_off = |kind, read: Option<Collection>| read.or(is_off(kind).then(|| Collection::unknown(kind, off())));
        Kind::ALL.iter().filter_map(|kind| Some((*kind, or_off(*kind, collection(*kind))?))).collect()
    }

    /// What the first listing of a second reading has and the last one lacks: one of the two may lie.
    fn went(&self, wanted: &Wanted, parents: &Parents) -> BTreeMap<Kind, Vec<(Key, Unknown)>> {
        if let Wanted::Everything = wanted {
            // What is missing now is read again before it is believed.
            return BTreeMap::new();
        }
        let Parents { users, groups, roles } = parents;
        let key = |kind, id: &str| Key::new(self.account_id(), kind, &[id]);
        BTreeMap::from([
            (Kind::User, users.went(|user| key(Kind::User, &user.user_id))),
            (Kind::Group, groups.went(|group| key(Kind::Group, &group.group_id))),
            (Kind::Role, roles.went(|role| key(Kind::Role, &role.role_id))),
        ])
    }

    fn account_id(&self) -> &str {
        self.state.account()
    }

    /// An entity as found, ready to be compared; one that is in the state as it is takes no memory of its own.
    fn found<E: Entity>(&self, entity: &E) -> (Key, Found) {
        let key = entity.key(self.account_id());
        match self.state.entities(E::KIND).get_key_value(&key) {
            Some((key, held)) if is_written_as(entity, &held.entity) => as_held(key, held),
            _ => {
                let json = serde_json::to_string(entity).expect("an entity has string keys only");
                (key, Found::Known(json.into()))
            }
        }
    }

    /// Whether `entity` is in the state as it is.
    fn holds<E: Entity>(&self, entity: &E) -> bool {
        let held = self.state.get(E::KIND, &entity.key(self.account_id()));
        held.is_some_and(|held| held.is_current() && is_written_as(entity, &held.entity))
    }

    /// The entity with this key as it is held, if the part of it that is listed is still the same.
    fn held_as_listed<L: DeserializeOwned + PartialEq>(
        &self,
        kind: Kind,
        key: &Key,
        listed: &L,
    ) -> Option<(Key, Found)> {
        let (key, held) = self.state.entities(kind).get_key_value(key)?;
        let is_same = held.is_current() && serde_json::from_str::<L>(&held.entity).is_ok_and(|held| held == *listed);
        is_same.then(|| as_held(key, held))
    }
}

fn as_held(key: &Key, held: &Held) -> (Key, Found) {
    (key.clone(), Found::Known(Arc::clone(&held.entity)))
}

/// Whether `json` is, to the letter, what `entity` is written as; found out without writing it.
fn is_written_as<E: Entity>(entity: &E, json: &str) -> bool {
    let mut rest = Expected(json.as_bytes());
    serde_json::to_writer(&mut rest, entity).is_ok() && rest.0.is_empty()
}

/// Takes what it expects, and fails at anything else.
struct Expected<'a>(&'a [u8]);

impl io::Write for Expected<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.strip_prefix(bytes).ok_or(io::ErrorKind::InvalidData)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why a kind is not read that is left out of `[collect]`.
fn off() -> Unknown {
    Unknown::new(Reason::Off, "switched off by configuration")
}

/// A status as published: the services write it with a capital.
fn status_word(status: String) -> String {
    match status.as_str() {
        "Active" => ACTIVE.to_owned(),
        "Inactive" => "inactive".to_owned(),
        _ => status,
    }
}

/// Notes how a complete listing differs from an independent count, where there are both.
fn note_count(collection: &mut Collection, listed: Option<usize>, counted: Option<u64>) {
    let listed = listed.and_then(|listed| i64::try_from(listed).ok());
    let counted = counted.and_then(|counted| i64::try_from(counted).ok());
    if let (Some(listed), Some(counted)) = (listed, counted) {
        collection.note_count_difference(listed - counted);
    }
}

/// The scope that is to be read again for its count: what the independent count counts.
pub(super) fn counted_scope(kind: Kind) -> Scope {
    match kind {
        Kind::Policy => PolicyType::Custom.scope(),
        _ => Scope::collection(kind),
    }
}

/// Tags as stored: sorted by key.
fn sorted_tags(tags: Vec<crate::alicloud::Tag>) -> Vec<Tag> {
    let mut sorted: Vec<Tag> =
        tags.into_iter().map(|tag| Tag { key: tag.key, value: tag.value.unwrap_or_default() }).collect();
    sorted.sort();
    sorted
}

/// Texts as stored: sorted, each once, for their order means nothing.
fn sorted_texts(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts.dedup();
    texts
}

fn dates(born: Option<jiff::Timestamp>, touched: Option<jiff::Timestamp>) -> Dates {
    Dates { born: born.map(Millis::from), touched: touched.map(Millis::from) }
}

#[cfg(test)]
fn every_kind() -> BTreeSet<Kind> {
    Kind::ALL.iter().copied().collect()
}

#[cfg(test)]
mod tests;
