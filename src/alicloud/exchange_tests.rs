//! The exchange over real sockets: what is sent byte by byte, compression, TLS, the proxy.

use std::pin::Pin;

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{Ssl, SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_openssl::SslStream;

use super::{Exchange, ExchangeError, ExchangeSettings, Reply, SignedRequest};

/// The body below, as Python's `gzip` compresses it.
const GZIPPED: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x72, 0x4c, 0x4e, 0xce, 0x2f, 0xcd, 0x2b,
    0x71, 0xcc, 0xc9, 0x4c, 0x2c, 0x56, 0xb2, 0x52, 0x4a, 0x4c, 0xce, 0x4d, 0x55, 0xaa, 0x05, 0x00, 0xda, 0x56, 0x0b,
    0x11, 0x17, 0x00, 0x00, 0x00,
];
const BODY: &[u8] = br#"{"AccountAlias":"acme"}"#;

fn http(extra_header: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{extra_header}\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Reads the head of one request, answers with `reply`, and returns the head.
async fn serve_once(mut stream: impl AsyncRead + AsyncWrite + Unpin, reply: Vec<u8>) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    stream.write_all(&reply).await.unwrap();
    stream.shutdown().await.unwrap();
    String::from_utf8(head).unwrap()
}

/// A server for one plain request: its address, and the head that it will have seen.
async fn plain_server(reply: Vec<u8>) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seen = tokio::spawn(async move { serve_once(listener.accept().await.unwrap().0, reply).await });
    (address, seen)
}

async fn exchange(settings: &ExchangeSettings, url: &str) -> Result<Reply, ExchangeError> {
    let headers = vec![("host", "ims.example:8443".to_owned()), ("x-acs-action", "ListUsers".to_owned())];
    Exchange::new(settings).unwrap().exchange(SignedRequest { url: url.parse().unwrap(), headers, form: None }).await
}

#[tokio::test]
async fn the_signed_host_and_query_are_sent_as_they_are() {
    let (address, seen) = plain_server(http("", BODY)).await;
    let reply = exchange(&ExchangeSettings::default(), &format!("http://{address}/?A=x%2Ay%20z~&B=")).await.unwrap();
    assert_eq!((reply.status, reply.body.as_slice()), (200, BODY));
    let head = seen.await.unwrap();
    assert!(head.starts_with("POST /?A=x%2Ay%20z~&B= HTTP/1.1\r\n"), "{head}");
    for line in ["host: ims.example:8443", "accept: application/json", "accept-encoding: gzip", "content-length: 0"] {
        assert_eq!(head.to_ascii_lowercase().matches(&format!("\r\n{line}\r\n")).count(), 1, "{line} in {head}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_read() {
    let (address, _seen) = plain_server(http("content-encoding: gzip\r\n", GZIPPED)).await;
    let reply = exchange(&ExchangeSettings::default(), &format!("http://{address}/")).await.unwrap();
    assert_eq!(reply.body, BODY);
}

/// 1,000 users with every text as long as the services allow, in characters of three bytes where they may be chosen.
#[tokio::test]
async fn the_largest_legal_page_is_read() {
    let wide = "名".repeat(128);
    let tags = vec![serde_json::json!({ "TagKey": wide, "TagValue": wide }); 20];
    let principal = format!("{}@{}", "u".repeat(64), "d".repeat(64));
    let user = serde_json::json!({
        "UserId": "9".repeat(18), "UserPrincipalName": principal, "DisplayName": wide, "Comments": wide,
        "Email": "e".repeat(128), "MobilePhone": "86-13000000000", "ProvisionType": "CloudSSO", "Status": "freeze",
        "CreateDate": "2026-01-01T00:00:00Z", "UpdateDate": "2026-01-01T00:00:00Z", "LastLoginDate": "2026-01-01T00:00:00Z",
        "Tags": { "Tag": tags },
    });
    let page = format!("{{\"IsTruncated\":false,\"Users\":{{\"User\":[{}]}}}}", vec![user.to_string(); 1000].join(","));
    assert!(page.len() > 16 << 20, "{} bytes are not the most", page.len());
    let (address, _seen) = plain_server(http("", page.as_bytes())).await;
    let reply = exchange(&ExchangeSettings::default(), &format!("http://{address}/")).await.unwrap();
    assert_eq!(reply.body.len(), page.len());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_reply() {
    let whole = http("", BODY);
    let (address, _seen) = plain_server(whole[..whole.len() - 1].to_vec()).await;
    let error = exchange(&ExchangeSettings::default(), &format!("http://{address}/")).await.unwrap_err();
    assert!(matches!(error, ExchangeError::BrokenOff(_)), "{error:?}");
}

#[tokio::test]
async fn a_service_that_says_nothing_is_given_up_after_the_total_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let settings =
        ExchangeSettings { total_timeout: std::time::Duration::from_millis(50), ..ExchangeSettings::default() };
    let error = exchange(&settings, &url).await.unwrap_err();
    assert!(matches!(error, ExchangeError::TimedOut(_)), "{error:?}");
}

#[tokio::test]
async fn a_proxy_is_used_where_the_settings_name_one() {
    let (address, seen) = plain_server(http("", BODY)).await;
    let settings = ExchangeSettings { proxy: Some(format!("http://{address}")), ..ExchangeSettings::default() };
    exchange(&settings, "http://ims.invalid/?A=1").await.unwrap();
    let head = seen.await.unwrap();
    assert!(head.starts_with("POST http://ims.invalid/?A=1 HTTP/1.1\r\n"), "{head}");
}

fn self_signed() -> (PKey<Private>, X509) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "ramstream test").unwrap();
    let name = name.build();
    let mut certificate = X509::builder().unwrap();
    certificate.set_version(2).unwrap();
    certificate.set_subject_name(&name).unwrap();
    certificate.set_issuer_name(&name).unwrap();
    certificate.set_pubkey(&key).unwrap();
    certificate.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    certificate.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    certificate.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let names = SubjectAlternativeName::new().ip("127.0.0.1").build(&certificate.x509v3_context(None, None)).unwrap();
    certificate.append_extension(names).unwrap();
    certificate.sign(&key, MessageDigest::sha256()).unwrap();
    (key, certificate.build())
}

async fn tls_server(key: &PKey<Private>, certificate: &X509) -> (String, JoinHandle<()>) {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_private_key(key).unwrap();
    acceptor.set_certificate(certificate).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let stream = listener.accept().await.unwrap().0;
        let mut stream = SslStream::new(Ssl::new(acceptor.context()).unwrap(), stream).unwrap();
        if Pin::new(&mut stream).accept().await.is_ok() {
            serve_once(stream, http("", BODY)).await;
        }
    });
    (url, serving)
}

#[tokio::test]
async fn a_certificate_is_trusted_only_if_it_is_named() {
    let (key, certificate) = self_signed();
    let (url, _serving) = tls_server(&key, &certificate).await;
    let error = exchange(&ExchangeSettings::default(), &url).await.unwrap_err();
    assert!(matches!(error, ExchangeError::Connect(_)), "{error:?}");

    let (url, _serving) = tls_server(&key, &certificate).await;
    let settings =
        ExchangeSettings { extra_ca_pem: Some(certificate.to_pem().unwrap()), ..ExchangeSettings::default() };
    assert_eq!(exchange(&settings, &url).await.unwrap().body, BODY);
}
