//! A record of the topics, decoded.

use crate::kafka::follow::Delivered;
use crate::words::Content;

/// A record with what could be made of it.
pub(super) struct Record {
    /// As it stands in Kafka.
    pub(super) raw: Delivered,
    /// Its key, as text.
    pub(super) key: String,
    /// Its value, or why there is none.
    pub(super) content: Result<Content, String>,
}
