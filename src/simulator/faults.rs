//! Faults: what goes wrong with which calls, set while the simulator runs.
//!
//! Promises: at most one fault strikes a call, the first that fits, in the order in which they were set; how often each
//! struck is counted, so that a test can tell that its fault did happen. A fault that leaves an answer as it was did not
//! strike. Knows what a fault does to an answer, not how bytes go over a connection.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

use super::account::Account;
use super::error::{self, ServiceError};
use super::operations::{self, Call, Operation};
use super::page;
use super::reply::Reply;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Effect {
    /// `status`, `code` and `message` of the fault; `InternalError` with HTTP 500 without them.
    Error,
    /// `Throttling.User`, whatever the quota.
    Throttle,
    /// `NoPermission`, HTTP 403.
    Deny,
    /// `InvalidSecurityToken.Expired`.
    ExpiredToken,
    /// `ServiceUnavailable`, HTTP 503.
    #[serde(rename = "http_5xx")]
    Http5xx,
    /// A gateway's HTML page, HTTP 502.
    Html,
    /// The connection ends without an answer, before the operation does anything.
    Reset,
    /// The connection ends without an answer, after the operation was done.
    ResetAfter,
    /// The answer comes `delay_ms` late (10 s without it).
    Slow,
    /// The account as it was when the fault was set; reads only.
    Stale,
    /// Half of the body, then the connection ends.
    TruncateBody,
    /// Half of the body as if it were whole.
    TruncateJson,
    /// `IsTruncated` is true and there is no `Marker`; there is no `NextToken`.
    MissingMarker,
    /// `IsTruncated` is true and `Marker` (or `NextToken`) is the one that the call itself began at, or a fixed one on the first page.
    RepeatedMarker,
    /// `IsTruncated` is true and `Marker` (or `NextToken`) is a new one every time, and leads back to the same page.
    EndlessMarker,
    /// A page without rows, and a marker that leads back to what it should have held.
    EmptyPage,
    /// The last row of the page stands in it twice.
    RepeatedRow,
    /// The page's rows stand in the opposite order.
    Reordered,
    /// The listing's array is missing.
    MissingArray,
    /// The listing is empty and complete.
    Empty,
    /// Half of the page's rows, and no more pages: a listing complete in form.
    Partial,
}

/// One fault, as it is set and as it is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    /// The action, or `*`.
    pub operation: String,
    /// The service's version; every service that has the action without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What happens.
    pub fault: Effect,
    /// The only page that it happens to, from 1 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    /// The only parameters that it happens to: all of these, with these values.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub parameters: std::collections::BTreeMap<String, String>,
    /// How often it happens at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// How likely it happens, 0 to 1; always without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// HTTP status of `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Code of `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Message of `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Milliseconds of `slow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// `x-acs-retry-after` of `throttle` in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_ms: Option<u64>,
    /// How often it happened; all copies of the fault count together.
    #[serde(default, skip_deserializing, serialize_with = "as_number")]
    fired: Arc<AtomicU32>,
    /// What `stale` serves, and the sequence of the last mutation in it.
    #[serde(skip)]
    pub snapshot: Option<(Arc<Account>, u64)>,
}

