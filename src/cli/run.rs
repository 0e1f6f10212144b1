//! `ramstream run`: the daemon, or one sync for cron.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tracing::{error, info};

use super::{Exit, assemble, configure, on_signals};
use crate::{
    admin::{self, ExchangesInVain, InVain, Process},
    config::Purpose,
    event::Outcome,
    http::{self, Condition, Health, Listener, Tls},
    metrics::{self, Metrics},
    sync::{self, End, Phase, Status},
};

/// A pipeline that says nothing for this long is taken for dead.
const PULSE_DEADLINE: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Run one sync, release the account and exit: for cron
    #[arg(long)]
    once: bool,
}

pub(super) async fn run(args: &Args, file: Option<&Path>) -> anyhow::Result<Exit> {
    let config = configure(file, Purpose::Publishing)?;
    let shutdown = on_signals().context("catching signals")?;
    let metrics = assemble::metrics();
    let pipeline = assemble::pipeline(&config, &metrics)?;
    if args.once {
        return Ok(ended(sync::run_once(&pipeline, &shutdown).await));
    }
    let (status, phases) = Status::channel();
    let health = Health::default();
    let faces = TaskTracker::new();
    let files = config.listen.tls.clone();
    let tls = files.map(|files| Tls::of(files.certificate, files.key)).transpose()?.map(Arc::new);
    if let Some(address) = config.listen.metrics {
        let listener = listen("listen.metrics", address, tls.clone()).await?;
        info!(address = %listener.local_addr()?, scheme = listener.scheme(), "serving /metrics, /livez and /readyz");
        faces.spawn(http::serve(listener, Arc::clone(&metrics), health.clone(), shutdown.clone()));
    }
    // Phases are translated into health.
    tokio::spawn(follow(phases.clone(), health, Arc::clone(&metrics)));
    let append = admin::append_to(Arc::clone(&pipeline.connection), pipeline.topics.control(), &pipeline.id);
    let in_vain = exchanges_in_vain(&metrics);
    let process = Process::of(pipeline.name.as_deref(), pipeline.me, status.desk(), phases, append, in_vain);
    if let Some(address) = config.listen.admin {
        let listener = listen("listen.admin", address, tls).await?;
        let (account_id, token, shutdown) = (config.account.id.clone(), config.admin.token.clone(), shutdown.clone());
        faces.spawn(async move {
            if let Err(error) = admin::serve(listener, &account_id, token, process, shutdown).await {
                error!(%error, "serving requests");
            }
        });
    }
    if config.sync.interval.is_none() {
        info!("sync.interval is disabled: the account is read on request alone (ramstream sync, docs/control.md)");
    }
    let end = sync::run(&pipeline, &status, &shutdown).await;
    shutdown.cancel();
    drop(status);
    faces.close();
    faces.wait().await;
    Ok(ended(end))
}

async fn listen(key: &str, address: SocketAddr, tls: Option<Arc<Tls>>) -> anyhow::Result<Listener> {
    let listener = Listener::bind(address, tls).await;
    listener.with_context(|| format!("listening on {address} ({key}): is the address in use?"))
}

/// For the status page: what the metrics know of exchanges for credentials.
fn exchanges_in_vain(metrics: &Arc<Metrics>) -> InVain {
    let metrics = Arc::clone(metrics);
    Box::new(move || {
        let (times, end) = metrics.exchanges_in_vain()?;
        let end = end.and_then(|end| SignedDuration::try_from_secs_f64(end).ok());
        Some(ExchangesInVain { times, end: end.and_then(|end| Timestamp::from_duration(end).ok()) })
    })
}

/// Keeps health and metrics in step with the pipeline; ends with it.
pub(super) async fn follow(mut phases: watch::Receiver<Phase>, health: Health, metrics: Arc<Metrics>) {
    let pulse = health.watch("sync", PULSE_DEADLINE);
    loop {
        pulse.tick();
        let phase = phases.borrow_and_update().clone();
        tell(&health, &phase);
        metrics.set_phase(word(&phase));
        if phases.changed().await.is_err() {
            return pulse.end();
        }
    }
}

fn word(phase: &Phase) -> metrics::Phase {
    match phase {
        Phase::Starting => metrics::Phase::Starting,
        Phase::Claiming => metrics::Phase::Claiming,
        Phase::Running => metrics::Phase::Running,
        Phase::Failing { .. } => metrics::Phase::Failing,
        Phase::Parked { .. } => metrics::Phase::Parked,
        Phase::Refused { .. } => metrics::Phase::Refused,
        Phase::Unavailable { .. } => metrics::Phase::Unavailable,
    }
}

fn tell(health: &Health, phase: &Phase) {
    let set = |condition, unmet: Option<&str>| match unmet {
        None => health.meet(condition),
        Some(why) => health.miss(condition, why),
    };
    let (verified, claimed, parked) = match phase {
        Phase::Starting => (Some("the state is being read"), Some("the state is not verified yet"), None),
        Phase::Claiming => (None, Some("the claim is not committed yet"), None),
        Phase::Running | Phase::Failing { .. } => (None, None, None),
        Phase::Parked { by } => (None, Some("another copy owns the account"), Some(by.as_str())),
        Phase::Refused { why } | Phase::Unavailable { why } => {
            (Some(why.as_str()), Some("nothing can be claimed"), None)
        }
    };
    let failing = if let Phase::Failing { why } = phase { Some(why.as_str()) } else { None };
    set(Condition::StateVerified, verified);
    set(Condition::Claimed, claimed);
    set(Condition::NotParked, parked);
    set(Condition::Publishing, failing);
}

/// The last line, and the exit code.
fn ended(end: End) -> Exit {
    match end {
        End::Orderly(None) => Exit::Complete,
        End::Orderly(Some(report)) => {
            match report.published() {
                0 => println!("{}", report.words()),
                events => println!("{} {events}", report.words()),
            }
            match report.outcome {
                Outcome::Complete => Exit::Complete,
                Outcome::Partial => Exit::Partial,
                Outcome::Failed => Exit::Failed,
            }
        }
        End::Superseded => {
            eprintln!("ramstream: another copy has taken over the account");
            Exit::Superseded
        }
        End::Refused(why) => {
            eprintln!("ramstream: {why}");
            Exit::Refused
        }
        End::Unavailable(why) => {
            eprintln!("ramstream: {why}");
            Exit::Unavailable
        }
    }
}
