use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use super::source::{self, variable_of};
use super::{
    AccessKey, Config, Credentials, EXAMPLE, Ecs, Loaded, Network, Origin, Problem, Purpose, Refused, RegistryAuth,
    Source, validate,
};
use crate::secret::Secret;

const MINIMAL: &str = r#"
    [account]
    id = "1234567890123456"
    [credentials]
    access_key_id = "LTAI5tExample"
    access_key_secret = "canary-secret"
    [kafka]
    brokers = ["kafka:9093"]
    [registry]
    url = "https://registry:8081"
"#;

fn load_as(scope: Purpose, text: &str, variables: &[(&str, &str)]) -> Result<Loaded, Refused> {
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    validate(&source::gather(Some((Path::new("test.toml"), text)), variables), scope, None)
}

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, Refused> {
    load_as(Purpose::Publishing, text, variables)
}

/// The minimal file, changed by variables only.
fn config(variables: &[(&str, &str)]) -> Config {
    load(MINIMAL, variables).unwrap().config
}

fn problems(text: &str, variables: &[(&str, &str)]) -> Vec<Problem> {
    load(text, variables).unwrap_err().problems
}

/// The problems of the minimal file when `lines` are added at its end.
fn problems_with(lines: &str) -> Vec<Problem> {
    problems(&format!("{MINIMAL}\n{lines}"), &[])
}

fn only(problems: Vec<Problem>) -> Problem {
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems.into_iter().next().unwrap()
}

/// The example with its commented lines made real: those that hold a default, and the others if `examples_too`.
fn example_made_real(examples_too: bool) -> String {
    let is_default = |line: &&str| line.starts_with(|first: char| first.is_ascii_lowercase());
    let real = |line: &'static str| match (line.strip_prefix("#: "), line.strip_prefix('#').filter(is_default)) {
        (Some(example), _) if examples_too => example,
        (_, Some(default)) => default,
        _ => line,
    };
    EXAMPLE.lines().map(|line| format!("{}\n", real(line))).collect()
}

