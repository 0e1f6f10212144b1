//! The daemon: lives, one after another, until it is told to stop.

use std::time::Duration;

use futures::future::LocalBoxFuture;
use tokio::{
    select,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    Pipeline,
    claiming::Claimed,
    desk::Doing,
    details::Ledger,
    known::known,
    lately::Lately,
    listener::Listener,
    publish::{Owner, Synced},
    recover::LifeError,
    refusal::Refusal,
    report::Report,
    status::{Phase, Status},
};
use crate::{
    ambient,
    kafka::{Claim, Judgement, StateLog, Writer, backoff::Backoff},
    state::State,
};

/// How often an idle owner looks whether it has been superseded, and whether something was asked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often one that is at work says that it is alive.
const ALIVE_EVERY: Duration = Duration::from_secs(5);

/// How often a refused state is looked at again, if there is no interval.
const REFUSED_LOOK_EVERY: Duration = Duration::from_secs(300);

/// What an orderly end keeps of its deadline for the release; one takes 0.1 to 0.6 s.
const RELEASE_TIME: Duration = Duration::from_secs(5);

/// Why a reading is not published that another state came over.
const MOVED: &str = "the state moved while the account was read";

/// How a run ended.
#[derive(Debug)]
pub enum End {
    /// A sync was published (of a single run), or the daemon was told to stop.
    Orderly(Option<Report>),
    /// Another copy owns the account.
    Superseded,
    /// Nothing may be published until somebody looks at it.
    Refused(String),
    /// Something that is needed could not be reached.
    Unavailable(String),
}

/// Runs until `shutdown`. On the heap: all that the daemon does is in it, whoever polls it.
pub fn run<'a>(pipeline: &'a Pipeline, status: &'a Status, shutdown: &'a CancellationToken) -> LocalBoxFuture<'a, End> {
    Box::pin(lives(pipeline, status, shutdown))
}

async fn lives(pipeline: &Pipeline, status: &Status, shutdown: &CancellationToken) -> End {
    let mut backoff = Backoff::default();
    let mut past = Past::default();
    let read: Vec<_> = pipeline.kinds.iter().copied().collect();
    pipeline.metrics.configured(pipeline.rhythm.interval, pipeline.connection.transaction_timeout, &read);
    while !shutdown.is_cancelled() {
        let Err(ended) = live(pipeline, status, shutdown, &mut backoff, &mut past).await else { break };
        let wait = match ended {
            LifeError::Refused(refusal) => {
                error!(%refusal, "refused: nothing is published until this is fixed");
                status.enter(Phase::Refused { why: refusal.to_string() });
                match refusal {
                    // A copy with the right credentials may publish.
                    Refusal::Account(_) => let_go(pipeline, &mut past).await,
                    // Of a state that is refused no copy may write anything.
                    _ => past.holds_claim = false,
                }
                past.stands_back = true;
                pipeline.rhythm.interval.unwrap_or(REFUSED_LOOK_EVERY)
            }
            LifeError::Unavailable(why) => {
                let wait = backoff.after_failure(ambient::fraction());
                warn!(why, wait_secs = wait.as_secs(), "unavailable, trying again");
                status.enter(Phase::Unavailable { why });
                wait
            }
        };
        wait_alive(wait, status, shutdown).await;
    }
    let_go(pipeline, &mut past).await;
    End::Orderly(None)
}

/// Releases what an ended life still holds.
async fn let_go(pipeline: &Pipeline, past: &mut Past) {
    if !std::mem::take(&mut past.holds_claim) {
        return;
    }
    let (log, mut state) = pipeline.unread_state();
    let mut writer = pipeline.writer(log, *past);
    release_in_time(pipeline, &mut writer, &mut state).await;
}

async fn release_in_time(pipeline: &Pipeline, writer: &mut Writer, state: &mut State) {
    if timeout(RELEASE_TIME, pipeline.release(writer, state)).await.is_err() {
        warn!("stopped without a release: it did not go through in time");
    }
}

/// Runs one sync, serves what was asked for meanwhile, and releases the account: for cron.
pub async fn run_once(pipeline: &Pipeline, shutdown: &CancellationToken) -> End {
    let ended = finish(once(pipeline, shutdown), pipeline, shutdown).await;
    let stopped = || Ok(End::Unavailable("stopped before the sync was published".to_owned()));
    ended.unwrap_or_else(stopped).unwrap_or_else(|error| match error {
        LifeError::Refused(refusal) => End::Refused(refusal.to_string()),
        LifeError::Unavailable(why) => End::Unavailable(why),
    })
}

