//! No secret leaves (P8): canaries in the place of every credential, and a search through everything that comes out.
//!
//! What takes a broker and a registry is tried in `tests/real/secrets.rs`.

mod canaries;
mod chain;
mod forms;
mod program;

use std::fmt::Debug;
use std::path::Path;
use std::time::Duration;

use canaries::{
    ACCESS_KEY_SECRET, BEARER_TOKEN, KEY_PASSWORD, PROXY_PASSWORD, REGISTRY_PASSWORD, SASL_PASSWORD, SECURITY_TOKEN,
};
use program::{command, echo, end, run};
use ramstream::alicloud::{Credentials, CredentialsSource, EndpointSettings, Endpoints, ExchangeSettings, Settings};
use ramstream::config::{self, Purpose};
use ramstream::kafka::registry::{Registry, RegistryAuth, RegistryMode, RegistrySettings};
use ramstream::secret::Secret;
use ramstream::simulator;

const AT_MOST: Duration = Duration::from_secs(60);
/// Enough to try to log in.
const A_WHILE: Duration = Duration::from_secs(8);

const CLOUD: [(&str, &str); 4] = [
    ("RAMSTREAM_ACCOUNT__ID", "5481250658560000"),
    ("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tExample"),
    ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ACCESS_KEY_SECRET),
    ("ALIBABA_CLOUD_SECURITY_TOKEN", SECURITY_TOKEN),
];

const KAFKA: [(&str, &str); 6] = [
    ("RAMSTREAM_KAFKA__BROKERS", "127.0.0.1:1"),
    ("RAMSTREAM_KAFKA__SECURITY_PROTOCOL", "sasl_plaintext"),
    ("RAMSTREAM_KAFKA__SASL_USERNAME", "user"),
    ("RAMSTREAM_KAFKA__SASL_PASSWORD", SASL_PASSWORD),
    ("RAMSTREAM_KAFKA__SSL_KEY_PASSWORD", KEY_PASSWORD),
    ("RAMSTREAM_REGISTRY__USERNAME", "user"),
];

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

#[test]
fn a_checked_configuration_shows_no_secret_wherever_it_was_given() {
    let directory = directory();
    let address =
        [("RAMSTREAM_REGISTRY__URL", "https://registry"), ("RAMSTREAM_REGISTRY__PASSWORD", REGISTRY_PASSWORD)];
    let variables = [&CLOUD[..], &KAFKA, &address].concat();
    let checked = run(command(directory.path(), &["config", "check"], &variables), directory.path(), AT_MOST);
    assert_eq!(checked.code, Some(0), "{}", checked.text);
    assert!(checked.text.matches("[secret]").count() >= 6, "{}", checked.text);

    let file = format!(
        "account.id = \"5481250658560000\"\ncredentials.access_key_id = \"LTAI\"\n\
         credentials.access_key_secret = {ACCESS_KEY_SECRET:?}\ncredentials.security_token = {SECURITY_TOKEN:?}\n\
         kafka.brokers = [\"kafka:9093\"]\nregistry.url = \"https://registry\"\nregistry.bearer_token = {BEARER_TOKEN:?}\n"
    );
    std::fs::write(directory.path().join("ramstream.toml"), &file).expect("a file");
    let checked = run(command(directory.path(), &["config", "check"], &[]), directory.path(), AT_MOST);
    assert_eq!(checked.code, Some(0), "{}", checked.text);
}

