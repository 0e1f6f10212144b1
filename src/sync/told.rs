//! What `.syncs` is told of requests.

use crate::{
    control::{Ended, Entry, Standing},
    event::{Batch, Notice, NoticeType},
    model::Millis,
};

/// So many records that are no requests are told of one by one in one transaction; of more only how many.
const REFUSALS: usize = 20;

/// A notice for each of these entries; those that are as they were asked for are told elsewhere.
pub(super) fn notices(batch: &Batch, entries: &[Entry], at: Millis) -> Vec<Notice> {
    let refused = entries.iter().filter(|entry| matches!(entry.standing, Standing::Refused(_))).count();
    let mut left = REFUSALS;
    let mut notices = Vec::new();
    for entry in entries {
        let told = match &entry.standing {
            Standing::Refused(_) if left == 0 => None,
            Standing::Refused(reason) => {
                left -= 1;
                let more = refused.saturating_sub(REFUSALS);
                let rest =
                    if left == 0 && more > 0 { format!(" (and {more} more were rejected)") } else { String::new() };
                Some((NoticeType::RequestRejected, format!("{reason}{rest}")))
            }
            Standing::Ended(outcome) => {
                let notice_type = match outcome.ended {
                    Ended::Completed => None,
                    Ended::Rejected => Some(NoticeType::RequestRejected),
                    Ended::Expired => Some(NoticeType::RequestExpired),
                    Ended::Cancelled => Some(NoticeType::RequestCancelled),
                };
                let reason =
                    outcome.reason.clone().unwrap_or_else(|| format!("{} {}", outcome.action, outcome.ended.as_str()));
                notice_type.map(|notice_type| (notice_type, reason))
            }
            Standing::Gap { from } => {
                let to = entry.place.offset;
                let told = match *from <= to {
                    true => {
                        format!("requests from offset {from} to {to} were deleted before they were read: ask again")
                    }
                    false => format!("the topic was recreated: requests from offset {from} of the old one on are lost"),
                };
                Some((NoticeType::ControlGap, told))
            }
            Standing::Waiting(_) | Standing::Served => None,
        };
        let Some((notice_type, message)) = told else { continue };
        let id = entry.id.as_ref().map(|id| id.as_str());
        let place = format!("{}/{}", entry.place.partition, entry.place.offset);
        let mut notice = Notice::of_request(notice_type, batch, id, &place, at);
        notice.message = Some(message);
        notices.push(notice);
    }
    notices
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        control::{Journal, Place, Queue},
        state::Progress,
    };

    fn told(values: &[&str]) -> Vec<(String, String)> {
        let mut queue = Queue::default();
        for (offset, value) in (0..).zip(values) {
            queue.take(Place { partition: 0, offset }, Some(value.as_bytes()), &Journal::default(), (Millis(5), 1));
        }
        let progress = Progress::first(Uuid::from_u128(1), "5481");
        let (_, entries) = queue.settle(&Journal::default(), &[], Millis(5));
        let notices = notices(&Batch::of(&progress, None), &entries, Millis(5));
        let notices = notices.iter().map(|notice| serde_json::to_value(notice).unwrap());
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        notices.map(|notice| (text(&notice["notice_type"]), text(&notice["message"]))).collect()
    }

    #[test]
    fn each_record_that_is_no_request_is_told_of_up_to_twenty() {
        let told = told(&["garbage"; 45]);
        assert_eq!(told.len(), 20);
        assert!(told.iter().all(|(notice_type, _)| notice_type == "request.rejected"));
        assert!(told[19].1.ends_with("(and 25 more were rejected)"), "{}", told[19].1);
        assert!(!told[18].1.contains("more"), "{}", told[18].1);
    }

    #[test]
    fn what_expired_or_was_cancelled_says_so() {
        let told = told(&[
            r#"{"format":1,"request_id":"a","action":"replay","not_after":"1970-01-01T00:00:00Z"}"#,
            r#"{"format":1,"request_id":"b","action":"sync"}"#,
            r#"{"format":1,"request_id":"b","action":"cancel"}"#,
        ]);
        let expected = [("request.expired", "its not_after has passed"), ("request.cancelled", "sync cancelled")];
        assert_eq!(told, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }
}
