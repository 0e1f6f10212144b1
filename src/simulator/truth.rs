//! The truth log: what the account was at the beginning, what happened to it, and what was told to whom, one JSON object
//! per line.
//!
//! Promises: `sequence` rises by one per line, also across a restart onto the same file; `time_ms` never falls; a line
//! is in the file before the call that it is about is answered. An `account` line, written at every start, has the whole
//! account in the form of the account file. A `mutation` line has the whole row before and after. A `request` line says
//! in `as_of` which of those lines is the last that the answer shows. Secrets, signatures and tokens are left out.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Mutex;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::account::Account;
use super::draft::Change;
use super::named;
use super::parameters::Parameters;

/// Parameters that are not written down.
const WITHHELD: &[&str] =
    &["AccessKeyId", "Signature", "SecurityToken", "SignatureNonce", "OIDCToken", "ExternalId", "Password"];

/// The log; it counts also where it is not kept.
#[derive(Debug)]
pub(super) struct Truth(Mutex<State>);

#[derive(Debug)]
struct State {
    sink: Sink,
    sequence: u64,
    last_mutation: u64,
    last_time_ms: i64,
}

/// Where the lines go.
#[derive(Debug)]
enum Sink {
    Nowhere,
    File(File),
    #[cfg(feature = "simulation")]
    Memory(Vec<String>),
}

/// A line.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    what: What<'a>,
    sequence: u64,
    time_ms: i64,
}

/// What a line is about.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum What<'a> {
    Account { account: &'a Account },
    Mutation { operation: &'a str, change: &'a Change },
    Request { request: &'a Served<'a> },
}

/// A request that was answered.
#[derive(Debug, Serialize)]
pub(super) struct Served<'a> {
    /// Unix milliseconds by the simulated clock.
    pub received_ms: i64,
    /// Unix milliseconds by the simulated clock.
    pub answered_ms: i64,
    /// The user agent that asked.
    pub client: &'a str,
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
    /// The sequence of the last line about the account that the answer shows.
    pub as_of: u64,
}

impl Truth {
    /// Appends to the file at `path`, or only counts.
    ///
    /// # Errors
    /// The file cannot be opened or read.
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let mut state = State { sink: Sink::Nowhere, sequence: 0, last_mutation: 0, last_time_ms: i64::MIN };
        if let Some(path) = path {
            let opened = OpenOptions::new().create(true).append(true).read(true).open(path);
            let file = opened.map_err(|error| named(path, &error))?;
            state.sequence = last_sequence(&file)?;
            state.sink = Sink::File(file);
        }
        Ok(Self(Mutex::new(state)))
    }

    /// Keeps the log in memory.
    #[cfg(feature = "simulation")]
    pub(super) fn in_memory() -> Self {
        let sink = Sink::Memory(Vec::new());
        Self(Mutex::new(State { sink, sequence: 0, last_mutation: 0, last_time_ms: i64::MIN }))
    }

    /// The lines that are kept in memory.
    #[cfg(feature = "simulation")]
    pub(super) fn lines(&self) -> Vec<String> {
        match &super::lock(&self.0).sink {
            Sink::Memory(lines) => lines.clone(),
            Sink::Nowhere | Sink::File(_) => Vec::new(),
        }
    }

    /// Writes down what the account is as the log begins, or goes on after a restart.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn began(&self, now: Timestamp, account: &Account) -> io::Result<()> {
        let mut state = super::lock(&self.0);
        state.write(now.as_millisecond(), What::Account { account })?;
        state.last_mutation = state.sequence;
        Ok(())
    }

    /// Writes down what `operation` changed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn mutated(&self, now: Timestamp, operation: &str, changes: &[Change]) -> io::Result<()> {
        let mut state = super::lock(&self.0);
        for change in changes {
            state.write(now.as_millisecond(), What::Mutation { operation, change })?;
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
        if matches!(state.sink, Sink::Nowhere) {
            return Ok(());
        }
        state.write(served.answered_ms, What::Request { request: served })
    }

    /// The sequence of the last line about the account.
    #[must_use]
    pub(super) fn last_mutation(&self) -> u64 {
        super::lock(&self.0).last_mutation
    }
}

impl State {
    fn write(&mut self, time_ms: i64, what: What<'_>) -> io::Result<()> {
        self.sequence += 1;
        self.last_time_ms = self.last_time_ms.max(time_ms);
        if matches!(self.sink, Sink::Nowhere) {
            return Ok(());
        }
        let mut text = serde_json::to_string(&Line { what, sequence: self.sequence, time_ms: self.last_time_ms })?;
        match &mut self.sink {
            Sink::Nowhere => Ok(()),
            #[cfg(feature = "simulation")]
            Sink::Memory(lines) => {
                lines.push(text);
                Ok(())
            }
            // One write per line straight to the file: nothing is left in a buffer when the process ends.
            Sink::File(file) => {
                text.push('\n');
                file.write_all(text.as_bytes())
            }
        }
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
