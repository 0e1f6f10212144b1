//! Where bytes of others come in, one function per reader: for fuzzing, and for the tests that replay its seeds.
//!
//! Promises: every function takes any bytes, panics at none, and says why it does not take them. Behind each is the
//! reader that the program uses; nothing of the program uses this. Policy documents are never taken apart (they are
//! published as text), so what there is to try is how they are compared.

use std::{ffi::OsString, path::Path};

use crate::{
    alicloud::{
        bodies,
        ims::{GroupsPage, MembersPage, UsersPage},
        ram::{PoliciesPage, PolicyVersionsPage, RolesPage},
        resource_manager::PolicyAttachmentsPage,
    },
    avro::read_notice,
    config::{self, Purpose},
    control::Request,
    kafka::{Claim, claim},
    model::{Document, Key, Kind},
    state::State,
};

pub use crate::{
    simulator::intake::{control_body, request},
    verify::intake::{ACCOUNT, checked_records, truth_log},
};

/// Why something was not taken.
pub type Refused = String;

/// The body of a reply, as a page of any listing.
///
/// # Errors
/// It is a page of none, or contradicts itself.
pub fn page(body: &[u8]) -> Result<(), Refused> {
    macro_rules! as_page {
        ($page:ty) => {
            bodies::parse::<$page>(body).and_then(|page| {
                let items = page.into_items().ok_or_else(|| "lacks its array".to_owned())?;
                bodies::without_duplicates(items).map(|_| ())
            })
        };
    }
    let read = as_page!(UsersPage)
        .or_else(|_| as_page!(GroupsPage))
        .or_else(|_| as_page!(MembersPage))
        .or_else(|_| as_page!(RolesPage))
        .or_else(|_| as_page!(PoliciesPage))
        .or_else(|_| as_page!(PolicyVersionsPage));
    read.or_else(|_| as_page!(PolicyAttachmentsPage))
}

/// A state topic: a line a record, key and value with a tab between them, no value for a tombstone.
///
/// # Errors
/// A record is refused, or together they are not a whole state.
pub fn state_topic(lines: &[u8]) -> Result<(), Refused> {
    let mut state = State::new(ACCOUNT);
    let claim_key = claim::key(ACCOUNT);
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let tab = line.iter().position(|byte| *byte == b'\t');
        let (key, value) = tab.map_or((line, None), |tab| (&line[..tab], Some(&line[tab + 1..])));
        if key == claim_key {
            Claim::from_json(value).map_err(|error| told(&error))?;
        }
        state.apply(key, value).map_err(|error| told(&error))?;
    }
    // What is asked of a state later on may not panic at an odd key either.
    let keys = Kind::ALL.iter().flat_map(|kind| state.entities(*kind).keys().map(|key| (*kind, key.clone())));
    let keys: Vec<(Kind, Key)> = keys.collect();
    let hanging = state.hanging_on(&keys.iter().map(|(_, key)| key.clone()).collect());
    assert!(hanging.len() <= keys.len(), "only what is there hangs on something");
    let scopes: Vec<_> = keys.iter().map(|(kind, key)| kind.scope_of(key)).collect();
    assert!(state.names().count() <= scopes.len(), "only what is there has a name");
    state.verify().map_err(|error| told(&error))
}

/// A record of `.syncs`, as the daemon reads its own trace.
///
/// # Errors
/// It is none.
pub fn trace(framed: &[u8]) -> Result<(), Refused> {
    read_notice(framed).map(|_| ()).map_err(|error| told(&error))
}

/// The value of a record of `.control`.
///
/// # Errors
/// It is no request.
///
/// # Panics
/// A request that was taken is another one once it is written and read again.
pub fn control_request(value: &[u8]) -> Result<(), Refused> {
    let request = Request::parse(value).map_err(|malformed| malformed.to_string())?;
    assert_eq!(Request::parse(&request.to_value()).as_ref(), Ok(&request), "what is written is read again");
    Ok(())
}

/// A configuration file; behind a line `[environment]` at its end come variables, `NAME=value`.
///
/// # Errors
/// It cannot be used.
pub fn configuration(file: &[u8]) -> Result<(), Refused> {
    let text = std::str::from_utf8(file).map_err(|_| "the file is not UTF-8".to_owned())?;
    let (text, environment) = text.split_once("\n[environment]\n").unwrap_or((text, ""));
    let variables = environment.lines().filter_map(|line| line.split_once('='));
    let variables = variables.map(|(name, value)| (OsString::from(name), OsString::from(value)));
    config::load_from_text(Path::new("fuzzed.toml"), text, variables, Purpose::Publishing)
        .map(|_| ())
        .map_err(|refused| refused.to_string())
}

/// Two policy documents with a zero byte between them.
///
/// # Errors
/// They are not UTF-8.
///
/// # Panics
/// Comparing them breaks a law of equality.
pub fn documents(two: &[u8]) -> Result<(), Refused> {
    let text = std::str::from_utf8(two).map_err(|_| "a document is text, this is not UTF-8".to_owned())?;
    let (one, other) = text.split_once('\0').unwrap_or((text, text));
    let (one, other) = (Document::new(one), Document::new(other));
    assert!(one == one.clone(), "a document equals itself");
    let (there, back) = (one == other, other == one);
    assert_eq!(there, back, "equality has no direction");
    assert!(
        one != other || one.as_str() == other.as_str() || is_json(&one),
        "a text that is no JSON equals only itself"
    );
    Ok(())
}

fn is_json(document: &Document) -> bool {
    serde_json::from_str::<serde_json::Value>(document.as_str()).is_ok()
}

/// An error with its causes, in one line.
fn told(error: &dyn std::error::Error) -> Refused {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
