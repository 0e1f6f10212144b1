//! Bringing what came from many partitions into one order.
//!
//! Kafka keeps the order inside a partition, and there the events of a lineage lie in the order of (sequence,
//! batch_index). So the first of all partitions' firsts is the next of all, as soon as every partition that may still
//! have something has shown its first.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What decides the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) lineage: String,
    pub(super) sequence: i64,
    pub(super) batch_index: i64,
    pub(super) timestamp: Option<i64>,
}

impl Place {
    /// Sequences compare inside one lineage only; beyond that there is but the time.
    fn compare(&self, other: &Self) -> Ordering {
        let own = |place: &Self| (place.sequence, place.batch_index);
        if self.lineage == other.lineage { own(self).cmp(&own(other)) } else { self.timestamp.cmp(&other.timestamp) }
    }
}

/// Something that waits for its turn; without a place it waits for nothing but those before it in its partition.
pub(super) struct Waiting<T> {
    pub(super) place: Option<Place>,
    pub(super) what: T,
}

/// What waits, by partition.
pub(super) struct Merge<T>(BTreeMap<usize, VecDeque<Waiting<T>>>);

impl<T> Merge<T> {
    pub(super) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds what came from a partition, behind what came from it before.
    pub(super) fn push(&mut self, partition: usize, waiting: Waiting<T>) {
        self.0.entry(partition).or_default().push_back(waiting);
    }

    /// Takes the next, unless one of the partitions `behind`, which has shown nothing, may have an earlier one.
    pub(super) fn pop(&mut self, behind: &BTreeSet<usize>) -> Option<T> {
        if behind.iter().any(|partition| !self.0.contains_key(partition)) {
            return None;
        }
        let firsts = self.0.iter().filter_map(|(partition, waiting)| Some((*partition, waiting.front()?)));
        let (partition, _) = firsts.min_by(|(_, one), (_, other)| match (&one.place, &other.place) {
            (Some(one), Some(other)) => one.compare(other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        })?;
        let waiting = self.0.get_mut(&partition)?;
        let next = waiting.pop_front();
        if waiting.is_empty() {
            self.0.remove(&partition);
        }
        next.map(|next| next.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lineage: &str, sequence: i64, batch_index: i64, timestamp: i64) -> Waiting<(i64, i64)> {
        let place = Place { lineage: lineage.to_owned(), sequence, batch_index, timestamp: Some(timestamp) };
        Waiting { place: Some(place), what: (sequence, batch_index) }
    }

    fn all<T>(merge: &mut Merge<T>, behind: &BTreeSet<usize>) -> Vec<T> {
        std::iter::from_fn(|| merge.pop(behind)).collect()
    }

    #[test]
    fn partitions_become_one_order_by_sequence_and_place_in_the_batch() {
        let mut merge = Merge::new();
        for (partition, sequence, index) in [(2, 1, 1), (0, 1, 0), (1, 2, 0), (0, 1, 2), (0, 2, 1), (2, 3, 0)] {
            merge.push(partition, at("l", sequence, index, 0));
        }
        assert_eq!(all(&mut merge, &BTreeSet::new()), [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (3, 0)]);
    }

    #[test]
    fn nothing_is_taken_while_a_partition_may_have_something_earlier() {
        let mut merge = Merge::new();
        let behind: BTreeSet<usize> = [0, 1].into();
        merge.push(0, at("l", 2, 0, 0));
        assert_eq!(all(&mut merge, &behind), []);
        merge.push(1, at("l", 1, 0, 0));
        assert_eq!(all(&mut merge, &behind), [(1, 0)], "partition 1 may have more of sequence 1");
        assert_eq!(all(&mut merge, &[0].into()), [(2, 0)], "partition 1 has been read to its end");
    }

    #[test]
    fn a_later_lineage_comes_later_although_its_sequences_begin_anew() {
        let mut merge = Merge::new();
        merge.push(0, at("later", 1, 0, 300));
        merge.push(1, at("earlier", 7, 0, 100));
        merge.push(1, at("later", 2, 0, 400));
        merge.push(2, at("earlier", 8, 0, 200));
        assert_eq!(all(&mut merge, &BTreeSet::new()), [(7, 0), (8, 0), (1, 0), (2, 0)]);
    }

    #[test]
    fn what_could_not_be_decoded_keeps_its_place_in_its_partition() {
        let mut merge = Merge::new();
        merge.push(0, at("l", 1, 0, 0));
        merge.push(0, Waiting { place: None, what: (-1, -1) });
        merge.push(1, at("l", 2, 0, 0));
        assert_eq!(all(&mut merge, &BTreeSet::new()), [(1, 0), (-1, -1), (2, 0)]);
    }
}
