//! Who owned the account, by the claims in the state topic.

use std::collections::HashSet;

use ramstream::kafka::model::Record;
use serde::Deserialize;

#[derive(Deserialize)]
struct Claim {
    writer: Option<String>,
}

/// The first claim by which somebody came back who had been superseded, although nobody had let go. Where a silent owner
/// may be taken over, or an order be given, that is allowed.
pub(crate) fn first_return(state: &[Record]) -> Option<String> {
    let claims = state.iter().filter(|record| record.key.ends_with(b"/~claim"));
    let mut superseded: HashSet<String> = HashSet::new();
    let mut last: Option<String> = None;
    for record in claims {
        let claim: Claim = serde_json::from_slice(record.value.as_deref()?).expect("a claim is a claim");
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

    fn returns(writers: &[Option<&str>]) -> bool {
        let claim = |(offset, writer): (usize, &Option<&str>)| Record {
            partition: 0,
            offset: i64::try_from(offset).expect("there are few"),
            key: b"7/~claim".to_vec(),
            value: Some(serde_json::json!({ "writer": writer, "sequence": 0 }).to_string().into_bytes()),
            headers: Vec::new(),
        };
        first_return(&writers.iter().enumerate().map(claim).collect::<Vec<_>>()).is_some()
    }

    #[test]
    fn who_was_superseded_comes_back_over_a_release_only() {
        let (a, b, c) = (Some("a"), Some("b"), Some("c"));
        assert!(!returns(&[a, a, b, b, None, a, c]));
        assert!(returns(&[a, b, a]));
        assert!(returns(&[a, b, c, None, a, b]), "a release that was answered twice");
    }
}
