//! The schemas against what all readers survive, and against every released version.
//!
//! A registry's check (FULL_TRANSITIVE) is not enough: readers with a pinned schema misread a field that was put in
//! anywhere but at the end of the top-level record, and nobody notices. So growth has one place only.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use serde_json::{Value, json};

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

/// Name and content of the schemas of one directory.
fn schemas_in(directory: &Path) -> Vec<(String, Value)> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let schemas = entries.filter(|path| path.extension().is_some_and(|extension| extension == "avsc"));
    let mut found: Vec<(String, Value)> = schemas
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_slice(&fs::read(path).unwrap()).unwrap())
        })
        .collect();
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}

/// What a consumer of `released` would suffer from `current`.
fn breaks(released: &Value, current: &Value) -> Vec<String> {
    let mut problems = misplaced_growth(released, current);
    let parse = |schema: &Value| Schema::parse_str(&schema.to_string());
    match (parse(released), parse(current)) {
        (Ok(old), Ok(new)) => {
            for (who, writer, reader) in [("an old reader", &new, &old), ("a new reader", &old, &new)] {
                match SchemaCompatibility::can_read(writer, reader) {
                    Ok(Compatibility::Full) => {}
                    Ok(Compatibility::Partial) => problems.push(format!("{who} can read some records only")),
                    Err(error) => problems.push(format!("{who} can read nothing: {error}")),
                }
            }
        }
        (old, new) => problems.extend([old.err(), new.err()].into_iter().flatten().map(|error| error.to_string())),
    }
    problems
}

/// The old fields must stand first, unchanged but for their documentation; what follows must be nullable.
fn misplaced_growth(released: &Value, current: &Value) -> Vec<String> {
    let name = |schema: &Value| (schema["namespace"].clone(), schema["name"].clone());
    if name(released) != name(current) {
        return vec![format!("{:?} is called {:?} now", name(released), name(current))];
    }
    let (old, new) = (fields(released), fields(current));
    let mut problems = Vec::new();
    for (index, old) in old.iter().enumerate() {
        match new.get(index) {
            Some(new) if without_docs(new) == without_docs(old) => {}
            Some(new) => problems.push(format!("field {index} was {} and is {}", old["name"], new["name"])),
            None => problems.push(format!("{} is gone", old["name"])),
        }
    }
    let appended = new.iter().skip(old.len()).filter(|field| !is_nullable(field));
    problems.extend(appended.map(|field| format!("{} was appended and is not nullable", field["name"])));
    problems
}

fn fields(record: &Value) -> &[Value] {
    record["fields"].as_array().unwrap()
}

/// `["null", T]` with the default null.
fn is_nullable(field: &Value) -> bool {
    let is_optional = field["type"].as_array().is_some_and(|union| union.len() == 2 && union[0] == "null");
    is_optional && field.get("default") == Some(&Value::Null)
}

