//! What changed, in words: derived from the fields of `before` and `after`, whatever the kind.

use apache_avro::types::Value;
use jiff::Timestamp;

use super::content::{field, fields, plain};
use super::harmless::harmless;

/// Longer texts show only where they differ.
const LONG: usize = 48;
/// So many characters that both have are shown around it.
const AROUND: usize = 12;

/// `name before → after`.
pub(super) fn change(name: &str, before: Option<&Value>, after: Option<&Value>) -> String {
    match (before, after) {
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            format!("{name} {}", list_change(before, after).join(" "))
        }
        _ => {
            let (before, after) = two(&words(before), &words(after));
            format!("{name} {before} → {after}")
        }
    }
}

/// A value in a few words.
pub(crate) fn words(value: Option<&Value>) -> String {
    match value.map(plain) {
        None | Some(Value::Null) => "none".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "\"\"".to_owned(),
        Some(Value::String(text)) => harmless(text),
        Some(Value::Boolean(is)) => is.to_string(),
        Some(Value::Int(number)) => number.to_string(),
        Some(Value::Long(number)) => number.to_string(),
        Some(Value::TimestampMillis(millis)) => moment(*millis),
        Some(Value::Array(items)) => items.iter().map(item).collect::<Vec<_>>().join(", "),
        Some(record @ Value::Record(_)) => item(record),
        Some(other) => harmless(&format!("{other:?}")),
    }
}

/// In UTC and whole seconds, as the services have their dates.
fn moment(millis: i64) -> String {
    Timestamp::from_millisecond(millis).map_or_else(|_| millis.to_string(), |at| format!("{at:.0}"))
}

/// What came, went and changed among items; the first field of one tells which it is.
fn list_change(before: &[Value], after: &[Value]) -> Vec<String> {
    let find = |items: &[Value], wanted: &Value| items.iter().find(|item| name(item) == name(wanted)).cloned();
    let gone = before.iter().filter(|item| find(after, item).is_none()).map(|gone| format!("−{}", item(gone)));
    let come = after.iter().filter_map(|now| match find(before, now) {
        None => Some(format!("+{}", item(now))),
        Some(was) if was == *now => None,
        Some(was) => Some(item_change(&was, now)),
    });
    let said: Vec<String> = gone.chain(come).collect();
    if said.is_empty() { vec!["in another order".to_owned()] } else { said }
}

/// `name (field before → after)`, or `name=before → after` where there is but one field.
fn item_change(before: &Value, after: &Value) -> String {
    let names = fields(after).iter().map(|(name, _)| name.as_str());
    let changed: Vec<&str> = names.filter(|name| field(before, name) != field(after, name)).collect();
    let name = name(after);
    match changed[..] {
        [only] if fields(after).len() == 2 => {
            format!("{name}={} → {}", words(field(before, only)), words(field(after, only)))
        }
        _ => {
            let said = changed.iter().map(|name| change(name, field(before, name), field(after, name)));
            format!("{name} ({})", said.collect::<Vec<_>>().join(", "))
        }
    }
}

/// What tells an item from the others.
fn name(item: &Value) -> String {
    fields(item).first().map_or_else(|| words(Some(item)), |(_, value)| words(Some(value)))
}

/// An item: a pair as `name=value`, anything longer by its name.
fn item(value: &Value) -> String {
    match fields(value) {
        [(_, name), (_, value)] => format!("{}={}", words(Some(name)), words(Some(value))),
        _ => name(value),
    }
}

/// Two texts as short as may be: long ones are cut to where they differ.
fn two(before: &str, after: &str) -> (String, String) {
    if before.chars().count() <= LONG && after.chars().count() <= LONG {
        return (before.to_owned(), after.to_owned());
    }
    let (one, other): (Vec<char>, Vec<char>) = (before.chars().collect(), after.chars().collect());
    let shorter = one.len().min(other.len());
    let begin = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let end = one.iter().rev().zip(other.iter().rev()).take(shorter - begin).take_while(|(a, b)| a == b).count();
    (part(&one, begin, end), part(&other, begin, end))
}

