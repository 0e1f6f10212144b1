//! Reading the state back, before anything is claimed: fail closed.

use std::{error::Error, sync::Arc};

use uuid::Uuid;

use super::{Pipeline, account_topics::AccountTopics, refusal::Refusal};
use crate::{
    kafka::{AttemptError, Fold, FoldError, ReadError, RegistryError, StateLog},
    state::State,
};

/// Why one life of the daemon, or a command on the state, ended.
#[derive(Debug, thiserror::Error)]
pub enum LifeError {
    /// A person has to look at it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is worth another try.
    #[error("{0}")]
    Unavailable(String),
}

impl LifeError {
    /// Something that is needed cannot be reached.
    pub(super) fn unavailable(error: impl Error + 'static) -> Self {
        Self::Unavailable(chain(&error))
    }

    /// The account cannot be read, and only a person can mend that.
    pub(super) fn account(error: impl Error + 'static) -> Self {
        Self::Refused(Refusal::Account(chain(&error)))
    }

    pub(super) fn registry(error: RegistryError) -> Self {
        if matches!(error, RegistryError::Unreachable { .. }) {
            Self::unavailable(error)
        } else {
            Self::Refused(Refusal::Registry(chain(&error)))
        }
    }

    /// A failed attempt: only what it has read can be for a person.
    pub(super) fn attempt(error: AttemptError) -> Self {
        match error {
            AttemptError::Read(error) => Self::read(error),
            other => Self::unavailable(other),
        }
    }

    pub(super) fn read(error: ReadError) -> Self {
        let why = chain(&error);
        match error {
            ReadError::Client { .. } | ReadError::Stalled { .. } => Self::Unavailable(why),
            ReadError::Recreated { .. } => Self::Refused(Refusal::Recreated(why)),
            // Only the state is read on; every other log is read from its start.
            ReadError::Truncated { low_watermark, .. } => Self::Refused(Refusal::Truncated { low_watermark }),
            ReadError::Fold { source, .. } => Self::Refused(Refusal::of_record(&*source, why)),
        }
    }
}

/// An error and its causes in one line.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl Fold for State {
    fn apply(&mut self, key: &[u8], value: Option<&[u8]>, _: i64) -> Result<(), FoldError> {
        Self::apply(self, key, value).map_err(FoldError::from)
    }
}

impl Pipeline {
    /// The account's topics, without the cloud.
    pub(super) fn account_topics(&self) -> AccountTopics {
        AccountTopics {
            account_id: self.id.clone(),
            account_name: self.name.clone(),
            connection: Arc::clone(&self.connection),
            topics: Arc::clone(&self.topics),
            settings: self.topic_settings.clone(),
            transactional_id: self.transactional_id.clone(),
            redacted: Arc::clone(&self.redacted),
        }
    }

    /// Reads the state and verifies it on a still picture. Nothing is initialised, nothing claimed.
    pub(super) async fn recover(&self) -> Result<(StateLog, State), LifeError> {
        let (mut log, mut state) = self.unread_state();
        self.verify(&mut log, &mut state).await?;
        Ok((log, state))
    }

    /// The state before anything of it is read.
    pub(super) fn unread_state(&self) -> (StateLog, State) {
        let log = self.account_topics().state_log().read_by(self.me);
        (log, State::new(&self.id).leaving_out(Arc::clone(&self.redacted)))
    }

    /// Reads on and verifies on a still picture.
    pub(super) async fn verify(&self, log: &mut StateLog, state: &mut State) -> Result<(), LifeError> {
        self.account_topics().verify(log, state).await
    }

    /// Makes sure that a state without progress is that of an account that was never published, unless
    /// by an earlier attempt in this very `lineage`, whose answer was lost.
    pub(super) async fn prove_first_run(&self, lineage: Uuid) -> Result<(), LifeError> {
        let trace = self.account_topics().trace().await?;
        let last = trace.last.filter(|last| last.lineage != lineage.to_string());
        let last = last.filter(|_| !planted!(MissingStateIsFirstRun));
        let topic = self.topics.syncs().to_string();
        last.map_or(Ok(()), |last| Err(Refusal::Lost { topic, sequence: last.sequence }.into()))
    }
}
