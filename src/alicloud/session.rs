//! One reading's calls: each waits for its turn, is signed, sent, judged and, if that may help, sent again.
//!
//! Promises that a call ends by the reading's deadline, and that every attempt is counted. Does not know
//! what is read.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{Instrument, Span, debug_span, field, info, warn};

use super::answer::{Answer, judge};
use super::client::{CallReport, KnownKey, Shared};
use super::credentials::Credentials;
use super::endpoints::Service;
use super::error::{CallError, judge_exchange};
use super::exchange::{ExchangeError, Reply, SignedRequest};
use super::operation::Operation;
use super::retry::{Again, Failed, Patience};
use super::sign::{Unsigned, canonical_query, sign, unsigned_query};
use super::sts::{self, CallerIdentity};
use crate::ambient;
use crate::secret::Secret;

/// The calls of one reading. Share it by reference among concurrent tasks.
pub struct Session {
    shared: Arc<Shared>,
    deadline: Instant,
    calls: Arc<Mutex<Calls>>,
}

/// What is called, and where.
#[derive(Clone, Copy)]
struct Call<'a> {
    operation: &'static Operation,
    /// The region that it is about, of a service that answers region by region.
    region: Option<&'a str>,
}

/// What is sent, and what proves who asks.
pub(super) enum Outgoing<'a> {
    /// A canonical query, signed.
    Signed {
        /// The query.
        query: &'a str,
        /// What it is signed with.
        credentials: &'a Credentials,
    },
    /// A form that holds the proof itself.
    Unsigned {
        /// The form.
        form: &'a Secret,
    },
}

/// What a reading cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    /// Attempts per operation, by its name with its service (`ims ListUsers`).
    pub by_operation: BTreeMap<String, u64>,
    /// Attempts beyond the first of each call.
    pub retries: u64,
    /// Replies that said "throttled".
    pub throttled: u64,
    /// Time spent waiting for turns and between attempts, summed over concurrent calls.
    pub waited: Duration,
    /// The service's clock less ours, if a call was refused for it in this reading.
    pub clock_offset_secs: Option<i64>,
}

