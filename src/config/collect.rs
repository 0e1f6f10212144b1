//! `[collect]`: which kinds are read.

use std::collections::BTreeSet;

use super::parse;
use super::reader::Reader;
use crate::model::Kind;

/// The kinds that are read: `collect.<kind>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collect {
    /// Those that are on.
    pub kinds: BTreeSet<Kind>,
}

/// The kinds that cannot be published without others.
const HANGING_ON: &[(Kind, &[Kind])] = &[
    (Kind::AccessKey, &[Kind::User]),
    (Kind::LoginProfile, &[Kind::User]),
    (Kind::MfaDevice, &[Kind::User]),
    (Kind::Membership, &[Kind::User, Kind::Group]),
    (Kind::PolicyAttachment, &[Kind::User, Kind::Group, Kind::Role, Kind::Policy]),
];

impl Collect {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let is_on = |kind: &&Kind| r.value(&key(**kind), "true", parse::boolean);
        let collect = Self { kinds: Kind::ALL.iter().filter(is_on).copied().collect() };
        collect.check(r);
        collect
    }

    fn check(&self, r: &mut Reader<'_>) {
        for (kind, ends) in HANGING_ON.iter().filter(|(kind, _)| self.kinds.contains(kind)) {
            for end in ends.iter().filter(|end| !self.kinds.contains(end)) {
                let reason = format!("is on, and nothing of it can be published without {}, which is off", key(*end));
                r.fault(&key(*kind), reason, format!("set {} = false, too, or {} = true", key(*kind), key(*end)));
            }
        }
        if self.kinds.is_empty() {
            r.fault(&key(Kind::User), "every kind is off", "leave at least one on");
        }
    }
}

fn key(kind: Kind) -> String {
    format!("collect.{kind}")
}
