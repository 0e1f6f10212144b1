//! One reading: read, and read again what is doubtful, until every difference is proven or unknown.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};
use tracing::info;
use uuid::Uuid;

use super::{
    Pipeline,
    collect::{Reader, Rounds, Wanted, counted_scope},
    details::Ledger,
    publication::{self, oversized},
    recover::LifeError,
};
use crate::{
    alicloud::{CallError, Calls, Session},
    ambient,
    diff::{Diff, Op, compare},
    model::{Collection, Key, Kind, Rank, Reason, Scope, Unknown},
    state::State,
};

/// How long a life waits at its beginning to learn whose the credentials are.
const VERIFY_TIME: Duration = Duration::from_secs(5);

/// The first reading of a sync, compared; something in it may be doubtful.
pub(super) struct First {
    sync_id: Uuid,
    began: Began,
    read_at: Timestamp,
    collections: BTreeMap<Kind, Collection>,
    diff: Diff,
    rounds: Rounds,
    calls: Calls,
}

impl First {
    /// The reading's id.
    pub(super) fn sync_id(&self) -> Uuid {
        self.sync_id
    }

    /// When it ended.
    pub(super) fn read_at(&self) -> Timestamp {
        self.read_at
    }

    /// How it differs from the state, as far as that is proven.
    pub(super) fn diff(&self) -> &Diff {
        &self.diff
    }
}

/// A reading that is ready to be published, with the details that it read.
pub(super) struct Proven {
    pub(super) reading: publication::Reading,
    pub(super) rounds: Rounds,
    pub(super) calls: Calls,
}

impl Pipeline {
    /// Reads the account and compares it with `state`.
    ///
    /// # Errors
    /// The credentials belong to another account: nothing may be published of it.
    pub(super) async fn read(&self, state: &State, ledger: &Ledger) -> Result<First, CallError> {
        let (began, sync_id) = (Began::now(), ambient::uuid_v7());
        let session = self.session();
        refuse_foreign(session.verify_account().await)?;
        let mut rounds = Rounds::default();
        let collections = self.reader(state, ledger).read(&session, &Wanted::Everything, &mut rounds).await;
        // Credentials may have been exchanged meanwhile; asking once more costs a call only then.
        refuse_foreign(session.verify_account().await)?;
        let diff = compare(state, &collections);
        Ok(First { sync_id, began, read_at: began.later(), collections, diff, rounds, calls: session.calls() })
    }

    /// Reads what is doubtful in `first` again after `confirm_delay`. All changes of the sync wait with it.
    ///
    /// # Errors
    /// As [`Pipeline::read`].
    pub(super) async fn prove(&self, first: First, state: &State, ledger: &Ledger) -> Result<Proven, CallError> {
        let First { sync_id, began, read_at: _, mut collections, mut diff, mut rounds, mut calls } = first;
        let reader = self.reader(state, ledger);
        let again = Again { session: &|| self.session(), after: self.rhythm.confirm_delay };
        let more = again.settle(&reader, &mut collections, &mut diff, &mut rounds).await?;
        calls = sum(calls, more);
        let too_large = oversized(&diff, self.message_max_bytes);
        if !too_large.is_empty() {
            diff.withhold(state, too_large);
        }
        // The clock may have been set back meanwhile.
        let (started_at, finished_at) = (began.wall, began.later());
        let reading = publication::Reading { sync_id, started_at, finished_at, collections, diff };
        Ok(Proven { reading, rounds, calls })
    }

    /// Makes sure, before anything is claimed, that the credentials are not another account's. That the account cannot be
    /// asked is no reason to wait for long: the reading will say so.
    pub(super) async fn verify_account(&self) -> Result<(), LifeError> {
        let session = self.client.session(Instant::now() + VERIFY_TIME);
        refuse_foreign(session.verify_account().await).map_err(LifeError::account)
    }

    fn reader<'a>(&'a self, state: &'a State, ledger: &'a Ledger) -> Reader<'a> {
        Reader { state, ledger, kinds: &self.kinds }
    }

    fn session(&self) -> Session {
        self.client.session(Instant::now() + self.rhythm.time_budget)
    }
}

/// How what is doubtful is read a second time.
pub(super) struct Again<'a> {
    /// Opens a session with a budget of its own.
    pub(super) session: &'a (dyn Fn() -> Session + Sync),
    /// So long after the first reading.
    pub(super) after: Duration,
}

impl Again<'_> {
    /// Reads what is doubtful in `diff` again, until every difference is proven or unknown; the calls that it took.
    ///
    /// # Errors
    /// The credentials belong to another account.
    pub(super) async fn settle(
        &self,
        reader: &Reader<'_>,
        collections: &mut BTreeMap<Kind, Collection>,
        diff: &mut Diff,
        rounds: &mut Rounds,
    ) -> Result<Calls, CallError> {
        if diff.doubtful().next().is_none() && diff.miscounted().next().is_none() {
            return Ok(Calls::default());
        }
        sleep(self.after).await;
        let listing = (self.session)();
        confirm(reader, &listing, collections, diff, rounds).await;
        // What is asked for one by one has a budget of its own: there may be thousands.
        let asking = (self.session)();
        ask_for_each(reader, &asking, collections, diff).await;
        ask_by_second_operation(reader, &asking, collections, diff).await;
        refuse_foreign(asking.verify_account().await)?;
        *diff = compare(reader.state, collections);
        diff.settle();
        Ok(sum(listing.calls(), asking.calls()))
    }
}

