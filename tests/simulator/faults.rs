use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{IMS, RAM, RM, World, nonce, texts, unthrottled, world};

async fn list(world: &World) -> reqwest::Result<reqwest::Response> {
    world.send(&world.key, &nonce(), RAM, "ListUsers", &[("MaxItems", "5")]).await
}

#[tokio::test]
async fn a_fault_takes_the_place_of_the_answer() {
    let world = world(unthrottled()).await;
    for (fault, status, code) in [
        (json!({ "fault": "error" }), 500, "InternalError"),
        (json!({ "fault": "error", "status": 403, "code": "Inactive" }), 403, "Inactive"),
        (json!({ "fault": "throttle" }), 400, "Throttling.User"),
        (json!({ "fault": "deny" }), 403, "NoPermission"),
        (json!({ "fault": "expired_token" }), 400, "InvalidSecurityToken.Expired"),
        (json!({ "fault": "http_5xx" }), 503, "ServiceUnavailable"),
    ] {
        let mut fault = fault;
        fault["operation"] = json!("ListUsers");
        world.fault(fault).await;
        world.call(RAM, "ListUsers", &[]).await.refused(status, code);
        world.call(RAM, "ListRoles", &[]).await.done();
        world.control(Method::DELETE, "/faults", Value::Null).await;
        world.call(RAM, "ListUsers", &[]).await.done();
    }
}

#[tokio::test]
async fn a_fault_strikes_its_page_its_service_and_its_parameters_only() {
    let world = world(unthrottled()).await;
    world.fault(json!({ "operation": "ListUsers", "version": RAM, "page": 2, "fault": "error", "times": 1 })).await;
    world.call(IMS, "ListUsers", &[("MaxItems", "5")]).await.done();
    let first = world.call(RAM, "ListUsers", &[("MaxItems", "5")]).await.done();
    let second = [("MaxItems", "5"), ("Marker", first["Marker"].as_str().unwrap())];
    world.call(RAM, "ListUsers", &second).await.refused(500, "InternalError");
    world.call(RAM, "ListUsers", &second).await.done();
    let faults = world.control(Method::GET, "/faults", Value::Null).await;
    assert_eq!(faults[0]["fired"], json!(1), "a test can tell that its fault did happen");

    world.fault(json!({ "operation": "ListPolicyAttachments", "page": 3, "fault": "deny" })).await;
    world.call(RM, "ListPolicyAttachments", &[("PageNumber", "2")]).await.done();
    world.call(RM, "ListPolicyAttachments", &[("PageNumber", "3")]).await.refused(403, "NoPermission");

    let groups = texts(world.account().await["groups"].as_array().unwrap(), "group_name");
    let only = json!({ "GroupName": groups[1] });
    world.fault(json!({ "operation": "ListUsersForGroup", "parameters": only, "fault": "error" })).await;
    world.call(IMS, "ListUsersForGroup", &[("GroupName", &groups[0])]).await.done();
    world.call(IMS, "ListUsersForGroup", &[("GroupName", &groups[1])]).await.refused(500, "InternalError");
}

#[tokio::test]
async fn a_probability_of_none_never_strikes_and_of_one_always() {
    let world = world(unthrottled()).await;
    world.fault(json!({ "operation": "*", "fault": "deny", "probability": 0.0 })).await;
    world.call(RAM, "ListUsers", &[]).await.done();
    world.fault(json!({ "operation": "*", "fault": "deny", "probability": 1.0 })).await;
    world.call(RAM, "ListUsers", &[]).await.refused(403, "NoPermission");
}

#[tokio::test]
async fn a_listing_is_spoilt_as_asked() {
    let world = world(unthrottled()).await;
    let listed = async |fault: &str, version: &str, action: &str, parameters: &[(&str, &str)]| {
        world.fault(json!({ "operation": action, "fault": fault, "times": 1 })).await;
        let page = world.call(version, action, parameters).await.done();
        world.control(Method::DELETE, "/faults", Value::Null).await;
        page
    };
    let page = listed("missing_marker", RAM, "ListUsers", &[("MaxItems", "5")]).await;
    assert_eq!((&page["IsTruncated"], &page["Marker"]), (&json!(true), &Value::Null));

    let first = world.call(RAM, "ListUsers", &[("MaxItems", "5")]).await.done();
    let marker = first["Marker"].as_str().unwrap();
    let page = listed("repeated_marker", RAM, "ListUsers", &[("MaxItems", "5"), ("Marker", marker)]).await;
    assert_eq!((&page["IsTruncated"], &page["Marker"]), (&json!(true), &json!(marker)));

    let page = listed("missing_array", RAM, "ListUsers", &[]).await;
    assert_eq!((&page["Users"], &page["IsTruncated"]), (&Value::Null, &json!(false)));

    let page = listed("empty", RAM, "ListUsers", &[("MaxItems", "5")]).await;
    let wanted = (&json!({ "User": [] }), &json!(false), &Value::Null);
    assert_eq!((&page["Users"], &page["IsTruncated"], &page["Marker"]), wanted);

    let page = listed("empty", RM, "ListPolicyAttachments", &[]).await;
    assert_eq!((&page["PolicyAttachments"], &page["TotalCount"]), (&json!({ "PolicyAttachment": [] }), &json!(0)));
}

