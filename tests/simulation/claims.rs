//! Who owned the account, by the claims in the state topic; and what else of it a harm is aimed at.

use std::collections::{BTreeMap, HashSet};

use ramstream::kafka::model::Record;
use serde::Deserialize;

#[derive(Deserialize)]
struct Claim {
    writer: Option<String>,
}

/// How often the owner changed, by all claims that were written, aborted ones included.
pub(crate) fn changes_of_owner(state: &[Record]) -> usize {
    let claims: Vec<Option<String>> = claims(state).map(|(_, claim)| claim.writer).collect();
    claims.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

fn claims(state: &[Record]) -> impl Iterator<Item = (&Record, Claim)> {
    let claims = state.iter().filter(|record| record.key.ends_with(b"/~claim"));
    claims.filter_map(|record| {
        let claim = record.value.as_deref().map(serde_json::from_slice)?;
        Some((record, claim.expect("a claim is a claim")))
    })
}

/// The first claim by which somebody came back who had been superseded, although nobody had let go. Where a silent owner
/// may be taken over, or an order be given, that is allowed.
pub(crate) fn first_return(state: &[Record]) -> Option<String> {
    let mut superseded: HashSet<String> = HashSet::new();
    let mut last: Option<String> = None;
    for (record, claim) in claims(state) {
        if let Some(owner) = last.take().filter(|owner| claim.writer.as_ref() != Some(owner)) {
            if claim.writer.as_ref().is_some_and(|writer| superseded.contains(writer)) {
                return Some(format!("{:?} came back at offset {} over {owner}", claim.writer, record.offset));
            }
            superseded.extend(claim.writer.is_some().then_some(owner));
        }
        claim.writer.as_ref().map(|writer| superseded.remove(writer));
        last = claim.writer;
    }
    None
}

#[derive(Deserialize)]
struct Progress {
    sequence: i64,
}

/// The offset of the progress record of the last sync but one, or of the only one: what stands from there on is more than
/// one sync. `None` if there is no sync.
pub(crate) fn last_syncs(state: &[Record]) -> Option<i64> {
    let all = syncs(state);
    let (_, last) = all.last()?;
    all.iter().find(|(_, sequence)| sequence + 1 >= *last).map(|(offset, _)| *offset)
}

/// Whether a sync stands behind one that is not the one before it.
pub(crate) fn has_gap(state: &[Record]) -> bool {
    syncs(state).windows(2).any(|pair| pair[1].1 > pair[0].1 + 1)
}

/// Offset and sequence of each progress record of a sync.
fn syncs(state: &[Record]) -> Vec<(i64, i64)> {
    let progress = |record: &Record| {
        let value = record.value.as_deref().filter(|_| record.key.ends_with(b"/~progress"))?;
        let Progress { sequence } = serde_json::from_slice(value).expect("progress is progress");
        (sequence > 0).then_some((record.offset, sequence))
    };
    state.iter().filter_map(progress).collect()
}

/// The offsets of the records of what there is: the last one of each key that is no tombstone.
pub(crate) fn held(state: &[Record]) -> Vec<i64> {
    let is_private = |record: &&Record| String::from_utf8_lossy(&record.key).contains("/~");
    let last: BTreeMap<_, _> =
        state.iter().filter(|record| !is_private(record)).map(|record| (&record.key, record)).collect();
    last.into_values().filter(|record| record.value.is_some()).map(|record| record.offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_more_than_the_last_sync_or_a_record_that_holds() {
        let record = |offset: i64, key: &str, value: Option<&str>| Record {
            partition: 0,
            offset,
            key: key.into(),
            value: value.map(Into::into),
            headers: Vec::new(),
        };
        let progress =
            |offset, sequence: i64| record(offset, "7/~progress", Some(&format!("{{\"sequence\": {sequence}}}")));
        let (first, second) = (record(1, "7/user/1", Some("a")), record(3, "7/user/2", Some("b")));
        let (changed, gone) = (record(5, "7/user/1", Some("c")), record(6, "7/user/2", None));
        let state = [progress(0, 0), first, progress(2, 1), second, progress(4, 2), changed, gone, progress(7, 3)];
        assert_eq!(held(&state), [5]);
        assert_eq!(last_syncs(&state), Some(4), "and the records before it, without progress");
        assert_eq!((last_syncs(&state[..4]), last_syncs(&state[..2])), (Some(2), None));
        assert!(!has_gap(&state));
        assert!(has_gap(&[progress(2, 1), progress(7, 3)]));
    }

    fn state(writers: &[Option<&str>]) -> Vec<Record> {
        let claim = |(offset, writer): (usize, &Option<&str>)| Record {
            partition: 0,
            offset: i64::try_from(offset).expect("there are few"),
            key: b"7/~claim".to_vec(),
            value: Some(serde_json::json!({ "writer": writer, "sequence": 0 }).to_string().into_bytes()),
            headers: Vec::new(),
        };
        writers.iter().enumerate().map(claim).collect()
    }

    fn returns(writers: &[Option<&str>]) -> bool {
        first_return(&state(writers)).is_some()
    }

    #[test]
    fn an_owner_that_claims_again_is_no_change() {
        let (a, b) = (Some("a"), Some("b"));
        assert_eq!(changes_of_owner(&state(&[a, a, b, b, a, None])), 3);
    }

    #[test]
    fn who_was_superseded_comes_back_over_a_release_only() {
        let (a, b, c) = (Some("a"), Some("b"), Some("c"));
        assert!(!returns(&[a, a, b, b, None, a, c]));
        assert!(returns(&[a, b, a]));
        assert!(returns(&[a, b, c, None, a, b]), "a release that was answered twice");
    }
}
