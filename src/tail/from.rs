//! Where to begin, as it is typed.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

/// See the module's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// With the oldest record that there still is.
    Beginning,
    /// With what comes from now on.
    End,
    /// With what was published at this time or later.
    Time(Timestamp),
    /// With what was published this long ago or later.
    Ago(SignedDuration),
    /// With the first record of this sequence, of every lineage.
    Sequence(i64),
}

/// Why it cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error(
    "it is none of: `beginning`, `end`, a time as in `2026-11-28T17:00:00Z`, a length of time back from now as in \
     `15m` or `2h`, `sequence:N` as in `sequence:42`"
)]
pub struct FromError;

impl FromStr for From {
    type Err = FromError;

    fn from_str(text: &str) -> Result<Self, FromError> {
        if let Some(number) = text.strip_prefix("sequence:") {
            return number.parse().ok().filter(|number| *number >= 0).map(Self::Sequence).ok_or(FromError);
        }
        match text {
            "beginning" => Ok(Self::Beginning),
            "end" => Ok(Self::End),
            _ => text.parse().map(Self::Time).or_else(|_| {
                let ago: SignedDuration = text.parse().map_err(|_| FromError)?;
                if ago.is_positive() { Ok(Self::Ago(ago)) } else { Err(FromError) }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_form_is_understood() {
        let time = Timestamp::from_second(1_795_885_200).unwrap();
        for (text, expected) in [
            ("beginning", From::Beginning),
            ("end", From::End),
            ("2026-11-28T17:00:00Z", From::Time(time)),
            ("2026-11-28T18:00:00+01:00", From::Time(time)),
            ("15m", From::Ago(SignedDuration::from_mins(15))),
            ("1h30m", From::Ago(SignedDuration::from_mins(90))),
            ("sequence:42", From::Sequence(42)),
        ] {
            assert_eq!(text.parse::<From>().unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_what_there_is() {
        for text in ["", "begin", "42", "sequence:", "sequence:-1", "sequence:x", "2026-11-28", "-5m", "5"] {
            let error = text.parse::<From>().expect_err(text).to_string();
            assert!(error.contains("`sequence:N`") && error.contains("2026-11-28T17:00:00Z"), "{error}");
        }
    }
}
