//! What a sync could not read, as the account knows it, against what its record says of that.
//!
//! If several copies read at the time, one of them must have read what the record says: which one published the sync is
//! not told.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use super::super::fold::kind_of;
use super::super::log::Log;
use super::super::record::{CollectionStatus, Notice};
use super::super::report::{At, Findings};
use super::super::truth::{self, Request, Truth};
use super::asked::{BY_NAME, is_failure, lies_of, local_part, operations_of};
use super::notices::lies_in;

/// A window ends up to so many milliseconds behind its last answer: dates are cut to seconds, and a second is added.
const WINDOWS_END_LATE_MS: i64 = 1_000;

/// When a sync read, by the services' clock.
#[derive(Clone, Copy)]
struct Span {
    may_begin: i64,
    has_begun: i64,
    /// How long it lasted, by its own clock.
    lasted: i64,
    /// Its last answer that is dated.
    to: i64,
    next_may_begin: i64,
    next_has_begun: i64,
}

/// Everything that was asked about one subject.
struct Asked<'a> {
    first: &'a Request,
    requests: usize,
    denied: usize,
    is_answered: bool,
}

/// By operation and subject.
type Answers<'a> = BTreeMap<(&'a str, &'a str), Asked<'a>>;

/// A collection of which a read failed each time that it was tried was not complete.
pub(super) fn honest(log: &Log, truth: &Truth, found: &mut Findings) {
    for (sync, span) in spans(log) {
        let Some(span) = span else { continue };
        for status in sync.collections.iter().filter(|status| status.status == "complete") {
            let Some((begun, to)) = status.complete_window() else { continue };
            let unread = unread(truth, status, Span { to, ..span }, Some(begun));
            let unread = unread.into_iter().min_by_key(|unread| !unread.is_empty()).unwrap_or_default();
            found.check(unread.is_empty(), At::notice(sync), || {
                let what = unread.first().map(|asked| told(asked.first));
                format!("it says that {} is complete, but this was not answered: {what:?}", status.kind)
            });
        }
    }
}

