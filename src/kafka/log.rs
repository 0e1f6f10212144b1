//! Reading one partition, committed records only, to a proven end.
//!
//! Promises: [`PartitionLog::read_to_proven_end`] returns only when every committed record below the
//! high watermark that it took at its start has been folded; a time-out is an error, never a short
//! answer. A partition that ends before what was read of it is an error, never "at the end".
//!
//! Not known here: what a record means, except that a [`StateLog`] recognises the claim.
//!
//! One limit: a topic deleted and made anew *and* filled beyond the old position between two reads of one
//! process cannot be told from the old one by offsets. What it holds then is another lineage, which the
//! fold sees.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::claim::{Claim, Claims, Placed};
use super::client::{Polled, Reader, WatermarkClient, Watermarks};
use super::connection::Connection;
use super::error::{ClientError, FoldError, ReadError};

/// How long one poll waits while more must come.
const PROOF_POLL: Duration = Duration::from_millis(10);
/// `follow` takes what has arrived; this is the granularity of "has arrived".
const FOLLOW_POLL: Duration = Duration::from_millis(1);

/// What takes the records: an in-memory state, or a closure.
///
/// After an error the same record is offered again by the next read; a record is never offered twice
/// otherwise.
pub trait Fold {
    /// Takes one record in offset order; `value` `None` is a tombstone.
    fn apply(&mut self, key: &[u8], value: Option<&[u8]>, offset: i64) -> Result<(), FoldError>;

    /// Whether it takes one more record now. Where it does not, reading stops there, and the next one goes on.
    fn takes_more(&self) -> bool {
        true
    }
}

impl<F: FnMut(&[u8], Option<&[u8]>, i64) -> Result<(), FoldError>> Fold for F {
    fn apply(&mut self, key: &[u8], value: Option<&[u8]>, offset: i64) -> Result<(), FoldError> {
        self(key, value, offset)
    }
}

/// One partition of a topic and how far it has been read.
pub struct PartitionLog {
    connection: Arc<Connection>,
    topic: Arc<str>,
    partition: i32,
    /// Nothing is ever deleted from the topic, only compacted.
    is_kept: bool,
    position: Option<i64>,
    watermarks: Option<Watermarks>,
    watermark_client: Option<WatermarkClient>,
    reader: Option<Reader>,
}

impl PartitionLog {
    /// A log that begins with the first record there is.
    #[must_use]
    pub fn from_start(connection: Arc<Connection>, topic: Arc<str>, partition: i32) -> Self {
        Self {
            connection,
            topic,
            partition,
            is_kept: false,
            position: None,
            watermarks: None,
            watermark_client: None,
            reader: None,
        }
    }

    /// A log that begins at `offset`, for a cursor kept elsewhere.
    #[must_use]
    pub fn from_offset(connection: Arc<Connection>, topic: Arc<str>, partition: i32, offset: i64) -> Self {
        Self { position: Some(offset), ..Self::from_start(connection, topic, partition) }
    }

    /// Topic name.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// The next offset to read; 0 before the first read of a log from the start.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.position.unwrap_or(0)
    }

    /// The low watermark when it was last asked for. In a compacted topic anything above 0 means that
    /// records were deleted: compaction keeps it at 0.
    #[must_use]
    pub fn low_watermark(&self) -> Option<i64> {
        self.watermarks.map(|watermarks| watermarks.low)
    }

    /// Asks where the partition begins and ends, through a `read_uncommitted` client.
    pub async fn watermarks(&mut self) -> Result<Watermarks, ReadError> {
        let client = match self.watermark_client.take() {
            Some(client) => client,
            None => WatermarkClient::create(&self.connection).map_err(|error| self.client_error(error))?,
        };
        let asked = client.watermarks(&self.topic, self.partition).await;
        self.watermark_client = Some(client);
        let watermarks = asked.map_err(|error| self.client_error(error))?;
        self.watermarks = Some(watermarks);
        Ok(watermarks)
    }

    /// Reads on as far as `read_committed` delivers: no proof, no waiting. The fold may be left in the
    /// middle of a transaction; nothing is to be decided from it.
    pub async fn follow(&mut self, fold: &mut impl Fold) -> Result<(), ReadError> {
        if self.position.is_none() {
            self.position = Some(self.watermarks().await?.low);
        }
        while fold.takes_more() && !self.read_batch(FOLLOW_POLL, fold).await?.records.is_empty() {}
        Ok(())
    }

    /// Reads to the high watermark of this moment and returns the position, which proves that it got
    /// there: no committed record below it is missing. The position may be beyond the watermark, and is before it only if
    /// the fold took no more.
    pub async fn read_to_proven_end(&mut self, fold: &mut impl Fold) -> Result<i64, ReadError> {
        let Watermarks { low, high } = self.watermarks().await?;
        // Whoever reads a topic for the first time judges for itself what lacks at its beginning.
        let was_truncated = self.is_kept && self.position.is_some() && low > 0;
        let mut position = *self.position.get_or_insert(low);
        if planted!(EndsAtLastStable) {
            self.follow(fold).await?;
            return Ok(self.position());
        }
        if position < low || was_truncated {
            return Err(self.truncated(position, low));
        }
        if position > high {
            return Err(self.recreated(position, high.to_string()));
        }
        let (mut moved_at, mut trouble) = (Instant::now(), None);
        while position < high && fold.takes_more() {
            let polled = self.read_batch(PROOF_POLL, fold).await?;
            trouble = polled.trouble.or(trouble);
            if polled.position > position {
                (position, moved_at, trouble) = (polled.position, Instant::now(), None);
            } else if moved_at.elapsed() >= self.connection.read_stall_timeout {
                return Err(self.stalled(position, high, moved_at.elapsed(), trouble));
            }
        }
        Ok(position)
    }

    /// One poll, folded. On any error the reader is made anew at the position next time.
    async fn read_batch(&mut self, wait: Duration, fold: &mut impl Fold) -> Result<Polled, ReadError> {
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.open().await?,
        };
        let polled = match reader.poll(wait).await {
            Ok(polled) => polled,
            Err(ClientError::OffsetOutOfRange) => return Err(self.recreated(self.position(), "another offset".into())),
            Err(error) => return Err(self.client_error(error)),
        };
        let mut is_taken = true;
        for (offset, key, value) in polled.records.iter() {
            if !fold.takes_more() {
                // The rest is read again, by a reader that begins at the position.
                is_taken = false;
                break;
            }
            fold.apply(key, value, offset).map_err(|source| self.refused(offset, source))?;
            self.position = Some(offset + 1);
        }
        if is_taken {
            self.position = Some(self.position().max(polled.position));
            self.reader = Some(reader);
        }
        Ok(Polled { position: self.position(), ..polled })
    }

    async fn open(&self) -> Result<Reader, ReadError> {
        Reader::open(Arc::clone(&self.connection), &self.topic, self.partition, self.position())
            .await
            .map_err(|error| self.client_error(error))
    }

    fn client_error(&self, source: ClientError) -> ReadError {
        ReadError::Client { topic: self.topic.to_string(), partition: self.partition, source }
    }

    fn refused(&self, offset: i64, source: FoldError) -> ReadError {
        ReadError::Fold { topic: self.topic.to_string(), partition: self.partition, offset, source }
    }

    fn recreated(&self, position: i64, watermark: String) -> ReadError {
        ReadError::Recreated { topic: self.topic.to_string(), partition: self.partition, position, watermark }
    }

    fn truncated(&self, position: i64, low_watermark: i64) -> ReadError {
        ReadError::Truncated { topic: self.topic.to_string(), partition: self.partition, position, low_watermark }
    }

    fn stalled(&self, position: i64, watermark: i64, waited: Duration, trouble: Option<String>) -> ReadError {
        let trouble = trouble.map(|text| format!(" ({text})")).unwrap_or_default();
        let (topic, partition) = (self.topic.to_string(), self.partition);
        ReadError::Stalled { topic, partition, position, watermark, waited, trouble }
    }
}

