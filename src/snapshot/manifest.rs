//! `manifest.json`: what an export holds, and how its holder proves that it is all there.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    event::{Replay, Tally},
    model::{Kind, Millis, Reason, Scope},
    state::{Digest, State},
};

/// Its name in the directory.
pub const MANIFEST: &str = "manifest.json";

/// The format that this version writes and reads.
pub(super) const FORMAT: u32 = 1;

/// How the rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Avro object container files.
    Avro,
    /// A JSON object a line.
    Jsonl,
}

impl Encoding {
    /// The end of its files' names.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Avro => "avro",
            Self::Jsonl => "jsonl",
        }
    }

    /// The file that the rows of `kind` stand in.
    #[must_use]
    pub fn file_of(self, kind: Kind) -> String {
        format!("{}.{}", kind.plural(), self.extension())
    }
}

/// What an export holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    pub(super) format: u32,
    /// The account.
    pub account_id: String,
    /// Its label from the configuration.
    pub account_name: Option<String>,
    /// UUID of the state's history.
    pub lineage: Uuid,
    /// The number of the sync that the state is that of.
    pub sequence: i64,
    /// Its reading of the cloud; null at sequence 0.
    pub sync_id: Option<Uuid>,
    /// How the rows are written.
    pub encoding: Encoding,
    /// Count of all rows.
    pub rows: u64,
    /// A file a kind.
    pub kinds: Vec<KindFile>,
    /// What of these kinds was not known; its rows are those of an earlier reading, if there are any.
    pub unknown_scopes: Vec<UnknownScope>,
}

/// The rows of one kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KindFile {
    /// The kind.
    pub kind: Kind,
    /// The file's name.
    pub file: String,
    /// Count of its rows.
    pub count: u64,
    /// Sum mod 2^128 of the first 16 bytes of SHA-256 of each row's event id, in hex.
    pub digest: Digest,
    /// The digest of the kind in the published state: over keys, revisions and contents.
    pub state_digest: Digest,
    /// The version of what is compared and published of it.
    pub model_version: String,
    /// Whether it had been read at all.
    pub baseline: bool,
    /// Start of the window of its last reading, Unix milliseconds.
    pub begun_at: Option<Millis>,
    /// End of the window of its last complete reading, Unix milliseconds.
    pub complete_at: Option<Millis>,
    /// The Avro schema of its rows.
    pub schema: Box<RawValue>,
}

/// A scope that was not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownScope {
    /// The scope.
    pub scope: Scope,
    /// Why, in one word.
    pub reason: Reason,
    /// Start of its last complete reading, Unix milliseconds; null if it was never read.
    pub since: Option<Millis>,
    /// Whether it had no part in its collection's baseline.
    pub missed: bool,
}

impl Manifest {
    /// The manifest of these rows of `state`.
    pub(super) fn of(state: &State, replay: &Replay, encoding: Encoding, tallies: &[(Kind, Tally)]) -> Self {
        let batch = replay.batch();
        let scopes = state.scopes().values();
        let is_of_one = |scope: &Scope| tallies.iter().any(|(kind, _)| scope.kind() == Some(*kind));
        Self {
            format: FORMAT,
            account_id: batch.account_id.clone(),
            account_name: batch.account_name.clone(),
            lineage: batch.lineage,
            sequence: batch.sequence,
            sync_id: state.progress().and_then(|progress| progress.sync_id),
            encoding,
            rows: tallies.iter().map(|(_, tally)| tally.count).sum(),
            kinds: tallies.iter().map(|(kind, tally)| KindFile::of(state, *kind, *tally, encoding)).collect(),
            unknown_scopes: scopes
                .filter(|record| is_of_one(&record.scope))
                .map(|record| UnknownScope {
                    scope: record.scope.clone(),
                    reason: record.reason,
                    since: record.since,
                    missed: record.missed,
                })
                .collect(),
        }
    }
}

impl KindFile {
    fn of(state: &State, kind: Kind, tally: Tally, encoding: Encoding) -> Self {
        let said = state.progress_of(kind);
        Self {
            kind,
            file: encoding.file_of(kind),
            count: tally.count,
            digest: tally.digest,
            state_digest: state.digest(kind),
            model_version: state.model_version(kind).to_owned(),
            baseline: said.baselined,
            begun_at: said.begun_at,
            complete_at: said.complete_at,
            schema: RawValue::from_string(kind.schema().trim().to_owned()).expect("a test parses every schema"),
        }
    }
}
