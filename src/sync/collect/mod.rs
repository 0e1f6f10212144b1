//! One reading of the cloud: which listings make which collection complete.
//!
//! Parents (users, groups, roles) are listed first and last; what is read by name in between counts
//! only if the name led to the same id both times. Everything independent is read concurrently; the
//! client bounds how much. A file per collection says what makes it complete.

mod account;
mod groups;
mod memberships;
mod names;
mod policies;
mod policy_attachments;
mod roles;
mod users;

use std::collections::{BTreeMap, BTreeSet};

use futures::join;

use super::details::{Ledger, Round};
use crate::{
    alicloud::{Session, ims, ram},
    model::{Collection, Dates, Entity, Found, Key, Kind, Listing, Millis, Scope, Tag},
    state::State,
};

/// What to read.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// The whole account.
    Everything,
    /// These scopes once more, for something in them is doubtful.
    Again(BTreeSet<Scope>),
}

impl Wanted {
    fn kind(&self, kind: Kind) -> bool {
        match self {
            Self::Everything => true,
            Self::Again(scopes) => scopes.iter().any(|scope| scope.kind() == Some(kind)),
        }
    }

    fn scope(&self, scope: &Scope) -> bool {
        match self {
            Self::Everything => true,
            Self::Again(scopes) => scopes.contains(scope),
        }
    }
}

/// The details read in one sync, over all its readings.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    pub(crate) roles: Round<ram::RoleDetail>,
    pub(crate) policies: Round<Vec<ram::PolicyVersion>>,
}

/// What a reading works with: the calls of this sync, the published state, the details known so far.
pub(crate) struct Reader<'a> {
    pub(crate) session: &'a Session,
    pub(crate) state: &'a State,
    pub(crate) ledger: &'a Ledger,
}

/// The parents, listed before and after what is read by their names.
struct Parents {
    users: Twice<ims::User>,
    groups: Twice<ims::Group>,
    roles: Twice<ram::Role>,
}

/// Two listings of the same collection.
struct Twice<T> {
    before: Listing<T>,
    after: Listing<T>,
}

impl Reader<'_> {
    /// Reads what is wanted. Nothing in it fails as a whole: what could not be read is unknown.
    pub(crate) async fn read(&self, wanted: &Wanted, rounds: &mut Rounds) -> BTreeMap<Kind, Collection> {
        let Rounds { roles: role_round, policies: policy_round } = rounds;
        let by_name = async {
            let (users, groups, roles) = self.list_parents().await;
            let (members, attachments, ()) = join!(
                self.members(wanted, &groups),
                self.attachment_rows(wanted),
                self.role_details(wanted, &roles, role_round),
            );
            (self.list_parents_again(users, groups, roles).await, members, attachments)
        };
        let (account, policies, counts, (parents, members, attachments)) = join!(
            self.account(wanted),
            self.policies(wanted, policy_round),
            ims::get_account_summary(self.session),
            by_name,
        );
        let counts = counts.map(|counts| counts.item).ok();
        let counts = counts.as_ref();
        let (mut account, mut policies, mut members, mut attachments) = (account, policies, members, attachments);
        let mut collection = |kind: Kind| match kind {
            Kind::Account => account.take(),
            Kind::User => wanted.kind(kind).then(|| self.users(&parents, counts)),
            Kind::Group => wanted.kind(kind).then(|| self.groups(&parents, counts)),
            Kind::Role => wanted.kind(kind).then(|| self.roles(&parents, counts, role_round)),
            Kind::Policy => policies.take().map(|policies| policies.into_collection(counts)),
            Kind::Membership => members.take().map(|members| self.memberships(&parents, members)),
            Kind::PolicyAttachment => attachments.take().map(|rows| self.policy_attachments(&parents, rows)),
        };
        Kind::ALL.iter().filter_map(|kind| Some((*kind, collection(*kind)?))).collect()
    }

    async fn list_parents(&self) -> (Listing<ims::User>, Listing<ims::Group>, Listing<ram::Role>) {
        let session = self.session;
        join!(ims::list_users(session), ims::list_groups(session), ram::list_roles(session))
    }

    async fn list_parents_again(
        &self,
        users: Listing<ims::User>,
        groups: Listing<ims::Group>,
        roles: Listing<ram::Role>,
    ) -> Parents {
        let (users_after, groups_after, roles_after) = self.list_parents().await;
        Parents {
            users: Twice { before: users, after: users_after },
            groups: Twice { before: groups, after: groups_after },
            roles: Twice { before: roles, after: roles_after },
        }
    }

    fn account_id(&self) -> &str {
        self.state.account()
    }

    /// An entity as found, ready to be compared.
    fn found<E: Entity>(&self, entity: &E) -> (Key, Found) {
        let json = serde_json::to_string(entity).expect("an entity has string keys only");
        (entity.key(self.account_id()), Found::Known(json.into_boxed_str()))
    }
}

/// Notes how a listing differs from an independent count, where there is one.
fn note_count(collection: &mut Collection, listed: usize, counted: Option<u64>) {
    let listed = i64::try_from(listed).ok();
    let counted = counted.and_then(|counted| i64::try_from(counted).ok());
    if let (Some(listed), Some(counted)) = (listed, counted) {
        collection.note_count_difference(listed - counted);
    }
}

/// Tags as stored: sorted by key.
fn sorted_tags(tags: &[crate::alicloud::Tag]) -> Vec<Tag> {
    let mut sorted: Vec<Tag> =
        tags.iter().map(|tag| Tag { key: tag.key.clone(), value: tag.value.clone().unwrap_or_default() }).collect();
    sorted.sort();
    sorted
}

fn dates(born: Option<jiff::Timestamp>, touched: Option<jiff::Timestamp>) -> Dates {
    Dates { born: born.map(Millis::from), touched: touched.map(Millis::from) }
}

#[cfg(test)]
mod tests;
