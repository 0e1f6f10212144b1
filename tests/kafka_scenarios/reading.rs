//! Ends of partitions, and topics that are not what they were.

use std::sync::Arc;
use std::time::Duration;

use ramstream::kafka::{Connection, Fold, FoldError, PartitionLog, ReadError};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Broker, State, commit, log, record, writer};

pub(crate) async fn a_log_that_ends_with_an_aborted_transaction_is_read_to_its_end(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let aborted = broker.open_transaction(&format!("outsider-{topic}"), &topic, "hidden", "2");
    broker.end_transaction(aborted, false);
    let mut state = State::default();
    assert_eq!(log(broker.connection(), &topic).read_to_proven_end(&mut state).await.unwrap(), 2);
    assert_eq!(state.records, 0);
}

pub(crate) async fn an_emptied_topic_begins_and_ends_behind_what_it_held(broker: &impl Broker) {
    let topic = broker.create(false).await;
    for key in ["k1", "k2", "k3"] {
        broker.append(&topic, key, "v");
    }
    broker.delete_records_before(&topic, 3).await;
    let mut log = PartitionLog::from_start(Arc::new(broker.connection()), Arc::clone(&topic), 0);
    let mut state = State::default();
    assert_eq!(log.read_to_proven_end(&mut state).await.unwrap(), 3);
    assert_eq!((log.low_watermark(), state.records), (Some(3), 0));
    broker.append(&topic, "k4", "v");
    assert_eq!(log.read_to_proven_end(&mut state).await.unwrap(), 4);
    assert_eq!(state.values.into_keys().collect::<Vec<_>>(), ["k4"]);
}

pub(crate) async fn records_deleted_before_they_were_read_are_an_error(broker: &impl Broker) {
    let topic = broker.create(false).await;
    broker.append(&topic, "k1", "v");
    let mut log = log(broker.connection(), &topic);
    assert_eq!(log.read_to_proven_end(&mut State::default()).await.unwrap(), 1);
    for key in ["k2", "k3", "k4"] {
        broker.append(&topic, key, "v");
    }
    broker.delete_records_before(&topic, 3).await;
    let read = log.read_to_proven_end(&mut State::default()).await;
    assert!(matches!(read, Err(ReadError::Truncated { position: 1, low_watermark: 3, .. })), "{read:?}");
}

pub(crate) async fn records_deleted_after_they_were_read_are_an_error_of_a_state_topic(broker: &impl Broker) {
    let topic = broker.create(false).await;
    for key in ["k1", "k2", "k3", "k4"] {
        broker.append(&topic, key, "v");
    }
    let connection = Arc::new(broker.connection());
    let mut events = PartitionLog::from_start(Arc::clone(&connection), Arc::clone(&topic), 0);
    let mut state = log(broker.connection(), &topic);
    for _ in 0..2 {
        assert_eq!(events.read_to_proven_end(&mut State::default()).await.unwrap(), 4);
        assert_eq!(state.read_to_proven_end(&mut State::default()).await.unwrap(), 4);
    }
    broker.delete_records_before(&topic, 3).await;
    for _ in 0..2 {
        let read = state.read_to_proven_end(&mut State::default()).await;
        assert!(matches!(read, Err(ReadError::Truncated { position: 4, low_watermark: 3, .. })), "{read:?}");
    }
    assert_eq!(events.read_to_proven_end(&mut State::default()).await.unwrap(), 4);
    // Who comes afterwards reads what there is, and sees where it begins.
    let mut later = log(broker.connection(), &topic);
    assert_eq!(later.read_to_proven_end(&mut State::default()).await.unwrap(), 4);
    assert_eq!(later.low_watermark(), Some(3));
}

