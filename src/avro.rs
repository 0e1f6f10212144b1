//! Avro encoding of change events and sync records.