fn without_docs(schema: &Value) -> Value {
    match schema {
        Value::Object(object) => {
            let kept = object.iter().filter(|(name, value)| *name != "doc" || !value.is_string());
            Value::Object(kept.map(|(name, value)| (name.clone(), without_docs(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_docs).collect()),
        other => other.clone(),
    }
}

/// What some reader of Avro from Kafka would not survive.
fn outside_the_subset(schema: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    walk(schema, "", &mut BTreeSet::new(), &mut problems);
    problems
}

/// `named` are the record types that are complete: a reference to another one is recursive or unknown.
fn walk(schema: &Value, place: &str, named: &mut BTreeSet<String>, problems: &mut Vec<String>) {
    match schema {
        Value::String(name) if is_plain(name) || named.contains(name) => {}
        Value::Array(_) => problems.push(format!("{place}: a union that is no optional field")),
        Value::Object(object) => match (object["type"].as_str(), object.get("logicalType").and_then(Value::as_str)) {
            (Some("record"), None) => {
                if !object.get("doc").is_some_and(is_text) {
                    problems.push(format!("{place}: the record {} has no doc", object["name"]));
                }
                for field in fields(schema) {
                    walk_field(field, &format!("{place}/{}", field["name"].as_str().unwrap()), named, problems);
                }
                named.insert(object["name"].as_str().unwrap().to_owned());
            }
            (Some("array"), None) => walk(&object["items"], place, named, problems),
            (Some("long"), Some("timestamp-millis")) => {}
            (Some(name), None) if is_plain(name) => {}
            other => problems.push(format!("{place}: {other:?} breaks some reader")),
        },
        other => problems.push(format!("{place}: {other} breaks some reader, or is recursive")),
    }
}

fn walk_field(field: &Value, place: &str, named: &mut BTreeSet<String>, problems: &mut Vec<String>) {
    if !field.get("doc").is_some_and(is_text) {
        problems.push(format!("{place} has no doc"));
    }
    match &field["type"] {
        Value::Array(union) if is_nullable(field) => walk(&union[1], place, named, problems),
        Value::Array(_) => problems.push(format!("{place} is a union other than [\"null\", T] with default null")),
        other => walk(other, place, named, problems),
    }
}

fn is_plain(name: &str) -> bool {
    ["boolean", "int", "long", "double", "string"].contains(&name)
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.trim().is_empty())
}

#[test]
fn every_schema_keeps_to_what_all_readers_survive() {
    let schemas = schemas_in(&schemas());
    assert!(schemas.len() >= 8, "{} schemas", schemas.len());
    for (name, schema) in schemas {
        assert_eq!(outside_the_subset(&schema), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn every_schema_can_stand_beside_every_released_version_of_it() {
    let current = schemas_in(&schemas());
    let released = fs::read_dir(schemas().join("released")).unwrap().map(|entry| entry.unwrap().path());
    let mut compared = 0;
    for version in released.filter(|path| path.is_dir()) {
        for (name, old) in schemas_in(&version) {
            let place = version.join(&name);
            let new = current.iter().find(|(found, _)| *found == name);
            let (_, new) = new.unwrap_or_else(|| panic!("{} is no longer written", place.display()));
            assert_eq!(breaks(&old, new), Vec::<String>::new(), "{}", place.display());
            compared += 1;
        }
    }
    println!("compared {} schemas with {compared} released ones", current.len());
}

/// A schema as ours are, small.
fn released() -> Value {
    json!({
        "type": "record", "name": "Change", "namespace": "n", "doc": "A change.",
        "fields": [
            { "name": "id", "type": "string", "doc": "Id." },
            { "name": "count", "type": "long", "doc": "Count." },
            { "name": "before", "doc": "Before.", "default": null, "type": ["null", {
                "type": "record", "name": "State", "doc": "A state.",
                "fields": [{ "name": "name", "type": "string", "doc": "Name." }],
            }] },
            { "name": "after", "type": ["null", "State"], "doc": "After.", "default": null },
        ],
    })
}

fn optional(name: &str) -> Value {
    json!({ "name": name, "type": ["null", "string"], "doc": "New.", "default": null })
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut schema = released();
    change(&mut schema);
    schema
}

#[test]
fn growth_at_the_end_and_better_words_break_nobody() {
    let grown = changed(|schema| {
        schema["fields"].as_array_mut().unwrap().push(optional("new"));
        schema["fields"][0]["doc"] = json!("A better text.");
    });
    assert_eq!(breaks(&released(), &grown), Vec::<String>::new());
    assert_eq!(breaks(&released(), &released()), Vec::<String>::new());
}

#[test]
fn every_planted_break_is_found() {
    let planted = [
        ("in the middle", changed(|schema| schema["fields"].as_array_mut().unwrap().insert(1, optional("new")))),
        (
            "not nullable",
            changed(|schema| {
                let with_default = json!({ "name": "new", "type": "string", "doc": "New.", "default": "" });
                schema["fields"].as_array_mut().unwrap().push(with_default);
            }),
        ),
        (
            "no default",
            changed(|schema| {
                schema["fields"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({ "name": "new", "type": "string", "doc": "New." }));
            }),
        ),
        (
            "nested growth",
            changed(|schema| {
                schema["fields"][2]["type"][1]["fields"].as_array_mut().unwrap().push(optional("new"));
            }),
        ),
        ("renamed record", changed(|schema| schema["name"] = json!("Other"))),
        ("moved namespace", changed(|schema| schema["namespace"] = json!("m"))),
        (
            "renamed nested record",
            changed(|schema| {
                schema["fields"][2]["type"][1]["name"] = json!("Other");
                schema["fields"][3]["type"][1] = json!("Other");
            }),
        ),
        ("changed type", changed(|schema| schema["fields"][1]["type"] = json!("int"))),
        ("swapped fields", changed(|schema| schema["fields"].as_array_mut().unwrap().swap(0, 1))),
        ("removed field", changed(|schema| drop(schema["fields"].as_array_mut().unwrap().remove(3)))),
    ];
    for (what, current) in planted {
        assert!(!breaks(&released(), &current).is_empty(), "{what} is not found");
    }
}

#[test]
fn everything_outside_the_subset_is_found() {
    assert_eq!(outside_the_subset(&released()), Vec::<String>::new());
    let field = |field: Value| changed(|schema| schema["fields"][0] = field);
    let of_type = |of_type: Value| field(json!({ "name": "id", "type": of_type, "doc": "Id." }));
    let planted = [
        ("null last", field(json!({ "name": "id", "type": ["string", "null"], "doc": "Id.", "default": "" }))),
        ("no default", of_type(json!(["null", "string"]))),
        (
            "a wide union",
            field(json!({ "name": "id", "type": ["null", "string", "long"], "doc": "Id.", "default": null })),
        ),
        ("an enum", of_type(json!({ "type": "enum", "name": "E", "symbols": ["A"] }))),
        ("fixed", of_type(json!({ "type": "fixed", "name": "F", "size": 16 }))),
        ("bytes", of_type(json!("bytes"))),
        ("a map", of_type(json!({ "type": "map", "values": "string" }))),
        ("a decimal", of_type(json!({ "type": "bytes", "logicalType": "decimal", "precision": 9 }))),
        ("a date", of_type(json!({ "type": "int", "logicalType": "date" }))),
        ("recursion", of_type(json!({ "type": "array", "items": "Change" }))),
        ("no doc", field(json!({ "name": "id", "type": "string" }))),
        ("an empty doc", field(json!({ "name": "id", "type": "string", "doc": " " }))),
    ];
    for (what, schema) in planted {
        assert!(!outside_the_subset(&schema).is_empty(), "{what} is not found");
    }
}