pub(crate) async fn a_recreated_state_topic_is_an_error(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let me = Uuid::from_u128(1);
    let mut writer = writer(broker.connection(), &topic, me);
    commit(&mut writer, me, vec![record(&topic, "k1", "v1"), record(&topic, "k2", "v2")]).await;
    let mut log = log(broker.connection(), &topic);
    assert_eq!(log.read_to_proven_end(&mut State::default()).await.unwrap(), 4);
    broker.recreate(&topic).await;
    broker.append(&topic, "k1", "v1");
    for _ in 0..2 {
        let read = log.read_to_proven_end(&mut State::default()).await;
        assert!(matches!(read, Err(ReadError::Recreated { position: 4, .. })), "{read:?}");
    }
}

pub(crate) async fn a_deleted_state_topic_is_an_error(broker: &impl Broker) {
    let topic = broker.create(true).await;
    broker.append(&topic, "k1", "v1");
    let mut log = log(Connection { request_timeout: Duration::from_secs(5), ..broker.connection() }, &topic);
    assert_eq!(log.read_to_proven_end(&mut State::default()).await.unwrap(), 1);
    broker.delete(&topic).await;
    let read = log.read_to_proven_end(&mut State::default()).await;
    assert!(matches!(read, Err(ReadError::Client { .. })), "{read:?}");
}

pub(crate) async fn a_reader_behind_the_end_of_a_partition_never_reads_as_at_the_end(broker: &impl Broker) {
    let topic = broker.create(true).await;
    broker.append(&topic, "k1", "v1");
    // The offset is wrong, and only the fetch can find out: the watermark check is not asked.
    let mut log = PartitionLog::from_offset(Arc::new(broker.connection()), Arc::clone(&topic), 0, 100);
    let deadline = Instant::now() + Duration::from_secs(20);
    let error = loop {
        match log.follow(&mut State::default()).await {
            Err(error) => break error,
            Ok(()) => assert!(Instant::now() < deadline, "no error"),
        }
    };
    assert!(matches!(error, ReadError::Recreated { position: 100, .. }), "{error:?}");
}

pub(crate) async fn a_record_that_the_fold_refuses_is_offered_again(broker: &impl Broker) {
    let topic = broker.create(true).await;
    broker.append(&topic, "k1", "v1");
    broker.append(&topic, "k2", "v2");
    let mut log = log(broker.connection(), &topic);
    let mut refuse = |_: &[u8], _: Option<&[u8]>, offset: i64| -> Result<(), FoldError> {
        if offset == 1 { Err("not this one".into()) } else { Ok(()) }
    };
    let read = log.read_to_proven_end(&mut refuse).await;
    assert!(matches!(read, Err(ReadError::Fold { offset: 1, .. })), "{read:?}");
    let mut state = State::default();
    log.read_to_proven_end(&mut state).await.unwrap();
    assert_eq!(state.values.into_keys().collect::<Vec<_>>(), ["k2"]);
}

pub(crate) async fn where_the_fold_takes_no_more_reading_stops_and_goes_on_there_later(broker: &impl Broker) {
    let topic = broker.create(true).await;
    for key in ["k1", "k2", "k3", "k4", "k5"] {
        broker.append(&topic, key, "v");
    }
    let mut log = PartitionLog::from_start(Arc::new(broker.connection()), topic, 0);
    let mut two = Room { places: 2, keys: Vec::new() };
    assert_eq!(log.read_to_proven_end(&mut two).await.unwrap(), 2);
    log.follow(&mut two).await.unwrap();
    assert_eq!((log.position(), two.keys), (2, vec!["k1".to_owned(), "k2".to_owned()]));
    let mut more = Room { places: 4, keys: Vec::new() };
    assert_eq!(log.read_to_proven_end(&mut more).await.unwrap(), 5);
    assert_eq!(more.keys, ["k3", "k4", "k5"]);
}

/// Takes so many records and no more.
struct Room {
    places: usize,
    keys: Vec<String>,
}

impl Fold for Room {
    fn apply(&mut self, key: &[u8], _: Option<&[u8]>, _: i64) -> Result<(), FoldError> {
        self.keys.push(String::from_utf8(key.to_vec())?);
        Ok(())
    }

    fn takes_more(&self) -> bool {
        self.keys.len() < self.places
    }
}