#[test]
fn a_refused_configuration_shows_no_secret_whatever_is_wrong_with_it() {
    let lines = [
        format!("credentials.access_key_secret = \"{ACCESS_KEY_SECRET}"),
        format!("credentials.access_key_secret = {ACCESS_KEY_SECRET}"),
        format!("credentials.access_key_secret = [\"{ACCESS_KEY_SECRET}\"]"),
        format!("credentials.access_key_secret = \"{ACCESS_KEY_SECRET}\\n\""),
        format!("credentials.access_key_secret = \"{ACCESS_KEY_SECRET}\\q\""),
        format!("credentials.access_key_secret = {{ value = \"{ACCESS_KEY_SECRET}\" }}"),
        format!("credentials.access_key_secrets = \"{ACCESS_KEY_SECRET}\""),
        format!(
            "credentials.access_key_secret = \"{ACCESS_KEY_SECRET}\"\ncredentials.access_key_secret = \"{ACCESS_KEY_SECRET}\""
        ),
        format!("kafka.sasl_password = \"{SASL_PASSWORD}\"\nkafka.sasl_password_file = \"/dev/null\""),
        format!("kafka.sasl_password = \"{SASL_PASSWORD}\""),
        format!("kafka.sasl_passwort = \"{SASL_PASSWORD}\""),
        format!("kafka.brokers = [\"user:{SASL_PASSWORD}@kafka:9093\"]"),
        format!("kafka.properties.\"sasl.password\" = \"{SASL_PASSWORD}\""),
        format!("kafka.properties.\"ssl.keystore.password\" = \"{KEY_PASSWORD}\""),
        format!("kafka.properties.\"ssl.kee.password\" = \"{KEY_PASSWORD}\""),
        format!("kafka.properties.\"socket.timeout.ms\" = \"{KEY_PASSWORD}\""),
        format!("registry.password = \"{REGISTRY_PASSWORD}\""),
        format!("registry.bearer_token = \"{BEARER_TOKEN}\"\nregistry.username = \"user\""),
        format!("registry.url = \"https://user:{PROXY_PASSWORD}@registry\""),
        format!("registry.url = \"https://registry?token={PROXY_PASSWORD}\""),
        format!("alicloud.proxy = \"http://user:{PROXY_PASSWORD}@proxy:3128\""),
        format!("alicloud.proxy = \"http://user:{PROXY_PASSWORD}@pro xy:3128\""),
        format!("alicloud.endpoints.ims = \"https://user:{PROXY_PASSWORD}@ims\""),
    ];
    for line in lines {
        let directory = directory();
        std::fs::write(directory.path().join("ramstream.toml"), format!("{line}\n")).expect("a file");
        for arguments in [&["config", "check"][..], &["inventory"], &["verify"], &["run", "--once"]] {
            let refused = run(command(directory.path(), arguments, &[]), directory.path(), AT_MOST);
            assert_eq!(refused.code, Some(64), "{line}: {}", refused.text);
        }
    }
}

#[test]
fn whatever_answers_with_what_it_was_sent_gets_no_secret_into_a_log() {
    let address = format!("http://{}", echo());
    let services = [
        ("RAMSTREAM_ALICLOUD__ENDPOINTS__STS", address.as_str()),
        ("RAMSTREAM_ALICLOUD__ENDPOINTS__IMS", &address),
        ("RAMSTREAM_ALICLOUD__ENDPOINTS__RAM", &address),
        ("RAMSTREAM_ALICLOUD__ENDPOINTS__RESOURCE_MANAGER", &address),
        ("RAMSTREAM_REGISTRY__URL", &address),
        ("RUST_LOG", "trace,librdkafka=trace,rdkafka=trace,hyper=trace,hyper_util=trace,reqwest=trace"),
        ("RUST_BACKTRACE", "full"),
    ];
    let password = [("RAMSTREAM_REGISTRY__PASSWORD", REGISTRY_PASSWORD)];
    let token = [("RAMSTREAM_REGISTRY__BEARER_TOKEN", BEARER_TOKEN)];
    let login = [&KAFKA[..], &password].concat();
    let bearer = [&KAFKA[..5], &token].concat();
    let everywhere = [(&login, "text"), (&login, "json"), (&bearer, "text"), (&bearer, "json")];
    // Those that wait for brokers do so until they are ended: all at once.
    std::thread::scope(|scope| {
        for (registry, format) in everywhere {
            for arguments in [&["inventory"][..], &["verify"], &["run", "--once"], &["check"], &["schemas", "register"]]
            {
                let variables = [&CLOUD[..], registry, &services, &[("RAMSTREAM_LOG__FORMAT", format)]].concat();
                scope.spawn(move || fails_without_a_secret(arguments, &variables));
            }
        }
    });
}

