//! What one change event says.

use apache_avro::types::Value;

use super::changes::change;
use super::content::{Content, field};
use super::harmless::harmless;
use super::who::{changed, own_name, who};

/// A change event in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// `user.added` and so on.
    pub event_type: String,
    /// Who or what it is about.
    pub who: String,
    /// Every compared field that changed, except the name, which is told already.
    pub changes: Vec<String>,
    /// Why it was published, where it was not its own reading that showed it.
    pub cause: Option<String>,
}

impl Told {
    /// The words for a decoded event; `key` is that of its record.
    ///
    /// # Errors
    /// It is no event; the text says what it lacks.
    pub fn of(value: Value, key: &str) -> Result<Self, String> {
        Content::of(value).map(|event| Self::of_event(&event, key))
    }

    pub(crate) fn of_event(event: &Content, key: &str) -> Self {
        let name = own_name(event.event_type.split('.').next().unwrap_or_default());
        let of = |state: &str, name: &str| event.field(state).and_then(|entity| field(entity, name));
        let changed = changed(event).filter(|field| *field != name);
        Self {
            event_type: harmless(&event.event_type),
            who: who(event, key),
            changes: changed.map(|field| harmless(&change(field, of("before", field), of("after", field)))).collect(),
            cause: event.text("cause").map(harmless),
        }
    }
}