/// The text without its first and last characters that the other has, too, but with a few of them.
fn part(text: &[char], begin: usize, end: usize) -> String {
    let from = begin.saturating_sub(AROUND);
    let to = if end <= AROUND { text.len() } else { text.len() - end + AROUND };
    let cut = (to - from > LONG + AROUND).then(|| from + LONG);
    let shown: String = text[from..cut.unwrap_or(to)].iter().collect();
    let ends_early = cut.is_some() || to < text.len();
    format!("{}{shown}{}", if from > 0 { "…" } else { "" }, if ends_early { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    fn record(fields: &[(&str, Value)]) -> Value {
        Value::Record(fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    fn tag(key: &str, value: &str) -> Value {
        record(&[("key", text(key)), ("value", text(value))])
    }

    #[test]
    fn short_values_stand_side_by_side() {
        let said = |before: Option<Value>, after: Option<Value>| change("f", before.as_ref(), after.as_ref());
        assert_eq!(said(Some(text("active")), Some(text("frozen"))), "f active → frozen");
        assert_eq!(said(None, Some(text(""))), "f none → \"\"");
        assert_eq!(said(Some(Value::Long(3600)), Some(Value::Long(7200))), "f 3600 → 7200");
        let moments = [1_795_885_392_000, 1_795_885_393_250].map(|millis| Some(Value::TimestampMillis(millis)));
        let [before, after] = moments;
        assert_eq!(said(before, after), "f 2026-11-28T17:03:12Z → 2026-11-28T17:03:13Z");
    }

    #[test]
    fn of_long_texts_only_the_difference_is_shown() {
        let document = |service: &str| {
            text(&format!(
                "{{\"Statement\":[{{\"Action\":\"sts:AssumeRole\",\"Principal\":{{\"Service\":[\"{service}\"]}}}}]}}"
            ))
        };
        let (before, after) = (document("ecs.aliyuncs.com"), document("fc.aliyuncs.com"));
        assert_eq!(
            change("trust_policy", Some(&before), Some(&after)),
            r#"trust_policy …"Service":["ecs.aliyuncs.co… → …"Service":["fc.aliyuncs.co…"#
        );
    }

    #[test]
    fn texts_that_have_nothing_in_common_are_cut() {
        let (before, after) = ("a".repeat(500), "b".repeat(20));
        let said = change("f", Some(&text(&before)), Some(&text(&after)));
        assert_eq!(said, format!("f {}… → {after}", "a".repeat(48)));
    }

    #[test]
    fn a_text_that_was_only_lengthened_shows_what_was_added() {
        let before = "x".repeat(60);
        let said = change("f", Some(&text(&before)), Some(&text(&format!("{before}yz"))));
        assert_eq!(said, format!("f …{0} → …{0}yz", "x".repeat(12)));
    }

    #[test]
    fn of_lists_what_came_went_and_changed_is_shown() {
        let before = Value::Array(vec![tag("env", "test"), tag("old", "1"), tag("same", "1")]);
        let after = Value::Array(vec![tag("env", "prod"), tag("new", "2"), tag("same", "1")]);
        assert_eq!(change("tags", Some(&before), Some(&after)), "tags −old=1 env=test → prod +new=2");
        let version = |id: &str, document: &str| {
            record(&[("version_id", text(id)), ("create_date", Value::Null), ("document", text(document))])
        };
        let before = Value::Array(vec![version("v1", "a"), version("v2", "b")]);
        let after = Value::Array(vec![version("v2", "c"), version("v3", "d")]);
        assert_eq!(change("versions", Some(&before), Some(&after)), "versions −v1 v2 (document b → c) +v3");
    }

    #[test]
    fn what_strangers_wrote_is_made_harmless() {
        assert_eq!(words(Some(&text("a\u{1b}[2J"))), r"a\u{1b}[2J");
        let tags = Value::Array(vec![tag("\n", "\u{9b}1m")]);
        assert_eq!(change("tags", Some(&Value::Array(Vec::new())), Some(&tags)), r"tags +\n=\u{9b}1m");
    }
}
