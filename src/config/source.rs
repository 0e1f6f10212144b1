//! The raw stage: what the file and the environment give, as dotted keys with their origins.
//!
//! Knows no key of the schema; what a value means is decided by whoever reads it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Fault, Origin, Problem};

/// Every variable that overrides a key begins so.
pub(super) const PREFIX: &str = "RAMSTREAM_";
/// Names the configuration file (read by the command line); the one variable with our prefix that is not a key.
pub(super) const FILE_VARIABLE: &str = "RAMSTREAM_CONFIG";
/// The table whose keys are librdkafka's names, with dots of their own.
const PROPERTIES: &str = "kafka.properties.";

/// A value as it was written. No `Debug`: it may be a secret.
#[derive(Clone)]
pub(super) enum Raw {
    /// From the environment, or a default: typed by whoever reads it.
    Untyped(String),
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    List(Vec<Raw>),
    /// Something that no key takes (a date, an integer too large); the word for it.
    Other(&'static str),
}

impl Raw {
    /// The word for this type in messages.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Untyped(_) | Self::Text(_) => "a text",
            Self::Integer(_) => "an integer",
            Self::Float(_) => "a fraction",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Other(word) => word,
        }
    }
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untyped(text) | Self::Text(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Boolean(truth) => write!(f, "{truth}"),
            Self::List(items) => f.write_str(&items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")),
            Self::Other(word) => f.write_str(word),
        }
    }
}

/// A value and where it was given.
pub(super) struct Entry {
    pub(super) raw: Raw,
    pub(super) origin: Origin,
}

/// Everything that was given.
#[derive(Default)]
pub(super) struct Given {
    /// By dotted key; the environment has already replaced what the file says.
    pub(super) entries: BTreeMap<String, Entry>,
    /// Alibaba Cloud's own variables (`ALIBABA_CLOUD_…`), as they are.
    pub(super) alibaba: BTreeMap<String, String>,
    /// `HOME`, below which Alibaba Cloud's tools keep their files.
    pub(super) home: Option<PathBuf>,
    /// Mistakes of the raw stage: no TOML, no UTF-8.
    pub(super) problems: Vec<Problem>,
}

/// Reads the file (none is fine if `path` is `None`) and the environment.
pub(super) fn gather(
    file: Option<(&Path, &str)>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Given {
    let mut given = Given::default();
    if let Some((path, text)) = file {
        given.take_file(path, text);
    }
    for (name, value) in environment {
        given.take_variable(&name, value);
    }
    given
}

impl Given {
    fn take_file(&mut self, path: &Path, text: &str) {
        let (table, errors) = DeTable::parse_recoverable(text);
        let at = |offset| Origin::File { path: PathBuf::from(path), line: line_of(text, offset) };
        for error in errors {
            // Only the message: the Display of toml's error prints the line, which may hold a secret.
            let origin = error.span().map(|span| at(span.start));
            let fault =
                Fault::new(error.message(), "fix the syntax; `ramstream config example` prints a file that works");
            self.problems.push(fault.at(path.display().to_string(), origin));
        }
        flatten("", table.get_ref(), &mut |key, raw, offset| {
            self.entries.insert(key, Entry { raw, origin: at(offset) });
        });
    }

    /// An empty variable counts as not given: that is what `${NAME:-}` in a compose file leaves behind.
    fn take_variable(&mut self, name: &OsString, value: OsString) {
        let name = name.to_string_lossy();
        if name == "HOME" && !value.is_empty() {
            self.home = Some(PathBuf::from(value));
            return;
        }
        let ours = name.starts_with(PREFIX) && name != FILE_VARIABLE && !is_service_link(&name);
        if value.is_empty() || !(ours || name.starts_with("ALIBABA_CLOUD_")) {
            return;
        }
        let origin = Origin::Environment { name: name.clone().into_owned() };
        match value.into_string() {
            Ok(text) if ours => {
                self.entries.insert(key_of(&name), Entry { raw: Raw::Untyped(text), origin });
            }
            Ok(text) => {
                self.alibaba.insert(name.into_owned(), text);
            }
            Err(_) => {
                let fault = Fault::new("the value is not UTF-8", "write it in UTF-8");
                self.problems.push(fault.at(key_of(&name), Some(origin)));
            }
        }
    }
}

/// `RAMSTREAM_SYNC__INTERVAL` → `sync.interval`. In the properties of librdkafka, none of which has an underscore,
/// every underscore is a dot: `RAMSTREAM_KAFKA__PROPERTIES__CLIENT_RACK` → `kafka.properties.client.rack`.
fn key_of(variable: &str) -> String {
    let key = variable.trim_start_matches(PREFIX).to_lowercase().replace("__", ".");
    match key.strip_prefix(PROPERTIES) {
        Some(name) => format!("{PROPERTIES}{}", name.replace('_', ".")),
        None => key,
    }
}

/// `sync.interval` → `RAMSTREAM_SYNC__INTERVAL`.
pub(super) fn variable_of(key: &str) -> String {
    let name = match key.strip_prefix(PROPERTIES) {
        Some(name) => format!("KAFKA__PROPERTIES__{}", name.replace('.', "_")),
        None => key.replace('.', "__"),
    };
    format!("{PREFIX}{}", name.to_uppercase())
}

/// Kubernetes puts `<SERVICE>_PORT=tcp://…` and the like into every container of a namespace: a service called
/// `ramstream` must not keep ramstream from starting. Names of ours that are not keys are typos otherwise.
fn is_service_link(variable: &str) -> bool {
    let numbered = |rest: &str| rest.starts_with(|first: char| first.is_ascii_digit());
    !variable.contains("__")
        && (variable.ends_with("_SERVICE_HOST")
            || variable.contains("_SERVICE_PORT")
            || variable.ends_with("_PORT")
            || variable.split("_PORT_").skip(1).any(numbered))
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Calls `take` with every leaf of `table`. An empty table is no leaf: it says nothing.
fn flatten(prefix: &str, table: &DeTable<'_>, take: &mut impl FnMut(String, Raw, usize)) {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) => flatten(&format!("{key}."), inner, take),
            leaf => take(key, raw(leaf), name.span().start),
        }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .map_or(Raw::Other("an integer that does not fit 64 bits"), Raw::Integer),
        DeValue::Float(digits) => digits.as_str().parse().map_or(Raw::Other("an odd number"), Raw::Float),
        DeValue::Boolean(truth) => Raw::Boolean(*truth),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Array(items) => Raw::List(items.iter().map(Spanned::get_ref).map(raw).collect()),
        DeValue::Table(_) => Raw::Other("a table"),
    }
}