async fn once(pipeline: &Pipeline, shutdown: &CancellationToken) -> Result<End, LifeError> {
    let (status, _) = Status::channel();
    let mut owner = begin(pipeline, &status, Past::default()).await?;
    owner.ledger = Ledger::of_one_sync(pipeline.rhythm.detail_interval, ambient::now());
    let end = loop {
        if let Claimed::Superseded(_) = pipeline.claim(&mut owner.writer, &mut owner.state).await? {
            return Ok(End::Superseded);
        }
        let mut listener = Listener::new(pipeline, status.desk(), &owner.state);
        listener.look_to_the_end().await;
        match owner.sync(listener.queue(), &status, shutdown).await {
            Ok(Synced::Published(report)) => {
                // The sync is done; what is asked for gives way to a signal and waits for the next run.
                let answered = shutdown.run_until_cancelled(owner.answer_once(&mut listener)).await;
                break answered.unwrap_or(Ok(())).map(|()| End::Orderly(Some(report)));
            }
            Ok(Synced::Superseded(_)) => return Ok(End::Superseded),
            Ok(Synced::Abandoned) => {
                break Ok(End::Unavailable("stopped before the account was read".to_owned()));
            }
            Ok(Synced::Discarded) => warn!("the state moved while the account was read, reading again"),
            Err(error) => break Err(error),
        }
    };
    pipeline.release(&mut owner.writer, &mut owner.state).await;
    end
}

/// What this process has been in the lives before.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    /// It has owned the account or parked: it goes on only if its own claim is still the last. Until then it claims over
    /// whoever is there.
    needs_own_claim: bool,
    /// The claim that it made may still be the last: in an orderly end it is released.
    holds_claim: bool,
    /// Parked or refused since: at its start it ends no transaction that is open in Kafka, for a copy that may not publish
    /// must not fence one that does, over and over.
    stands_back: bool,
}

/// Makes sure of the account, prepares topics and schemas and reads the state: everything before the claim.
async fn begin<'a>(pipeline: &'a Pipeline, status: &Status, past: Past) -> Result<Owner<'a>, LifeError> {
    status.begin();
    pipeline.verify_account().await?;
    pipeline.prepare_topics().await?;
    let encoder = pipeline.schemas.encoder(&pipeline.topics).await?;
    let row_encoder = pipeline.schemas.row_encoder(&pipeline.topics).await?;
    let begun = Instant::now();
    if !past.stands_back {
        pipeline.end_open_transaction().await?;
    }
    let (log, state) = pipeline.recover().await?;
    pipeline.metrics.state_recovered(begun.elapsed());
    pipeline.measure_state(&state);
    status.desk().show_known(known(&state, &pipeline.kinds));
    let sequence = state.progress().map_or(0, |progress| progress.sequence);
    let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    info!(entities = state.count(), sequence, elapsed_ms, "read and verified the state");
    let writer = pipeline.writer(log, past);
    let ledger = Ledger::of_daemon(pipeline.rhythm.detail_interval, ambient::now());
    Ok(Owner { pipeline, writer, state, encoder, row_encoder, ledger })
}

/// One life: begin, claim, sync every interval, park when superseded. Returns in order only at `shutdown`.
async fn live(
    pipeline: &Pipeline,
    status: &Status,
    shutdown: &CancellationToken,
    backoff: &mut Backoff,
    past: &mut Past,
) -> Result<(), LifeError> {
    let beginning = shutdown.run_until_cancelled(begin(pipeline, status, *past));
    let Some(begun) = alive(beginning, status).await else { return Ok(()) };
    let mut owner = begun?;
    status.enter(Phase::Claiming);
    let claiming = pipeline.claim(&mut owner.writer, &mut owner.state);
    let mut claimed = alive(finish(claiming, pipeline, shutdown), status).await;
    loop {
        let superseded = match claimed.transpose()? {
            None => return Ok(()),
            Some(Claimed::Superseded(claim)) => claim,
            Some(Claimed::Owned) => {
                *past = Past { needs_own_claim: true, holds_claim: true, stands_back: false };
                backoff.reset();
                info!(me = %pipeline.me, "claimed the account");
                status.enter(Phase::Running);
                match owner.serve(status, shutdown).await? {
                    Some(claim) => claim,
                    None => {
                        past.holds_claim = false;
                        release_in_time(pipeline, &mut owner.writer, &mut owner.state).await;
                        return Ok(());
                    }
                }
            }
        };
        *past = Past { needs_own_claim: true, holds_claim: false, stands_back: true };
        let Some(mandate) = shutdown.run_until_cancelled(owner.park(superseded, status)).await else { return Ok(()) };
        owner.writer.leave_parking(mandate?);
        status.enter(Phase::Claiming);
        claimed = alive(finish(owner.claim_after_parking(shutdown), pipeline, shutdown), status).await;
    }
}

impl Pipeline {
    fn writer(&self, log: StateLog, past: Past) -> Writer {
        let writer = Writer::new(self.connection.clone(), self.transactional_id.clone(), log, self.me);
        if past.needs_own_claim { writer.without_mandate() } else { writer }
    }
}

