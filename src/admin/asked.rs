//! What this process has appended to the `.control` topic and not read back yet: it waits, although nobody has seen it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::control::{REMEMBERED, Request, RequestId};
use crate::sync::desk::View;

/// The last such requests; no more than outcomes are remembered.
#[derive(Default)]
pub(super) struct Asked(Mutex<VecDeque<Request>>);

impl Asked {
    pub(super) fn note(&self, request: Request) {
        let mut asked = self.asked();
        asked.retain(|other| other.id != request.id);
        asked.push_back(request);
        while asked.len() > REMEMBERED {
            asked.pop_front();
        }
    }

    /// Those that `view` does not show yet; the others are forgotten, for it knows more of them.
    pub(super) fn unseen(&self, view: &View) -> Vec<Request> {
        let mut asked = self.asked();
        asked.retain(|request| !is_seen(view, &request.id));
        asked.iter().cloned().collect()
    }

    fn asked(&self) -> MutexGuard<'_, VecDeque<Request>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_seen(view: &View, id: &RequestId) -> bool {
    view.entries.iter().any(|entry| entry.id.as_ref() == Some(id)) || view.stands(id).is_some()
}
