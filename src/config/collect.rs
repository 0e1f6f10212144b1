//! `[collect]`: which kinds are read.

use std::collections::BTreeSet;

use super::parse;
use super::reader::Reader;
use crate::model::{Kind, Redacted};

/// The kinds that are read (`collect.<kind>`), and what is left out of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collect {
    /// Those that are on.
    pub kinds: BTreeSet<Kind>,
    /// `collect.instance_status`: whether the status of instances is compared and published.
    pub instance_status: bool,
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
        let is_on = |kind: &&Kind| r.value(&key(**kind), by_default(**kind), parse::boolean);
        let kinds = Kind::ALL.iter().filter(is_on).copied().collect();
        let collect = Self { kinds, instance_status: r.value("collect.instance_status", "true", parse::boolean) };
        collect.check(r);
        collect
    }

    /// The fields that are left out.
    #[must_use]
    pub fn redacted(&self) -> Redacted {
        Redacted::of((!self.instance_status).then_some((Kind::Instance, "status")))
    }

    fn check(&self, r: &mut Reader<'_>) {
        for (kind, ends) in HANGING_ON.iter().filter(|(kind, _)| self.kinds.contains(kind)) {
            for end in ends.iter().filter(|end| !self.kinds.contains(end)) {
                let reason = format!("is on but depends on {}, which is off", key(*end));
                r.fault(&key(*kind), reason, format!("set {} = false as well, or {} = true", key(*kind), key(*end)));
            }
        }
        if self.kinds.is_empty() {
            r.fault(&key(Kind::User), "every kind is off", "leave at least one on");
        }
    }
}

/// Instances are asked for in every region of the account, at as many hosts, with permissions of another service.
fn by_default(kind: Kind) -> &'static str {
    if kind == Kind::Instance { "false" } else { "true" }
}

fn key(kind: Kind) -> String {
    format!("collect.{kind}")
}
