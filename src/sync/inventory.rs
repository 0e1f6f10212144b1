//! The account as it is, read for people who want to look: once and compared with nothing, or held against a published
//! state as the daemon does it. Nothing is published.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    collect::{Reader, Rounds, Wanted},
    cycle::{Again, refuse_foreign, sum},
    details::Ledger,
};
use crate::{
    alicloud::{CallError, Calls, Client},
    diff::{Diff, compare},
    model::{Collection, Kind, Redacted},
    state::State,
};

/// What one reading found.
#[derive(Debug)]
pub struct Inventory {
    /// What was read, by kind.
    pub collections: BTreeMap<Kind, Collection>,
    /// What it cost.
    pub calls: Calls,
}

/// Reads these kinds of the account once, within `time_budget`, without the fields that are left out. What could not be
/// read is unknown.
///
/// # Errors
/// The credentials belong to another account, or there are none.
pub async fn take_inventory(
    client: &Client,
    account: &str,
    kinds: &BTreeSet<Kind>,
    redacted: Arc<Redacted>,
    time_budget: Duration,
) -> Result<Inventory, CallError> {
    let state = State::new(account).leaving_out(redacted);
    let ledger = Ledger::new(Duration::MAX);
    let session = client.session(Instant::now() + time_budget);
    session.verify_account().await?;
    let reader = Reader { state: &state, ledger: &ledger, kinds };
    let collections = reader.read(&session, &Wanted::Everything, &mut Rounds::default()).await;
    Ok(Inventory { collections, calls: session.calls() })
}

/// What the account as it is differs in from a published state.
#[derive(Debug)]
pub struct Comparison {
    /// The differences, each proven, and what is not known.
    pub diff: Diff,
    /// What it cost.
    pub calls: Calls,
}

/// Reads `kinds` of the account and compares them with `state` by the daemon's own rules: what is doubtful is read again after
/// `confirm_delay`, what could not be read is unknown. All details are read.
///
/// # Errors
/// The credentials belong to another account, or there are none.
pub async fn compare_with_account(
    client: &Client,
    state: &State,
    kinds: &BTreeSet<Kind>,
    time_budget: Duration,
    confirm_delay: Duration,
) -> Result<Comparison, CallError> {
    let ledger = Ledger::new(Duration::ZERO);
    let open = || client.session(Instant::now() + time_budget);
    let session = open();
    session.verify_account().await?;
    let reader = Reader { state, ledger: &ledger, kinds };
    let mut rounds = Rounds::default();
    let mut collections = reader.read(&session, &Wanted::Everything, &mut rounds).await;
    refuse_foreign(session.verify_account().await)?;
    let mut diff = compare(state, &collections);
    let again = Again { session: &open, after: confirm_delay };
    let more = again.settle(&reader, &mut collections, &mut diff, &mut rounds).await?;
    Ok(Comparison { diff, calls: sum(session.calls(), more) })
}
