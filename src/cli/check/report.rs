//! The verdicts of `ramstream check`: a table for people, a document for programs, an exit code for scripts.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::{Exit, format::write_json};

/// What is looked at, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    Configuration,
    Credentials,
    Clock,
    Permissions,
    Brokers,
    Topics,
    Rights,
    Transactions,
    Registry,
    Schemas,
}

const PARTS: &[(Part, &str)] = &[
    (Part::Configuration, "configuration"),
    (Part::Credentials, "credentials"),
    (Part::Clock, "clock"),
    (Part::Permissions, "permissions"),
    (Part::Brokers, "brokers"),
    (Part::Topics, "topics"),
    (Part::Rights, "rights"),
    (Part::Transactions, "transactions"),
    (Part::Registry, "registry"),
    (Part::Schemas, "schemas"),
];

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Warning,
    NotChecked,
    /// With the exit code that says what sort of failure it is.
    Failed(Exit),
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::NotChecked => "not checked",
            Self::Failed(_) => "failed",
        }
    }

    fn exit(self) -> Option<Exit> {
        if let Self::Failed(exit) = self { Some(exit) } else { None }
    }
}

/// One verdict.
#[derive(Debug, Clone)]
pub(super) struct Row {
    part: Part,
    /// The key, operation, topic or subject.
    what: String,
    verdict: Verdict,
    told: String,
    mend: Option<String>,
}

impl Row {
    fn new(part: Part, what: impl Into<String>, verdict: Verdict, told: impl Into<String>) -> Self {
        Self { part, what: what.into(), verdict, told: told.into(), mend: None }
    }

    pub(super) fn ok(part: Part, what: impl Into<String>, told: impl Into<String>) -> Self {
        Self::new(part, what, Verdict::Ok, told)
    }

    pub(super) fn warning(
        part: Part,
        what: impl Into<String>,
        told: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { mend: Some(mend.into()), ..Self::new(part, what, Verdict::Warning, told) }
    }

    pub(super) fn failed(
        part: Part,
        what: impl Into<String>,
        exit: Exit,
        told: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { mend: Some(mend.into()), ..Self::new(part, what, Verdict::Failed(exit), told) }
    }

    pub(super) fn not_checked(part: Part, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(part, what, Verdict::NotChecked, why)
    }

    /// What to do so that it can be known.
    pub(super) fn with_mend(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }

    fn as_json(&self) -> Value {
        json!({ "part": self.part, "what": self.what, "verdict": self.verdict.word().replace(' ', "_"),
            "detail": self.told, "fix": self.mend })
    }
}

/// All verdicts.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) account_id: Option<String>,
    pub(super) rows: Vec<Row>,
}

/// The first of these that something failed with.
const WORST_FIRST: [Exit; 5] = [Exit::Usage, Exit::Refused, Exit::Unavailable, Exit::Failed, Exit::Partial];

/// So many rows in order of one part are counted and not told each.
const MANY: usize = 3;

impl Report {
    pub(super) fn exit(&self) -> Exit {
        let failed = |exit: &Exit| self.rows.iter().any(|row| row.verdict.exit() == Some(*exit));
        WORST_FIRST.into_iter().find(failed).unwrap_or(Exit::Complete)
    }

    fn count(&self, word: &str) -> usize {
        self.rows.iter().filter(|row| row.verdict.word() == word).count()
    }

    /// The last line: how many of each.
    fn summary(&self) -> String {
        let [ok, warnings, failed, unknown] = ["ok", "warning", "failed", "not checked"].map(|word| self.count(word));
        format!("{ok} ok, {warnings} warnings, {failed} failed, {unknown} not checked")
    }

    pub(super) fn print_json(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let checks: Vec<Value> = self.rows.iter().map(Row::as_json).collect();
        let exit_code = self.exit() as u8;
        write_json(out, &json!({ "account_id": self.account_id, "exit_code": exit_code, "checks": checks }))
    }

