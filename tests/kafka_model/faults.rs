//! What goes wrong on the model, and that it goes wrong the same way every time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ramstream::kafka::error::Step;
use ramstream::kafka::model::{Cluster, Isolation, Settings, Version, Weather};
use ramstream::kafka::{
    AttemptError, Claim, Connection, Decision, Mandate, Outcome, PartitionLog, Transaction, Writer,
};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::kafka_scenarios::{State, commit, log, record, send, writer};

const VERSIONS: [Version; 3] = [Version::Old, Version::Verifying, Version::EpochPerTransaction];
const ME: Uuid = Uuid::from_u128(1);

/// Some of everything.
fn storm() -> Weather {
    Weather {
        latency: Duration::from_millis(1)..=Duration::from_millis(20),
        marker_delay: Duration::from_millis(1)..=Duration::from_millis(50),
        notice: Duration::from_millis(10)..=Duration::from_secs(20),
        lateness: Duration::from_millis(1)..=Duration::from_secs(5),
        request_lost: 0.02,
        reply_lost: 0.02,
        request_late: 0.02,
        request_repeated: 0.02,
        coordinator_moved: 0.02,
        storage_full: 0.02,
        record_refused: 0.01,
        transaction_cut_short: 0.05,
        marker_late: 0.05,
        marker_repeated: 0.05,
        stale_watermark: 0.02,
        stale_fetch: 0.05,
        ..Weather::CALM
    }
}

fn cluster(version: Version, seed: u64) -> (Cluster, Arc<str>) {
    let cluster = Cluster::new(Settings { version, time_out_check: Duration::from_secs(1) }, seed);
    cluster.create_topic("state", 1);
    (cluster, "state".into())
}

fn connect(cluster: &Cluster, process: &str) -> Connection {
    let (transaction_timeout, read_stall_timeout) = (Duration::from_secs(10), Duration::from_secs(5));
    Connection { transaction_timeout, read_stall_timeout, ..cluster.connect(process) }
}

/// What was committed under the key, in order.
fn committed(cluster: &Cluster, key: &str) -> Vec<String> {
    let records = cluster.records("state", Isolation::Committed).into_iter();
    let of_key = records.filter(|record| record.key == key.as_bytes());
    of_key.map(|record| String::from_utf8(record.value.unwrap()).unwrap()).collect()
}

/// An attempt with the claim alone; when it is delivered, `meanwhile` happens, and the commit follows.
async fn attempt(
    writer: &mut Writer,
    mut meanwhile: impl FnMut() + Send + 'static,
) -> Result<Outcome<()>, AttemptError> {
    let records = std::iter::from_fn(move || {
        meanwhile();
        None
    });
    let claim = Claim { writer: Some(ME), sequence: 0 };
    let decide = |_: &State, _: Option<&Claim>| Decision::Send(Transaction { claim, records: Box::new(records) });
    writer.attempt(&mut State::default(), decide).await
}

