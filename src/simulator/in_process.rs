//! The simulated account without connections, for the deterministic simulation: a function from request to response,
//! and everything that an administrator, the control address, the network and time do to it.
//!
//! Promises: what a client sees is what it would see over a socket (signatures are verified, faults strike); nothing
//! waits but for tokio's clock, and nothing is drawn but from [`ambient`]: the same seed and the same calls give
//! the same truth log. To be made inside of the runtime, after [`ambient::simulate`].

use std::io;
use std::ops::RangeInclusive;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{Request, Response};
use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::answer::{Answered, Damage};
use super::authentication::{Caller, Identity, Key};
use super::entities::UserStatus;
use super::error;
pub use super::error::ServiceError;
use super::faults::Effect;
use super::operations::{self, Call};
use super::parameters::Parameters;
use super::request;
use super::server::{fault_ends_it, whole_response};
use super::service::Simulator;
use super::throttle::Limits;
use super::truth::Truth;
use super::{Settings, load_or_seed, lock, own_key, simulator_with};
use crate::ambient;
use crate::secret::Secret;

/// The version of RAM.
pub const RAM: &str = operations::Service::Ram.version();
/// The version of IMS.
pub const IMS: &str = operations::Service::Ims.version();
/// The version of ResourceManager.
pub const RESOURCE_MANAGER: &str = operations::Service::ResourceManager.version();
/// The version of ECS.
pub const ECS: &str = operations::Service::Ecs.version();

/// A simulated account in this process.
#[derive(Debug, Clone)]
pub struct InProcess {
    /// Sixteen digits.
    pub account_id: String,
    /// The key that the account begins with.
    pub access_key: AccessKey,
    identity: Identity,
    shared: Arc<Shared>,
}

/// What requests are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The AccessKeyId.
    pub id: String,
    /// The AccessKeySecret.
    pub secret: Secret,
    /// The token that a temporary key needs in addition.
    pub security_token: Option<Secret>,
}

#[derive(Debug)]
struct Shared {
    simulator: Simulator,
    network: Mutex<Network>,
}

#[derive(Debug)]
struct Network {
    latency: RangeInclusive<Duration>,
    is_up: bool,
    requests: u64,
}

impl InProcess {
    /// An account by `settings`, of which addresses, files for output and the truth log's path do not count: the log is
    /// kept in memory.
    ///
    /// # Errors
    /// The account file is not one, or the size is too large.
    pub fn new(settings: &Settings) -> io::Result<Self> {
        let account = load_or_seed(settings)?;
        let account_id = account.account_id.clone();
        let (id, key) = own_key(settings, &account)?;
        let (secret, identity) = (key.secret.clone(), key.identity.clone());
        let simulator = simulator_with(settings, account, Truth::in_memory())?;
        simulator.keys.add(id.clone(), key);
        let network = Mutex::new(Network { latency: Duration::ZERO..=Duration::ZERO, is_up: true, requests: 0 });
        let access_key = AccessKey { id, secret, security_token: None };
        Ok(Self { account_id, access_key, identity, shared: Arc::new(Shared { simulator, network }) })
    }

