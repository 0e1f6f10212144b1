//! Snapshots as files: the published state at one sequence, for people without Kafka at hand.
//!
//! A directory with one file a kind (Avro object containers, or JSON lines), whose rows are those of a replay, and
//! `manifest.json`, by which a reader proves that it has all of it and nothing else. It is there whole or not at all.
//! Knows files and nothing of where the state comes from.

mod manifest;
mod place;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub use manifest::{Encoding, KindFile, MANIFEST, Manifest, UnknownScope};
pub use place::PlaceError;
pub use read::{Export, ReadError};
pub use write::{Order, WriteError, write};
