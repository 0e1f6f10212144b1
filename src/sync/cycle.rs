//! One reading: read, and read again what is doubtful, until every difference is proven or unknown.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
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
    diff::{Diff, compare},
    model::{Collection, Key, Kind, Reason, Scope, Unknown},
    state::State,
};

/// A reading that is ready to be published, with the details that it read.
pub(super) struct Proven {
    pub(super) reading: publication::Reading,
    pub(super) rounds: Rounds,
    pub(super) calls: Calls,
}

impl Pipeline {
    /// Reads the account and compares it with `state`; what is doubtful is read again after `confirm_delay`.
    ///
    /// # Errors
    /// The credentials belong to another account: nothing may be published of it.
    pub(super) async fn read(&self, state: &State, ledger: &Ledger) -> Result<Proven, CallError> {
        let started_at = wall_clock();
        let sync_id = Uuid::now_v7();
        let session = self.client.session(Instant::now() + self.rhythm.time_budget);
        refuse_foreign(session.verify_account().await)?;
        let mut rounds = Rounds::default();
        let reader = Reader { state, ledger };
        let mut collections = reader.read(&session, &Wanted::Everything, &mut rounds).await;
        // Credentials may have been exchanged meanwhile; asking once more costs a call only then.
        refuse_foreign(session.verify_account().await)?;
        let mut calls = session.calls();
        let mut diff = compare(state, &collections);
        if diff.doubtful().next().is_some() {
            sleep(self.rhythm.confirm_delay).await;
            let session = self.client.session(Instant::now() + self.rhythm.time_budget);
            let reader = Reader { state, ledger };
            confirm(&reader, &session, &mut collections, &diff, &mut rounds).await;
            refuse_foreign(session.verify_account().await)?;
            calls = sum(calls, session.calls());
            diff = compare(state, &collections);
            diff.settle();
        }
        let too_large = oversized(&diff, self.message_max_bytes);
        if !too_large.is_empty() {
            diff.withhold(state, too_large);
        }
        let reading = publication::Reading { sync_id, started_at, finished_at: wall_clock(), collections, diff };
        Ok(Proven { reading, rounds, calls })
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

/// The time for records that people read; nothing is decided by it.
fn wall_clock() -> Timestamp {
    Timestamp::now()
}
