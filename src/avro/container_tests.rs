use uuid::Uuid;

use super::*;
use crate::{
    diff::{Change, Op, Span},
    event::Batch,
    model::{Key, Millis, Verb, membership::Membership},
};

const ACCOUNT: &str = "5481000000000001";

fn batch(size: usize) -> Batch {
    Batch {
        lineage: Uuid::nil(),
        account_id: ACCOUNT.into(),
        account_name: None,
        sync_id: Uuid::max(),
        sequence: 3,
        size,
    }
}

fn member(user: usize) -> Change {
    Change {
        kind: Kind::Membership,
        key: Key::new(ACCOUNT, Kind::Membership, &["7", &user.to_string()]),
        op: Op::Observed,
        verb: Verb::Observed,
        cause: None,
        changed_fields: Vec::new(),
        before: None,
        after: Some(format!(r#"{{"group_id":"7","user_id":"{user}","join_date":9}}"#).into()),
        other_version: None,
        previous_revision: None,
        span: Span { from: None, to: Millis(60_000) },
    }
}

fn row<'a>(batch: &'a Batch, change: &'a Change) -> Envelope<'a> {
    Envelope { event_id: Uuid::nil(), revision: 2, replay_id: Some("weekly"), ..Envelope::new(batch, 4, change) }
}

#[test]
fn an_event_as_json_has_the_fields_of_its_schema_in_their_order() {
    let (batch, change) = (batch(1), member(1));
    let names = Names::from_iter([(Key::new(ACCOUNT, Kind::User, &["1"]), "alice".to_owned())]);
    let json = String::from_utf8(to_json(&row(&batch, &change), &names).unwrap()).unwrap();
    assert_eq!(
        json,
        concat!(
            r#"{"event_id":"00000000-0000-0000-0000-000000000000","event_type":"membership.observed","op":"r","#,
            r#""cause":null,"lineage":"00000000-0000-0000-0000-000000000000","model_version":"1","#,
            r#""account_id":"5481000000000001","account_name":null,"#,
            r#""sync_id":"ffffffff-ffff-ffff-ffff-ffffffffffff","sequence":3,"batch_index":4,"batch_size":1,"#,
            r#""revision":2,"previous_revision":null,"observed_at":60000,"previously_observed_at":null,"#,
            r#""replay_id":"weekly","changed_fields":[],"group_id":"7","user_id":"1","group_name":null,"#,
            r#""user_name":"alice","before":null,"after":{"group_id":"7","user_id":"1","join_date":9}}"#
        )
    );
}

#[test]
fn what_is_written_is_read_back_over_many_blocks() {
    let count = 5_000;
    let (batch, mut bytes) = (batch(count), Vec::new());
    let mut writer = ContainerWriter::new(Kind::Membership, [7; 16]).unwrap();
    let mut pieces = 0;
    for user in 0..count {
        writer.append(&row(&batch, &member(user)), &Names::new()).unwrap();
        let piece = writer.take();
        pieces += usize::from(!piece.is_empty());
        bytes.extend(piece);
    }
    bytes.extend(writer.finish().unwrap());
    assert!(pieces > 10, "{pieces}: the file is written as it is made");

    let read = ContainerReader::<Membership, _>::new(bytes.as_slice()).unwrap();
    let read: Vec<_> = read.map(|event| event.unwrap()).collect();
    assert_eq!(read.len(), count);
    for (user, event) in read.iter().enumerate() {
        let expected = Membership { group_id: "7".into(), user_id: user.to_string(), join_date: Some(Millis(9)) };
        assert_eq!(event.after.as_ref(), Some(&expected));
        assert_eq!((event.op.as_str(), event.sequence, event.revision), ("r", 3, 2));
    }
}

#[test]
fn a_file_without_events_is_a_file() {
    let bytes = ContainerWriter::new(Kind::Membership, [7; 16]).unwrap().finish().unwrap();
    assert_eq!(ContainerReader::<Membership, _>::new(bytes.as_slice()).unwrap().count(), 0);
    assert!(ContainerReader::<Membership, _>::new(&bytes[..20]).is_err());
}

#[test]
fn an_entity_that_does_not_fit_its_kind_is_an_error() {
    let change = Change { after: Some("{}".into()), ..member(1) };
    let mut writer = ContainerWriter::new(Kind::Membership, [7; 16]).unwrap();
    assert!(writer.append(&row(&batch(1), &change), &Names::new()).is_err());
    assert!(to_json(&row(&batch(1), &change), &Names::new()).is_err());
}
