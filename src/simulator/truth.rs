//! The truth log: what happened to the account, and what was told to whom, one JSON object per line.
//!
//! Promises: `sequence` rises by one per line, also across a restart onto the same file; `time_ms` never falls; a line
//! is in the file before the call that it is about is answered. A `mutation` line has the whole row before and after.
//! A `request` line says in `as_of` which mutation's sequence the answer was based on. Secrets, signatures and tokens
//! are left out.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Mutex;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::draft::Change;
use super::named;
use super::parameters::Parameters;

/// Parameters that are not written down.
const WITHHELD: &[&str] = &["AccessKeyId", "Signature", "SecurityToken", "SignatureNonce"];

/// The log; it counts also where there is no file.
#[derive(Debug)]
pub(super) struct Truth(Mutex<State>);

#[derive(Debug)]
struct State {
    file: Option<File>,
    sequence: u64,
    last_mutation: u64,
    last_time_ms: i64,
}

/// A request that was answered.
#[derive(Debug, Serialize)]
pub(super) struct Served<'a> {
    /// Unix milliseconds by the simulated clock.
    pub received_ms: i64,
    /// Unix milliseconds by the simulated clock.
    pub answered_ms: i64,
    /// The action, if it is known.
    pub operation: Option<&'a str>,
    /// The version, if the action is known.
    pub version: Option<&'a str>,
    /// Parameters without secrets.
    pub parameters: Map<String, Value>,
    /// Which page was asked for, from 1 on.
    pub page: u32,
    /// HTTP status; 0 if the connection ended without an answer.
    pub status: u16,
    /// The refusal's code.
    pub code: Option<&'a str>,
    /// The fault that struck.
    pub fault: Option<super::faults::Effect>,
    /// As in the answer.
    pub request_id: &'a str,
    /// The sequence of the last mutation that the answer shows.
    pub as_of: u64,
}

impl Truth {
    /// Appends to the file at `path`, or only counts.
    ///
    /// # Errors
    /// The file cannot be opened or read.
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let mut state = State { file: None, sequence: 0, last_mutation: 0, last_time_ms: i64::MIN };
        if let Some(path) = path {
            let opened = OpenOptions::new().create(true).append(true).read(true).open(path);
            let file = opened.map_err(|error| named(path, &error))?;
            state.sequence = last_sequence(&file)?;
            state.file = Some(file);
        }
        Ok(Self(Mutex::new(state)))
    }

    /// Writes down what `operation` changed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn mutated(&self, now: Timestamp, operation: &str, changes: &[Change]) -> io::Result<()> {
        let mut state = super::lock(&self.0);
        for change in changes {
            let line = json!({ "type": "mutation", "operation": operation, "change": change });
            state.write(now.as_millisecond(), line)?;
            state.last_mutation = state.sequence;
        }
        Ok(())
    }

    /// Writes down a request and what was answered.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn served(&self, served: &Served<'_>) -> io::Result<()> {
        let mut state = super::lock(&self.0);
        if state.file.is_none() {
            return Ok(());
        }
        state.write(served.answered_ms, json!({ "type": "request", "request": served }))
    }

    /// The sequence of the last mutation.
    #[must_use]
    pub(super) fn last_mutation(&self) -> u64 {
        super::lock(&self.0).last_mutation
    }
}

impl State {
    fn write(&mut self, time_ms: i64, mut line: Value) -> io::Result<()> {
        self.sequence += 1;
        self.last_time_ms = self.last_time_ms.max(time_ms);
        let Some(file) = &mut self.file else { return Ok(()) };
        line["sequence"] = self.sequence.into();
        line["time_ms"] = self.last_time_ms.into();
        let mut text = line.to_string();
        text.push('\n');
        // One write per line straight to the file: nothing is left in a buffer when the process ends.
        file.write_all(text.as_bytes())
    }
}

/// The parameters that may be written down.
#[must_use]
pub(super) fn without_secrets(parameters: &Parameters) -> Map<String, Value> {
    let shown = parameters.pairs().iter().filter(|(name, _)| !WITHHELD.contains(&name.as_str()));
    shown.map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

fn last_sequence(file: &File) -> io::Result<u64> {
    let mut last = 0;
    for line in BufReader::new(file).lines() {
        let line: Value = serde_json::from_str(&line?).unwrap_or_default();
        last = line["sequence"].as_u64().unwrap_or(last);
    }
    Ok(last)
}
