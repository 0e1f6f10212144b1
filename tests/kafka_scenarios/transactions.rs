//! Isolation, fencing and time-outs.

use std::sync::Arc;
use std::time::Duration;

use ramstream::kafka::error::Step;
use ramstream::kafka::{
    AttemptError, Claim, Connection, Decision, PartitionLog, ReadError, Record, Transaction, end_open_transaction,
};
use uuid::Uuid;

use super::{Broker, CLAIM_KEY, State, commit, keys, log, record, send, transactional_id, writer};

fn impatient(broker: &impl Broker) -> Connection {
    Connection { read_stall_timeout: Duration::from_secs(2), ..broker.connection() }
}

pub(crate) async fn a_commit_shows_the_records_of_all_topics(broker: &impl Broker) {
    let (state, events) = (broker.create(true).await, broker.create(false).await);
    let me = Uuid::from_u128(1);
    let mut writer = writer(broker.connection(), &state, me);
    let headers = vec![("event_id", "7".into())];
    let event = Record { headers, ..record(&events, "k", "happened") };
    commit(&mut writer, me, vec![event, record(&state, "k", "v")]).await;
    let (mut from_state, mut from_events) = (State::default(), State::default());
    let mut log = PartitionLog::from_start(Arc::new(broker.connection()), Arc::clone(&events), 0);
    // Record and marker; claim, record and marker.
    assert_eq!(log.read_to_proven_end(&mut from_events).await.unwrap(), 2);
    assert_eq!(writer.log().read_to_proven_end(&mut from_state).await.unwrap(), 3);
    assert_eq!(from_events.values["k"], "happened");
    assert_eq!(from_state.values["k"], "v");
}

pub(crate) async fn an_aborted_record_is_there_for_read_uncommitted_only(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let open = broker.open_transaction(&format!("outsider-{topic}"), &topic, "k", "v");
    assert_eq!((keys(broker, &topic, true).len(), keys(broker, &topic, false).len()), (0, 1), "open");
    broker.end_transaction(open, false);
    broker.append(&topic, "after", "x");
    let mut state = State::default();
    assert_eq!(log(broker.connection(), &topic).read_to_proven_end(&mut state).await.unwrap(), 3);
    assert_eq!(state.values.into_keys().collect::<Vec<_>>(), ["after"]);
    assert_eq!(keys(broker, &topic, true), ["after"]);
    assert_eq!(keys(broker, &topic, false), ["k", "after"]);
}

pub(crate) async fn a_writer_fenced_while_it_decides_commits_nothing(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let me = Uuid::from_u128(1);
    let mut writer = writer(broker.connection(), &topic, me);
    let meanwhile = |_: &State, _: Option<&Claim>| {
        broker.fence(&transactional_id(&topic));
        send(me, vec![record(&topic, "k", "v")])
    };
    let outcome = writer.attempt(&mut State::default(), meanwhile).await;
    assert!(matches!(outcome, Err(AttemptError::Client { .. })), "{outcome:?}");
    assert!(keys(broker, &topic, true).is_empty());
    commit(&mut writer, me, vec![]).await;
}

pub(crate) async fn a_writer_fenced_before_it_commits_is_told_so(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let me = Uuid::from_u128(1);
    let mut writer = writer(broker.connection(), &topic, me);
    let (other, id) = (broker.clone(), transactional_id(&topic));
    // The claim is delivered by now; these records are none, and end with a fence.
    let records = std::iter::from_fn(move || {
        other.fence(&id);
        None
    });
    let claim = Claim { writer: Some(me), sequence: 0 };
    let decide = |_: &State, _: Option<&Claim>| Decision::<()>::Send(Transaction { claim, records: Box::new(records) });
    let outcome = writer.attempt(&mut State::default(), decide).await;
    assert!(matches!(outcome, Err(AttemptError::Client { step: Step::Commit, .. })), "{outcome:?}");
    // The aborted claim and its marker.
    assert_eq!(writer.log().read_to_proven_end(&mut State::default()).await.unwrap(), 2);
    assert_eq!((keys(broker, &topic, true).len(), keys(broker, &topic, false).len()), (0, 1));
    commit(&mut writer, me, vec![]).await;
}

pub(crate) async fn init_ends_the_open_transaction_that_hides_the_end(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let id = transactional_id(&topic);
    // Kept, so that the dead process is not taken for one that ended in order.
    let _dead = broker.open_transaction(&id, &topic, "k", "v");
    let mut log = log(impatient(broker), &topic);
    let hidden = log.read_to_proven_end(&mut State::default()).await;
    assert!(matches!(hidden, Err(ReadError::Stalled { position: 0, watermark: 1, .. })), "{hidden:?}");
    end_open_transaction(&Arc::new(broker.connection()), &id, &topic).await.unwrap();
    let mut state = State::default();
    assert_eq!(log.read_to_proven_end(&mut state).await.unwrap(), 2);
    assert_eq!(state.records, 0);
}

pub(crate) async fn a_transaction_without_its_producer_is_timed_out(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let me = Uuid::from_u128(1);
    let hasty = Connection { transaction_timeout: Duration::from_secs(2), ..broker.connection() };
    let mut writer = writer(hasty, &topic, me);
    let claim = Claim { writer: Some(me), sequence: 0 };
    let unencodable = std::iter::once(Err("planted".into()));
    let decide =
        |_: &State, _: Option<&Claim>| Decision::<()>::Send(Transaction { claim, records: Box::new(unencodable) });
    let outcome = writer.attempt(&mut State::default(), decide).await;
    assert!(matches!(outcome, Err(AttemptError::Client { step: Step::Send, .. })), "{outcome:?}");
    // Nobody else begins; the coordinator looks every ten seconds for transactions whose time is up.
    assert_eq!(log(broker.connection(), &topic).read_to_proven_end(&mut State::default()).await.unwrap(), 2);
    assert_eq!(keys(broker, &topic, false), [CLAIM_KEY]);
    assert!(keys(broker, &topic, true).is_empty());
}

pub(crate) async fn an_open_transaction_of_somebody_else_makes_a_read_time_out_and_never_short(broker: &impl Broker) {
    let topic = broker.create(true).await;
    broker.append(&topic, "before", "1");
    let open = broker.open_transaction(&format!("outsider-{topic}"), &topic, "hidden", "2");
    broker.append(&topic, "after", "3");

    let mut log = log(impatient(broker), &topic);
    let mut state = State::default();
    let read = log.read_to_proven_end(&mut state).await;
    assert!(matches!(read, Err(ReadError::Stalled { position: 1, watermark: 3, .. })), "{read:?}");
    assert_eq!(state.values.len(), 1);

    broker.end_transaction(open, true);
    assert_eq!(log.read_to_proven_end(&mut state).await.unwrap(), 4);
    assert_eq!(state.values.keys().map(String::as_str).collect::<Vec<_>>(), ["after", "before", "hidden"]);
    assert_eq!(state.records, 3, "no record was folded twice");
}