/// `.state.<account>`: partition 0, with the claim recognised.
///
/// Claim records are kept here and not given to the fold. Once read from, it must go on beginning at 0: records that were
/// deleted since, also those that were read, are an error.
pub struct StateLog {
    log: PartitionLog,
    claim_key: Vec<u8>,
    claims: Claims,
    me: Option<Uuid>,
}

impl StateLog {
    /// A state topic from its start; `claim_key` as made by [`super::claim::key`].
    #[must_use]
    pub fn new(connection: Arc<Connection>, topic: Arc<str>, claim_key: Vec<u8>) -> Self {
        let log = PartitionLog { is_kept: true, ..PartitionLog::from_start(connection, topic, 0) };
        Self { log, claim_key, claims: Claims::default(), me: None }
    }

    /// The log as the process start `me` reads it: its own claims are told from others'.
    #[must_use]
    pub fn read_by(mut self, me: Uuid) -> Self {
        self.me = Some(me);
        self
    }

    /// See [`PartitionLog::follow`].
    pub async fn follow(&mut self, fold: &mut impl Fold) -> Result<(), ReadError> {
        let Self { log, claim_key, claims, me } = self;
        log.follow(&mut WithClaims { claim_key, claims, me: *me, fold }).await
    }

    /// See [`PartitionLog::read_to_proven_end`].
    pub async fn read_to_proven_end(&mut self, fold: &mut impl Fold) -> Result<i64, ReadError> {
        let Self { log, claim_key, claims, me } = self;
        log.read_to_proven_end(&mut WithClaims { claim_key, claims, me: *me, fold }).await
    }

    /// See [`PartitionLog::watermarks`].
    pub async fn watermarks(&mut self) -> Result<Watermarks, ReadError> {
        self.log.watermarks().await
    }

    /// The last claim read and its offset.
    #[must_use]
    pub fn last_claim(&self) -> Option<&Placed> {
        self.claims.last()
    }

    /// Topic name.
    #[must_use]
    pub fn topic(&self) -> &Arc<str> {
        self.log.topic()
    }

    /// The next offset to read.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.log.position()
    }

    /// See [`PartitionLog::low_watermark`].
    #[must_use]
    pub fn low_watermark(&self) -> Option<i64> {
        self.log.low_watermark()
    }

    pub(super) fn claims(&self) -> &Claims {
        &self.claims
    }

    pub(super) fn claim_key(&self) -> &[u8] {
        &self.claim_key
    }
}

/// Keeps the claims back and passes everything else on.
struct WithClaims<'a, F> {
    claim_key: &'a [u8],
    claims: &'a mut Claims,
    me: Option<Uuid>,
    fold: &'a mut F,
}

impl<F: Fold> Fold for WithClaims<'_, F> {
    fn apply(&mut self, key: &[u8], value: Option<&[u8]>, offset: i64) -> Result<(), FoldError> {
        if key != self.claim_key {
            return self.fold.apply(key, value, offset);
        }
        self.claims.note(Claim::from_json(value)?, offset, self.me);
        Ok(())
    }

    fn takes_more(&self) -> bool {
        self.fold.takes_more()
    }
}
