//! The types of fields that several kinds share.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A moment as it is stored and published: milliseconds since the Unix epoch (Avro `timestamp-millis`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

impl From<Timestamp> for Millis {
    fn from(moment: Timestamp) -> Self {
        Self(moment.as_millisecond())
    }
}

/// Serde for an enum with `ALL` and `as_str`: always the text, for Avro's serializer writes a unit
/// variant only into an Avro enum, and enums do not survive all readers.
macro_rules! serde_as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Word;
                impl serde::de::Visitor<'_> for Word {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("a word of ", stringify!($name)))
                    }
                    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<$name, E> {
                        let known = $name::ALL.iter().copied().find(|one| one.as_str() == word);
                        known.ok_or_else(|| E::custom(format!("unknown {} {word:?}", stringify!($name))))
                    }
                }
                deserializer.deserialize_str(Word)
            }
        }
    };
}
pub(super) use serde_as_text;

/// One tag of an entity. Lists of tags are sorted by key, for the services give them in any order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    /// The tag's key.
    pub key: String,
    /// The tag's value, empty if it has none.
    pub value: String,
}

/// The moments that tell whether an entity is still the same one, and whether a listing is stale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dates {
    /// When it began under its key: CreateDate, JoinDate or AttachDate.
    pub born: Option<Millis>,
    /// When it was last changed: UpdateDate.
    pub touched: Option<Millis>,
}

/// What tells whether the details of an entity may have changed, read from its JSON without the rest: documents make
/// up most of it.
#[derive(Debug, Deserialize)]
pub struct Head {
    /// When it was created.
    #[serde(default)]
    pub create_date: Option<Millis>,
    /// When it was last updated.
    #[serde(default)]
    pub update_date: Option<Millis>,
    /// The version in force, of what has versions.
    #[serde(default)]
    pub default_version: Option<String>,
}

impl Head {
    /// The dates in it.
    #[must_use]
    pub fn dates(&self) -> Dates {
        Dates { born: self.create_date, touched: self.update_date }
    }
}

impl Dates {
    /// Whether it began later than `earlier`: under an unchanged key it was removed and added again.
    #[must_use]
    pub fn born_after(self, earlier: Self) -> bool {
        backwards(self.born, earlier.born)
    }

    /// Whether `self`, read later than `earlier`, is nevertheless older than it: the mark of a stale listing.
    #[must_use]
    pub fn older_than(self, earlier: Self) -> bool {
        backwards(earlier.born, self.born) || (self.born == earlier.born && backwards(earlier.touched, self.touched))
    }
}

/// Whether the date moved back. A date that is absent on one side tells nothing.
fn backwards(before: Option<Millis>, after: Option<Millis>) -> bool {
    matches!((before, after), (Some(before), Some(after)) if after < before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(born: i64, touched: i64) -> Dates {
        Dates { born: Some(Millis(born)), touched: Some(Millis(touched)) }
    }

    #[test]
    fn a_date_that_moved_back_marks_an_older_listing() {
        assert!(dates(1, 4).older_than(dates(1, 5)));
        assert!(dates(0, 5).older_than(dates(1, 5)));
        assert!(!dates(1, 5).older_than(dates(1, 5)));
        assert!(!Dates::default().older_than(dates(1, 5)));
    }

    #[test]
    fn a_later_birth_explains_any_other_date() {
        assert!(!dates(6, 2).older_than(dates(1, 5)));
    }
}
