//! What the owner does about requests between two syncs: one attempt that serves a replay, or one that only puts
//! on record what became of others.
//!
//! A request for a sync is answered by the next sync itself, in its own transaction.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};
use uuid::Uuid;

use super::{
    desk::Doing,
    listener::Listener,
    publication::{notice_record, progress_record},
    publish::Owner,
    recover::{LifeError, chain},
    replay::Sending,
    told,
};
use crate::{
    ambient,
    avro::EncodeError,
    control::{Action, Outcome, Request},
    event::Batch,
    kafka::{AttemptError, Claim, Decision, Outcome as Attempted, Records, Transaction, Unencodable},
    metrics::Purpose,
    model::Millis,
    state::{Harm, Progress, State},
};

/// How long attempts go on of one that does not stay.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why nothing was sent.
enum Left {
    /// It is on record already: an earlier attempt was committed after all.
    Done,
    /// The claim is not the one that this copy began with.
    Moved,
    /// The state is not whole.
    Harmed(Harm),
}

impl Owner<'_> {
    /// Serves what waits, or puts on record what is not yet. Returns another copy's claim if that owns the account.
    pub(super) async fn answer(&mut self, listener: &mut Listener) -> Result<Option<Claim>, LifeError> {
        if self.state.progress().is_none() {
            return Ok(None);
        }
        let replay = listener.queue().replay().cloned();
        if replay.is_none() && !listener.has_something_to_tell() {
            // What was tried in vain may have ended otherwise: with a sync that put on record that it was cancelled.
            listener.succeeded();
            self.pipeline.metrics.set_request_failures(0);
            return Ok(None);
        }
        if !listener.may_try() {
            return Ok(None);
        }
        let begun = Instant::now();
        let attempted = self.attempt_to_answer(listener, replay.as_ref()).await;
        self.pipeline.count_attempt(Purpose::Request, &attempted, begun);
        listener.desk().show(Doing::Idle);
        match attempted {
            Ok(Attempted::Committed { records }) => {
                if let Some(request) = &replay {
                    info!(id = %request.id, records, "published the replay");
                }
                self.writer.log().follow(&mut self.state).await.map_err(LifeError::read)?;
                listener.succeeded();
            }
            Ok(Attempted::Left(Left::Done)) => listener.succeeded(),
            Ok(Attempted::Superseded(claim)) => return Ok(Some(claim)),
            Ok(Attempted::Left(Left::Harmed(harm))) => return Err(LifeError::Refused(harm.into())),
            Ok(Attempted::Left(Left::Moved)) => {
                return Err(LifeError::Unavailable("the claim moved while a request was served".to_owned()));
            }
            Err(AttemptError::Read(error)) => return Err(LifeError::read(error)),
            Err(error) => listener.failed(&chain(&error)),
        }
        self.pipeline.metrics.set_request_failures(listener.failures());
        listener.follow(&self.state);
        Ok(None)
    }

    /// For one that does not stay: looks once more, and serves what waits. What cannot be served is left to the next run,
    /// for the sync is published.
    pub(super) async fn answer_once(&mut self, listener: &mut Listener) -> Result<(), LifeError> {
        match self.answer_for_a_while(listener).await {
            Err(LifeError::Unavailable(why)) => {
                warn!(why, "the request is not served; it waits for the next run");
                Ok(())
            }
            other => other,
        }
    }

    async fn answer_for_a_while(&mut self, listener: &mut Listener) -> Result<(), LifeError> {
        let give_up_at = Instant::now() + PATIENCE;
        // The commit of the sync was answered before what it wrote can be read.
        self.writer.log().read_to_proven_end(&mut self.state).await.map_err(LifeError::read)?;
        listener.follow(&self.state);
        listener.look_to_the_end().await;
        while self.answer(listener).await?.is_none() {
            match listener.retry_at() {
                None => break,
                Some(at) if at > give_up_at => return Err(LifeError::Unavailable("its time is up".to_owned())),
                Some(at) => listener.beside(sleep_until(at)).await,
            }
        }
        Ok(())
    }

    /// One transaction: the rows of the replay if there is one, the notices, progress. Whole or not at all.
    async fn attempt_to_answer(
        &mut self,
        listener: &Listener,
        replay: Option<&Request>,
    ) -> Result<Attempted<Left>, AttemptError> {
        let (me, name) = (self.pipeline.me, self.pipeline.name.as_deref());
        let (topics, encoder, row_encoder) = (&self.pipeline.topics, &self.encoder, &self.row_encoder);
        let (mut queue, desk, now) = (listener.queue().clone(), listener.desk(), Millis::from(ambient::now()));
        let decide = |state: &State, claim: Option<&Claim>| {
            let progress = match serving(state, claim, me) {
                Ok(progress) => progress,
                Err(left) => return Decision::Leave(left),
            };
            queue.forget(&progress.control);
            let sending = replay.and_then(|request| match &request.action {
                Action::Replay { kinds } if queue.replay() == Some(request) => {
                    Some((request, Arc::new(Sending::of(state, kinds, &request.id, name)?)))
                }
                _ => None,
            });
            let served = sending.as_ref().map(|(request, sending)| {
                info!(id = %request.id, sequence = progress.sequence, rows = sending.len(), "sending a replay");
                Outcome { rows: sending.rows(), ..Outcome::completed(request, now, progress.sequence) }
            });
            let (journal, told) = queue.settle(&progress.control, served.as_slice(), now);
            if journal == progress.control {
                return Decision::Leave(Left::Done);
            }
            let notices = told::notices(&Batch::of(progress, name), &told, now);
            let notices = notices.into_iter().map({
                let (topics, encoder, account) = (Arc::clone(topics), Arc::clone(encoder), state.account().to_owned());
                move |notice| notice_record(&notice, &account, &topics, &encoder)
            });
            let mut progress_after = progress.clone();
            if !(planted!(ReplayNotOnRecord) && sending.is_some()) {
                progress_after.control = journal;
            }
            let progress_after = progress_record(&progress_after, topics);
            let rows: Records = match sending {
                Some((_, sending)) => sending.records(topics, row_encoder, encoder, desk, now),
                None => Box::new(std::iter::empty()),
            };
            let notices = notices.map(|record: Result<_, EncodeError>| record.map_err(Unencodable::from));
            let records = Box::new(rows.chain(notices).chain([Ok(progress_after)]));
            Decision::Send(Transaction { claim: Claim { writer: Some(me), sequence: progress.sequence }, records })
        };
        self.writer.attempt(&mut self.state, decide).await
    }
}

/// The progress that requests are served on: the state is whole, and ours.
fn serving<'a>(state: &'a State, claim: Option<&Claim>, me: Uuid) -> Result<&'a Progress, Left> {
    state.verify().map_err(Left::Harmed)?;
    let is_ours = claim.is_some_and(|claim| claim.writer == Some(me));
    state.progress().filter(|_| is_ours).ok_or(Left::Moved)
}
