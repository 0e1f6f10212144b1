use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use uuid::Uuid;

use super::*;
use crate::{
    alicloud::test_server::{ACCOUNT, Call, Says, Server},
    model::{Millis, access_key::AccessKey, mfa_device::MfaDevice, user::User},
    state::{CollectionProgress, Progress, ScopeRecord, State, entity_record, progress_key, scope_key},
    sync::{
        collect::{Rounds, Wanted},
        details::Ledger,
    },
};

const HOUR: Duration = Duration::from_secs(3_600);
const BEGUN_AT: &str = "2026-01-03T00:00:00Z";

/// Users with these ids; the first `moved` of them have a later UpdateDate than the state knows.
fn users(count: usize, moved: usize) -> String {
    let user = |n: usize| {
        let touched = if n < moved { "2026-01-04T00:00:00Z" } else { "2026-01-02T00:00:00Z" };
        format!(r#"{{"UserId":"{n}","UserPrincipalName":"u{n}@e.com","UpdateDate":"{touched}"}}"#)
    };
    let users = (0..count).map(user).collect::<Vec<_>>().join(",");
    format!(r#"{{"IsTruncated":false,"Users":{{"User":[{users}]}}}}"#)
}

fn keys(id: &str) -> String {
    format!(r#"{{"AccessKeys":{{"AccessKey":[{{"AccessKeyId":"{id}","Status":"Active"}}]}}}}"#)
}

/// An account with these users; all else is denied, unless `script` says otherwise.
async fn server(users: String, script: impl Fn(&Call) -> Option<Says> + Send + Sync + 'static) -> Server {
    Server::start(move |call| match call.action.as_str() {
        "ListUsers" => Some(Says::ok(&users)),
        "GetCallerIdentity" => None,
        _ => Some(script(call).unwrap_or_else(|| Says::error(403, "NoPermission"))),
    })
    .await
}

/// A state that holds users and one key of each, read completely.
fn held(count: usize) -> State {
    let mut state = State::new(ACCOUNT);
    let touched = "2026-01-02T00:00:00Z".parse::<Timestamp>().unwrap();
    for n in 0..count {
        let user = User {
            user_id: n.to_string(),
            user_name: format!("u{n}"),
            user_principal_name: format!("u{n}@e.com"),
            display_name: None,
            comments: None,
            email: None,
            mobile_phone: None,
            status: "active".into(),
            provision_type: None,
            tags: Vec::new(),
            create_date: None,
            update_date: Some(touched.into()),
        };
        put(&mut state, &user);
        put(&mut state, &key_of(n));
    }
    let mut progress = Progress::first(Uuid::nil(), ACCOUNT);
    for kind in [Kind::User, Kind::AccessKey] {
        let said = CollectionProgress {
            model_version: kind.model_version().into(),
            baselined: true,
            begun_at: Some(Millis::from(BEGUN_AT.parse::<Timestamp>().unwrap())),
            ..CollectionProgress::default()
        };
        progress.collections.insert(kind, said);
    }
    state.apply(progress_key(ACCOUNT).as_bytes(), Some(&progress.to_value())).unwrap();
    state
}

fn put<E: Entity>(state: &mut State, entity: &E) {
    let json = serde_json::to_string(entity).unwrap();
    state.apply(entity.key(ACCOUNT).as_ref(), Some(&entity_record(E::MODEL_VERSION, 1, &json))).unwrap();
}

fn key_of(user: usize) -> AccessKey {
    AccessKey {
        access_key_id: format!("held-{user}"),
        user_id: user.to_string(),
        status: "active".into(),
        create_date: None,
        update_date: None,
    }
}

async fn read(server: &Server, state: &State, kind: Kind) -> Collection {
    let (ledger, session) = (Ledger::new(HOUR), server.session());
    let kinds = BTreeSet::from([Kind::User, kind]);
    let reader = Reader { state, ledger: &ledger, kinds: &kinds };
    reader.read(&session, &Wanted::Everything, &mut Rounds::default()).await.remove(&kind).unwrap()
}

fn found(collection: &Collection) -> Vec<&str> {
    collection.found().iter().map(|(key, _)| key.path()).collect()
}

fn unknown(collection: &Collection) -> Vec<(&str, Reason)> {
    collection.unknown_scopes().iter().map(|(scope, why)| (scope.as_str(), why.reason)).collect()
}

#[tokio::test]
async fn only_a_user_whose_date_moved_is_asked_and_all_others_stand_as_they_are_held() {
    let server = server(users(3, 1), |call| (call.action == "ListAccessKeys").then(|| Says::ok(keys("new")))).await;
    let read = read(&server, &held(3), Kind::AccessKey).await;
    assert_eq!(found(&read), ["access_key/0/new", "access_key/1/held-1", "access_key/2/held-2"]);
    assert!(read.is_complete() && read.knows(&Scope::children(Kind::AccessKey, ["2"])));
    assert_eq!(server.calls("ListAccessKeys").len(), 1);
    assert_eq!(read.window().unwrap().begun_at.to_string(), BEGUN_AT, "it reaches back to the oldest detail");
}

#[tokio::test]
async fn what_an_earlier_sync_could_not_read_is_due_and_nothing_else() {
    let mut state = held(3);
    let scope = Scope::children(Kind::AccessKey, ["2"]);
    let record = ScopeRecord::new(scope.clone(), None, Reason::OutOfTime, true);
    state.apply(scope_key(ACCOUNT, &scope).as_bytes(), Some(&record.to_value())).unwrap();
    let server = server(users(3, 0), |call| (call.action == "ListAccessKeys").then(|| Says::ok(keys("new")))).await;
    let read = read(&server, &state, Kind::AccessKey).await;
    assert_eq!(found(&read), ["access_key/0/held-0", "access_key/1/held-1", "access_key/2/new"]);
    assert_eq!(server.calls("ListAccessKeys").len(), 1);
}

#[tokio::test]
async fn an_operation_that_is_denied_for_everybody_is_not_called_for_thousands() {
    let server = server(users(500, 0), |_| None).await;
    let read = read(&server, &State::new(ACCOUNT), Kind::AccessKey).await;
    assert_eq!(unknown(&read), [("access_key", Reason::Denied)]);
    assert!(server.calls("ListAccessKeys").len() < 100, "{}", server.calls("ListAccessKeys").len());
}

#[tokio::test]
async fn a_user_of_whom_it_is_denied_touches_nobody_else() {
    let is_denied_for = |call: &Call, n: usize| call.parameter("UserPrincipalName") == Some(&format!("u{n}@e.com"));
    let server = server(users(40, 40), move |call| {
        let answers = call.action == "ListAccessKeys" && !(0..20).any(|n| is_denied_for(call, n));
        answers.then(|| Says::ok(keys("new")))
    })
    .await;
    let read = read(&server, &held(40), Kind::AccessKey).await;
    let denied = unknown(&read);
    assert_eq!(denied.len(), 20, "{denied:?}");
    assert!(denied.iter().all(|(_, why)| *why == Reason::Denied));
    assert!(read.knows(&Scope::children(Kind::AccessKey, ["39"])));
}

#[tokio::test]
async fn a_virtual_device_that_both_operations_show_is_one_device_and_one_that_is_not_listed_is_not_known() {
    let server = server(users(2, 0), |call| match call.action.as_str() {
        "ListVirtualMFADevices" => Some(Says::ok(
            r#"{"IsTruncated":false,"VirtualMFADevices":{"VirtualMFADevice":[
            {"SerialNumber":"s","ActivateDate":"2026-01-01T00:00:00Z","User":{"UserId":"0"}},
            {"SerialNumber":"unbound","User":{}},{"SerialNumber":"root","User":{"UserId":"1000000000000001"}}]}}"#,
        )),
        "GetUserMFAInfo" => Some(Says::ok(r#"{"IsMFAEnable":true,"MFADevice":{"SerialNumber":"s","Type":"VMFA"}}"#)),
        _ => None,
    })
    .await;
    let read = read(&server, &State::new(ACCOUNT), Kind::MfaDevice).await;
    assert_eq!(found(&read), ["mfa_device/0/VMFA/s"]);
    assert_eq!(unknown(&read), [("mfa_device/1", Reason::Stale)]);
}

#[tokio::test]
async fn a_user_who_is_touched_between_the_two_listings_does_not_stand_as_it_is_held() {
    let server = Server::start(move |call| match (call.action.as_str(), call.earlier) {
        ("ListUsers", earlier) => Some(Says::ok(users(2, earlier.min(1)))),
        ("GetCallerIdentity", _) => None,
        _ => Some(Says::error(403, "NoPermission")),
    })
    .await;
    let read = read(&server, &held(2), Kind::AccessKey).await;
    assert_eq!(unknown(&read), [("access_key/0", Reason::UnresolvedName)]);
    assert_eq!(found(&read), ["access_key/1/held-1"]);
}

#[tokio::test]
async fn a_user_who_has_another_virtual_device_than_before_is_asked_for_other_ones_at_once() {
    let mut state = held(2);
    let key = "an-owner-s-security-key";
    let device = MfaDevice {
        user_id: "0".into(),
        serial_number: Some(key.into()),
        device_type: "U2F".into(),
        activate_date: None,
    };
    put(&mut state, &device);
    let mut progress = state.progress().unwrap().clone();
    let said = progress.collections[&Kind::AccessKey].clone();
    progress.collections.insert(Kind::MfaDevice, said);
    state.apply(progress_key(ACCOUNT).as_bytes(), Some(&progress.to_value())).unwrap();
    let virtual_one = "mfa_device/0/VMFA/s";
    for (shown, has) in
        [("VMFA", vec![virtual_one]), ("U2F", vec!["mfa_device/0/U2F/an-owner-s-security-key", virtual_one])]
    {
        let server = server(users(2, 0), move |call| match call.action.as_str() {
            "ListVirtualMFADevices" => Some(Says::ok(
                r#"{"IsTruncated":false,"VirtualMFADevices":{"VirtualMFADevice":[
                {"SerialNumber":"s","ActivateDate":"2026-01-04T00:00:00Z","User":{"UserId":"0"}}]}}"#,
            )),
            "GetUserMFAInfo" => {
                let serial = if shown == "VMFA" { "s" } else { "an-owner-s-security-key" };
                let device = format!(r#"{{"SerialNumber":"{serial}","Type":"{shown}"}}"#);
                Some(Says::ok(format!(r#"{{"IsMFAEnable":true,"MFADevice":{device}}}"#)))
            }
            _ => None,
        })
        .await;
        let read = read(&server, &state, Kind::MfaDevice).await;
        assert_eq!(server.calls("GetUserMFAInfo").len(), 1, "nobody else is asked");
        let mut found = found(&read);
        found.sort_unstable();
        assert_eq!((found, unknown(&read)), (has, vec![]));
    }
}

#[tokio::test]
async fn none_is_told_by_the_code_and_a_missing_user_is_no_none() {
    let is_there = Arc::new(AtomicBool::new(true));
    let said = Arc::clone(&is_there);
    let server = server(users(1, 0), move |call| match call.action.as_str() {
        "ListVirtualMFADevices" => {
            Some(Says::ok(r#"{"IsTruncated":false,"VirtualMFADevices":{"VirtualMFADevice":[]}}"#))
        }
        _ if said.load(Ordering::Relaxed) => Some(Says::error(404, "EntityNotExist.User.MFADevice")),
        _ => Some(Says::error(404, "EntityNotExist.User")),
    })
    .await;
    let none = read(&server, &State::new(ACCOUNT), Kind::MfaDevice).await;
    assert!(none.is_complete() && none.found().is_empty());
    is_there.store(false, Ordering::Relaxed);
    let gone = read(&server, &State::new(ACCOUNT), Kind::MfaDevice).await;
    assert_eq!(unknown(&gone), [("mfa_device/0", Reason::ParentGone)]);
}

#[tokio::test]
async fn a_key_that_was_made_after_the_one_that_is_held_is_told_as_readded() {
    let day = |day: u8| Some(format!("2026-01-0{day}T00:00:00Z").parse::<Timestamp>().unwrap().into());
    for (held_since, verb, fields) in [(1, Some("readded"), vec!["create_date"]), (2, None, vec![])] {
        let mut state = held(1);
        put(&mut state, &AccessKey { create_date: day(held_since), ..key_of(0) });
        let server = server(users(1, 1), |call| {
            (call.action == "ListAccessKeys").then(|| {
                let key = r#"{"AccessKeyId":"held-0","Status":"Active","CreateDate":"2026-01-02T00:00:00Z"}"#;
                Says::ok(format!(r#"{{"AccessKeys":{{"AccessKey":[{key}]}}}}"#))
            })
        })
        .await;
        let read = read(&server, &state, Kind::AccessKey).await;
        let diff = crate::diff::compare(&state, &std::collections::BTreeMap::from([(Kind::AccessKey, read)]));
        let change = diff.changes.first();
        assert_eq!(change.map(|change| change.verb.as_str()), verb, "{change:?}");
        assert_eq!(change.map(|change| change.changed_fields.clone()).unwrap_or_default(), fields);
    }
}
