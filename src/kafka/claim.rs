//! The claim: one record in `.state`, under a key of its own, that says who may write.
//!
//! The last committed claim owns. This file is pure: it remembers the claims that were read and
//! judges them. It knows neither how they were read nor what the owner writes.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who owns the state: the value of the record `<account>/~claim`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The process start that owns the state; `None` = released.
    pub writer: Option<Uuid>,
    /// The sequence of the state that the claim was written on.
    pub sequence: i64,
}

impl Claim {
    /// The claim as stored: `{"writer":"…","sequence":7}`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an optional UUID and an integer are JSON")
    }

    /// Reads a stored claim. A claim key without a claim (also a tombstone) is an error: taking it for
    /// "nobody owns" would let a damaged topic be overwritten.
    pub fn from_json(value: Option<&[u8]>) -> Result<Self, InvalidClaim> {
        let value = value.ok_or(InvalidClaim::Tombstone)?;
        serde_json::from_slice(value).map_err(InvalidClaim::NotAClaim)
    }
}

/// A record under the claim key that is no claim: not written by this program, stop and look.
#[derive(Debug, thiserror::Error)]
pub enum InvalidClaim {
    /// The value is null.
    #[error("the claim record is a tombstone; only ramstream may write this topic")]
    Tombstone,
    /// The value is not the JSON of a claim.
    #[error("the claim record cannot be read; only ramstream may write this topic")]
    NotAClaim(#[source] serde_json::Error),
}

/// The key of an account's claim record.
#[must_use]
pub fn key(account_id: &str) -> Vec<u8> {
    format!("{account_id}/~claim").into_bytes()
}

/// What entitles a process to claim over the claim that it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mandate {
    /// A start, or an operator's order: no claim stands in the way.
    Unconditional,
    /// A release was seen, or the owner went silent: only while that very claim is still the last one,
    /// so that of two parked copies which saw the same release one goes on.
    WhileLast {
        /// Offset of the claim record that moved this process.
        claim_offset: i64,
    },
    /// This process start has owned or has been superseded before: no claim but its own lets it write,
    /// whatever compaction has taken of the claims in between.
    None,
}

/// What the claims read so far mean for this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// The own claim is last.
    Owner,
    /// No claim stands in the way; nothing may be published before the own claim is committed.
    MayClaim,
    /// Park: this claim is last, and it is not ours.
    Superseded(Claim),
}

/// A claim and where it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The claim.
    pub claim: Claim,
    /// Its offset in `.state`.
    pub offset: i64,
}

/// The claims read from `.state`, reduced to what the judgement needs.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    last: Option<Placed>,
    own_offset: Option<i64>,
}

impl Claims {
    /// Takes note of a claim; called in offset order.
    pub(crate) fn note(&mut self, claim: Claim, offset: i64, me: Option<Uuid>) {
        if claim.writer.is_some() && claim.writer == me {
            self.own_offset = Some(offset);
        }
        self.last = Some(Placed { claim, offset });
    }

    /// The last claim read.
    pub(crate) fn last(&self) -> Option<&Placed> {
        self.last.as_ref()
    }