fn with_credentials(text: &str) -> Result<Loaded, Refused> {
    load(text, &[("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tExample"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")])
}

#[test]
fn the_example_works_and_its_commented_defaults_are_the_defaults_of_the_code() {
    let as_printed = with_credentials(EXAMPLE).unwrap().config;
    let written_out = example_made_real(false);
    assert_ne!(written_out, EXAMPLE);
    assert_eq!(with_credentials(&written_out).unwrap().config, as_printed);
}

#[test]
fn the_example_holds_every_key_of_the_schema_with_its_variable_and_no_other() {
    let everything = example_made_real(true);
    let given = source::gather(Some((Path::new("example.toml"), &everything)), []);
    assert!(given.problems.is_empty(), "{:?}", given.problems);
    let in_example: BTreeSet<_> = given.entries.keys().cloned().collect();

    let loaded = load(MINIMAL, &[("RAMSTREAM_KAFKA__PROPERTIES__CLIENT_RACK", "x")]).unwrap();
    let in_schema: BTreeSet<_> = loaded.settings.iter().map(|setting| setting.key.clone()).collect();
    assert_eq!(in_example, in_schema);
    for key in in_schema {
        assert!(EXAMPLE.contains(&format!("# {}\n", variable_of(&key))), "{key}");
    }
}

#[test]
fn the_examples_of_keys_without_a_default_are_themselves_right() {
    let everything = example_made_real(true);
    // Files that are not here and both of two alternatives are the only mistakes left.
    let expected =
        ["No such file", "are mixed", "is given as well", "without effect", "a login is given", "is missing"];
    for problem in with_credentials(&everything).unwrap_err().problems {
        assert!(expected.iter().any(|part| problem.reason.contains(part)), "{problem}");
    }
}

#[test]
fn every_key_can_be_set_by_its_variable() {
    let settings = load(MINIMAL, &[]).unwrap().settings;
    for setting in settings {
        let name = variable_of(&setting.key);
        let given = source::gather(None, [(OsString::from(&name), OsString::from("x"))]);
        let entry = given.entries.get(&setting.key).unwrap_or_else(|| panic!("{name} is not {}", setting.key));
        assert_eq!(entry.origin, Origin::Environment { name });
    }
}

#[test]
fn the_environment_outranks_the_file_and_needs_no_file() {
    let config = config(&[
        ("RAMSTREAM_SYNC__INTERVAL", "90s"),
        ("RAMSTREAM_KAFKA__BROKERS", "a:1, b:2"),
        ("RAMSTREAM_ALICLOUD__ENDPOINTS__RAM", "http://127.0.0.1:8080"),
        ("RAMSTREAM_KAFKA__CREATE_TOPICS", "false"),
        ("RAMSTREAM_ALICLOUD__RATE_SHARE", "1"),
    ]);
    assert_eq!(config.sync.interval, Some(Duration::from_secs(90)));
    let kafka = config.publishing.unwrap().kafka;
    assert_eq!(kafka.brokers, ["a:1", "b:2"]);
    assert!(!kafka.create_topics);
    assert_eq!(config.alicloud.endpoints.ram.unwrap().as_str(), "http://127.0.0.1:8080/");

    let variables = [
        ("RAMSTREAM_ACCOUNT__ID", "1234567890123456"),
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tExample"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s"),
        ("RAMSTREAM_KAFKA__BROKERS", "kafka:9093"),
        ("RAMSTREAM_REGISTRY__URL", "https://registry:8081"),
    ];
    assert!(load("", &variables).is_ok());
}

#[test]
fn all_mistakes_are_told_together_each_with_key_origin_reason_and_mend() {
    let text = "[sync]\ninterval = 5\nintervall = \"5m\"\n[alicloud]\nnetwork = \"moon\"\n";
    let refused = load(text, &[("RAMSTREAM_LISTEN__METRICS", "here"), NO_INSTANCE]).unwrap_err();
    let told = refused.to_string();
    let expected = [
        "account.id: is missing",
        "aliyun sts GetCallerIdentity",
        "alicloud.network (test.toml:5): \"moon\" is not known here",
        "write one of \"public\", \"vpc\"",
        "sync.interval (test.toml:2): 5 has no unit",
        "sync.intervall (test.toml:3): unknown key",
        "did you mean sync.interval?",
        "kafka.brokers: is missing",
        "RAMSTREAM_KAFKA__BROKERS",
        "registry.url: is missing",
        "listen.metrics (RAMSTREAM_LISTEN__METRICS): \"here\" is not an IP address with a port",
        "credentials: no credentials are given",
    ];
    for part in expected {
        assert!(told.contains(part), "{part:?} is missing in:\n{told}");
    }
    assert!(refused.problems.iter().all(|problem| !problem.mend.is_empty()));
    assert_eq!(refused.problems.len(), 8, "{told}");
}

#[test]
fn unknown_variables_are_refused_with_the_name_that_was_meant() {
    let mend = |name| only(problems(MINIMAL, &[(name, "5m")])).mend;
    assert_eq!(mend("RAMSTREAM_SYNC_INTERVAL"), "did you mean RAMSTREAM_SYNC__INTERVAL?");
    assert_eq!(mend("RAMSTREAM_SYNC__INTERVALL"), "did you mean RAMSTREAM_SYNC__INTERVAL?");
    assert!(mend("RAMSTREAM_XYZZY").contains("unset it"));
    assert!(only(problems(MINIMAL, &[("RAMSTREAM_SYNC", "5m")])).reason.contains("a section"));
}

#[test]
fn variables_that_kubernetes_makes_for_a_service_called_ramstream_are_no_mistake() {
    let variables = [
        ("RAMSTREAM_SERVICE_HOST", "10.0.0.1"),
        ("RAMSTREAM_SERVICE_PORT", "9464"),
        ("RAMSTREAM_SERVICE_PORT_METRICS", "9464"),
        ("RAMSTREAM_PORT", "tcp://10.0.0.1:9464"),
        ("RAMSTREAM_PORT_9464_TCP", "tcp://10.0.0.1:9464"),
        ("RAMSTREAM_METRICS_PORT_9464_TCP_ADDR", "10.0.0.1"),
        ("RAMSTREAM_CONFIG", "/etc/ramstream.toml"),
        ("RAMSTREAMX", "another program's"),
    ];
    assert!(load(MINIMAL, &variables).is_ok());
}

#[test]
fn empty_variables_count_as_not_set() {
    assert_eq!(config(&[("RAMSTREAM_SYNC__INTERVAL", "")]), config(&[]));
}

#[test]
fn a_variable_that_is_not_utf8_is_a_mistake() {
    let value = OsString::from_vec(vec![0xff]);
    let given = source::gather(None, [(OsString::from("RAMSTREAM_ACCOUNT__NAME"), value)]);
    assert!(only(given.problems).reason.contains("UTF-8"));
}

#[test]
fn a_syntax_error_names_its_line_and_shows_nothing_of_it() {
    let refused = load("[credentials]\naccess_key_id = \"x\"\naccess_key_secret = canary-secret\n", &[]).unwrap_err();
    assert_eq!(refused.problems[0].origin, Some(Origin::File { path: "test.toml".into(), line: 3 }));
    assert!(!format!("{refused} {refused:?}").contains("canary"));
}

#[test]
fn durations_and_sizes_need_their_unit() {
    let interval =
        |text| load(MINIMAL, &[("RAMSTREAM_SYNC__INTERVAL", text)]).map(|loaded| loaded.config.sync.interval);
    assert_eq!(interval("1500ms").unwrap(), Some(Duration::from_millis(1500)));
    assert_eq!(interval("2h").unwrap(), Some(Duration::from_secs(7200)));
    assert_eq!(interval("1d").unwrap(), Some(Duration::from_secs(86_400)));
    assert_eq!(interval("disabled").unwrap(), None);
    for wrong in ["5", "m", "5 minutes", "-5m", "5.5m", "31d", "1ms", "99999999999999999999d"] {
        let problem = only(interval(wrong).unwrap_err().problems);
        assert!(problem.mend.contains("from \"1s\" to \"30d\", or \"disabled\""), "{problem}");
    }
    let size = |text| {
        load(MINIMAL, &[("RAMSTREAM_KAFKA__MESSAGE_MAX_BYTES", text)])
            .map(|loaded| loaded.config.publishing.unwrap().kafka.message_max_bytes)
    };
    assert_eq!(size("64KiB").unwrap(), 65_536);
    assert_eq!(size("2MB").unwrap(), 2_000_000);
    assert!(only(size("64000").unwrap_err().problems).reason.contains("64000 has no unit"));
    assert!(only(size("8GiB").unwrap_err().problems).mend.contains("MiB"));
}

#[test]
fn a_value_of_the_wrong_type_is_told_so() {
    let reason = |lines: &str| only(problems_with(lines)).reason;
    assert_eq!(reason("[listen]\nmetrics = 9464"), "an address is needed, this is an integer");
    assert_eq!(reason("[alicloud]\nconcurrency = \"many\""), "a whole number is needed, this is a text");
    assert_eq!(reason("[alicloud]\nconcurrency = 0"), "0 is out of bounds");
    assert_eq!(reason("[alicloud]\nrate_share = 1.5"), "1.5 is out of bounds");
    assert_eq!(reason("[log]\nlevel = [\"info\"]"), "a text is needed, this is a list");
    assert!(reason("[log]\nlevel = \"loud=loud=loud\"").contains("loud"));
    assert_eq!(reason("[sync.interval]\nminutes = 5"), "unknown key");
}

#[test]
fn an_account_id_may_be_a_bare_number() {
    let text = MINIMAL.replace("\"1234567890123456\"", "1234567890123456");
    assert_eq!(load(&text, &[]).unwrap().config.account.id, "1234567890123456");
    let wrong = only(problems(&MINIMAL.replace("1234567890123456", "12345678901234ab"), &[]));
    assert_eq!(wrong.key, "account.id");
}

#[test]
fn a_missing_account_can_be_looked_up_with_what_is_given() {
    let text = MINIMAL.replace("id = \"1234567890123456\"", "");
    let refused = load(&text, &[]).unwrap_err();
    let (alicloud, credentials) = *refused.account_unknown.expect("the cloud's sections are fine");
    assert_eq!(alicloud.network, Network::Public);
    assert!(matches!(credentials.source, Source::Values(key) if key.access_key_id == "LTAI5tExample"));
    assert!(load(&text.replace("LTAI5tExample", ""), &[]).unwrap_err().account_unknown.is_none());
}

#[test]
fn inside_a_vpc_the_region_or_the_address_of_sts_has_to_be_known() {
    let vpc = ("RAMSTREAM_ALICLOUD__NETWORK", "vpc");
    assert_eq!(only(problems(MINIMAL, &[vpc])).key, "alicloud.region");
    let region = config(&[vpc, ("RAMSTREAM_ALICLOUD__REGION", "cn-beijing")]).alicloud;
    assert_eq!((region.network, region.region.as_deref()), (Network::Vpc, Some("cn-beijing")));
    assert!(load(MINIMAL, &[vpc, ("RAMSTREAM_ALICLOUD__ENDPOINTS__STS", "https://sts.example")]).is_ok());
    assert_eq!(only(problems(MINIMAL, &[("RAMSTREAM_ALICLOUD__REGION", "EU (Frankfurt)")])).key, "alicloud.region");
}

#[test]
fn plain_http_leaves_this_machine_only_when_allowed() {
    let ram = "RAMSTREAM_ALICLOUD__ENDPOINTS__RAM";
    for loopback in ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"] {
        assert!(load(MINIMAL, &[(ram, loopback)]).is_ok(), "{loopback}");
    }
    let elsewhere = (ram, "http://10.0.0.1:1");
    assert!(only(problems(MINIMAL, &[elsewhere])).mend.contains("allow_plain_http"));
    assert!(load(MINIMAL, &[elsewhere, ("RAMSTREAM_ALICLOUD__ALLOW_PLAIN_HTTP", "true")]).is_ok());
}

#[test]
fn addresses_with_a_password_a_path_or_another_scheme_are_refused_unseen() {
    for wrong in ["https://user:canary@h", "ftp://canary", "canary", "https://h/canary", "https://h/?canary=1"] {
        let refused = load(MINIMAL, &[("RAMSTREAM_ALICLOUD__ENDPOINTS__IMS", wrong)]).unwrap_err();
        assert_eq!(refused.problems.len(), 1, "{refused}");
        assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused}");
    }
}

