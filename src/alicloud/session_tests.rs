use std::collections::HashSet;
use std::fs::{self, File};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::alicloud::test_server::{ACCOUNT, Call, Says, Server, belongs_to, key, settings_for};
use crate::alicloud::{
    CallError, Client, CredentialFiles, CredentialsSource, IdentifyError, Session, identify, ims, presence, ram,
    resource_manager, sts,
};
use crate::model::Reason;

const FOREIGN: &str = "2000000000000002";

fn summary() -> Says {
    Says::ok(r#"{"SummaryMap":{"Users":3,"Groups":2}}"#)
}

/// Fails the first `times` calls that are not about the caller's identity.
fn failing(times: usize, says: Says) -> impl Fn(&Call) -> Option<Says> + Send + Sync {
    move |call| {
        (call.action != "GetCallerIdentity").then(|| if call.earlier < times { says.clone() } else { summary() })
    }
}

async fn users(session: &Session) -> Result<Option<u64>, CallError> {
    ims::get_account_summary(session).await.map(|summary| summary.item.users)
}

#[tokio::test]
async fn what_passes_by_is_tried_again_with_a_fresh_nonce() {
    for says in [
        Says::error(400, "Throttling.User"),
        Says::error(400, "Rejected.Throttling"),
        Says::error(503, "ServiceUnavailable"),
        Says::error(500, "InternalError"),
        Says::ok("<html>Bad Gateway</html>").status(502),
    ] {
        let server = Server::start(failing(4, says)).await;
        assert_eq!(users(&server.session()).await.unwrap(), Some(3));
        let calls = server.calls("GetAccountSummary");
        let nonces: HashSet<&str> = calls.iter().map(|call| call.headers["x-acs-signature-nonce"].as_str()).collect();
        assert_eq!((calls.len(), nonces.len()), (5, 5));
    }
}

#[tokio::test]
async fn calls_are_counted() {
    let server = Server::start(failing(2, Says::error(400, "Throttling"))).await;
    let session = server.session();
    users(&session).await.unwrap();
    let calls = session.calls();
    let by_operation: Vec<(&str, u64)> = calls.by_operation.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    assert_eq!(by_operation, [("ims GetAccountSummary", 3), ("sts GetCallerIdentity", 1)]);
    assert_eq!((calls.total(), calls.retries, calls.throttled), (4, 2, 2));
    assert!(calls.waited >= Duration::from_millis(2), "{:?}", calls.waited);
}

#[tokio::test]
async fn every_attempt_is_reported() {
    let server = Server::start(failing(1, Says::error(400, "Throttling"))).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut settings = server.settings();
    let reports = Arc::clone(&seen);
    settings.on_call = Some(Arc::new(move |report| {
        reports.lock().unwrap().push((report.operation.name, report.attempt, report.failure));
    }));
    let client = Client::new(settings, ACCOUNT).unwrap();
    users(&client.session(Instant::now() + Duration::from_secs(60))).await.unwrap();
    let expected = [
        ("GetCallerIdentity", 1, None),
        ("GetAccountSummary", 1, Some(Reason::Throttled)),
        ("GetAccountSummary", 2, None),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn throttled_to_the_end_of_the_budget_is_unknown_as_throttled_and_ends_in_time() {
    let server = Server::start(failing(usize::MAX, Says::error(400, "Throttling.User"))).await;
    let session = server.short_session().await;
    let begun = Instant::now();
    assert_eq!(ims::list_users(&session).await.unwrap_err().reason, Reason::Throttled);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert!(session.calls().throttled > 1);
}

#[tokio::test]
async fn a_pause_asked_for_is_kept_and_one_beyond_the_budget_is_not_begun() {
    let pause = |millis: &str| Says::error(400, "Throttling").header("x-acs-retry-after", millis);
    let server = Server::start(failing(1, pause("80"))).await;
    let begun = Instant::now();
    users(&server.session()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(80));

    let server = Server::start(failing(1, pause("3000000"))).await;
    let begun = Instant::now();
    assert!(matches!(users(&server.session()).await, Err(CallError::Throttled(_))));
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_refusal_is_final_and_asked_for_once() {
    for (says, reason) in [
        (Says::error(403, "NoPermission"), Reason::Denied),
        (Says::error(404, "InvalidAccessKeyId.NotFound"), Reason::Unauthenticated),
        (Says::error(400, "InvalidParameter.Marker"), Reason::Protocol),
    ] {
        let server = Server::start(failing(usize::MAX, says)).await;
        assert_eq!(users(&server.session()).await.unwrap_err().reason(), reason);
        assert_eq!(server.calls("GetAccountSummary").len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start(failing(usize::MAX, Says::ok("").status(302).header("location", "/elsewhere"))).await;
    assert!(matches!(users(&server.session()).await, Err(CallError::BrokenReply { .. })));
    assert_eq!(server.calls("GetAccountSummary").len(), 3);
}

#[tokio::test]
async fn nobody_listening_is_unavailable_and_ends_in_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(settings_for(&url), ACCOUNT).unwrap();
    let session = client.session(Instant::now() + Duration::from_millis(300));
    let unknown = ims::list_users(&session).await.unwrap_err();
    assert_eq!(unknown.reason, Reason::Unavailable);
    assert!(unknown.detail.contains("no connection") && !unknown.detail.contains("http://"), "{unknown}");
    assert!(session.calls().retries > 1);
}

#[tokio::test]
async fn a_reply_that_comes_after_the_deadline_is_not_waited_for() {
    let server = Server::start(failing(1, summary().after(Duration::from_secs(30)))).await;
    let begun = Instant::now();
    assert_eq!(users(&server.short_session().await).await.unwrap_err().reason(), Reason::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_body_larger_than_any_legal_one_is_not_read() {
    let body = format!(r#"{{"SummaryMap":{{}},"Padding":"{}"}}"#, "x".repeat(32 * 1024 * 1024));
    let server = Server::start(failing(1, Says::ok(body))).await;
    let session = server.session();
    assert_eq!(users(&session).await.unwrap(), Some(3));
    assert_eq!(session.calls().retries, 1);
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_allowed() {
    let server = Server::start(failing(usize::MAX, summary().after(Duration::from_secs(30)))).await;
    let mut settings = server.settings();
    settings.concurrency = 2;
    let client = Client::new(settings, ACCOUNT).unwrap();
    client.session(Instant::now() + Duration::from_secs(60)).verify_account().await.unwrap();
    let session = client.session(Instant::now() + Duration::from_millis(500));
    let all = futures::future::join_all((0..10).map(|_| users(&session))).await;
    let count = |reason| all.iter().filter(|users| users.as_ref().unwrap_err().reason() == reason).count();
    assert_eq!((count(Reason::Unavailable), count(Reason::OutOfTime)), (2, 8));
    assert_eq!(server.calls("GetAccountSummary").len(), 2);
}

/// Refuses calls whose date is more than 15 minutes from a clock that is `ahead` of this machine's.
fn service_ahead_by(ahead: Duration) -> impl Fn(&Call) -> Option<Says> + Send + Sync {
    move |call| {
        let now = Timestamp::now() + ahead;
        let date: Timestamp = call.headers["x-acs-date"].parse().unwrap();
        let says = if (now - date).get_seconds().abs() > 15 * 60 {
            Says::error(400, "InvalidTimeStamp.Expired")
        } else if call.action == "GetCallerIdentity" {
            belongs_to(ACCOUNT)
        } else {
            summary()
        };
        Some(says.header("date", jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now).unwrap()))
    }
}

#[tokio::test]
async fn a_clock_that_is_apart_is_corrected_once_for_all_later_calls_and_reported() {
    let server = Server::start(service_ahead_by(Duration::from_secs(20 * 60))).await;
    let session = server.session();
    assert_eq!(users(&session).await.unwrap(), Some(3));
    assert_eq!(users(&session).await.unwrap(), Some(3));
    let calls = session.calls();
    assert!((1198..=1201).contains(&calls.clock_offset_secs.unwrap()), "{calls:?}");
    // One refused, one accepted, and two calls that were right at once.
    assert_eq!((calls.total(), calls.retries), (4, 1));
}

#[tokio::test]
async fn a_clock_error_that_a_correction_does_not_mend_is_final() {
    let server = Server::start(|_| Some(Says::error(400, "InvalidTimeStamp.Expired"))).await;
    assert!(matches!(users(&server.session()).await, Err(CallError::ClockApart(_))));
    assert_eq!(server.calls("GetCallerIdentity").len(), 2);
}

#[tokio::test]
async fn nothing_is_called_with_credentials_of_another_account() {
    let server = Server::start(|call| (call.action == "GetCallerIdentity").then(|| belongs_to(FOREIGN))).await;
    let session = server.session();
    let error = session.verify_account().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the credentials belong to account {FOREIGN}, not to {ACCOUNT}: use credentials of {ACCOUNT}")
    );
    for _ in 0..3 {
        assert_eq!(ims::list_users(&session).await.unwrap_err().reason, Reason::Unauthenticated);
    }
    assert!(matches!(ram::get_role(&session, "r").await, Err(CallError::ForeignAccount { .. })));
    assert_eq!(session.calls().total(), 1, "a key's account is asked for once");
}

#[tokio::test]
async fn concurrent_calls_ask_once_whose_the_key_is() {
    let server = Server::start(failing(0, summary())).await;
    let session = server.session();
    let all = futures::future::join_all((0..20).map(|_| users(&session))).await;
    assert!(all.into_iter().all(|users| users.is_ok()));
    assert_eq!(server.calls("GetCallerIdentity").len(), 1);
}

fn write_keys(directory: &Path, id: &str, modified_secs: u64) {
    for (name, text) in [("id", id), ("secret", "hush")] {
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(modified_secs);
        File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
    }
}

#[tokio::test]
async fn a_key_that_changes_in_mid_session_is_checked_before_it_is_used() {
    let server = Server::start(|call| {
        Some(match call.action.as_str() {
            "GetCallerIdentity" if call.access_key_id() == "LTAI-foreign" => belongs_to(FOREIGN),
            "GetCallerIdentity" => belongs_to(ACCOUNT),
            _ => summary(),
        })
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let mut settings = server.settings();
    settings.credentials = CredentialsSource::Files(CredentialFiles::new(path("id"), path("secret"), None));
    let session = Client::new(settings, ACCOUNT).unwrap().session(Instant::now() + Duration::from_secs(60));

    write_keys(directory.path(), "LTAI-one", 100);
    users(&session).await.unwrap();
    write_keys(directory.path(), "LTAI-two", 200);
    users(&session).await.unwrap();
    write_keys(directory.path(), "LTAI-foreign", 300);
    assert!(matches!(users(&session).await, Err(CallError::ForeignAccount { .. })));
    fs::remove_file(path("secret")).unwrap();
    assert!(matches!(users(&session).await, Err(CallError::NoCredentials { .. })));

    let keys = |action: &str| -> Vec<String> {
        server.calls(action).iter().map(|call| call.access_key_id().to_owned()).collect()
    };
    assert_eq!(keys("GetCallerIdentity"), ["LTAI-one", "LTAI-two", "LTAI-foreign"]);
    assert_eq!(keys("GetAccountSummary"), ["LTAI-one", "LTAI-two"]);
}

#[tokio::test]
async fn the_account_of_credentials_can_be_found_out_and_a_failure_is_told() {
    let server = Server::start(|call| {
        Some(match call.access_key_id() {
            "LTAI-one" => belongs_to(FOREIGN),
            _ => Says::error(404, "InvalidAccessKeyId.NotFound"),
        })
    })
    .await;
    let deadline = Instant::now() + Duration::from_secs(60);
    assert_eq!(identify(server.settings(), deadline).await.unwrap().item.account_id, FOREIGN);
    let mut settings = server.settings();
    settings.credentials = CredentialsSource::Static(key("LTAI-unknown"));
    let error = identify(settings, deadline).await.unwrap_err();
    assert!(matches!(error, IdentifyError::Call(CallError::Unauthenticated(_))), "{error}");
}

#[tokio::test]
async fn an_identity_without_an_account_proves_nothing() {
    let server = Server::start(|_| Some(Says::ok(r#"{"AccountId":""}"#))).await;
    let error = sts::get_caller_identity(&server.session()).await.unwrap_err();
    assert!(matches!(error, CallError::BrokenReply { .. }), "{error}");
}

#[tokio::test]
async fn a_user_is_gone_only_by_the_services_own_word() {
    let server = Server::start(|call| {
        let says = match call.parameter("UserId") {
            None => return None,
            Some("1") => Says::ok(r#"{"User":{"UserId":"1"}}"#),
            Some("2") => Says::error(404, "EntityNotExist.User"),
            Some("3") => Says::error(404, "InvalidAccessKeyId.NotFound"),
            Some("4") => Says::ok("<html>Not Found</html>").status(404),
            Some(_) => Says::ok(r#"{"User":{"UserId":"1"}}"#),
        };
        Some(says)
    })
    .await;
    let session = server.session();
    assert_eq!(presence::of_user(&session, "1").await.unwrap().item, presence::Presence::Exists);
    assert_eq!(presence::of_user(&session, "2").await.unwrap().item, presence::Presence::Gone);
    for other in ["3", "4", "5"] {
        presence::of_user(&session, other).await.unwrap_err();
    }
}

#[tokio::test]
async fn another_id_under_the_name_is_a_removal_and_a_refusal_is_none() {
    let server = Server::start(|call| {
        let says = match (call.action.as_str(), call.parameter("GroupName").or(call.parameter("RoleName"))) {
            ("GetGroup", Some("here")) => Says::ok(r#"{"Group":{"GroupId":"g1","GroupName":"here"}}"#),
            ("GetGroup", _) => Says::error(404, "EntityNotExist.Group"),
            ("GetRole", Some("here")) => Says::ok(r#"{"Role":{"RoleId":"r1","RoleName":"here"}}"#),
            ("GetRole", _) => Says::error(404, "EntityNotExist.User"),
            ("GetPolicy", _) => Says::error(403, "NoPermission"),
            _ => return None,
        };
        Some(says)
    })
    .await;
    let session = server.session();
    use presence::Presence::{Exists, Gone};
    assert_eq!(presence::of_group(&session, "here", "g1").await.unwrap().item, Exists);
    assert_eq!(presence::of_group(&session, "here", "g9").await.unwrap().item, Gone);
    assert_eq!(presence::of_group(&session, "gone", "g1").await.unwrap().item, Gone);
    assert_eq!(presence::of_role(&session, "here", "r1").await.unwrap().item, Exists);
    presence::of_role(&session, "gone", "r1").await.unwrap_err();
    presence::of_policy(&session, ram::PolicyType::Custom, "any").await.unwrap_err();
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_by_name() {
    let mut settings = settings_for("http://127.0.0.1:1");
    settings.rate_share = 0.0;
    assert!(Client::new(settings, ACCOUNT).unwrap_err().to_string().contains("rate share"));
    let mut settings = settings_for("http://127.0.0.1:1");
    settings.concurrency = 0;
    assert!(Client::new(settings, ACCOUNT).unwrap_err().to_string().contains("concurrency"));
    let mut settings = settings_for("http://127.0.0.1:1");
    settings.exchange.extra_ca_pem = Some(b"no certificate".to_vec());
    assert!(Client::new(settings, ACCOUNT).unwrap_err().to_string().contains("PEM"));
    let error = Client::new(settings_for("http://127.0.0.1:1"), "acme").unwrap_err();
    assert!(error.to_string().contains("account id"));
}

#[tokio::test]
async fn sessions_and_clients_show_no_secret() {
    let server = Server::start(|_| None).await;
    let session = server.session();
    session.verify_account().await.unwrap();
    let shown = format!("{session:?} {:?} {:?}", server.client(), server.settings());
    assert!(!shown.contains("hush"), "{shown}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_most_talkative_log_tells_of_the_call_and_holds_no_secret() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let body = r#"{"Code":"SignatureDoesNotMatch","RequestId":"R-7",
        "Message":"Specified signature is not matched. server string to sign is:POST\nx-acs-security-token:hush-token"}"#;
    let server = Server::start(failing(usize::MAX, Says::ok(body).status(403))).await;
    let mut settings = server.settings();
    settings.credentials = CredentialsSource::Static(crate::alicloud::Credentials {
        security_token: Some(crate::secret::Secret::new("hush-token")),
        ..key("LTAI-one")
    });
    let session = Client::new(settings, ACCOUNT).unwrap().session(Instant::now() + Duration::from_secs(60));
    users(&session).await.unwrap_err();
    // Tests run side by side: a log line that another one reached first, without a log, may have been switched
    // off for good. By now every line has been reached once.
    tracing::callsite::rebuild_interest_cache();
    users(&session).await.unwrap_err();

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for field in [
        "call{operation=ims GetAccountSummary attempt=1",
        "status=403",
        r#"code="SignatureDoesNotMatch""#,
        r#"request_id="R-7""#,
        "elapsed_ms=",
    ] {
        assert!(text.contains(field), "{field} in {text}");
    }
    assert!(!text.contains("hush"), "{text}");
}

#[tokio::test]
async fn readings_can_be_spawned() {
    fn spawnable(_: &(impl Future + Send)) {}
    let session = Client::new(settings_for("http://127.0.0.1:1"), ACCOUNT).unwrap().session(Instant::now());
    spawnable(&ims::list_users(&session));
    spawnable(&resource_manager::list_policy_attachments(&session));
    spawnable(&ram::get_account_alias(&session));
    spawnable(&presence::of_user(&session, "1"));
}
