use super::*;
use crate::{
    diff::{Op, Span},
    model::{Kind, Millis, Verb},
};

fn batch() -> Batch {
    Batch {
        lineage: Uuid::parse_str("0191f3a0-0000-4000-8000-000000000001").unwrap(),
        account_id: "5481000000000001".into(),
        account_name: None,
        sync_id: Uuid::nil(),
        sequence: 12,
        size: 1,
    }
}

fn change(op: Op, after: Option<&str>) -> Change {
    Change {
        kind: Kind::User,
        key: Key::new("5481000000000001", Kind::User, &["2618"]),
        op,
        verb: Verb::Added,
        cause: None,
        changed_fields: Vec::new(),
        before: None,
        after: after.map(Into::into),
        other_version: None,
        previous_revision: None,
        span: Span { from: None, to: Millis(1_700_000_000_123) },
    }
}

/// Computed with Python: `uuid.uuid5(lineage, "12\n5481000000000001/user/2618\nc\n" + sha256(b"{}").hexdigest())`.
#[test]
fn the_id_of_an_event_can_be_computed_by_anybody() {
    let added = change(Op::Created, Some("{}"));
    assert_eq!(Envelope::new(&batch(), 0, &added).event_id.to_string(), "efd922e5-0132-5cc1-8b33-044de31cb46c");
    let removed = change(Op::Removed, None);
    assert_eq!(Envelope::new(&batch(), 0, &removed).event_id.to_string(), "032cd196-f594-5c58-974c-50700408c3e5");
}

#[test]
fn another_sequence_another_state_or_another_op_is_another_id() {
    let id = |batch: &Batch, change: &Change| Envelope::new(batch, 0, change).event_id;
    let (batch, added) = (batch(), change(Op::Created, Some("{}")));
    let later = Batch { sequence: 13, ..batch.clone() };
    let ids = [
        id(&batch, &added),
        id(&later, &added),
        id(&batch, &change(Op::Created, Some("[]"))),
        id(&batch, &change(Op::Updated, Some("{}"))),
    ];
    assert!((1..ids.len()).all(|i| !ids[..i].contains(&ids[i])), "{ids:?}");
    assert_eq!(
        id(&batch, &added),
        id(&Batch { sync_id: Uuid::max(), ..batch.clone() }, &added),
        "a re-read is the same fact"
    );
}

#[test]
fn the_headers_are_those_of_a_cloud_event() {
    let (batch, added) = (batch(), change(Op::Created, Some("{}")));
    let headers = Envelope::new(&batch, 0, &added).headers();
    let get = |name| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| &**value);
    assert_eq!(get("ce_specversion"), Some("1.0"));
    assert_eq!(get("ce_type"), Some("com.alibabacloud.identity.user.added.v1"));
    assert_eq!(get("ce_source"), Some("/alicloud/5481000000000001"));
    assert_eq!(get("ce_subject"), Some("5481000000000001/user/2618"));
    assert_eq!(get("ce_time"), Some("2023-11-14T22:13:20.123Z"));
    assert_eq!(get("content-type"), Some("application/avro"));
}