/// What could not be read is named, for the reason that there was, or counted if there is more than is named.
pub(super) fn named(log: &Log, truth: &Truth, found: &mut Findings) {
    let mut undated = 0;
    for (sync, span) in spans(log) {
        for status in sync.collections.iter().filter(|status| matches!(&*status.status, "partial" | "unknown")) {
            let Some(span) = span else {
                undated += 1;
                continue;
            };
            let unread = unread(truth, status, span, None);
            let unread: Vec<_> = unread.into_iter().map(|unread| in_scopes(truth, log, unread, span)).collect();
            if unread.iter().all(Vec::is_empty) {
                continue;
            }
            if lies_of(truth, &status.kind, span.may_begin, span.to) > 0 {
                found.excuse();
                continue;
            }
            let untold = |(scope, asked): &(String, Asked<'_>)| untold(sync, status, scope, asked);
            let untold =
                unread.iter().map(|unread| unread.iter().find_map(untold)).min_by_key(Option::is_some).flatten();
            found.check(untold.is_none(), At::notice(sync), || untold.unwrap_or_default());
        }
    }
    if undated > 0 {
        found.remark(format!(
            "whether {undated} collections that were not read name what they lack: nothing says when their syncs read"
        ));
    }
}

/// What the record does not say of a subject that was not read, or says wrongly.
fn untold(sync: &Notice, status: &CollectionStatus, scope: &str, asked: &Asked<'_>) -> Option<String> {
    let named = sync.scopes_of(&status.kind);
    let Some(around) = named.iter().find(|named| lies_in(scope, &named.scope)) else {
        return status
            .are_all(&named)
            .then(|| format!("{scope} is not named, but was not read: {:?}", told(asked.first)));
    };
    // A wider one may be unknown for a reason of its own.
    let is_denied = around.reason == "denied";
    let may_be_denied = [asked.denied > 0, asked.denied == asked.requests].contains(&is_denied);
    (around.scope == scope && !may_be_denied).then(|| {
        format!(
            "{scope} is named as {}, and {} of {} requests were denied",
            around.reason, asked.denied, asked.requests
        )
    })
}

fn told(request: &Request) -> (&str, &str, u16, Option<&str>) {
    (&request.operation, &request.subject, request.status, request.code.as_deref())
}

/// When each sync read; `None` where nothing dates it.
fn spans(log: &Log) -> Vec<(&Notice, Option<Span>)> {
    let syncs: Vec<&Notice> = log.syncs.values().flatten().collect();
    let dated: Vec<Option<Span>> = syncs.iter().map(|sync| span(sync)).collect();
    let span = |index: usize| {
        let span = dated[index]?;
        let next = dated[index + 1..].iter().copied().flatten().next();
        let next = next.map(|next| Span { next_may_begin: next.may_begin, next_has_begun: next.has_begun, ..span });
        next.or(Some(span))
    };
    syncs.iter().enumerate().map(|(index, sync)| (*sync, span(index))).collect()
}

/// When the sync read, by the services' clock, for all that is said of itself. Its clock may be wrong, but only goes forward:
/// it began as long before its last answer as it lasted. What was read whole need not have been the last: then it began
/// later, but not after what it read afresh.
fn span(sync: &Notice) -> Option<Span> {
    let windows = || sync.collections.iter().filter_map(CollectionStatus::complete_window);
    let to = windows().map(|(_, to)| to).max()?;
    let lasted = sync.finished_at?.saturating_sub(sync.started_at?);
    let began = to.saturating_sub(lasted);
    let may_begin = began.saturating_sub(WINDOWS_END_LATE_MS);
    let newest = windows().map(|(begun, _)| begun).max().filter(|_| !sync.is_complete());
    let has_begun = newest.map_or(began, |newest| newest.max(began));
    Some(Span { may_begin, has_begun, lasted, to, next_may_begin: i64::MAX, next_has_begun: i64::MAX })
}

/// For each copy that read meanwhile, what it asked for a collection and had no answer to, from `begun` on, or from where
/// the copy asked whose its credentials are, as it does first. Of what is asked for by a name nothing is said if anything
/// of the account changed since the sync began: the name may have gone.
fn unread<'a>(truth: &'a Truth, status: &CollectionStatus, span: Span, begun: Option<i64>) -> Vec<Vec<Asked<'a>>> {
    // What came before it has certainly begun may be of the sync before: it speaks for this one, and never against it.
    let (from, to) = (begun.unwrap_or(i64::MIN).max(span.has_begun), span.to);
    let may_begin = span.may_begin.min(from);
    let is_quiet = truth.is_quiet(may_begin, to);
    let is_telling = |request: &&Request| {
        let operation = request.operation.as_str();
        operations_of(&status.kind).contains(&operation) && (is_quiet || !BY_NAME.contains(&operation))
    };
    let first_asked = |client: &str| {
        let asked = truth.requests_between(span.may_begin, span.has_begun).filter(|request| request.client == client);
        asked.filter(|request| request.operation == "GetCallerIdentity").map(|request| request.received_ms).last()
    };
    // Behind its end the copy may have read once more, and not published that.
    let ends = |client: &str| {
        let first = truth.requests_between(may_begin, to).find(|request| request.client == client);
        first.map_or(to, |first| first.received_ms.saturating_add(span.lasted))
    };
    let mut clients: BTreeMap<&str, (RangeInclusive<i64>, Answers<'_>)> = BTreeMap::new();
    for request in truth.requests_between(from, to).filter(|request| !is_failure(request)) {
        let first_asked = || first_asked(&request.client).filter(|_| begun.is_none());
        // What came when the next sync may have begun may be of that one: a window ends with its second.
        let last = || to.min(span.next_may_begin).min(ends(&request.client));
        let certainly = || first_asked().unwrap_or(from)..=last();
        clients.entry(&request.client).or_insert_with(|| (certainly(), Answers::new()));
    }
    // What is asked for by itself comes behind the listings, and may take long to be answered.
    for request in truth.requests_between(may_begin, span.next_has_begun.max(to)).filter(is_telling) {
        let Some((certainly, answers)) = clients.get_mut(request.client.as_str()) else { continue };
        let subject = (request.operation.as_str(), request.subject.as_str());
        let is_before = request.received_ms < *certainly.start();
        if certainly.contains(&request.received_ms) || (is_before && !is_failure(request)) {
            let asked = Asked { first: request, requests: 0, denied: 0, is_answered: false };
            answers.entry(subject).or_insert(asked);
        }
        if let Some(asked) = answers.get_mut(&subject) {
            asked.requests += 1;
            asked.denied += usize::from(request.code.as_deref() == Some("NoPermission"));
            asked.is_answered |= !is_failure(request);
        }
    }
    let unread = |(_, answers): (_, Answers<'a>)| answers.into_values().filter(|asked| !asked.is_answered).collect();
    clients.into_values().map(unread).collect()
}

/// Each with its scope, as far as that can be told.
fn in_scopes<'a>(truth: &Truth, log: &Log, unread: Vec<Asked<'a>>, span: Span) -> Vec<(String, Asked<'a>)> {
    unread.into_iter().filter_map(|asked| Some((scope_of(truth, log, asked.first, span)?, asked))).collect()
}

