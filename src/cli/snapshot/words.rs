//! A difference in the words of its event, on one line for people: `user.renamed  alice → alicia (2618…)`.

use serde_json::{Map, Value};

use crate::{
    diff::{Change, Op},
    model::{Key, Kind, Names, Verb},
    words::harmless,
};

/// No value of a field is shown longer than this: documents are looked up in the exports.
const LONGEST: usize = 60;

/// What the change is about, and for an update what changed.
pub(super) fn words(change: &Change, before: &Names, after: &Names) -> String {
    let names = Both { before, after };
    let subject = harmless(&names.subject(change));
    let fields = match change.op {
        Op::Updated if change.verb != Verb::Readded => fields(change),
        _ => String::new(),
    };
    let gap = if fields.is_empty() { "" } else { "  " };
    format!("{}.{}  {subject}{gap}{fields}", change.kind, change.verb)
}

struct Both<'a> {
    before: &'a Names,
    after: &'a Names,
}

impl Both<'_> {
    fn subject(&self, change: &Change) -> String {
        let ends = change.kind.ends_of(&change.key);
        match (change.kind, ends.as_slice()) {
            (Kind::Membership, [group, user]) => format!("{} in {}", self.named(user), self.named(group)),
            (Kind::PolicyAttachment, [policy, principal]) => {
                let whose = principal.kind().map_or("", Kind::as_str);
                let scope = change.key.components().last().unwrap_or_default();
                format!("{} to {whose} {} in {scope}", self.named(policy), self.named(principal))
            }
            _ => self.named(&change.key),
        }
    }

    /// Its name, or both if it was renamed, and its id; the id alone where no name is known.
    fn named(&self, key: &Key) -> String {
        let id = key.components().collect::<Vec<_>>().join("/");
        // The account itself has neither.
        let id = if id.is_empty() { key.as_str().split('/').next().unwrap_or_default().to_owned() } else { id };
        match (self.before.get(key), self.after.get(key)) {
            (Some(before), Some(after)) if before != after => format!("{before} → {after} ({id})"),
            (_, Some(name)) | (Some(name), None) => format!("{name} ({id})"),
            (None, None) => id,
        }
    }
}

/// What changed, but for what the name says already.
fn fields(change: &Change) -> String {
    let read = |json: &Option<_>| -> Map<String, Value> {
        json.as_deref().and_then(|json: &str| serde_json::from_str(json).ok()).unwrap_or_default()
    };
    let (before, after) = (read(&change.before), read(&change.after));
    let told =
        change.changed_fields.iter().filter(|field| change.verb != Verb::Renamed || !is_name_of(change.kind, field));
    let told = told.map(|field| format!("{field}: {} → {}", short(before.get(*field)), short(after.get(*field))));
    told.collect::<Vec<_>>().join(", ")
}

fn is_name_of(kind: Kind, field: &str) -> bool {
    field == format!("{kind}_name") || field == format!("{kind}_principal_name")
}

fn short(value: Option<&Value>) -> String {
    let text = value.unwrap_or(&Value::Null).to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", harmless(&text[..end])),
        None => harmless(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diff::Span, model::Millis};

    const ACCOUNT: &str = "5481";

    fn change(kind: Kind, components: &[&str], op: Op, verb: Verb) -> Change {
        Change {
            kind,
            key: Key::new(ACCOUNT, kind, components),
            op,
            verb,
            cause: None,
            changed_fields: Vec::new(),
            before: None,
            after: None,
            other_version: None,
            previous_revision: None,
            span: Span { from: None, to: Millis(0) },
        }
    }

    fn names(named: &[(Kind, &[&str], &str)]) -> Names {
        named.iter().map(|(kind, id, name)| (Key::new(ACCOUNT, *kind, id), (*name).to_owned())).collect()
    }

    #[test]
    fn a_rename_shows_both_names_and_whatever_else_changed() {
        let renamed = Change {
            changed_fields: vec!["user_name", "user_principal_name", "display_name"],
            before: Some(r#"{"user_name":"alice","display_name":null}"#.into()),
            after: Some(r#"{"user_name":"alicia","display_name":"A"}"#.into()),
            ..change(Kind::User, &["2618"], Op::Updated, Verb::Renamed)
        };
        let (before, after) = (names(&[(Kind::User, &["2618"], "alice")]), names(&[(Kind::User, &["2618"], "alicia")]));
        let told = words(&renamed, &before, &after);
        assert_eq!(told, r#"user.renamed  alice → alicia (2618)  display_name: null → "A""#);
    }

    #[test]
    fn edges_name_their_ends_also_those_that_are_gone() {
        let before = names(&[(Kind::User, &["1"], "bob"), (Kind::Group, &["7"], "admins")]);
        let removed = change(Kind::Membership, &["7", "1"], Op::Removed, Verb::Removed);
        assert_eq!(words(&removed, &before, &Names::new()), "membership.removed  bob (1) in admins (7)");
        let key = ["system", "administratoraccess", "user", "1", "account"];
        let added = change(Kind::PolicyAttachment, &key, Op::Created, Verb::Added);
        assert_eq!(
            words(&added, &before, &before),
            "policy_attachment.added  system/administratoraccess to user bob (1) in account"
        );
    }

    #[test]
    fn long_values_are_cut_and_control_characters_written_out() {
        let updated = Change {
            changed_fields: vec!["alias"],
            before: Some(format!(r#"{{"alias":"{}"}}"#, "ä".repeat(100)).into()),
            after: Some(r#"{"alias":null}"#.into()),
            ..change(Kind::Account, &[], Op::Updated, Verb::Updated)
        };
        let told = words(&updated, &Names::new(), &Names::new());
        assert_eq!(told, format!("account.updated  5481  alias: \"{}… → null", "ä".repeat(59)));
        let named = names(&[(Kind::Role, &["1"], "r\u{1b}[2J")]);
        let added = change(Kind::Role, &["1"], Op::Created, Verb::Added);
        assert_eq!(words(&added, &named, &named), "role.added  r\\u{1b}[2J (1)");
    }
}
