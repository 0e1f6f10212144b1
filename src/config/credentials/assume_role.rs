//! `[credentials.assume_role]`: a role on top of whichever credentials there are.

use std::time::Duration;

use super::super::parse::{self, HOUR, MINUTE, Parsed};
use super::super::problem::Fault;
use super::super::reader::Reader;
use super::super::source::Raw;
use crate::secret::Secret;

/// Which role, and how it is taken on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumeRole {
    /// `acs:ram::<account>:role/<name>`.
    pub role_arn: String,
    /// What the role's calls are called in the audit log.
    pub session_name: String,
    /// What the role's trust policy may ask for.
    pub external_id: Option<Secret>,
    /// Narrows what the role may do, JSON.
    pub policy: Option<String>,
    /// How long its credentials are asked for.
    pub duration: Duration,
}

const ROLE_ARN: &str = "credentials.assume_role.role_arn";
const OTHERS: [&str; 4] = [
    "credentials.assume_role.session_name",
    "credentials.assume_role.external_id",
    "credentials.assume_role.policy",
    "credentials.assume_role.duration",
];

/// Of every session, unless it is said: the same at every start, so that an audit log can be searched for it.
pub(super) const SESSION_NAME: &str = "ramstream";

impl AssumeRole {
    /// `Ok(None)` if there is none.
    ///
    /// # Errors
    /// One is wanted, and comes with a problem.
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Option<Self>, ()> {
        let role_arn = r.optional(ROLE_ARN, role_arn);
        let session_name = r.value(OTHERS[0], SESSION_NAME, session_name);
        let external_id = r.hidden(OTHERS[1]);
        let policy = r.optional(OTHERS[2], policy);
        let duration = r.value(OTHERS[3], "1h", parse::duration(15 * MINUTE..=12 * HOUR));
        if !r.is_given(ROLE_ARN) {
            // The other two have defaults, which may stand in a file without a role.
            let Some(key) = OTHERS[1..3].iter().find(|key| r.is_given(key)) else { return Ok(None) };
            r.missing(ROLE_ARN, format!("{key} needs it: give the role as well"));
        }
        let role_arn = role_arn.ok_or(())?;
        Ok(Some(Self { role_arn, session_name, external_id, policy, duration }))
    }
}

/// The ARN of a role.
pub(super) fn role_arn(raw: &Raw) -> Parsed<String> {
    let arn = parse::text(raw)?;
    let parts = arn.strip_prefix("acs:ram::").and_then(|rest| rest.split_once(":role/"));
    let is_fine = parts.is_some_and(|(account, name)| {
        !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty()
    });
    if is_fine {
        return Ok(arn);
    }
    Err(Fault::new(
        format!("{arn:?} is not the ARN of a role"),
        "write it like \"acs:ram::1234567890123456:role/reader\"",
    ))
}

/// As STS takes it.
pub(super) fn session_name(raw: &Raw) -> Parsed<String> {
    let name = parse::text(raw)?;
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b".@-_".contains(&byte);
    if (2..=64).contains(&name.len()) && name.bytes().all(is_fine) {
        return Ok(name);
    }
    Err(Fault::new(format!("{name:?} is not a session name"), "write 2 to 64 letters, digits and .@-_"))
}

/// A JSON object, also over several lines; on one line afterwards.
fn policy(raw: &Raw) -> Parsed<String> {
    let mend = "write the JSON of a RAM policy, between ''' and '''";
    let (Raw::Untyped(text) | Raw::Text(text)) = raw else {
        return Err(Fault::new(format!("a text is needed, this is {}", raw.type_name()), mend));
    };
    let parsed: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(text);
    match parsed.and_then(|policy| serde_json::to_string(&policy)) {
        Ok(policy) => Ok(policy),
        Err(error) => Err(Fault::new(format!("not a JSON object: {error}"), mend)),
    }
}