#[test]
fn half_given_and_conflicting_credentials_are_mistakes() {
    let without =
        MINIMAL.replace("access_key_id = \"LTAI5tExample\"", "").replace("access_key_secret = \"canary-secret\"", "");
    let told = |variables: &[(&str, &str)]| {
        let problem = only(problems(&without, variables));
        format!("{}: {}", problem.key, problem.reason)
    };
    let (id, secret) = ("RAMSTREAM_CREDENTIALS__ACCESS_KEY_ID", "RAMSTREAM_CREDENTIALS__ACCESS_KEY_SECRET");
    assert_eq!(told(&[(id, "a")]), "credentials.access_key_secret: is missing");
    assert_eq!(told(&[(secret, "a")]), "credentials.access_key_id: is missing");
    let not_mixed_with_theirs = [(secret, "a"), ("ALIBABA_CLOUD_ACCESS_KEY_ID", "b")];
    assert_eq!(told(&not_mixed_with_theirs), "credentials.access_key_id: is missing");
    let half = [("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "a")];
    let expected = "credentials: ALIBABA_CLOUD_ACCESS_KEY_SECRET is set, but ALIBABA_CLOUD_ACCESS_KEY_ID is not";
    assert_eq!(told(&half), expected);

    let file = secret_file(0o600, "id");
    let id_file = ("RAMSTREAM_CREDENTIALS__ACCESS_KEY_ID_FILE", path(&file));
    assert_eq!(told(&[id_file, (id, "b")]), "credentials: an AccessKey is given partly by value and partly by file");
    let absent = ("RAMSTREAM_CREDENTIALS__ACCESS_KEY_SECRET_FILE", "no/such");
    assert!(told(&[id_file, absent]).starts_with("credentials.access_key_secret_file: no/such: No such file"));
    let files = [id_file, ("RAMSTREAM_CREDENTIALS__ACCESS_KEY_SECRET_FILE", path(&file))];
    let (held, expected) = (load(&without, &files).unwrap().config.credentials, file.path().to_owned());
    let expected = Source::Files { access_key_id: expected.clone(), access_key_secret: expected, security_token: None };
    assert_eq!(held, Some(Credentials { source: expected, assume_role: None }));
}

#[test]
fn the_topics_alone_need_no_credentials_but_no_wrong_ones_either() {
    let (id, file) = ("access_key_id = \"LTAI5tExample\"", "access_key_secret_file = \"no/such\"");
    let without = MINIMAL.replace(id, "").replace("access_key_secret = \"canary-secret\"", "");
    assert!(load(&without, &[NO_INSTANCE]).is_err());
    let loaded = load_as(Purpose::Topics, &without, &[NO_INSTANCE]).unwrap();
    assert_eq!(loaded.config.credentials, None);
    assert!(loaded.config.publishing.is_some());
    let wrong = without.replace("[credentials]", &format!("[credentials]\n{file}"));
    let problem = only(load_as(Purpose::Topics, &wrong, &[]).unwrap_err().problems);
    assert_eq!(problem.key, "credentials.access_key_secret_file");
    assert_eq!(load_as(Purpose::Topics, "", &[]).unwrap_err().problems.len(), 3, "account, brokers and registry");
}

#[test]
fn the_section_outranks_alibabas_own_variables() {
    let theirs = [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "theirs"),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "x"),
        ("ALIBABA_CLOUD_SECURITY_TOKEN", "t"),
    ];
    assert_eq!(config(&theirs).credentials.unwrap().source, Source::Values(key("LTAI5tExample", "canary-secret")));
}

