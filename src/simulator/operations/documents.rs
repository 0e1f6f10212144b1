//! Whether a permission or trust policy is one: just enough to refuse what the service refuses.

use serde_json::Value;

use super::super::error::ServiceError;
use super::limits;

/// Checks the document in `parameter`.
///
/// # Errors
/// Too long, or `MalformedPolicyDocument` with the reason.
pub(super) fn check<'a>(parameter: &str, text: &'a str) -> Result<&'a str, ServiceError> {
    if text.chars().count() > limits::DOCUMENT_CHARACTERS {
        return Err(ServiceError::invalid_length(parameter));
    }
    let document: Value =
        serde_json::from_str(text).map_err(|error| ServiceError::malformed_document(format!("not JSON: {error}")))?;
    if document.get("Version").and_then(Value::as_str) != Some("1") {
        return Err(ServiceError::malformed_document("invalid policy: Version must be \"1\""));
    }
    let statements = document.get("Statement").and_then(Value::as_array).filter(|statements| !statements.is_empty());
    let Some(statements) = statements else {
        return Err(ServiceError::malformed_document("invalid policy: Statement must be an array with an element"));
    };
    match statements.iter().all(is_statement) {
        true => Ok(text),
        false => Err(ServiceError::malformed_document("invalid statement: Effect and Action are needed")),
    }
}

fn is_statement(statement: &Value) -> bool {
    let effect = statement.get("Effect").and_then(Value::as_str);
    let acts = ["Action", "NotAction"].iter().any(|name| statement.get(name).is_some());
    matches!(effect, Some("Allow" | "Deny")) && acts
}
