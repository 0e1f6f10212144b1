//! Pages that do not lead to an end, or not to this one.

use serde_json::{Value, json};

use super::account::Operation;
use super::server::{Call, Says};
use super::{Case, operation};

const GROUP: &str = "answers, pages";

/// An operation, its list and the array in it, an item with this number, and more items than an account can have.
type Listing = (&'static str, &'static str, &'static str, fn(usize) -> Value, usize);

const MARKED: [Listing; 7] = [
    ("ListUsers", "Users", "User", |n| json!({ "UserId": n.to_string(), "UserPrincipalName": "a@b" }), 100_001),
    ("ListGroups", "Groups", "Group", |n| json!({ "GroupId": n.to_string(), "GroupName": "a" }), 6_001),
    ("ListUsersForGroup", "Users", "User", |n| json!({ "UserId": n.to_string() }), 100_001),
    ("ListRoles", "Roles", "Role", |n| json!({ "RoleId": n.to_string(), "RoleName": "a" }), 20_001),
    ("ListPolicies of the account", "Policies", "Policy", |n| json!({ "PolicyName": n.to_string() }), 100_001),
    ("ListPolicies of the system", "Policies", "Policy", |n| json!({ "PolicyName": n.to_string() }), 100_001),
    (
        "ListVirtualMFADevices",
        "VirtualMFADevices",
        "VirtualMFADevice",
        |n| json!({ "SerialNumber": n.to_string() }),
        100_001,
    ),
];

pub(crate) fn cases() -> impl Iterator<Item = Case> {
    MARKED.into_iter().flat_map(marked).chain(numbered())
}

/// A page; the fields of `said` stand beside its list.
fn page((_, outer, inner, item, _): Listing, first: usize, said: &Value) -> Says {
    let mut page = json!({ "RequestId": "R", outer: { inner: [item(first), item(first + 1)] } });
    for (name, value) in said.as_object().expect("fields") {
        page[name] = value.clone();
    }
    Says::ok(page.to_string())
}

/// The number in the marker; 0 on the first page.
fn place(call: &Call) -> usize {
    call.parameter("Marker").and_then(|marker| marker.parse().ok()).unwrap_or(0)
}

fn marked(listing: Listing) -> Vec<Case> {
    let (name, outer, inner, item, too_many) = listing;
    let operation: &'static Operation = operation(name);
    let scripted = |what: &str, script: fn(Listing, &Call) -> Says| {
        Case::scripted(GROUP, operation, what, move |call| script(listing, call))
    };
    let says = |what: &str, said: Value| Case::constant(GROUP, operation, what, page(listing, 0, &said));
    /// The first page leads to a second one, which is this.
    fn second(listing: Listing, call: &Call, second: Says) -> Says {
        let first = json!({ "IsTruncated": true, "Marker": "1" });
        if call.parameter("Marker").is_none() { page(listing, 0, &first) } else { second }
    }
    let mut many = json!({ "IsTruncated": false, "RequestId": "R" });
    many[outer] = json!({ inner: (0..too_many).map(item).collect::<Vec<_>>() });
    let many = Says::ok(many.to_string());
    vec![
        says("truncated without a marker", json!({ "IsTruncated": true })),
        says("truncated with null for a marker", json!({ "IsTruncated": true, "Marker": null })),
        says("truncated with an empty marker", json!({ "IsTruncated": true, "Marker": "" })),
        says("truncated with an empty object for a marker", json!({ "IsTruncated": true, "Marker": {} })),
        says("a number for a marker", json!({ "IsTruncated": true, "Marker": 7 })),
        says("an array for a marker", json!({ "IsTruncated": true, "Marker": ["1"] })),
        says("the same marker for ever", json!({ "IsTruncated": true, "Marker": "again" })),
        says("a marker of control characters, for ever", json!({ "IsTruncated": true, "Marker": "\u{0}\r\n\u{1b}" })),
        scripted("two markers in a loop", |listing, call| {
            page(listing, 0, &json!({ "IsTruncated": true, "Marker": ((place(call) + 1) % 2 + 1).to_string() }))
        }),
        scripted("five markers in a loop", |listing, call| {
            page(listing, 0, &json!({ "IsTruncated": true, "Marker": ((place(call) + 1) % 5).to_string() }))
        }),
        scripted("the second page lacks its array", |listing, call| {
            second(listing, call, Says::ok(r#"{"IsTruncated":false}"#))
        }),
        scripted("the second page does not say whether it is the last", |listing, call| {
            second(listing, call, page(listing, 2, &json!({})))
        }),
        scripted("the second page is HTML", |listing, call| second(listing, call, Says::ok("<html></html>"))),
        scripted("the second page is cut", |listing, call| {
            second(listing, call, Says::ok(r#"{"IsTruncated":false,"Us"#))
        }),
        scripted("the second page is an error that says 200", |listing, call| {
            second(listing, call, Says::ok(r#"{"RequestId":"R","Code":"InternalError","Message":"no"}"#))
        }),
        scripted("the second page is refused", |listing, call| {
            let body = br#"{"RequestId":"R","Code":"NoPermission","Message":"no"}"#;
            second(listing, call, Says::reply("403 Forbidden", &[], body))
        }),
        scripted("the marker is refused", |listing, call| {
            let body = br#"{"RequestId":"R","Code":"InvalidParameter.Marker","Message":"no"}"#;
            second(listing, call, Says::reply("400 Bad Request", &[], body))
        }),
        Case::constant(GROUP, operation, "more items than an account can have", many),
    ]
}

fn numbered() -> impl Iterator<Item = Case> {
    let operation = operation("ListPolicyAttachments");
    let items = |first: usize, count: usize| -> Vec<Value> {
        let item = |n: usize| {
            json!({
                "PolicyName": format!("p{n}"), "PolicyType": "System", "PrincipalName": "devs@group.example",
                "PrincipalType": "IMSGroup", "ResourceGroupId": "rg-1",
            })
        };
        (first..first + count).map(item).collect()
    };
    let page = move |number: Value, total: Value, first: usize, count: usize| {
        let list = json!({ "PolicyAttachment": items(first, count) });
        Says::ok(json!({ "PageNumber": number, "TotalCount": total, "PolicyAttachments": list }).to_string())
    };
    let constant = move |what: &str, says: Says| Case::constant(GROUP, operation, what, says);
    let one = move |what: &str, number: Value, total: Value| constant(what, page(number, total, 0, 3));
    // Page 1 of 150 items is as it should be, page 2 is what is tried.
    let second = move |what: &str, second: Says| {
        let first = page(json!(1), json!(150), 0, 100);
        Case::scripted(GROUP, operation, what, move |call| match call.parameter("PageNumber") {
            Some("1") => first.clone(),
            _ => second.clone(),
        })
    };
    let moving = Case::scripted(GROUP, operation, "one item more with every reading of a page", move |call| {
        let number = call.parameter("PageNumber").and_then(|number| number.parse().ok()).unwrap_or(1);
        page(json!(number), json!(150 + call.earlier), 0, 100)
    });
    vec![
        one("counts one too many", json!(1), json!(4)),
        one("counts one too few", json!(1), json!(2)),
        one("counts none of three", json!(1), json!(0)),
        one("counts more than an account can have", json!(1), json!(3_780_001)),
        one("counts the most that 32 bits hold", json!(1), json!(u32::MAX)),
        one("is page 0", json!(0), json!(3)),
        one("is page 2", json!(2), json!(3)),
        constant("an item twice in place of another", {
            let mut twice = items(0, 2);
            twice.push(twice[0].clone());
            let list = json!({ "PolicyAttachment": twice });
            Says::ok(json!({ "PageNumber": 1, "TotalCount": 3, "PolicyAttachments": list }).to_string())
        }),
        second("the second page is the first once more", page(json!(1), json!(150), 0, 100)),
        second("the second page holds the first one's items", page(json!(2), json!(150), 0, 50)),
        second("the second page is short", page(json!(2), json!(150), 100, 49)),
        second("the second page is long", page(json!(2), json!(150), 100, 51)),
        second("the second page counts otherwise", page(json!(2), json!(151), 100, 50)),
        second("the second page has no array", Says::ok(r#"{"PageNumber":2,"TotalCount":150}"#)),
        second(
            "the second page has no count",
            Says::ok(r#"{"PageNumber":2,"PolicyAttachments":{"PolicyAttachment":[]}}"#),
        ),
        second("the second page is HTML", Says::ok("<html></html>")),
        second("the second page is cut", Says::ok(r#"{"PageNumber":2,"TotalCount":150,"Poli"#)),
        moving,
    ]
    .into_iter()
}