fn key(id: &str, secret: &str) -> AccessKey {
    AccessKey { access_key_id: id.into(), access_key_secret: Secret::new(secret), security_token: None }
}

/// Without this, the role of the instance is what is left to try.
const NO_INSTANCE: (&str, &str) = ("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");

/// The minimal file without its credentials, which come from `lines` and `variables`.
fn with_other_credentials(lines: &str, variables: &[(&str, &str)]) -> Result<Loaded, Refused> {
    let without =
        MINIMAL.replace("access_key_id = \"LTAI5tExample\"", "").replace("access_key_secret = \"canary-secret\"", "");
    // Dotted keys belong to the section that they stand in: these stand before all.
    load(&format!("{lines}\n{}", without.replace("[credentials]", "")), variables)
}

#[test]
fn the_chain_is_the_first_link_that_is_configured() {
    let home = tempfile::tempdir().unwrap();
    let home_is = ("HOME", home.path().to_str().unwrap());
    let ecs = ("ALIBABA_CLOUD_ECS_METADATA", "reader");
    let uri = ("ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1:7002/canary");
    let oidc = [
        ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/r"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p"),
        ("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/token"),
    ];
    let keys = [("ALIBABA_CLOUD_ACCESS_KEY_ID", "theirs"), ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "x")];
    let decided = |variables: &[(&str, &str)]| {
        let loaded = with_other_credentials("", variables).unwrap();
        let setting = loaded.settings.into_iter().find(|setting| setting.key == "credentials.source").unwrap();
        (loaded.config.credentials.unwrap().source, format!("{} {}", setting.shown.unwrap(), setting.origin))
    };
    // A role alone is no link: others use that variable, too.
    let (source, told) = decided(&[oidc[0]]);
    assert_eq!(source, Source::Ecs(Ecs { role: None, allow_v1: false, is_chosen: false }));
    assert_eq!(told, "ecs default");
    let (source, told) = decided(&[uri]);
    assert_eq!((source, &*told), (Source::Uri(Secret::new(uri.1)), "uri ALIBABA_CLOUD_CREDENTIALS_URI"));
    let (source, _) = decided(&[ecs, uri]);
    assert_eq!(source, Source::Ecs(Ecs { role: Some("reader".into()), allow_v1: false, is_chosen: true }));
    assert!(decided(&[ecs, uri, NO_INSTANCE]).1.starts_with("uri "));
    assert!(decided(&[ecs, home_is]).1.starts_with("ecs "));
    std::fs::create_dir(home.path().join(".aliyun")).unwrap();
    std::fs::write(home.path().join(".aliyun/config.json"), "{}").unwrap();
    assert_eq!(decided(&[ecs, home_is]).1, "profile default");
    let off = ("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true");
    assert!(decided(&[ecs, home_is, off]).1.starts_with("ecs "));
    assert_eq!(decided(&[home_is, oidc[0], oidc[1], oidc[2]]).1, "oidc ALIBABA_CLOUD_OIDC_TOKEN_FILE");
    let (source, told) = decided(&[oidc[0], oidc[1], oidc[2], keys[0], keys[1], home_is]);
    assert_eq!((source, &*told), (Source::Environment(key("theirs", "x")), "environment ALIBABA_CLOUD_ACCESS_KEY_ID"));
}

