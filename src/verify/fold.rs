//! The reader's fold: what is held after a sequence, and which keys hang on which.

use std::collections::BTreeMap;

use super::log::Step;
use super::record::Event;

/// The last event of each key up to `sequence`, also where it removed the key.
pub(super) fn last_events(steps: &[Step], sequence: i64) -> BTreeMap<&str, &Event> {
    let until = steps.iter().map(|step| &step.event).take_while(|event| event.sequence <= sequence);
    until.map(|event| (&*event.key, event)).collect()
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
