//! Reading and verifying the state as at a start, against a plain read of the same topic with the same settings.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use ramstream::{
    kafka::{StateLog, claim},
    state::State,
};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};

use crate::{
    account::{self, Size},
    measure::Pairs,
    publishing::Published,
    table::{Figure, Goal},
};

const ROUNDS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn measure(kafka: &str, published: &Published) -> anyhow::Result<Figure> {
    let mut pairs = Pairs::default();
    let mut read = Read::default();
    for _ in 0..ROUNDS {
        let ours = recover(published).await?;
        let (kafka, topic) = (kafka.to_owned(), published.topics.state().to_string());
        let begun = Instant::now();
        read = tokio::task::spawn_blocking(move || read_plainly(&kafka, &topic)).await??;
        pairs.push(ours, begun.elapsed());
    }
    let (ours, plain) = pairs.medians();
    Ok(Figure {
        name: "reading and verifying the state at start, against a plain read of its topic",
        measured: pairs.ratio(),
        unit: " x",
        goal: Goal::AtMost(2.0),
        detail: format!(
            "{:.2} s against {:.2} s, {} records, {} rounds",
            ours.as_secs_f64(),
            plain.as_secs_f64(),
            read.records,
            pairs.rounds(),
        ),
    })
}

async fn recover(published: &Published) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    let mut log = StateLog::new(Arc::clone(&published.connection), published.topics.state(), claim::key(account::ID));
    let mut state = State::new(account::ID);
    log.read_to_proven_end(&mut state).await?;
    state.verify()?;
    let elapsed = begun.elapsed();
    ensure!(state.count() == Size::LARGEST.entities(), "{} entities were read", state.count());
    Ok(elapsed)
}

/// What a plain read found.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) records: usize,
    /// Bytes of the values of entity records.
    pub(crate) entity_bytes: usize,
}

/// Reads the topic to its end; the settings are those of `Connection::reader`.
pub(crate) fn read_plainly(kafka: &str, topic: &str) -> anyhow::Result<Read> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .set("group.id", "bench")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "error")
        .set("queued.min.messages", "100000")
        .set("fetch.queue.backoff.ms", "5")
        .create()?;
    // A `read_committed` client is told the last stable offset, which comes after the answer to a commit.
    let uncommitted: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", kafka).set("isolation.level", "read_uncommitted").create()?;
    let (_, high) = uncommitted.fetch_watermarks(topic, 0, PATIENCE)?;
    consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Offset(0))?;
    consumer.assign(&assignment)?;
    let mut read = Read::default();
    // The last offset is the commit's own, which is never delivered.
    loop {
        let message = consumer.poll(PATIENCE).context("the topic ends before its watermark")??;
        read.records += 1;
        if !message.key().unwrap_or_default().contains(&b'~') {
            read.entity_bytes += message.payload_len();
        }
        if message.offset() + 2 >= high {
            return Ok(read);
        }
    }
}
