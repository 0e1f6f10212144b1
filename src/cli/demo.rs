//! `ramstream demo`: the daemon on a simulated account, with a broker and a registry in the same process.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Exit, assemble, logging, on_signals, run};
use crate::config::{self, Purpose};
use crate::demo::{self, Page, Reader, Stage, Told};
use crate::http::{self, Health, Listener};
use crate::metrics::Metrics;
use crate::sync::{self, Phase, Status};

/// The default of `kafka.topic_prefix`.
const TOPIC_PREFIX: &str = "alicloud.identity";

/// How long `--keep` stays: the broker keeps 5 MiB of a partition, and the state must not lose its beginning.
const KEEP: Duration = Duration::from_secs(30 * 60);

const OPENING: &str = "\
Who may do what in an Alibaba Cloud account changes all the time. ramstream reads the account again
and again, compares, and publishes every difference to Kafka as an event. Here is how that looks,
in half a minute. Everything runs inside this one process:

  account    a simulated Alibaba Cloud account behind real HTTP; every call to it is signed
  ramstream  the daemon of `ramstream run`, reading every second (by default every 5 minutes)
  Kafka      librdkafka's mock broker: the real protocol, in memory. It has no isolation, no fencing
             and no admin calls (the topics are made in advance, their settings go unchecked), and
             keeps 5 MiB of a partition: exactly-once is used here, but only a real Kafka proves it
  registry   a schema registry in memory
  reader     a plain consumer: what is told below came out of Kafka and was decoded from Avro";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Stay up after the story, for at most 30 minutes, to look around and change the account
    #[arg(long)]
    keep: bool,
    /// Show the daemon's log, on standard error
    #[arg(long)]
    verbose: bool,
}

pub(super) async fn run(args: &Args) -> anyhow::Result<Exit> {
    if args.verbose {
        logging::start(&config::Log::default())?;
    }
    let shutdown = on_signals().context("catching signals")?;
    let page = Page::default();
    page.print(OPENING)?;
    let stage = Stage::start(TOPIC_PREFIX).await?;
    let metrics = assemble::metrics();
    let account = pipeline(&stage, &metrics)?;
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), None).await.context("listening for /metrics")?;
    let metrics_address = listener.local_addr()?;

    let (status, phases) = Status::channel();
    let (health, stop) = (Health::default(), CancellationToken::new());
    let following = tokio::spawn(run::follow(phases.clone(), health.clone(), Arc::clone(&metrics)));
    let faces = tokio::spawn(http::serve(listener, metrics, health, stop.clone()));
    let shown = async {
        let shown = show(args, &page, &stage, metrics_address, &phases, &shutdown).await;
        stop.cancel();
        shown
    };
    let (shown, _) = tokio::join!(shown, sync::run(&account, &status, &stop));
    drop((status, phases));
    faces.await.context("serving metrics")?;
    following.await.context("following the daemon")?;
    stage.end().await?;
    shown
}

/// The daemon's pipeline, by the same road as `ramstream run`. Only one thing is beyond any configuration: the mock
/// broker cannot describe its topics, so they are not looked at.
fn pipeline(stage: &Stage, metrics: &Arc<Metrics>) -> anyhow::Result<sync::Pipeline> {
    let loaded = config::load_from_variables(variables(stage), Purpose::Publishing)?;
    let mut account = assemble::pipeline(&loaded.config, metrics)?;
    account.topic_settings = None;
    Ok(account)
}

fn variables(stage: &Stage) -> impl Iterator<Item = (OsString, OsString)> {
    let services = format!("http://{}", stage.account.http);
    [
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", stage.account.access_key_id.clone()),
        ("ALIBABA_CLOUD_ACCESS_KEY_SECRET", stage.account.access_key_secret.expose().to_owned()),
        ("RAMSTREAM_ACCOUNT__ID", stage.account.account_id.clone()),
        ("RAMSTREAM_ACCOUNT__NAME", "demo".to_owned()),
        ("RAMSTREAM_ALICLOUD__ENDPOINTS__STS", services.clone()),
        ("RAMSTREAM_ALICLOUD__ENDPOINTS__IMS", services.clone()),
        ("RAMSTREAM_ALICLOUD__ENDPOINTS__RAM", services.clone()),
        ("RAMSTREAM_ALICLOUD__ENDPOINTS__RESOURCE_MANAGER", services),
        ("RAMSTREAM_KAFKA__BROKERS", stage.bootstrap_servers()),
        ("RAMSTREAM_KAFKA__SECURITY_PROTOCOL", "plaintext".to_owned()),
        ("RAMSTREAM_KAFKA__TOPIC_PREFIX", TOPIC_PREFIX.to_owned()),
        ("RAMSTREAM_REGISTRY__URL", format!("http://{}", stage.registry)),
        ("RAMSTREAM_SYNC__INTERVAL", "1s".to_owned()),
        ("RAMSTREAM_SYNC__CONFIRM_DELAY", "1s".to_owned()),
        ("RAMSTREAM_SYNC__TIME_BUDGET", "4s".to_owned()),
        ("RAMSTREAM_SYNC__SHUTDOWN_DEADLINE", "2s".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.into(), value.into()))
}

