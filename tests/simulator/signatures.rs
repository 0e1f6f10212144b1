use std::io::Read as _;

use ramstream::simulator::Settings;
use reqwest::{Certificate, Method};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::client::{
    Credentials, RAM, STS, acs3_headers, canonical, hmac_sha1_parameters, http_client, nonce, read, unthrottled, world,
};

#[tokio::test]
async fn a_nonce_serves_once() {
    let world = world(unthrottled()).await;
    let nonce = nonce();
    let first = world.send(&world.key, &nonce, STS, "GetCallerIdentity", &[]).await.unwrap();
    assert_eq!(read(first).await.done()["IdentityType"], "Account");
    let again = world.send(&world.key, &nonce, STS, "GetCallerIdentity", &[]).await.unwrap();
    read(again).await.refused(400, "SignatureNonceUsed");
}

#[tokio::test]
async fn a_refused_signature_does_not_use_up_its_nonce() {
    let world = world(unthrottled()).await;
    let nonce = nonce();
    let forged = Credentials { secret: "wrong".into(), ..world.key.clone() };
    let refused = world.send(&forged, &nonce, STS, "GetCallerIdentity", &[]).await.unwrap();
    read(refused).await.refused(400, "SignatureDoesNotMatch");
    let right = world.send(&world.key, &nonce, STS, "GetCallerIdentity", &[]).await.unwrap();
    read(right).await.done();
}

#[tokio::test]
async fn an_unknown_key_is_not_found() {
    let world = world(unthrottled()).await;
    let stranger = Credentials { id: "LTAI5tNobody".into(), ..world.key.clone() };
    let response = world.send(&stranger, &nonce(), STS, "GetCallerIdentity", &[]).await.unwrap();
    read(response).await.refused(404, "InvalidAccessKeyId.NotFound");
}

