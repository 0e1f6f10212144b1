//! A baseline of the largest account into a real Kafka in one transaction: the shipped path (events encoded as they
//! are sent) against plain rdkafka, with the same settings, sending records that are encoded already.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use jiff::Timestamp;
use ramstream::{
    avro::Encoder,
    diff::compare,
    kafka::{
        Claim, Connection, Decision, Outcome, Record, StateLog, Transaction, Writer, claim,
        topics::ensure as ensure_topics,
    },
    state::State,
    sync::{
        TopicSettings, Topics,
        publication::{Publication, Reading},
    },
};
use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
    util::Timeout,
};
use uuid::Uuid;

use crate::{
    account::{self, Size},
    measure::Pairs,
    services,
    table::{Figure, Goal},
};

const ROUNDS: usize = 3;
const SCHEMA_ID: u32 = 7;
/// The daemon's default is 60 s; a busy machine must not end the benchmark.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(300);

/// What is published, and with what.
pub(crate) struct Baseline {
    publication: Arc<Publication>,
    encoder: Arc<Encoder>,
}

/// An account's topics with a baseline in them.
pub(crate) struct Published {
    pub(crate) connection: Arc<Connection>,
    pub(crate) topics: Arc<Topics>,
}

pub(crate) fn connection(kafka: &str) -> Arc<Connection> {
    let mut connection = Connection::new(vec![kafka.to_owned()]);
    connection.transaction_timeout = TRANSACTION_TIMEOUT;
    Arc::new(connection)
}

impl Baseline {
    pub(crate) fn of_the_largest_account() -> anyhow::Result<Self> {
        let state = State::new(account::ID);
        let collections = account::collections(&Size::LARGEST);
        let diff = compare(&state, &collections);
        let at = Timestamp::from_second(1_760_000_000)?;
        let reading = Reading { sync_id: Uuid::now_v7(), started_at: at, finished_at: at, collections, diff };
        let publication = Publication::plan(&state, reading, Some("production"), Uuid::new_v4());
        ensure!(publication.batch().size == Size::LARGEST.entities(), "not everything would be published");
        Ok(Self { publication: Arc::new(publication), encoder: Arc::new(Encoder::new(|_| SCHEMA_ID, SCHEMA_ID)?) })
    }

    /// With what its events are encoded.
    pub(crate) fn encoder(&self) -> &Arc<Encoder> {
        &self.encoder
    }

    /// Publishes into fresh topics as the daemon does; gives the time from the beginning of the attempt to its end.
    pub(crate) async fn publish(&self, kafka: &str) -> anyhow::Result<(Published, Duration)> {
        let connection = connection(kafka);
        let topics = fresh_topics(&connection).await?;
        let me = Uuid::new_v4();
        let log = StateLog::new(Arc::clone(&connection), topics.state(), claim::key(account::ID));
        let mut writer = Writer::new(Arc::clone(&connection), services::unique("bench"), log, me);
        let mut state = State::new(account::ID);
        let begun = Instant::now();
        let outcome = writer
            .attempt(&mut state, |_: &State, _: Option<&Claim>| -> Decision<()> {
                let claim = Claim { writer: Some(me), sequence: 1 };
                Decision::Send(Transaction { claim, records: self.publication.records(&topics, &self.encoder) })
            })
            .await?;
        let elapsed = begun.elapsed();
        ensure!(matches!(outcome, Outcome::Committed { .. }), "the baseline was not committed: {outcome:?}");
        Ok((Published { connection, topics }, elapsed))
    }

    /// The same records, encoded; into fresh topics of their own.
    async fn records(&self, kafka: &str) -> anyhow::Result<Vec<Record>> {
        let topics = fresh_topics(&connection(kafka)).await?;
        let records = self.publication.records(&topics, &self.encoder);
        records.map(|record| record.map_err(|error| anyhow::anyhow!(error))).collect()
    }
}

pub(crate) async fn measure(kafka: &str, baseline: &Baseline) -> anyhow::Result<Figure> {
    let mut pairs = Pairs::default();
    let mut bytes = 0;
    for _ in 0..ROUNDS {
        let (_, ours) = baseline.publish(kafka).await?;
        let records = baseline.records(kafka).await?;
        bytes = records.iter().map(|record| record.key.len() + record.value.as_ref().map_or(0, Vec::len)).sum();
        let kafka = kafka.to_owned();
        let plain = tokio::task::spawn_blocking(move || send_plainly(&kafka, &records)).await??;
        pairs.push(ours, plain);
    }
    let (ours, plain) = pairs.medians();
    Ok(Figure {
        name: "a baseline of 270,000 entities into Kafka, throughput against plain rdkafka",
        measured: 1.0 / pairs.ratio(),
        unit: " x",
        goal: Goal::AtLeast(0.8),
        detail: format!(
            "{:.2} s against {:.2} s, {} MB of keys and values, {} rounds",
            ours.as_secs_f64(),
            plain.as_secs_f64(),
            bytes / 1_000_000,
            pairs.rounds(),
        ),
    })
}

async fn fresh_topics(connection: &Arc<Connection>) -> anyhow::Result<Arc<Topics>> {
    let topics = Arc::new(Topics::new(&services::unique("bench"), account::ID));
    let day = Duration::from_secs(86_400);
    let settings =
        TopicSettings { create: true, event_partitions: 6, event_retention: day, syncs_retention: day, replication: 1 };
    let reports = ensure_topics(connection, &topics.plan(&settings), true).await?;
    let refused = reports.iter().find(|report| report.is_refused());
    ensure!(refused.is_none(), "{refused:?}");
    Ok(topics)
}

/// One transaction as one would write it down with rdkafka; the settings are those of `Connection::producer`.
pub(crate) fn send_plainly(kafka: &str, records: &[Record]) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let timeout_ms = TRANSACTION_TIMEOUT.as_millis().to_string();
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("transactional.id", services::unique("plain"))
        .set("transaction.timeout.ms", &timeout_ms)
        .set("message.timeout.ms", &timeout_ms)
        .set("partitioner", "murmur2_random")
        .set("compression.type", "zstd")
        .set("linger.ms", "5")
        .set("queue.buffering.max.messages", "10000")
        .set("queue.buffering.max.kbytes", "8192")
        .create()?;
    producer.init_transactions(Timeout::After(TRANSACTION_TIMEOUT))?;
    producer.begin_transaction()?;
    for (n, record) in records.iter().enumerate() {
        enqueue(&producer, record)?;
        if n.is_multiple_of(512) {
            producer.poll(Duration::ZERO);
        }
    }
    while producer.in_flight_count() > 0 {
        producer.poll(Duration::from_millis(1));
    }
    producer.commit_transaction(Timeout::Never).context("committing the plain transaction")?;
    Ok(begun.elapsed())
}

fn enqueue(producer: &BaseProducer, record: &Record) -> anyhow::Result<()> {
    let mut message = BaseRecord::<[u8], [u8]>::to(&record.topic).key(record.key.as_slice());
    message.partition = record.partition;
    message.payload = record.value.as_deref();
    if !record.headers.is_empty() {
        let headers = OwnedHeaders::new_with_capacity(record.headers.len());
        let headers = record
            .headers
            .iter()
            .fold(headers, |all, (key, value)| all.insert(Header { key, value: Some(value.as_bytes()) }));
        message.headers = Some(headers);
    }
    loop {
        match producer.send(message) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned)) => {
                producer.poll(Duration::from_millis(1));
                message = returned;
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}
