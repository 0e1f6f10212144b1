//! What progress remembers of requests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::RequestId;
use crate::model::{Kind, Millis};

/// So many outcomes are remembered: a request repeated after that many others is a new one.
pub const REMEMBERED: usize = 100;

/// How far the `.control` topic was read, and what became of the last requests.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Journal {
    /// Partition → the next offset to read.
    pub cursor: BTreeMap<i32, i64>,
    /// When the cursor was last written, Unix milliseconds.
    pub written_at: Option<Millis>,
    /// Shared by all copies of this journal: there are many, and few of them note anything.
    #[serde(serialize_with = "write_shared", deserialize_with = "read_shared")]
    outcomes: Arc<VecDeque<Outcome>>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// What it asked for was done.
    Completed,
    /// It was not acceptable.
    Rejected,
    /// Its time had passed.
    Expired,
    /// It was cancelled while it waited.
    Cancelled,
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The caller's id.
    pub request_id: RequestId,
    /// `replay` or `sync`. (What is malformed has no outcome, and a cancel is that of what it cancels.)
    pub action: String,
    /// How it ended.
    pub ended: Ended,
    /// When, Unix milliseconds.
    pub at: Millis,
    /// The sequence that was replayed, or that the sync was committed with; otherwise that of the time.
    pub sequence: i64,
    /// Rows of a replay by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rows: BTreeMap<Kind, u64>,
    /// Why it was not done, or in what it fell short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Of a sync that was done: `complete`, `partial` or `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_outcome: Option<String>,
}

impl Ended {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Journal {
    /// The outcomes, the oldest first.
    pub fn outcomes(&self) -> impl DoubleEndedIterator<Item = &Outcome> {
        self.outcomes.iter()
    }

    /// The same, to be kept.
    #[must_use]
    pub fn shared_outcomes(&self) -> Arc<VecDeque<Outcome>> {
        Arc::clone(&self.outcomes)
    }

    /// What became of a request; `None` if it is not known, or not any more.
    #[must_use]
    pub fn outcome(&self, id: &RequestId) -> Option<&Outcome> {
        self.outcomes.iter().rev().find(|outcome| outcome.request_id == *id)
    }

    /// Whether nothing was ever read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Remembers an outcome, and forgets the oldest one for it.
    pub fn note(&mut self, outcome: Outcome) {
        let outcomes = Arc::make_mut(&mut self.outcomes);
        outcomes.push_back(outcome);
        while outcomes.len() > REMEMBERED {
            outcomes.pop_front();
        }
    }
}

fn write_shared<S: Serializer>(outcomes: &Arc<VecDeque<Outcome>>, serializer: S) -> Result<S::Ok, S::Error> {
    outcomes.as_ref().serialize(serializer)
}

fn read_shared<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<VecDeque<Outcome>>, D::Error> {
    VecDeque::deserialize(deserializer).map(Arc::new)
}
