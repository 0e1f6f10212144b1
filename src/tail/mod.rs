//! Reading the topics back: `ramstream tail` without its command line.
//!
//! Promises: only what was committed is shown, each record once and in the order of its partition; a record that cannot
//! be decoded is said and stops nothing; no text of a stranger reaches a terminal as anything but text.
//!
//! Deliberately unknown here: the kinds.
//!
//! Reading order: here (the loop), `record` (a decoded record), `filter`, `line` and `json` (how it is printed, in the
//! words of [`crate::words`]), `merge` (the order).

mod filter;
mod from;
mod json;
mod line;
mod merge;
mod pattern;
mod record;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::warn;

pub use filter::{Filter, Notices};
pub use from::{From, FromError};
pub use line::Look;
pub use pattern::Pattern;

use crate::decode::{DecodeError, Decoder};
use crate::kafka::follow::{Begin, Delivered, Followed, Follower, Partitions};
use crate::kafka::registry::Registry;
use crate::kafka::{ClientError, Connection};
use crate::words::Content;
use line::Days;
use merge::{Merge, Place, Waiting};
use record::Record;

/// So long nothing has to come for what came together to be taken as all of it.
const TOGETHER: Duration = Duration::from_millis(100);
/// What came together is not held back for longer, however busy the topics are.
const HELD: Duration = Duration::from_secs(1);
/// After so many records it is looked which partitions are read to the end of their past.
const LOOK_EVERY: u32 = 256;
/// Tries of a registry that does not answer, and the pause after the first; it doubles.
const TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// What to show.
#[derive(Debug, Clone)]
pub struct Question {
    /// The topics, and which partitions they have.
    pub partitions: Partitions,
    /// Where to begin.
    pub begin: Begin,
    /// Which records.
    pub filter: Filter,
    /// Whether to end where the topics end now.
    pub until_end: bool,
    /// How many at most.
    pub count: Option<u64>,
    /// How lines look; `None` = JSON.
    pub look: Option<Look>,
}