#[test]
fn a_link_that_is_half_configured_is_a_mistake_and_not_passed_over() {
    let told = |lines: &str, variables: &[(&str, &str)]| {
        let problem = only(with_other_credentials(lines, variables).unwrap_err().problems);
        format!("{problem}")
    };
    let half = [("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/token"), ("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/r")];
    assert!(told("", &half).starts_with("credentials.oidc.provider_arn: is missing"));
    let ini = told("", &[("ALIBABA_CLOUD_CREDENTIALS_FILE", "/their.ini")]);
    assert!(ini.contains("an INI file (/their.ini), which is not read"), "{ini}");
    let elsewhere = told("", &[("ALIBABA_CLOUD_CREDENTIALS_URI", "http://10.0.0.1/canary")]);
    assert!(elsewhere.contains("plain http to another machine") && !elsewhere.contains("canary"), "{elsewhere}");
    assert!(told("credentials.source = \"environment\"", &[]).contains("is set"));
    assert!(told("credentials.source = \"profile\"", &[]).contains("HOME is not set"));
    let unmet = told("credentials.source = \"uri\"\ncredentials.ecs.role = \"x\"", &[]);
    assert!(unmet.contains("credentials.source is \"uri\"") && unmet.starts_with("credentials.ecs.role"), "{unmet}");
    let mixed = told("credentials.profile.name = \"p\"\ncredentials.ecs.role = \"x\"", &[]);
    assert!(mixed.contains("mixed: profile, ecs"), "{mixed}");
    let missing = told("credentials.assume_role.external_id = \"canary\"\ncredentials.source = \"ecs\"", &[]);
    assert!(missing.starts_with("credentials.assume_role.role_arn: is missing") && !missing.contains("canary"));
    for arn in ["reader", "acs:ram::x:role/reader", "acs:ram::1:user/reader"] {
        let lines = format!("credentials.assume_role.role_arn = {arn:?}\ncredentials.source = \"ecs\"");
        assert!(told(&lines, &[]).contains("is not the ARN of a role"));
    }
}

