//! Every link of the chain of credentials, each with canaries: what it is configured with, and what it is given.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use ramstream::alicloud::{
    AssumedRole, CliProfile, Credentials, CredentialsSource, CredentialsUri, EcsRole, EcsSettings, OidcRole,
    OidcSettings, RoleSettings,
};
use ramstream::config::{self, Purpose};
use ramstream::secret::Secret;

use crate::canaries::{
    self, ACCESS_KEY_SECRET, EXTERNAL_ID, ISSUED_SECRET, ISSUED_TOKEN, METADATA_TOKEN, OIDC_TOKEN, SECURITY_TOKEN,
    URI_PATH,
};
use crate::program::{command, run};

const AT_MOST: Duration = Duration::from_secs(60);
const ROLE: &str = "acs:ram::5481250658560000:role/reader";

/// Gives credentials in every way in which they are given, and refuses everything else with what it was sent.
fn giver() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut request = Vec::new();
                let mut chunk = [0; 4096];
                while !is_whole(&request) {
                    match stream.read(&mut chunk) {
                        Ok(read) if read > 0 => request.extend_from_slice(&chunk[..read]),
                        _ => return,
                    }
                }
                let (status, body) = answer(&String::from_utf8_lossy(&request));
                let head = "Date: Thu, 01 Jan 2026 12:00:00 GMT\r\nConnection: close\r\n";
                // Who has gone away does not want to know.
                write!(stream, "HTTP/1.1 {status} X\r\n{head}Content-Length: {}\r\n\r\n{body}", body.len()).ok();
            });
        }
    });
    address
}

fn is_whole(request: &[u8]) -> bool {
    let request = String::from_utf8_lossy(request);
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn answer(request: &str) -> (u16, String) {
    let expiration = "2099-01-01T00:00:00Z";
    let issued = serde_json::json!({
        "Code": "Success", "AccessKeyId": "STS.given", "AccessKeySecret": ISSUED_SECRET,
        "SecurityToken": ISSUED_TOKEN, "Expiration": expiration,
    });
    if request.starts_with("PUT /latest/api/token") {
        (200, METADATA_TOKEN.to_owned())
    } else if request.starts_with("GET /latest/meta-data/ram/security-credentials/ ") {
        (200, "reader".to_owned())
    } else if request.starts_with("GET /") {
        (200, issued.to_string())
    } else if request.contains("AssumeRole") && !request.contains("refused") {
        (200, serde_json::json!({ "Credentials": issued }).to_string())
    } else {
        let message = serde_json::json!({ "Code": "InvalidParameter.Odd", "Message": request });
        (400, message.to_string())
    }
}

#[test]
fn no_link_of_the_chain_lets_out_what_it_was_given_at_any_level() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let token_file = file("token", OIDC_TOKEN);
    let profile = |mode: &str| {
        let profile = serde_json::json!({
            "name": "canary", "mode": mode, "access_key_id": "LTAI", "access_key_secret": ACCESS_KEY_SECRET,
            "sts_token": SECURITY_TOKEN, "ram_role_arn": ROLE, "external_id": EXTERNAL_ID,
            "oidc_provider_arn": "acs:ram::5481250658560000:oidc-provider/p", "oidc_token_file": token_file,
            "process_command": format!("echo {ISSUED_SECRET}"),
        });
        file(&format!("{mode}.json"), &serde_json::json!({ "current": "canary", "profiles": [profile] }).to_string())
    };
    let uri = format!("http://{}/{URI_PATH}", giver());
    let mut chains = vec![
        vec![("CREDENTIALS__SOURCE", "ecs".to_owned())],
        vec![("CREDENTIALS__URI", uri.clone())],
        vec![("CREDENTIALS__URI", uri.clone()), ("CREDENTIALS__ASSUME_ROLE__ROLE_ARN", ROLE.to_owned())],
        // Refused by STS, with everything that it was sent.
        vec![
            ("CREDENTIALS__URI", uri),
            ("CREDENTIALS__ASSUME_ROLE__ROLE_ARN", ROLE.to_owned()),
            ("CREDENTIALS__ASSUME_ROLE__EXTERNAL_ID", EXTERNAL_ID.to_owned()),
            ("CREDENTIALS__ASSUME_ROLE__SESSION_NAME", "refused".to_owned()),
        ],
        vec![
            ("CREDENTIALS__OIDC__ROLE_ARN", ROLE.to_owned()),
            ("CREDENTIALS__OIDC__PROVIDER_ARN", "acs:ram::5481250658560000:oidc-provider/p".to_owned()),
            ("CREDENTIALS__OIDC__TOKEN_FILE", token_file.clone()),
            ("CREDENTIALS__OIDC__SESSION_NAME", "refused".to_owned()),
        ],
        vec![("CREDENTIALS__URI", format!("ftp://{URI_PATH}"))],
    ];
    for mode in ["AK", "StsToken", "RamRoleArn", "OIDC", "External"] {
        chains.push(vec![("CREDENTIALS__PROFILE__FILE", profile(mode))]);
    }
    let address = format!("http://{}", giver());
    let levels = "trace,hyper=trace,hyper_util=trace,reqwest=trace";
    std::thread::scope(|scope| {
        for chain in &chains {
            for format in ["text", "json"] {
                let address = &address;
                scope.spawn(move || {
                    let directory = tempfile::tempdir().expect("a directory");
                    let mut read = command(directory.path(), &["inventory"], &[("RUST_LOG", levels)]);
                    read.env("RAMSTREAM_ACCOUNT__ID", "5481250658560000").env("RAMSTREAM_LOG__FORMAT", format);
                    for service in ["STS", "IMS", "RAM", "RESOURCE_MANAGER", "ECS_METADATA"] {
                        read.env(format!("RAMSTREAM_ALICLOUD__ENDPOINTS__{service}"), address);
                    }
                    for (key, value) in chain {
                        read.env(format!("RAMSTREAM_{key}"), value);
                    }
                    let failed = run(read, directory.path(), AT_MOST);
                    assert!(failed.code.is_some_and(|code| code != 0), "{chain:?}: {}", failed.text);
                });
            }
        }
    });
}

