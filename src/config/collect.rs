//! `[collect]`: which kinds are read.

use std::collections::BTreeSet;

use super::parse;
use super::reader::Reader;
use crate::model::{Kind, Redacted};

/// The kinds that are read, and what is left out of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collect {
    /// Those that are on.
    pub kinds: BTreeSet<Kind>,
    /// `collect.instance_status`: whether the status of instances is compared and published.
    pub instance_status: bool,
}

impl Collect {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        // Instances are asked for in every region of the account, at as many hosts, with permissions of another service.
        let has_instances = r.value("collect.instance", "false", parse::boolean);
        let is_on = |kind: &&Kind| **kind != Kind::Instance || has_instances;
        Self {
            kinds: Kind::ALL.iter().filter(is_on).copied().collect(),
            instance_status: r.value("collect.instance_status", "true", parse::boolean),
        }
    }

    /// The fields that are left out.
    #[must_use]
    pub fn redacted(&self) -> Redacted {
        Redacted::of((!self.instance_status).then_some((Kind::Instance, "status")))
    }
}
