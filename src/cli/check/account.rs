//! Credentials, clock and permissions: what the cloud says.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::report::{Part, Row};
use crate::alicloud::trial::{Tried, try_out};
use crate::alicloud::{self, CallError, Client, Dated, IdentifyError, Operation, sts::CallerIdentity};
use crate::cli::{Exit, assemble};
use crate::config::{Config, Credentials};
use crate::model::{Kind, Reason, Unknown};
use crate::sync::needs;

/// For the first answer, retries included.
const FIRST_ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// For all other calls.
const ALL_WITHIN: Duration = Duration::from_secs(120);
/// The services' `Date` has whole seconds, and an answer takes its time.
const SAME_TIME: u64 = 5;
/// Requests that are signed further apart are refused.
const REFUSED_BEYOND: u64 = 15 * 60;

pub(super) async fn check(config: &Config) -> Vec<Row> {
    let not_checked = |why: &str| {
        [Part::Credentials, Part::Clock, Part::Permissions].map(|part| Row::not_checked(part, "all", why)).to_vec()
    };
    let Some(credentials) = &config.credentials else { return not_checked("no credentials are configured") };
    match identified(config, credentials).await {
        Ok((rows, true)) => [rows, permissions(config, credentials).await].concat(),
        Ok((mut rows, false)) => {
            let why = "no call is made with credentials that do not work or belong to another account";
            rows.push(Row::not_checked(Part::Permissions, "all", why));
            rows
        }
        Err(error) => {
            let mend = "fix the sections [alicloud] and [credentials]";
            let failed = Row::failed(Part::Credentials, "settings", Exit::Usage, format!("{error:#}"), mend);
            vec![failed, Row::not_checked(Part::Permissions, "all", "the cloud cannot be called")]
        }
    }
}

/// Credentials and clock; and whether the account may be called.
async fn identified(config: &Config, credentials: &Credentials) -> anyhow::Result<(Vec<Row>, bool)> {
    let settings = assemble::client_settings(&config.alicloud, credentials, None, None)?;
    let source = settings.credentials.to_string();
    let identity = match alicloud::identify(settings, Instant::now() + FIRST_ANSWER_WITHIN).await {
        Ok(identity) => identity,
        Err(IdentifyError::Settings(error)) => return Err(error.into()),
        Err(IdentifyError::Call(error)) => return Ok((without_identity(&source, error), false)),
    };
    let clock = clock(&identity, Timestamp::now());
    let CallerIdentity { account_id, arn, .. } = identity.item;
    let by = arn.map(|arn| format!(" as {arn}")).unwrap_or_default();
    let is_ours = account_id == config.account.id;
    let row = if is_ours {
        Row::ok(Part::Credentials, source, format!("account {account_id}{by}"))
    } else {
        let told = format!("they belong to account {account_id}, but account.id is {}", config.account.id);
        let mend = format!("use credentials of {}, or set account.id = \"{account_id}\"", config.account.id);
        Row::failed(Part::Credentials, source, Exit::Refused, told, mend)
    };
    Ok((vec![row, clock], is_ours))
}

fn without_identity(source: &str, error: CallError) -> Vec<Row> {
    if let CallError::ClockApart(_) = error {
        let row = Row::not_checked(Part::Credentials, source, "the service refuses the time of every request");
        return vec![row, apart(error.to_string())];
    }
    let exit = match error.reason() {
        Reason::Unavailable | Reason::OutOfTime | Reason::Throttled => Exit::Unavailable,
        _ => Exit::Failed,
    };
    let mend = match &error {
        CallError::NoCredentials { .. } => "docs/credentials.md lists the links of the chain and what each needs",
        CallError::Unauthenticated(_) => {
            "check that the AccessKey still exists, is active and complete, or create another"
        }
        _ => "check the way to STS: alicloud.network, alicloud.region, alicloud.proxy, a firewall",
    };
    let told = Unknown::from(error).to_string();
    let row = Row::failed(Part::Credentials, source, exit, told, mend);
    vec![row, Row::not_checked(Part::Clock, "all", "there was no answer with a date")]
}

fn clock(identity: &Dated<CallerIdentity>, now: Timestamp) -> Row {
    // A window ends a second after the date that the service wrote.
    let date = identity.window.ended_at.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(now);
    let ahead = date.as_second() - now.as_second();
    match ahead.unsigned_abs() {
        0..=SAME_TIME => Row::ok(Part::Clock, "this machine", format!("within {SAME_TIME} s of the service's")),
        apart @ ..=REFUSED_BEYOND => Row::warning(
            Part::Clock,
            "this machine",
            format!("{apart} s {} the service's; more than 15 minutes are refused", word(ahead)),
            "synchronize this machine's clock (NTP)",
        ),
        beyond => apart(format!("{beyond} s {} the service's, which refuses that", word(ahead))),
    }
}

