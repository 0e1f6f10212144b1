//! A decoded value, looked at by the names of its fields. What the kinds are is not known here.

use apache_avro::types::Value;

/// A record's value: a change event or a notice.
pub(crate) struct Content {
    pub(crate) value: Value,
    /// `user.added`, `sync.completed` and so on.
    pub(crate) event_type: String,
    pub(crate) is_notice: bool,
    pub(crate) sequence: i64,
    /// The place among the events of its sync; behind all of them for a notice.
    pub(crate) batch_index: i64,
    pub(crate) lineage: String,
}

impl Content {
    /// Reads what every event and every notice has; the error says what is missing.
    pub(crate) fn of(value: Value) -> Result<Self, String> {
        let text = |name: &str| field(&value, name).and_then(as_text).map(str::to_owned);
        let number = |name: &str| field(&value, name).and_then(as_number);
        let notice = text("notice_type");
        let missing = |name: &str| format!("it has no {name}, so it is neither an event nor a notice of ramstream");
        Ok(Self {
            is_notice: notice.is_some(),
            event_type: text("event_type").or(notice).ok_or_else(|| missing("event_type"))?,
            sequence: number("sequence").ok_or_else(|| missing("sequence"))?,
            batch_index: number("batch_index").unwrap_or(i64::MAX),
            lineage: text("lineage").ok_or_else(|| missing("lineage"))?,
            value,
        })
    }

    /// A field; `None` if there is none or it is null.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        field(&self.value, name)
    }

    /// A text field.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.field(name).and_then(as_text)
    }

    /// An array field, empty if there is none.
    pub(crate) fn items(&self, name: &str) -> &[Value] {
        self.field(name).map(items).unwrap_or_default()
    }

    /// Whether it is a sync that went well: the heartbeat, of no interest by itself.
    pub(crate) fn is_heartbeat(&self) -> bool {
        self.event_type == "sync.completed" && self.text("outcome") == Some("complete")
    }
}

/// What stands in a union, or the value itself.
pub(crate) fn plain(value: &Value) -> &Value {
    if let Value::Union(_, value) = value { plain(value) } else { value }
}

/// The fields of a record in the order of its schema, empty if it is none.
pub(crate) fn fields(value: &Value) -> &[(String, Value)] {
    if let Value::Record(fields) = plain(value) { fields } else { &[] }
}

/// The items of an array, empty if it is none.
pub(crate) fn items(value: &Value) -> &[Value] {
    if let Value::Array(items) = plain(value) { items } else { &[] }
}

/// A field of a record; `None` if there is none or it is null.
pub(crate) fn field<'a>(record: &'a Value, name: &str) -> Option<&'a Value> {
    let (_, value) = fields(record).iter().find(|(field, _)| field == name)?;
    Some(plain(value)).filter(|value| !matches!(value, Value::Null))
}

/// A text.
pub(crate) fn as_text(value: &Value) -> Option<&str> {
    if let Value::String(text) = plain(value) { Some(text) } else { None }
}

/// A number.
pub(crate) fn as_number(value: &Value) -> Option<i64> {
    match plain(value) {
        Value::Long(number) => Some(*number),
        Value::Int(number) => Some(i64::from(*number)),
        _ => None,
    }
}
