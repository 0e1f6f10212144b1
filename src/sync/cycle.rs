//! One reading: read, and read again what is doubtful, until every difference is proven or unknown.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};
use tracing::info;
use uuid::Uuid;

use super::{
    Pipeline,
    collect::{Reader, Rounds, Wanted},
    details::Ledger,
    publication::{self, oversized},
};
use crate::{
    alicloud::{CallError, Calls, Session},
    ambient,
    diff::{Diff, compare},
    model::{Collection, Key, Kind, Reason, Scope, Unknown},
    state::State,
};

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
        let collections = Reader { state, ledger }.read(&session, &Wanted::Everything, &mut rounds).await;
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
        if diff.doubtful().next().is_some() {
            sleep(self.rhythm.confirm_delay).await;
            let session = self.session();
            confirm(&Reader { state, ledger }, &session, &mut collections, &diff, &mut rounds).await;
            refuse_foreign(session.verify_account().await)?;
            calls = sum(calls, session.calls());
            diff = compare(state, &collections);
            diff.settle();
        }
        let too_large = oversized(&diff, self.message_max_bytes);
        if !too_large.is_empty() {
            diff.withhold(state, too_large);
        }
        // The clock may have been set back meanwhile.
        let (started_at, finished_at) = (began.wall, began.later());
        let reading = publication::Reading { sync_id, started_at, finished_at, collections, diff };
        Ok(Proven { reading, rounds, calls })
    }

    fn session(&self) -> Session {
        self.client.session(Instant::now() + self.rhythm.time_budget)
    }
}

/// Only the account's own credentials may go on; whatever else is wrong with them makes scopes unknown.
fn refuse_foreign(verified: Result<(), CallError>) -> Result<(), CallError> {
    match verified {
        Err(error @ CallError::ForeignAccount { .. }) => Err(error),
        _ => Ok(()),
    }
}

/// Reads the scopes of what is doubtful a second time and puts them in place of the first reading.
async fn confirm(
    reader: &Reader<'_>,
    session: &Session,
    collections: &mut BTreeMap<Kind, Collection>,
    diff: &Diff,
    rounds: &mut Rounds,
) {
    let doubtful: Vec<(Kind, BTreeSet<Key>)> = diff.doubtful().map(|(kind, keys)| (kind, keys.clone())).collect();
    let scopes_of =
        |(kind, keys): &(Kind, BTreeSet<Key>)| keys.iter().map(|key| kind.scope_of(key)).collect::<Vec<_>>();
    let scopes: BTreeSet<Scope> = doubtful.iter().flat_map(scopes_of).collect();
    info!(keys = doubtful.iter().map(|(_, keys)| keys.len()).sum::<usize>(), scopes = scopes.len(), "confirming");
    let mut second = reader.read(session, &Wanted::Again(scopes), rounds).await;
    if planted!(ConfirmedByItself) {
        second = collections.clone();
    }
    for (kind, keys) in doubtful {
        let unread = || Collection::unknown(kind, Unknown::new(Reason::RemovalsUnproven, "it was not listed again"));
        let mut again = second.remove(&kind).unwrap_or_else(unread);
        reader.hold_what_exists(session, &mut again, &keys).await;
        if let Some(first) = collections.remove(&kind) {
            collections.insert(kind, first.confirmed_by(again, keys));
        }
    }
}

fn sum(mut all: Calls, more: Calls) -> Calls {
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
