//! Decoding by the schema that a record was written with, fetched from the registry by the id in its framing: what any
//! consumer would do, with nothing of the daemon's encoding. The checker and `ramstream tail` read so.
//!
//! As JSON, a record has its fields in the order of the schema, and moments are milliseconds since 1970.

use std::collections::HashMap;
use std::sync::Arc;

use apache_avro::{Schema, reader::datum::GenericDatumReader, types::Value};
use serde::de::DeserializeOwned;

use crate::framing::{self, Whole};
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
    #[error("the schema {id} of the record {place} is not available")]
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
    #[error("the record {place} lacks the fields of its topic's records")]
    Fields {
        /// Topic, partition and offset.
        place: String,
        /// Which.
        #[source]
        source: serde_json::Error,
    },
}

impl DecodeError {
    /// Whether the registry, not the record, is to blame: another try may help.
    pub(crate) fn is_the_registrys(&self) -> bool {
        use RegistryError as E;
        let Self::Registry { source, .. } = self else { return false };
        matches!(source, E::Unreachable { .. } | E::Denied { .. } | E::Configuration { .. })
    }
}

/// Decodes, and remembers the schemas.
pub(crate) struct Decoder<'a> {
    /// None where all schemas are known from the beginning.
    registry: Option<&'a Registry>,
    schemas: HashMap<u32, Arc<Schema>>,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(registry: &'a Registry) -> Self {
        Self { registry: Some(registry), schemas: HashMap::new() }
    }

    /// Asks nobody.
    #[cfg(feature = "simulation")]
    pub(crate) fn knowing(schemas: HashMap<u32, Arc<Schema>>) -> Self {
        Self { registry: None, schemas }
    }

    /// The record at `place` (for the text of errors) as `T` reads it.
    pub(crate) async fn decode<T: DeserializeOwned>(&mut self, place: &str, framed: &[u8]) -> Result<T, DecodeError> {
        fields(place, &self.value(place, framed).await?)
    }

    /// The record at `place` (for the text of errors), with its fields in the order of the schema.
    pub(crate) async fn value(&mut self, place: &str, framed: &[u8]) -> Result<Value, DecodeError> {
        let (id, datum) = unframed(place, framed)?;
        if !self.schemas.contains_key(&id) {
            let Some(registry) = self.registry else {
                return Err(DecodeError::UnknownSchema { id, place: place.to_owned() });
            };
            let schema = registry.schema(id).await;
            let schema = schema.map_err(|source| DecodeError::Registry { id, place: place.to_owned(), source })?;
            self.schemas.insert(id, Arc::new(parsed(place, id, &schema)?));
        }
        value(place, id, &self.schemas[&id], datum)
    }
}

/// Schema id and datum.
pub(crate) fn unframed<'a>(place: &str, framed: &'a [u8]) -> Result<(u32, &'a [u8]), DecodeError> {
    framing::unframed(framed).ok_or_else(|| DecodeError::Framing { place: place.to_owned() })
}

/// The schema that the registry gave under `id`.
pub(crate) fn parsed(place: &str, id: u32, schema: &str) -> Result<Schema, DecodeError> {
    Schema::parse_str(schema).map_err(|source| DecodeError::Avro {
        id,
        place: place.to_owned(),
        source: Box::new(source),
    })
}

/// The datum as `T` reads it, to its last byte.
pub(crate) fn read<T: DeserializeOwned>(place: &str, id: u32, schema: &Schema, datum: &[u8]) -> Result<T, DecodeError> {
    fields(place, &value(place, id, schema, datum)?)
}

/// The datum, to its last byte.
fn value(place: &str, id: u32, schema: &Schema, datum: &[u8]) -> Result<Value, DecodeError> {
    let avro = |source| DecodeError::Avro { id, place: place.to_owned(), source: Box::new(source) };
    let reader = GenericDatumReader::builder(schema).build().map_err(avro)?;
    let mut bytes = Whole(datum);
    let value = reader.read_value(&mut bytes).map_err(avro)?;
    if bytes.0.is_empty() { Ok(value) } else { Err(DecodeError::Framing { place: place.to_owned() }) }
}

fn fields<T: DeserializeOwned>(place: &str, value: &Value) -> Result<T, DecodeError> {
    let read = json(value).and_then(|text| serde_json::from_str(&text));
    read.map_err(|source| DecodeError::Fields { place: place.to_owned(), source })
}

/// `value` as compact JSON.
pub(crate) fn json(value: &Value) -> serde_json::Result<String> {
    let mut text = String::new();
    write(&mut text, value)?;
    Ok(text)
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
        assert_eq!(json(&value).unwrap(), r#"{"z":-5,"a":[{"key":"k\"","value":null},{}],"none":[],"on":true,"n":7}"#);
    }
}