#[test]
fn a_role_goes_on_top_of_any_source_and_its_policy_may_have_lines() {
    let lines = "[credentials.assume_role]\nrole_arn = \"acs:ram::1:role/reader\"\nduration = \"15m\"\n\
                 policy = '''{\n \"Version\": \"1\"\n}'''";
    let config = load(&format!("{MINIMAL}\n{lines}"), &[]).unwrap().config;
    let role = config.credentials.unwrap().assume_role.unwrap();
    assert_eq!((&*role.role_arn, &*role.session_name), ("acs:ram::1:role/reader", "ramstream"));
    assert_eq!((role.policy.as_deref(), role.duration), (Some("{\"Version\":\"1\"}"), Duration::from_secs(900)));
}

fn secret_file(mode: u32, text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    file
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

#[test]
fn secrets_come_from_files_without_their_line_break() {
    let file = secret_file(0o600, "a token\n");
    let auth = config(&[("RAMSTREAM_REGISTRY__BEARER_TOKEN_FILE", path(&file))]).publishing.unwrap().registry.auth;
    assert_eq!(auth, RegistryAuth::Bearer(Secret::new("a token")));
    let both = [("RAMSTREAM_REGISTRY__BEARER_TOKEN_FILE", path(&file)), ("RAMSTREAM_REGISTRY__BEARER_TOKEN", "t")];
    assert_eq!(only(problems(MINIMAL, &both)).reason, "registry.bearer_token is given as well");
}

#[test]
fn a_world_readable_secret_is_a_warning_and_a_world_writable_one_a_mistake() {
    let key = "RAMSTREAM_REGISTRY__BEARER_TOKEN_FILE";
    let readable = secret_file(0o644, "t");
    let warning = only(load(MINIMAL, &[(key, path(&readable))]).unwrap().warnings);
    assert!(warning.reason.contains("is world-readable"));
    assert!(warning.mend.contains("chmod 600"));
    let writable = secret_file(0o666, "t");
    assert!(only(problems(MINIMAL, &[(key, path(&writable))])).reason.contains("is world-writable"));
    assert!(load(MINIMAL, &[(key, path(&secret_file(0o640, "t")))]).unwrap().warnings.is_empty());
}

#[test]
fn a_configuration_file_with_a_secret_in_it_should_be_private() {
    let warnings =
        |text: &str, mode| super::load(Some(secret_file(mode, text).path()), [], Purpose::Publishing).unwrap().warnings;
    assert_eq!(only(warnings(MINIMAL, 0o644)).key, "credentials.access_key_id");
    assert!(warnings(MINIMAL, 0o600).is_empty());
}

#[test]
fn a_named_file_has_to_be_there() {
    let refused = super::load(Some(Path::new("no/such.toml")), [], Purpose::Reading).unwrap_err();
    assert!(only(refused.problems).reason.contains("cannot be read"));
}

#[test]
fn a_login_belongs_to_a_protocol_that_has_one() {
    let login = [("RAMSTREAM_KAFKA__SASL_USERNAME", "u"), ("RAMSTREAM_KAFKA__SASL_PASSWORD", "canary")];
    assert!(only(problems(MINIMAL, &login)).reason.contains("security_protocol is \"ssl\""));
    let protocol = ("RAMSTREAM_KAFKA__SECURITY_PROTOCOL", "sasl_ssl");
    let missing: Vec<_> = problems(MINIMAL, &[protocol]).into_iter().map(|problem| problem.key).collect();
    assert_eq!(missing, ["kafka.sasl_username", "kafka.sasl_password"]);
    let properties = config(&[login[0], login[1], protocol]).publishing.unwrap().kafka.connection_properties();
    let of = |name| properties.iter().find(|(known, _)| known == name).map(|(_, value)| value.expose());
    assert_eq!(of("security.protocol"), Some("sasl_ssl"));
    assert_eq!(of("sasl.mechanism"), Some("SCRAM-SHA-512"));
    assert_eq!(of("sasl.password"), Some("canary"));
}

#[test]
fn harmless_properties_pass_through_and_harmful_ones_are_refused_with_the_reason() {
    let lines = "[kafka.properties]\nsocket.keepalive.enable = true\n\"client.rack\" = \"x\"\n";
    let kafka = load(&format!("{MINIMAL}{lines}"), &[]).unwrap().config.publishing.unwrap().kafka;
    assert_eq!(
        kafka.properties,
        [("client.rack".into(), "x".into()), ("socket.keepalive.enable".into(), "true".into())]
    );
    let refused = [
        ("plugin.library.paths", "loads code"),
        ("test.mock.num.brokers", "mock"),
        ("transactional.id", "exactly-once"),
        ("acks", "exactly-once"),
        ("isolation.level", "proof"),
        ("enable.ssl.certificate.verification", "certificates"),
        ("sasl.password", "key of its own"),
        ("no.such.property", "no such property"),
        ("socket.timeout.ms", "not with this value"),
    ];
    for (name, reason) in refused {
        let refused = load(&format!("{MINIMAL}[kafka.properties]\n{name} = \"canary\"\n"), &[]).unwrap_err();
        let told = refused.to_string();
        assert!(told.contains(reason) && told.contains(name) && !told.contains("canary"), "{told}");
    }
}

#[test]
fn reading_needs_no_kafka_but_takes_no_wrong_one_either() {
    let text = MINIMAL.replace("brokers = [\"kafka:9093\"]", "").replace("url = \"https://registry:8081\"", "");
    assert_eq!(load_as(Purpose::Reading, &text, &[]).unwrap().config.publishing, None);
    assert_eq!(load_as(Purpose::Publishing, &text, &[]).unwrap_err().problems.len(), 2);
    let wrong = [("RAMSTREAM_KAFKA__EVENT_PARTITIONS", "0")];
    let problem = only(load_as(Purpose::Reading, &text, &wrong).unwrap_err().problems);
    assert_eq!(problem.key, "kafka.event_partitions");
}

#[test]
fn no_secret_is_shown_by_anything() {
    let secrets = [
        ("RAMSTREAM_CREDENTIALS__ACCESS_KEY_SECRET", "canary-1"),
        ("RAMSTREAM_CREDENTIALS__SECURITY_TOKEN", "canary-2"),
        ("RAMSTREAM_KAFKA__SASL_PASSWORD", "canary-3"),
        ("RAMSTREAM_REGISTRY__PASSWORD", "canary-4"),
        ("RAMSTREAM_KAFKA__SSL_KEY_PASSWORD", "canary-5"),
        ("RAMSTREAM_ADMIN__TOKEN", "canary-8-0123456789"),
    ];
    let rest = [
        ("RAMSTREAM_KAFKA__SECURITY_PROTOCOL", "sasl_ssl"),
        ("RAMSTREAM_KAFKA__SASL_USERNAME", "u"),
        ("RAMSTREAM_REGISTRY__USERNAME", "u"),
    ];
    let good: Vec<_> = secrets.into_iter().chain(rest).collect();
    let loaded = load(MINIMAL, &good).unwrap();
    let properties = loaded.config.publishing.as_ref().unwrap().kafka.connection_properties();
    assert!(!format!("{loaded:?} {loaded:#?} {properties:?}").contains("canary"));
    assert!(format!("{properties:?}").contains("sasl.password"));

    // The same secrets in a configuration with mistakes, among them secrets of the wrong type.
    let mut bad = good.clone();
    bad.push(("RAMSTREAM_SYNC__INTERVAL", "x"));
    bad.push(("RAMSTREAM_REGISTRY__BEARER_TOKEN", "canary\n6"));
    bad.push(("RAMSTREAM_KAFKA__SASL_PASSWROD", "canary-7"));
    let refused = load(&MINIMAL.replace("id = \"1234567890123456\"", ""), &bad).unwrap_err();
    assert!(refused.problems.len() >= 4 && refused.account_unknown.is_some());
    assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused}");
}

