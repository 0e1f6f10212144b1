//! Point reads, which alone can prove that something is gone: a malformed answer proves nothing.

use std::sync::Arc;

use ramstream::alicloud::presence::{self, Presence};
use ramstream::alicloud::{CallError, Client, ram};
use serde_json::{Value, json};

use super::PLENTY;
use super::server::{Call, Says, Server};
use super::sync::{self, session};
use crate::mutations::{of_bytes, of_fields};
use crate::tally::{Tally, says};

const GROUP: &str = "answers, point reads";

const CALLER: &str = "point";

/// Operation, its answer, the answer up to the inside of a text.
type Point = (&'static str, fn() -> Value, &'static str);

const POINTS: [Point; 4] = [
    ("GetUser", || json!({ "RequestId": "R", "User": { "UserId": "1" } }), "\"UserId\":\""),
    ("GetGroup", || json!({ "Group": { "GroupId": "g-1", "GroupName": "devs" }, "RequestId": "R" }), "\"GroupId\":\""),
    ("GetRole", || json!({ "RequestId": "R", "Role": { "RoleId": "r-1", "RoleName": "ops" } }), "\"RoleId\":\""),
    ("GetPolicy", || json!({ "Policy": { "PolicyName": "ecs-all" }, "RequestId": "R" }), "\"PolicyName\":\""),
];

pub(crate) async fn run(server: &Server, tally: &mut Tally) {
    let client = sync::client(server, CALLER);
    for (operation, base, inside) in POINTS {
        let base = base();
        assert!(
            matches!(ask(server, &client, operation, Says::ok(base.to_string())).await, Ok(Presence::Exists)),
            "{operation}"
        );
        let mut cases = of_bytes(&base.to_string(), inside);
        cases.extend(of_fields(&base, &[]));
        let mut other = base.clone();
        let fields = other.as_object_mut().expect("a reply").values_mut().find(|value| value.is_object());
        let name = match operation {
            "GetUser" => "UserId",
            "GetGroup" => "GroupName",
            "GetRole" => "RoleName",
            _ => "PolicyName",
        };
        fields.expect("an entity")[name] = json!("another");
        cases.push(("about another one".to_owned(), other.to_string().into_bytes()));
        let replies = cases.into_iter().map(|(name, body)| (name, Says::ok(body)));
        let status = |status: &str, body: &str| Says::reply(status, &[], body.as_bytes());
        let refusals = [
            ("404 with HTML", status("404 Not Found", "<html></html>")),
            ("404 without a code", status("404 Not Found", "{}")),
            ("404 of an unknown AccessKeyId", status("404 Not Found", r#"{"Code":"InvalidAccessKeyId.NotFound"}"#)),
            ("404 of something else", status("404 Not Found", r#"{"Code":"EntityNotExist.Something"}"#)),
            ("404 with the code in an array", status("404 Not Found", r#"{"Code":["EntityNotExist.User"]}"#)),
            ("absence that says 200", status("200 OK", r#"{"Code":"EntityNotExist.User"}"#)),
        ];
        for (name, reply) in replies.chain(refusals.map(|(name, reply)| (name.to_owned(), reply))) {
            let verdict = match ask(server, &client, operation, reply).await {
                Err(error) => says(&error.to_string(), &[operation]),
                Ok(presence) => Err(format!("was taken for {presence:?}")),
            };
            tally.judged(GROUP, format!("{operation}: {name}"), verdict);
        }
    }
}

async fn ask(server: &Server, client: &Client, operation: &str, reply: Says) -> Result<Presence, CallError> {
    let script = move |call: &Call| if call.action == "GetCallerIdentity" { super::well(call) } else { reply.clone() };
    server.script(CALLER, Arc::new(script));
    let session = session(client, PLENTY);
    let seen = match operation {
        "GetUser" => presence::of_user(&session, "1").await,
        "GetGroup" => presence::of_group(&session, "devs", "g-1").await,
        "GetRole" => presence::of_role(&session, "ops", "r-1").await,
        _ => presence::of_policy(&session, ram::PolicyType::Custom, "ecs-all").await,
    };
    seen.map(|seen| seen.item)
}
