//! What stands between: broken HTTP, compression that is none, proxies, bombs.

use std::io::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::server::Says;
use super::{Case, operation};

const GROUP: &str = "answers, transport";

/// Each is tried in the place of a listing, of a detail and of a numbered listing.
const PLACES: [&str; 3] = ["ListUsers", "GetRole", "ListPolicyAttachments"];

/// What a bomb becomes. A reader without bounds takes all of it.
const BOMB_BYTES: usize = 256 << 20;

/// Decompression takes its time where much else runs.
const PATIENCE: Duration = Duration::from_secs(600);

/// White space, compressed by a thousand.
static BOMB: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let piece = vec![b' '; 1 << 20];
    for _ in 0..BOMB_BYTES / piece.len() {
        encoder.write_all(&piece).expect("memory takes it");
    }
    encoder.finish().expect("memory takes it")
});

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

pub(crate) fn cases() -> impl Iterator<Item = Case> {
    let everywhere = PLACES.into_iter().flat_map(|name| {
        let base = operation(name).reply().to_string();
        let repeated_never =
            broken(&base).into_iter().map(move |(what, says)| Case::constant(GROUP, operation(name), what, says));
        let repeated = ending(&base)
            .into_iter()
            .map(move |(what, says)| Case::constant(GROUP, operation(name), what, says).until_the_end());
        repeated_never.chain(repeated)
    });
    everywhere.chain(bombs())
}

