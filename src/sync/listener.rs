//! What the owner hears: the `.control` topic, followed beside everything else that it does.
//!
//! It reads, judges and shows; what is to be done about it is decided between two syncs ([`super::answer`]). A topic
//! that cannot be read stops nothing and loses nothing: it is read from the cursor later.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{
    select,
    time::{Instant, sleep},
};
use tracing::{info, warn};

use super::{Pipeline, desk::Desk, known::known, recover::chain};
use crate::{
    ambient,
    control::{Ended, Entry, Journal, Outcome, Place, Queue, Standing, Taken},
    kafka::{Ends, Hidden, ReadError, TopicFold, TopicLog, backoff::Backoff},
    metrics::{self, Metrics, RequestOutcome},
    model::{Kind, Millis},
    state::State,
};

/// How often the topic is looked at: the longest delay before a request is seen.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The cursor is written by itself if nothing else was written for this long.
const WRITE_CURSOR_EVERY_MS: i64 = 3_600_000;

/// See the module's page.
pub(super) struct Listener {
    account: String,
    kinds: BTreeSet<Kind>,
    desk: Desk,
    metrics: Arc<Metrics>,
    log: TopicLog,
    ends: Ends,
    hidden: Option<Hidden>,
    queue: Queue,
    /// The state's journal and sequence when it was last looked at.
    journal: Journal,
    sequence: i64,
    begun_at: Millis,
    trouble: Option<String>,
    /// Why the last attempt to serve what waits has failed, if it has.
    failure: Option<String>,
    backoff: Backoff,
    retry_at: Option<Instant>,
}

impl Listener {
    /// Begins where the state's progress says.
    pub(super) fn new(pipeline: &Pipeline, desk: &Desk, state: &State) -> Self {
        let journal = state.progress().map(|progress| progress.control.clone()).unwrap_or_default();
        let (connection, topic) = (&pipeline.connection, pipeline.topics.control());
        let log = TopicLog::new(Arc::clone(connection), Arc::clone(&topic), journal.cursor.clone());
        let mut listener = Self {
            account: pipeline.id.clone(),
            kinds: pipeline.kinds.clone(),
            desk: desk.clone(),
            metrics: Arc::clone(&pipeline.metrics),
            log,
            ends: Ends::new(Arc::clone(connection), topic),
            hidden: None,
            queue: Queue::behind(&journal),
            journal,
            sequence: 0,
            begun_at: Millis::from(ambient::now()),
            trouble: None,
            failure: None,
            backoff: Backoff::default(),
            retry_at: None,
        };
        listener.follow(state);
        listener
    }

    /// Forgets what is on record by now.
    pub(super) fn follow(&mut self, state: &State) {
        self.desk.show_progress(state.progress());
        let Some(progress) = state.progress() else { return };
        if self.sequence != progress.sequence {
            self.desk.show_known(known(state, &self.kinds));
        }
        self.sequence = progress.sequence;
        self.count_ended(&progress.control);
        self.journal = progress.control.clone();
        self.queue.forget(&self.journal);
        self.desk.show_queue(&self.queue);
    }

    /// Counts the requests that ended since the journal was last looked at.
    fn count_ended(&self, journal: &Journal) {
        for ended in journal.outcomes().filter(|outcome| self.journal.outcome(&outcome.request_id).is_none()) {
            let action = if ended.action == "replay" { metrics::Action::Replay } else { metrics::Action::Sync };
            let outcome = match ended.ended {
                Ended::Completed => RequestOutcome::Completed,
                Ended::Rejected => RequestOutcome::Rejected,
                Ended::Expired => RequestOutcome::Expired,
                Ended::Cancelled => RequestOutcome::Cancelled,
            };
            self.metrics.request_ended(action, outcome);
            self.metrics.rows_replayed(ended.rows.values().sum());
        }
    }

