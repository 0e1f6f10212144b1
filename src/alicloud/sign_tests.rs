//! The vendor's published vector, and vectors made with the vendor's own Python and TypeScript packages.

use jiff::Timestamp;
use proptest::prelude::*;

use super::{CanonicalRequest, Unsigned, canonical_query, sign};
use crate::alicloud::credentials::Credentials;
use crate::secret::Secret;

struct Vector {
    method: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    /// `host`, `x-acs-action`, `x-acs-version`, and what else the vector signs.
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    query: &'static str,
    canonical_sha256: &'static str,
    signature: &'static str,
}

const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const DATE: &str = "2024-01-02T03:04:05Z";
const NONCE: &str = "0123456789abcdef0123456789abcdef";
const SECRET: &str = "ExampleAccessKeySecret0123456789";

const VECTORS: &[Vector] = &[
    // T1: no parameters
    Vector {
        method: "POST",
        parameters: &[],
        headers: &[("host", "ram.aliyuncs.com"), ("x-acs-action", "ListUsers"), ("x-acs-version", "2015-05-01")],
        body: "",
        query: "",
        canonical_sha256: "e739fb5546d1f0ed0c1e4db3bf741454758a9e3564a36e05f463d3ea7e48ced0",
        signature: "f2c54a0be6a4ac5290d5ccd1580752829970c0d84c854538d99dd528b2ea4789",
    },
    // T2: comma, slash, plus, equals
    Vector {
        method: "POST",
        parameters: &[("Status", "active,freeze"), ("MaxItems", "100"), ("Marker", "AAAB/+c=")],
        headers: &[("host", "ims.aliyuncs.com"), ("x-acs-action", "ListUsers"), ("x-acs-version", "2019-08-15")],
        body: "",
        query: "Marker=AAAB%2F%2Bc%3D&MaxItems=100&Status=active%2Cfreeze",
        canonical_sha256: "fbe8aa3165f0a8db23404bee621566f8f041d429991753d81739fe3d267f12d5",
        signature: "f9454cbfc9382f270c2dff25b1a34a53b5b776863e189c00fce5f9abc8e9b52c",
    },
    // T3: Unicode, space, asterisk, tilde
    Vector {
        method: "POST",
        parameters: &[("PolicyType", "Custom"), ("PolicyName", "策略 a*b~c")],
        headers: &[("host", "ram.aliyuncs.com"), ("x-acs-action", "GetPolicy"), ("x-acs-version", "2015-05-01")],
        body: "",
        query: "PolicyName=%E7%AD%96%E7%95%A5%20a%2Ab~c&PolicyType=Custom",
        canonical_sha256: "600e3f97a282faff31351b0f65c13a68bce1c23a18402a93826dc250bd4b3c2a",
        signature: "908ea9189fc37293db61c9a357dc244303a99ecd740fc0f1f5b1bcd6c482641f",
    },
    // T4: security token
    Vector {
        method: "POST",
        parameters: &[],
        headers: &[
            ("host", "sts.cn-hangzhou.aliyuncs.com"),
            ("x-acs-action", "GetCallerIdentity"),
            ("x-acs-version", "2015-04-01"),
            ("x-acs-security-token", "CAISExampleSecurityToken/+=="),
        ],
        body: "",
        query: "",
        canonical_sha256: "6696f0ca7a76fef8c1225884ef14ced102010da9a4bd08c4a705a5e049a7e465",
        signature: "13cd95b4cab7b4632b1dd3289ab07dbbbd50862087d0885e91b8471e1979ba44",
    },
    // T5: GET, an empty value, repeated lists
    Vector {
        method: "GET",
        parameters: &[
            ("Marker", ""),
            ("Tag.1.Key", "owner"),
            ("Tag.1.Value", "Zoë & co"),
            ("Tag.2.Key", "a"),
            ("Tag.10.Key", "b"),
        ],
        headers: &[
            ("host", "ims.aliyuncs.com"),
            ("x-acs-action", "ListUserBasicInfos"),
            ("x-acs-version", "2019-08-15"),
        ],
        body: "",
        query: "Marker=&Tag.1.Key=owner&Tag.1.Value=Zo%C3%AB%20%26%20co&Tag.10.Key=b&Tag.2.Key=a",
        canonical_sha256: "47130fa763d96320e6b00c59ab269432b0b33af1e7913e19c934e63ba0e527a7",
        signature: "2e810eecfb5f33b727c8116e448d30fb2617c7d2edfe029fb37e04df9f62d439",
    },
    // T6: form body
    Vector {
        method: "POST",
        parameters: &[],
        headers: &[
            ("host", "sts.aliyuncs.com"),
            ("x-acs-action", "AssumeRole"),
            ("x-acs-version", "2015-04-01"),
            ("content-type", "application/x-www-form-urlencoded"),
        ],
        body: "DurationSeconds=3600&RoleArn=acs%3Aram%3A%3A123456789012%2A%2A%2A%2A%3Arole%2Fadminrole&RoleSessionName=alice",
        query: "",
        canonical_sha256: "974c129b31f806dc8c1588232ef03e6a49f08e508c436baaa50b6a77cfdcfbc4",
        signature: "50c69806754d594a769fb887e54fba43c8889a34c99eb2f8c63d63fac2880745",
    },
    // T7: as the Python package signs, with accept and user-agent
    Vector {
        method: "POST",
        parameters: &[("MaxItems", "1000")],
        headers: &[
            ("host", "ram.aliyuncs.com"),
            ("x-acs-action", "ListRoles"),
            ("x-acs-version", "2015-05-01"),
            ("accept", "application/json"),
            ("user-agent", "demo/1.0"),
        ],
        body: "",
        query: "MaxItems=1000",
        canonical_sha256: "544f1318c6d5e73ba48ed3019c3139ed9971a3a42ec619e5e6007fd44cf6e327",
        signature: "d906136fa794cf53c92f67d2d9c3fe31e55879cb297b25b18f5bd49c912b0250",
    },
];

