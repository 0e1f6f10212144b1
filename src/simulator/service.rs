//! From a request to its answer: authenticate, throttle, strike with faults, run, write down.
//!
//! Does not know sockets. The order of the steps is that of the real gateway: who cannot be told apart is not throttled,
//! who is throttled is told nothing of the account.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;
use std::{io, sync::PoisonError};

use hyper::header::USER_AGENT;
use serde::Serialize;

use super::account::Account;
use super::answer::{Answered, respond};
use super::authentication::{Caller, Identity, Keys};
use super::clock::{Clock, whole_seconds};
use super::draft::Draft;
use super::entities::UserStatus;
use super::error::{self, ServiceError};
use super::faults::{Effect, Fault, Faults};
use super::operations::{self, Call, Operation, Run, Service};
use super::page::page_number;
use super::policy::Policy;
use super::reply::Reply;
use super::request::Request;
use super::throttle::Throttle;
use super::truth::{Served, Truth, without_secrets};
use crate::ambient;

/// Everything that the addresses of one simulated account share.
#[derive(Debug)]
pub(super) struct Simulator {
    pub(super) account: RwLock<Arc<Account>>,
    pub(super) account_file: Option<PathBuf>,
    pub(super) clock: Clock,
    pub(super) keys: Keys,
    /// What every caller may do; everything without it.
    pub(super) policy: Mutex<Option<Policy>>,
    pub(super) throttle: Throttle,
    pub(super) faults: Faults,
    pub(super) truth: Truth,
    pub(super) latency_ms: AtomicU64,
    /// Pages by marker hold at most so many rows, whatever is asked for; the services promise no fullness.
    pub(super) largest_page: AtomicU32,
    /// How many pages were shorter than asked for.
    pub(super) short_pages: AtomicU64,
    pub(super) calls: Mutex<BTreeMap<String, Calls>>,
}

/// How often an operation was called.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Calls {
    /// All calls.
    pub calls: u64,
    /// Those that were refused, whatever the reason.
    pub refused: u64,
    /// Those that were throttled.
    pub throttled: u64,
}

/// What came of a call before it is put into bytes.
pub(super) struct Outcome {
    pub(super) operation: Option<&'static Operation>,
    /// Which page was asked for, from 1 on.
    pub(super) page: u32,
    pub(super) fault: Option<Fault>,
    pub(super) reply: Result<Reply, ServiceError>,
    /// The sequence of the last mutation that the reply shows.
    pub(super) as_of: u64,
}

impl Simulator {
    /// Answers `request`.
    pub(super) async fn answer(&self, request: &Request) -> Answered {
        let received = self.clock.now();
        let request_id = ambient::uuid_v4().to_string().to_uppercase();
        let outcome = self.outcome(request).await;
        self.count(&outcome);
        let answered = respond(&outcome, request, &request_id, self.clock.now());
        let served = Served {
            received_ms: received.as_millisecond(),
            answered_ms: self.clock.now().as_millisecond(),
            client: request.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default(),
            operation: outcome.operation.map(|operation| operation.name),
            version: outcome.operation.map(|operation| operation.service.version()),
            parameters: without_secrets(&request.parameters),
            page: outcome.page,
            status: answered.status(),
            code: outcome.reply.as_ref().err().map(|error| error.code.as_ref()),
            fault: outcome.fault.as_ref().map(|fault| fault.fault),
            request_id: &request_id,
            as_of: outcome.as_of,
        };
        report(self.truth.served(&served));
        answered
    }

    async fn outcome(&self, request: &Request) -> Outcome {
        let mut outcome = Outcome { operation: None, page: 1, fault: None, reply: Ok(Reply::done()), as_of: 0 };
        let (operation, caller) = match self.admit(request, &mut outcome) {
            Ok(admitted) => admitted,
            Err(error) => return Outcome { reply: Err(error), as_of: self.truth.last_mutation(), ..outcome },
        };
        outcome.page = page_number(operation.paging, operation.name, &request.parameters);
        let sent = |name: &str| request.parameters.sent(name).map(str::to_owned);
        outcome.fault = self.faults.strike(operation, outcome.page, sent);
        self.wait(outcome.fault.as_ref()).await;
        let largest_page = self.largest_page.load(Ordering::Relaxed);
        let call = Call::new(operation, &request.parameters, &caller, self.clock.now(), &self.keys);
        let call = Call { largest_page, ..call };
        let (reply, as_of) = self.run(&call, &mut outcome.fault);
        let spelled = |error: ServiceError| match operation.service {
            Service::ResourceManager => error.spelled_by_resource_manager(),
            _ => error,
        };
        Outcome { reply: reply.map_err(spelled), as_of, ..outcome }
    }

    /// Who calls what, if the call is let in at all. The operation is noted as soon as it is known.
    fn admit(&self, request: &Request, outcome: &mut Outcome) -> Result<(&'static Operation, Caller), ServiceError> {
        if !matches!(request.method.as_str(), "GET" | "POST") {
            return Err(error::METHOD_NOT_ALLOWED);
        }
        let (version, action) = request.operation().ok_or_else(|| ServiceError::missing("Action"))?;
        let operation = operations::lookup(version, action).ok_or(error::API_NOT_FOUND)?;
        outcome.operation = Some(operation);
        let caller = match operation.signed {
            true => self.keys.authenticate(request, self.clock.judging(), self.clock.now())?,
            false => Caller { access_key_id: String::new(), identity: Identity::Anonymous },
        };
        self.throttle.admit(operation, request.parameters.text("RegionId"))?;
        if super::lock(&self.policy).as_ref().is_some_and(|policy| !policy.allows(operation)) {
            return Err(error::NO_PERMISSION);
        }
        Ok((operation, caller))
    }