/// The scope that a request reads; `None` if what it names was not there, or cannot be told.
fn scope_of(truth: &Truth, log: &Log, request: &Request, span: Span) -> Option<String> {
    let of = |kind: &str, row: Value| {
        let key = truth::key(&log.account, kind, row.as_object().unwrap_or(&Map::new()))?;
        let is_there = truth.between(&key, span.may_begin, span.to).iter().all(|fields| fields.is_some());
        is_there.then(|| key.split_once('/').map(|(_, path)| path.to_owned()))?
    };
    let named = |kind: &str, parameter: &str| {
        let sent = request.parameter(parameter)?;
        let is_it = |key: &&str| {
            let was = truth.between(key, span.may_begin, span.to);
            let field = format!("{kind}_name");
            matches!(was[..], [Some(row)] if row.get(&field).is_some_and(|name| *name == local_part(&sent)))
        };
        let key = truth.keys().filter(|key| kind_of(key) == kind).find(is_it)?;
        key.rsplit_once('/').map(|(_, id)| id.to_owned())
    };
    let of_user = |kind: &str| Some(format!("{kind}/{}", named("user", "UserPrincipalName")?));
    Some(match &*request.operation {
        "ListUsers" => "user".to_owned(),
        "ListGroups" => "group".to_owned(),
        "ListRoles" => "role".to_owned(),
        "GetRole" => format!("role/{}", named("role", "RoleName")?),
        "ListUsersForGroup" => format!("membership/{}", named("group", "GroupName")?),
        "ListPolicies" => format!("policy/{}", request.parameter("PolicyType")?.to_ascii_lowercase()),
        "ListPolicyVersions" => {
            let (of_type, name) = (request.parameter("PolicyType")?, request.parameter("PolicyName")?);
            of("policy", json!({ "policy_type": of_type, "policy_name": name }))?
        }
        "ListPolicyAttachments" if request.parameter("PolicyName").is_none() => "policy_attachment".to_owned(),
        "GetAccountAlias" | "GetAccountMFAInfo" | "GetDefaultDomain" => "account".to_owned(),
        "GetPasswordPolicy" => "password_policy".to_owned(),
        "GetSecurityPreference" => "security_preference".to_owned(),
        "ListSAMLProviders" => "identity_provider/saml".to_owned(),
        "ListOIDCProviders" => "identity_provider/oidc".to_owned(),
        "GetSAMLProvider" => {
            let name = request.parameter("SAMLProviderName")?;
            of("identity_provider", json!({ "provider_type": "saml", "provider_name": name }))?
        }
        "DescribeRegions" => "instance".to_owned(),
        "DescribeInstances" if request.parameter("InstanceIds").is_none() => {
            format!("instance/{}", request.parameter("RegionId")?)
        }
        "ListAccessKeys" => of_user("access_key")?,
        "GetLoginProfile" => of_user("login_profile")?,
        "ListVirtualMFADevices" => "mfa_device".to_owned(),
        "GetUserMFAInfo" => of_user("mfa_device")?,
        _ => return None,
    })
}
