//! What is sent to the simulated account: requests, and its control address.

use ramstream::intake;

use crate::mutations::of_bytes;
use crate::tally::Tally;

/// Tries all of them.
pub(crate) fn run(tally: &mut Tally) {
    let fault = r#"{"fault":"slow","operation":"ListUsers","page":1,"times":2}"#;
    assert_eq!(intake::control_body(fault.as_bytes()), Ok(()), "what is well-formed is taken");
    for (what, body) in of_bytes(fault, "\"fault\":\"") {
        tally.refused("control address", what, &[""], || said(intake::control_body(&body)));
    }
    for body in [
        r#"{"operation":"ListUsers"}"#,
        r#"{"operation":"ListUsers","fault":"meteor"}"#,
        r#"{"operation":"Fly","fault":"slow"}"#,
        r#"{"operation":"ListUsers","fault":"slow","page":0}"#,
        r#"{"operation":"ListUsers","fault":"slow","page":-1}"#,
        r#"{"operation":"ListUsers","fault":"slow","probability":2}"#,
        r#"{"operation":"ListUsers","fault":"slow","probability":1e400}"#,
        r#"{"operation":"ListUsers","fault":"slow","delay_ms":-1}"#,
        r#"{"operation":"ListUsers","fault":"error","status":200}"#,
        r#"{"operation":"ListUsers","fault":"error","status":65536}"#,
        r#"{"operation":"ListUsers","fault":"slow","snapshot":[]}"#,
        r#"{"operation":["ListUsers"],"fault":"slow"}"#,
    ] {
        tally.refused("control address", body, &[""], || said(intake::control_body(body.as_bytes())));
    }
    for (what, request) in requests() {
        tally.refused("simulator, requests", what, &[""], || said(intake::request(&request)));
    }
}

/// A reason has to be there; which, is the caller's own affair here.
fn said(outcome: Result<(), String>) -> Result<(), String> {
    outcome.map_err(|why| if why.trim().is_empty() { "\0".to_owned() } else { why })
}

fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let signed = "authorization: ACS3-HMAC-SHA256 Credential=LTAI-fuzz,SignedHeaders=host,Signature=00\n\
                  x-acs-action: ListUsers\nx-acs-version: 2019-08-15\nx-acs-date: 1970-01-01T00:00:00Z\n\
                  x-acs-signature-nonce: n\nhost: h";
    let with = |line: &str| format!("POST /\n{signed}\n{line}").into_bytes();
    vec![
        ("nothing", Vec::new()),
        ("not UTF-8", b"\xff\xfe /".to_vec()),
        ("a method alone", b"POST".to_vec()),
        ("a method that is none", b"P\x00ST /\n".to_vec()),
        ("a target that is none", b"POST ht tp://[\n".to_vec()),
        ("a target of control characters", b"POST /\x1b\n".to_vec()),
        ("a header name that is none", with("bad name: x")),
        ("a header value that is none", with("x: \u{7f}\u{1}")),
        ("no operation", b"POST /?Format=JSON\n".to_vec()),
        ("half a percent escape", b"GET /?Action=%A&Version=%\n".to_vec()),
        ("a query of ampersands", b"GET /?&&&=&=&Action=ListUsers&Version=2019-08-15\n".to_vec()),
        (
            "tags without an end",
            format!("GET /?Action=a&Version=b{}\n", (1..200).map(|n| format!("&Tag.{n}.Key=k")).collect::<String>())
                .into(),
        ),
        ("a tag that is no JSON", b"GET /?Action=a&Version=b&Tag=%7B\n".to_vec()),
        (
            "a signature of another style",
            b"GET /?Action=a&Version=b&AccessKeyId=LTAI-fuzz&SignatureMethod=HMAC-MD5&Signature=x\n".to_vec(),
        ),
        ("a wrong signature", with("x-acs-content-sha256: 00")),
        (
            "an authorization without parts",
            b"POST /\nauthorization: ACS3-HMAC-SHA256\nx-acs-action: a\nx-acs-version: b\n".to_vec(),
        ),
        ("a date of the year 10000", String::from_utf8_lossy(&with("")).replace("1970", "10000").into()),
        ("a date before all years", String::from_utf8_lossy(&with("")).replace("1970", "-999999").into()),
        ("an unknown key", String::from_utf8_lossy(&with("")).replace("LTAI-fuzz", "LTAI-other").into()),
        (
            "a body of a MiB",
            [&with("content-type: application/x-www-form-urlencoded")[..], b"\n\n", &vec![b'a'; 1 << 20]].concat(),
        ),
    ]
}