    async fn wait(&self, fault: Option<&Fault>) {
        let latency = Duration::from_millis(self.latency_ms.load(Ordering::Relaxed));
        let wait = latency + fault.map_or(Duration::ZERO, Fault::delay);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// The reply, and the sequence of the last mutation that it shows. A fault that changes nothing did not strike.
    pub(super) fn run(&self, call: &Call<'_>, struck: &mut Option<Fault>) -> (Result<Reply, ServiceError>, u64) {
        let fault = struck.as_ref();
        let refusal = fault.and_then(Fault::refusal);
        let before = matches!(fault.map(|fault| fault.fault), Some(Effect::Reset | Effect::Html));
        if refusal.is_some() || before {
            return (refusal.map_or_else(|| Ok(Reply::done()), Err), self.truth.last_mutation());
        }
        let (mut reply, as_of) = match call.operation.run {
            Run::Read(read) => self.read(fault, |account| read(call, account)),
            Run::Write(write) => self.change(call.operation.name, |draft| write(call, draft)),
        };
        let is_short = call.largest_page < u32::MAX && reply.as_ref().is_ok_and(Reply::goes_on);
        self.short_pages.fetch_add(u64::from(is_short), Ordering::Relaxed);
        let is_past = as_of < self.truth.last_mutation();
        let strikes = struck.as_ref().is_none_or(|fault| match (fault.fault, &mut reply) {
            (Effect::Stale, _) => is_past,
            (_, Ok(reply)) => fault.spoil(reply, call),
            (_, Err(_)) => fault.strikes_refusals(),
        });
        if !strikes {
            struck.take().iter().for_each(Fault::missed);
        }
        (reply, as_of)
    }

    fn read<T>(&self, fault: Option<&Fault>, read: impl FnOnce(&Account) -> T) -> (T, u64) {
        if let Some((snapshot, as_of)) = fault.and_then(|fault| fault.snapshot.as_ref()) {
            return (read(snapshot), *as_of);
        }
        let account = self.account.read().unwrap_or_else(PoisonError::into_inner);
        (read(&account), self.truth.last_mutation())
    }

    /// Changes the account and writes the changes down, as one step for every reader.
    pub(super) fn change<T>(&self, operation: &str, change: impl FnOnce(&mut Draft<'_>) -> T) -> (T, u64) {
        let mut account = self.account.write().unwrap_or_else(PoisonError::into_inner);
        // Copies the tables only while a stale fault holds an earlier picture of them; rows are shared.
        let mut draft = Draft::new(Arc::make_mut(&mut account));
        let result = change(&mut draft);
        report(self.truth.mutated(self.clock.now(), operation, &draft.into_changes()));
        (result, self.truth.last_mutation())
    }

    /// Freezes or thaws a user.
    ///
    /// # Errors
    /// No such user.
    pub(super) fn set_user_status(&self, user: &str, status: UserStatus) -> Result<(), ServiceError> {
        let now = whole_seconds(self.clock.now());
        let operation = if status == UserStatus::Frozen { "Freeze" } else { "Unfreeze" };
        self.change(operation, |draft| operations::set_user_status(draft, user, status, now)).0
    }

    /// Binds a security key to a user, as people do in the console.
    ///
    /// # Errors
    /// No such user, or one that has a device.
    pub(super) fn add_security_key(&self, user: &str) -> Result<Reply, ServiceError> {
        let now = whole_seconds(self.clock.now());
        let added = |draft: &mut Draft<'_>| operations::add_security_key(draft, user, now).map(|()| Reply::done());
        self.change("BindSecurityKey", added).0
    }

    /// Makes an instance anew under its id.
    ///
    /// # Errors
    /// No such instance.
    pub(super) fn recreate_instance(&self, id: &str) -> Result<(), ServiceError> {
        let now = whole_seconds(self.clock.now());
        self.change("Recreate", |draft| operations::recreate_instance(draft, id, now)).0
    }

    /// Puts a fault in force.
    ///
    /// # Errors
    /// Why it makes no sense.
    pub(super) fn add_fault(&self, mut fault: Fault) -> Result<(), &'static str> {
        if let Some(problem) = fault.problem() {
            return Err(problem);
        }
        if fault.fault == Effect::Stale {
            fault.snapshot = Some(self.snapshot());
        }
        self.faults.add(fault);
        Ok(())
    }

    /// The account as it is now, and the sequence of the last mutation in it.
    #[must_use]
    pub(super) fn snapshot(&self) -> (Arc<Account>, u64) {
        let account = self.account.read().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&account), self.truth.last_mutation())
    }

    /// Writes the account to its file, if it has one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn save(&self) -> io::Result<Option<PathBuf>> {
        let Some(path) = &self.account_file else { return Ok(None) };
        self.snapshot().0.save(path)?;
        Ok(Some(path.clone()))
    }

    /// Counts a request that is not one of the services'.
    pub(super) fn note(&self, name: &str) {
        super::lock(&self.calls).entry(name.to_owned()).or_default().calls += 1;
    }

    fn count(&self, outcome: &Outcome) {
        let name = match outcome.operation {
            Some(operation) => format!("{}/{}", operation.service.version(), operation.name),
            None => "unknown".to_owned(),
        };
        let mut calls = super::lock(&self.calls);
        let calls = calls.entry(name).or_default();
        calls.calls += 1;
        if let Err(error) = &outcome.reply {
            calls.refused += 1;
            calls.throttled += u64::from(error.code.starts_with("Throttling"));
        }
    }
}

/// The truth log is a by-product: a full disk is said once per line and does not stop the simulated service.
fn report(written: io::Result<()>) {
    if let Err(error) = written {
        tracing::error!(%error, "truth log not written");
    }
}
