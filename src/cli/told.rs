//! How a request stands, in words, and what that is as an exit code.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;

use super::Exit;

/// See the module's page.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Told {
    pub(super) request_id: String,
    pub(super) action: String,
    pub(super) state: String,
    #[serde(default)]
    pub(super) rows: BTreeMap<String, Rows>,
    pub(super) sequence: Option<i64>,
    pub(super) at: Option<String>,
    pub(super) reason: Option<String>,
    /// Of a sync that was done.
    pub(super) sync_outcome: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Rows {
    pub(super) sent: u64,
    pub(super) total: u64,
}

impl Told {
    pub(super) fn has_ended(&self) -> bool {
        !matches!(self.state.as_str(), "queued" | "behind_sync" | "sending")
    }

    pub(super) fn is_sending(&self) -> bool {
        self.state == "sending"
    }

    /// One line for who waits.
    pub(super) fn progress(&self) -> String {
        let how = match self.state.as_str() {
            "behind_sync" if self.action == "sync" => "waiting for the sync that serves it".to_owned(),
            "behind_sync" => "behind a sync".to_owned(),
            "sending" => {
                let kinds = self.rows.iter().map(|(kind, rows)| format!("{kind} {} of {}", rows.sent, rows.total));
                format!("sending {}", kinds.collect::<Vec<_>>().join(", "))
            }
            "completed" => "committed".to_owned(),
            other => match &self.reason {
                Some(reason) if !self.has_ended() => format!("{other} ({reason})"),
                _ => other.to_owned(),
            },
        };
        format!("{} {}: {how}", self.action, self.request_id)
    }

    /// What came of it, in one line.
    pub(super) fn end(&self) -> String {
        let mut line = self.state.clone();
        if let (Some(sequence), "completed") = (self.sequence, self.state.as_str()) {
            write!(line, " at sequence {sequence}").ok();
        }
        if !self.rows.is_empty() {
            let all: u64 = self.rows.values().map(|rows| rows.total).sum();
            let kinds = self.rows.iter().map(|(kind, rows)| format!("{kind} {}", rows.total));
            write!(line, ": {all} rows ({})", kinds.collect::<Vec<_>>().join(", ")).ok();
        }
        if let Some(reason) = &self.reason {
            write!(line, ": {reason}").ok();
        }
        line
    }

    pub(super) fn exit(&self) -> Exit {
        match (self.state.as_str(), self.sync_outcome.as_deref()) {
            ("completed", None | Some("complete")) => Exit::Complete,
            ("completed", Some("partial")) => Exit::Partial,
            _ => Exit::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &str) -> Told {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_replay_that_is_sent_shows_rows_by_kind() {
        let told = told(
            r#"{"request_id":"r","action":"replay","state":"sending",
                "rows":{"user":{"sent":3,"total":10},"group":{"sent":0,"total":2}}}"#,
        );
        assert_eq!(told.progress(), "replay r: sending group 0 of 2, user 3 of 10");
        assert!(!told.has_ended() && told.is_sending());
    }

    #[test]
    fn a_replay_that_waits_for_another_attempt_says_why() {
        let told = told(r#"{"request_id":"r","action":"replay","state":"queued","reason":"an attempt failed: why"}"#);
        assert_eq!(told.progress(), "replay r: queued (an attempt failed: why)");
        assert!(!told.has_ended());
    }

    #[test]
    fn the_last_line_says_what_came_of_it_and_the_exit_code_follows() {
        for (json, line, exit) in [
            (
                r#"{"request_id":"r","action":"replay","state":"completed","sequence":7,"at":"2026-01-31T11:00:00Z",
                    "rows":{"user":{"sent":10,"total":10},"group":{"sent":2,"total":2}}}"#,
                "completed at sequence 7: 12 rows (group 2, user 10)",
                Exit::Complete,
            ),
            (
                r#"{"request_id":"s","action":"sync","state":"completed","sequence":8,"reason":"the sync was partial",
                    "sync_outcome":"partial"}"#,
                "completed at sequence 8: the sync was partial",
                Exit::Partial,
            ),
            (
                r#"{"request_id":"s","action":"sync","state":"completed","sequence":8,"sync_outcome":"complete"}"#,
                "completed at sequence 8",
                Exit::Complete,
            ),
            (
                r#"{"request_id":"s","action":"sync","state":"completed","sequence":8,"reason":"the sync was failed",
                    "sync_outcome":"failed"}"#,
                "completed at sequence 8: the sync was failed",
                Exit::Failed,
            ),
            (
                r#"{"request_id":"r","action":"replay","state":"rejected","sequence":8,"reason":"busy: x waits"}"#,
                "rejected: busy: x waits",
                Exit::Failed,
            ),
            (r#"{"request_id":"r","action":"replay","state":"cancelled","sequence":8}"#, "cancelled", Exit::Failed),
        ] {
            let told = told(json);
            assert_eq!((told.end().as_str(), told.exit()), (line, exit));
            assert!(told.has_ended());
        }
    }
}
