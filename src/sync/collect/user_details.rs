//! Details of users: what is read with a call a user, by the user's principal name.
//!
//! A user's detail is read when the user is new, when the listing carries another mark (UpdateDate) than at the last read,
//! when the detail is not known, or when `detail_interval` is over. Otherwise its scope stands: it is known as it is held,
//! and the window reaches back to when it was read. What is due and does not fit into the time is unknown, and the next
//! sync goes on with it: those who were read are not due.

use std::{
    collections::{HashMap, HashSet},
    future::Future,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use futures::stream::{self, StreamExt};

use super::{Parents, Reader, Wanted, as_held, dates};
use crate::{
    alicloud::{Session, ims},
    model::{Collection, Complete, Entity, Found, Key, Kind, Listing, Reason, Scope, Unknown},
    sync::{
        coverage::was_denied,
        details::{Mark, Read, Round, Urgency, scattered},
    },
};

/// Calls of one kind that wait for their turn at one time; the client bounds how many are under way.
const WAITING: usize = 32;

/// The share of a reading's time that details may take: the parents must be listed once more behind them.
const SHARE_OF_TIME: f64 = 0.6;

/// When an operation was denied for so many users and answered for none, nobody else is asked in this sync.
const DENIED_ENOUGH: usize = 16;

/// A kind that is read user by user.
pub(super) trait UserDetail: Entity {
    /// What the service gives of it.
    type Item: Send;

    /// Reads all that the user of this principal name has.
    fn read(session: &Session, principal_name: &str) -> impl Future<Output = Listing<Self::Item>> + Send;

    /// What is published of it; `None` if it has another source.
    fn of(user_id: &str, item: Self::Item) -> Option<Self>;

    /// Whether the entity with this key, held, comes from this operation.
    fn is_from_it(key: &Key) -> bool {
        let _ = key;
        true
    }
}

/// What users were asked for, by their names in the earlier listing.
#[derive(Debug)]
pub struct Asked<T> {
    /// What was read of whom.
    read: Vec<(Whom, Listing<T>)>,
    /// Those of whom nothing was due, by id: how they were listed.
    standing: HashMap<String, Mark>,
    /// Why nobody else was asked, if the operation is denied for everybody.
    denied: Option<Unknown>,
}

/// A user, by the name that was used.
#[derive(Debug)]
struct Whom {
    user_id: String,
    principal_name: String,
}

/// A user who was listed, and what tells whether details may have changed.
pub(super) struct Candidate<'u> {
    user: &'u ims::User,
    mark: Mark,
    /// The mark in the published state.
    held: Option<Mark>,
}

impl Candidate<'_> {
    fn to_be_asked(&self) -> (Whom, Mark) {
        let (user_id, principal_name) = (self.user.user_id.clone(), self.user.user_principal_name.clone());
        (Whom { user_id, principal_name }, self.mark.clone())
    }
}

/// What a sync read of users' details, as the ledger takes it.
pub(super) type Readings = Vec<(Key, Mark, Read<()>)>;

