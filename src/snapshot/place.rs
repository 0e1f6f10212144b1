//! Where an export is put: written beside its place, and moved there when it is whole.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::manifest::{Encoding, MANIFEST};
use crate::model::Kind;

/// Why an export cannot stand where it is to stand.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The path names no directory of its own.
    #[error("{} names no directory of its own: give a name that is not taken, as in `--to snapshot`", .0.display())]
    NoName(PathBuf),
    /// Something that is no directory stands there.
    #[error("{} is there and is no directory: give another name", .0.display())]
    NoDirectory(PathBuf),
    /// Something stands in it.
    #[error("{} is not empty: give another name, or --force to replace the export in it", .0.display())]
    NotEmpty(PathBuf),
    /// Something stands in it that no export consists of.
    #[error("{} holds {entry:?}, which is no part of an export, and is not replaced, not even with --force: \
        give another name", .directory.display())]
    NoExport {
        /// The directory.
        directory: PathBuf,
        /// What stands in it.
        entry: String,
    },
    /// The file system refuses.
    #[error("{}: {what}", .path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// A directory that is being filled.
pub(super) struct Place {
    target: PathBuf,
    parent: PathBuf,
    /// Goes away by itself unless it is moved to the target.
    filling: TempDir,
}

impl Place {
    /// A directory beside `target`, to be moved there. What is there already must be empty, or an export if `force`.
    pub(super) fn beside(target: &Path, force: bool) -> Result<Self, PlaceError> {
        // A link to a directory stays one.
        let target = match fs::canonicalize(target) {
            Ok(there) => there,
            Err(_) => target.to_owned(),
        };
        if target.exists() {
            replaceable(&target, force)?;
        }
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(PlaceError::NoName(target));
        };
        let parent = if parent.as_os_str().is_empty() { PathBuf::from(".") } else { parent.to_owned() };
        let prefix = format!(".{}.unfinished-", name.to_string_lossy());
        let filling = tempfile::Builder::new().prefix(&prefix).tempdir_in(&parent);
        let filling = filling.map_err(io_error(&parent, "a directory cannot be made in it"))?;
        Ok(Self { parent, filling, target })
    }

    /// Where the files are to be written.
    pub(super) fn path(&self) -> &Path {
        self.filling.path()
    }

    /// Moves what was written to its place; the files themselves are on the disk already.
    pub(super) fn fill(self) -> Result<(), PlaceError> {
        sync(self.filling.path())?;
        let was_there = fs::read_dir(&self.target).is_ok_and(|mut entries| entries.next().is_some());
        let replaced = if was_there { Some(self.set_aside()?) } else { None };
        let filled = self.filling.keep();
        if let Err(source) = fs::rename(&filled, &self.target) {
            if let Some(replaced) = replaced {
                // The old one goes back where it was; where that fails, too, it is still there under its other name.
                fs::rename(replaced.keep().join(OLD), &self.target).ok();
            }
            fs::remove_dir_all(&filled).ok();
            return Err(PlaceError::Io { path: self.target, what: "the export cannot be moved there", source });
        }
        sync(&self.parent)
    }

    /// The directory that stood in the place, moved into one beside it that goes away by itself.
    fn set_aside(&self) -> Result<TempDir, PlaceError> {
        let aside = tempfile::Builder::new().prefix(".replaced-").tempdir_in(&self.parent);
        let aside = aside.map_err(io_error(&self.parent, "a directory cannot be made in it"))?;
        let moved = fs::rename(&self.target, aside.path().join(OLD));
        moved.map_err(io_error(&self.target, "the export that is there cannot be moved away"))?;
        Ok(aside)
    }
}

/// The name of what was set aside.
const OLD: &str = "old";

fn replaceable(target: &Path, force: bool) -> Result<(), PlaceError> {
    if !target.is_dir() {
        return Err(PlaceError::NoDirectory(target.to_owned()));
    }
    let cannot_list = "it cannot be listed";
    for entry in fs::read_dir(target).map_err(io_error(target, cannot_list))? {
        let entry = entry.map_err(io_error(target, cannot_list))?.file_name().to_string_lossy().into_owned();
        if !force {
            return Err(PlaceError::NotEmpty(target.to_owned()));
        }
        if !is_of_an_export(&entry) {
            return Err(PlaceError::NoExport { directory: target.to_owned(), entry });
        }
    }
    Ok(())
}

fn is_of_an_export(name: &str) -> bool {
    let is_of = |encoding: Encoding| Kind::ALL.iter().any(|kind| encoding.file_of(*kind) == name);
    name == MANIFEST || is_of(Encoding::Avro) || is_of(Encoding::Jsonl)
}

fn sync(directory: &Path) -> Result<(), PlaceError> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(io_error(directory, "it cannot be brought to the disk"))
}

pub(super) fn io_error(path: &Path, what: &'static str) -> impl FnOnce(io::Error) -> PlaceError {
    let path = path.to_owned();
    move |source| PlaceError::Io { path, what, source }
}
