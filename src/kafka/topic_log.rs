//! All partitions of a topic that others write to, followed from a cursor that is kept elsewhere.
//!
//! Committed records only; no proof of an end is needed here. What was deleted unread is told, not an error.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::client::{WatermarkClient, Watermarks};
use super::connection::Connection;
use super::error::ReadError;
use super::log::{Fold, PartitionLog};

/// A topic may be given more partitions while it is followed.
const COUNT_EVERY: Duration = Duration::from_secs(300);

/// What takes the records of a topic.
pub trait TopicFold {
    /// One record, in offset order within its partition; `value` `None` is a tombstone.
    fn record(&mut self, partition: i32, offset: i64, key: &[u8], value: Option<&[u8]>);
    /// The records from the cursor up to `offset` were deleted unread, or the topic was made anew.
    fn gap(&mut self, partition: i32, offset: i64);
    /// Everything below `offset` was read.
    fn read_to(&mut self, partition: i32, offset: i64);
    /// See [`Fold::takes_more`].
    fn takes_more(&self) -> bool {
        true
    }
}

/// See the module's page.
pub struct TopicLog {
    connection: Arc<Connection>,
    topic: Arc<str>,
    /// Partition → where to begin.
    cursor: BTreeMap<i32, i64>,
    /// Partitions that are not in the cursor begin where they end.
    is_from_end: bool,
    logs: BTreeMap<i32, PartitionLog>,
    /// Partitions whose leader refused the cursor: there is no such offset.
    refused: BTreeSet<i32>,
    /// How many partitions there are, and when that was asked.
    counted: Option<(i32, Instant)>,
}

impl TopicLog {
    /// A topic from `cursor`; partitions that are not in it from their first record.
    #[must_use]
    pub fn new(connection: Arc<Connection>, topic: Arc<str>, cursor: BTreeMap<i32, i64>) -> Self {
        let (logs, refused) = (BTreeMap::new(), BTreeSet::new());
        Self { connection, topic, cursor, is_from_end: false, logs, refused, counted: None }
    }

    /// A topic from where its partitions end when they are first followed.
    #[must_use]
    pub fn from_end(connection: Arc<Connection>, topic: Arc<str>) -> Self {
        Self { is_from_end: true, ..Self::new(connection, topic, BTreeMap::new()) }
    }

    /// Reads on as far as `read_committed` delivers. Giving up on the future loses nothing that `fold` has not got.
    pub async fn follow(&mut self, fold: &mut impl TopicFold) -> Result<(), ReadError> {
        self.read(fold, Until::NothingComes).await
    }

    /// Reads to where the partitions end when it is called: for one that does not come back to look again.
    pub async fn read_to_end(&mut self, fold: &mut impl TopicFold) -> Result<(), ReadError> {
        self.read(fold, Until::ProvenEnd).await
    }

    /// Partition → where to go on.
    #[must_use]
    pub fn positions(&self) -> &BTreeMap<i32, i64> {
        &self.cursor
    }

    /// Every partition, also behind one that cannot be read; then the first error.
    async fn read(&mut self, fold: &mut impl TopicFold, until: Until) -> Result<(), ReadError> {
        let mut outcome = Ok(());
        for partition in 0..self.partitions().await? {
            let read = self.read_partition(partition, fold, until).await;
            outcome = outcome.and(read);
        }
        outcome
    }

    async fn read_partition(
        &mut self,
        partition: i32,
        fold: &mut impl TopicFold,
        until: Until,
    ) -> Result<(), ReadError> {
        if !self.logs.contains_key(&partition) {
            let log = self.open(partition, fold).await?;
            self.logs.insert(partition, log);
        }
        let Some(log) = self.logs.get_mut(&partition) else { return Ok(()) };
        let mut of_partition = OfPartition { partition, fold };
        let read = match until {
            Until::NothingComes => log.follow(&mut of_partition).await,
            Until::ProvenEnd => log.read_to_proven_end(&mut of_partition).await.map(drop),
        };
        let position = log.position();
        self.cursor.insert(partition, position);
        if let Err(error) = read {
            // Where it begins and ends is asked anew.
            self.logs.remove(&partition);
            if matches!(error, ReadError::Recreated { .. }) {
                self.refused.insert(partition);
            }
            return Err(error);
        }
        fold.read_to(partition, position);
        Ok(())
    }

    async fn open(&mut self, partition: i32, fold: &mut impl TopicFold) -> Result<PartitionLog, ReadError> {
        let failed = |source| ReadError::Client { topic: self.topic.to_string(), partition, source };
        let client = WatermarkClient::create(&self.connection).map_err(failed)?;
        let Watermarks { low, high } = client.watermarks(&self.topic, partition).await.map_err(failed)?;
        let mut begin = self.cursor.get(&partition).copied().unwrap_or(if self.is_from_end { high } else { low });
        // An end may be told too low for a moment: only behind a refused read does it say that there is no such offset.
        let was_refused = self.refused.remove(&partition);
        if begin < low || (was_refused && begin > high) {
            begin = low;
            fold.gap(partition, low);
        }
        Ok(PartitionLog::from_offset(Arc::clone(&self.connection), Arc::clone(&self.topic), partition, begin))
    }

    async fn partitions(&mut self) -> Result<i32, ReadError> {
        if let Some((count, _)) = self.counted.filter(|(_, at)| at.elapsed() < COUNT_EVERY) {
            return Ok(count);
        }
        let failed = |source| ReadError::Client { topic: self.topic.to_string(), partition: 0, source };
        let client = WatermarkClient::create(&self.connection).map_err(failed)?;
        let count = client.partitions(&self.topic).await.map_err(failed)?;
        self.counted = Some((count, Instant::now()));
        Ok(count)
    }
}

/// How far a partition is read.
#[derive(Clone, Copy)]
enum Until {
    /// As far as records are there at once.
    NothingComes,
    /// As far as it goes.
    ProvenEnd,
}

struct OfPartition<'a, F> {
    partition: i32,
    fold: &'a mut F,
}

impl<F: TopicFold> Fold for OfPartition<'_, F> {
    fn apply(&mut self, key: &[u8], value: Option<&[u8]>, offset: i64) -> Result<(), super::error::FoldError> {
        self.fold.record(self.partition, offset, key, value);
        Ok(())
    }

    fn takes_more(&self) -> bool {
        self.fold.takes_more()
    }
}
