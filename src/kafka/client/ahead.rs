//! Records are made on a thread of their own while those before them are handed to the client: both take about as long.
//!
//! What one thread allocates and another one frees costs more than that saves. So a record is copied into a chunk where it
//! was made, and whole chunks go to the client's thread and back.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::{iter, thread};

use super::super::connection::{Record, Records, Unencodable};
use super::super::error::ClientError;

/// A chunk is full with so many records, or with so many bytes. A transaction that fits into one needs no second thread.
const RECORDS: usize = 256;
const BYTES: usize = 256 * 1024;

/// Chunks beside the one that is being handed over.
const CHUNKS: usize = 2;

/// Records in one piece of memory.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    records: Vec<Place>,
    headers: Vec<(&'static str, Range<usize>)>,
}

/// Where a record is in its chunk.
struct Place {
    topic: Arc<str>,
    partition: Option<i32>,
    key: Range<usize>,
    value: Option<Range<usize>>,
    headers: Range<usize>,
}

/// A [`Record`] that stands in a chunk.
pub(super) struct Made<'a> {
    chunk: &'a Chunk,
    place: &'a Place,
}

impl<'a> Made<'a> {
    pub(super) fn topic(&self) -> &'a str {
        &self.place.topic
    }

    pub(super) fn partition(&self) -> Option<i32> {
        self.place.partition
    }

    pub(super) fn key(&self) -> &'a [u8] {
        &self.chunk.bytes[self.place.key.clone()]
    }

    pub(super) fn value(&self) -> Option<&'a [u8]> {
        self.place.value.clone().map(|value| &self.chunk.bytes[value])
    }

    pub(super) fn headers(&self) -> impl ExactSizeIterator<Item = (&'static str, &'a [u8])> {
        let headers = &self.chunk.headers[self.place.headers.clone()];
        headers.iter().map(|(name, value)| (*name, &self.chunk.bytes[value.clone()]))
    }
}

impl Chunk {
    /// Takes records until it is full, or until there are no more.
    fn fill(&mut self, records: &mut Records) -> Result<(), Unencodable> {
        self.bytes.clear();
        self.records.clear();
        self.headers.clear();
        while !self.is_full() {
            let Some(record) = records.next() else { break };
            self.put(record?);
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.records.len() >= RECORDS || self.bytes.len() >= BYTES
    }

    fn put(&mut self, record: Record) {
        let Record { topic, partition, key, value, headers } = record;
        let begin = self.headers.len();
        for (name, text) in headers {
            let value = self.copy(text.as_bytes());
            self.headers.push((name, value));
        }
        let (key, value) = (self.copy(&key), value.map(|value| self.copy(&value)));
        self.records.push(Place { topic, partition, key, value, headers: begin..self.headers.len() });
    }

    fn copy(&mut self, bytes: &[u8]) -> Range<usize> {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        begin..self.bytes.len()
    }

    fn records(&self) -> impl Iterator<Item = Made<'_>> {
        self.records.iter().map(|place| Made { chunk: self, place })
    }
}

