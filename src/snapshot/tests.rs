use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::{
    model::{Key, Kind, Millis, Reason, Scope},
    state::{CollectionProgress, Progress, ScopeRecord, State, entity_record, progress_key, scope_key},
};

const ACCOUNT: &str = "5481000000000001";

const USER_1: &str = r#"{"user_id":"1","user_name":"alice","user_principal_name":"alice@x","display_name":"Zoë","comments":null,"email":null,"mobile_phone":null,"status":"active","provision_type":null,"tags":[{"key":"k","value":""}],"create_date":5,"update_date":null}"#;
const USER_2: &str = r#"{"user_id":"2","user_name":"bob","user_principal_name":"bob@x","display_name":null,"comments":"line\nbreak","email":null,"mobile_phone":null,"status":"frozen","provision_type":null,"tags":[],"create_date":6,"update_date":7}"#;

/// Key, revision and JSON of every entity: one of each kind, two users.
const ENTITIES: &[(&str, i64, &str)] = &[
    ("account", 1, r#"{"alias":"example","root_mfa_enabled":null,"default_domain":null}"#),
    ("user/1", 3, USER_1),
    ("user/2", 12, USER_2),
    (
        "group/7",
        1,
        r#"{"group_id":"7","group_name":"admins","display_name":null,"comments":null,"create_date":5,"update_date":6}"#,
    ),
    (
        "role/3",
        1,
        r#"{"role_id":"3","role_name":"r","description":null,"trust_policy":"{}","max_session_duration_secs":3600,"service_linked":false,"tags":[],"create_date":5,"update_date":null}"#,
    ),
    (
        "policy/custom/p",
        1,
        r#"{"policy_type":"custom","policy_name":"P","description":null,"default_version":"v1","default_document":"{}","versions":[{"version_id":"v1","create_date":1,"document":"{}"}],"tags":[],"create_date":null,"update_date":null}"#,
    ),
    (
        "instance/eu-central-1/i-1",
        4,
        r#"{"region":"eu-central-1","instance_id":"i-1","instance_name":"web","vpc_id":null,"role_name":"r","status":"Running","tags":[{"key":"k","value":"v"}],"creation_time":60000}"#,
    ),
    (
        "password_policy",
        1,
        r#"{"minimum_length":8,"minimum_different_characters":null,"require_lowercase":true,"require_uppercase":null,"require_numbers":null,"require_symbols":null,"forbid_user_name":null,"refuse_risky_over_api":null,"max_age_days":90,"initial_max_age_days":null,"expired_bars_login":false,"reuse_prevention_count":null,"max_login_attempts":5}"#,
    ),
    (
        "security_preference",
        1,
        r#"{"login_session_duration_hours":6,"login_network_masks":["10.0.0.0/8"],"mfa_operation_for_login":"mandatory","operation_for_risk_login":null,"verification_types":[],"save_mfa_ticket":null,"allow_user_to_login_with_passkey":null,"allow_user_to_change_password":true,"allow_user_to_manage_access_keys":false,"allow_user_to_manage_service_credentials":null,"allow_user_to_manage_mfa_devices":null,"allow_user_to_manage_personal_dingtalk":null,"max_idle_days_for_users":null,"max_idle_days_for_access_keys":730}"#,
    ),
    (
        "identity_provider/oidc/acs%3Aram%3A%3A5481%3Aoidc-provider%2Fp",
        2,
        r#"{"provider_type":"oidc","arn":"acs:ram::5481:oidc-provider/p","provider_name":"p","description":null,"metadata_sha256":null,"authn_sign_algorithm":null,"issuer_url":"https://example.com","client_ids":["a","b"],"fingerprints":[],"issuance_limit_hours":12,"create_date":9,"update_date":9}"#,
    ),
    (
        "access_key/1/LTAI1",
        2,
        r#"{"access_key_id":"LTAI1","user_id":"1","status":"inactive","create_date":5,"update_date":null}"#,
    ),
    (
        "login_profile/1",
        2,
        r#"{"user_id":"1","status":"active","mfa_bind_required":true,"password_reset_required":false,"update_date":6}"#,
    ),
    ("mfa_device/2/U2F/", 12, r#"{"user_id":"2","device_type":"U2F","serial_number":null,"activate_date":null}"#),
    ("membership/7/1", 5, r#"{"group_id":"7","user_id":"1","join_date":9}"#),
    (
        "policy_attachment/custom/p/user/1/account",
        1,
        r#"{"policy_type":"custom","policy_name":"P","principal_type":"user","principal_id":"1","scope":"account","attach_date":9}"#,
    ),
];

/// Count and digest of each kind's rows, computed with Python's uuid and hashlib from the keys above.
const TALLIES: &[(&str, u64, &str)] = &[
    ("account", 1, "5675537a9d508a98487d04f6b983bf4d"),
    ("user", 2, "c3638e9cedafac27b530a417d89ee284"),
    ("group", 1, "dc6e20000dbaefe47f74438119c85e63"),
    ("role", 1, "3f7d8e439820aaef2011c13cfac0fa38"),
    ("policy", 1, "68a54b73dea816b9727ada6ee73eaa7f"),
    ("instance", 1, "8cd2145365ed859f3b96c87aed543fd5"),
    ("password_policy", 1, "807d3a0e82b82a4d29b4cb7400f35084"),
    ("security_preference", 1, "9d2395d5b19643d71859f1cf9bfaf2c0"),
    ("identity_provider", 1, "f795c255291becb09dda1dbf035c6830"),
    ("access_key", 1, "e7d3a3230321c77f30b2c9ac5cdc053b"),
    ("login_profile", 1, "ce4039cc7ffff774925aeb471685f869"),
    ("mfa_device", 1, "113577daa7caa8966bf126b8fe977a2c"),
    ("membership", 1, "2658d7df37813834a9c339f0bdc11ced"),
    ("policy_attachment", 1, "9393cfaca3a10261c56d52c174896f36"),
];

fn published() -> State {
    let mut state = State::new(ACCOUNT);
    for (path, revision, json) in ENTITIES {
        let key = format!("{ACCOUNT}/{path}");
        let (kind, _) = Key::parse(ACCOUNT, &key).unwrap();
        state.apply(key.as_bytes(), Some(&entity_record(kind.model_version(), *revision, json))).unwrap();
    }
    let scope = Scope::children(Kind::Membership, ["7"]);
    let record = ScopeRecord::new(scope.clone(), Some(Millis(30_000)), Reason::Denied, false);
    state.apply(scope_key(ACCOUNT, &scope).as_bytes(), Some(&record.to_value())).unwrap();
    let mut progress = Progress::first(Uuid::parse_str("0191f3a0-0000-4000-8000-000000000001").unwrap(), ACCOUNT);
    (progress.sequence, progress.sync_id) = (12, Some(Uuid::max()));
    for kind in Kind::ALL {
        let said = CollectionProgress {
            model_version: kind.model_version().into(),
            baselined: true,
            begun_at: Some(Millis(40_000)),
            complete_at: Some(Millis(60_000)),
            count: state.entities(*kind).len() as u64,
            digest: state.digest(*kind),
            count_difference: None,
        };
        progress.collections.insert(*kind, said);
    }
    state.apply(progress_key(ACCOUNT).as_bytes(), Some(&progress.to_value())).unwrap();
    state.verify().unwrap();
    state
}

fn order(to: &Path, encoding: Encoding) -> Order<'_> {
    Order { to, encoding, kinds: Kind::ALL, account_name: Some("prod"), force: false }
}

/// An export in a directory of its own.
fn exported(encoding: Encoding) -> (TempDir, PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let to = parent.path().join("snapshot");
    write(&published(), order(&to, encoding)).unwrap();
    (parent, to)
}

fn names_in(directory: &Path) -> BTreeSet<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn what_is_exported_is_read_back_as_the_state_that_it_was() {
    let state = published();
    for encoding in [Encoding::Avro, Encoding::Jsonl] {
        let (_parent, to) = exported(encoding);
        let read = Export::read(&to).unwrap();
        read.state.verify().unwrap();
        for kind in Kind::ALL {
            assert_eq!(read.state.entities(*kind), state.entities(*kind), "{kind}");
        }
        assert_eq!((read.state.progress(), read.state.scopes()), (state.progress(), state.scopes()));
    }
}

#[test]
fn there_is_a_file_a_kind_and_a_manifest_that_anybody_can_compute() {
    let (_parent, to) = exported(Encoding::Jsonl);
    let files = [
        "accounts",
        "groups",
        "identity-providers",
        "instances",
        "memberships",
        "password-policies",
        "policies",
        "policy-attachments",
        "roles",
        "security-preferences",
        "users",
        "access-keys",
        "login-profiles",
        "mfa-devices",
    ];
    let mut expected = names(&files.map(|name| format!("{name}.jsonl")).each_ref().map(String::as_str));
    expected.insert("manifest.json".to_owned());
    assert_eq!(names_in(&to), expected);
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(to.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(
        (&manifest["account_id"], &manifest["account_name"], &manifest["sequence"], &manifest["rows"]),
        (&ACCOUNT.into(), &"prod".into(), &12.into(), &15.into())
    );
    let tallies = manifest["kinds"].as_array().unwrap().iter();
    let tallies = tallies.map(|kind| {
        (kind["kind"].as_str().unwrap(), kind["count"].as_u64().unwrap(), kind["digest"].as_str().unwrap())
    });
    assert_eq!(tallies.collect::<Vec<_>>(), TALLIES);
    let unknown = serde_json::json!({ "scope": "membership/7", "reason": "denied", "since": 30_000, "missed": false });
    assert_eq!(manifest["unknown_scopes"], serde_json::json!([unknown]));
    let name = |kind: &serde_json::Value| kind["schema"]["name"].as_str().unwrap().to_owned();
    assert_eq!(name(&manifest["kinds"][1]), "UserChange");
}

#[test]
fn some_kinds_alone_are_counted_alone() {
    let parent = tempfile::tempdir().unwrap();
    let to = parent.path().join("some");
    write(&published(), Order { kinds: &[Kind::User, Kind::Role], ..order(&to, Encoding::Jsonl) }).unwrap();
    assert_eq!(names_in(&to), names(&["manifest.json", "roles.jsonl", "users.jsonl"]));
    let export = Export::read(&to).unwrap();
    assert_eq!((export.manifest.rows, export.manifest.unknown_scopes), (3, vec![]));
    let roles = fs::read_to_string(to.join("roles.jsonl")).unwrap();
    assert!(roles.contains(r#""batch_index":2,"batch_size":3,"revision":1"#), "{roles}");
}

/// Writes `name` anew and says why the export is refused then.
fn refused(to: &Path, name: &str, edit: impl Fn(String) -> String) -> String {
    let path = to.join(name);
    let text = fs::read_to_string(&path).unwrap();
    let edited = edit(text.clone());
    assert_ne!(edited, text, "the edit changes something");
    fs::write(&path, edited).unwrap();
    let error = Export::read(to).expect_err("it was edited").to_string();
    fs::write(&path, text).unwrap();
    Export::read(to).expect("it is as it was");
    error
}

#[test]
fn an_edited_or_damaged_file_is_refused_with_file_line_reason_and_mend() {
    let (_parent, to) = exported(Encoding::Jsonl);
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    type Edit<'a> = &'a dyn Fn(String) -> String;
    let cases: &[(&str, Edit<'_>, &[&str])] = &[
        ("users.jsonl", &|text| text.replace("Zoë", "Zoe"), &["users.jsonl: ", "not their contents"]),
        ("users.jsonl", &|text| text.replace(r#""revision":3"#, r#""revision":4"#), &["not their contents"]),
        ("users.jsonl", &|text| lines(&text)[..1].join("\n") + "\n", &["users.jsonl: it holds 1 rows", "says 2"]),
        ("users.jsonl", &|text| format!("{1}\n{0}\n", lines(&text)[0], lines(&text)[1]), &["users.jsonl:2", "user/1"]),
        ("users.jsonl", &|text| text.clone() + &text, &["users.jsonl:3", "or there twice"]),
        ("users.jsonl", &|text| text.trim_end().to_owned(), &["users.jsonl:2", "ends too early"]),
        ("users.jsonl", &|text| text.replacen('{', "", 1), &["users.jsonl:1", "it is no row"]),
        ("users.jsonl", &|text| text.replace(r#""op":"r""#, r#""op":"d""#), &["users.jsonl:1", "op"]),
        ("users.jsonl", &|text| text.replace("5481", "5482"), &["users.jsonl:1", "account_id"]),
        ("users.jsonl", &|text| text.replace(r#""sequence":12"#, r#""sequence":11"#), &["users.jsonl:1", "sequence"]),
        (
            "users.jsonl",
            &|text| text.replace(r#""revision":12"#, r#""revision":13"#),
            &["users.jsonl:2", "revision 13"],
        ),
        ("users.jsonl", &|text| text.replace("b07f65df", "b07f65de"), &["users.jsonl:1", "event_id"]),
        ("groups.jsonl", &|_| String::new(), &["groups.jsonl", "0 rows"]),
        ("manifest.json", &|text| text.replace(r#""count": 2"#, r#""count": 3"#), &["manifest.json", "rows is 15"]),
        ("manifest.json", &|text| text.replace(r#""format": 1"#, r#""format": 2"#), &["format 2", "use the version"]),
        ("manifest.json", &|text| text.replace("users.jsonl", "../users.jsonl"), &["kinds[].file of user"]),
        ("manifest.json", &|text| text.replace(r#""denied""#, r#""bored""#), &["manifest.json:", "bored"]),
        ("manifest.json", &|text| text.replace(TALLIES[0].2, TALLIES[1].2), &["accounts.jsonl", "digest"]),
        ("manifest.json", &|_| "[]".to_owned(), &["manifest.json:1", "no manifest of an export"]),
    ];
    for (name, edit, parts) in cases {
        let told = refused(&to, name, edit);
        assert!(parts.iter().all(|part| told.contains(part)), "{parts:?} in: {told}");
        assert!(told.contains("\n  fix: "), "{told}");
    }
    fs::remove_file(to.join("roles.jsonl")).unwrap();
    assert!(Export::read(&to).unwrap_err().to_string().contains("roles.jsonl: it cannot be read"));
}

#[test]
fn what_is_no_export_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let told = Export::read(directory.path()).unwrap_err().to_string();
    assert!(told.contains("manifest.json: it cannot be read") && told.contains("ramstream snapshot export"), "{told}");
}

/// A flipped byte may fall on what carries no meaning (a text of the schema's documentation); then it is the same state.
#[test]
fn no_flipped_byte_of_an_avro_file_changes_what_is_read() {
    let (_parent, to) = exported(Encoding::Avro);
    let (path, state) = (to.join("users.avro"), published());
    let bytes = fs::read(&path).unwrap();
    let mut refused = 0;
    for at in (0..bytes.len()).filter(|at| at % 7 == 0 || *at + 400 > bytes.len()) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        fs::write(&path, flipped).unwrap();
        match Export::read(&to) {
            Ok(read) => assert_eq!(read.state.entities(Kind::User), state.entities(Kind::User), "byte {at}"),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 100, "{refused}");
    for length in [0, 3, 100, bytes.len() - 20, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        let told = Export::read(&to).expect_err("it is cut").to_string();
        assert!(told.contains("users.avro"), "{told}");
    }
}

#[test]
fn a_directory_with_something_in_it_is_not_touched() {
    let (parent, to) = exported(Encoding::Avro);
    let before = fs::read(to.join("manifest.json")).unwrap();
    let again = |to: &Path, force: bool| write(&published(), Order { force, ..order(to, Encoding::Jsonl) });
    assert!(again(&to, false).unwrap_err().to_string().contains("--force"));
    assert_eq!(fs::read(to.join("manifest.json")).unwrap(), before);

    fs::write(to.join("thesis.txt"), "years of work").unwrap();
    assert!(again(&to, true).unwrap_err().to_string().contains("thesis.txt"));
    assert_eq!(fs::read(to.join("manifest.json")).unwrap(), before);
    fs::remove_file(to.join("thesis.txt")).unwrap();

    again(&to, true).unwrap();
    assert_eq!(Export::read(&to).unwrap().manifest.encoding, Encoding::Jsonl);
    assert_eq!(names_in(&to).len(), 15, "nothing of the replaced export is left");

    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(again(&file, true).unwrap_err().to_string().contains("is no directory"));
    let empty = parent.path().join("empty");
    fs::create_dir(&empty).unwrap();
    again(&empty, false).unwrap();
    let link = parent.path().join("link");
    std::os::unix::fs::symlink(&to, &link).unwrap();
    again(&link, true).unwrap();
    assert_eq!(names_in(parent.path()), names(&["empty", "file", "link", "snapshot"]), "nothing is left lying about");
}

#[test]
fn an_export_that_fails_leaves_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let to = parent.path().join("snapshot");
    let mut broken = published();
    broken.apply(format!("{ACCOUNT}/role/4").as_bytes(), Some(&entity_record("1", 2, "{}"))).unwrap();
    let failed = write(&broken, order(&to, Encoding::Avro)).unwrap_err();
    assert!(matches!(failed, WriteError::Encode(_)), "{failed}");
    let mut older = published();
    older.apply(format!("{ACCOUNT}/user/1").as_bytes(), Some(&entity_record("0", 2, USER_1))).unwrap();
    let failed = write(&older, order(&to, Encoding::Avro)).unwrap_err();
    assert!(failed.to_string().starts_with("1 entities of kind user"), "{failed}");
    let nothing = write(&State::new(ACCOUNT), order(&to, Encoding::Avro)).unwrap_err();
    assert!(matches!(nothing, WriteError::NothingPublished(_)), "{nothing}");
    assert_eq!(names_in(parent.path()), BTreeSet::new());
    let nowhere = parent.path().join("not/there");
    let failed = write(&published(), order(&nowhere, Encoding::Avro)).unwrap_err();
    assert!(failed.to_string().contains("a directory cannot be made in it"), "{failed}");
}