    /// Does `work`, and listens meanwhile.
    pub(super) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let listening = async {
            loop {
                sleep(LOOK_EVERY).await;
                self.look().await;
            }
        };
        select! {
            biased;
            done = &mut work => done,
            never = listening => never,
        }
    }

    /// Reads what has arrived.
    pub(super) async fn look(&mut self) {
        self.read(false).await;
    }

    /// Reads all that stands there at this moment, as far as there is room for it.
    pub(super) async fn look_to_the_end(&mut self) {
        self.read(true).await;
    }

    async fn read(&mut self, to_the_end: bool) {
        let now = Millis::from(ambient::now());
        let mut hearing = Hearing {
            account: &self.account,
            queue: &mut self.queue,
            journal: &self.journal,
            now,
            sequence: self.sequence,
        };
        let read =
            if to_the_end { self.log.read_to_end(&mut hearing).await } else { self.log.follow(&mut hearing).await };
        match read {
            Ok(()) => {
                self.trouble = None;
                self.tell_hidden();
            }
            Err(error) => self.complain(&error),
        }
        self.queue.expire(now, self.sequence);
        if let Some(why) = &self.failure {
            self.queue.give_up_if_full(why, (now, self.sequence));
        }
        self.metrics.set_requests_waiting(self.queue.entries().iter().filter_map(Entry::waits).count());
        self.desk.show_queue(&self.queue);
    }

    /// Says once that the topic cannot be read.
    fn complain(&mut self, error: &ReadError) {
        let why = chain(error);
        if self.trouble.as_ref() != Some(&why) {
            warn!(why, "requests cannot be read; syncs go on, and requests are read later");
        }
        self.trouble = Some(why);
    }

    /// Says once that requests are hidden, and that they are not any more.
    fn tell_hidden(&mut self) {
        if self.queue.is_full() {
            // What follows is left unread, not hidden.
            return;
        }
        let hidden = self.ends.look(self.log.positions());
        self.metrics.set_requests_hidden(hidden.is_some());
        if hidden == self.hidden {
            return;
        }
        match &hidden {
            Some(Hidden { partition, offset }) => warn!(
                partition,
                offset,
                "requests are hidden: a transaction that somebody left open in the topic holds back what follows it; \
                 syncs go on, and requests are read once it ends"
            ),
            None => info!("requests are hidden no longer"),
        }
        self.hidden = hidden;
    }

    /// What was heard and is not on record yet.
    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    pub(super) fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Whether something is to be written though nothing is to be served.
    pub(super) fn has_something_to_tell(&self) -> bool {
        let now = Millis::from(ambient::now());
        let (after, told) = self.queue.settle(&self.journal, &[], now);
        let written_at = self.journal.written_at.unwrap_or(self.begun_at);
        let is_behind = now.0.saturating_sub(written_at.0) > WRITE_CURSOR_EVERY_MS;
        !told.is_empty() || (is_behind && after.cursor != self.journal.cursor)
    }

    /// An attempt failed: the next one comes after a while, and syncs go on meanwhile.
    pub(super) fn failed(&mut self, why: &str) {
        let wait = self.backoff.after_failure(ambient::fraction());
        warn!(error = why, wait_secs = wait.as_secs(), "serving requests failed, beginning a new attempt");
        self.retry_at = Some(Instant::now() + wait);
        self.failure = Some(why.to_owned());
        self.desk.show_failure(Some(why));
    }

    pub(super) fn succeeded(&mut self) {
        self.failure = None;
        self.desk.show_failure(None);
        self.backoff.reset();
        self.retry_at = None;
    }

    pub(super) fn may_try(&self) -> bool {
        self.retry_at().is_none_or(|at| at <= Instant::now())
    }

    /// How many attempts in a row have failed.
    pub(super) fn failures(&self) -> u32 {
        self.backoff.failures()
    }

    /// When an attempt may be made, after one has failed.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }
}

/// Takes this account's records, and passes over those of others.
struct Hearing<'a> {
    account: &'a str,
    queue: &'a mut Queue,
    journal: &'a Journal,
    now: Millis,
    sequence: i64,
}

impl TopicFold for Hearing<'_> {
    fn record(&mut self, partition: i32, offset: i64, key: &[u8], value: Option<&[u8]>) {
        // Whoever reads again after a failure passes by what was taken already.
        let is_new = self.queue.position(partition).is_none_or(|next| offset >= next);
        if key != self.account.as_bytes() || !is_new {
            return;
        }
        let place = Place { partition, offset };
        let entry = match self.queue.take(place, value, self.journal, (self.now, self.sequence)) {
            Taken::Entry(entry) => entry,
            Taken::Known(id) => return info!(%id, "a request that is known already, or its end"),
        };
        let id = entry.id.as_ref().map_or("", |id| id.as_str());
        match &entry.standing {
            Standing::Waiting(request) => info!(id, action = request.action.as_str(), "asked for"),
            Standing::Ended(Outcome { ended, reason, .. }) => {
                warn!(id, why = reason.as_deref().unwrap_or_default(), "a request was {}", ended.as_str());
            }
            Standing::Refused(why) => warn!(id, partition, offset, why, "a request was rejected"),
            Standing::Served | Standing::Gap { .. } => {}
        }
    }

    fn gap(&mut self, partition: i32, offset: i64) {
        let from = self.queue.position(partition);
        warn!(partition, from, to = offset, "requests were deleted before they were read");
        self.queue.gap(partition, offset);
    }

    fn read_to(&mut self, partition: i32, offset: i64) {
        self.queue.read_to(partition, offset);
    }

    fn takes_more(&self) -> bool {
        !self.queue.is_full()
    }
}