fn fails_without_a_secret(arguments: &[&str], variables: &[(&str, &str)]) {
    let directory = directory();
    let failed = run(command(directory.path(), arguments, variables), directory.path(), A_WHILE);
    assert_ne!(failed.code, Some(0), "{arguments:?}: {}", failed.text);
    assert!(!failed.text.is_empty(), "{arguments:?} says why");
    only_the_output_in(directory.path());
}

#[test]
fn a_reading_that_goes_well_shows_no_secret_at_any_level() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let settings = simulator::Settings {
        access_key_id: Some("LTAI5tExample".to_owned()),
        access_key_secret: Some(Secret::new(ACCESS_KEY_SECRET)),
        ..simulator::Settings::default()
    };
    shows_nothing(&settings);
    let running = runtime.block_on(simulator::start(settings)).expect("it starts");
    shows_nothing(&running);
    let address = format!("http://{}", running.http);
    let services = [
        ("RAMSTREAM_ACCOUNT__ID", running.account_id.as_str()),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tExample"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", ACCESS_KEY_SECRET),
        ("RAMSTREAM_ALICLOUD__ENDPOINTS__STS", &address),
        ("RAMSTREAM_ALICLOUD__ENDPOINTS__IMS", &address),
        ("RAMSTREAM_ALICLOUD__ENDPOINTS__RAM", &address),
        ("RAMSTREAM_ALICLOUD__ENDPOINTS__RESOURCE_MANAGER", &address),
        ("RUST_LOG", "trace,hyper=trace,hyper_util=trace,reqwest=trace"),
    ];
    let directory = directory();
    let read = run(command(directory.path(), &["inventory", "--format", "json"], &services), directory.path(), AT_MOST);
    assert_eq!(read.code, Some(0), "{}", read.text);
    assert!(read.text.contains("TRACE"), "the log is as deep as it goes");

    // A wrong secret of the same key: the service answers with the string that was to be signed.
    let mut wrong = services;
    wrong[2].1 = REGISTRY_PASSWORD;
    let refused = run(command(directory.path(), &["inventory"], &wrong), directory.path(), AT_MOST);
    assert!(refused.text.contains("SignatureDoesNotMatch"), "{}", refused.text);
}

#[test]
fn debug_output_of_whatever_holds_a_secret_shows_none() {
    let credentials = || Credentials {
        access_key_id: "LTAI".to_owned(),
        access_key_secret: Secret::new(ACCESS_KEY_SECRET),
        security_token: Some(Secret::new(SECURITY_TOKEN)),
    };
    shows_nothing(&credentials());
    shows_nothing(&CredentialsSource::Static(credentials()));
    let endpoints = Endpoints::new(&EndpointSettings::default()).expect("the defaults are fine");
    let mut settings = Settings::new(CredentialsSource::Static(credentials()), endpoints);
    settings.exchange.proxy = Some(format!("http://user:{PROXY_PASSWORD}@proxy:3128"));
    shows_nothing(&settings.exchange);
    shows_nothing(&settings);
    let client = ramstream::alicloud::Client::new(settings, "5481250658560000").expect("the settings are fine");
    shows_nothing(&client);
    let broken = ExchangeSettings { proxy: Some(format!("://{PROXY_PASSWORD}")), ..ExchangeSettings::default() };
    shows_nothing(&broken);

    for auth in [
        RegistryAuth::Basic { username: "user".to_owned(), password: REGISTRY_PASSWORD.to_owned() },
        RegistryAuth::Bearer { token: BEARER_TOKEN.to_owned() },
    ] {
        let settings = RegistrySettings {
            urls: vec!["https://registry".to_owned()],
            auth,
            ca_pem: None,
            timeout: A_WHILE,
            mode: RegistryMode::Lookup,
        };
        shows_nothing(&settings);
        assert!(Registry::new(settings).is_ok());
    }
    let mut connection = ramstream::kafka::Connection::new(vec!["kafka:9093".to_owned()]);
    connection.properties.insert("sasl.password".to_owned(), SASL_PASSWORD.to_owned());
    shows_nothing(&connection);

    let loaded = loaded();
    shows_nothing(&loaded);
    shows_nothing(&loaded.config);
    let publishing = loaded.config.publishing.as_ref().expect("it is given");
    shows_nothing(&publishing.kafka.connection_properties());
}