    /// `all`: each row that is in order, also where there are many.
    pub(super) fn print_table(&self, out: &mut impl Write, all: bool) -> io::Result<()> {
        for (part, name) in PARTS {
            let rows: Vec<&Row> = self.rows.iter().filter(|row| row.part == *part).collect();
            let in_order = rows.iter().filter(|row| row.verdict == Verdict::Ok).count();
            let counted = !all && in_order > MANY;
            let mut name = *name;
            if counted {
                writeln!(out, "{name:<14} {:<12} {in_order} checks passed", Verdict::Ok.word())?;
                name = "";
            }
            let told = rows.into_iter().filter(|row| !counted || row.verdict != Verdict::Ok);
            for (row, others) in if all { told.map(|row| (row, 0)).collect() } else { folded(told) } {
                let and = if others == 0 { String::new() } else { format!(" and {others} more") };
                writeln!(out, "{name:<14} {:<12} {}{and}: {}", row.verdict.word(), row.what, row.told)?;
                if let Some(mend) = &row.mend {
                    writeln!(out, "{:<27} fix: {mend}", "")?;
                }
                name = "";
            }
        }
        writeln!(out, "\n{}", self.summary())
    }
}

/// Rows that differ by what they are about alone, as the first of them and how many others.
fn folded<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<(&'a Row, usize)> {
    let mut folded: Vec<(&Row, usize)> = Vec::new();
    for row in rows {
        let says_the_same =
            |first: &Row| (first.verdict, &first.told, &first.mend) == (row.verdict, &row.told, &row.mend);
        match folded.iter_mut().find(|(first, _)| row.verdict != Verdict::Ok && says_the_same(first)) {
            Some((_, others)) => *others += 1,
            None => folded.push((row, 0)),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(rows: Vec<Row>, all: bool) -> String {
        let mut out = Vec::new();
        Report { account_id: None, rows }.print_table(&mut out, all).expect("it is written");
        String::from_utf8(out).expect("it is text")
    }

    #[test]
    fn many_rows_in_order_are_counted_and_what_is_not_in_order_is_told_with_its_mend() {
        let mut rows: Vec<Row> = ["a", "b", "c", "d"].map(|topic| Row::ok(Part::Topics, topic, "as wanted")).into();
        rows.insert(1, Row::failed(Part::Topics, "e", Exit::Refused, "is not there", "make it"));
        let told = printed(rows.clone(), false);
        assert!(told.starts_with("topics         ok           4 checks passed\n"), "{told}");
        assert!(
            told.contains("               failed       e: is not there\n                            fix: make it\n")
        );
        assert!(told.ends_with("\n4 ok, 0 warnings, 1 failed, 0 not checked\n"), "{told}");
        assert!(printed(rows, true).contains("topics         ok           a: as wanted\n"));
    }

    #[test]
    fn what_is_wrong_with_many_in_the_same_way_is_told_once_unless_all_is_asked_for() {
        let rows: Vec<Row> =
            ["a", "b", "c"].map(|topic| Row::failed(Part::Topics, topic, Exit::Refused, "too few", "more")).into();
        assert!(printed(rows.clone(), false).starts_with("topics         failed       a and 2 more: too few\n"));
        assert_eq!(printed(rows, true).matches("too few").count(), 3);
    }

    #[test]
    fn the_exit_code_is_that_of_the_worst_and_warnings_and_what_was_not_checked_are_none() {
        let exit = |rows| Report { account_id: None, rows }.exit();
        let failed = |exit| Row::failed(Part::Brokers, "x", exit, "told", "mend");
        assert_eq!(exit(vec![failed(Exit::Partial), failed(Exit::Unavailable)]), Exit::Unavailable);
        assert_eq!(exit(vec![failed(Exit::Failed), failed(Exit::Usage), failed(Exit::Refused)]), Exit::Usage);
        let harmless = vec![Row::warning(Part::Clock, "x", "told", "mend"), Row::not_checked(Part::Rights, "x", "why")];
        assert_eq!(exit(harmless), Exit::Complete);
    }

    #[test]
    fn every_part_has_its_place_in_the_table() {
        let order: Vec<Part> = PARTS.iter().map(|(part, _)| *part).collect();
        assert!(order.is_sorted());
        assert_eq!(order.last(), Some(&Part::Schemas));
        assert_eq!(order.len(), Part::Schemas as usize + 1);
    }
}