#[test]
fn requests_are_taken_off_this_machine_with_a_token_only() {
    let off_loopback = ("RAMSTREAM_LISTEN__ADMIN", "0.0.0.0:9465");
    let problem = only(problems(MINIMAL, &[off_loopback]));
    assert_eq!(problem.key, "listen.admin");
    for part in ["admin.token_file", "RAMSTREAM_ADMIN__TOKEN", "127.0.0.1:9465", "\"off\""] {
        assert!(problem.mend.contains(part), "{problem}");
    }
    let token = ("RAMSTREAM_ADMIN__TOKEN", "0123456789abcdef");
    let config = config(&[off_loopback, token]);
    assert_eq!(config.listen.admin, Some("0.0.0.0:9465".parse().unwrap()));
    assert_eq!(config.admin.token, Some(Secret::new("0123456789abcdef")));
    for address in ["127.0.0.1:1", "[::1]:1", "off"] {
        assert!(load(MINIMAL, &[("RAMSTREAM_LISTEN__ADMIN", address)]).is_ok(), "{address}");
    }
    assert!(!problems(MINIMAL, &[("RAMSTREAM_LISTEN__ADMIN", "[::ffff:127.0.0.1]:1")]).is_empty());
}

#[test]
fn a_token_that_can_be_guessed_or_not_be_sent_is_a_mistake() {
    for (token, told) in
        [("0123456789abcde", "shorter than 16"), ("with a blank in it", "spaces"), ("Schlüssel-Schlüssel", "spaces")]
    {
        let problem = only(problems(MINIMAL, &[("RAMSTREAM_ADMIN__TOKEN", token)]));
        assert!(problem.reason.contains(told) && problem.mend.contains("openssl rand"), "{problem}");
        assert!(!problem.to_string().contains(token), "{problem}");
    }
    let file = secret_file(0o600, "from-a-file-0123456789\n");
    let config = config(&[("RAMSTREAM_ADMIN__TOKEN_FILE", path(&file))]);
    assert_eq!(config.admin.token, Some(Secret::new("from-a-file-0123456789")));
}

