//! Mistakes in the configuration: which key, where it was given, what is wrong, how to mend it.
//!
//! No text here ever repeats the value of a secret: faults of secret keys are made without it.

use std::fmt;
use std::path::PathBuf;

use super::{Alicloud, Credentials};

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the configuration file.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// In an environment variable.
    Environment {
        /// The name of the variable.
        name: String,
    },
    /// Nowhere: the default holds.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { name } => f.write_str(name),
            Self::Default => f.write_str("default"),
        }
    }
}

/// What is wrong with one value and what to do about it, before it is known where the value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) reason: String,
    pub(super) mend: String,
}

impl Fault {
    pub(super) fn new(reason: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { reason: reason.into(), mend: mend.into() }
    }

    pub(super) fn at(self, key: impl Into<String>, origin: Option<Origin>) -> Problem {
        Problem { key: key.into(), origin, reason: self.reason, mend: self.mend }
    }
}

/// One mistake (or, as a warning, one doubt).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The dotted key, such as `sync.interval`, or the file itself.
    pub key: String,
    /// Where the value stands; `None` if nothing was given.
    pub origin: Option<Origin>,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub mend: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(origin) = &self.origin {
            write!(f, " ({origin})")?;
        }
        write!(f, ": {}\n      fix: {}", self.reason, self.mend)
    }
}

/// The configuration cannot be used; `Display` lists every mistake.
#[derive(Debug, thiserror::Error)]
#[error("the configuration ({read_from}) has {}{}", count(.problems.len()), listed(.problems))]
pub struct Refused {
    /// What was read, in words: somebody in the wrong directory has to see that no file was.
    pub read_from: String,
    /// Every mistake that was found.
    pub problems: Vec<Problem>,
    /// How to ask the cloud for the missing `account.id`: present if that key is missing and these two sections
    /// are in order and chosen by somebody, so that the caller can name the account that the credentials belong to.
    pub account_unknown: Option<Box<(Alicloud, Credentials)>>,
}

fn count(problems: usize) -> String {
    if problems == 1 { "1 mistake".into() } else { format!("{problems} mistakes") }
}

fn listed(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}