fn claims(cluster: &Cluster, isolation: Isolation) -> usize {
    cluster.records("state", isolation).iter().filter(|record| record.key == b"5481/~claim").count()
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answers_are_all_lost_is_an_error_though_it_is_committed() {
    for version in VERSIONS {
        let (cluster, topic) = cluster(version, 1);
        let mut writer = writer(connect(&cluster, "one"), &topic, ME);
        let (sky, begun) = (cluster.clone(), Instant::now());
        let lost = move || sky.set_weather(Weather { reply_lost: 1.0, ..Weather::CALM });
        let outcome = attempt(&mut writer, lost).await;
        assert!(matches!(outcome, Err(AttemptError::TooSlow { .. })), "{outcome:?}");
        assert!(begun.elapsed() >= Duration::from_secs(10), "the client asks until its time is up");
        assert!(cluster.fired()["reply lost"] > 1, "{:?}", cluster.fired());
        assert_eq!(claims(&cluster, Isolation::Committed), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_whose_answer_is_lost_is_refused_once_another_writer_has_begun() {
    let (cluster, topic) = cluster(Version::Verifying, 1);
    let mut writer = writer(connect(&cluster, "one"), &topic, ME);
    let sky = cluster.clone();
    let lost = move || {
        let notice = Duration::from_secs(2)..=Duration::from_secs(2);
        sky.set_weather(Weather { reply_lost: 1.0, notice, ..Weather::CALM });
        let sky = sky.clone();
        tokio::spawn(async move {
            sleep(Duration::from_secs(1)).await;
            sky.set_weather(Weather::CALM);
            sky.fence("writes-state");
        });
    };
    let outcome = attempt(&mut writer, lost).await;
    assert!(matches!(outcome, Err(AttemptError::Client { step: Step::Commit, .. })), "{outcome:?}");
    assert_eq!(claims(&cluster, Isolation::Committed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_is_given_up_goes_on() {
    let (cluster, topic) = cluster(Version::Verifying, 1);
    let mut writer = writer(connect(&cluster, "one"), &topic, ME);
    let (sent, told) = std::sync::mpsc::channel();
    let mut attempted = Box::pin(attempt(&mut writer, move || sent.send(()).unwrap()));
    while told.try_recv().is_err() {
        assert!(timeout(Duration::from_millis(1), &mut attempted).await.is_err(), "it is still under way");
    }
    drop(attempted);
    assert_eq!(claims(&cluster, Isolation::Committed), 0);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(claims(&cluster, Isolation::Committed), 1);
}

#[tokio::test(start_paused = true)]
async fn brokers_that_are_away_fail_an_attempt_in_time_and_the_next_one_goes_through() {
    let (cluster, topic) = cluster(Version::Verifying, 1);
    let mut writer = writer(connect(&cluster, "one"), &topic, ME);
    let sky = cluster.clone();
    let away = move || sky.set_weather_of("one", Weather { away: true, ..Weather::CALM });
    let outcome = attempt(&mut writer, away).await;
    assert!(matches!(outcome, Err(AttemptError::TooSlow { .. })), "{outcome:?}");
    assert!(cluster.fired()["brokers away"] > 0);
    cluster.set_weather(Weather::CALM);
    commit(&mut writer, ME, vec![record(&topic, "k", "v2")]).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(committed(&cluster, "k"), ["v2"]);
    assert_eq!(claims(&cluster, Isolation::Committed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_paused_process_asks_nothing_until_it_wakes_and_a_killed_one_never() {
    let (cluster, topic) = cluster(Version::Verifying, 1);
    let mut writer = writer(connect(&cluster, "one"), &topic, ME);
    cluster.pause("one");
    let mut attempted = Box::pin(attempt(&mut writer, || ()));
    assert!(timeout(Duration::from_secs(600), &mut attempted).await.is_err());
    assert_eq!(claims(&cluster, Isolation::Uncommitted), 0);
    cluster.resume("one");
    let outcome = attempted.await;
    assert!(matches!(outcome, Ok(Outcome::Committed { .. })), "{outcome:?}");

    cluster.kill("one");
    let outcome = attempt(&mut writer, || ()).await;
    assert!(matches!(outcome, Err(AttemptError::Client { step: Step::Init, .. })), "{outcome:?}");
    let mut log = PartitionLog::from_start(Arc::new(cluster.connect("one")), topic, 0);
    assert_eq!(log.read_to_proven_end(&mut State::default()).await.unwrap(), 2, "its next life reads");
}

#[tokio::test(start_paused = true)]
async fn a_refused_record_fails_the_attempt() {
    let (cluster, topic) = cluster(Version::Verifying, 1);
    cluster.set_weather(Weather { record_refused: 1.0, ..Weather::CALM });
    let mut writer = writer(connect(&cluster, "one"), &topic, ME);
    let outcome = attempt(&mut writer, || ()).await;
    assert!(matches!(outcome, Err(AttemptError::Client { step: Step::Claim, .. })), "{outcome:?}");
    assert_eq!(cluster.fired(), BTreeMap::from([("record refused", 1)]));
}

/// Three copies, each adding 1 to what it reads, in a storm: the sequences that each was told it had committed.
async fn race(cluster: &Cluster, topic: &Arc<str>) -> Vec<i64> {
    cluster.set_weather(storm());
    let copies = (1..=3).map(|copy| {
        let connection = connect(cluster, &copy.to_string());
        let (topic, me) = (Arc::clone(topic), Uuid::from_u128(copy));
        tokio::spawn(async move {
            let mut writer = writer(connection, &topic, me);
            let (mut state, mut told) = (State::default(), Vec::new());
            for _ in 0..10 {
                writer.leave_parking(Mandate::Unconditional);
                let mut sequence = 0_i64;
                let decide = |state: &State, _: Option<&Claim>| {
                    sequence = 1 + state.values.get("sequence").map_or(0, |value| value.parse::<i64>().unwrap());
                    send(me, vec![record(&topic, "event", "x"), record(&topic, "sequence", &sequence.to_string())])
                };
                match writer.attempt(&mut state, decide).await {
                    Ok(Outcome::Committed { .. }) => told.push(sequence),
                    Ok(_) => {}
                    Err(_) => sleep(Duration::from_millis(u64::try_from(copy).unwrap() * 700)).await,
                }
            }
            told
        })
    });
    let mut told = Vec::new();
    for copy in futures::future::join_all(copies).await {
        told.extend(copy.unwrap());
    }
    cluster.set_weather(Weather::CALM);
    // Late requests and markers arrive, open transactions time out.
    sleep(Duration::from_secs(60)).await;
    log(cluster.connect("judge"), topic).read_to_proven_end(&mut State::default()).await.unwrap();
    told
}

#[tokio::test(start_paused = true)]
async fn in_a_storm_no_sequence_is_committed_twice_and_every_fault_fires() {
    let mut fired: BTreeMap<&'static str, u64> = BTreeMap::new();
    for version in VERSIONS {
        for seed in 0..40 {
            let (cluster, topic) = cluster(version, seed);
            let told = race(&cluster, &topic).await;
            let committed: Vec<i64> =
                committed(&cluster, "sequence").iter().map(|text| text.parse().unwrap()).collect();
            let expected: Vec<i64> = (1..).take(committed.len()).collect();
            assert_eq!(committed, expected, "{version:?} {seed}");
            assert!(told.iter().all(|sequence| committed.contains(sequence)), "{version:?} {seed}: {told:?}");
            for (fault, count) in cluster.fired() {
                *fired.entry(fault).or_default() += count;
            }
        }
    }
    for fault in [
        "request lost",
        "reply lost",
        "request late",
        "request repeated",
        "coordinator moved",
        "storage full",
        "record refused",
        "transaction timed out",
        "transaction cut short",
        "marker late",
        "marker repeated",
        "stale watermark",
        "stale fetch",
        "fenced",
    ] {
        assert!(fired.get(fault).is_some_and(|count| *count > 10), "{fault}: {fired:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_run_and_another_one_another() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let (cluster, topic) = cluster(Version::Verifying, seed);
        let told = race(&cluster, &topic).await;
        runs.push((told, cluster.records("state", Isolation::Uncommitted), cluster.fired()));
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}
