//! Reading an export back: every row is held against the manifest, and the whole against both digests.

use std::{
    fmt,
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use uuid::Uuid;

use super::manifest::{Encoding, FORMAT, KindFile, MANIFEST, Manifest};
use crate::{
    avro::container::{ContainerReader, ReadEvent, from_json},
    event::{Tally, row_id},
    model::{Entity, ForKind, Key, Redacted},
    state::{CollectionProgress, Progress, ScopeRecord, State, entity_record, progress_key, scope_key},
};

/// No row has that many bytes: brokers take records of a few MiB.
const LONGEST_LINE: u64 = 256 << 20;

/// A snapshot that was read back and is proven whole.
#[derive(Debug, Clone)]
pub struct Export {
    /// What it says of itself.
    pub manifest: Manifest,
    /// The state that it holds: of the kinds in the manifest, with what was unknown of them.
    pub state: State,
}

/// Why a directory is not taken for an export.
#[derive(Debug, thiserror::Error)]
#[error("{}{spot}: {reason}\n  fix: {mend}", .path.display())]
pub struct ReadError {
    path: PathBuf,
    spot: Spot,
    reason: String,
    mend: &'static str,
}

/// Where in a file.
#[derive(Debug, Clone, Copy)]
enum Spot {
    File,
    Line(usize),
    Record(usize),
}

const EXPORT_AGAIN: &str = "copy or export it again; an export that was damaged or edited is not compared";
const GIVE_AN_EXPORT: &str = "give a directory that `ramstream snapshot export` wrote";
const USE_ITS_VERSION: &str = "use the version of ramstream that wrote it";

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => Ok(()),
            Self::Line(number) => write!(f, ":{number}"),
            Self::Record(number) => write!(f, ", record {number}"),
        }
    }
}

impl Export {
    /// Reads the export in `directory`, whole.
    ///
    /// # Errors
    /// It is none, or not what it says of itself.
    pub fn read(directory: &Path) -> Result<Self, ReadError> {
        let path = directory.join(MANIFEST);
        let text =
            fs::read(&path).map_err(|error| bad(&path, format!("it cannot be read: {error}"), GIVE_AN_EXPORT))?;
        let manifest = parse_manifest(&path, &text)?;
        let versions = manifest.kinds.iter().map(|file| (file.kind, file.model_version.clone()));
        let mut state = State::new(&manifest.account_id).leaving_out(Arc::new(Redacted::by_versions(versions)));
        for file in &manifest.kinds {
            let path = directory.join(&file.file);
            let tally = file.kind.with(ReadFile { path: &path, manifest: &manifest, state: &mut state })?;
            let expected = Tally { count: file.count, digest: file.digest };
            if tally != expected {
                let reason = format!(
                    "it holds {} rows with the digest {}, {MANIFEST} says {} with {}",
                    tally.count, tally.digest, expected.count, expected.digest
                );
                return Err(bad(&path, reason, EXPORT_AGAIN));
            }
            if state.digest(file.kind) != file.state_digest {
                let reason = format!("its rows are those of {MANIFEST}, but not their contents or revisions");
                return Err(bad(&path, reason, EXPORT_AGAIN));
            }
        }
        complete(&mut state, &manifest).map_err(|error| bad(&path, error.to_string(), EXPORT_AGAIN))?;
        Ok(Self { manifest, state })
    }
}

fn bad(path: &Path, reason: impl Into<String>, mend: &'static str) -> ReadError {
    ReadError { path: path.to_owned(), spot: Spot::File, reason: reason.into(), mend }
}

fn parse_manifest(path: &Path, text: &[u8]) -> Result<Manifest, ReadError> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let malformed = |error: serde_json::Error| ReadError {
        spot: Spot::Line(error.line()),
        ..bad(path, format!("it is no manifest of an export: {error}"), GIVE_AN_EXPORT)
    };
    // A newer version may have changed anything but this.
    let Format { format } = serde_json::from_slice(text).map_err(malformed)?;
    if format != FORMAT {
        let reason = format!("the export has format {format}, this version reads {FORMAT}");
        return Err(bad(path, reason, USE_ITS_VERSION));
    }
    let manifest: Manifest = serde_json::from_slice(text).map_err(malformed)?;
    check(&manifest).map_err(|(reason, mend)| bad(path, reason, mend))?;
    Ok(manifest)
}

fn check(manifest: &Manifest) -> Result<(), (String, &'static str)> {
    for KindFile { kind, file, model_version, .. } in &manifest.kinds {
        let expected = manifest.encoding.file_of(*kind);
        if *file != expected {
            return Err((format!("kinds[].file of {kind} is {file:?}, not {expected:?}"), EXPORT_AGAIN));
        }
        // Behind a plus stands what the configuration left out.
        if model_version.split('+').next() != Some(kind.model_version()) {
            let ours = kind.model_version();
            let reason =
                format!("kinds[].model_version of {kind} is {model_version:?}, this version knows only {ours:?}");
            return Err((reason, USE_ITS_VERSION));
        }
    }
    if !manifest.kinds.is_sorted_by(|a, b| a.kind < b.kind) {
        return Err(("kinds[] are not in their order, each once".to_owned(), EXPORT_AGAIN));
    }
    let rows = manifest.kinds.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.count));
    if rows != Some(manifest.rows) {
        return Err((format!("rows is {}, which is not the sum of kinds[].count", manifest.rows), EXPORT_AGAIN));
    }
    if !(0..i64::MAX).contains(&manifest.sequence) {
        return Err((format!("sequence is {}, which none can be", manifest.sequence), EXPORT_AGAIN));
    }
    Ok(())
}

