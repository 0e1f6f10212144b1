//! The step from raw to validated: asks for one key after the other and gathers every mistake.
//!
//! A faulty or missing value is replaced by a placeholder so that reading goes on; a configuration with one
//! problem is refused as a whole, so no placeholder ever gets out. Which keys exist is what was asked for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::parse::{self, Parsed};
use super::problem::{Fault, Origin, Problem};
use super::source::{Entry, Given, PREFIX, Raw, variable_of};
use crate::secret::Secret;

/// Stands for the value of a secret.
pub(super) const HIDDEN: &str = "[secret]";

/// The effective value of one key, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The dotted key.
    pub key: String,
    /// The value as text; a placeholder for a secret; `None` if there is neither a value nor a default.
    pub shown: Option<String>,
    /// Where the value was given.
    pub origin: Origin,
}

/// See the module's page.
pub(super) struct Reader<'a> {
    given: &'a Given,
    pub(super) settings: Vec<Setting>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(given: &'a Given) -> Self {
        Self { given, settings: Vec::new(), problems: Vec::new(), warnings: Vec::new() }
    }

    /// The value of `key`, or its default, written as it would stand in a variable.
    pub(super) fn value<T>(&mut self, key: &str, default: &str, parse: impl Fn(&Raw) -> Parsed<T>) -> T {
        let given = self.ask(key, Some(default), false).and_then(|entry| self.parsed(key, entry, &parse));
        given.unwrap_or_else(|| parse(&Raw::Untyped(default.to_owned())).expect("a test reads every default"))
    }

    /// The value of `key`, if there is one.
    pub(super) fn optional<T>(&mut self, key: &str, parse: impl Fn(&Raw) -> Parsed<T>) -> Option<T> {
        let entry = self.ask(key, None, false)?;
        self.parsed(key, entry, &parse)
    }

    /// The value of `key`, which has to be there.
    pub(super) fn required<T: Default>(&mut self, key: &str, mend: &str, parse: impl Fn(&Raw) -> Parsed<T>) -> T {
        match self.ask(key, None, false) {
            Some(entry) => self.parsed(key, entry, &parse).unwrap_or_default(),
            None => {
                self.missing(key, mend);
                T::default()
            }
        }
    }

    /// A text that is never shown, from `key` itself.
    pub(super) fn hidden(&mut self, key: &str) -> Option<Secret> {
        let entry = self.ask(key, None, true)?;
        self.parsed(key, entry, &parse::text).map(Secret::new)
    }

    /// A secret from `key`, or from the file that `<key>_file` names (read once, without its last line break).
    pub(super) fn secret(&mut self, key: &str) -> Option<Secret> {
        let value = self.hidden(key);
        let file_key = format!("{key}_file");
        let file = self.secret_file(&file_key);
        if self.is_given(key) && self.is_given(&file_key) {
            self.fault(&file_key, format!("{key} is given as well"), "give one of the two");
        }
        value.or_else(|| self.secret_in(&file_key, &file?))
    }

    /// The path of a file that holds a secret; who else may read or write it is looked at.
    pub(super) fn secret_file(&mut self, key: &str) -> Option<PathBuf> {
        let path = self.optional(key, parse::file)?;
        self.check_permissions(key, &path);
        Some(path)
    }

    fn secret_in(&mut self, key: &str, path: &Path) -> Option<Secret> {
        match std::fs::read_to_string(path) {
            Ok(text) if !text.trim().is_empty() => Some(Secret::new(text.trim_end_matches(['\r', '\n']))),
            Ok(_) => {
                self.fault(key, format!("{} is empty", path.display()), "put the secret into the file");
                None
            }
            Err(error) => {
                self.fault(key, format!("{}: {error}", path.display()), "let this user read the file");
                None
            }
        }
    }

    /// World-readable is a warning (container platforms mount secrets so), world-writable a mistake.
    pub(super) fn check_permissions(&mut self, key: &str, path: &Path) {
        use std::os::unix::fs::PermissionsExt;
        let Ok(metadata) = std::fs::metadata(path) else { return };
        let mend = format!("chmod 600 {}", path.display());
        let mode = metadata.permissions().mode();
        if mode & 0o002 != 0 {
            self.fault(key, format!("{} is world-writable", path.display()), mend);
        } else if mode & 0o004 != 0 {
            self.warn(key, format!("{} is world-readable", path.display()), mend);
        }
    }

    /// Every key below `table`, which has names of its own, with its value as text.
    pub(super) fn table(&mut self, table: &str) -> Vec<(String, String)> {
        let prefix = format!("{table}.");
        let given = self.given;
        let below = given.entries.iter().filter_map(|(key, entry)| Some((key, key.strip_prefix(&prefix)?, entry)));
        let mut values = Vec::new();
        for (key, name, entry) in below {
            self.ask(key, None, false);
            values.push((name.to_owned(), entry.raw.to_string()));
        }
        values
    }

    /// Notes that `key` exists and what holds for it.
    fn ask(&mut self, key: &str, default: Option<&str>, hide: bool) -> Option<&'a Entry> {
        let entry = self.given.entries.get(key);
        let show = |raw: &Raw| if hide { HIDDEN.to_owned() } else { raw.to_string() };
        self.settings.push(Setting {
            key: key.to_owned(),
            shown: entry.map(|entry| show(&entry.raw)).or(default.map(str::to_owned)),
            origin: self.origin(key).unwrap_or(Origin::Default),
        });
        entry
    }

    fn parsed<T>(&mut self, key: &str, entry: &Entry, parse: &impl Fn(&Raw) -> Parsed<T>) -> Option<T> {
        let fault = match parse(&entry.raw) {
            Ok(value) => return Some(value),
            Err(fault) => fault,
        };
        self.problems.push(fault.at(key, Some(entry.origin.clone())));
        None
    }

    pub(super) fn is_given(&self, key: &str) -> bool {
        self.given.entries.contains_key(key)
    }

    /// Alibaba Cloud's own variable `name`, which stands in for `key`.
    pub(super) fn stand_in(&mut self, name: &str, key: &str) -> Option<&'a str> {
        let value = self.theirs(name)?;
        self.settle(key, HIDDEN, Origin::Environment { name: name.to_owned() });
        Some(value)
    }

    /// As [`Reader::stand_in`], for a value that is no secret.
    pub(super) fn shown_stand_in<T>(&mut self, name: &str, key: &str, parse: impl Fn(&Raw) -> Parsed<T>) -> Option<T> {
        let value = self.stand_in(name, key)?;
        let origin = Origin::Environment { name: name.to_owned() };
        self.settle(key, value, origin.clone());
        match parse(&Raw::Untyped(value.to_owned())) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.problems.push(fault.at(key, Some(origin)));
                None
            }
        }
    }

    /// Alibaba Cloud's own variable `name`.
    pub(super) fn theirs(&self, name: &str) -> Option<&'a str> {
        self.given.alibaba.get(name).map(String::as_str)
    }

    /// A path below the home directory, if there is one.
    pub(super) fn in_home(&self, path: &str) -> Option<PathBuf> {
        self.given.home.as_ref().map(|home| home.join(path))
    }

    /// Notes what holds for `key`, which was asked for, where something else than its own value decided.
    pub(super) fn settle(&mut self, key: &str, shown: &str, origin: Origin) {
        for setting in self.settings.iter_mut().filter(|setting| setting.key == key) {
            setting.shown = Some(shown.to_owned());
            setting.origin = origin.clone();
        }
    }

    fn origin(&self, key: &str) -> Option<Origin> {
        self.given.entries.get(key).map(|entry| entry.origin.clone())
    }

    pub(super) fn missing(&mut self, key: &str, mend: impl Into<String>) {
        let mend = format!("{} (or set {})", mend.into(), variable_of(key));
        self.problems.push(Fault::new("is missing", mend).at(key, None));
    }

    /// Takes back every problem behind the first `kept` that is not of a value which was given.
    pub(super) fn forgive_missing(&mut self, kept: usize) {
        let mut problems = self.problems.split_off(kept);
        problems.retain(|problem| problem.origin.is_some());
        self.problems.append(&mut problems);
    }

    pub(super) fn fault(&mut self, key: &str, reason: impl Into<String>, mend: impl Into<String>) {
        let origin = self.origin(key);
        self.problems.push(Fault::new(reason, mend).at(key, origin));
    }

    pub(super) fn warn(&mut self, key: &str, reason: impl Into<String>, mend: impl Into<String>) {
        let origin = self.origin(key);
        self.warnings.push(Fault::new(reason, mend).at(key, origin));
    }

    /// After everything was asked: whatever was given and not asked for is a mistake.
    pub(super) fn refuse_unknown(&mut self) {
        let known: BTreeSet<&str> = self.settings.iter().map(|setting| setting.key.as_str()).collect();
        let unknown = self.given.entries.iter().filter(|(key, _)| !known.contains(key.as_str()));
        let problems: Vec<Problem> = unknown
            .map(|(key, entry)| unknown_key(key, &entry.origin, &known).at(key, Some(entry.origin.clone())))
            .collect();
        self.problems.extend(problems);
    }
}

fn unknown_key(key: &str, origin: &Origin, known: &BTreeSet<&str>) -> Fault {
    if known.iter().any(|name| name.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))) {
        return Fault::new("is a section, not a value", format!("write the keys of [{key}] below that heading"));
    }
    // Compared without separators: `RAMSTREAM_SYNC_INTERVAL` (one underscore) is the commonest slip.
    let bare = |text: &str| text.replace(['.', '_'], "");
    let alike = |name: &&&str| strsim::jaro_winkler(&bare(key), &bare(name));
    let nearest = known.iter().max_by(|a, b| alike(a).total_cmp(&alike(b))).filter(|name| alike(name) > 0.85);
    let mend = match (nearest, origin) {
        (Some(name), Origin::Environment { .. }) => format!("did you mean {}?", variable_of(name)),
        (Some(name), _) => format!("did you mean {name}?"),
        (None, Origin::Environment { .. }) => {
            format!(
                "unset it: variables that begin with {PREFIX} are ramstream's (`ramstream config example` lists all)"
            )
        }
        (None, _) => "take it out; `ramstream config example` lists every key".to_owned(),
    };
    Fault::new("unknown key", mend)
}
