//! Keys: what identifies an entity, in Kafka and in the state.
//!
//! `<account>/<kind>/<component>/…`, never with a display name in it. RFC 3986 unreserved
//! characters stand as they are, every other byte as `%XX` in upper case, so a component never
//! contains a slash and a key can be taken apart again.

use std::{borrow::Borrow, fmt, sync::Arc};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Kind;

const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The key of one entity; also the Kafka key of its events and of its state record. State, reading and
/// changes share it, for an account may have hundreds of thousands.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

impl Key {
    /// The key of the entity of `kind` that `components` (raw, not yet encoded) name in `account`.
    #[must_use]
    pub fn new(account: &str, kind: Kind, components: &[&str]) -> Self {
        let mut text = String::with_capacity(account.len() + 112);
        text.push_str(account);
        text.push('/');
        text.push_str(kind.as_str());
        for component in components {
            text.push('/');
            text.extend(utf8_percent_encode(component, RESERVED));
        }
        Self(text.into())
    }

    /// Takes a key apart that was read from a topic; `None` if it is none of this `account`'s.
    #[must_use]
    pub fn parse(account: &str, text: &str) -> Option<(Kind, Self)> {
        let path = text.strip_prefix(account)?.strip_prefix('/')?;
        let kind = Kind::from_name(path.split('/').next()?)?;
        let is_written = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~%/".contains(&byte);
        path.bytes().all(is_written).then(|| (kind, Self(text.into())))
    }

    /// The whole key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind that it is a key of.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_name(self.0.split('/').nth(1)?)
    }

    /// What identifies it among its kind: the components behind account and kind, still encoded, with slashes between.
    #[must_use]
    pub fn id(&self) -> &str {
        self.path().split_once('/').map_or("", |(_, id)| id)
    }

    /// The components behind account and kind, still encoded.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').skip(2)
    }

    /// The key of the entity of `kind` that is named by components of this key (still encoded).
    #[must_use]
    pub fn sibling(&self, kind: Kind, components: &[&str]) -> Self {
        let account = self.0.split('/').next().unwrap_or_default();
        let mut text = String::with_capacity(self.0.len() + kind.as_str().len());
        text.push_str(account);
        for component in [kind.as_str()].iter().chain(components) {
            text.push('/');
            text.push_str(component);
        }
        Self(text.into())
    }

    /// The key without the account: how scopes name an entity.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, path)| path)
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stand_as_they_are() {
        let key = Key::new("5481", Kind::Policy, &["custom", "a-b_c.d~e/f ü%"]);
        assert_eq!(key.as_str(), "5481/policy/custom/a-b_c.d~e%2Ff%20%C3%BC%25");
    }

    #[test]
    fn a_key_is_taken_apart_and_belongs_to_one_account() {
        let (kind, key) = Key::parse("5481", "5481/membership/g1/u1").unwrap();
        assert_eq!((kind, key.components().collect::<Vec<_>>()), (Kind::Membership, vec!["g1", "u1"]));
        assert_eq!(key.sibling(Kind::User, &["u1"]).as_str(), "5481/user/u1");
        assert_eq!((key.path(), key.id()), ("membership/g1/u1", "g1/u1"));
        for foreign in ["54811/user/u1", "5482/user/u1", "5481/gadget/u1", "5481/~progress", "5481"] {
            assert!(Key::parse("5481", foreign).is_none(), "{foreign}");
        }
    }
}
