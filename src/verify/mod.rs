//! The checker: reads the topics as any consumer would, and judges whether they keep what they promise.
//!
//! Promises: a verdict rests only on the records, on the schemas that the registry has for them and, where there is
//! one, on the simulator's truth log. It shares no code with what compares, keeps state or makes events: the fold, the
//! ids and the digests are worked out here anew. What cannot be judged is said, never passed over.
//!
//! Deliberately unknown here: how the daemon works, and the kinds, except which keys are edges and what the truth log's
//! rows are called.
//!
//! Reading order: `record` (what was read), `log` (the events in their order, with what was held before each; without
//! isolation `aborted` sorts out first),
//! `rules` (one function an invariant), [`report`]; `topics` and `consumer` do the reading, by
//! [`crate::decode`].
//!
//! One limit: the events judged are held in memory, so it takes about as much as they do decoded.

pub mod report;

mod aborted;
mod consumer;
mod fields;
mod fold;
pub(crate) mod intake;
mod log;
#[cfg(feature = "simulation")]
mod memory;
mod record;
mod rules;
mod topics;
mod truth;

use std::path::Path;
use std::sync::Arc;

use crate::decode::DecodeError;
use crate::kafka::Connection;
use crate::kafka::registry::Registry;

pub use consumer::{Isolation, ReadError};
#[cfg(feature = "simulation")]
pub use memory::{KnownSchemas, RawRecord, judge_records};
pub use report::{Report, Verdict, Violation};
pub use truth::TruthError;

use log::Log;
use record::Reading;
use truth::Truth;

/// What to judge.
#[derive(Debug, Clone)]
pub struct Question {
    /// The prefix of the topics.
    pub topic_prefix: String,
    /// The account.
    pub account_id: String,
    /// Which records are read.
    pub isolation: Isolation,
    /// The first sequence to judge; from the beginning if there is none.
    pub from_sequence: Option<i64>,
}

/// Why nothing could be judged.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A topic could not be read: try again when the brokers can be reached.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A record could not be decoded: the registry cannot be reached, or the record was written by somebody else.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The truth log cannot be used.
    #[error(transparent)]
    Truth(#[from] TruthError),
}

/// Reads the topics and judges them, also against the truth log if there is one.
///
/// # Errors
/// Nothing could be judged.
pub async fn verify(
    connection: Arc<Connection>,
    registry: &Registry,
    question: &Question,
    truth: Option<&Path>,
) -> Result<Report, VerifyError> {
    let reading = topics::read(connection, registry, question).await?;
    let truth = truth.map(|path| Truth::load(path, &question.account_id)).transpose()?;
    Ok(judge(reading, question.from_sequence, truth.as_ref()))
}

/// Judges what was read.
fn judge(reading: Reading, from_sequence: Option<i64>, truth: Option<&Truth>) -> Report {
    let log = Log::new(reading, from_sequence);
    let mut report = Report::new(&log);
    for rule in rules::RULES {
        report.judge(rule, |found| (rule.judge)(&log, found));
    }
    match truth {
        Some(truth) => {
            for rule in rules::TRUTH_RULES {
                report.judge(rule, |found| (rule.judge)(&log, truth, found));
            }
        }
        None => report.remark("no truth log was given: whether the account really was so is not judged"),
    }
    report
}

#[cfg(test)]
mod tests;
