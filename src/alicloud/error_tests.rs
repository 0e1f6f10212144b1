use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};

use super::{CallError, judge_refusal};
use crate::alicloud::error_body::ErrorBody;
use crate::alicloud::exchange::Reply;
use crate::alicloud::ims;
use crate::alicloud::retry::Again;
use crate::model::{Reason, Unknown};

fn reply(status: u16, body: &str) -> Reply {
    Reply { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec(), duration: Duration::ZERO }
}

fn refused(status: u16, code: &str) -> (Reason, Again) {
    let reply = reply(status, &format!(r#"{{"Code":"{code}","Message":"m","RequestId":"R-1"}}"#));
    let failed = judge_refusal(&ims::LIST_USERS, &reply, Some(7));
    (failed.error.reason(), failed.again)
}

#[test]
fn the_code_decides_and_not_the_status() {
    let soon = Again::After(Duration::ZERO);
    for (status, code, reason, again) in [
        (400, "Throttling", Reason::Throttled, soon),
        (400, "Throttling.User", Reason::Throttled, soon),
        (403, "Throttling.Api", Reason::Throttled, soon),
        (400, "Rejected.Throttling", Reason::Throttled, soon),
        (503, "ServiceUnavailable", Reason::Unavailable, soon),
        (400, "ServiceUnavailableTemporary", Reason::Unavailable, soon),
        (500, "InternalError", Reason::Unavailable, soon),
        (502, "SomethingNew", Reason::Unavailable, soon),
        (400, "SignatureNonceUsed", Reason::Unavailable, soon),
        (403, "NoPermission", Reason::Denied, Again::Never),
        (400, "Forbidden.RAM", Reason::Denied, Again::Never),
        (404, "InvalidAccessKeyId.NotFound", Reason::Unauthenticated, Again::Never),
        (400, "InvalidAccessKeyId.Inactive", Reason::Unauthenticated, Again::Never),
        (400, "SignatureDoesNotMatch", Reason::Unauthenticated, Again::Never),
        (403, "SignatureDoesNotMatch", Reason::Unauthenticated, Again::Never),
        (400, "IncompleteSignature", Reason::Unauthenticated, Again::Never),
        (400, "InvalidSecurityToken.Expired", Reason::Unauthenticated, Again::Never),
        (400, "InvalidTimeStamp.Format", Reason::Unauthenticated, Again::Never),
        (400, "InvalidTimeStamp.Expired", Reason::Unauthenticated, Again::WithClockOffset(7)),
        (404, "EntityNotExist.Group", Reason::ParentGone, Again::Never),
        (404, "InvalidApi.NotFound", Reason::Protocol, Again::Never),
        (400, "InvalidParameter.MaxItems", Reason::Protocol, Again::Never),
    ] {
        assert_eq!(refused(status, code), (reason, again), "{status} {code}");
    }
}

#[test]
fn a_clock_error_without_a_date_to_correct_it_by_is_final() {
    let reply = reply(400, r#"{"Code":"InvalidTimeStamp.Expired"}"#);
    let failed = judge_refusal(&ims::LIST_USERS, &reply, None);
    assert!(matches!(failed.error, CallError::ClockApart(_)));
    assert_eq!(failed.again, Again::Never);
}

#[test]
fn the_services_wish_for_a_pause_is_milliseconds() {
    let mut reply = reply(400, r#"{"Code":"Throttling"}"#);
    reply.headers.insert("x-acs-retry-after", HeaderValue::from_static("1500"));
    let failed = judge_refusal(&ims::LIST_USERS, &reply, None);
    assert_eq!(failed.again, Again::After(Duration::from_millis(1500)));
}

#[test]
fn a_proxys_page_is_neither_a_denial_nor_a_missing_user() {
    for status in [302, 401, 403, 404, 407] {
        let failed = judge_refusal(&ims::LIST_USERS, &reply(status, "<html><body>Blocked</body></html>"), None);
        assert!(matches!(failed.error, CallError::BrokenReply { .. }), "{status}: {}", failed.error);
        assert_eq!(failed.again, Again::AFewTimes);
    }
    let failed = judge_refusal(&ims::LIST_USERS, &reply(502, "<html>Bad Gateway</html>"), None);
    assert!(matches!(failed.error, CallError::Unavailable(_)));
    let failed = judge_refusal(&ims::LIST_USERS, &reply(429, ""), None);
    assert!(matches!(failed.error, CallError::Throttled(_)));
}

#[test]
fn code_and_request_id_are_found_in_every_dress() {
    let xml = "<?xml version='1.0'?><Error><RequestId>R-1</RequestId><Code>NoPermission</Code>\
               <Message>no</Message></Error>";
    for body in [
        r#"{"RequestId":"R-1","HostId":"h","Code":"NoPermission","Message":"no"}"#,
        r#"{"requestId":"R-1","code":"NoPermission","message":"no"}"#,
        xml,
    ] {
        let expected =
            ErrorBody { code: Some("NoPermission".into()), request_id: Some("R-1".into()), message: Some("no".into()) };
        assert_eq!(ErrorBody::of(&reply(403, body)), expected, "{body}");
    }
}

#[test]
fn the_request_id_of_the_header_serves_where_the_body_has_none() {
    let mut reply = reply(500, "");
    reply.headers.insert("x-acs-request-id", HeaderValue::from_static("0A1B-2C"));
    assert_eq!(ErrorBody::of(&reply).request_id.as_deref(), Some("0A1B-2C"));
}

#[test]
fn no_message_of_the_service_reaches_an_error() {
    let body = r#"{"Code":"SignatureDoesNotMatch","RequestId":"R-1",
        "Message":"Specified signature is not matched. server string to sign is:POST&hush&x-acs-security-token:hush"}"#;
    let reply = reply(400, body);
    assert_eq!(ErrorBody::of(&reply).message, None);
    let error = judge_refusal(&ims::LIST_USERS, &reply, None).error;
    let mut shown = format!("{error} {error:?}");
    shown.push_str(&Unknown::from(error).detail);
    assert!(shown.contains("R-1") && !shown.contains("hush"), "{shown}");
}

#[test]
fn a_code_that_is_not_an_identifier_is_none() {
    let body = ErrorBody::of(&reply(400, "{\"Code\":\"Throttling\\nhush\",\"RequestId\":\"a b\"}"));
    assert_eq!((body.code, body.request_id), (None, None));
}

#[test]
fn only_the_entity_itself_not_existing_says_gone() {
    let error = |code: &str| judge_refusal(&ims::GET_USER, &reply(404, &format!(r#"{{"Code":"{code}"}}"#)), None).error;
    assert!(error("EntityNotExist.User").says_gone("User"));
    assert!(error("EntityNotExists.User").says_gone("User"));
    assert!(!error("EntityNotExist.User.LoginProfile").says_gone("User"));
    assert!(!error("EntityNotExist.Group").says_gone("User"));
    assert!(!error("InvalidAccessKeyId.NotFound").says_gone("User"));
}

#[test]
fn a_denial_names_the_action_to_grant() {
    let error = judge_refusal(&ims::GET_USER, &reply(403, r#"{"Code":"NoPermission","RequestId":"R-1"}"#), None).error;
    assert_eq!(
        error.to_string(),
        "not permitted, grant ram:GetUser: ims GetUser: NoPermission (status 403, request id R-1)"
    );
}