/// Only the account's own credentials may go on; whatever else is wrong with them makes scopes unknown.
pub(super) fn refuse_foreign(verified: Result<(), CallError>) -> Result<(), CallError> {
    match verified {
        Err(error @ CallError::ForeignAccount { .. }) => Err(error),
        _ => Ok(()),
    }
}

/// Reads the scopes of what is doubtful, and what was counted otherwise than it was listed, a second time.
async fn confirm(
    reader: &Reader<'_>,
    session: &Session,
    collections: &mut BTreeMap<Kind, Collection>,
    diff: &Diff,
    rounds: &mut Rounds,
) {
    let scopes_of =
        |(kind, keys): (Kind, &BTreeSet<Key>)| keys.iter().map(|key| kind.scope_of(key)).collect::<Vec<_>>();
    let counted: BTreeSet<Scope> = diff.miscounted().map(|(kind, _)| counted_scope(kind)).collect();
    let doubtful: BTreeSet<Scope> = diff.doubtful().flat_map(scopes_of).collect();
    let keys = diff.doubtful().map(|(_, keys)| keys.len()).sum::<usize>();
    info!(keys, scopes = doubtful.union(&counted).count(), "confirming");
    let kinds: BTreeSet<Kind> = doubtful.union(&counted).filter_map(Scope::kind).collect();
    let mut second = reader.read(session, &Wanted::Again { doubtful, counted }, rounds).await;
    if planted!(ConfirmedByItself) {
        second = collections.clone();
    }
    for kind in kinds {
        let unread = || Collection::unknown(kind, Unknown::new(Reason::RemovalsUnproven, "it was not listed again"));
        let again = second.remove(&kind).unwrap_or_else(unread);
        if let Some(first) = collections.remove(&kind) {
            let doubtful = diff.kinds.get(&kind).map(|outcome| outcome.doubtful.clone()).unwrap_or_default();
            collections.insert(kind, first.confirmed_by(again, doubtful));
        }
    }
}

/// Asks for each doubtful entity by itself, where the service can be asked for one.
async fn ask_for_each(
    reader: &Reader<'_>,
    session: &Session,
    collections: &mut BTreeMap<Kind, Collection>,
    diff: &Diff,
) {
    let asked = collections.iter_mut().filter_map(|(kind, collection)| {
        let doubtful = &diff.kinds.get(kind)?.doubtful;
        Some(reader.ask_for_each(session, collection, doubtful))
    });
    join_all(asked).await;
}

/// Asks for the edges of a suspected mass removal by a second operation. Those of an entity that is removed
/// go with it.
async fn ask_by_second_operation(
    reader: &Reader<'_>,
    session: &Session,
    collections: &mut BTreeMap<Kind, Collection>,
    diff: &Diff,
) {
    let suspected: Vec<Kind> = diff.suspected_removals(reader.state).into_iter().map(|(kind, ..)| kind).collect();
    if !suspected.iter().any(|kind| kind.rank() == Rank::Edge) || planted!(SecondOperationLeftOut) {
        return;
    }
    let removed = compare(reader.state, collections).changes.into_iter().filter(|change| change.op == Op::Removed);
    let removed: BTreeMap<Key, Kind> = removed.map(|change| (change.key, change.kind)).collect();
    let is_asked_for = |(key, kind): &(&Key, &Kind)| {
        let goes_along = kind.ends_of(key).iter().any(|end| removed.contains_key(end));
        kind.rank() == Rank::Edge && suspected.contains(kind) && !goes_along
    };
    let edges: BTreeSet<Key> = removed.iter().filter(is_asked_for).map(|(key, _)| key.clone()).collect();
    let asked = reader.ask_by_second_operation(session, &edges).await;
    // What a lying listing lacked may have gone only now.
    if let Some(ended_at) = asked.ended_at {
        let kinds: BTreeSet<Kind> = edges.iter().filter_map(Key::kind).collect();
        collections.iter_mut().filter(|(kind, _)| kinds.contains(kind)).for_each(|(_, read)| read.end_at(ended_at));
    }
    let mut held: BTreeMap<Kind, Vec<(Key, Unknown)>> = BTreeMap::new();
    for (key, why) in asked.unproven {
        let Some(kind) = key.kind() else { continue };
        held.entry(kind).or_default().push((key, why));
    }
    for (kind, held) in held {
        collections.entry(kind).and_modify(|collection| collection.hold(held));
    }
}

pub(super) fn sum(mut all: Calls, more: Calls) -> Calls {
    for (operation, count) in more.by_operation {
        *all.by_operation.entry(operation).or_default() += count;
    }
    all.retries += more.retries;
    all.throttled += more.throttled;
    all.waited += more.waited;
    all.clock_offset_secs = more.clock_offset_secs.or(all.clock_offset_secs);
    all
}

/// When a reading began, by the wall clock, for people. What is later is told from here by the clock that only goes
/// forward: setting the wall clock meanwhile turns nothing round.
#[derive(Clone, Copy)]
struct Began {
    wall: Timestamp,
    at: Instant,
}

impl Began {
    fn now() -> Self {
        Self { wall: ambient::now(), at: Instant::now() }
    }

    fn later(self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.at.elapsed()).unwrap_or(SignedDuration::MAX);
        self.wall.checked_add(elapsed).unwrap_or(self.wall)
    }
}