#[test]
fn every_stage_agrees_with_the_vectors() {
    for vector in VECTORS {
        let query = canonical_query(vector.parameters);
        assert_eq!(query, vector.query);
        let body_sha256 = super::hex_sha256(vector.body.as_bytes());
        let mut headers = vector.headers.to_vec();
        headers.extend([
            ("x-acs-date", DATE),
            ("x-acs-signature-nonce", NONCE),
            ("x-acs-content-sha256", body_sha256.as_str()),
        ]);
        let request = CanonicalRequest::new(vector.method, &query, &headers, vector.body.as_bytes());
        assert_eq!(request.sha256(), vector.canonical_sha256, "{query}");
        assert_eq!(request.signature(&Secret::new(SECRET)), vector.signature, "{query}");
    }
}

#[test]
fn signing_reproduces_the_published_example() {
    let credentials = Credentials {
        access_key_id: "YourAccessKeyId".into(),
        access_key_secret: Secret::new("YourAccessKeySecret"),
        security_token: None,
    };
    let query = canonical_query(&[
        ("RegionId", "cn-shanghai"),
        ("ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"),
    ]);
    assert_eq!(query, "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai");
    let call =
        Unsigned { host: "ecs.cn-shanghai.aliyuncs.com", action: "RunInstances", version: "2014-05-26", query: &query };
    let date: Timestamp = "2023-10-26T10:22:32Z".parse().unwrap();

    let headers = sign(&call, &credentials, date, "3156853299f313e23d1673dc12e1703d");

    let value = |name: &str| headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str()).unwrap();
    assert_eq!(value("x-acs-date"), "2023-10-26T10:22:32Z");
    assert_eq!(value("x-acs-content-sha256"), EMPTY_SHA256);
    assert_eq!(
        value("authorization"),
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;\
         x-acs-signature-nonce;x-acs-version,\
         Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    );
    let covered: Vec<(&str, &str)> =
        headers.iter().filter(|(name, _)| *name != "authorization").map(|(n, v)| (*n, v.as_str())).collect();
    assert_eq!(
        CanonicalRequest::new("POST", &query, &covered, b"").sha256(),
        "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
    );
}

#[test]
fn a_security_token_is_sent_and_signed() {
    let credentials = Credentials {
        access_key_id: "LTAI5tExampleAccessKeyId".into(),
        access_key_secret: Secret::new(SECRET),
        security_token: Some(Secret::new("CAISExampleSecurityToken/+==")),
    };
    let call = Unsigned {
        host: "sts.cn-hangzhou.aliyuncs.com",
        action: "GetCallerIdentity",
        version: "2015-04-01",
        query: "",
    };
    let headers = sign(&call, &credentials, DATE.parse().unwrap(), NONCE);
    let (_, authorization) = headers.last().unwrap();
    assert!(authorization.contains("x-acs-date;x-acs-security-token;x-acs-signature-nonce"), "{authorization}");
    assert!(
        authorization.ends_with("Signature=13cd95b4cab7b4632b1dd3289ab07dbbbd50862087d0885e91b8471e1979ba44"),
        "{authorization}"
    );
}

proptest! {
    #[test]
    fn percent_encoding_round_trips_through_an_independent_decoder(name in ".{1,20}", value in ".{0,60}") {
        let query = canonical_query(&[(&name, &value)]);
        prop_assert!(query.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~%=".contains(&b)));
        let url = reqwest::Url::parse(&format!("http://localhost/?{query}")).unwrap();
        prop_assert_eq!(url.query(), Some(query.as_str()));
        let decoded: Vec<(String, String)> =
            url.query_pairs().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        prop_assert_eq!(decoded, vec![(name, value)]);
    }

    #[test]
    fn the_order_of_parameters_does_not_change_what_is_signed(
        parameters in proptest::collection::btree_map("[A-Za-z.0-9]{1,12}", ".{0,12}", 0..6),
        turn in 0usize..6,
    ) {
        let sorted: Vec<(&str, &str)> = parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let mut turned = sorted.clone();
        turned.reverse();
        if !turned.is_empty() {
            let by = turn % turned.len();
            turned.rotate_left(by);
        }
        let signature = |query: &str| CanonicalRequest::new("POST", query, &[("host", "h")], b"")
            .signature(&Secret::new(SECRET));
        prop_assert_eq!(signature(&canonical_query(&sorted)), signature(&canonical_query(&turned)));
    }
}
