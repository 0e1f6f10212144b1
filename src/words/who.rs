//! Who or what an event is about: from the ids and names that it carries beside its entity, whatever the kind.
//!
//! Such a field is called `<what>_name`, `<what>_id` or `<what>_type`; those with the same beginning are told together.

use super::changes::words;
use super::content::{Content, as_text, fields};
use super::harmless::harmless;

/// Ids are long; this much tells most of them apart, and the JSON has all of it.
const SHORT_ID: usize = 4;

/// What is known of one of those that an event is about.
#[derive(Default)]
struct Part<'a> {
    what: &'a str,
    name: Option<String>,
    id: Option<String>,
    of_type: Option<&'a str>,
}

/// In a few words; the key if it carries neither ids nor names.
pub(super) fn who(event: &Content, key: &str) -> String {
    let kind = event.event_type.split('.').next().unwrap_or_default();
    let mut parts: Vec<Part<'_>> = Vec::new();
    for (name, value) in labels(event, kind) {
        let (what, end) =
            name.rsplit_once('_').filter(|(_, end)| ["name", "id", "type"].contains(end)).unwrap_or((name, ""));
        let place = parts.iter().position(|part| part.what == what).unwrap_or_else(|| {
            parts.push(Part { what, ..Part::default() });
            parts.len() - 1
        });
        let part = &mut parts[place];
        match end {
            "id" => part.id = Some(short(value)),
            "type" => part.of_type = Some(value),
            _ => part.name = Some(harmless(value)),
        }
    }
    // The entity itself comes first, whatever stands before it in the record.
    parts.sort_by_key(|part| part.what != kind);
    let said: Vec<String> = parts.into_iter().map(|part| part.said(kind, &renamed(event, kind))).collect();
    if said.is_empty() { harmless(key.split_once('/').map_or(key, |(_, rest)| rest)) } else { said.join(", ") }
}

/// The name of the entity's own name.
pub(super) fn own_name(kind: &str) -> String {
    format!("{kind}_name")
}

/// The ids and names between the envelope and the entity. What changed of them is told as a change.
fn labels<'a>(event: &'a Content, kind: &str) -> Vec<(&'a str, &'a str)> {
    let all = fields(&event.value).iter();
    let behind = all.skip_while(|(name, _)| name != "changed_fields").skip(1);
    let labels = behind.take_while(|(name, _)| name != "before" && name != "after");
    // Of the account the envelope has id and name.
    let own = [format!("{kind}_id"), own_name(kind)];
    let of_envelope = fields(&event.value).iter().take_while(|(name, _)| name != "changed_fields");
    let of_envelope = of_envelope.filter(|(name, _)| own.contains(name));
    let is_told = |name: &str| changed(event).any(|field| field == name && name != own[1]);
    let all = of_envelope.chain(labels).filter(|(name, _)| !is_told(name));
    all.filter_map(|(name, value)| Some((name.as_str(), as_text(value)?))).collect()
}

/// The names of the fields that changed.
pub(super) fn changed(event: &Content) -> impl Iterator<Item = &str> {
    event.items("changed_fields").iter().filter_map(as_text)
}

/// `before → after` of the entity's own name, if that changed.
fn renamed(event: &Content, kind: &str) -> Option<String> {
    let name = own_name(kind);
    changed(event).find(|field| *field == name)?;
    let of = |state: &str| event.field(state).and_then(|entity| super::content::field(entity, &name));
    Some(format!("{} → {}", words(of("before")), words(of("after"))))
}

impl Part<'_> {
    fn said(self, kind: &str, renamed: &Option<String>) -> String {
        let is_own = self.what == kind;
        let what = if is_own { String::new() } else { format!("{} ", harmless(self.what)) };
        let name = if is_own { renamed.clone().or(self.name) } else { self.name };
        let of_type = self.of_type.map(harmless);
        match (name, of_type, self.id) {
            (Some(name), Some(of_type), Some(id)) => format!("{what}{name} ({of_type} {id})"),
            (Some(name), Some(beside), None) | (Some(name), None, Some(beside)) => format!("{what}{name} ({beside})"),
            (Some(name), None, None) => format!("{what}{name}"),
            (None, of_type, id) => {
                let known: Vec<String> = of_type.into_iter().chain(id).collect();
                format!("{what}{}", known.join(" "))
            }
        }
    }
}

/// The beginning of an id.
pub(crate) fn short(id: &str) -> String {
    let short: String = id.chars().take(SHORT_ID).collect();
    if short.len() < id.len() { format!("{}…", harmless(&short)) } else { harmless(id) }
}
