//! The desk: what one process knows of its account (requests, what is known, what was done lately), for whoever asks it.
//!
//! Nothing is decided here. The owner writes what it reads from the `.control` topic and what it is doing; a
//! parked copy writes what it sees of the owner's progress. It is as fresh as the last look at the topics.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::FutureExt;
use jiff::Timestamp;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{known::Known, lately::Lately};
use crate::{
    control::{Action, Entry, Outcome, Queue, Request, RequestId, Standing},
    model::{Kind, Millis},
    state::Progress,
};

/// See the module's page; cheap to clone, all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Desk(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    view: Mutex<View>,
    claim: Notify,
}

/// What is known at this moment.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// UUID of the state's history, and the number of the last committed sync; none before the first.
    pub published: Option<Published>,
    /// What is being done.
    pub doing: Doing,
    /// The requests that are not on record yet, in their order.
    pub entries: Vec<Entry>,
    /// What became of the last requests, the oldest first.
    pub outcomes: Arc<VecDeque<Outcome>>,
    /// Why the last attempt to serve a replay, or to put something on record, has failed.
    pub failure: Option<String>,
    /// What the published state knows of each kind; empty before the first sync.
    pub known: Arc<Vec<Known>>,
    /// What this process has done.
    pub lately: Lately,
}

/// Where the published state stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// UUID of the state's history.
    pub lineage: Uuid,
    /// Number of the last committed sync.
    pub sequence: i64,
    /// Its reading of the cloud.
    pub sync_id: Option<Uuid>,
    /// The end of the last complete reading of the kind that was read completely the longest time ago, Unix
    /// milliseconds; none if a kind never was.
    pub complete_at: Option<Millis>,
}

/// What the owner is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Doing {
    /// Nothing: it waits for the next sync or request. A copy that owns nothing does nothing, too.
    #[default]
    Idle,
    /// It reads the account or publishes what it read.
    Syncing,
    /// It sends a replay.
    Replaying {
        /// Rows sent in this attempt, and all rows, by kind.
        rows: BTreeMap<Kind, (u64, u64)>,
    },
}

impl Doing {
    /// The word for it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Syncing => "syncing",
            Self::Replaying { .. } => "replaying",
        }
    }
}

/// How a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// It waits for the owner's next look, or for what was asked before it.
    Queued,
    /// An attempt to serve it has failed, for this reason; another one is made.
    Failing(String),
    /// It waits for a sync to end, or for the one that serves it.
    BehindSync,
    /// It is being served: rows sent in this attempt, and all rows, by kind.
    Sending(BTreeMap<Kind, (u64, u64)>),
    /// It has ended; what is not on record yet is told all the same.
    Ended(Outcome),
}

impl Desk {
    /// A desk of a process that begins now.
    pub(super) fn since(now: Timestamp) -> Self {
        let desk = Self::default();
        desk.inner().lately.since = now;
        desk
    }

    /// Everything at once.
    #[must_use]
    pub fn view(&self) -> View {
        self.inner().clone()
    }

    /// Asks a parked copy to claim the account. An order that comes while it looks at the state is heard after that.
    pub fn ask_to_claim(&self) {
        self.0.claim.notify_one();
    }

    /// A copy that parks hears no order of an earlier time.
    pub(super) fn forget_orders(&self) {
        self.0.claim.notified().now_or_never();
    }

    /// Waits for [`ask_to_claim`](Self::ask_to_claim).
    pub(super) async fn claim_asked(&self) {
        self.0.claim.notified().await;
    }

    /// The state as progress says it.
    pub(super) fn show_progress(&self, progress: Option<&Progress>) {
        let mut view = self.inner();
        view.published = progress.filter(|progress| progress.sequence > 0).map(Published::of);
        view.outcomes = progress.map(|progress| progress.control.shared_outcomes()).unwrap_or_default();
    }

    /// What the published state knows of each kind.
    pub(super) fn show_known(&self, known: Vec<Known>) {
        self.inner().known = Arc::new(known);
    }

    /// What a sync came to.
    pub(super) fn tell_lately(&self, tell: impl FnOnce(&mut Lately)) {
        tell(&mut self.inner().lately);
    }

    /// What was read from the `.control` topic.
    pub(super) fn show_queue(&self, queue: &Queue) {
        self.inner().entries = queue.entries().to_vec();
    }

    pub(super) fn show(&self, doing: Doing) {
        self.inner().doing = doing;
    }

    /// Why the last attempt to serve what waits has failed, if it has.
    pub(super) fn show_failure(&self, why: Option<&str>) {
        self.inner().failure = why.map(str::to_owned);
    }

    /// One row more of a replay was taken to be sent.
    pub(super) fn row_taken(&self, kind: Kind) {
        if let Doing::Replaying { rows } = &mut self.inner().doing
            && let Some((sent, _)) = rows.get_mut(&kind)
        {
            *sent += 1;
        }
    }

    fn inner(&self) -> MutexGuard<'_, View> {
        self.0.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Published {
    fn of(progress: &Progress) -> Self {
        let Progress { lineage, sequence, sync_id, .. } = *progress;
        let complete = progress.collections.values().map(|collection| collection.complete_at);
        Self { lineage, sequence, sync_id, complete_at: complete.min().flatten() }
    }
}

impl View {
    /// How the request with this id stands; `None` if nothing is known of it (any more, or yet).
    #[must_use]
    pub fn stands(&self, id: &RequestId) -> Option<Stands> {
        let on_record = self.outcomes.iter().rev().find(|outcome| outcome.request_id == *id);
        if let Some(outcome) = on_record {
            return Some(Stands::Ended(outcome.clone()));
        }
        self.entries.iter().filter(|entry| entry.id.as_ref() == Some(id)).find_map(|entry| match &entry.standing {
            Standing::Ended(outcome) => Some(Stands::Ended(outcome.clone())),
            Standing::Waiting(request) => Some(self.waits(request)),
            Standing::Served | Standing::Refused(_) | Standing::Gap { .. } => None,
        })
    }

    fn waits(&self, request: &Request) -> Stands {
        match (&self.doing, &request.action) {
            (Doing::Replaying { rows }, Action::Replay { .. }) => Stands::Sending(rows.clone()),
            (Doing::Syncing, _) => Stands::BehindSync,
            (Doing::Idle, Action::Replay { .. }) => self.failure.clone().map_or(Stands::Queued, Stands::Failing),
            _ => Stands::Queued,
        }
    }

    /// The requests that wait, in their order.
    pub fn waiting(&self) -> impl Iterator<Item = &Request> {
        self.entries.iter().filter_map(Entry::waits)
    }
}