#[test]
fn who_only_asks_needs_the_account_alone() {
    let account = ("RAMSTREAM_ACCOUNT__ID", "1234567890123456");
    let config = load_as(Purpose::Asking, "", &[account]).unwrap().config;
    assert!(!config.credentials.unwrap().are_chosen() && config.publishing.is_none());
    let wrong = load_as(Purpose::Asking, "", &[account, ("RAMSTREAM_KAFKA__COMPRESSION", "rar")]).unwrap_err();
    assert_eq!(only(wrong.problems).key, "kafka.compression");
    // As the file of a unit that has the password in a credential of its own.
    let half = "kafka.brokers = \"kafka:9093\"\nkafka.security_protocol = \"sasl_ssl\"\nkafka.sasl_mechanism = \"SCRAM-SHA-512\"\nkafka.sasl_username = \"ramstream\"";
    assert!(load_as(Purpose::Asking, half, &[account]).unwrap().config.publishing.is_none());
    let reading = load_as(Purpose::Reading, half, &[account]).unwrap_err();
    assert!(reading.problems.iter().any(|problem| problem.key == "kafka.sasl_password"), "{:?}", reading.problems);
}

#[test]
fn every_kind_but_instances_is_read_unless_it_is_switched_off() {
    use crate::model::Kind;
    let every: BTreeSet<Kind> = Kind::ALL.iter().copied().collect();
    let off = |environment: &[(&str, &str)]| {
        let kinds = config(environment).collect.kinds;
        every.difference(&kinds).copied().collect::<Vec<_>>()
    };
    assert_eq!(off(&[]), [Kind::Instance]);
    assert_eq!(off(&[("RAMSTREAM_COLLECT__INSTANCE", "true")]), []);
    assert_eq!(off(&[("RAMSTREAM_COLLECT__MFA_DEVICE", "false")]), [Kind::Instance, Kind::MfaDevice]);
}

#[test]
fn a_kind_that_hangs_on_one_that_is_off_is_refused_with_both_mends() {
    let problem = only(problems_with("[collect]\nrole = false"));
    assert_eq!(problem.key, "collect.policy_attachment");
    let text = problem.to_string();
    assert!(text.contains("collect.role, which is off"), "{text}");
    assert!(text.contains("collect.policy_attachment = false") && text.contains("collect.role = true"), "{text}");
}
