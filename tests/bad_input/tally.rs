//! How many inputs were tried, of which kind, and which of them were not taken as they should be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

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

/// Whether `why` is a reason: a text that has one of `words`, and nothing that would spoil a line of a log.
pub(crate) fn says(why: &str, words: &[&str]) -> Result<(), String> {
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
