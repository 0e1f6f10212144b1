//! Events as CloudEvents 1.0: their types and headers.

use std::{borrow::Cow, collections::HashMap, sync::LazyLock};

use jiff::{Timestamp, fmt::temporal::DateTimePrinter};
use uuid::Uuid;

use crate::model::{Kind, Millis, Verb};

/// What every type begins with: reverse DNS, as CloudEvents ask for.
const DOMAIN: &str = "com.alibabacloud.identity.";
/// The version of the format.
const VERSION: &str = ".v1";

/// All types of change events, made once: a replay has hundreds of thousands of events.
static TYPES: LazyLock<HashMap<(Kind, Verb), String>> = LazyLock::new(|| {
    let pairs = Kind::ALL.iter().flat_map(|kind| Verb::ALL.iter().map(|verb| (*kind, *verb)));
    pairs.map(|(kind, verb)| ((kind, verb), cloud_event_type(&format!("{kind}.{verb}")))).collect()
});

/// The type of a change event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventType(&'static str);

impl EventType {
    /// The type of the events in which this happens to such an entity.
    #[must_use]
    pub fn of(kind: Kind, verb: Verb) -> Self {
        Self(&TYPES[&(kind, verb)])
    }

    /// `<kind>.<verb>`, as it stands in the event.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        &self.0[DOMAIN.len()..self.0.len() - VERSION.len()]
    }

    /// What CloudEvents call it.
    #[must_use]
    pub fn of_cloud_event(self) -> &'static str {
        self.0
    }
}

/// What CloudEvents call such an event.
pub(super) fn cloud_event_type(event_type: &str) -> String {
    [DOMAIN, event_type, VERSION].concat()
}

/// Headers of a record, in order; those that are always the same are not copied.
pub type Headers = Vec<(&'static str, Cow<'static, str>)>;

/// The headers of a CloudEvents 1.0 event in the Kafka binding's binary mode.
pub(super) fn headers(id: Uuid, event_type: Cow<'static, str>, account: &str, subject: &str, at: Millis) -> Headers {
    vec![
        ("ce_specversion", "1.0".into()),
        ("ce_id", id.to_string().into()),
        ("ce_type", event_type),
        ("ce_source", ["/alicloud/", account].concat().into()),
        ("ce_subject", subject.to_owned().into()),
        ("ce_time", time(at).into()),
        ("content-type", "application/avro".into()),
    ]
}

/// RFC 3339 with milliseconds; empty if no calendar has the moment.
fn time(at: Millis) -> String {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    Timestamp::from_millisecond(at.0).map(|time| PRINTER.timestamp_to_string(&time)).unwrap_or_default()
}
