//! One partition as its leader knows it: records and markers, whose transactions are open, and which batch of
//! each producer came last.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;

use super::super::client::{ReadBatch, Watermarks};
use super::super::connection::Record;
use super::coordinator::{Epoch, ProducerId};

/// Kafka remembers this many batches of a producer to recognise repeated ones.
const REMEMBERED_BATCHES: usize = 5;
/// Earlier ends of the partition that a stale leader may tell.
const REMEMBERED_ENDS: usize = 6;
/// A fetch ends at this size.
const FETCH_BYTES: usize = 4 << 20;

/// Records of one `Produce` request; the log shares them.
pub(super) type Batch = Arc<[Record]>;

/// Who sends a batch inside a transaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender {
    pub(super) producer: ProducerId,
    pub(super) epoch: Epoch,
    /// Sequence number of the batch's first record in this partition.
    pub(super) sequence: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    Committed,
    Aborted,
}

enum Entry {
    Data {
        batch: Batch,
        index: usize,
        transaction: Option<usize>,
    },
    Marker,
    /// Compacted away.
    Gone,
}

/// What the leader remembers of a producer.
struct Sent {
    epoch: Epoch,
    /// First sequence number, number of records, first offset.
    batches: VecDeque<(i32, i32, i64)>,
}

#[derive(Clone, Copy)]
struct Open {
    first: i64,
    transaction: usize,
}

/// Why a leader refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    Fenced,
    OutOfOrder,
}

#[derive(Default)]
pub(super) struct Partition {
    low: i64,
    entries: VecDeque<Entry>,
    /// Fates of the transactions, by their order in this partition.
    transactions: Vec<Fate>,
    open: BTreeMap<ProducerId, Open>,
    producers: BTreeMap<ProducerId, Sent>,
    earlier_ends: VecDeque<i64>,
    /// Rings when more can be read.
    pub(super) arrived: Arc<Notify>,
}

impl Partition {
    pub(super) fn watermarks(&self) -> Watermarks {
        Watermarks { low: self.low, high: self.low + self.entries.len() as i64 }
    }

    fn high(&self) -> i64 {
        self.watermarks().high
    }

    /// Below it every transaction has ended.
    fn last_stable_offset(&self) -> i64 {
        self.open.values().map(|open| open.first).min().unwrap_or_else(|| self.high())
    }

    pub(super) fn earlier_ends(&self) -> &VecDeque<i64> {
        &self.earlier_ends
    }

    /// A producer with an open transaction here is not asked about again.
    pub(super) fn has_open(&self, producer: ProducerId) -> bool {
        self.open.contains_key(&producer)
    }

    /// Appends records of somebody without a transaction.
    pub(super) fn append_plain(&mut self, batch: &Batch) -> i64 {
        self.push(batch, None)
    }

    /// Appends a batch, or finds that it is here already. The offset of its first record.
    pub(super) fn append(&mut self, sender: Sender, batch: &Batch) -> Result<i64, Unfit> {
        if let Some(known) = self.known(sender, batch.len())? {
            return Ok(known);
        }
        let (first, transactions) = (self.high(), &mut self.transactions);
        let open = self.open.entry(sender.producer).or_insert_with(|| {
            transactions.push(Fate::Open);
            Open { first, transaction: transactions.len() - 1 }
        });
        let transaction = open.transaction;
        self.push(batch, Some(transaction));
        let sent = self.producers.get_mut(&sender.producer).expect("it was just looked up");
        sent.batches.push_back((sender.sequence, batch.len() as i32, first));
        if sent.batches.len() > REMEMBERED_BATCHES {
            sent.batches.pop_front();
        }
        Ok(first)
    }

    /// Holds epoch and sequence number against what is remembered; the offset of a batch that is here already.
    fn known(&mut self, sender: Sender, records: usize) -> Result<Option<i64>, Unfit> {
        let fresh = || Sent { epoch: sender.epoch, batches: VecDeque::new() };
        let is_new = !self.producers.contains_key(&sender.producer);
        let sent = self.producers.entry(sender.producer).or_insert_with(fresh);
        if sender.epoch < sent.epoch {
            return Err(Unfit::Fenced);
        }
        if sender.epoch > sent.epoch {
            if sender.sequence != 0 {
                return Err(Unfit::OutOfOrder);
            }
            *sent = fresh();
        }
        let is_same =
            |(sequence, count, _): &&(i32, i32, i64)| (*sequence, *count) == (sender.sequence, records as i32);
        if let Some((.., offset)) = sent.batches.iter().find(is_same) {
            return Ok(Some(*offset));
        }
        let next = sent.batches.back().map_or(0, |(sequence, count, _)| sequence + count);
        if sender.sequence != next && !is_new { Err(Unfit::OutOfOrder) } else { Ok(None) }
    }