/// A configuration with every credential, given in the environment.
fn loaded() -> config::Loaded {
    let registry =
        [("RAMSTREAM_REGISTRY__URL", "https://registry"), ("RAMSTREAM_REGISTRY__PASSWORD", REGISTRY_PASSWORD)];
    let given = [&CLOUD[..], &KAFKA, &registry].concat().into_iter();
    let variables = given.map(|(name, value)| (name.into(), value.into()));
    config::load_from_variables(variables, Purpose::Publishing).expect("it is fine")
}

/// No input makes the program itself panic. So a process of its own loads what the program loads and panics with all of it
/// in its message, as an `expect` would have it, and in its frames.
#[test]
fn a_panic_of_a_process_that_holds_every_credential_shows_none() {
    const IS_CHILD: &str = "PANICS_WITH_EVERY_CREDENTIAL";
    if std::env::var_os(IS_CHILD).is_some() {
        let loaded = loaded();
        let properties = loaded.config.publishing.as_ref().expect("it is given").kafka.connection_properties();
        panic!("a planted panic: {:?}", (properties, loaded));
    }
    let name = "a_panic_of_a_process_that_holds_every_credential_shows_none";
    let mut child = std::process::Command::new(std::env::current_exe().expect("this test"));
    child.args([name, "--exact", "--nocapture"]).env(IS_CHILD, "1").env("RUST_BACKTRACE", "full");
    let output = child.output().expect("it runs");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!output.status.success() && said.contains("panicked at"), "{said}");
    assert!(said.contains("a planted panic: (") && said.contains("5481250658560000"), "it has all of it: {said}");
    assert!(said.contains("stack backtrace"), "{said}");
    canaries::none_in("a panic", &said);
}

#[cfg(target_os = "linux")]
#[test]
fn no_command_leaves_a_core_dump() {
    let registry =
        [("RAMSTREAM_REGISTRY__URL", "http://127.0.0.1:1"), ("RAMSTREAM_REGISTRY__PASSWORD", REGISTRY_PASSWORD)];
    let listens = [("RAMSTREAM_LISTEN__METRICS", "127.0.0.1:0"), ("RAMSTREAM_LISTEN__ADMIN", "off")];
    // The daemon looks for its brokers until it is ended.
    let variables = [&CLOUD[..], &KAFKA, &registry, &listens].concat();
    for (arguments, variables) in
        [(&["simulate", "--http", "0", "--control", "0"][..], &[][..]), (&["run"][..], &variables)]
    {
        let directory = directory();
        let mut command = command(directory.path(), arguments, variables);
        let (mut says, output) = std::io::pipe().expect("a pipe");
        let both = output.try_clone().expect("a pipe");
        let mut child = command.stdout(output).stderr(both).spawn().expect("it starts");
        let read = std::io::Read::read(&mut says, &mut [0; 1]);
        assert_eq!(read.expect("it says that it runs"), 1, "{arguments:?}");
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id()));
        end(&mut child);
        let limits = limits.expect("a Linux");
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).expect("the limit");
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"], "{arguments:?}: {line}");
    }
}

#[track_caller]
fn shows_nothing(value: &impl Debug) {
    canaries::none_in("a debug output", &format!("{value:?}\n{value:#?}"));
}

fn only_the_output_in(directory: &Path) {
    let files: Vec<_> =
        std::fs::read_dir(directory).expect("a directory").flatten().map(|file| file.file_name()).collect();
    assert_eq!(files, ["output"], "no file was written");
}
