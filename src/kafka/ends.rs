//! Whether a topic that is followed holds more than `read_committed` delivers. A transaction that somebody leaves open hides
//! whatever follows it, and a reader that only follows takes that for silence.
//!
//! Nobody waits for an answer here: a question that is under way is looked after at the next look.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::time::Instant;

use super::client::{WatermarkClient, Watermarks};
use super::connection::Connection;
use super::error::ClientError;

/// How often a partition is asked where it ends.
const ASK_EVERY: Duration = Duration::from_secs(20);

/// A transaction is open for a moment; what is hidden for so long is told.
const HIDDEN_AFTER: Duration = Duration::from_secs(60);

/// Records that have been written and are not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hidden {
    /// Partition.
    pub partition: i32,
    /// Where the reader stands: the first record of the open transaction.
    pub offset: i64,
}

/// See the module's page.
pub struct Ends {
    connection: Arc<Connection>,
    topic: Arc<str>,
    client: Option<Arc<WatermarkClient>>,
    partitions: BTreeMap<i32, End>,
}

#[derive(Default)]
struct End {
    asking: Option<BoxFuture<'static, Result<Watermarks, ClientError>>>,
    asked_at: Option<Instant>,
    /// Where the reader stands below the end, and since when that is known.
    held: Option<(i64, Instant)>,
}

impl Ends {
    /// Where the partitions of `topic` end.
    #[must_use]
    pub fn new(connection: Arc<Connection>, topic: Arc<str>) -> Self {
        Self { connection, topic, client: None, partitions: BTreeMap::new() }
    }

    /// What is hidden by now from a reader that has just read all that it was given and stands at these `positions`.
    pub fn look(&mut self, positions: &BTreeMap<i32, i64>) -> Option<Hidden> {
        let mut hidden = None;
        for (&partition, &offset) in positions {
            if self.is_held(partition, offset) {
                hidden.get_or_insert(Hidden { partition, offset });
            }
        }
        hidden
    }

    /// Whether the partition's end has been out of reach for long.
    fn is_held(&mut self, partition: i32, position: i64) -> bool {
        let end = self.partitions.entry(partition).or_default();
        end.held = end.held.filter(|(at, _)| *at == position);
        if let Some((_, since)) = end.held {
            return since.elapsed() >= HIDDEN_AFTER;
        }
        if end.asking.is_none() && end.asked_at.is_none_or(|at| at.elapsed() >= ASK_EVERY) {
            end.asked_at = Some(Instant::now());
            end.asking = question(&self.connection, &self.topic, partition, &mut self.client);
        }
        let Some(answer) = end.asking.as_mut().and_then(|asking| asking.now_or_never()) else { return false };
        end.asking = None;
        // Whoever cannot be asked hides nothing; reading says itself that it fails.
        if answer.is_ok_and(|watermarks| position < watermarks.high) {
            end.held = Some((position, Instant::now()));
        }
        false
    }
}

/// A question for the partition's end, not asked yet; none if there cannot be a client.
fn question(
    connection: &Connection,
    topic: &Arc<str>,
    partition: i32,
    client: &mut Option<Arc<WatermarkClient>>,
) -> Option<BoxFuture<'static, Result<Watermarks, ClientError>>> {
    if client.is_none() {
        *client = WatermarkClient::create(connection).ok().map(Arc::new);
    }
    let (client, topic) = (Arc::clone(client.as_ref()?), Arc::clone(topic));
    Some(async move { client.watermarks(&topic, partition).await }.boxed())
}
