//! Which records are shown.

use super::pattern::Pattern;
use super::record::Record;

/// Which notices are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notices {
    /// All of them, also the heartbeat of every sync.
    All,
    /// All but the syncs that went well.
    Trouble,
    /// None.
    None,
}

/// See the module's page.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Event types and types of notices; empty = all.
    pub types: Vec<Pattern>,
    /// Keys; empty = all.
    pub keys: Vec<Pattern>,
    /// Which notices.
    pub notices: Notices,
    /// Nothing below this sequence.
    pub from_sequence: Option<i64>,
}

impl Filter {
    /// Whether the record with this key may be shown: what is known before it is decoded.
    pub(super) fn is_key(&self, key: &str) -> bool {
        self.keys.is_empty() || self.keys.iter().any(|pattern| pattern.is_key(key))
    }

    /// Whether it is shown. What could not be decoded is, for nothing speaks against it.
    pub(super) fn is_shown(&self, record: &Record) -> bool {
        let Ok(content) = &record.content else { return true };
        let is_wanted = match self.notices {
            _ if !content.is_notice => true,
            Notices::All => true,
            Notices::Trouble => !content.is_heartbeat(),
            Notices::None => false,
        };
        let is_type = self.types.is_empty() || self.types.iter().any(|pattern| pattern.is_type(&content.event_type));
        is_wanted && is_type && self.from_sequence.is_none_or(|from| content.sequence >= from)
    }
}