#[test]
fn debug_and_display_of_every_link_show_nothing() {
    let role = RoleSettings {
        role_arn: ROLE.to_owned(),
        session_name: "s".to_owned(),
        external_id: Some(Secret::new(EXTERNAL_ID)),
        policy: None,
        duration: RoleSettings::DURATION,
    };
    let key = || Credentials {
        access_key_id: "LTAI".to_owned(),
        access_key_secret: Secret::new(ACCESS_KEY_SECRET),
        security_token: Some(Secret::new(SECURITY_TOKEN)),
    };
    let address = format!("https://127.0.0.1/{URI_PATH}?token={URI_PATH}").parse().expect("an address");
    let ecs = EcsSettings {
        address: "http://127.0.0.1".parse().expect("an address"),
        role: None,
        allow_v1: false,
        is_chosen: true,
    };
    let oidc = OidcSettings { role: role.clone(), provider_arn: "p".to_owned(), token_file: "/no/such".into() };
    let sources = [
        CredentialsSource::Environment(key()),
        CredentialsSource::Oidc(OidcRole::new(oidc)),
        CredentialsSource::EcsMetadata(EcsRole::new(ecs.clone()).expect("a client")),
        CredentialsSource::Profile(CliProfile::new("/no/such".into(), None, ecs)),
        CredentialsSource::Uri(CredentialsUri::new(address).expect("a client")),
        CredentialsSource::AssumeRole(Box::new(AssumedRole::new(CredentialsSource::Static(key()), role))),
    ];
    for source in sources {
        canaries::none_in("a source", &format!("{source} {source:?} {source:#?}"));
    }
    let given = [
        ("RAMSTREAM_ACCOUNT__ID", "5481250658560000"),
        ("RAMSTREAM_CREDENTIALS__ASSUME_ROLE__ROLE_ARN", ROLE),
        ("RAMSTREAM_CREDENTIALS__ASSUME_ROLE__EXTERNAL_ID", EXTERNAL_ID),
        ("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1/canary-uri-path"),
    ];
    let variables = given.map(|(name, value)| (name.into(), value.into()));
    let loaded = config::load_from_variables(variables, Purpose::Reading).expect("it is fine");
    canaries::none_in("a configuration", &format!("{loaded:?} {loaded:#?}"));
}