/// Hands all records over, in their order; the first error ends it.
pub(super) fn hand_over(
    mut records: Records,
    mut take: impl FnMut(&Made<'_>) -> Result<(), ClientError>,
) -> Result<(), ClientError> {
    let mut first = Chunk::default();
    first.fill(&mut records).map_err(unencodable)?;
    if !first.is_full() {
        return first.records().try_for_each(|record| take(&record));
    }
    let (full, filled) = sync_channel(CHUNKS);
    let (back, empty) = channel();
    // What this end of the channels is closed with ends the other thread: whatever comes of it, nobody waits for ever.
    thread::scope(move |scope| {
        scope.spawn(move || make(records, &empty, &full));
        for chunk in iter::repeat_with(Chunk::default).take(CHUNKS) {
            give_back(&back, chunk);
        }
        iter::once(Ok(first)).chain(filled).try_for_each(|chunk| {
            let chunk = chunk.map_err(unencodable)?;
            chunk.records().try_for_each(|record| take(&record))?;
            give_back(&back, chunk);
            Ok(())
        })
    })
}

/// Fills the chunks that come back until there are no more records, or until nobody takes them.
fn make(mut records: Records, empty: &Receiver<Chunk>, full: &SyncSender<Result<Chunk, Unencodable>>) {
    while let Ok(mut chunk) = empty.recv() {
        let made = chunk.fill(&mut records);
        if chunk.records.is_empty() && made.is_ok() {
            break;
        }
        if full.send(made.map(|()| chunk)).is_err() {
            break;
        }
    }
}

/// Where there is nothing more to make, nobody waits for it.
fn give_back(back: &Sender<Chunk>, chunk: Chunk) {
    back.send(chunk).ok();
}

fn unencodable(source: Unencodable) -> ClientError {
    ClientError::Unencodable { source }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn record(n: usize, value_bytes: usize) -> Record {
        Record {
            topic: format!("t{}", n % 3).into(),
            partition: n.is_multiple_of(2).then_some(7),
            key: format!("k{n}").into_bytes(),
            value: (!n.is_multiple_of(5)).then(|| vec![u8::try_from(n % 251).unwrap(); value_bytes]),
            headers: (0..n % 4).map(|h| ("name", Cow::Owned(format!("{n}-{h}")))).collect(),
        }
    }

    fn as_record(made: &Made<'_>) -> Record {
        let text = |bytes: &[u8]| Cow::Owned(String::from_utf8(bytes.to_vec()).unwrap());
        Record {
            topic: made.topic().into(),
            partition: made.partition(),
            key: made.key().to_vec(),
            value: made.value().map(<[u8]>::to_vec),
            headers: made.headers().map(|(name, value)| (name, text(value))).collect(),
        }
    }

    #[test]
    fn all_records_are_handed_over_as_they_are_and_in_their_order() {
        for (count, value_bytes) in [(0, 1), (1, 1), (255, 3), (256, 3), (257, 3), (5_000, 3), (9, 200_000)] {
            let mut taken = Vec::new();
            let records = Box::new((0..count).map(move |n| Ok(record(n, value_bytes))));
            hand_over(records, |made| {
                taken.push(as_record(made));
                Ok(())
            })
            .unwrap();
            let expected: Vec<Record> = (0..count).map(|n| record(n, value_bytes)).collect();
            assert!(taken == expected, "{count} records of {value_bytes} bytes");
        }
    }

    #[test]
    fn a_record_that_cannot_be_made_ends_it_with_the_reason() {
        for fails_at in [0, 100, 300, 2_000] {
            let records = (0..3_000).map(move |n| if n == fails_at { Err("no".into()) } else { Ok(record(n, 1)) });
            let mut taken = 0;
            let ended = hand_over(Box::new(records), |_| {
                taken += 1;
                Ok(())
            });
            assert!(matches!(ended, Err(ClientError::Unencodable { .. })), "{ended:?}");
            assert!(taken <= fails_at, "{taken} were taken before number {fails_at}");
        }
    }

    #[test]
    fn whoever_takes_no_more_ends_the_making_of_more() {
        let made = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counted = Arc::clone(&made);
        let endless = (0..).map(move |n| {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Ok(record(n, 1))
        });
        let mut taken = 0;
        let ended = hand_over(Box::new(endless), |_| {
            taken += 1;
            if taken < 1_000 {
                Ok(())
            } else {
                Err(ClientError::Failed { operation: "send", reason: "full".to_owned() })
            }
        });
        assert!(matches!(ended, Err(ClientError::Failed { .. })), "{ended:?}");
        let made = made.load(std::sync::atomic::Ordering::Relaxed);
        assert!(made <= 1_000 + (CHUNKS + 2) * RECORDS, "{made} were made for {taken}");
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn a_panic_while_records_are_made_is_no_end_of_them() {
        let records = (0..3_000).map(|n| if n == 2_000 { panic!("made by the test") } else { Ok(record(n, 1)) });
        hand_over(Box::new(records), |_| Ok(())).ok();
    }
}
