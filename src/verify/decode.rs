//! Decoding by the schema that a record was written with, fetched from the registry by the id in its framing.
//!
//! The result is JSON text with the fields in the order of the schema.

use std::collections::HashMap;
use std::sync::Arc;

use apache_avro::{Schema, reader::datum::GenericDatumReader, types::Value};
use serde::de::DeserializeOwned;

use crate::kafka::RegistryError;
use crate::kafka::registry::Registry;

/// Why a record cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Neither null nor framed: not written by ramstream.
    #[error("the record {place} is not an Avro value in Confluent framing; only ramstream may write this topic")]
    Framing {
        /// Topic, partition and offset.
        place: String,
    },
    /// Nothing is known of the schema, and there is no registry to ask.
    #[error("the schema {id} of the record {place} is none of those given")]
    UnknownSchema {
        /// Its id.
        id: u32,
        /// Topic, partition and offset.
        place: String,
    },
    /// The registry does not give the schema.
    #[error("the schema {id} of the record {place} is not to be had")]
    Registry {
        /// Its id.
        id: u32,
        /// Topic, partition and offset.
        place: String,
        /// Why.
        #[source]
        source: RegistryError,
    },
    /// What the registry gives is no schema, or the record does not fit it.
    #[error("the record {place} does not fit the schema {id}")]
    Avro {
        /// The schema's id.
        id: u32,
        /// Topic, partition and offset.
        place: String,
        /// Why.
        #[source]
        source: Box<apache_avro::Error>,
    },
    /// The fields are not those of an event or a sync record.
    #[error("the record {place} has not the fields that its topic's records have")]
    Fields {
        /// Topic, partition and offset.
        place: String,
        /// Which.
        #[source]
        source: serde_json::Error,
    },
}

/// Decodes, and remembers the schemas.
pub(super) struct Decoder<'a> {
    /// None where all schemas are known from the beginning.
    registry: Option<&'a Registry>,
    schemas: HashMap<u32, Arc<Schema>>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(registry: &'a Registry) -> Self {
        Self { registry: Some(registry), schemas: HashMap::new() }
    }

    /// Asks nobody.
    #[cfg(feature = "simulation")]
    pub(super) fn knowing(schemas: HashMap<u32, Arc<Schema>>) -> Self {
        Self { registry: None, schemas }
    }

    /// The record at `place` (for the text of errors) as `T` reads it.
    pub(super) async fn decode<T: DeserializeOwned>(&mut self, place: &str, framed: &[u8]) -> Result<T, DecodeError> {
        let place = || place.to_owned();
        let Some((&[0, a, b, c, d], mut datum)) = framed.split_first_chunk::<5>() else {
            return Err(DecodeError::Framing { place: place() });
        };
        let id = u32::from_be_bytes([a, b, c, d]);
        let avro = |source| DecodeError::Avro { id, place: place(), source: Box::new(source) };
        if !self.schemas.contains_key(&id) {
            let Some(registry) = self.registry else { return Err(DecodeError::UnknownSchema { id, place: place() }) };
            let schema = registry.schema(id).await;
            let schema = schema.map_err(|source| DecodeError::Registry { id, place: place(), source })?;
            self.schemas.insert(id, Arc::new(Schema::parse_str(&schema).map_err(avro)?));
        }
        let reader = GenericDatumReader::builder(&self.schemas[&id]).build().map_err(avro)?;
        let value = reader.read_value(&mut datum).map_err(avro)?;
        if !datum.is_empty() {
            return Err(DecodeError::Framing { place: place() });
        }
        let mut text = String::new();
        write(&mut text, &value).map_err(|source| DecodeError::Fields { place: place(), source })?;
        serde_json::from_str(&text).map_err(|source| DecodeError::Fields { place: place(), source })
    }
}

/// Writes `value` as compact JSON; a record's fields come in the order of its schema.
fn write(out: &mut String, value: &Value) -> serde_json::Result<()> {
    match value {
        Value::Union(_, value) => return write(out, value),
        Value::Record(fields) => {
            let mut begin = '{';
            for (name, value) in fields {
                out.push(std::mem::replace(&mut begin, ','));
                out.push_str(&serde_json::to_string(name)?);
                out.push(':');
                write(out, value)?;
            }
            out.push_str(if begin == '{' { "{}" } else { "}" });
        }
        Value::Array(items) => {
            let mut begin = '[';
            for item in items {
                out.push(std::mem::replace(&mut begin, ','));
                write(out, item)?;
            }
            out.push_str(if begin == '[' { "[]" } else { "]" });
        }
        Value::TimestampMillis(millis) => out.push_str(&millis.to_string()),
        other => {
            let json: Result<serde_json::Value, _> = other.clone().try_into();
            let json = json.map_err(|error: apache_avro::Error| serde::de::Error::custom(error))?;
            out.push_str(&json.to_string());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_the_order_of_the_schema_and_writes_nulls() {
        let null = || Value::Union(0, Box::new(Value::Null));
        let tag = Value::Record(vec![("key".into(), Value::String("k\"".into())), ("value".into(), null())]);
        let value = Value::Record(vec![
            ("z".into(), Value::Union(1, Box::new(Value::TimestampMillis(-5)))),
            ("a".into(), Value::Array(vec![tag, Value::Record(Vec::new())])),
            ("none".into(), Value::Array(Vec::new())),
            ("on".into(), Value::Boolean(true)),
            ("n".into(), Value::Int(7)),
        ]);
        let mut text = String::new();
        write(&mut text, &value).unwrap();
        assert_eq!(text, r#"{"z":-5,"a":[{"key":"k\"","value":null},{}],"none":[],"on":true,"n":7}"#);
    }
}
