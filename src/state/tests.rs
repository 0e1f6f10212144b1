use super::*;
use uuid::Uuid;

const ACCOUNT: &str = "5481000000000001";

fn user_key(id: &str) -> String {
    format!("{ACCOUNT}/user/{id}")
}

fn put(state: &mut State, id: &str, revision: i64) {
    let entity = format!(r#"{{"user_id":"{id}"}}"#);
    state.apply(user_key(id).as_bytes(), Some(&entity_record("1", revision, &entity))).unwrap();
}

fn progress_over(state: &State, sequence: i64) -> Progress {
    let mut progress = Progress::first(Uuid::nil(), ACCOUNT);
    progress.sequence = sequence;
    for kind in Kind::ALL {
        let count = state.entities(*kind).len() as u64;
        let said = CollectionProgress { count, digest: state.digest(*kind), ..CollectionProgress::default() };
        progress.collections.insert(*kind, said);
    }
    progress
}

fn write_progress(state: &mut State, progress: &Progress) {
    state.apply(progress_key(ACCOUNT).as_bytes(), Some(&progress.to_value())).unwrap();
}

#[test]
fn records_that_progress_counted_are_whole() {
    let mut state = State::new(ACCOUNT);
    put(&mut state, "1", 1);
    put(&mut state, "2", 1);
    put(&mut state, "1", 2);
    state.apply(user_key("2").as_bytes(), None).unwrap();
    let progress = progress_over(&state, 2);
    write_progress(&mut state, &progress);
    assert_eq!(state.verify(), Ok(()));
    assert_eq!(state.count(), 1);
    let left = state.entities(Kind::User).values().next().unwrap();
    assert_eq!((left.revision, left.entity.len()), (2, state.bytes()));
    assert!(state.bytes() > 0);
}

#[test]
fn a_lost_a_changed_and_an_extra_record_are_noticed() {
    let mut whole = State::new(ACCOUNT);
    put(&mut whole, "1", 1);
    put(&mut whole, "2", 1);
    let progress = progress_over(&whole, 1);
    write_progress(&mut whole, &progress);
    for harm in [
        (|state: &mut State| state.apply(user_key("2").as_bytes(), None).unwrap()) as fn(&mut State),
        |state| put(state, "3", 1),
        |state| put(state, "2", 0),
    ] {
        let mut state = whole.clone();
        harm(&mut state);
        assert!(matches!(state.verify(), Err(Harm::Differs { kind: Kind::User, .. })), "{:?}", state.verify());
    }
}

#[test]
fn records_without_progress_and_records_newer_than_progress_are_noticed() {
    let mut state = State::new(ACCOUNT);
    put(&mut state, "1", 5);
    assert_eq!(state.verify(), Err(Harm::NoProgress { records: 1 }));
    let progress = progress_over(&state, 4);
    write_progress(&mut state, &progress);
    assert!(matches!(state.verify(), Err(Harm::NewerThanProgress { revision: 5, sequence: 4, .. })));
}

#[test]
fn foreign_newer_and_malformed_records_stop_the_reader() {
    let mut state = State::new(ACCOUNT);
    let newer = br#"{"format":9,"model_version":"1","revision":1,"entity":{}}"#;
    assert!(matches!(state.apply(user_key("1").as_bytes(), Some(newer)), Err(RecordError::Newer { format: 9, .. })));
    assert!(matches!(state.apply(b"999/user/1", Some(newer)), Err(RecordError::Key(_))));
    let gadget = format!("{ACCOUNT}/gadget/1");
    assert!(matches!(state.apply(gadget.as_bytes(), Some(newer)), Err(RecordError::UnknownKind(_))));
    for malformed in [&b""[..], b"{", b"\xff", b"[]", br#"{"format":1}"#] {
        let refused = state.apply(user_key("1").as_bytes(), Some(malformed));
        assert!(matches!(refused, Err(RecordError::Malformed { .. })), "{malformed:?}");
    }
    let foreign = Progress::first(Uuid::nil(), "999").to_value();
    let refused = state.apply(progress_key(ACCOUNT).as_bytes(), Some(&foreign));
    assert!(matches!(refused, Err(RecordError::ForeignProgress { .. })));
    let future = br#"{"min_reader":9,"anything":"else"}"#;
    let refused = state.apply(progress_key(ACCOUNT).as_bytes(), Some(future));
    assert!(matches!(refused, Err(RecordError::Newer { format: 9, .. })));
    assert!(state.is_empty());
}

/// What an earlier version of this program wrote.
#[test]
fn records_of_an_earlier_format_and_version_are_read_and_keep_their_version() {
    use crate::model::account::Account;
    let mut state = State::new(ACCOUNT);
    let record = br#"{"format":1,"model_version":"1","revision":3,"entity":{"alias":"example"}}"#;
    state.apply(format!("{ACCOUNT}/account").as_bytes(), Some(record)).unwrap();
    let (key, held) = state.entities(Kind::Account).first_key_value().unwrap();
    assert_eq!((held.revision, held.is_current()), (3, false));
    assert_eq!(held.other_version.as_deref().map(String::as_str), Some("1"));
    let account = Account { alias: Some("example".into()), root_mfa_enabled: None, default_domain: None };
    assert_eq!(state.read::<Account>(key), Some(account));
}

#[test]
fn the_claim_is_nobodys_state_and_scopes_come_and_go() {
    use crate::model::Reason;
    let mut state = State::new(ACCOUNT);
    state.apply(format!("{ACCOUNT}/~claim").as_bytes(), Some(b"whatever")).unwrap();
    assert!(state.is_empty());
    let scope = Scope::children(Kind::Membership, ["g1"]);
    let record = ScopeRecord::new(scope.clone(), None, Reason::Denied, true);
    state.apply(scope_key(ACCOUNT, &scope).as_bytes(), Some(&record.to_value())).unwrap();
    assert_eq!(state.scopes().get(&scope), Some(&record));
    state.apply(scope_key(ACCOUNT, &scope).as_bytes(), None).unwrap();
    assert!(state.scopes().is_empty());
}

#[test]
fn records_of_the_format_before_are_read_and_what_is_written_on_them_is_of_this_one() {
    let mut state = State::new(ACCOUNT);
    let before = br#"{"format":1,"model_version":"1","revision":1,"entity":{"user_id":"1"}}"#;
    state.apply(user_key("1").as_bytes(), Some(before)).unwrap();
    let mut progress: serde_json::Value = serde_json::from_slice(&progress_over(&state, 1).to_value()).unwrap();
    (progress["format"], progress["min_reader"]) = (1.into(), 1.into());
    state.apply(progress_key(ACCOUNT).as_bytes(), Some(progress.to_string().as_bytes())).unwrap();
    assert_eq!(state.verify(), Ok(()));
    let written: serde_json::Value = serde_json::from_slice(&state.progress().unwrap().to_value()).unwrap();
    assert_eq!((&written["format"], &written["min_reader"]), (&2.into(), &2.into()));
}

#[test]
fn a_scope_holds_itself_and_what_is_beneath_it_and_nothing_beside_it() {
    let mut state = State::new(ACCOUNT);
    for path in ["access_key/1/a", "access_key/1/b", "access_key/1-2/c", "access_key/12/d", "login_profile/1"] {
        state.apply(format!("{ACCOUNT}/{path}").as_bytes(), Some(&entity_record("1", 1, "{}"))).unwrap();
    }
    let in_scope = |kind: Kind| {
        let scope = Scope::children(kind, ["1"]);
        state.in_scope(kind, &scope).map(|(key, _)| key.path().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(in_scope(Kind::AccessKey), ["access_key/1/a", "access_key/1/b"]);
    assert_eq!(in_scope(Kind::LoginProfile), ["login_profile/1"]);
}

/// Whoever adds a kind raises `FORMAT` and `MIN_READER`, then this line.
#[test]
fn a_new_kind_raises_the_version_of_readers() {
    assert_eq!((Kind::ALL.len(), MIN_READER), (14, 2));
}
