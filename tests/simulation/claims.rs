//! Who owned the account, by the claims in the state topic.

use std::collections::HashSet;

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

#[cfg(test)]
mod tests {
    use super::*;

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
