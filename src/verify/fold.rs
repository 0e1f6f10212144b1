//! The reader's fold: what is held after a sequence, and which keys hang on which.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::log::Step;
use super::record::Event;

/// Count and digest of some rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) count: i64,
    pub(super) digest: String,
}

impl Default for Proof {
    /// Of no rows.
    fn default() -> Self {
        Self { count: 0, digest: format!("{:032x}", 0) }
    }
}

/// The last event of each key up to `sequence`, also where it removed the key.
pub(super) fn last_events(steps: &[Step], sequence: i64) -> BTreeMap<&str, &Event> {
    let until = steps.iter().map(|step| &step.event).take_while(|event| event.sequence <= sequence);
    until.map(|event| (&*event.key, event)).collect()
}

/// What proves rows of a replay, by kind: how many there are, and the sum mod 2^128 of the first 16 bytes of SHA-256 of
/// every event id, in hex.
pub(super) fn proofs<'a>(rows: impl IntoIterator<Item = &'a Event>) -> BTreeMap<&'a str, Proof> {
    let mut sums: BTreeMap<&str, (i64, u128)> = BTreeMap::new();
    for row in rows {
        let (count, sum) = sums.entry(kind_of(&row.key)).or_default();
        let hash = Sha256::digest(&row.event_id);
        let head: [u8; 16] = hash[..16].try_into().expect("a hash has 32 bytes");
        *count += 1;
        *sum = sum.wrapping_add(u128::from_be_bytes(head));
    }
    sums.into_iter().map(|(kind, (count, sum))| (kind, Proof { count, digest: format!("{sum:032x}") })).collect()
}

/// The kind in a key.
pub(super) fn kind_of(key: &str) -> &str {
    key.split('/').nth(1).unwrap_or_default()
}

/// The keys of the entities on which a child or an edge hangs; none for an entity.
pub(super) fn ends(key: &str) -> Vec<String> {
    let parts: Vec<&str> = key.split('/').collect();
    match parts[..] {
        [account, "membership", group, user] => {
            vec![format!("{account}/group/{group}"), format!("{account}/user/{user}")]
        }
        [account, "policy_attachment", policy_type, policy, principal_type, principal, _scope] => {
            vec![format!("{account}/policy/{policy_type}/{policy}"), format!("{account}/{principal_type}/{principal}")]
        }
        [account, "access_key" | "login_profile" | "mfa_device", user, ..] => vec![format!("{account}/user/{user}")],
        _ => Vec::new(),
    }
}
