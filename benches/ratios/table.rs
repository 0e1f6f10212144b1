//! The one table that is printed, and the machine that it was measured on.

use std::{fmt, fs, thread};

/// What a figure is to be.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

impl Goal {
    fn is_met_by(self, measured: f64) -> bool {
        match self {
            Self::AtMost(most) => measured <= most,
            Self::AtLeast(least) => measured >= least,
        }
    }
}

/// One line of the table.
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: &'static str,
    /// The number that is held against the goal.
    pub(crate) measured: f64,
    /// ` s`, ` calls` or ` x`.
    pub(crate) unit: &'static str,
    /// What it is to be.
    pub(crate) goal: Goal,
    /// What the number was made of.
    pub(crate) detail: String,
}

impl Figure {
    fn number(&self, value: f64) -> String {
        let digits = if value.fract() == 0.0 && self.unit != " x" { 0 } else { 2 };
        format!("{value:.digits$}{}", self.unit)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goal = match self.goal {
            Goal::AtMost(most) => format!("<= {}", self.number(most)),
            Goal::AtLeast(least) => format!(">= {}", self.number(least)),
        };
        let verdict = if self.goal.is_met_by(self.measured) { "met" } else { "MISSED" };
        write!(f, "| {} | {} | {goal} | {verdict} | {} |", self.name, self.number(self.measured), self.detail)
    }
}

/// Prints the table in Markdown, as it stands in `docs/benchmarks.md`.
pub(crate) fn print(figures: &[Figure]) {
    println!("\n{}\n", machine());
    println!("| figure | measured | goal | verdict | made of |");
    println!("|---|---:|---:|---|---|");
    for figure in figures {
        println!("{figure}");
    }
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        line.split(':').nth(1).unwrap_or("unknown").trim().to_owned()
    };
    let processors = thread::available_parallelism().map_or(0, usize::from);
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let load = read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    format!(
        "{processors} processors ({}), memory {memory}, Linux {}, load average at the end {load}",
        field(&read("/proc/cpuinfo"), "model name"),
        read("/proc/sys/kernel/osrelease").trim(),
    )
}