/// Replies that are refused after a few attempts, or at once.
fn broken(base: &str) -> Vec<(&'static str, Says)> {
    let ok = |headers: &[&str], body: &[u8]| Says::reply("200 OK", headers, body);
    let status = |status: &str, body: &str| Says::reply(status, &[], body.as_bytes());
    let gzipped = ["Content-Encoding: gzip"];
    let whole = gzip(base.as_bytes());
    vec![
        ("no date", Says::bytes(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{base}", base.len()))),
        ("a date that is none", ok(&["Date: yesterday"], base.as_bytes())),
        ("a date without a month", ok(&["Date: Thu, 01 2026 12:00:00 GMT"], base.as_bytes())),
        ("an empty date", ok(&["Date: "], base.as_bytes())),
        ("a date of bytes", ok(&["Date: \u{fffd}"], base.as_bytes())),
        ("compressed twice", ok(&gzipped, &gzip(&whole))),
        ("compressed and not said so", ok(&[], &whole)),
        ("brotli that is none", ok(&["Content-Encoding: br"], &[0x1b, 0x03, 0x00, 0xf8])),
        ("nothing, compressed", ok(&gzipped, &gzip(b""))),
        ("204", status("204 No Content", "")),
        ("206", status("206 Partial Content", &base[..base.len() / 2])),
        ("301 to elsewhere", Says::reply("301 Moved Permanently", &["Location: http://127.0.0.1:1/"], b"")),
        ("302 to a page for a login", Says::reply("302 Found", &["Location: /login"], b"<html></html>")),
        ("304", status("304 Not Modified", "")),
        ("307 to itself", Says::reply("307 Temporary Redirect", &["Location: /"], b"")),
        ("400 without a code", status("400 Bad Request", "")),
        ("400 with a number for a code", status("400 Bad Request", r#"{"Code":42}"#)),
        ("400 with an unknown code", status("400 Bad Request", r#"{"Code":"Odd.Thing","Message":"m"}"#)),
        ("400 with a code of control characters", status("400 Bad Request", "{\"Code\":\"\\u0000\\u001b[2J\"}")),
        (
            "400 with a code of 10,000 characters",
            status("400 Bad Request", &format!(r#"{{"Code":"{}"}}"#, "C".repeat(10_000))),
        ),
        ("400 cut", status("400 Bad Request", r#"{"Code":"Throttl"#)),
        (
            "401 of a proxy",
            Says::reply("401 Unauthorized", &["WWW-Authenticate: Basic realm=\"proxy\""], b"<html></html>"),
        ),
        ("403 with HTML", status("403 Forbidden", "<html></html>")),
        ("404 with HTML", status("404 Not Found", "<html>no such host</html>")),
        ("404 with JSON of another", status("404 Not Found", r#"{"error":{"status":404}}"#)),
        ("407", status("407 Proxy Authentication Required", "")),
        ("418", status("418 I'm a teapot", "short and stout")),
        ("the right body under 202", status("202 Accepted", base)),
        ("the right body under 404", status("404 Not Found", base)),
        (
            "absence of what was not asked for",
            status("404 Not Found", r#"{"Code":"EntityNotExist.Policy","RequestId":"R"}"#),
        ),
    ]
}

/// Replies that may go well another time, so that only the time budget ends them.
fn ending(base: &str) -> Vec<(&'static str, Says)> {
    let length = base.len();
    let gzipped = |body: &[u8]| Says::reply("200 OK", &["Content-Encoding: gzip"], body);
    let whole = gzip(base.as_bytes());
    let mut spoilt = whole.clone();
    let middle = spoilt.len() / 2;
    spoilt[middle] ^= 0xff;
    let mut checksum = whole.clone();
    let last = checksum.len() - 5;
    checksum[last] ^= 0xff;
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 12:00:00 GMT\r\n{fields}\r\n");
    let cut = Says {
        then_ends: true,
        ..Says::reply("200 OK", &[&format!("Content-Length: {length}")], &base.as_bytes()[..length / 2])
    };
    vec![
        ("the connection ends at once", Says::bytes("")),
        ("the connection ends in the head", Says::bytes("HTTP/1.1 200 OK\r\nDate: Thu")),
        ("the connection ends in the body", cut),
        ("not HTTP", Says::bytes("SSH-2.0-OpenSSH_9.6\r\n")),
        ("TLS on a plain connection", Says::bytes(b"\x15\x03\x01\x00\x02\x02\x46".to_vec())),
        ("a status that is none", Says::bytes(head("").replace("200 OK", "2OO OK"))),
        ("a version that is none", Says::bytes(head("").replace("HTTP/1.1", "HTTP/7.7"))),
        ("a negative length", Says::bytes(head("Content-Length: -1\r\n") + base)),
        ("two lengths", Says::bytes(head("Content-Length: 1\r\nContent-Length: 2\r\n") + base)),
        ("a NUL in a header", Says::bytes(head("X: \0\r\n") + base)),
        ("chunks without sizes", Says::bytes(head("Transfer-Encoding: chunked\r\n") + base)),
        ("a chunk of a negative size", Says::bytes(head("Transfer-Encoding: chunked\r\n") + "-5\r\n" + base)),
        (
            "a chunk larger than all memory",
            Says::bytes(head("Transfer-Encoding: chunked\r\n") + "ffffffffffffffff\r\n" + base),
        ),
        ("a head without an end", Says::bytes(format!("HTTP/1.1 200 OK\r\n{}", "X: y\r\n".repeat(2_000)))),
        ("a header of a MiB", Says::bytes(head(&format!("X: {}\r\n", "y".repeat(1 << 20))) + base)),
        ("said to be compressed and is not", gzipped(base.as_bytes())),
        ("compressed and cut", gzipped(&whole[..whole.len() / 2])),
        ("compressed and spoilt", gzipped(&spoilt)),
        ("compressed with a wrong checksum", gzipped(&checksum)),
        ("half a head of gzip", gzipped(&whole[..4])),
        ("500 with HTML", Says::reply("500 Internal Server Error", &[], b"<html></html>")),
        ("502 of a gateway", Says::reply("502 Bad Gateway", &[], b"<html><h1>502</h1></html>")),
        (
            "503 of the service",
            Says::reply("503 Service Unavailable", &[], br#"{"Code":"ServiceUnavailable","RequestId":"R"}"#),
        ),
        ("429 of a gateway", Says::reply("429 Too Many Requests", &["x-acs-retry-after: -5"], b"slow down")),
        (
            "throttled",
            Says::reply(
                "400 Bad Request",
                &["x-acs-retry-after: 18446744073709551615"],
                br#"{"Code":"Throttling.User","RequestId":"R"}"#,
            ),
        ),
    ]
}

/// More than a body may be. Few, for each is read as far as that three times.
fn bombs() -> impl Iterator<Item = Case> {
    let bomb = |name: &'static str| {
        let says = Says::reply("200 OK", &["Content-Encoding: gzip"], &BOMB);
        Case {
            words: vec!["larger than"],
            budget: PATIENCE,
            ..Case::constant("answers, bombs", operation(name), "256 MiB in a quarter of one", says)
        }
    };
    let plain = |name: &'static str, head: &'static str| {
        let says = Says::reply("200 OK", &[], &[head.as_bytes(), &vec![b' '; 33 << 20]].concat());
        Case {
            words: vec!["larger than"],
            ..Case::constant("answers, bombs", operation(name), "33 MiB of white space", says)
        }
    };
    [bomb("GetAccountAlias"), plain("ListGroups", "{")].into_iter()
}
