//! Fields that are left out by configuration: null from the reading on, and told by the version of their kind.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::Kind;

/// The fields that are left out, and the versions that follow from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redacted {
    fields: BTreeMap<Kind, BTreeSet<&'static str>>,
    versions: BTreeMap<Kind, String>,
}

impl Redacted {
    /// These fields.
    #[must_use]
    pub fn of(left_out: impl IntoIterator<Item = (Kind, &'static str)>) -> Self {
        let mut fields: BTreeMap<Kind, BTreeSet<&'static str>> = BTreeMap::new();
        for (kind, field) in left_out {
            fields.entry(kind).or_default().insert(field);
        }
        let versions = fields.iter().map(|(kind, names)| (*kind, version(*kind, names))).collect();
        Self { fields, versions }
    }

    /// What left these versions behind, without being told which fields.
    #[must_use]
    pub fn by_versions(versions: impl IntoIterator<Item = (Kind, String)>) -> Self {
        Self { fields: BTreeMap::new(), versions: versions.into_iter().collect() }
    }

    /// Whether `field` of `kind` is left out.
    #[must_use]
    pub fn has(&self, kind: Kind, field: &str) -> bool {
        self.fields.get(&kind).is_some_and(|fields| fields.contains(field))
    }

    /// The version of what is compared and published of `kind`: `3`, or `3+1a2b3c4d` if something of it is left out, so
    /// that whoever leaves out more or less begins with a baseline.
    #[must_use]
    pub fn model_version(&self, kind: Kind) -> &str {
        self.versions.get(&kind).map_or(kind.model_version(), String::as_str)
    }
}

/// Behind the plus stand the first 8 hex digits of the SHA-256 of the sorted names, joined by line feeds.
fn version(kind: Kind, fields: &BTreeSet<&'static str>) -> String {
    let names: Vec<&str> = fields.iter().copied().collect();
    let hash = Sha256::digest(names.join("\n").as_bytes());
    format!("{}+{}", kind.model_version(), hex::encode(&hash[..4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_tells_what_is_left_out_and_of_no_other_kind() {
        let redacted = Redacted::of([(Kind::Instance, "status")]);
        // echo -n status | sha256sum
        assert_eq!(redacted.model_version(Kind::Instance), "1+073c1634");
        assert_eq!(redacted.model_version(Kind::User), "1");
        assert_eq!(Redacted::default().model_version(Kind::Instance), "1");
        assert!(redacted.has(Kind::Instance, "status") && !redacted.has(Kind::User, "status"));
        let more = Redacted::of([(Kind::Instance, "tags"), (Kind::Instance, "status")]);
        assert_ne!(more.model_version(Kind::Instance), redacted.model_version(Kind::Instance));
    }
}
