//! Whose credentials are these? The answer to an error that asks for `account.id`, ready to paste.

use std::time::Duration;

use tokio::time::Instant;

use super::assemble;
use crate::{alicloud, config::Refused};

/// How long the answer may take; without it the error is shown as it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// The lines to paste, if `error` is a configuration without `account.id` and the cloud can be asked.
pub(super) async fn hint(error: &anyhow::Error) -> Option<String> {
    let id = account_id(error).await?;
    Some(format!("the credentials belong to account {id}; if that is the one, write\n\n  [account]\n  id = \"{id}\""))
}

async fn account_id(error: &anyhow::Error) -> Option<String> {
    let (alicloud, credentials) = error.downcast_ref::<Refused>()?.account_unknown.as_deref()?;
    let settings = assemble::client_settings(alicloud, credentials, None, None).ok()?;
    let identity = alicloud::identify(settings, Instant::now() + PATIENCE).await.ok()?;
    Some(identity.item.account_id)
}