fn word(ahead: i64) -> &'static str {
    if ahead > 0 { "behind" } else { "ahead of" }
}

fn apart(told: String) -> Row {
    let mend = "synchronize this machine's clock (NTP); until then requests are signed with the service's time";
    Row::failed(Part::Clock, "this machine", Exit::Failed, told, mend)
}

async fn permissions(config: &Config, credentials: &Credentials) -> Vec<Row> {
    let made = assemble::client_settings(&config.alicloud, credentials, None, None)
        .and_then(|settings| Ok(Client::new(settings, &config.account.id)?));
    let client = match made {
        Ok(client) => client,
        Err(error) => return vec![Row::not_checked(Part::Permissions, "all", format!("{error:#}"))],
    };
    let kinds = &config.collect.kinds;
    let mut wanted: Vec<&'static Operation> = Vec::new();
    for operation in kinds.iter().flat_map(|kind| needs(*kind).reading.iter().chain(needs(*kind).proving)) {
        if !wanted.contains(operation) {
            wanted.push(operation);
        }
    }
    let session = client.session(Instant::now() + ALL_WITHIN);
    let tried = try_out(&session, &wanted).await;
    tried.into_iter().map(|(operation, tried)| row(operation, tried, kinds)).collect()
}

fn row(operation: &'static Operation, tried: Tried, kinds: &BTreeSet<Kind>) -> Row {
    let what = operation.to_string();
    match tried {
        Tried::Answered => Row::ok(Part::Permissions, what, "answers"),
        Tried::NothingToRead(of) => Row::not_checked(
            Part::Permissions,
            what,
            format!("nothing to read: {of} lists nothing that it could be called for"),
        ),
        Tried::HangsOn(of) => {
            Row::not_checked(Part::Permissions, what, format!("{of} failed, which lists what it is called for"))
        }
        Tried::Failed(error) => failed(operation, what, &error, kinds),
    }
}

fn failed(operation: &'static Operation, what: String, error: &CallError, kinds: &BTreeSet<Kind>) -> Row {
    let reading: Vec<&str> =
        kinds.iter().filter(|kind| needs(**kind).reading.contains(&operation)).map(|kind| kind.as_str()).collect();
    let mend = match (error, operation.ram_action) {
        (CallError::Denied(_), Some(action)) => format!("grant {action}; `ramstream policy` prints the whole policy"),
        (CallError::Denied(_), None) => "`ramstream policy` prints the whole policy".to_owned(),
        _ => {
            format!("check the way to {}: its endpoint, alicloud.proxy, a firewall; or try again", operation.service)
        }
    };
    if reading.is_empty() {
        let told = format!("{error}; without it, removals may be held back");
        return Row::warning(Part::Permissions, what, told, mend);
    }
    let told = format!("{error}; unknown without it: {}", reading.join(", "));
    let exit = if matches!(error, CallError::Denied(_)) { Exit::Partial } else { Exit::Unavailable };
    Row::failed(Part::Permissions, what, exit, told, mend)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Window;

    fn told(date: &str, now: &str) -> String {
        let date: Timestamp = date.parse().expect("a time");
        let window =
            Window { begun_at: date, ended_at: date.saturating_add(SignedDuration::from_secs(1)).expect("a time") };
        let item = CallerIdentity { account_id: "1".into(), identity_type: None, arn: None };
        format!("{:?}", clock(&Dated { item, window }, now.parse().expect("a time")))
    }

    #[test]
    fn a_clock_is_in_order_doubtful_or_refused_by_how_far_it_is_off() {
        assert!(told("2026-11-24T06:36:30Z", "2026-11-24T06:36:33Z").contains("verdict: Ok"));
        let doubtful = told("2026-11-24T06:36:30Z", "2026-11-24T06:30:30Z");
        assert!(doubtful.contains("verdict: Warning") && doubtful.contains("360 s behind the service's"), "{doubtful}");
        let refused = told("2026-11-24T06:36:30Z", "2026-11-24T07:36:30Z");
        assert!(refused.contains("verdict: Failed") && refused.contains("3600 s ahead of the service's"), "{refused}");
    }
}
