//! `docs/configuration.md` is made of the example and of what the parsers say that they take. `UPDATE_DOCS=1` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use super::{EXAMPLE, Loaded, Purpose, Refused, source, validate};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");

const HEAD: &str = "\
# Configuration reference

<!-- Made by `UPDATE_DOCS=1 cargo test --lib reference`; a test holds it to the code. Edit src/config/example.toml instead. -->

ramstream reads one TOML file: `--config FILE`, else `$RAMSTREAM_CONFIG`, else `ramstream.toml` in the working directory if it
exists. Every key can also be set by the environment variable below its name, which takes precedence; so no file is required.
Unknown keys, and unknown variables that begin with `RAMSTREAM_`, are refused with the name that was probably meant.
`ramstream config check` reports all mistakes at once; `ramstream config show` prints every effective value with its origin and
without secrets.

In a variable, separate lists by commas and write texts without quotes; an empty variable counts as not set. Time spans and
sizes need a unit (1MB is a million bytes). A key that ends in `_file` names a file that holds the value of the key without that
ending: set only one of the two. Alibaba Cloud's own variables (`ALIBABA_CLOUD_ACCESS_KEY_ID` and so on) are alternatives to
`[credentials]`: see [credentials](credentials.md). In addition, `RUST_LOG` takes precedence over `log.level`, `NO_COLOR` disables
colours in log lines, and `HOME` locates the profile of Alibaba Cloud's command line. No other variable is read.

`ramstream config example` prints the same as a file to start from.
";

#[derive(Debug, Default)]
struct Section {
    name: String,
    told: String,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    key: String,
    variable: String,
    default: Default,
    told: String,
}

#[derive(Debug)]
enum Default {
    Value(String),
    None,
    Required,
}

/// The example, taken apart.
fn sections() -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let (mut told, mut variable) = (Vec::new(), String::new());
    // Before the first section it tells of itself.
    for line in EXAMPLE.lines().skip_while(|line| !line.starts_with("# ---")) {
        let comment = line.strip_prefix("# ");
        if line.is_empty() || line.starts_with("# ---") {
            told.clear();
        } else if let Some(name) = comment.filter(|text| text.starts_with("RAMSTREAM_")) {
            name.clone_into(&mut variable);
        } else if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push(Section { name: name.to_owned(), told: taken(&mut told), rows: Vec::new() });
        } else if let Some(text) = comment {
            told.push(text.to_owned());
        } else {
            let section = sections.last_mut().expect("a key stands in a section");
            let (default, key) = key_of(line);
            let key = format!("{}.{key}", section.name);
            section.rows.push(Row { key, variable: std::mem::take(&mut variable), default, told: taken(&mut told) });
        }
    }
    sections
}

fn taken(told: &mut Vec<String>) -> String {
    std::mem::take(told).join(" ")
}

/// The three forms of a line that the example's head describes.
fn key_of(line: &str) -> (Default, &str) {
    let (required, optional) = (!line.starts_with('#'), line.starts_with("#: "));
    let (key, value) = line.trim_start_matches("#: ").trim_start_matches('#').split_once(" = ").expect("key = value");
    let default = match (required, optional) {
        (true, _) => Default::Required,
        (_, true) => Default::None,
        _ => Default::Value(value.to_owned()),
    };
    (default, key)
}

/// What each key takes: what its parser asks for when it is given a date, which no key takes.
fn takes(keys: &BTreeSet<String>) -> BTreeMap<String, String> {
    let text: String = keys.iter().map(|key| format!("{key} = 1979-05-27\n")).collect();
    let refused = load(&text).expect_err("no key takes a date");
    let problems = refused.problems.into_iter().filter_map(|problem| {
        let wanted = problem.reason.strip_suffix(" is needed, this is a date")?.to_owned();
        let asked = problem.mend.strip_prefix("write ").unwrap_or(&wanted).replace(", without quotes", "");
        Some((
            problem.key.clone(),
            if wanted == "a text" && asked == wanted { file_or_text(&problem.key) } else { asked },
        ))
    });
    problems.collect()
}

fn file_or_text(key: &str) -> String {
    if key.ends_with("_file") || key.ends_with(".file") { "the path of a file".to_owned() } else { "a text".to_owned() }
}

fn load(text: &str) -> Result<Loaded, Refused> {
    let no_variables: [(OsString, OsString); 0] = [];
    validate(&source::gather(Some((Path::new("test.toml"), text)), no_variables), Purpose::Asking, None)
}

/// Every key that the code asks for.
fn asked_for() -> BTreeSet<String> {
    let settings = load("account.id = \"1234567890123456\"").expect("enough to ask a daemon").settings;
    settings.into_iter().map(|setting| setting.key).collect()
}

/// What a page would take for markup is text.
fn plain(told: &str) -> String {
    told.replace('<', "\\<").replace('*', "\\*")
}

fn page() -> String {
    let takes = takes(&asked_for());
    let mut page = HEAD.to_owned();
    for Section { name, told, rows } in sections() {
        page.push_str(&format!("\n## `[{name}]`\n\n{}\n", plain(&told)));
        page.push_str("\n| key, variable | takes | default | |\n|---|---|---|---|\n");
        for Row { key, variable, default, told } in rows {
            let default = match default {
                Default::Value(value) => format!("`{value}`"),
                Default::None => "none".to_owned(),
                Default::Required => "**required**".to_owned(),
            };
            // Names and values of this table are librdkafka's.
            let a_text = "a text".to_owned();
            let passed_on = (name == "kafka.properties").then_some(&a_text);
            let takes = takes.get(&key).or(passed_on).unwrap_or_else(|| panic!("what does {key} take?"));
            let cells = [format!("`{key}`<br>`{variable}`"), takes.clone(), default, plain(&told)]
                .map(|cell| cell.replace('|', "\\|"));
            page.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    page
}

#[test]
fn the_reference_holds_every_key_with_type_default_meaning_and_variable_and_no_other() {
    let rows: Vec<Row> = sections().into_iter().flat_map(|section| section.rows).collect();
    let told: BTreeSet<String> = rows.iter().map(|row| row.key.clone()).collect();
    let without_properties =
        |keys: BTreeSet<String>| keys.into_iter().filter(|key| !key.starts_with("kafka.properties.")).collect();
    let told: BTreeSet<String> = without_properties(told);
    assert_eq!(told, asked_for());
    for row in rows.iter().filter(|row| told.contains(&row.key)) {
        assert_eq!(row.variable, source::variable_of(&row.key));
        assert!(!row.told.is_empty(), "{} has no line that says what it means", row.key);
    }
    let made = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &made).expect("the page is written");
    }
    let page = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(page == made, "docs/configuration.md is not what the code says: UPDATE_DOCS=1 cargo test --lib reference");
}
