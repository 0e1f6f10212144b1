//! A successful answer: named fields, each serialised once, so that faults can take single fields away.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

/// The fields of an answer in order, without the request id.
#[derive(Debug, Default)]
pub struct Reply {
    fields: Vec<(&'static str, Box<RawValue>)>,
    /// Which field holds the listed rows, and the name of the array in it.
    collection: Option<(&'static str, &'static str)>,
}

impl Reply {
    /// An answer that says nothing but that it was done.
    #[must_use]
    pub fn done() -> Self {
        Self::default()
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &impl Serialize) -> Self {
        self.fields.push((name, raw(value)));
        self
    }

    /// Adds the listed rows: an object `name` with one array `item`, as these services wrap them.
    #[must_use]
    pub fn with_rows<R: Serialize>(mut self, name: &'static str, item: &'static str, rows: &[R]) -> Self {
        self.collection = Some((name, item));
        self.with(name, &Wrapped { item, rows })
    }

    /// Sets a field, present or not.
    pub fn set(&mut self, name: &'static str, value: &impl Serialize) {
        match self.fields.iter_mut().find(|(field, _)| *field == name) {
            Some((_, held)) => *held = raw(value),
            None => self.fields.push((name, raw(value))),
        }
    }

    /// Takes a field out. False if there was none.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.fields.len();
        self.fields.retain(|(field, _)| *field != name);
        self.fields.len() < before
    }

    /// Whether there is such a field.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| *field == name)
    }

    /// The field with the listed rows, and the name of the array in it.
    #[must_use]
    pub fn collection(&self) -> Option<(&'static str, &'static str)> {
        self.collection
    }

    /// The listed rows.
    #[must_use]
    pub fn rows(&self) -> Option<Vec<Value>> {
        let (name, item) = self.collection?;
        let mut wrapped: Value = serde_json::from_str(self.text(name)?).ok()?;
        serde_json::from_value(wrapped[item].take()).ok()
    }

    /// Whether the listing has another page by marker.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.text("IsTruncated") == Some("true") || self.text("NextToken").is_some_and(|token| token.len() > 2)
    }

    /// Says that there is another page, which begins at `mark`.
    pub fn go_on(&mut self, mark: &str) {
        if self.has("NextToken") {
            return self.set("NextToken", &mark);
        }
        self.set("IsTruncated", &true);
        self.set("Marker", &mark);
    }

    /// Says that there are no more pages, and `count` rows in all.
    pub fn end(&mut self, count: usize) {
        self.remove("Marker");
        let fields = [("IsTruncated", json!(false)), ("TotalCount", json!(count)), ("NextToken", json!(""))];
        for (field, value) in fields.into_iter().filter(|(field, _)| self.has(field)).collect::<Vec<_>>() {
            self.set(field, &value);
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.get())
    }

    /// The JSON body.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Vec<u8> {
        let mut body = format!("{{\"RequestId\":\"{request_id}\"");
        for (name, value) in &self.fields {
            body.push_str(&format!(",\"{name}\":"));
            body.push_str(value.get());
        }
        body.push('}');
        body.into_bytes()
    }
}

struct Wrapped<'a, R> {
    item: &'static str,
    rows: &'a [R],
}

impl<R: Serialize> Serialize for Wrapped<'_, R> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.item, self.rows)])
    }
}

fn raw(value: &impl Serialize) -> Box<RawValue> {
    to_raw_value(value).expect("answers are structs of texts and numbers, which always have a JSON form")
}
