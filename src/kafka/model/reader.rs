//! The reading clients: where a partition ends, and what is committed in it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::super::client::{Polled, ReadBatch, Watermarks};
use super::super::connection::Connection;
use super::super::error::ClientError;
use super::Link;
use super::weather::Fault;

/// A client that lost its connection tries again after this long.
const RECONNECT: Duration = Duration::from_millis(100);

/// See [`super::super::client::WatermarkClient`].
pub(in crate::kafka) struct WatermarkClient {
    link: Link,
    request_timeout: Duration,
}

impl WatermarkClient {
    pub(in crate::kafka) fn create(link: Link, connection: &Connection) -> Self {
        Self { link, request_timeout: connection.request_timeout }
    }

    pub(in crate::kafka) async fn partitions(&self, topic: &str) -> Result<i32, ClientError> {
        let deadline = Instant::now() + self.request_timeout;
        let asked = self.link.question(deadline, |state, _| state.broker.partitions(topic).map(<[_]>::len));
        let count = asked.await.map_err(|reason| failed("metadata", reason))?;
        let missing = || failed("metadata", format!("there is no topic {topic}"));
        count.and_then(|count| i32::try_from(count).ok()).ok_or_else(missing)
    }

    pub(in crate::kafka) async fn watermarks(&self, topic: &str, partition: i32) -> Result<Watermarks, ClientError> {
        let deadline = Instant::now() + self.request_timeout;
        let asked = self.link.question(deadline, |state, weather| {
            let found = state.broker.partition(topic, partition)?;
            let (now, earlier) = (found.watermarks(), found.earlier_ends());
            let earlier: Vec<i64> = earlier.iter().copied().filter(|end| *end < now.high).collect();
            if earlier.is_empty() || !state.strikes(Fault::StaleWatermark, weather.stale_watermark) {
                return Some(now);
            }
            Some(Watermarks { high: earlier[state.chance.below(earlier.len())], ..now })
        });
        let watermarks = asked.await.map_err(|reason| failed("watermark", reason))?;
        watermarks.ok_or_else(|| failed("watermark", "unknown topic or partition".to_owned()))
    }
}

/// See [`super::super::client::Reader`]. It fetches ahead: what arrived in time is there at once.
pub(in crate::kafka) struct Reader {
    link: Link,
    topic: Arc<str>,
    partition: i32,
    position: i64,
    /// When the answer to the fetch under way comes.
    answered_at: Instant,
}

impl Reader {
    pub(in crate::kafka) async fn open(
        link: Link,
        connection: &Connection,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<Self, ClientError> {
        let deadline = Instant::now() + connection.request_timeout;
        link.question(deadline, |_, _| ()).await.map_err(|reason| failed("metadata", reason))?;
        let mut reader = Self { link, topic: topic.into(), partition, position: offset, answered_at: Instant::now() };
        reader.fetch_takes_its_time();
        Ok(reader)
    }

    pub(in crate::kafka) async fn poll(&mut self, wait: Duration) -> Result<Polled, ClientError> {
        let until = Instant::now() + wait;
        let mut polled = Polled { records: ReadBatch::default(), position: self.position, trouble: None };
        loop {
            if self.answered_at > until {
                sleep_until(until).await;
                return Ok(polled);
            }
            sleep_until(self.answered_at).await;
            if self.is_held_up(&mut polled) {
                continue;
            }
            let (fetched, arrived) = {
                let state = self.link.cluster().state();
                let found = state.broker.partition(&self.topic, self.partition);
                let found = found.ok_or_else(|| failed("read", "unknown topic or partition".to_owned()))?;
                (found.fetch(self.position, &mut polled.records), Arc::clone(&found.arrived))
            };
            let reached = fetched.ok_or(ClientError::OffsetOutOfRange)?;
            if reached > self.position {
                (self.position, polled.position) = (reached, reached);
                self.fetch_takes_its_time();
                return Ok(polled);
            }
            // On a runtime of one thread nothing can have been written since the look.
            if timeout_at(until, arrived.notified()).await.is_err() {
                return Ok(polled);
            }
            self.fetch_takes_its_time();
        }
    }

    /// Whether this fetch brings nothing, and the next one is under way.
    fn is_held_up(&mut self, polled: &mut Polled) -> bool {
        let weather = self.link.weather();
        if weather.away {
            self.link.cluster().state().note_away(self.link.process());
            polled.trouble = Some("all brokers are down".to_owned());
            self.answered_at = Instant::now() + RECONNECT;
            return true;
        }
        let stale = self.link.cluster().state().strikes(Fault::StaleFetch, weather.stale_fetch);
        if stale {
            self.answered_at = Instant::now() + RECONNECT;
        }
        stale
    }

    fn fetch_takes_its_time(&mut self) {
        let latency = self.link.weather().latency;
        let mut state = self.link.cluster().state();
        let takes = state.chance.between(&latency) + state.chance.between(&latency);
        drop(state);
        self.answered_at = Instant::now() + takes;
    }
}

fn failed(operation: &'static str, reason: String) -> ClientError {
    ClientError::Failed { operation, reason }
}