#[tokio::test]
async fn a_body_is_cut_in_the_middle() {
    let world = world(unthrottled()).await;
    world.fault(json!({ "operation": "ListUsers", "fault": "truncate_body", "times": 1 })).await;
    let response = list(&world).await.unwrap();
    assert!(response.bytes().await.is_err(), "the connection ends before the length that was announced");
    world.fault(json!({ "operation": "ListUsers", "fault": "truncate_json", "times": 1 })).await;
    let body = list(&world).await.unwrap().bytes().await.unwrap();
    assert!(body.starts_with(b"{\"RequestId\"") && serde_json::from_slice::<Value>(&body).is_err());
    list(&world).await.unwrap().json::<Value>().await.unwrap();
}

#[tokio::test]
async fn a_gateway_answers_in_html() {
    let world = world(unthrottled()).await;
    world.fault(json!({ "operation": "ListUsers", "fault": "html" })).await;
    let response = list(&world).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["content-type"]), (502, &"text/html".parse().unwrap()));
    assert!(response.text().await.unwrap().starts_with("<html>"));
}

#[tokio::test]
async fn a_connection_ends_before_or_after_the_operation_was_done() {
    let world = world(unthrottled()).await;
    for (fault, name, exists) in [("reset", "before", false), ("reset_after", "after", true)] {
        world.fault(json!({ "operation": "CreateUser", "fault": fault, "times": 1 })).await;
        let sent = world.send(&world.key, &nonce(), RAM, "CreateUser", &[("UserName", name)]).await;
        assert!(sent.is_err());
        let status = world.call(RAM, "GetUser", &[("UserName", name)]).await.status;
        assert_eq!(status == 200, exists, "{fault}");
    }
}

#[tokio::test]
async fn a_stale_reply_shows_the_account_as_it_was() {
    let world = world(unthrottled()).await;
    let count = async || {
        let page = world.call(RAM, "ListUsers", &[]).await.done();
        page["Users"]["User"].as_array().unwrap().len()
    };
    let before = count().await;
    world.fault(json!({ "operation": "ListUsers", "fault": "stale", "times": 1 })).await;
    world.call(RAM, "CreateUser", &[("UserName", "new")]).await.done();
    assert_eq!(count().await, before);
    assert_eq!(count().await, before + 1);
}

#[tokio::test]
async fn answers_come_late_when_they_are_told_to() {
    let world = world(unthrottled()).await;
    let took = async || {
        let begun = Instant::now();
        list(&world).await.unwrap();
        begun.elapsed()
    };
    world.fault(json!({ "operation": "ListUsers", "fault": "slow", "delay_ms": 150, "times": 1 })).await;
    assert!(took().await >= Duration::from_millis(150));
    world.control(Method::POST, "/latency", json!({ "latency_ms": 60 })).await;
    assert!(took().await >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_throttled_call_is_http_400_with_the_pause_that_was_set() {
    let world = world(unthrottled()).await;
    world.control(Method::POST, "/throttle", json!({ "quota_percent": 0, "retry_after_ms": 750 })).await;
    let response = list(&world).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["x-acs-retry-after"]), (400, &"750".parse().unwrap()));
    assert_eq!(response.json::<Value>().await.unwrap()["Code"], "Throttling.User");

    let lifted = json!({ "quota_percent": null, "percent_of_calls": 100, "operation": "ListRoles" });
    world.control(Method::POST, "/throttle", lifted).await;
    world.call(RAM, "ListUsers", &[]).await.done();
    world.call(RAM, "ListRoles", &[]).await.refused(400, "Throttling.User");
    let calls = world.control(Method::GET, "/calls", Value::Null).await;
    assert_eq!(calls["2015-05-01/ListRoles"], json!({ "calls": 1, "refused": 1, "throttled": 1 }));
}

#[tokio::test]
async fn a_throttle_fault_may_say_when_to_come_back() {
    let world = world(unthrottled()).await;
    world.fault(json!({ "operation": "ListUsers", "fault": "throttle", "retry_after_ms": 30 })).await;
    let response = list(&world).await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["x-acs-retry-after"]), (400, &"30".parse().unwrap()));
}

#[tokio::test]
async fn an_operation_grants_its_quota_within_a_second_and_no_more() {
    let world = world(ramstream::simulator::Settings::default()).await;
    // Attaching is granted ten times in each second of the machine's clock, however many of those the calls take.
    let begun = Instant::now();
    let mut throttled = 0;
    for _ in 0..41 {
        throttled += u64::from(world.call(RAM, "AttachPolicyToUser", &[]).await.body["Code"] == "Throttling.User");
    }
    let seconds_begun = begun.elapsed().as_secs() + 2;
    assert!(throttled <= 31 && throttled + 10 * seconds_begun >= 41, "{throttled} throttled in {seconds_begun} s");
}

#[tokio::test]
async fn a_fault_that_makes_no_sense_is_refused_with_the_reason() {
    let world = world(unthrottled()).await;
    let post = async |body: &str| {
        let url = format!("http://{}/faults", world.running.control);
        let response = world.http.post(url).body(body.to_owned()).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap()["error"].as_str().unwrap().to_owned())
    };
    let (status, reason) = post(r#"{"operation":"ListUsers","fault":"explode"}"#).await;
    assert!(status == 400 && reason.contains("explode"), "{reason}");
    let (status, reason) = post(r#"{"operation":"ListUser","fault":"error"}"#).await;
    assert!(status == 400 && reason.contains("no such operation"), "{reason}");
    let (status, reason) = post(r#"{"operation":"ListUsers","fault":"error","probability":2}"#).await;
    assert!(status == 400 && reason.contains("between 0 and 1"), "{reason}");
}
