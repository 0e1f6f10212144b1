//! Configuration: each mistake is told with its key and a mend.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use ramstream::config::{self, Purpose};
use ramstream::intake;

use crate::tally::Tally;

/// What has to be given, and nothing else.
const BASE: [(&str, &str); 5] = [
    ("account.id", r#""5481250658560000""#),
    ("credentials.access_key_id", r#""LTAI""#),
    ("credentials.access_key_secret", r#""secret""#),
    ("kafka.brokers", r#"["kafka:9093"]"#),
    ("registry.url", r#""https://registry:8081""#),
];

/// Values that no key takes.
const NEVER: [(&str, &str); 8] = [
    ("a date", "2026-01-01"),
    ("a table", "{ x = 1 }"),
    ("an empty text", r#""""#),
    ("a bell", r#""\u0007""#),
    ("an integer beyond 64 bits", "99999999999999999999"),
    ("a list in a list", r#"[["x"]]"#),
    ("a list of dates", "[2026-01-01]"),
    ("not a number", "nan"),
];

/// Texts that no variable takes.
const NEVER_IN_VARIABLES: [(&str, &[u8]); 3] =
    [("a bell", b"\x07"), ("what is not UTF-8", b"\xff\xfe"), ("a line break", b"a\nb")];

/// Tries all of them.
pub(crate) fn run(tally: &mut Tally) {
    let base = file(BASE);
    let loaded = config::load_from_text(Path::new("c.toml"), &base, [], Purpose::Publishing).expect("the base is fine");
    let keys: Vec<String> = loaded.settings.into_iter().map(|setting| setting.key).collect();
    assert!(keys.len() > 40, "{keys:?}");
    for key in &keys {
        let others = || BASE.into_iter().filter(|(name, _)| name != key);
        for (what, value) in NEVER {
            let file = file(others().chain([(key.as_str(), value)]));
            tally.refused("configuration, values", format!("{key}: {what}"), &[key], || {
                intake::configuration(file.as_bytes())
            });
        }
        let typo = format!("{key}x");
        let file = file(BASE.into_iter().chain([(typo.as_str(), "1")]));
        tally.refused("configuration, values", format!("{typo} in place of {key}"), &[key], || {
            intake::configuration(file.as_bytes())
        });
        let variable = format!("RAMSTREAM_{}", key.to_uppercase().replace('.', "__"));
        for (what, value) in NEVER_IN_VARIABLES {
            tally.refused("configuration, variables", format!("{variable}: {what}"), &[&variable], || {
                let value = OsString::from_vec(value.to_vec());
                config::load_from_text(
                    Path::new("c.toml"),
                    &base,
                    [(variable.clone().into(), value)],
                    Purpose::Publishing,
                )
                .map(|_| ())
                .map_err(|refused| refused.to_string())
            });
        }
    }
    for (what, text) in files(&base) {
        let words = ["fuzzed.toml", "UTF-8"];
        tally.refused("configuration, files", what, &words, || intake::configuration(&text));
    }
}

fn file<'a>(keys: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    keys.into_iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
}

/// Files that are no TOML, or not this TOML.
fn files(base: &str) -> Vec<(&'static str, Vec<u8>)> {
    let with = |line: &str| format!("{base}{line}\n").into_bytes();
    vec![
        ("a NUL", with("\0")),
        ("a control character", with("\u{1b}[2J = 1")),
        ("invalid UTF-8", [base.as_bytes(), b"\xff"].concat()),
        ("UTF-16", base.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("a text without an end", with("log.level = \"info")),
        ("a list without an end", with("kafka.brokers2 = [\"a:1\"")),
        ("a table without an end", with("[log")),
        ("a key without a value", with("log.level =")),
        ("a value without a key", with("= 1")),
        ("a word", with("on")),
        ("no quotes", with("log.level = info")),
        ("an unknown escape", with("log.level = \"\\q\"")),
        ("a key twice", with("account.id = \"5481250658560001\"")),
        ("a table twice", with("[log]\n[log]")),
        ("a value that is a table, too", with("[account.id]\nx = 1")),
        ("a leading zero", with("alicloud.concurrency = 016")),
        ("an array of tables", with("[[log]]\nlevel = \"info\"")),
        ("JSON", br#"{"account":{"id":"5481250658560000"}}"#.to_vec()),
        ("YAML", b"account:\n  id: 5481250658560000\n".to_vec()),
        ("XML", b"<account id=\"5481250658560000\"/>".to_vec()),
        ("a shell script", b"export RAMSTREAM_ACCOUNT__ID=5481250658560000\n".to_vec()),
        ("10,000 lists deep", with(&format!("x = {}", "[".repeat(10_000)))),
        ("10,000 lists deep and back", with(&format!("x = {}{}", "[".repeat(10_000), "]".repeat(10_000)))),
        ("10,000 tables deep", with(&format!("x = {}", "{ a = ".repeat(10_000)))),
        ("a key of 10,000 parts", with(&format!("x{} = 1", ".a".repeat(10_000)))),
        ("a heading of 10,000 parts", with(&format!("[x{}]\ny = 1", ".a".repeat(10_000)))),
        (
            "a text of a MiB in the place of a number",
            with(&format!("alicloud.concurrency = \"{}\"", "9".repeat(1 << 20))),
        ),
    ]
}
