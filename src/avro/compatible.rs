//! Whether two schemas read each other's records: what the level `FULL` of a registry asks of them.

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};

/// Why records of one schema cannot all be read by the other, in the one direction or the other; `None` if they can.
#[must_use]
pub fn why_not_compatible(ours: &str, theirs: &str) -> Option<String> {
    let (ours, theirs) = match (Schema::parse_str(ours), Schema::parse_str(theirs)) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Err(error), _) | (_, Err(error)) => return Some(format!("it is no schema: {error}")),
    };
    let directions = [("readers of it cannot read ours", &ours, &theirs), ("ours cannot read it", &theirs, &ours)];
    directions.into_iter().find_map(|(what, writer, reader)| match SchemaCompatibility::can_read(writer, reader) {
        Ok(Compatibility::Full) => None,
        Ok(Compatibility::Partial) => Some(format!("{what} in every case")),
        Err(error) => Some(format!("{what}: {error}")),
    })
}

#[cfg(test)]
mod tests {
    use super::why_not_compatible;

    const FIRST: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#;
    const APPENDED: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"},
        {"name":"b","type":["null","string"],"default":null}]}"#;
    const OTHER: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"long"}]}"#;

    #[test]
    fn a_nullable_field_at_the_end_is_fine_in_both_directions_and_another_type_in_none() {
        assert_eq!(why_not_compatible(FIRST, APPENDED), None);
        assert_eq!(why_not_compatible(APPENDED, FIRST), None);
        assert!(why_not_compatible(FIRST, OTHER).is_some());
        assert!(why_not_compatible(FIRST, "\"nonsense").is_some());
    }
}
