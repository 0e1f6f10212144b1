//! What came of judging: a verdict an invariant, and what could not be judged.

use std::fmt::{self, Write as _};

use serde::Serialize;

use super::log::Log;
use super::record::{Event, Notice, Place};
use super::rules::Rule;

/// So many violations of one invariant are told; the others are only counted.
const TOLD: usize = 50;

/// One thing that is not as it was promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Topic, if it is about a record.
    pub topic: Option<String>,
    /// Partition.
    pub partition: Option<i32>,
    /// Offset.
    pub offset: Option<i64>,
    /// Key of the entity.
    pub key: Option<String>,
    /// Sequence of the sync.
    pub sequence: Option<i64>,
    /// What is wrong.
    pub reason: String,
}

/// What is told of one invariant.
#[derive(Debug, Clone, Serialize)]
pub struct Verdict {
    /// Its name, in one word.
    pub invariant: &'static str,
    /// What it says.
    pub promise: &'static str,
    /// How many things were held against it.
    pub checked: u64,
    /// How many violate it.
    pub violated: u64,
    /// How many were not held against it, for the account lied to whoever read.
    pub excused: u64,
    /// The first violations.
    pub violations: Vec<Violation>,
}

/// Everything that was judged.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The account.
    pub account_id: String,
    /// The state's history that was judged.
    pub lineage: Option<String>,
    /// First sequence judged.
    pub from_sequence: i64,
    /// Last sequence judged.
    pub to_sequence: Option<i64>,
    /// Count of the events judged.
    pub events: usize,
    /// One an invariant.
    pub verdicts: Vec<Verdict>,
    /// What could not be judged, in sentences.
    pub not_judged: Vec<String>,
}

/// What a rule has found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) checked: u64,
    pub(super) violated: u64,
    pub(super) excused: u64,
    pub(super) violations: Vec<Violation>,
    pub(super) remarks: Vec<String>,
}

/// What a violation is about.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct At<'a> {
    place: Option<&'a Place>,
    key: Option<&'a str>,
    sequence: Option<i64>,
}

impl<'a> At<'a> {
    pub(super) fn event(event: &'a Event) -> Self {
        Self { place: Some(&event.place), key: Some(&event.key), sequence: Some(event.sequence) }
    }

    pub(super) fn notice(notice: &'a Notice) -> Self {
        Self { place: Some(&notice.place), key: None, sequence: Some(notice.sequence) }
    }

    pub(super) fn record(place: &'a Place, key: &'a str) -> Self {
        Self { place: Some(place), key: Some(key), sequence: None }
    }

    pub(super) fn key(key: &'a str, sequence: i64) -> Self {
        Self { place: None, key: Some(key), sequence: Some(sequence) }
    }

    pub(super) fn sequence(sequence: i64) -> Self {
        Self { sequence: Some(sequence), ..Self::default() }
    }
}

impl Findings {
    /// Counts one thing held against the invariant, and tells it if it does not hold.
    pub(super) fn check(&mut self, holds: bool, at: At<'_>, reason: impl FnOnce() -> String) {
        self.checked += 1;
        if holds {
            return;
        }
        self.violated += 1;
        if self.violations.len() < TOLD {
            self.violations.push(Violation {
                topic: at.place.map(|place| place.topic.to_string()),
                partition: at.place.map(|place| place.partition),
                offset: at.place.map(|place| place.offset),
                key: at.key.map(str::to_owned),
                sequence: at.sequence,
                reason: reason(),
            });
        }
    }

    /// Counts one thing that is not held against the invariant: the account gave old or empty answers to whoever read.
    pub(super) fn excuse(&mut self) {
        self.excused += 1;
    }

    /// Says what this rule could not judge.
    pub(super) fn remark(&mut self, text: impl Into<String>) {
        self.remarks.push(text.into());
    }
}

impl Report {
    pub(super) fn new(log: &Log) -> Self {
        Self {
            account_id: log.account.clone(),
            lineage: log.lineage.clone(),
            from_sequence: log.from,
            to_sequence: log.last_sequence(),
            events: log.steps.len(),
            verdicts: Vec::new(),
            not_judged: log.remarks.clone(),
        }
    }

    pub(super) fn judge<F>(&mut self, rule: &Rule<F>, judge: impl FnOnce(&mut Findings)) {
        let mut found = Findings::default();
        judge(&mut found);
        self.not_judged.append(&mut found.remarks);
        if found.excused > 0 {
            let Rule { name, promise, .. } = rule;
            self.remark(format!(
                "{name}, {} times, for the account gave old or empty answers: {promise}",
                found.excused
            ));
        }
        self.verdicts.push(Verdict {
            invariant: rule.name,
            promise: rule.promise,
            checked: found.checked,
            violated: found.violated,
            excused: found.excused,
            violations: found.violations,
        });
    }

    pub(super) fn remark(&mut self, text: impl Into<String>) {
        self.not_judged.push(text.into());
    }

    /// The names of the violated invariants.
    #[must_use]
    pub fn violated(&self) -> Vec<&'static str> {
        self.verdicts.iter().filter(|verdict| verdict.violated > 0).map(|verdict| verdict.invariant).collect()
    }

    /// Whether nothing is violated.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violated().is_empty()
    }
}

/// The table: a line an invariant, then every violation, then what was not judged.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.to_sequence.map_or_else(|| "none".to_owned(), |to| to.to_string());
        writeln!(f, "account {}, lineage {}", self.account_id, self.lineage.as_deref().unwrap_or("none"))?;
        writeln!(f, "sequences {} to {to}, {} events\n", self.from_sequence, self.events)?;
        writeln!(f, "{:<18} {:>9} {:>9}  VERDICT", "INVARIANT", "CHECKED", "VIOLATED")?;
        for verdict in &self.verdicts {
            let (checked, violated) = (verdict.checked, verdict.violated);
            writeln!(f, "{:<18} {checked:>9} {violated:>9}  {}", verdict.invariant, verdict.word())?;
        }
        for verdict in self.verdicts.iter().filter(|verdict| verdict.violated > 0) {
            writeln!(f, "\n{}: {}", verdict.invariant, verdict.promise)?;
            verdict.violations.iter().try_for_each(|violation| writeln!(f, "  {violation}"))?;
            let untold = verdict.violated - verdict.violations.len() as u64;
            if untold > 0 {
                writeln!(f, "  and {untold} more")?;
            }
        }
        self.not_judged.iter().try_for_each(|remark| write!(f, "\nnot judged: {remark}"))?;
        if self.not_judged.is_empty() { Ok(()) } else { writeln!(f) }
    }
}

impl Verdict {
    fn word(&self) -> &'static str {
        match (self.checked, self.violated) {
            (0, _) => "nothing to judge",
            (_, 0) => "holds",
            _ => "VIOLATED",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = String::new();
        if let (Some(topic), Some(partition), Some(offset)) = (&self.topic, self.partition, self.offset) {
            write!(at, "{topic}[{partition}]@{offset} ")?;
        }
        if let Some(key) = &self.key {
            // A forged key may hold anything; none of it may reach the terminal.
            write!(at, "{} ", key.escape_debug())?;
        }
        if let Some(sequence) = self.sequence {
            write!(at, "sequence {sequence} ")?;
        }
        write!(f, "{}: {}", at.trim_end(), self.reason)
    }
}
