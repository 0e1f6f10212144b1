//! Kinds on the command line.

use crate::model::Kind;

/// The kind that is called so.
pub(super) fn parse(name: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    Kind::from_name(name).ok_or_else(|| format!("unknown kind; the kinds are {}", names()))
}

/// The kinds that were asked for, in their order and each once; all if none was named.
pub(super) fn wanted(named: &[Kind]) -> Vec<Kind> {
    Kind::ALL.iter().copied().filter(|kind| named.is_empty() || named.contains(kind)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_come_in_their_order_and_each_once() {
        assert_eq!(wanted(&[Kind::Membership, Kind::User, Kind::Membership]), [Kind::User, Kind::Membership]);
        assert_eq!(wanted(&[]), Kind::ALL);
    }

    #[test]
    fn an_unknown_kind_is_told_which_there_are() {
        assert_eq!(parse("policy_attachment"), Ok(Kind::PolicyAttachment));
        assert!(parse("users").unwrap_err().contains("account, user, group"));
    }
}
