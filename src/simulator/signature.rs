//! Both signatures of Alibaba Cloud, computed from a request as it came in.
//!
//! Written from the vendor's recipes and checked against the vendor's vectors; shares nothing with the code that signs
//! requests elsewhere, for it is what that code is checked against. Pure: knows no keys, no clock and no HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// The `Authorization` scheme of the newer signature.
pub(super) const ACS3: &str = "ACS3-HMAC-SHA256";

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// RFC 3986 percent-encoding: all but letters, digits and `-_.~`.
#[must_use]
pub(super) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Parameters sorted by raw name and encoded again, as both signatures want them.
#[must_use]
pub(super) fn canonical_query(parameters: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = parameters.iter().collect();
    sorted.sort();
    let mut query = String::new();
    for (index, (name, value)) in sorted.into_iter().enumerate() {
        query.push_str(if index == 0 { "" } else { "&" });
        query.extend(utf8_percent_encode(name, RESERVED).chain(["="]).chain(utf8_percent_encode(value, RESERVED)));
    }
    query
}

/// The parts of a request that the ACS3 signature covers.
#[derive(Debug)]
pub(super) struct Acs3Request<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// `/` for every service here.
    pub path: &'a str,
    /// The query's parameters, decoded; those of a form body are covered by the body's hash.
    pub query: &'a [(String, String)],
    /// Names (lower case) and values in the order of SignedHeaders.
    pub signed_headers: &'a [(&'a str, &'a str)],
    /// Lower-case hex SHA-256 of the body.
    pub content_sha256: &'a str,
}

impl Acs3Request<'_> {
    /// Six parts, joined by line feeds; the block of headers ends with one of its own.
    #[must_use]
    pub(super) fn canonical(&self) -> String {
        let lines = self.signed_headers.iter().flat_map(|(name, value)| [*name, ":", value.trim(), "\n"]);
        let headers: String = lines.collect();
        let names: Vec<_> = self.signed_headers.iter().map(|(name, _)| *name).collect();
        let query = canonical_query(self.query);
        [self.method, self.path, &query, &headers, &names.join(";"), self.content_sha256].join("\n")
    }

    /// What the key signs.
    #[must_use]
    pub(super) fn string_to_sign(&self) -> String {
        format!("{ACS3}\n{}", sha256_hex(self.canonical().as_bytes()))
    }

    /// The signature: HMAC with the bare secret, in lower-case hex.
    #[must_use]
    pub(super) fn signature(&self, secret: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(self.string_to_sign().as_bytes());
        hex_of(&mac.finalize().into_bytes())
    }
}

/// What the key signs in the older style: method, `/` and all parameters but the signature itself, encoded twice.
#[must_use]
pub(super) fn hmac_sha1_string_to_sign(method: &str, parameters: &[(String, String)]) -> String {
    let covered: Vec<_> = parameters.iter().filter(|(name, _)| name != "Signature").cloned().collect();
    format!("{method}&%2F&{}", percent_encode(&canonical_query(&covered)))
}

/// The older signature: HMAC with the secret and an ampersand, in Base64.
#[must_use]
pub(super) fn hmac_sha1_signature(secret: &str, string_to_sign: &str) -> String {
    let key = format!("{secret}&");
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(string_to_sign.as_bytes());
    BASE64.encode(mac.finalize().into_bytes())
}

/// Lower-case hex SHA-256.
#[must_use]
pub(super) fn sha256_hex(bytes: &[u8]) -> String {
    hex_of(&Sha256::digest(bytes))
}

