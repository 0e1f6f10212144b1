//! A client written from the vendor's recipes alone: it shares no code with the simulator.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use ramstream::simulator::{self, Running, Settings};
use reqwest::{Client, ClientBuilder, Method, Response};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

pub(crate) const IMS: &str = "2019-08-15";
pub(crate) const RAM: &str = "2015-05-01";
pub(crate) const RM: &str = "2020-03-31";
pub(crate) const STS: &str = "2015-04-01";

/// A simulated account and whoever calls it.
pub(crate) struct World {
    pub(crate) running: Running,
    pub(crate) http: Client,
    pub(crate) key: Credentials,
}

/// What requests are signed with.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: Option<String>,
}

/// A reply, read to its end.
pub(crate) struct Replied {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Replied {
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.body["Code"].as_str()), (status, Some(code)), "{}", self.body);
    }

    #[track_caller]
    pub(crate) fn done(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }
}

/// Parameters of a call.
pub(crate) type Pairs<'a> = &'a [(&'a str, &'a str)];

pub(crate) async fn world(settings: Settings) -> World {
    let running = simulator::start(settings).await.unwrap();
    let key = Credentials {
        id: running.access_key_id.clone(),
        secret: running.access_key_secret.expose().to_owned(),
        token: None,
    };
    World { running, http: http_client().build().unwrap(), key }
}

/// Nothing here takes long, so that what hangs fails.
pub(crate) fn http_client() -> ClientBuilder {
    Client::builder().timeout(Duration::from_secs(20)).no_proxy()
}

/// An account without quotas, so that a test is throttled only where it wants to be.
pub(crate) fn unthrottled() -> Settings {
    let mut settings = Settings::default();
    settings.limits.quota_percent = None;
    settings
}

impl World {
    pub(crate) async fn call(&self, version: &str, action: &str, parameters: Pairs<'_>) -> Replied {
        read(self.send(&self.key, &nonce(), version, action, parameters).await.unwrap()).await
    }

    /// The response as it comes, for whoever looks at headers or at broken connections.
    pub(crate) async fn send(
        &self,
        key: &Credentials,
        nonce: &str,
        version: &str,
        action: &str,
        parameters: Pairs<'_>,
    ) -> reqwest::Result<Response> {
        let host = self.running.http.to_string();
        let query = canonical(parameters);
        let headers = acs3_headers(key, &host, nonce, (version, action), ("POST", &query), b"", None);
        let mut request = self.http.request(Method::POST, format!("http://{host}/?{query}"));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await
    }

    /// Asks the control address.
    pub(crate) async fn control(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self.http.request(method, format!("http://{}{path}", self.running.control));
        let response =
            request.body(if body.is_null() { String::new() } else { body.to_string() }).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    /// What the control address answers to a request that it refuses.
    pub(crate) async fn refused_control(&self, path: &str, body: Value) -> String {
        let request = self.http.post(format!("http://{}{path}", self.running.control)).body(body.to_string());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 400);
        response.text().await.unwrap()
    }

    pub(crate) async fn account(&self) -> Value {
        self.control(Method::GET, "/account", Value::Null).await
    }

    pub(crate) async fn fault(&self, fault: Value) {
        self.control(Method::POST, "/faults", fault).await;
    }

    /// All rows of a listing by marker, page by page.
    pub(crate) async fn by_marker(
        &self,
        version: &str,
        action: &str,
        given: Pairs<'_>,
        (name, item): (&str, &str),
    ) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut marker = String::new();
        loop {
            let mut parameters = given.to_vec();
            parameters.push(("Marker", &marker));
            let page = self.call(version, action, &parameters).await.done();
            rows.extend(page[name][item].as_array().unwrap().iter().cloned());
            if page["IsTruncated"] == json!(false) {
                assert_eq!(page["Marker"], Value::Null, "there is no marker behind the last page");
                return rows;
            }
            marker = page["Marker"].as_str().unwrap().to_owned();
        }
    }
}

pub(crate) async fn read(response: Response) -> Replied {
    let status = response.status().as_u16();
    Replied { status, body: response.json().await.unwrap() }
}

pub(crate) fn nonce() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

pub(crate) fn texts(rows: &[Value], field: &str) -> Vec<String> {
    rows.iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn set(rows: &Value, field: &str) -> BTreeSet<String> {
    texts(rows.as_array().unwrap(), field).into_iter().collect()
}

pub(crate) fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

pub(crate) fn canonical(parameters: Pairs<'_>) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort_unstable();
    let pairs: Vec<_> = sorted.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

/// The headers of an ACS3 request, signature included.
pub(crate) fn acs3_headers(
    key: &Credentials,
    host: &str,
    nonce: &str,
    (version, action): (&str, &str),
    (method, query): (&str, &str),
    body: &[u8],
    content_type: Option<&str>,
) -> Vec<(String, String)> {
    let content_sha256 = hex::encode(Sha256::digest(body));
    let now = jiff::Timestamp::now();
    let date = jiff::Timestamp::from_second(now.as_second()).unwrap().to_string();
    let mut headers = vec![
        ("host", host),
        ("x-acs-action", action),
        ("x-acs-content-sha256", &content_sha256),
        ("x-acs-date", &date),
        ("x-acs-signature-nonce", nonce),
        ("x-acs-version", version),
    ];
    headers.extend(key.token.as_deref().map(|token| ("x-acs-security-token", token)));
    headers.extend(content_type.map(|content_type| ("content-type", content_type)));
    headers.sort_unstable();
    let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let block: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let request = format!("{method}\n/\n{query}\n{block}\n{names}\n{content_sha256}");
    let mut mac = Hmac::<Sha256>::new_from_slice(key.secret.as_bytes()).unwrap();
    mac.update(format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(request))).as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let authorization = format!("ACS3-HMAC-SHA256 Credential={},SignedHeaders={names},Signature={signature}", key.id);
    let owned = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.chain([("authorization".to_owned(), authorization)]).collect()
}

/// The parameters of a request in the older style, signature included.
pub(crate) fn hmac_sha1_parameters(
    key: &Credentials,
    method: &str,
    (version, action): (&str, &str),
    given: Pairs<'_>,
) -> Vec<(String, String)> {
    let now = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second()).unwrap().to_string();
    let nonce = nonce();
    let mut parameters = vec![
        ("AccessKeyId", key.id.as_str()),
        ("Action", action),
        ("Format", "JSON"),
        ("SignatureMethod", "HMAC-SHA1"),
        ("SignatureNonce", &nonce),
        ("SignatureType", ""),
        ("SignatureVersion", "1.0"),
        ("Timestamp", &now),
        ("Version", version),
    ];
    parameters.extend(given);
    let string_to_sign = format!("{method}&%2F&{}", encode(&canonical(&parameters)));
    let mut mac = Hmac::<Sha1>::new_from_slice(format!("{}&", key.secret).as_bytes()).unwrap();
    mac.update(string_to_sign.as_bytes());
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    parameters.push(("Signature", &signature));
    parameters.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