    /// Judges: *own claim last → it owns; own claim followed by a foreign one → it parks; a starter is
    /// parked by no claim as long as its own is not in what it reads*.
    ///
    /// `given_at` is the position at which the mandate was given: only an own claim written since then
    /// answers it.
    pub(crate) fn judge(&self, mandate: Mandate, given_at: i64) -> Judgement {
        let Some(last) = self.last else { return Judgement::MayClaim };
        if self.own_offset == Some(last.offset) {
            return Judgement::Owner;
        }
        let own_claim_was_followed = self.own_offset.is_some_and(|own| own >= given_at);
        match mandate {
            _ if planted!(SupersededGoesOn) => Judgement::MayClaim,
            _ if own_claim_was_followed => Judgement::Superseded(last.claim),
            Mandate::Unconditional => Judgement::MayClaim,
            Mandate::WhileLast { claim_offset } if claim_offset == last.offset => Judgement::MayClaim,
            Mandate::WhileLast { .. } if planted!(ReleaseAnsweredTwice) => Judgement::MayClaim,
            Mandate::WhileLast { .. } | Mandate::None => Judgement::Superseded(last.claim),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    fn by(writer: Uuid) -> Claim {
        Claim { writer: Some(writer), sequence: 7 }
    }

    const RELEASED: Claim = Claim { writer: None, sequence: 7 };

    fn read(claims: &[(i64, Claim)]) -> Claims {
        let mut read = Claims::default();
        for (offset, claim) in claims {
            read.note(*claim, *offset, Some(ME));
        }
        read
    }

    #[test]
    fn a_claim_is_stored_as_documented() {
        let stored = br#"{"writer":"00000000-0000-0000-0000-000000000002","sequence":7}"#;
        assert_eq!(by(OTHER).to_json(), stored);
        assert_eq!(Claim::from_json(Some(stored)).unwrap(), by(OTHER));
        assert_eq!(Claim::from_json(Some(br#"{"writer":null,"sequence":7}"#)).unwrap(), RELEASED);
    }

    #[test]
    fn a_claim_key_without_a_claim_is_an_error() {
        assert!(matches!(Claim::from_json(None), Err(InvalidClaim::Tombstone)));
        assert!(matches!(Claim::from_json(Some(b"{}")), Err(InvalidClaim::NotAClaim(_))));
    }

    #[test]
    fn a_starter_is_parked_by_no_claim() {
        assert_eq!(read(&[]).judge(Mandate::Unconditional, 0), Judgement::MayClaim);
        assert_eq!(read(&[(3, by(OTHER))]).judge(Mandate::Unconditional, 0), Judgement::MayClaim);
        assert_eq!(read(&[(3, RELEASED)]).judge(Mandate::Unconditional, 0), Judgement::MayClaim);
    }

    #[test]
    fn the_own_claim_last_owns() {
        assert_eq!(read(&[(3, by(OTHER)), (5, by(ME))]).judge(Mandate::Unconditional, 0), Judgement::Owner);
    }

    #[test]
    fn the_own_claim_followed_by_another_parks() {
        let superseded = read(&[(3, by(ME)), (5, by(OTHER))]);
        assert_eq!(superseded.judge(Mandate::Unconditional, 0), Judgement::Superseded(by(OTHER)));
        let released = read(&[(3, by(ME)), (5, RELEASED)]);
        assert_eq!(released.judge(Mandate::Unconditional, 0), Judgement::Superseded(RELEASED));
    }

    #[test]
    fn who_has_owned_before_claims_over_nobody_even_if_its_own_claim_was_compacted_away() {
        assert_eq!(read(&[(9, by(OTHER))]).judge(Mandate::None, 0), Judgement::Superseded(by(OTHER)));
        assert_eq!(read(&[(9, RELEASED)]).judge(Mandate::None, 0), Judgement::Superseded(RELEASED));
        assert_eq!(read(&[(3, by(OTHER)), (9, by(ME))]).judge(Mandate::None, 0), Judgement::Owner);
    }

    #[test]
    fn an_order_lets_a_parked_copy_claim_once() {
        let parked = read(&[(3, by(ME)), (5, by(OTHER))]);
        assert_eq!(parked.judge(Mandate::Unconditional, 6), Judgement::MayClaim);
        // Its claim at 6 was committed, the answer was lost, and another copy claimed since.
        let lost = read(&[(3, by(ME)), (5, by(OTHER)), (6, by(ME)), (9, by(OTHER))]);
        assert_eq!(lost.judge(Mandate::Unconditional, 6), Judgement::Superseded(by(OTHER)));
    }

    #[test]
    fn of_two_parked_copies_that_saw_one_release_the_later_goes_back_to_parking() {
        let mandate = Mandate::WhileLast { claim_offset: 5 };
        assert_eq!(read(&[(5, RELEASED)]).judge(mandate, 6), Judgement::MayClaim);
        let answered = read(&[(5, RELEASED), (7, by(OTHER))]);
        assert_eq!(answered.judge(mandate, 6), Judgement::Superseded(by(OTHER)));
        // Released once more with the same value: another record, so no mandate.
        let again = read(&[(5, RELEASED), (7, by(OTHER)), (9, RELEASED)]);
        assert_eq!(again.judge(mandate, 6), Judgement::Superseded(RELEASED));
    }
}