impl Calls {
    /// All attempts together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.by_operation.values().sum()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("deadline", &self.deadline).field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(shared: Arc<Shared>, deadline: Instant) -> Self {
        Self { shared, deadline, calls: Arc::default() }
    }

    /// The same reading, with no more than this share of the time that is left: the rest is for what must still come.
    #[must_use]
    pub fn with_share_of_time(&self, share: f64) -> Self {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let deadline = Instant::now() + left.mul_f64(share);
        Self { shared: Arc::clone(&self.shared), deadline, calls: Arc::clone(&self.calls) }
    }

    /// What has been called so far.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.tally().clone()
    }

    /// Makes sure that the current credentials belong to the expected account.
    ///
    /// Every call does this by itself; here the outcome is an error of its own, not the reason of an unknown
    /// scope. Costs a call only for an AccessKeyId that is new.
    ///
    /// # Errors
    ///
    /// [`CallError::ForeignAccount`], or that it could not be found out.
    pub async fn verify_account(&self) -> Result<(), CallError> {
        let credentials = self.credentials(&sts::GET_CALLER_IDENTITY).await?;
        self.pin(&credentials).await
    }

    /// Calls `operation` until it answers, or until that is hopeless. Where a service answers region by region, host and
    /// pace are those of the region that the parameters name.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        operation: &'static Operation,
        parameters: &[(&str, &str)],
    ) -> Result<Answer<T>, CallError> {
        let query = canonical_query(parameters);
        let named = parameters.iter().find(|(name, _)| operation.service == Service::Ecs && *name == "RegionId");
        let call = Call { operation, region: named.map(|(_, region)| *region) };
        let mut patience = self.patience();
        let mut may_exchange = true;
        loop {
            // Read anew each time: a rotated key may be what makes the next attempt succeed.
            let credentials = self.credentials(operation).await?;
            // On the heap: a reading waits for many calls at once, and its future holds each of them.
            match Box::pin(self.pin(&credentials)).await {
                Ok(()) => {}
                Err(error) if may_exchange && self.has_other_credentials(operation, &error, &credentials).await => {
                    may_exchange = false;
                    continue;
                }
                Err(error) => return Err(error),
            }
            let outgoing = Outgoing::Signed { query: &query, credentials: &credentials };
            match Box::pin(self.attempt(call, &outgoing, patience.attempt())).await {
                Ok(answer) => return Ok(answer),
                Err(failed)
                    if may_exchange && self.has_other_credentials(operation, &failed.error, &credentials).await =>
                {
                    may_exchange = false;
                }
                Err(failed) => self.wait(call, &mut patience, failed).await?,
            }
        }
    }

    /// Asks STS for the credentials of a role: the one call that is made with credentials of which it is not known whose
    /// they are.
    pub(super) async fn ask_sts<T: DeserializeOwned>(
        &self,
        operation: &'static Operation,
        outgoing: &Outgoing<'_>,
    ) -> Result<T, CallError> {
        let call = Call { operation, region: None };
        let mut patience = self.patience();
        loop {
            match self.attempt(call, outgoing, patience.attempt()).await {
                Ok(Answer { item, .. }) => return Ok(item),
                Err(failed) => self.wait(call, &mut patience, failed).await?,
            }
        }
    }

    /// Credentials were exchanged for others, which end then, or in vain.
    pub(super) fn tell_exchange(&self, expire: Option<Timestamp>) {
        if let Some(on_exchange) = &self.shared.on_exchange {
            on_exchange(expire);
        }
    }

    /// The time by which everything ends.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The time by the services' clock, as far as it is known.
    pub(super) fn now(&self) -> Timestamp {
        self.shared.signing_time()
    }

    /// Whether there are others by now than those that were refused: exchanged before their end, or changed in their files.
    async fn has_other_credentials(
        &self,
        operation: &'static Operation,
        error: &CallError,
        refused: &Credentials,
    ) -> bool {
        if !matches!(error, CallError::Unauthenticated(_)) {
            return false;
        }
        self.shared.credentials.distrust(refused);
        self.credentials(operation).await.is_ok_and(|credentials| credentials != *refused)
    }

    /// Refuses credentials of another account; the lock makes concurrent calls ask once.
    async fn pin(&self, credentials: &Credentials) -> Result<(), CallError> {
        let Some(expected) = &self.shared.expected_account else { return Ok(()) };
        let operation = &sts::GET_CALLER_IDENTITY;
        let locked = timeout_at(self.deadline, self.shared.known_key.lock()).await;
        let mut known = locked.map_err(|_| CallError::OutOfTime { operation })?;
        let key = match known.take() {
            Some(key) if key.access_key_id == credentials.access_key_id => key,
            _ => self.ask_whose(credentials).await?,
        };
        let key = known.insert(key);
        if key.account_id == *expected {
            return Ok(());
        }
        Err(CallError::ForeignAccount { expected: expected.clone(), found: key.account_id.clone() })
    }

    async fn ask_whose(&self, credentials: &Credentials) -> Result<KnownKey, CallError> {
        let call = Call { operation: &sts::GET_CALLER_IDENTITY, region: None };
        let mut patience = self.patience();
        loop {
            let outgoing = Outgoing::Signed { query: "", credentials };
            match self.attempt::<CallerIdentity>(call, &outgoing, patience.attempt()).await {
                Ok(Answer { item, .. }) => {
                    let access_key_id = credentials.access_key_id.clone();
                    let (source, arn) = (&self.shared.credentials, item.arn.as_deref());
                    info!(credentials = %source, access_key_id, account_id = item.account_id, arn, "whose the credentials are");
                    return Ok(KnownKey { access_key_id, account_id: item.account_id });
                }
                Err(failed) => self.wait(call, &mut patience, failed).await?,
            }
        }
    }

    /// One attempt: its turn, the exchange, the judgement.
    async fn attempt<T: DeserializeOwned>(
        &self,
        call: Call<'_>,
        outgoing: &Outgoing<'_>,
        attempt: u32,
    ) -> Result<Answer<T>, Failed> {
        let Call { operation, region } = call;
        let asked = Instant::now();
        let permit = self.turn(call).await?;
        let waited = asked.elapsed();
        let span = debug_span!(
            "call",
            operation = %operation,
            region,
            attempt,
            status = field::Empty,
            code = field::Empty,
            request_id = field::Empty,
            elapsed_ms = field::Empty
        );
        let begun = Instant::now();
        let reply = self.exchange(call, outgoing).instrument(span.clone()).await;
        let elapsed = begun.elapsed();
        drop(permit);
        let answer = span.in_scope(|| {
            Span::current().record("elapsed_ms", u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
            reply.and_then(|reply| judge(operation, outgoing.told_apart_by(operation), &reply))
        });
        self.count(operation, attempt);
        if let Some(on_call) = &self.shared.on_call {
            let failure = answer.as_ref().err().map(|failed| failed.error.reason());
            on_call(&CallReport { operation, attempt, failure, elapsed, waited });
        }
        answer
    }

    /// Waits for the pace, then for a free place. In this order, so that a slow operation keeps no place from others.
    async fn turn(&self, call: Call<'_>) -> Result<SemaphorePermit<'_>, Failed> {
        let Call { operation, region } = call;
        let out_of_time = || Failed { error: CallError::OutOfTime { operation }, again: Again::Never };
        let begun = Instant::now();
        self.shared.limiter.acquire(operation, region, self.deadline).await.map_err(|_| out_of_time())?;
        let permit = timeout_at(self.deadline, self.shared.permits.acquire()).await.map_err(|_| out_of_time())?;
        self.tally().waited += begun.elapsed();
        // Places come free when other calls end at the same deadline.
        if Instant::now() >= self.deadline {
            return Err(out_of_time());
        }
        Ok(permit.expect("the semaphore is never closed"))
    }

    async fn exchange(&self, call: Call<'_>, outgoing: &Outgoing<'_>) -> Result<Reply, Failed> {
        let Call { operation, region } = call;
        let endpoint = self.shared.endpoints.of(operation.service, region);
        let (action, version, now) = (operation.name, operation.version(), self.now());
        let nonce = ambient::uuid_v4().simple().to_string();
        let mut url = endpoint.url.clone();
        let (headers, form) = match outgoing {
            Outgoing::Signed { query, credentials } => {
                url.set_query(Some(*query).filter(|query| !query.is_empty()));
                let call = Unsigned { host: &endpoint.host, action, version, query };
                (sign(&call, credentials, now, &nonce), None)
            }
            Outgoing::Unsigned { form } => {
                url.set_query(Some(&unsigned_query(action, version, now, &nonce)));
                (Vec::new(), Some((*form).clone()))
            }
        };
        let exchange = self.shared.exchange.exchange(SignedRequest { url, headers, form });
        let reply = timeout_at(self.deadline, exchange).await.unwrap_or(Err(ExchangeError::BudgetUsedUp));
        reply.map_err(|error| judge_exchange(operation, error))
    }

    /// Waits as long as the failure deserves, or returns it.
    async fn wait(&self, call: Call<'_>, patience: &mut Patience, failed: Failed) -> Result<(), CallError> {
        let again = failed.again;
        if let (CallError::Throttled(_), Again::After(pause)) = (&failed.error, again) {
            self.tally().throttled += 1;
            if !pause.is_zero() {
                self.shared.limiter.hold(call.operation, call.region, pause);
            }
        }
        let wait = patience.after(failed, Instant::now(), ambient::fraction())?;
        if let Again::WithClockOffset(offset_secs) = again {
            if self.shared.correct_clock(offset_secs) {
                warn!(offset_secs, "clock refused by the service, signing with its time: set this machine's clock");
            }
            self.tally().clock_offset_secs = Some(offset_secs);
        }
        self.tally().waited += wait;
        sleep(wait).await;
        Ok(())
    }

    async fn credentials(&self, operation: &'static Operation) -> Result<Credentials, CallError> {
        let current = self.shared.credentials.current(self).await;
        current.map_err(|source| CallError::NoCredentials { operation, source })
    }

    fn patience(&self) -> Patience {
        Patience::new(self.shared.backoff, self.deadline)
    }

    fn count(&self, operation: &Operation, attempt: u32) {
        let mut calls = self.tally();
        *calls.by_operation.entry(operation.to_string()).or_default() += 1;
        calls.retries += u64::from(attempt > 1);
    }

    fn tally(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Outgoing<'a> {
    /// By what a message of the service is told from one that repeats a secret; none where parameters are secret, too.
    fn told_apart_by(&self, operation: &Operation) -> Option<&'a Credentials> {
        match self {
            Self::Signed { credentials, .. } if *operation != sts::ASSUME_ROLE => Some(credentials),
            Self::Signed { .. } | Self::Unsigned { .. } => None,
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
