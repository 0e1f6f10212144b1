//! Events outside Kafka: in Avro object container files, and as JSON.
//!
//! The same fields in the same order as on the topics. Compression is `deflate`, which the Avro specification asks of
//! every implementation.

use std::{io::Read, marker::PhantomData};

use apache_avro::{Codec, DeflateSettings, Reader, from_value};
use serde::{Deserialize, de::DeserializeOwned};

use super::{EncodeError, Event, SCHEMAS, Sides};
use crate::{
    event::Envelope,
    model::{Entity, ForKind, Kind, Names},
};

/// Events of one kind as the bytes of a container file, block by block.
pub struct ContainerWriter {
    /// Into memory: the library does not look whether a file took all that it was given.
    inner: apache_avro::Writer<'static, Vec<u8>>,
}

impl ContainerWriter {
    /// A file of events of `kind`, with these bytes between its blocks.
    ///
    /// # Errors
    /// The schema cannot be resolved.
    pub fn new(kind: Kind, marker: [u8; 16]) -> Result<Self, EncodeError> {
        let inner = apache_avro::Writer::builder()
            .schema(&SCHEMAS[&kind])
            .writer(Vec::new())
            .codec(Codec::Deflate(DeflateSettings::default()))
            .marker(marker)
            .human_readable(false)
            .build();
        Ok(Self { inner: inner.map_err(|error| EncodeError::Schema(Box::new(error)))? })
    }

    /// Adds an event; `names` are those of the entities in the state.
    ///
    /// # Errors
    /// The change does not fit its kind or its schema.
    pub fn append(&mut self, envelope: &Envelope<'_>, names: &Names) -> Result<(), EncodeError> {
        struct Append<'a>(&'a mut ContainerWriter, &'a Envelope<'a>, &'a Names);
        impl ForKind for Append<'_> {
            type Output = Result<(), EncodeError>;
            fn with<E: Entity>(self) -> Self::Output {
                let Self(ContainerWriter { inner }, envelope, names) = self;
                let sides = Sides::<E>::of(envelope.change)?;
                let appended = inner.append_ser(Event::new(envelope, &sides, names));
                appended.map(drop).map_err(EncodeError::container)
            }
        }
        envelope.change.kind.with(Append(self, envelope, names))
    }

    /// The bytes that are ready by now; each is given once.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.inner.get_mut())
    }

    /// The bytes that are left.
    ///
    /// # Errors
    /// The last block cannot be compressed.
    pub fn finish(self) -> Result<Vec<u8>, EncodeError> {
        self.inner.into_inner().map_err(EncodeError::container)
    }
}

/// An event as one line of JSON, without its end.
///
/// # Errors
/// The change does not fit its kind.
pub fn to_json(envelope: &Envelope<'_>, names: &Names) -> Result<Vec<u8>, EncodeError> {
    struct ToJson<'a>(&'a Envelope<'a>, &'a Names);
    impl ForKind for ToJson<'_> {
        type Output = Result<Vec<u8>, EncodeError>;
        fn with<E: Entity>(self) -> Self::Output {
            let sides = Sides::<E>::of(self.0.change)?;
            Ok(serde_json::to_vec(&Event::new(self.0, &sides, self.1))?)
        }
    }
    envelope.change.kind.with(ToJson(envelope, names))
}

/// What is read back of an event: who it is, where it belongs, and the entity that it leaves.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(bound = "E: DeserializeOwned")]
pub struct ReadEvent<E> {
    /// UUIDv5 of the fact.
    pub event_id: String,
    /// `c`, `u`, `d` or `r`.
    pub op: String,
    /// UUID of the state's history.
    pub lineage: String,
    /// The version of the kind under which it was written.
    pub model_version: String,
    /// The account.
    pub account_id: String,
    /// The number of the sync.
    pub sequence: i64,
    /// The sequence that last changed the key.
    pub revision: i64,
    /// The entity from now on.
    pub after: Option<E>,
}

/// An event in JSON.
///
/// # Errors
/// It is no event of this kind.
pub fn from_json<E: Entity>(line: &[u8]) -> Result<ReadEvent<E>, serde_json::Error> {
    serde_json::from_slice(line)
}

/// Reads the events of a container file, one after the other.
pub struct ContainerReader<E, R> {
    inner: Reader<'static, R>,
    kind: PhantomData<E>,
}

impl<E: Entity, R: Read> ContainerReader<E, R> {
    /// Reads the head of the file.
    ///
    /// # Errors
    /// It has none.
    pub fn new(input: R) -> Result<Self, Box<apache_avro::Error>> {
        Ok(Self { inner: Reader::new(input)?, kind: PhantomData })
    }
}

impl<E: Entity, R: Read> Iterator for ContainerReader<E, R> {
    type Item = Result<ReadEvent<E>, Box<apache_avro::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        let value = self.inner.next()?;
        Some(value.and_then(|value| from_value(&value)).map_err(Box::new))
    }
}

#[cfg(test)]
#[path = "container_tests.rs"]
mod tests;
