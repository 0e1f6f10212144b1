//! The Kafka side.