/// Thousands of requests are verified each second, and `hex::encode` takes longer than the hash.
fn hex_of(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |digit: u8| char::from(DIGITS[usize::from(digit)]);
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ExampleAccessKeySecret0123456789";
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const DATE: (&str, &str) = ("x-acs-date", "2024-01-02T03:04:05Z");
    const NONCE: (&str, &str) = ("x-acs-signature-nonce", "0123456789abcdef0123456789abcdef");
    const CONTENT: (&str, &str) = ("x-acs-content-sha256", EMPTY);

    type Pairs<'a> = &'a [(&'a str, &'a str)];

    #[track_caller]
    fn check(method: &str, query: Pairs<'_>, headers: Pairs<'_>, content_sha256: &str, expected: (&str, &str, &str)) {
        let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = Acs3Request { method, path: "/", query: &query, signed_headers: headers, content_sha256 };
        assert_eq!(canonical_query(&query), expected.0);
        assert_eq!(sha256_hex(request.canonical().as_bytes()), expected.1);
        assert_eq!(request.signature(KEY), expected.2);
    }

    fn headers<'a>(host: &'a str, action: &'a str, version: &'a str) -> [(&'a str, &'a str); 6] {
        [("host", host), ("x-acs-action", action), CONTENT, DATE, NONCE, ("x-acs-version", version)]
    }

    #[test]
    fn the_published_vector_is_reproduced() {
        let query: Vec<_> =
            [("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"), ("RegionId", "cn-shanghai")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec();
        let signed_headers = [
            ("host", "ecs.cn-shanghai.aliyuncs.com"),
            ("x-acs-action", "RunInstances"),
            CONTENT,
            ("x-acs-date", "2023-10-26T10:22:32Z"),
            ("x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"),
            ("x-acs-version", "2014-05-26"),
        ];
        let request = Acs3Request {
            method: "POST",
            path: "/",
            query: &query,
            signed_headers: &signed_headers,
            content_sha256: EMPTY,
        };
        assert_eq!(
            request.string_to_sign(),
            "ACS3-HMAC-SHA256\n7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
        );
        assert_eq!(
            request.signature("YourAccessKeySecret"),
            "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
        );
    }

    #[test]
    fn a_request_without_parameters() {
        let headers = headers("ram.aliyuncs.com", "ListUsers", "2015-05-01");
        let expected = (
            "",
            "e739fb5546d1f0ed0c1e4db3bf741454758a9e3564a36e05f463d3ea7e48ced0",
            "f2c54a0be6a4ac5290d5ccd1580752829970c0d84c854538d99dd528b2ea4789",
        );
        check("POST", &[], &headers, EMPTY, expected);
    }

    #[test]
    fn comma_slash_plus_and_equals() {
        let headers = headers("ims.aliyuncs.com", "ListUsers", "2019-08-15");
        let query = [("Status", "active,freeze"), ("MaxItems", "100"), ("Marker", "AAAB/+c=")];
        let expected = (
            "Marker=AAAB%2F%2Bc%3D&MaxItems=100&Status=active%2Cfreeze",
            "fbe8aa3165f0a8db23404bee621566f8f041d429991753d81739fe3d267f12d5",
            "f9454cbfc9382f270c2dff25b1a34a53b5b776863e189c00fce5f9abc8e9b52c",
        );
        check("POST", &query, &headers, EMPTY, expected);
    }

    #[test]
    fn unicode_space_star_and_tilde() {
        let headers = headers("ram.aliyuncs.com", "GetPolicy", "2015-05-01");
        let query = [("PolicyType", "Custom"), ("PolicyName", "策略 a*b~c")];
        let expected = (
            "PolicyName=%E7%AD%96%E7%95%A5%20a%2Ab~c&PolicyType=Custom",
            "600e3f97a282faff31351b0f65c13a68bce1c23a18402a93826dc250bd4b3c2a",
            "908ea9189fc37293db61c9a357dc244303a99ecd740fc0f1f5b1bcd6c482641f",
        );
        check("POST", &query, &headers, EMPTY, expected);
    }

    #[test]
    fn a_security_token_is_signed_in_its_place() {
        let headers = [
            ("host", "sts.cn-hangzhou.aliyuncs.com"),
            ("x-acs-action", "GetCallerIdentity"),
            CONTENT,
            DATE,
            ("x-acs-security-token", "CAISExampleSecurityToken/+=="),
            NONCE,
            ("x-acs-version", "2015-04-01"),
        ];
        // The vendor's vector lists the token behind the date, which is also its place in byte order.
        let expected = (
            "",
            "6696f0ca7a76fef8c1225884ef14ced102010da9a4bd08c4a705a5e049a7e465",
            "13cd95b4cab7b4632b1dd3289ab07dbbbd50862087d0885e91b8471e1979ba44",
        );
        check("POST", &[], &headers, EMPTY, expected);
    }

    #[test]
    fn get_with_an_empty_value_and_a_repeat_list() {
        let headers = headers("ims.aliyuncs.com", "ListUserBasicInfos", "2019-08-15");
        let query = [
            ("Marker", ""),
            ("Tag.1.Key", "owner"),
            ("Tag.1.Value", "Zoë & co"),
            ("Tag.10.Key", "b"),
            ("Tag.2.Key", "a"),
        ];
        let expected = (
            "Marker=&Tag.1.Key=owner&Tag.1.Value=Zo%C3%AB%20%26%20co&Tag.10.Key=b&Tag.2.Key=a",
            "47130fa763d96320e6b00c59ab269432b0b33af1e7913e19c934e63ba0e527a7",
            "2e810eecfb5f33b727c8116e448d30fb2617c7d2edfe029fb37e04df9f62d439",
        );
        check("GET", &query, &headers, EMPTY, expected);
    }

    #[test]
    fn a_form_body_is_covered_by_its_hash() {
        let body = "DurationSeconds=3600&RoleArn=acs%3Aram%3A%3A123456789012%2A%2A%2A%2A%3Arole%2Fadminrole&RoleSessionName=alice";
        let content_sha256 = sha256_hex(body.as_bytes());
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("host", "sts.aliyuncs.com"),
            ("x-acs-action", "AssumeRole"),
            ("x-acs-content-sha256", content_sha256.as_str()),
            DATE,
            NONCE,
            ("x-acs-version", "2015-04-01"),
        ];
        let expected = (
            "",
            "974c129b31f806dc8c1588232ef03e6a49f08e508c436baaa50b6a77cfdcfbc4",
            "50c69806754d594a769fb887e54fba43c8889a34c99eb2f8c63d63fac2880745",
        );
        check("POST", &[], &headers, &content_sha256, expected);
    }

    #[test]
    fn more_headers_may_be_signed() {
        let headers = [
            ("accept", "application/json"),
            ("host", "ram.aliyuncs.com"),
            ("user-agent", "demo/1.0"),
            ("x-acs-action", "ListRoles"),
            CONTENT,
            DATE,
            NONCE,
            ("x-acs-version", "2015-05-01"),
        ];
        let expected = (
            "MaxItems=1000",
            "544f1318c6d5e73ba48ed3019c3139ed9971a3a42ec619e5e6007fd44cf6e327",
            "d906136fa794cf53c92f67d2d9c3fe31e55879cb297b25b18f5bd49c912b0250",
        );
        check("POST", &[("MaxItems", "1000")], &headers, EMPTY, expected);
    }

    #[test]
    fn the_older_string_to_sign_covers_method_and_empty_parameters_but_not_the_signature() {
        let parameters = [("Signature", "x"), ("SignatureType", ""), ("Action", "ListUsers"), ("A", "b c*")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            hmac_sha1_string_to_sign("GET", &parameters),
            "GET&%2F&A%3Db%2520c%252A%26Action%3DListUsers%26SignatureType%3D"
        );
    }
}