impl Fault {
    /// Why the fault makes no sense, if it does not.
    #[must_use]
    pub(super) fn problem(&self) -> Option<&'static str> {
        if self.operation != "*" && !operations::all().any(|operation| self.is_about(operation)) {
            return Some("operation, version: the simulated account has no such operation");
        }
        if self.probability.is_some_and(|probability| !(0.0..=1.0).contains(&probability)) {
            return Some("probability: must be between 0 and 1");
        }
        if self.status.is_some_and(|status| !(400..=599).contains(&status)) {
            return Some("status: must be between 400 and 599");
        }
        (self.page == Some(0)).then_some("page: pages begin at 1")
    }

    /// The refusal that takes the place of the operation, if this fault is one.
    #[must_use]
    pub(super) fn refusal(&self) -> Option<ServiceError> {
        match self.fault {
            Effect::Error => Some(ServiceError::new(
                self.status.unwrap_or(error::INTERNAL_ERROR.status),
                self.code.clone().map_or(error::INTERNAL_ERROR.code, Into::into),
                self.message.clone().map_or(error::INTERNAL_ERROR.message, Into::into),
            )),
            Effect::Throttle => Some(ServiceError { retry_after_ms: self.retry_after_ms, ..error::THROTTLED }),
            Effect::Deny => Some(error::NO_PERMISSION),
            Effect::ExpiredToken => Some(error::TOKEN_EXPIRED),
            Effect::Http5xx => Some(error::UNAVAILABLE),
            _ => None,
        }
    }

    /// How much later than usual the answer comes.
    #[must_use]
    pub(super) fn delay(&self) -> Duration {
        match self.fault {
            Effect::Slow => Duration::from_millis(self.delay_ms.unwrap_or(10_000)),
            _ => Duration::ZERO,
        }
    }

    /// Spoils a listing. False if that leaves it as it was.
    pub(super) fn spoil(&self, reply: &mut Reply, call: &Call<'_>) -> bool {
        let Some((name, item)) = reply.collection() else { return !self.is_about_a_listing() };
        let rows = || -> Vec<Value> { reply.rows().unwrap_or_default() };
        let changed: Option<Vec<Value>> = match self.fault {
            Effect::MissingMarker | Effect::RepeatedMarker if reply.has("PageNumber") => return false,
            Effect::MissingMarker if reply.has("NextToken") => return reply.remove("NextToken"),
            Effect::MissingMarker => {
                reply.set("IsTruncated", &true);
                reply.remove("Marker");
                return true;
            }
            Effect::RepeatedMarker => {
                reply.go_on(call.parameters.mark().unwrap_or("AAAB/+c="));
                return true;
            }
            Effect::EndlessMarker | Effect::EmptyPage => {
                let Some(back) = page::mark_of_same_page(call) else { return false };
                reply.go_on(&back);
                if self.fault == Effect::EndlessMarker {
                    return true;
                }
                Some(Vec::new())
            }
            Effect::RepeatedRow => {
                let rows = rows();
                rows.last().cloned().map(|last| [rows, vec![last]].concat())
            }
            Effect::Reordered => {
                Some(rows()).filter(|rows| rows.len() > 1).map(|rows| rows.into_iter().rev().collect())
            }
            Effect::MissingArray => return reply.remove(name),
            Effect::Empty | Effect::Partial => {
                let rows = rows();
                let kept = if self.fault == Effect::Empty { 0 } else { rows.len() / 2 };
                // Where nothing is lacking, nothing was spoilt.
                let is_spoilt = rows.len() > kept || reply.goes_on();
                is_spoilt.then(|| {
                    reply.end(kept);
                    rows[..kept].to_vec()
                })
            }
            _ => return true,
        };
        let is_changed = changed.is_some();
        if let Some(rows) = changed {
            reply.set(name, &json!({ item: rows }));
        }
        is_changed
    }

    fn is_about_a_listing(&self) -> bool {
        matches!(
            self.fault,
            Effect::MissingMarker
                | Effect::RepeatedMarker
                | Effect::EndlessMarker
                | Effect::EmptyPage
                | Effect::RepeatedRow
                | Effect::Reordered
                | Effect::MissingArray
                | Effect::Empty
                | Effect::Partial
        )
    }

    /// Whether an operation that was refused has been struck all the same.
    pub(super) fn strikes_refusals(&self) -> bool {
        !self.is_about_a_listing()
    }

    /// Takes a strike back that changed nothing.
    pub(super) fn missed(&self) {
        self.fired.fetch_sub(1, Ordering::Relaxed);
    }
}

fn as_number<S: Serializer>(count: &Arc<AtomicU32>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(count.load(Ordering::Relaxed))
}

/// The faults in force.
#[derive(Debug)]
pub(super) struct Faults(Mutex<(Vec<Fault>, StdRng)>);

impl Faults {
    /// None yet; those that are set with a probability are drawn by `seed`.
    #[must_use]
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new((Vec::new(), StdRng::seed_from_u64(seed))))
    }

    /// Adds one.
    pub(super) fn add(&self, fault: Fault) {
        super::lock(&self.0).0.push(fault);
    }

    /// Takes all away.
    pub(super) fn clear(&self) {
        super::lock(&self.0).0.clear();
    }

    /// Keeps those for which `keep` holds.
    #[cfg(feature = "simulation")]
    pub(super) fn retain(&self, keep: impl FnMut(&Fault) -> bool) {
        super::lock(&self.0).0.retain(keep);
    }

    /// All, with how often each happened.
    #[must_use]
    pub(super) fn list(&self) -> Vec<Fault> {
        super::lock(&self.0).0.clone()
    }

    /// The fault that strikes this call, if any; it is counted.
    #[must_use]
    pub(super) fn strike(
        &self,
        operation: &Operation,
        page: u32,
        sent: impl Fn(&str) -> Option<String>,
    ) -> Option<Fault> {
        let mut held = super::lock(&self.0);
        let (faults, random) = &mut *held;
        let fault = faults.iter_mut().find(|fault| {
            fault.concerns(operation, page, &sent)
                && fault.probability.is_none_or(|probability| random.random_bool(probability))
        })?;
        fault.fired.fetch_add(1, Ordering::Relaxed);
        Some(fault.clone())
    }
}

impl Fault {
    fn is_about(&self, operation: &Operation) -> bool {
        (self.operation == "*" || self.operation == operation.name)
            && self.version.as_deref().is_none_or(|version| version == operation.service.version())
    }

    fn concerns(&self, operation: &Operation, page: u32, sent: &impl Fn(&str) -> Option<String>) -> bool {
        self.is_about(operation)
            && self.page.is_none_or(|wanted| wanted == page)
            && self.times.is_none_or(|times| self.fired.load(Ordering::Relaxed) < times)
            && self.parameters.iter().all(|(name, value)| sent(name).as_deref() == Some(value))
    }
}