/// Why it ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// The brokers.
    #[error("following the topics")]
    Kafka(#[source] ClientError),
    /// The present end was not reached.
    #[error("nothing came for {waited:?}, and the topics were not read to their end{trouble}")]
    Stalled {
        /// How long.
        waited: Duration,
        /// The client's last complaint, with a leading separator.
        trouble: String,
    },
    /// The registry does not answer.
    #[error("without the registry nothing can be decoded")]
    Registry(#[source] DecodeError),
    /// Nobody reads any longer.
    #[error("printing")]
    Output(#[from] io::Error),
    /// A decoded record is no JSON: a fault of this program.
    #[error("printing a record as JSON")]
    Json(#[from] serde_json::Error),
}

/// Shows records until there are no more to show, if that ever comes; `begun` is called when nothing that comes from
/// then on is missed.
///
/// # Errors
/// See [`TailError`].
pub async fn tail(
    connection: &Arc<Connection>,
    registry: &Registry,
    question: Question,
    out: &mut impl Write,
    begun: impl FnOnce(),
) -> Result<(), TailError> {
    let follower = Follower::open(connection, question.partitions.clone(), question.begin).await;
    let follower = follower.map_err(TailError::Kafka)?;
    begun();
    let tail = Tail {
        follower,
        decoder: Decoder::new(registry),
        merge: Merge::new(),
        printer: Printer { days: question.look.clone().map(Days::new), left: question.count, out },
        stall: connection.read_stall_timeout,
        question,
    };
    tail.run().await
}

struct Tail<'a, W> {
    question: Question,
    follower: Follower,
    decoder: Decoder<'a>,
    merge: Merge<Printed>,
    printer: Printer<'a, W>,
    stall: Duration,
}

/// A record as it will be printed.
enum Printed {
    Line(line::Line),
    Json(String),
}

impl<W: Write> Tail<'_, W> {
    async fn run(mut self) -> Result<(), TailError> {
        let (mut moved_at, mut printed_at, mut unseen, mut trouble) = (Instant::now(), Instant::now(), 0, None);
        loop {
            let is_idle = match self.follower.next(TOGETHER).await {
                Followed::Record(raw) => {
                    (moved_at, trouble) = (Instant::now(), None);
                    self.take(raw).await?;
                    false
                }
                Followed::Trouble(text) => {
                    complain(&mut trouble, text);
                    true
                }
                Followed::Nothing => true,
            };
            unseen += 1;
            if !is_idle && unseen < LOOK_EVERY && printed_at.elapsed() < HELD {
                continue;
            }
            unseen = 0;
            let behind = self.follower.behind().map_err(TailError::Kafka)?;
            let is_past = !behind.is_empty();
            if is_past || is_idle || self.question.until_end || printed_at.elapsed() >= HELD {
                while let Some(printed) = self.merge.pop(behind) {
                    if !self.printer.print(printed)? {
                        return Ok(());
                    }
                }
                printed_at = Instant::now();
            }
            if self.question.until_end && !is_past {
                return Ok(());
            }
            if self.question.until_end && moved_at.elapsed() > self.stall {
                let trouble = trouble.map(|text| format!(": {text}")).unwrap_or_default();
                return Err(TailError::Stalled { waited: self.stall, trouble });
            }
        }
    }

    /// Decodes a record and lets it wait for its turn, if it is one to show.
    async fn take(&mut self, raw: Delivered) -> Result<(), TailError> {
        if self.question.until_end && !raw.is_past {
            return Ok(());
        }
        let key = String::from_utf8_lossy(&raw.key).into_owned();
        if !self.question.filter.is_key(&key) {
            return Ok(());
        }
        let content = self.content(&raw).await?;
        let record = Record { raw, key, content };
        if !self.question.filter.is_shown(&record) {
            return Ok(());
        }
        let what = match &self.question.look {
            Some(look) => Printed::Line(look.line(&record)),
            None => Printed::Json(json::line(&record)?),
        };
        let place = record.content.ok().map(|content| Place {
            lineage: content.lineage,
            sequence: content.sequence,
            batch_index: content.batch_index,
            timestamp: record.raw.timestamp,
        });
        self.merge.push(record.raw.slot, Waiting { place, what });
        Ok(())
    }

    /// The record's value, or why it has none that can be shown.
    async fn content(&mut self, raw: &Delivered) -> Result<Result<Content, String>, TailError> {
        let Some(value) = &raw.value else {
            return Ok(Err("it has no value: only state topics have tombstones".into()));
        };
        let place = format!("{}[{}]@{}", raw.topic, raw.partition, raw.offset);
        let mut pause = FIRST_PAUSE;
        for tries in 1.. {
            match self.decoder.value(&place, value).await {
                Ok(value) => return Ok(Content::of(value)),
                Err(error) if error.is_the_registrys() && tries == TRIES => return Err(TailError::Registry(error)),
                Err(error) if error.is_the_registrys() => sleep(pause).await,
                Err(error) => return Ok(Err(with_causes(&error))),
            }
            pause *= 2;
        }
        unreachable!("the tries end with an answer")
    }
}

/// Tells a complaint, unless it was the last one, too.
fn complain(last: &mut Option<String>, text: String) {
    if last.as_ref() != Some(&text) {
        warn!(reason = text, "following the topics, going on");
    }
    *last = Some(text);
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

struct Printer<'a, W> {
    days: Option<Days>,
    left: Option<u64>,
    out: &'a mut W,
}

impl<W: Write> Printer<'_, W> {
    /// Whether more may be printed.
    fn print(&mut self, printed: Printed) -> io::Result<bool> {
        let text = match (printed, &mut self.days) {
            (Printed::Line(line), Some(days)) => days.print(&line),
            (Printed::Line(_), None) => String::new(),
            (Printed::Json(text), _) => text,
        };
        self.out.write_all(text.as_bytes())?;
        self.left = self.left.map(|left| left.saturating_sub(1));
        Ok(self.left != Some(0))
    }
}

#[cfg(test)]
mod tests;
