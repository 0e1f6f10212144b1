//! Policy documents: published as text as received, compared by meaning.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A JSON document of the account (a policy, a trust policy), as text as the service gave it.
///
/// Two documents are equal if they are the same text, or the same JSON once keys are sorted and
/// every array of one element stands as that element (the services treat a string and an array of
/// one string alike). A text that is no JSON equals only itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Document(String);

impl Document {
    /// A document with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as received.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn meaning(&self) -> Option<Value> {
        serde_json::from_str(&self.0).ok().map(normal)
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || matches!((self.meaning(), other.meaning()), (Some(a), Some(b)) if a == b)
    }
}

fn normal(value: Value) -> Value {
    match value {
        Value::Array(mut items) if items.len() == 1 => normal(items.remove(0)),
        Value::Array(items) => Value::Array(items.into_iter().map(normal).collect()),
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, value)| (name, normal(value))).collect()),
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_keys_white_space_and_arrays_of_one_mean_nothing() {
        let a = Document::new(r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":["ram:*"]}]}"#);
        let b = Document::new(r#"{ "Statement": {"Action":"ram:*", "Effect":"Allow"}, "Version":"1" }"#);
        assert_eq!(a, b);
    }

    #[test]
    fn other_values_and_the_order_of_longer_arrays_mean_something() {
        let document = Document::new(r#"{"Action":["a","b"]}"#);
        for other in [r#"{"Action":["b","a"]}"#, r#"{"Action":["a"]}"#, r#"{"action":["a","b"]}"#, "{"] {
            assert_ne!(document, Document::new(other));
        }
    }

    #[test]
    fn a_text_that_is_no_json_equals_only_itself() {
        assert_eq!(Document::new("{"), Document::new("{"));
        assert_ne!(Document::new("{"), Document::new("{ "));
    }
}