#[tokio::test]
async fn an_altered_parameter_breaks_the_signature() {
    let world = world(unthrottled()).await;
    let host = world.running.http.to_string();
    let query = canonical(&[("UserName", "eve")]);
    let headers = acs3_headers(&world.key, &host, &nonce(), (RAM, "CreateUser"), ("POST", &query), b"", None);
    let mut request = world.http.post(format!("http://{host}/?UserName=mallory"));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    read(request.send().await.unwrap()).await.refused(400, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn an_altered_body_breaks_the_signature() {
    let world = world(unthrottled()).await;
    let host = world.running.http.to_string();
    let form = "application/x-www-form-urlencoded";
    let signed = |body: &str| {
        acs3_headers(&world.key, &host, &nonce(), (RAM, "CreateUser"), ("POST", ""), body.as_bytes(), Some(form))
    };
    for (headers, body, status) in [
        (signed("UserName=eve"), "UserName=mallory", 400),
        (signed("UserName=eve+1"), "UserName=eve+1", 400),
        (signed("UserName=eve"), "UserName=eve", 200),
    ] {
        let mut request = world.http.post(format!("http://{host}/")).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        assert_eq!(read(request.send().await.unwrap()).await.status, status, "{body}");
    }
}

#[tokio::test]
async fn an_unsigned_request_is_told_what_is_missing() {
    let world = world(unthrottled()).await;
    let url = format!("http://{}/?Action=ListUsers&Version={RAM}", world.running.http);
    read(world.http.get(url).send().await.unwrap()).await.refused(400, "MissingAccessKeyId");
}

#[tokio::test]
async fn an_unknown_operation_is_not_found() {
    let world = world(unthrottled()).await;
    world.call(RAM, "MakeCoffee", &[]).await.refused(404, "InvalidApi.NotFound");
    world.call("1999-01-01", "ListUsers", &[]).await.refused(404, "InvalidApi.NotFound");
}

#[tokio::test]
async fn the_older_signature_covers_query_and_form_body_together() {
    let world = world(unthrottled()).await;
    let parameters =
        hmac_sha1_parameters(&world.key, "POST", (RAM, "CreateUser"), &[("UserName", "eve"), ("Comments", "a b*~")]);
    let (in_body, in_query): (Vec<_>, Vec<_>) = parameters.iter().partition(|(name, _)| name.len() % 2 == 0);
    let encoded = |pairs: Vec<&(String, String)>| {
        canonical(&pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>())
    };
    let url = format!("http://{}/?{}", world.running.http, encoded(in_query));
    let request = world.http.post(url).header("content-type", "application/x-www-form-urlencoded");
    // The clients of this style send these headers too; they do not make it the newer one.
    let request = request.header("x-acs-action", "CreateUser").header("x-acs-version", RAM);
    let reply = read(request.body(encoded(in_body)).send().await.unwrap()).await.done();
    assert_eq!(reply["User"]["Comments"], "a b*~");
}

#[tokio::test]
async fn the_older_signature_covers_the_method() {
    let world = world(unthrottled()).await;
    for (signed, status, code) in [("GET", 200, Value::Null), ("POST", 400, json!("IncompleteSignature"))] {
        let parameters = hmac_sha1_parameters(&world.key, signed, (RAM, "ListUsers"), &[]);
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let url = format!("http://{}/?{}", world.running.http, canonical(&pairs));
        let reply = read(world.http.get(url).send().await.unwrap()).await;
        assert_eq!((reply.status, reply.body["Code"].clone()), (status, code));
    }
}

#[tokio::test]
async fn a_moved_clock_is_seen_in_the_date_and_expires_requests() {
    let world = world(unthrottled()).await;
    let call = async || world.send(&world.key, &nonce(), STS, "GetCallerIdentity", &[]).await.unwrap();
    for seconds in [20 * 60, -20 * 60] {
        world.control(Method::POST, "/clock", json!({ "offset_seconds": seconds })).await;
        let response = call().await;
        let date = response.headers()["date"].to_str().unwrap().to_owned();
        read(response).await.refused(400, "InvalidTimeStamp.Expired");
        let date = jiff::fmt::rfc2822::parse(&date).unwrap().timestamp();
        let ahead = date.duration_since(jiff::Timestamp::now()).as_secs();
        assert!((ahead - seconds).abs() <= 5, "{ahead}");
    }
    world.control(Method::POST, "/clock", json!({ "offset_seconds": 14 * 60 })).await;
    read(call().await).await.done();
    let virtual_time = json!({ "offset_seconds": 86_400, "judge_requests_by": "machine_clock" });
    world.control(Method::POST, "/clock", virtual_time).await;
    read(call().await).await.done();
}

#[tokio::test]
async fn a_role_is_assumed_by_a_user_and_never_by_the_root_account() {
    let root = world(unthrottled()).await;
    let arn = root.call(RAM, "ListRoles", &[]).await.done()["Roles"]["Role"][0]["Arn"].as_str().unwrap().to_owned();
    let parameters = [("RoleArn", arn.as_str()), ("RoleSessionName", "test")];
    root.call(STS, "AssumeRole", &parameters).await.refused(403, "NoPermission");

    let user = root.account().await["users"][0]["user_name"].as_str().unwrap().to_owned();
    let world = world(Settings { key_owner: Some(user), ..unthrottled() }).await;
    assert_eq!(world.call(STS, "GetCallerIdentity", &[]).await.done()["IdentityType"], "RAMUser");
    let too_long = [parameters[0], parameters[1], ("DurationSeconds", "3601")];
    world.call(STS, "AssumeRole", &too_long).await.refused(400, "InvalidParameter.DurationSeconds");
    let issued = world.call(STS, "AssumeRole", &parameters).await.done()["Credentials"].clone();
    let field = |name: &str| issued[name].as_str().unwrap().to_owned();
    let session =
        Credentials { id: field("AccessKeyId"), secret: field("AccessKeySecret"), token: Some(field("SecurityToken")) };
    let identity =
        async |key: &Credentials| read(world.send(key, &nonce(), STS, "GetCallerIdentity", &[]).await.unwrap()).await;
    assert_eq!(identity(&session).await.done()["IdentityType"], "AssumedRoleUser");
    identity(&Credentials { token: None, ..session.clone() }).await.refused(400, "MissingSecurityToken");
    let expired = json!({ "offset_seconds": 3700, "judge_requests_by": "machine_clock" });
    world.control(Method::POST, "/clock", expired).await;
    identity(&session).await.refused(400, "InvalidSecurityToken.Expired");
}

#[tokio::test]
async fn https_is_served_by_the_authority_that_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let ca_out = directory.path().join("ca.pem");
    let https = Some("127.0.0.1:0".parse().unwrap());
    let world = world(Settings { https, ca_out: Some(ca_out.clone()), ..unthrottled() }).await;
    let mut pem = Vec::new();
    std::fs::File::open(ca_out).unwrap().read_to_end(&mut pem).unwrap();
    let client = http_client().tls_certs_only([Certificate::from_pem(&pem).unwrap()]).build().unwrap();
    let address = world.running.https.unwrap();

    // Handshakes that never begin must not hold up those that do.
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let host = format!("localhost:{}", address.port());
    let headers = acs3_headers(&world.key, &host, &nonce(), (STS, "GetCallerIdentity"), ("GET", ""), b"", None);
    let mut request = client.get(format!("https://{host}/"));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let identity = read(request.send().await.unwrap()).await.done();
    assert_eq!(identity["AccountId"], world.running.account_id);
    let untrusting = http_client().build().unwrap().get(format!("https://{host}/")).send().await;
    assert!(untrusting.unwrap_err().is_connect());
    drop(silent);
}
