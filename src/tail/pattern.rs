//! Patterns as people type them: `*` stands for any run of characters.

use std::convert::Infallible;
use std::str::FromStr;

/// See the module's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

impl FromStr for Pattern {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl Pattern {
    /// Whether an event type is meant; a word alone, as in `user`, means all types that begin with it and a dot.
    pub(super) fn is_type(&self, event_type: &str) -> bool {
        if self.0.contains(['*', '.']) {
            return matches(&self.0, event_type);
        }
        event_type.strip_prefix(&self.0).is_some_and(|verb| verb.starts_with('.'))
    }

    /// Whether a key is meant; the account in front of it may be left out.
    pub(super) fn is_key(&self, key: &str) -> bool {
        let without_account = key.split_once('/').map(|(_, rest)| rest);
        matches(&self.0, key) || without_account.is_some_and(|rest| matches(&self.0, rest))
    }
}

/// Whether `text` is `pattern`, from its beginning to its end.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(begin) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    // Each as early as it can be leaves the most for those behind it.
    for part in parts {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_star_stands_for_any_run() {
        for (text, yes, no) in [
            ("user.*", &["user.added", "user."][..], &["users.added", "superuser.added"][..]),
            ("*.removed", &["user.removed", "policy_attachment.removed"], &["user.removed2", "user.added"]),
            ("u*.re*d", &["user.removed", "user.readded", "u.red"], &["group.removed", "user.added"]),
            ("*a*a", &["aa", "bacada"], &["a", "ab"]),
            ("*", &["", "user.added"], &[]),
            ("user.added", &["user.added"], &["user.adde", "user.addedd"]),
        ] {
            for (events, expected) in [(yes, true), (no, false)] {
                for event in events {
                    assert_eq!(matches(text, event), expected, "{text} {event}");
                }
            }
        }
    }

    #[test]
    fn a_kind_alone_means_all_that_happens_to_it() {
        assert!(pattern("user").is_type("user.added") && pattern("sync").is_type("sync.completed"));
        assert!(!pattern("user").is_type("user_x.added") && !pattern("us").is_type("user.added"));
    }

    #[test]
    fn a_key_is_found_with_and_without_its_account() {
        for text in ["5481/user/2618", "user/2618", "user/*", "*2618", "5481/*"] {
            assert!(pattern(text).is_key("5481/user/2618"), "{text}");
        }
        assert!(!pattern("2618").is_key("5481/user/2618"));
        assert!(pattern("5481").is_key("5481"));
    }
}