/// Reads one kind's file into the state.
struct ReadFile<'a> {
    path: &'a Path,
    manifest: &'a Manifest,
    state: &'a mut State,
}

impl ForKind for ReadFile<'_> {
    type Output = Result<Tally, ReadError>;

    fn with<E: Entity>(mut self) -> Self::Output {
        let missing = |error| bad(self.path, format!("it cannot be read: {error}"), EXPORT_AGAIN);
        let file = BufReader::new(File::open(self.path).map_err(missing)?);
        match self.manifest.encoding {
            Encoding::Avro => self.avro::<E>(file),
            Encoding::Jsonl => self.jsonl::<E>(file),
        }
    }
}

impl ReadFile<'_> {
    fn avro<E: Entity>(&mut self, file: impl Read) -> Result<Tally, ReadError> {
        let container = ContainerReader::<E, _>::new(file);
        let container =
            container.map_err(|error| bad(self.path, format!("it is no Avro file: {error}"), EXPORT_AGAIN))?;
        let mut rows = Rows::new(self);
        for (number, event) in (1..).zip(container) {
            let taken = event.map_err(|error| format!("it is no row: {error}")).and_then(|event| rows.take(event));
            taken.map_err(|reason| rows.bad(Spot::Record(number), reason))?;
        }
        Ok(rows.tally)
    }

    fn jsonl<E: Entity>(&mut self, mut file: impl BufRead) -> Result<Tally, ReadError> {
        let mut rows = Rows::new(self);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let spot = Spot::Line(number);
            let read = file.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
            let read = read.map_err(|error| rows.bad(spot, format!("it cannot be read: {error}")))?;
            if read == 0 {
                break;
            }
            if line.pop_if(|last| *last == b'\n').is_none() {
                return Err(rows.bad(spot, "the line ends too early".to_owned()));
            }
            let event = from_json::<E>(&line).map_err(|error| format!("it is no row: {error}"));
            event.and_then(|event| rows.take(event)).map_err(|reason| rows.bad(spot, reason))?;
        }
        Ok(rows.tally)
    }
}

/// Rows on their way into the state.
struct Rows<'a, 'b> {
    file: &'a mut ReadFile<'b>,
    lineage: String,
    last: Option<Key>,
    tally: Tally,
}

impl<'a, 'b> Rows<'a, 'b> {
    fn new(file: &'a mut ReadFile<'b>) -> Self {
        let lineage = file.manifest.lineage.to_string();
        Self { file, lineage, last: None, tally: Tally::default() }
    }

    fn bad(&self, spot: Spot, reason: String) -> ReadError {
        ReadError { spot, ..bad(self.file.path, reason, EXPORT_AGAIN) }
    }

    /// Takes one row, which must be of the manifest's state and come in the order of keys.
    fn take<E: Entity>(&mut self, event: ReadEvent<E>) -> Result<(), String> {
        let manifest = self.file.manifest;
        let of = |field: &str, found: &dyn fmt::Display, said: &dyn fmt::Display| {
            Err(format!("its {field} is {found}, {MANIFEST} says {said}"))
        };
        if event.op != "r" {
            return Err(format!("its op is {:?}, that of a row is \"r\"", event.op));
        }
        if event.account_id != manifest.account_id {
            return of("account_id", &event.account_id, &manifest.account_id);
        }
        if event.lineage != self.lineage {
            return of("lineage", &event.lineage, &self.lineage);
        }
        if event.sequence != manifest.sequence {
            return of("sequence", &event.sequence, &manifest.sequence);
        }
        let version = self.file.state.model_version(E::KIND);
        if event.model_version != version {
            return of("model_version", &event.model_version, &version);
        }
        if !(0..=manifest.sequence).contains(&event.revision) {
            return Err(format!("its revision {} does not lie in 0 to {}", event.revision, manifest.sequence));
        }
        let Some(entity) = event.after else { return Err("it has no after".to_owned()) };
        let key = entity.key(&manifest.account_id);
        let expected = row_id(manifest.lineage, None, manifest.sequence, &key);
        if Uuid::parse_str(&event.event_id) != Ok(expected) {
            return Err(format!("its event_id is {}, that of {key} is {expected}", event.event_id));
        }
        if self.last.as_ref().is_some_and(|last| *last >= key) {
            return Err(format!("{key} is out of order, or there twice"));
        }
        let json = serde_json::to_string(&entity).map_err(|error| error.to_string())?;
        let value = entity_record(&event.model_version, event.revision, &json);
        self.file.state.apply(key.as_ref(), Some(&value)).map_err(|error| error.to_string())?;
        self.tally.add(&event.event_id);
        self.last = Some(key);
        Ok(())
    }
}

/// Puts the records into the state that are not entities.
fn complete(state: &mut State, manifest: &Manifest) -> Result<(), crate::state::RecordError> {
    for unknown in &manifest.unknown_scopes {
        let record = ScopeRecord::new(unknown.scope.clone(), unknown.since, unknown.reason, unknown.missed);
        state.apply(scope_key(&manifest.account_id, &unknown.scope).as_bytes(), Some(&record.to_value()))?;
    }
    let mut progress = Progress::first(manifest.lineage, &manifest.account_id);
    (progress.sequence, progress.sync_id) = (manifest.sequence, manifest.sync_id);
    for file in &manifest.kinds {
        let said = CollectionProgress {
            model_version: file.model_version.clone(),
            baselined: file.baseline,
            begun_at: file.begun_at,
            complete_at: file.complete_at,
            count: file.count,
            digest: file.state_digest,
            count_difference: None,
        };
        progress.collections.insert(file.kind, said);
    }
    state.apply(progress_key(&manifest.account_id).as_bytes(), Some(&progress.to_value()))
}