impl Owner<'_> {
    /// Syncs every interval. Ends with the claim that superseded this copy, or with none at `shutdown`.
    async fn serve(&mut self, status: &Status, shutdown: &CancellationToken) -> Result<Option<Claim>, LifeError> {
        let pipeline = self.pipeline;
        let mut listener = Listener::new(pipeline, status.desk(), &self.state);
        let mut due = pipeline.rhythm.interval.map(|_| Instant::now());
        loop {
            if shutdown.is_cancelled() {
                return Ok(None);
            }
            let is_due = due.is_some_and(|due| due <= Instant::now());
            if is_due || listener.queue().syncs().next().is_some() {
                let begun = Instant::now();
                let heard = listener.queue().clone();
                status.desk().show(Doing::Syncing);
                // On the heap: each of those around it would hold all of it once more.
                let syncing = finish(Box::pin(self.sync(&heard, status, shutdown)), pipeline, shutdown);
                let synced = alive(listener.beside(syncing), status).await;
                status.desk().show(Doing::Idle);
                if let Some(why) = synced.as_ref().and_then(why_unpublished) {
                    pipeline.metrics.sync_unpublished();
                    let tell = |lately: &mut Lately| lately.unpublished(ambient::now(), begun.elapsed(), &why);
                    status.desk().tell_lately(tell);
                }
                match synced.transpose()? {
                    None => {
                        info!("stopped while publishing; the next start finds out whether it was committed");
                        return Ok(None);
                    }
                    Some(Synced::Abandoned) => {
                        info!("stopped while reading the account; nothing of that reading is published");
                        return Ok(None);
                    }
                    Some(Synced::Superseded(claim)) => return Ok(Some(claim)),
                    Some(Synced::Published(_)) => due = self.next(begun),
                    Some(Synced::Discarded) => {
                        return Err(LifeError::Unavailable(MOVED.to_owned()));
                    }
                }
            }
            let wake = Instant::now() + LOOK_EVERY;
            select! {
                biased;
                () = shutdown.cancelled() => return Ok(None),
                () = sleep_until(due.map_or(wake, |due| due.min(wake))) => {}
            }
            status.tick();
            let following = self.writer.log().follow(&mut self.state);
            let Some(followed) = shutdown.run_until_cancelled(following).await else { return Ok(None) };
            followed.map_err(LifeError::read)?;
            pipeline.metrics.set_state(self.state.count(), self.state.bytes());
            if let Some(Judgement::Superseded(claim)) = self.writer.judgement() {
                return Ok(Some(claim));
            }
            listener.follow(&self.state);
            if shutdown.run_until_cancelled(listener.look()).await.is_none() {
                return Ok(None);
            }
            let answering = Instant::now();
            let Some(answered) = alive(finish(self.answer(&mut listener), pipeline, shutdown), status).await else {
                info!("stopped while serving a request; the next start finds out whether it was committed");
                return Ok(None);
            };
            if let Some(claim) = answered? {
                return Ok(Some(claim));
            }
            let late = due.map_or(Duration::ZERO, |due| due.elapsed().min(answering.elapsed()));
            if late > LOOK_EVERY {
                info!(late_secs = late.as_secs(), "the sync fell due while a request was served");
            }
        }
    }

    /// When the next sync begins; ticks that fell due meanwhile are dropped.
    fn next(&self, begun: Instant) -> Option<Instant> {
        let jitter = self.pipeline.rhythm.jitter.mul_f64(ambient::fraction());
        let due = begun.checked_add(self.pipeline.rhythm.interval?)?.checked_add(jitter)?;
        Some(due.max(Instant::now()))
    }
}

/// Why a sync that ended was not published; none if it was, or if it was stopped.
fn why_unpublished(synced: &Result<Synced, LifeError>) -> Option<String> {
    match synced {
        Err(error) => Some(error.to_string()),
        Ok(Synced::Discarded) => Some(MOVED.to_owned()),
        Ok(Synced::Superseded(_)) => Some("another copy has taken over the account".to_owned()),
        Ok(Synced::Published(_) | Synced::Abandoned) => None,
    }
}

/// Lets `work` finish; after `shutdown` for as long as the deadline leaves before the release, then gives it up (`None`).
async fn finish<T>(work: impl Future<Output = T>, pipeline: &Pipeline, shutdown: &CancellationToken) -> Option<T> {
    let deadline = async {
        shutdown.cancelled().await;
        sleep(pipeline.rhythm.shutdown_deadline.saturating_sub(RELEASE_TIME)).await;
    };
    // Work that is done as the deadline strikes is done.
    select! {
        biased;
        done = work => Some(done),
        () = deadline => None,
    }
}

/// Runs `work` and tells now and then that it is alive.
async fn alive<T>(work: impl Future<Output = T>, status: &Status) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        select! {
            biased;
            done = &mut work => return done,
            () = sleep(ALIVE_EVERY) => status.tick(),
        }
    }
}

/// Waits, alive.
async fn wait_alive(wait: Duration, status: &Status, shutdown: &CancellationToken) {
    shutdown.run_until_cancelled(alive(sleep(wait), status)).await;
}