impl Reader<'_> {
    /// The users who can be asked, as they were listed first.
    pub(super) fn candidates<'u>(&self, users: &'u Listing<ims::User>) -> Vec<Candidate<'u>> {
        let users = users.as_ref().map(|users| users.items()).unwrap_or_default();
        let candidate = |user: &'u ims::User| {
            let key = Key::new(self.account_id(), Kind::User, &[&user.user_id]);
            let held = self.state.head(Kind::User, &key).map(|held| Mark::of(held.dates()));
            Candidate { user, mark: mark(user), held }
        };
        users.iter().map(candidate).collect()
    }

    /// Asks those of whom the detail is due, and `also` those with these ids; `None` if the kind is not wanted.
    pub(super) async fn ask_users<D: UserDetail>(
        &self,
        session: &Session,
        wanted: &Wanted,
        users: &[Candidate<'_>],
        round: &Round<()>,
        also: &HashSet<String>,
    ) -> Option<(Asked<D::Item>, Readings)> {
        if !self.wants(wanted, D::KIND) {
            return None;
        }
        let (due, standing) = self.due_users::<D>(wanted, users, round, also);
        let hurried = session.with_share_of_time(SHARE_OF_TIME);
        let tally = Tally::default();
        let (hurried, tally) = (&hurried, &tally);
        let mut asked = Asked { read: Vec::with_capacity(due.len()), standing, denied: None };
        let mut readings = Vec::with_capacity(due.len());
        let answers = due.into_iter().map(|(whom, mark): (Whom, Mark)| async move {
            let listing = tally.ask(|| D::read(hurried, &whom.principal_name)).await;
            (whom, mark, listing)
        });
        let mut answers = stream::iter(answers).buffer_unordered(WAITING);
        while let Some((whom, mark, listing)) = answers.next().await {
            let read = listing.as_ref().map(|listing| ((), listing.window())).map_err(Clone::clone);
            readings.push((self.detail_key::<D>(&whom.user_id), mark, read));
            asked.read.push((whom, listing));
        }
        // Of those who stand something is known; where nobody does, it is the whole kind that is denied.
        if tally.is_denied_for_all() && asked.standing.is_empty() {
            asked.denied = asked.read.iter().find_map(|(_, listing)| listing.as_ref().err().cloned());
        }
        Some((asked, readings))
    }

    /// Who is to be asked, the most urgent first, and of whom nothing is due.
    fn due_users<D: UserDetail>(
        &self,
        wanted: &Wanted,
        users: &[Candidate<'_>],
        round: &Round<()>,
        also: &HashSet<String>,
    ) -> (Vec<(Whom, Mark)>, HashMap<String, Mark>) {
        if let Wanted::Again { .. } = wanted {
            let is_wanted = |user: &&Candidate<'_>| wanted.scope(&self.detail_scope::<D>(&user.user.user_id));
            return (users.iter().filter(is_wanted).map(Candidate::to_be_asked).collect(), HashMap::new());
        }
        let (unread, begun_at) = (self.unread_details::<D>(), self.state.progress_of(D::KIND).begun_at);
        let (mut due, mut standing) = (Vec::new(), HashMap::new());
        for user in users {
            let key = self.detail_key::<D>(&user.user.user_id);
            let held = user.held.as_ref().filter(|_| !unread.contains(&key));
            let is_news = also.contains(&user.user.user_id);
            let urgency = self.ledger.urgency(&key, &user.mark, held, round, begun_at);
            match is_news.then_some(Urgency::Moved).or(urgency) {
                // Those that were denied come last, and neighbours apart: they must not make it seem that everybody is denied.
                Some(urgency) => {
                    let was_denied = was_denied(self.state, &Scope::entity(&key));
                    due.push(((was_denied, urgency, scattered(&key)), user));
                }
                None => {
                    standing.insert(user.user.user_id.clone(), user.mark.clone());
                }
            }
        }
        due.sort_by_key(|(order, _)| *order);
        (due.into_iter().map(|(_, user)| user.to_be_asked()).collect(), standing)
    }

    /// The details of which what is held does not count as read.
    fn unread_details<D: UserDetail>(&self) -> Unread {
        let (kind, said) = (D::KIND, self.state.progress_of(D::KIND));
        let is_unread = !said.baselined || said.model_version != self.state.model_version(kind);
        if is_unread || self.state.scopes().contains_key(&Scope::collection(kind)) {
            return Unread::All;
        }
        // A record of one entity stands for the user that comes first in its key.
        let of_kind = self.state.scopes().keys().filter(|scope| scope.kind() == Some(kind));
        let user_ids = of_kind.filter_map(|scope| scope.as_str().split('/').nth(1));
        let old = self.state.entities(kind).iter().filter(|(_, held)| !held.is_current());
        let old = old.filter_map(|(key, _)| key.components().next());
        Unread::These(user_ids.chain(old).map(str::to_owned).collect())
    }

    /// What was found of a kind, as far as the names that users were asked by led to the same users throughout.
    pub(super) fn users_details<D: UserDetail>(
        &self,
        parents: &Parents,
        wanted: &Wanted,
        asked: Asked<D::Item>,
        round: &Round<()>,
    ) -> Collection {
        let (names, after) = match (parents.user_names(), &parents.users.after) {
            (Ok(names), Ok(after)) => (names, after),
            (Err(why), _) => return Collection::unknown(D::KIND, why),
            (Ok(_), Err(why)) => return Collection::unknown(D::KIND, why.clone()),
        };
        if let Some(why) = asked.denied {
            return Collection::unknown(D::KIND, why);
        }
        let mut asked_ids = HashSet::with_capacity(asked.read.len());
        let mut listings = Vec::with_capacity(asked.read.len());
        for (Whom { user_id, principal_name }, listing) in asked.read {
            let scope = self.detail_scope::<D>(&user_id);
            let listing = match names.resolve(&principal_name) {
                Ok(_) => listing.map(|listing| self.found_of_user::<D>(&user_id, listing)),
                Err(_) => Err(moved(&user_id)),
            };
            listings.push((scope, listing));
            asked_ids.insert(user_id);
        }
        let (mut standing, mut keys) = (Vec::new(), Vec::new());
        for user in after.items().iter().filter(|user| !asked_ids.contains(&user.user_id)) {
            let scope = self.detail_scope::<D>(&user.user_id);
            match wanted {
                // One that was touched meanwhile does not stand: its date would never tell again.
                Wanted::Everything if asked.standing.get(&user.user_id) == Some(&mark(user)) => {
                    keys.push(self.detail_key::<D>(&user.user_id));
                    standing.push(scope);
                }
                Wanted::Everything => listings.push((scope, Err(moved(&user.user_id)))),
                Wanted::Again { .. } => {}
            }
        }
        let held = standing.iter().flat_map(|scope| self.state.in_scope(D::KIND, scope));
        let held = held.filter(|(key, _)| D::is_from_it(key)).map(|(key, held)| as_held(key, held)).collect();
        let mut collection = Collection::by_scope(D::KIND, after.window(), listings);
        collection.stand(standing, held);
        if let Some(begun_at) = self.ledger.oldest(&keys, round, self.state.progress_of(D::KIND).begun_at) {
            collection.begin_at(begun_at);
        }
        collection
    }

    fn found_of_user<D: UserDetail>(&self, user_id: &str, listing: Complete<D::Item>) -> Complete<(Key, Found)> {
        // What has another source is in that one's listing.
        listing.sift(|item| Some(self.found(&D::of(user_id, item)?)))
    }

    /// Under which the ledger keeps when the detail of a user was read; it is the key's path that is the scope's name.
    fn detail_key<D: UserDetail>(&self, user_id: &str) -> Key {
        Key::new(self.account_id(), D::KIND, &[user_id])
    }

    fn detail_scope<D: UserDetail>(&self, user_id: &str) -> Scope {
        Scope::entity(&self.detail_key::<D>(user_id))
    }
}

impl<T> Asked<T> {
    /// Refuses what was read of some users, by their ids.
    pub(super) fn refuse(&mut self, mut why: impl FnMut(&str, &Complete<T>) -> Option<Unknown>) {
        for (whom, listing) in &mut self.read {
            let refused = listing.as_ref().ok().and_then(|listing| why(&whom.user_id, listing));
            if let Some(why) = refused {
                *listing = Err(why);
            }
        }
    }
}

/// How an operation answers, over all users.
#[derive(Debug, Default)]
struct Tally {
    denied: AtomicUsize,
    is_answered: AtomicBool,
}

impl Tally {
    /// Reads, unless the operation is denied for everybody: that costs thousands of calls in every sync.
    async fn ask<T, F: Future<Output = Listing<T>>>(&self, read: impl FnOnce() -> F) -> Listing<T> {
        if self.is_denied_for_all() {
            let detail = format!("it was denied for {DENIED_ENOUGH} other users, and answered for none");
            return Err(Unknown::new(Reason::Denied, detail));
        }
        let listing = read().await;
        match &listing {
            Ok(_) => self.is_answered.store(true, Ordering::Relaxed),
            Err(why) if why.reason == Reason::Denied => {
                self.denied.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => {}
        }
        listing
    }

    fn is_denied_for_all(&self) -> bool {
        self.denied.load(Ordering::Relaxed) >= DENIED_ENOUGH && !self.is_answered.load(Ordering::Relaxed)
    }
}

/// Of whom the detail does not count as read.
enum Unread {
    All,
    /// By the user's id, as it stands in keys.
    These(HashSet<String>),
}

impl Unread {
    fn contains(&self, key: &Key) -> bool {
        match self {
            Self::All => true,
            Self::These(user_ids) => key.components().next().is_some_and(|user_id| user_ids.contains(user_id)),
        }
    }
}

fn mark(user: &ims::User) -> Mark {
    Mark::of(dates(user.create_date, user.update_date))
}

fn moved(user_id: &str) -> Unknown {
    let detail = format!("user {user_id} came, went or changed its name while it was read");
    Unknown::new(Reason::UnresolvedName, detail)
}

#[cfg(test)]
#[path = "user_details_tests.rs"]
mod tests;
