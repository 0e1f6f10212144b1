use crate::alicloud::test_server::{Call, Says, Server};
use crate::alicloud::{ims, ram, resource_manager};
use crate::model::{Reason, Unknown};

fn user(id: usize) -> String {
    format!(r#"{{"UserId":"{id}","UserPrincipalName":"u{id}@example.onaliyun.com","Status":"active"}}"#)
}

fn users_page(users: &[String], marker: Option<&str>) -> Says {
    let marked = marker.map_or(String::new(), |marker| format!(r#","Marker":"{marker}""#));
    let list = users.join(",");
    let truncated = marker.is_some();
    Says::ok(format!(r#"{{"RequestId":"R","IsTruncated":{truncated}{marked},"Users":{{"User":[{list}]}}}}"#))
}

/// Page `k` of `n`, two users each, as the marker asks for it.
fn page_of(call: &Call, pages: usize) -> Says {
    let k: usize = call.parameter("Marker").map_or(0, |marker| marker.parse().unwrap());
    let next = (k + 1 < pages).then(|| (k + 1).to_string());
    users_page(&[user(2 * k), user(2 * k + 1)], next.as_deref())
}

fn ids(users: &crate::model::Complete<ims::User>) -> Vec<&str> {
    users.items().iter().map(|user| user.user_id.as_str()).collect()
}

async fn users_from(script: impl Fn(&Call) -> Option<Says> + Send + Sync + 'static) -> Result<usize, Unknown> {
    let server = Server::start(script).await;
    ims::list_users(&server.session()).await.map(|users| users.items().len())
}

fn listing(call: &Call) -> bool {
    call.action != "GetCallerIdentity"
}

fn protocol(result: Result<usize, Unknown>, word: &str) {
    let unknown = result.unwrap_err();
    assert_eq!(unknown.reason, Reason::Protocol, "{unknown}");
    assert!(unknown.detail.contains(word), "{unknown}");
}

#[tokio::test]
async fn a_listing_of_three_pages_is_complete_and_frozen_users_are_asked_for() {
    let server = Server::start(|call| listing(call).then(|| page_of(call, 3))).await;
    let users = ims::list_users(&server.session()).await.unwrap();
    assert_eq!(ids(&users), ["0", "1", "2", "3", "4", "5"]);
    let calls = server.calls("ListUsers");
    assert_eq!(calls.len(), 3);
    for call in calls {
        assert_eq!(call.parameter("Status"), Some("active,freeze"));
        assert_eq!(call.parameter("MaxItems"), Some("1000"));
    }
}

#[tokio::test]
async fn the_window_reaches_from_before_the_first_reply_to_a_second_after_the_last() {
    let server = Server::start(|call| {
        let second = 30 + 5 * call.earlier;
        listing(call).then(|| page_of(call, 3).header("date", format!("Tue, 24 Nov 2026 06:36:{second} GMT")))
    })
    .await;
    let window = ims::list_users(&server.session()).await.unwrap().window();
    // Some milliseconds before :30, rounded down; a slow machine may take seconds.
    let begun_at = window.begun_at.to_string();
    assert!(("2026-11-24T06:36:10Z"..="2026-11-24T06:36:29Z").contains(&begun_at.as_str()), "{begun_at}");
    assert_eq!(window.ended_at.to_string(), "2026-11-24T06:36:41Z");
}

#[tokio::test]
async fn an_account_without_users_has_a_complete_listing_of_none() {
    assert_eq!(users_from(|call| listing(call).then(|| users_page(&[], None))).await, Ok(0));
}

#[tokio::test]
async fn a_page_that_fails_makes_the_whole_listing_unknown_whichever_it_is() {
    for pages in 1..=4 {
        for broken in 0..pages {
            let result = users_from(move |call| {
                let says = if call.earlier == broken { Says::error(403, "NoPermission") } else { page_of(call, pages) };
                listing(call).then_some(says)
            })
            .await;
            assert_eq!(result.unwrap_err().reason, Reason::Denied, "page {broken} of {pages}");
        }
    }
}

#[tokio::test]
async fn a_reply_without_proof_is_a_protocol_error() {
    for (body, word) in [
        ("", "not a JSON object"),
        ("{}", "lacks its array"),
        ("null", "not a JSON object"),
        ("[]", "not a JSON object"),
        ("<html>welcome</html>", "not a JSON object"),
        (r#"{"IsTruncated":false}"#, "lacks its array"),
        (r#"{"IsTruncated":false,"Users":null}"#, "lacks its array"),
        (r#"{"IsTruncated":false,"Users":{}}"#, "lacks its array"),
        (r#"{"IsTruncated":false,"Users":{"User":null}}"#, "lacks its array"),
        (r#"{"Users":{"User":[]}}"#, "lacks IsTruncated"),
        (r#"{"IsTruncated":true,"Users":{"User":[]}}"#, "lacks a Marker"),
        (r#"{"IsTruncated":true,"Marker":"","Users":{"User":[]}}"#, "lacks a Marker"),
        (r#"{"IsTruncated":"false","Users":{"User":[]}}"#, "wrong type"),
        (r#"{"IsTruncated":false,"Users":{"User":[{}]}}"#, "missing field `UserId`"),
        (r#"{"IsTruncated":false,"Users":{"User":[{"UserId":7,"UserPrincipalName":"a"}]}}"#, "wrong type"),
        (r#"{"IsTruncated":false,"Users":{"User":[]}"#, "not JSON"),
    ] {
        protocol(users_from(move |call| listing(call).then(|| Says::ok(body))).await, word);
    }
}

#[tokio::test]
async fn a_reply_without_a_readable_date_is_a_protocol_error() {
    let result = users_from(|call| listing(call).then(|| page_of(call, 1).header("date", "yesterday"))).await;
    protocol(result, "Date");
}

#[tokio::test]
async fn an_unreadable_reply_may_be_an_accident() {
    let script = |call: &Call| {
        let says = if call.earlier < 2 { Says::ok("<html>") } else { page_of(call, 1) };
        listing(call).then_some(says)
    };
    assert_eq!(users_from(script).await, Ok(2));
}

#[tokio::test]
async fn markers_that_repeat_or_run_in_a_circle_end_as_a_protocol_error() {
    let same = |call: &Call| listing(call).then(|| users_page(&[user(call.earlier)], Some("again")));
    protocol(users_from(same).await, "repeats a Marker");
    let circle = |call: &Call| {
        let marker = ["a", "b", "c"][call.earlier % 3];
        listing(call).then(|| users_page(&[user(call.earlier)], Some(marker)))
    };
    protocol(users_from(circle).await, "repeats a Marker");
}

#[tokio::test]
async fn markers_without_end_stop_at_the_page_cap() {
    let server = Server::start(|call| {
        let marker = call.earlier.to_string();
        listing(call)
            .then(|| Says::ok(format!(r#"{{"IsTruncated":true,"Marker":"{marker}","Groups":{{"Group":[]}}}}"#)))
    })
    .await;
    let unknown = ims::list_groups(&server.session()).await.unwrap_err();
    assert_eq!(unknown.reason, Reason::Protocol);
    // 300 groups in pages of 100, times twenty.
    assert_eq!(server.calls("ListGroups").len(), 60);
}

#[tokio::test]
async fn a_user_listed_twice_counts_once() {
    let script = |call: &Call| {
        let first = call.parameter("Marker").is_none();
        let says = if first {
            users_page(&[user(1), user(2), user(1)], Some("next"))
        } else {
            users_page(&[user(2), user(3)], None)
        };
        listing(call).then_some(says)
    };
    assert_eq!(users_from(script).await, Ok(3));
}

#[tokio::test]
async fn a_user_listed_with_two_contents_is_read_again_and_unknown_if_that_stays() {
    let renamed = user(1).replace("u1@", "renamed@");
    let script = move |settled_after: usize| {
        let renamed = renamed.clone();
        move |call: &Call| {
            let other = if call.earlier < settled_after { renamed.clone() } else { user(1) };
            listing(call).then(|| users_page(&[user(1), other], None))
        }
    };
    assert_eq!(users_from(script(2)).await, Ok(1));
    protocol(users_from(script(usize::MAX)).await, "in each of 3 readings");
}

#[tokio::test]
async fn a_missing_parent_has_unknown_children_and_not_none() {
    let server = Server::start(|call| listing(call).then(|| Says::error(404, "EntityNotExist.Group"))).await;
    let unknown = ims::list_users_for_group(&server.session(), "ops team").await.unwrap_err();
    assert_eq!(unknown.reason, Reason::ParentGone);
    assert_eq!(server.calls("ListUsersForGroup")[0].parameter("GroupName"), Some("ops team"));
}

#[tokio::test]
async fn versions_come_in_one_reply_which_must_be_the_whole_one() {
    let server = Server::start(|call| {
        let truncated = call.parameter("PolicyName") == Some("long");
        let version = r#"{"VersionId":"v1","IsDefaultVersion":true,"PolicyDocument":"{}"}"#;
        listing(call).then(|| {
            Says::ok(format!(r#"{{"IsTruncated":{truncated},"PolicyVersions":{{"PolicyVersion":[{version}]}}}}"#))
        })
    })
    .await;
    let session = server.session();
    let versions = ram::list_policy_versions(&session, ram::PolicyType::Custom, "short").await.unwrap();
    assert_eq!(versions.items()[0].version_id, "v1");
    let unknown = ram::list_policy_versions(&session, ram::PolicyType::Custom, "long").await.unwrap_err();
    assert_eq!(unknown.reason, Reason::Protocol);
}

#[tokio::test]
async fn an_empty_reply_is_no_alias_taken_away() {
    let server = Server::start(|call| {
        let body = if call.earlier < 3 { "{}" } else { r#"{"AccountAlias":"acme"}"# };
        listing(call).then(|| Says::ok(body))
    })
    .await;
    let session = server.session();
    assert_eq!(ram::get_account_alias(&session).await.unwrap_err().reason, Reason::Protocol);
    let alias = ram::get_account_alias(&session).await.unwrap();
    assert_eq!(alias.items()[0].account_alias.as_deref(), Some("acme"));
}

fn attachment(id: usize) -> String {
    format!(
        r#"{{"PolicyName":"p","PolicyType":"System","PrincipalName":"u{id}@a.onaliyun.com","PrincipalType":"IMSUser",
        "ResourceGroupId":"1000000000000001","AttachDate":"2024-01-02T03:04:05Z"}}"#
    )
}

fn attachments(number: usize, total: usize, items: impl Iterator<Item = usize>) -> Says {
    let list: Vec<String> = items.map(attachment).collect();
    Says::ok(format!(
        r#"{{"PageNumber":{number},"PageSize":100,"TotalCount":{total},"PolicyAttachments":{{"PolicyAttachment":[{}]}}}}"#,
        list.join(",")
    ))
}

fn number_of(call: &Call) -> usize {
    call.parameter("PageNumber").unwrap().parse().unwrap()
}

/// The right page of an account with `total` attachments.
fn right_page(call: &Call, total: usize) -> Says {
    let number = number_of(call);
    attachments(number, total, (100 * (number - 1)..total).take(100))
}

async fn attachments_from(script: impl Fn(&Call) -> Option<Says> + Send + Sync + 'static) -> Result<usize, Unknown> {
    let server = Server::start(script).await;
    resource_manager::list_policy_attachments(&server.session()).await.map(|all| all.items().len())
}

#[tokio::test]
async fn numbered_pages_are_put_together_in_order() {
    let server = Server::start(|call| listing(call).then(|| right_page(call, 950))).await;
    let all = resource_manager::list_policy_attachments(&server.session()).await.unwrap();
    let names: Vec<&str> = all.items().iter().map(|item| &*item.principal_name).collect();
    let expected: Vec<String> = (0..950).map(|id| format!("u{id}@a.onaliyun.com")).collect();
    assert_eq!(names, expected);
    assert_eq!(server.calls("ListPolicyAttachments").len(), 10);
}

#[tokio::test]
async fn numbered_listings_may_be_empty_or_end_on_a_full_page() {
    for total in [0, 1, 100, 101, 200] {
        let result = attachments_from(move |call| listing(call).then(|| right_page(call, total))).await;
        assert_eq!(result, Ok(total));
    }
}

#[tokio::test]
async fn a_listing_that_moves_between_its_pages_is_read_again() {
    // In the first reading page 2 already lacks an item that page 1 still counted.
    let script = |call: &Call| {
        let total = if number_of(call) == 2 || call.earlier > 2 { 249 } else { 250 };
        listing(call).then(|| right_page(call, total))
    };
    assert_eq!(attachments_from(move |call| if listing(call) { script(call) } else { None }).await, Ok(249));
}

#[tokio::test]
async fn a_listing_that_never_holds_still_is_unknown() {
    let drifting = |call: &Call| {
        if !listing(call) {
            return None;
        }
        Some(right_page(call, if number_of(call) == 1 { 250 } else { 249 }))
    };
    protocol(attachments_from(drifting).await, "TotalCount");
    let short = |call: &Call| {
        listing(call).then(|| match number_of(call) {
            2 => attachments(2, 250, 100..199),
            _ => right_page(call, 250),
        })
    };
    protocol(attachments_from(short).await, "99 items where 100 are due");
    let long = |call: &Call| listing(call).then(|| attachments(1, 1, 0..2));
    protocol(attachments_from(long).await, "2 items where 1 are due");
    let repeated = |call: &Call| {
        listing(call).then(|| match number_of(call) {
            // The first item moved, so the last item of page 1 stands on page 2 again.
            2 => attachments(2, 150, 99..149),
            _ => right_page(call, 150),
        })
    };
    protocol(attachments_from(repeated).await, "twice");
}

#[tokio::test]
async fn numbered_pages_without_proof_are_protocol_errors() {
    for (body, word) in [
        ("{}", "lacks TotalCount"),
        (r#"{"TotalCount":0}"#, "lacks its array"),
        (r#"{"PolicyAttachments":{"PolicyAttachment":[]}}"#, "lacks TotalCount"),
        (r#"{"TotalCount":-1,"PolicyAttachments":{"PolicyAttachment":[]}}"#, "wrong type"),
        (r#"{"TotalCount":4000000000,"PolicyAttachments":{"PolicyAttachment":[]}}"#, "more than an account can have"),
        (r#"{"PageNumber":2,"TotalCount":0,"PolicyAttachments":{"PolicyAttachment":[]}}"#, "another page"),
    ] {
        protocol(attachments_from(move |call| listing(call).then(|| Says::ok(body))).await, word);
    }
}

#[tokio::test]
async fn a_numbered_page_that_fails_makes_the_whole_listing_unknown() {
    for broken in 1..=4 {
        let result = attachments_from(move |call| {
            listing(call).then(|| {
                if number_of(call) == broken { Says::error(403, "NoPermission") } else { right_page(call, 350) }
            })
        })
        .await;
        assert_eq!(result.unwrap_err().reason, Reason::Denied, "page {broken}");
    }
}
