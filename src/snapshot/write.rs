//! Writing an export: row by row out of the state, of which there is no second copy.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use uuid::Uuid;

use super::{
    manifest::{Encoding, MANIFEST, Manifest},
    place::{Place, PlaceError, io_error},
};
use crate::{
    avro::{
        EncodeError,
        container::{ContainerWriter, to_json},
    },
    event::{Replay, Tally, rows},
    model::Kind,
    state::State,
};

/// What is to be written, and where.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The directory.
    pub to: &'a Path,
    /// How the rows are written.
    pub encoding: Encoding,
    /// Of which kinds, each once.
    pub kinds: &'a [Kind],
    /// The account's label.
    pub account_name: Option<&'a str>,
    /// Whether an export that is there is replaced.
    pub force: bool,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// There is no progress.
    #[error("nothing has been published of account {0} to these topics yet: publish it first (`ramstream run --once`)")]
    NothingPublished(String),
    /// Entities were written under another model version, and no sync has renewed them yet.
    #[error(
        "{count} entities of kind {kind} stand in the state as another version of ramstream wrote them: let this version \
         sync first (`ramstream run --once`), or export with the version that wrote them"
    )]
    OtherVersion {
        /// The kind.
        kind: Kind,
        /// How many.
        count: usize,
    },
    /// It cannot stand there.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// A row cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Writes `state`, which is verified, as files. What it returns stands in `manifest.json`.
///
/// # Errors
/// Nothing was written, for this reason.
pub fn write(state: &State, order: Order<'_>) -> Result<Manifest, WriteError> {
    let replay = Replay::of(state, order.kinds, order.account_name, None);
    let replay = replay.ok_or_else(|| WriteError::NothingPublished(state.account().to_owned()))?;
    for kind in order.kinds {
        let count = state.entities(*kind).values().filter(|held| !held.is_current()).count();
        if count > 0 {
            return Err(WriteError::OtherVersion { kind: *kind, count });
        }
    }
    let place = Place::beside(order.to, order.force)?;
    let names = state.names();
    let (mut tallies, mut first_index) = (Vec::new(), 0);
    for kind in order.kinds {
        let path = place.path().join(order.encoding.file_of(*kind));
        let mut file = Output::create(&path)?;
        let mut tally = Tally::default();
        let mut container = match order.encoding {
            Encoding::Avro => Some(ContainerWriter::new(*kind, marker(&replay, *kind))?),
            Encoding::Jsonl => None,
        };
        for row in rows(state, *kind, first_index) {
            let event = replay.envelope(&row);
            tally.add(&event.event_id.to_string());
            file.write(&match &mut container {
                Some(container) => {
                    container.append(&event, &names)?;
                    container.take()
                }
                None => [to_json(&event, &names)?, b"\n".to_vec()].concat(),
            })?;
        }
        if let Some(container) = container {
            file.write(&container.finish()?)?;
        }
        file.finish()?;
        first_index += state.entities(*kind).len();
        tallies.push((*kind, tally));
    }
    let manifest = Manifest::of(state, &replay, order.encoding, &tallies);
    let mut text = serde_json::to_vec_pretty(&manifest).map_err(EncodeError::from)?;
    text.push(b'\n');
    let path = place.path().join(MANIFEST);
    let mut file = Output::create(&path)?;
    file.write(&text)?;
    file.finish()?;
    place.fill()?;
    Ok(manifest)
}

/// What stands between the blocks of a file: unlikely in it, and the same each time.
fn marker(replay: &Replay, kind: Kind) -> [u8; 16] {
    let batch = replay.batch();
    Uuid::new_v5(&batch.lineage, format!("blocks\n{}\n{kind}", batch.sequence).as_bytes()).into_bytes()
}

/// A new file, and its path for errors.
struct Output<'a> {
    path: &'a Path,
    file: BufWriter<File>,
}

const CANNOT_WRITE: &str = "it cannot be written";

impl<'a> Output<'a> {
    fn create(path: &'a Path) -> Result<Self, PlaceError> {
        let file = File::create_new(path).map_err(io_error(path, CANNOT_WRITE))?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PlaceError> {
        self.file.write_all(bytes).map_err(io_error(self.path, CANNOT_WRITE))
    }

    /// Down to the disk.
    fn finish(self) -> Result<(), PlaceError> {
        let file = self.file.into_inner().map_err(|error| error.into_error());
        file.and_then(|file| file.sync_all()).map_err(io_error(self.path, CANNOT_WRITE))
    }
}
