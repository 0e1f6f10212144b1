//! Records that are made while others are sent.

use std::sync::mpsc;
use std::thread;

use super::super::connection::{Record, Records, Unencodable};

/// Records change threads this many at a time.
const BATCH: usize = 128;
/// So many batches wait at most.
const AHEAD: usize = 4;

/// Takes `records` on a thread of its own and hands them to `send` in their order; what `send` leaves is not taken any more,
/// but for those few that are made already.
pub(super) fn made_ahead<T>(
    mut records: Records,
    send: impl FnOnce(&mut dyn Iterator<Item = Result<Record, Unencodable>>) -> T,
) -> T {
    thread::scope(|scope| {
        let (made, batches) = mpsc::sync_channel(AHEAD);
        scope.spawn(move || {
            loop {
                let batch: Vec<_> = records.by_ref().take(BATCH).collect();
                if batch.is_empty() || made.send(batch).is_err() {
                    return;
                }
            }
        });
        send(&mut batches.into_iter().flatten())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(count: u32) -> Records {
        let record = |n: u32| Record {
            topic: "t".into(),
            partition: None,
            key: n.to_be_bytes().to_vec(),
            value: None,
            headers: Vec::new(),
        };
        Box::new((0..count).map(move |n| if n == 700 { Err("it cannot be encoded".into()) } else { Ok(record(n)) }))
    }

    #[test]
    fn records_come_in_their_order_and_an_error_in_its_place() {
        let keys = made_ahead(numbered(1_000), |records| {
            records.map(|record| record.map(|record| record.key).ok()).collect::<Vec<_>>()
        });
        let expected = (0..1_000_u32).map(|n| (n != 700).then(|| n.to_be_bytes().to_vec()));
        assert_eq!(keys, expected.collect::<Vec<_>>());
    }

    #[test]
    fn who_stops_taking_ends_the_making() {
        let taken = made_ahead(numbered(u32::MAX), |records| records.take(3).count());
        assert_eq!(taken, 3, "and this test ends");
    }
}