    /// The services: what a client sends its requests to.
    pub fn services(
        &self,
    ) -> impl Fn(Request<()>) -> BoxFuture<'static, io::Result<Response<Vec<u8>>>> + Send + Sync + use<> {
        let shared = Arc::clone(&self.shared);
        move |request| {
            let shared = Arc::clone(&shared);
            Box::pin(async move { shared.serve(request).await })
        }
    }

    /// Calls an operation as the account itself, at once: neither signed nor throttled, struck by no fault, and not
    /// written down as a request. What it changes is.
    ///
    /// # Errors
    /// What the service refuses, as it words it.
    pub fn call(&self, version: &str, action: &str, parameters: &[(&str, &str)]) -> Result<Value, ServiceError> {
        let operation = operations::lookup(version, action).ok_or(error::API_NOT_FOUND)?;
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let parameters = Parameters::new(parameters.iter().map(owned).collect());
        let caller = Caller { access_key_id: String::new(), identity: Identity::Root };
        let simulator = self.simulator();
        let call = Call::new(operation, &parameters, &caller, simulator.clock.now(), &simulator.keys);
        let reply = simulator.run(&call, &mut None).0?;
        Ok(serde_json::from_slice(&reply.body("")).unwrap_or_default())
    }

    /// Freezes or thaws a user, which no public operation does.
    ///
    /// # Errors
    /// No such user.
    pub fn set_frozen(&self, user: &str, is_frozen: bool) -> Result<(), ServiceError> {
        let status = if is_frozen { UserStatus::Frozen } else { UserStatus::Active };
        self.simulator().set_user_status(user, status)
    }

    /// Sets, changes or takes away the account's alias, whatever it was.
    pub fn set_alias(&self, alias: Option<&str>) {
        self.simulator().change("SetAlias", |draft| draft.set_alias(alias.map(str::to_owned)));
    }

    /// Gives the root user a second factor, or takes it away, which no public operation does.
    pub fn set_root_mfa(&self, is_enabled: bool) {
        self.simulator().change("SetRootMFA", |draft| draft.set_root_mfa(is_enabled));
    }

    /// The whole account, in the form of the account file.
    #[must_use]
    pub fn account(&self) -> Value {
        json!(self.simulator().snapshot().0.as_ref())
    }

    /// The names of all users, groups, roles and custom policies, for whoever draws one: `users`, `groups`, `roles`,
    /// `policies`, `instances`, in the order of their making.
    #[must_use]
    pub fn names(&self, table: &str) -> Vec<String> {
        let account = self.simulator().snapshot().0;
        match table {
            "users" => account.users.iter().map(|row| row.user_name.clone()).collect(),
            "groups" => account.groups.iter().map(|row| row.group_name.clone()).collect(),
            "roles" => account.roles.iter().map(|row| row.role_name.clone()).collect(),
            "policies" => account.policies.group("Custom").map(|row| row.policy_name.clone()).collect(),
            "instances" => account.instances.iter().map(|row| row.instance_name.clone()).collect(),
            _ => Vec::new(),
        }
    }

    /// Region and id of the first instance of this name.
    #[must_use]
    pub fn instance(&self, name: &str) -> Option<(String, String)> {
        let account = self.simulator().snapshot().0;
        let mut named = account.instances.iter().filter(|row| row.instance_name == name);
        named.next().map(|row| (row.region.clone(), row.instance_id.clone()))
    }

    /// Makes an instance anew under its id, which no public operation does.
    ///
    /// # Errors
    /// No such instance.
    pub fn recreate_instance(&self, id: &str) -> Result<(), ServiceError> {
        self.simulator().recreate_instance(id)
    }

    /// Puts a fault in force, as the control address takes it.
    ///
    /// # Errors
    /// Why it is none.
    pub fn add_fault(&self, fault: Value) -> Result<(), String> {
        let fault = serde_json::from_value(fault).map_err(|error| error.to_string())?;
        self.simulator().add_fault(fault).map_err(str::to_owned)
    }

    /// The faults in force as the control address shows them, each with how often it happened (`fired`).
    #[must_use]
    pub fn faults(&self) -> Vec<Value> {
        self.simulator().faults.list().iter().map(|fault| json!(fault)).collect()
    }

    /// Takes all faults away, denials too.
    pub fn clear_faults(&self) {
        self.simulator().faults.clear();
    }

    /// Denies an operation (`*` for all) until [`Self::permit`].
    pub fn deny(&self, operation: &str) -> Result<(), String> {
        self.add_fault(json!({ "operation": operation, "fault": "deny" }))
    }

    /// Takes back every denial of an operation.
    pub fn permit(&self, operation: &str) {
        self.simulator().faults.retain(|fault| fault.fault != Effect::Deny || fault.operation != operation);
    }

    /// The time that a request takes there and its answer back, together; drawn for each.
    pub fn set_latency(&self, latency: RangeInclusive<Duration>) {
        lock(&self.shared.network).latency = latency;
    }

    /// Whether a connection can be had at all.
    pub fn set_reachable(&self, is_up: bool) {
        lock(&self.shared.network).is_up = is_up;
    }

    /// Most rows of a page by marker, whatever is asked for; none: as many as are asked for.
    pub fn set_largest_page(&self, rows: Option<u32>) {
        self.simulator().largest_page.store(rows.unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// When calls are throttled.
    pub fn set_limits(&self, limits: Limits) {
        self.simulator().throttle.set(limits);
    }

    /// Moves the service's clock by `offset` from the right time.
    pub fn set_clock_offset(&self, offset: SignedDuration) {
        let offset_ms = i64::try_from(offset.as_millis()).unwrap_or(0);
        self.simulator().clock.set(offset_ms, false);
    }

    /// One more key of the same owner; with a `lifetime` a temporary one.
    #[must_use]
    pub fn issue_key(&self, lifetime: Option<SignedDuration>) -> AccessKey {
        let id = format!("{}{}", if lifetime.is_some() { "STS." } else { "LTAI5t" }, ambient::text(18));
        let secret = Secret::new(ambient::text(30));
        let security_token = lifetime.map(|_| Secret::new(ambient::text(60)));
        let session = security_token.clone().zip(lifetime.map(|lifetime| self.simulator().clock.now() + lifetime));
        self.simulator().keys.add(id.clone(), Key { secret: secret.clone(), identity: self.identity.clone(), session });
        AccessKey { id, secret, security_token }
    }

    /// Deletes a key: whoever signs with it is not known any more.
    pub fn revoke_key(&self, id: &str) {
        self.simulator().keys.remove(id);
    }

    /// Lets a temporary key expire now.
    pub fn expire_key(&self, id: &str) {
        self.simulator().keys.expire(id, self.simulator().clock.now());
    }

    /// Calls, refused and throttled, per operation, as the control address shows them.
    #[must_use]
    pub fn calls(&self) -> Value {
        json!(*lock(&self.simulator().calls))
    }

    /// How many calls there were, of whatever operation.
    #[must_use]
    pub fn total_calls(&self) -> u64 {
        lock(&self.simulator().calls).values().map(|calls| calls.calls).sum()
    }

    /// How many requests were sent, those without a connection included.
    #[must_use]
    pub fn requests(&self) -> u64 {
        lock(&self.shared.network).requests
    }

    /// How many pages were shorter than asked for, because of [`Self::set_largest_page`].
    #[must_use]
    pub fn short_pages(&self) -> u64 {
        self.simulator().short_pages.load(Ordering::Relaxed)
    }

    /// The lines of the truth log so far.
    #[must_use]
    pub fn truth_lines(&self) -> Vec<String> {
        self.simulator().truth.lines()
    }

    fn simulator(&self) -> &Simulator {
        &self.shared.simulator
    }
}

impl Shared {
    async fn serve(&self, request: Request<()>) -> io::Result<Response<Vec<u8>>> {
        let (there, back) = self.ways();
        pass(there).await;
        let is_up = {
            let mut network = lock(&self.network);
            network.requests += 1;
            network.is_up
        };
        if !is_up {
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the simulated network is down"));
        }
        let (head, ()) = request.into_parts();
        let answered = self.simulator.answer(&request::Request::whole(head, Bytes::new())).await;
        pass(back).await;
        match answered {
            Answered::Response { damage: Damage::CutOff, .. } => Err(fault_ends_it()),
            answered => whole_response(answered),
        }
    }

    /// How long a request is on its way, and its answer.
    fn ways(&self) -> (Duration, Duration) {
        let (least, most) = lock(&self.network).latency.clone().into_inner();
        if most.is_zero() {
            return (Duration::ZERO, Duration::ZERO);
        }
        let both = least + most.saturating_sub(least).mul_f64(ambient::fraction());
        let there = both.mul_f64(ambient::fraction());
        (there, both.saturating_sub(there))
    }
}

async fn pass(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

#[cfg(test)]
#[path = "in_process_tests.rs"]
mod tests;