/// The story, its end, and with `--keep` what comes after it.
async fn show(
    args: &Args,
    page: &Page,
    stage: &Stage,
    metrics: SocketAddr,
    phases: &watch::Receiver<Phase>,
    shutdown: &CancellationToken,
) -> anyhow::Result<Exit> {
    let mut reader = Reader::open(stage)?;
    let told = shutdown.run_until_cancelled(demo::tell(stage, &mut reader, page)).await;
    let told = told.unwrap_or_else(|| Err(anyhow!("interrupted before the end of the story")));
    let told = told.with_context(|| format!("the story broke off (daemon: {})", words(&phases.borrow())))?;
    page.heading("That was the story")?;
    page.print(&closing(told))?;
    if !args.keep {
        page.print(NEXT)?;
        return Ok(Exit::Complete);
    }
    page.print(&addresses(stage, metrics))?;
    let following = timeout(KEEP, demo::follow(&mut reader, page));
    if let Some(Ok(ended)) = shutdown.run_until_cancelled(following).await {
        ended?;
    }
    page.print("\nEnding everything.")?;
    Ok(Exit::Complete)
}

fn addresses(stage: &Stage, metrics: SocketAddr) -> String {
    let simulator = &stage.account;
    let (http, control, account) = (simulator.http, simulator.control, &simulator.account_id);
    let (id, secret) = (&simulator.access_key_id, simulator.access_key_secret.expose());
    let (brokers, registry) = (stage.bootstrap_servers(), stage.registry);
    format!(
        "
Everything stays up for 30 minutes, or until Ctrl-C, and further events are told here.

  metrics    http://{metrics}/metrics, /livez, /readyz
  account    http://{http}, account id {account}
  control    http://{control}
  broker     {brokers}, topics {TOPIC_PREFIX}.*
  registry   http://{registry}/subjects

Change the account (the key is worth nothing outside of this process):
  aliyun configure set --profile demo --mode AK --region cn-hangzhou \\
    --access-key-id {id} --access-key-secret {secret}
  aliyun ram CreateUser --UserName dave --profile demo --insecure --endpoint {http}
  curl -X POST http://{control}/freeze -d '{{\"user\":\"alice.abara\"}}'

Read the topics with other tools (Debian's kcat shows keys and headers; it knows no Avro):
  kcat -C -e -q -b {brokers} -t {TOPIC_PREFIX}.users -f '%k %h\\n'
  pip install -r tests/readers/requirements.txt && python3 tests/readers/read_topic.py \\
    --kafka {brokers} --registry http://{registry} {TOPIC_PREFIX}.users
"
    )
}

const NEXT: &str = "
Where to go from here:
  ramstream demo --keep    the same, and then it stays: change the account, read the topics yourself
  ramstream simulate       the simulated account alone, of any size, with faults to order
  ramstream run            the daemon on your account and your Kafka; the README shows how";

fn closing(told: Told) -> String {
    format!(
        "\
{} changes in the account, {} events in Kafka, none missing, none twice, in {} syncs of one
transaction each. While the users could not be listed, nothing was made up, and nothing was lost.",
        told.events, told.events, told.syncs
    )
}

/// What the daemon is doing, for whoever wonders why nothing comes.
fn words(phase: &Phase) -> String {
    match phase {
        Phase::Starting => "starting".to_owned(),
        Phase::Claiming => "claiming the account".to_owned(),
        Phase::Running => "running".to_owned(),
        Phase::Parked { by } => format!("parked: {by}"),
        Phase::Failing { why } | Phase::Refused { why } | Phase::Unavailable { why } => why.clone(),
    }
}
