//! The account as it is, read once and compared with nothing: for people who want to look.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{
    collect::{Reader, Rounds, Wanted},
    details::Ledger,
};
use crate::{
    alicloud::{CallError, Calls, Client},
    model::{Collection, Kind},
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

/// Reads the account once, within `time_budget`. What could not be read is unknown.
///
/// # Errors
/// The credentials belong to another account, or there are none.
pub async fn take_inventory(client: &Client, account: &str, time_budget: Duration) -> Result<Inventory, CallError> {
    let state = State::new(account);
    let ledger = Ledger::new(Duration::MAX);
    let session = client.session(Instant::now() + time_budget);
    session.verify_account().await?;
    let reader = Reader { state: &state, ledger: &ledger };
    let collections = reader.read(&session, &Wanted::Everything, &mut Rounds::default()).await;
    Ok(Inventory { collections, calls: session.calls() })
}
