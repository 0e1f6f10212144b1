//! Moments and lengths of time, for people.

use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::model::Millis;

/// A moment in UTC.
pub(super) fn when(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (at.strftime("%Y-%m-%d %H:%M:%S")) } }
}

/// A moment, and how long ago it was.
pub(super) fn since(at: Millis, now: Timestamp) -> Markup {
    match Timestamp::from_millisecond(at.0) {
        Ok(at) => html! { (ago(at, now)) ", " (when(at)) },
        Err(_) => html! { (at.0) },
    }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    // The clock may have been set back meanwhile.
    format!("{} ago", long(now.duration_since(at).as_secs().max(0).unsigned_abs()))
}

/// How long something took.
pub(super) fn length(elapsed: Duration) -> String {
    if elapsed < Duration::from_secs(60) { format!("{:.1} s", elapsed.as_secs_f64()) } else { long(elapsed.as_secs()) }
}

/// The two largest units that it has.
fn long(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_in_their_two_largest_units() {
        for (seconds, told) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 0 s"),
            (3_599, "59 min 59 s"),
            (7_500, "2 h 5 min"),
            (93_600, "1 d 2 h"),
        ] {
            assert_eq!(long(seconds), told);
        }
        assert_eq!(length(Duration::from_millis(1_250)), "1.2 s");
        assert_eq!(length(Duration::from_secs(125)), "2 min 5 s");
    }

    #[test]
    fn what_seems_to_lie_ahead_is_now() {
        let now = Timestamp::from_second(1_000).unwrap();
        assert_eq!(ago(Timestamp::from_second(2_000).unwrap(), now), "0 s ago");
        assert_eq!(ago(Timestamp::from_second(940).unwrap(), now), "1 min 0 s ago");
    }
}
