//! The client of one account: what all of its calls share.
//!
//! Promises that nothing is called with credentials of another account: the account that an AccessKeyId
//! belongs to is asked for before anything else is signed with it. Knows no operation but that one.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;

use super::answer::Dated;
use super::credentials::CredentialsSource;
use super::endpoints::Endpoints;
use super::error::CallError;
use super::exchange::{Exchange, ExchangeSettings, ExchangeSettingsError};
use super::limit::Limiter;
use super::operation::Operation;
use super::retry::Backoff;
use super::session::Session;
use super::sts::{self, CallerIdentity};
use crate::ambient;
use crate::model::Reason;

/// How an account is called.
pub struct Settings {
    /// What requests are signed with.
    pub credentials: CredentialsSource,
    /// Where the services answer.
    pub endpoints: Endpoints,
    /// How requests travel.
    pub exchange: ExchangeSettings,
    /// The part of each operation's quota that is used: above 0, at most 1.
    pub rate_share: f64,
    /// The most calls under way at one time, of all operations together.
    pub concurrency: usize,
    /// The waits between attempts.
    pub backoff: Backoff,
    /// Called after every attempt, for metrics; must be quick.
    pub on_call: Option<CallObserver>,
    /// Called after every exchange for temporary credentials, for metrics; must be quick.
    pub on_exchange: Option<ExchangeObserver>,
}

/// Something that wants to know of every attempt.
pub type CallObserver = Arc<dyn Fn(&CallReport) + Send + Sync>;

/// Something that wants to know when the credentials end that an exchange brought; `None` = it brought none.
pub type ExchangeObserver = Arc<dyn Fn(Option<Timestamp>) + Send + Sync>;

/// One attempt of one call.
#[derive(Debug, Clone, Copy)]
pub struct CallReport {
    /// What was called.
    pub operation: &'static Operation,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// Why it failed; none if it did not.
    pub failure: Option<Reason>,
    /// How long it took, without the wait for its turn.
    pub elapsed: Duration,
    /// How long it waited for its turn: for the pace, and for a free place.
    pub waited: Duration,
}

impl Settings {
    /// The default rate share.
    pub const RATE_SHARE: f64 = 0.3;
    /// The default bound of calls under way.
    pub const CONCURRENCY: usize = 16;

    /// Settings with every default.
    #[must_use]
    pub fn new(credentials: CredentialsSource, endpoints: Endpoints) -> Self {
        Self {
            credentials,
            endpoints,
            exchange: ExchangeSettings::default(),
            rate_share: Self::RATE_SHARE,
            concurrency: Self::CONCURRENCY,
            backoff: Backoff::default(),
            on_call: None,
            on_exchange: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}

/// Why there is no client; each text names the setting and the mend.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The rate share is no share.
    #[error("the rate share is {0}: set it above 0 and to at most 1")]
    RateShare(f64),
    /// No call could ever begin.
    #[error("the concurrency is {0}: set it to at least 1 and at most {max}", max = Semaphore::MAX_PERMITS)]
    Concurrency(usize),
    /// Not an account id.
    #[error("{0:?} is not an account id: use the id of digits that the console shows under Account Management")]
    AccountId(String),
    /// The HTTP client cannot be built.
    #[error(transparent)]
    Exchange(#[from] ExchangeSettingsError),
}

/// A client of one account. Cloning it is cheap: all clones share pace, connections and what is known of the keys.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What all sessions share.
pub(super) struct Shared {
    pub(super) credentials: CredentialsSource,
    pub(super) endpoints: Endpoints,
    pub(super) exchange: Exchange,
    pub(super) limiter: Limiter,
    pub(super) permits: Semaphore,
    pub(super) backoff: Backoff,
    pub(super) on_call: Option<CallObserver>,
    pub(super) on_exchange: Option<ExchangeObserver>,
    /// None only while it is being found out to whom credentials belong.
    pub(super) expected_account: Option<String>,
    /// The newest AccessKeyId and whose it is. A key never changes its account, so the answer is kept.
    pub(super) known_key: Mutex<Option<KnownKey>>,
    clock_offset_secs: AtomicI64,
}

/// Whose an AccessKeyId is.
pub(super) struct KnownKey {
    pub(super) access_key_id: String,
    pub(super) account_id: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("account_id", &self.shared.expected_account).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that serves `expected_account_id` only. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// A setting that cannot work.
    pub fn new(settings: Settings, expected_account_id: &str) -> Result<Self, SettingsError> {
        if expected_account_id.is_empty() || !expected_account_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SettingsError::AccountId(expected_account_id.to_owned()));
        }
        Self::build(settings, Some(expected_account_id.to_owned()))
    }

    /// Where the credentials come from; its `Display` tells which link of the chain it is.
    #[must_use]
    pub fn credentials(&self) -> &CredentialsSource {
        &self.shared.credentials
    }

    /// Begins a reading; calls that cannot be answered by `deadline` are given up.
    #[must_use]
    pub fn session(&self, deadline: Instant) -> Session {
        Session::new(Arc::clone(&self.shared), deadline)
    }

    fn build(settings: Settings, expected_account: Option<String>) -> Result<Self, SettingsError> {
        if !(settings.rate_share > 0.0 && settings.rate_share <= 1.0) {
            return Err(SettingsError::RateShare(settings.rate_share));
        }
        if !(1..=Semaphore::MAX_PERMITS).contains(&settings.concurrency) {
            return Err(SettingsError::Concurrency(settings.concurrency));
        }
        let shared = Shared {
            exchange: Exchange::new(&settings.exchange)?,
            credentials: settings.credentials,
            endpoints: settings.endpoints,
            limiter: Limiter::new(settings.rate_share),
            permits: Semaphore::new(settings.concurrency),
            backoff: settings.backoff,
            on_call: settings.on_call,
            on_exchange: settings.on_exchange,
            expected_account,
            known_key: Mutex::new(None),
            clock_offset_secs: AtomicI64::new(0),
        };
        Ok(Self { shared: Arc::new(shared) })
    }
}

/// Why it could not be found out whose the credentials are.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    /// A setting cannot work.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Finds out which account the credentials belong to, where none is configured yet, and by the way what time it is there.
/// Needs no permission.
///
/// # Errors
///
/// A setting that cannot work, or the failure of the call.
pub async fn identify(settings: Settings, deadline: Instant) -> Result<Dated<CallerIdentity>, IdentifyError> {
    let session = Client::build(settings, None)?.session(deadline);
    Ok(sts::get_caller_identity(&session).await?)
}

impl Shared {
    /// The time to sign with: ours, corrected if the service once refused it.
    pub(super) fn signing_time(&self) -> Timestamp {
        let offset = SignedDuration::from_secs(self.clock_offset_secs.load(Ordering::Relaxed));
        let now = ambient::now();
        now.checked_add(offset).unwrap_or(now)
    }

    /// Takes over the offset; tells whether it is news (concurrent calls find out the same, give or take a second).
    pub(super) fn correct_clock(&self, offset_secs: i64) -> bool {
        self.clock_offset_secs.swap(offset_secs, Ordering::Relaxed).abs_diff(offset_secs) > 2
    }
}
