//! Whose credentials are these? For the error that asks for `account.id`: ready to paste.

use std::time::Duration;

use tokio::time::Instant;

use super::assemble;
use crate::{alicloud, config::Refused};

/// How long the answer may take; without it the error is shown as it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// Adds the line to paste to a configuration error about a missing `account.id`, if the cloud can be asked.
pub(super) async fn with_account_id(error: anyhow::Error) -> anyhow::Error {
    match account_id(&error).await {
        Some(id) => error.context(format!(
            "the credentials belong to account {id}; if that is the one, write\n\n  [account]\n  id = \"{id}\"\n"
        )),
        None => error,
    }
}

async fn account_id(error: &anyhow::Error) -> Option<String> {
    let (alicloud, credentials) = error.downcast_ref::<Refused>()?.account_unknown.as_deref()?;
    let settings = assemble::client_settings(alicloud, credentials, None).ok()?;
    let identity = alicloud::identify(settings, Instant::now() + PATIENCE).await.ok()?;
    Some(identity.account_id)
}
