//! How many inputs were tried, of which kind, and which of them were not taken as they should be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::forms::found;

/// What the callers of the cloud sign with, and what proves their session: neither stands in any reason.
pub(crate) const ACCESS_KEY_SECRET: &str = "canary/access+key=secret";
pub(crate) const SECURITY_TOKEN: &str = "canary/sts+token=of-a-session";

/// The count and the failures of a run.
#[derive(Default)]
pub(crate) struct Tally {
    counts: BTreeMap<&'static str, usize>,
    names: BTreeSet<String>,
    failures: Vec<String>,
}

impl Tally {
    /// Counts an input that was judged. Two of one name would be one input counted twice.
    pub(crate) fn judged(&mut self, group: &'static str, name: String, verdict: Result<(), String>) {
        *self.counts.entry(group).or_default() += 1;
        let name = format!("{group}: {name}");
        if let Err(why) = verdict {
            self.failures.push(format!("{name}: {why}"));
        }
        assert!(self.names.insert(name.clone()), "{name} was tried twice");
    }

    /// Counts an input that has to be refused by `read` with a text that has one of `words` in it.
    pub(crate) fn refused(
        &mut self,
        group: &'static str,
        name: impl Into<String>,
        words: &[&str],
        read: impl FnOnce() -> Result<(), String>,
    ) {
        let verdict = match catch_unwind(AssertUnwindSafe(read)) {
            Err(_) => Err("panicked".to_owned()),
            Ok(Ok(())) => Err("was taken".to_owned()),
            Ok(Err(why)) => says(&why, words),
        };
        self.judged(group, name.into(), verdict);
    }

    /// All inputs together.
    pub(crate) fn total(&self) -> usize {
        self.counts.values().sum()
    }

    /// Fails with everything that went wrong.
    pub(crate) fn is_clean(&self) {
        assert!(self.failures.is_empty(), "{} went wrong:\n{}", self.failures.len(), self.failures.join("\n"));
    }
}

/// Whether `text` is free of what the callers were given in confidence.
pub(crate) fn keeps_secrets(text: &[u8]) -> Result<(), String> {
    found(&[ACCESS_KEY_SECRET, SECURITY_TOKEN], text).map_or(Ok(()), |form| Err(format!("shows a secret: {form:?}")))
}

/// Whether `why` is a reason: a text that has one of `words`, no secret, and nothing that would spoil a line of a log.
pub(crate) fn says(why: &str, words: &[&str]) -> Result<(), String> {
    keeps_secrets(why.as_bytes())?;
    if !words.iter().any(|word| why.contains(word)) {
        return Err(format!("the reason has none of {words:?}: {why:?}"));
    }
    if why.chars().any(|c| c.is_control() && c != '\n') {
        return Err(format!("the reason has control characters: {why:?}"));
    }
    Ok(())
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (group, count) in &self.counts {
            writeln!(f, "{count:>6}  {group}")?;
        }
        write!(f, "{:>6}  malformed inputs", self.total())
    }
}