    fn push(&mut self, batch: &Batch, transaction: Option<usize>) -> i64 {
        let first = self.high();
        let entry = |index| Entry::Data { batch: Arc::clone(batch), index, transaction };
        self.entries.extend((0..batch.len()).map(entry));
        self.arrived.notify_waiters();
        first
    }

    /// Writes a marker, which ends whatever this producer has open here. An older epoch's changes nothing.
    pub(super) fn write_marker(&mut self, producer: ProducerId, epoch: Epoch, commit: bool) {
        let sent = self.producers.entry(producer).or_insert_with(|| Sent { epoch, batches: VecDeque::new() });
        if epoch < sent.epoch {
            return;
        }
        if epoch > sent.epoch {
            *sent = Sent { epoch, batches: VecDeque::new() };
        }
        if let Some(open) = self.open.remove(&producer) {
            self.transactions[open.transaction] = if commit { Fate::Committed } else { Fate::Aborted };
        }
        // With and without the marker.
        self.earlier_ends.push_back(self.high());
        self.entries.push_back(Entry::Marker);
        self.earlier_ends.push_back(self.high());
        while self.earlier_ends.len() > REMEMBERED_ENDS {
            self.earlier_ends.pop_front();
        }
        self.arrived.notify_waiters();
    }

    /// Takes away what stands below `offset`.
    pub(super) fn delete_before(&mut self, offset: i64) {
        let offset = offset.clamp(self.low, self.high());
        self.entries.drain(..(offset - self.low) as usize);
        self.low = offset;
        self.earlier_ends.retain(|end| *end >= offset);
    }

    /// Takes away what stands at `offset` and above, with the transactions that began there.
    pub(super) fn lose_from(&mut self, offset: i64) {
        let offset = offset.clamp(self.low, self.high());
        self.entries.truncate((offset - self.low) as usize);
        self.open.retain(|_, open| open.first < offset);
        for sent in self.producers.values_mut() {
            sent.batches.retain(|(_, _, first)| *first < offset);
        }
        self.earlier_ends.retain(|end| *end <= offset);
    }

    /// Takes one record away.
    pub(super) fn lose(&mut self, offset: i64) {
        if (self.low..self.high()).contains(&offset) {
            self.entries[(offset - self.low) as usize] = Entry::Gone;
        }
    }

    /// Takes away what a later committed record with the same key replaces, and what was aborted.
    pub(super) fn compact(&mut self) {
        let last: BTreeMap<&[u8], i64> = self.records(true).map(|(offset, record)| (&*record.key, offset)).collect();
        let kept: BTreeSet<i64> = last.into_values().collect();
        for offset in self.low..self.last_stable_offset() {
            let entry = &mut self.entries[(offset - self.low) as usize];
            if matches!(entry, Entry::Data { .. }) && !kept.contains(&offset) {
                *entry = Entry::Gone;
            }
        }
    }

    /// What `read_committed` delivers from `position` on, and how far it got. `None`: there is no such offset.
    pub(super) fn fetch(&self, position: i64, records: &mut ReadBatch) -> Option<i64> {
        if !(self.low..=self.high()).contains(&position) {
            return None;
        }
        let (end, mut offset, mut bytes) = (self.last_stable_offset(), position, 0);
        while offset < end && bytes < FETCH_BYTES {
            if let Some(record) = self.record(offset, true) {
                records.push(offset, &record.key, record.value.as_deref());
                bytes += record.key.len() + record.value.as_ref().map_or(0, Vec::len);
            }
            offset += 1;
        }
        Some(offset)
    }

    /// All records with their offsets, committed ones only or every one that was ever written.
    pub(super) fn records(&self, committed: bool) -> impl Iterator<Item = (i64, &Record)> {
        let end = if committed { self.last_stable_offset() } else { self.high() };
        (self.low..end).filter_map(move |offset| Some((offset, self.record(offset, committed)?)))
    }

    fn record(&self, offset: i64, committed: bool) -> Option<&Record> {
        match &self.entries[(offset - self.low) as usize] {
            Entry::Data { transaction: Some(of), .. } if committed && self.transactions[*of] != Fate::Committed => None,
            Entry::Data { batch, index, .. } => Some(&batch[*index]),
            Entry::Marker | Entry::Gone => None,
        }
    }
}
