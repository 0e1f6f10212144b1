//! Attempts and claims.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ramstream::kafka::error::Step;
use ramstream::kafka::{
    AttemptError, Claim, Connection, Decision, Judgement, Mandate, Outcome, ReadError, Transaction,
};
use uuid::Uuid;

use super::{Broker, CLAIM_KEY, State, commit, keys, log, record, send, writer};

pub(crate) async fn the_claim_lands_where_the_proven_read_ended(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let me = Uuid::from_u128(1);
    let mut writer = writer(broker.connection(), &topic, me);
    commit(&mut writer, me, vec![record(&topic, "k1", "v1"), record(&topic, "k2", "v2")]).await;
    commit(&mut writer, me, vec![record(&topic, "k1", "v3")]).await;
    // Claim, two records, the commit marker; claim, one record, the marker.
    let mut state = State::default();
    assert_eq!(log(broker.connection(), &topic).read_to_proven_end(&mut state).await.unwrap(), 7);
    assert_eq!(state.values, BTreeMap::from([("k1".into(), "v3".into()), ("k2".into(), "v2".into())]));
    let claims = broker.read(&topic, true).into_iter().filter(|(_, key, _)| key == CLAIM_KEY);
    assert_eq!(claims.map(|(offset, ..)| offset).collect::<Vec<_>>(), [0, 4]);
}

pub(crate) async fn a_dropped_producer_leaves_nothing_visible_and_the_next_claim_lands_at_the_end(
    broker: &impl Broker,
) {
    let topic = broker.create(true).await;
    let me = Uuid::from_u128(1);
    let mut writer = writer(broker.connection(), &topic, me);
    // The second record is refused by the client after the first was handed over.
    let too_large = "x".repeat(2_000_000);
    let records = vec![record(&topic, "k1", "v1"), record(&topic, "k2", &too_large)];
    let failed = writer.attempt(&mut State::default(), |_, _| send(me, records)).await;
    assert!(matches!(failed, Err(AttemptError::Client { step: Step::Send, .. })), "{failed:?}");

    commit(&mut writer, me, vec![record(&topic, "k3", "v3")]).await;
    writer.log().read_to_proven_end(&mut State::default()).await.unwrap();
    assert_eq!(keys(broker, &topic, true), [CLAIM_KEY, "k3"]);
    let all = keys(broker, &topic, false);
    assert_eq!(all.first().map(String::as_str), Some(CLAIM_KEY), "the aborted claim is in the log");
}

pub(crate) async fn the_older_of_two_writers_is_superseded_and_told_by_whom(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let (older, newer) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let mut first = writer(broker.connection(), &topic, older);
    let mut second = writer(broker.connection(), &topic, newer);
    commit(&mut first, older, vec![]).await;
    commit(&mut second, newer, vec![]).await;
    let outcome = first.attempt(&mut State::default(), |_, _| send(older, vec![])).await;
    assert!(matches!(outcome, Ok(Outcome::Superseded(Claim { writer, .. })) if writer == Some(newer)), "{outcome:?}");
    // And the newer goes on.
    commit(&mut second, newer, vec![record(&topic, "k", "v")]).await;
    assert_eq!(second.log().last_claim().unwrap().claim.writer, Some(newer));
}

pub(crate) async fn a_parked_writer_comes_back_after_a_release(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let (older, newer) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let mut first = writer(broker.connection(), &topic, older);
    let mut second = writer(broker.connection(), &topic, newer);
    commit(&mut first, older, vec![]).await;
    commit(&mut second, newer, vec![]).await;
    let released = Claim { writer: None, sequence: 0 };
    let release = |_: &State, _: Option<&Claim>| {
        Decision::<()>::Send(Transaction { claim: released, records: Box::new(std::iter::empty()) })
    };
    assert!(matches!(second.attempt(&mut State::default(), release).await, Ok(Outcome::Committed { .. })));

    first.log().read_to_proven_end(&mut State::default()).await.unwrap();
    assert_eq!(first.judgement(), Some(Judgement::Superseded(released)));
    let claim_offset = first.log().last_claim().unwrap().offset;
    first.leave_parking(Mandate::WhileLast { claim_offset });
    commit(&mut first, older, vec![]).await;
    first.log().read_to_proven_end(&mut State::default()).await.unwrap();
    assert_eq!(first.judgement(), Some(Judgement::Owner));
}

pub(crate) async fn a_record_of_somebody_else_between_read_and_send_stops_the_commit(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let me = Uuid::from_u128(1);
    let mut writer = writer(broker.connection(), &topic, me);
    let between = |_: &State, _: Option<&Claim>| {
        broker.append(&topic, "forged", "x");
        send(me, vec![record(&topic, "k", "v")])
    };
    let outcome = writer.attempt(&mut State::default(), between).await;
    assert!(matches!(outcome, Err(AttemptError::OffsetMismatch { expected: 0, found: 1 })), "{outcome:?}");
    assert_eq!(keys(broker, &topic, false), ["forged", CLAIM_KEY], "no record but the claim was sent");
    commit(&mut writer, me, vec![]).await;
}

pub(crate) async fn a_claim_key_without_a_claim_stops_the_writer(broker: &impl Broker) {
    let topic = broker.create(true).await;
    broker.append(&topic, CLAIM_KEY, "mine");
    let me = Uuid::from_u128(1);
    let mut writer = writer(broker.connection(), &topic, me);
    let outcome = writer.attempt(&mut State::default(), |_, _| send(me, vec![])).await;
    assert!(matches!(outcome, Err(AttemptError::Read(ReadError::Fold { offset: 0, .. }))), "{outcome:?}");
}

pub(crate) async fn a_record_to_a_topic_that_is_not_there_is_not_lost_silently(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let me = Uuid::from_u128(1);
    let hasty = Connection { transaction_timeout: Duration::from_secs(5), ..broker.connection() };
    let mut writer = writer(hasty, &topic, me);
    let nowhere: Arc<str> = format!("nowhere-{topic}").into();
    let outcome = writer.attempt(&mut State::default(), |_, _| send(me, vec![record(&nowhere, "k", "v")])).await;
    assert!(outcome.is_err(), "{outcome:?}");
    assert!(broker.read(&topic, true).is_empty());
}

/// Three copies of one writer, none of which ever parks, each adding 1 to what it read; every third attempt
/// is given up half-way. Whatever they are told, the log must hold 1, 2, 3 … once each.
pub(crate) async fn racing_writers_never_commit_a_sequence_twice(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let copies = (0..3_u64).map(|copy| tokio::spawn(race(broker.connection(), Arc::clone(&topic), copy)));
    let mut acknowledged = Vec::new();
    for copy in futures::future::join_all(copies).await {
        acknowledged.extend(copy.unwrap());
    }
    // The last attempt may be one that was given up, whose transaction stays open until another writer begins.
    let last = Uuid::from_u128(4);
    let mut writer = writer(broker.connection(), &topic, last);
    writer.leave_parking(Mandate::Unconditional);
    commit(&mut writer, last, vec![]).await;
    // The end of the last transaction is shown by a read that gets there.
    log(broker.connection(), &topic).read_to_proven_end(&mut State::default()).await.unwrap();
    let mut committed: Vec<i64> = Vec::new();
    for (_, key, value) in broker.read(&topic, true) {
        if key == "sequence" {
            committed.push(value.unwrap().parse().unwrap());
        }
    }
    acknowledged.sort_unstable();
    assert!(acknowledged.len() >= 3, "somebody gets through: {acknowledged:?}");
    assert!(committed.iter().copied().eq(1..=i64::try_from(committed.len()).unwrap()), "{committed:?}");
    assert!(acknowledged.windows(2).all(|pair| pair[0] < pair[1]), "{acknowledged:?}");
    assert!(acknowledged.iter().all(|sequence| committed.contains(sequence)), "{acknowledged:?} {committed:?}");
}

/// The sequences that one copy was told it had committed.
async fn race(connection: Connection, topic: Arc<str>, copy: u64) -> Vec<i64> {
    let me = Uuid::from_u128(1 + u128::from(copy));
    let mut writer = writer(connection, &topic, me);
    let (mut state, mut acknowledged) = (State::default(), Vec::new());
    for attempt in 0..12_u64 {
        writer.leave_parking(Mandate::Unconditional);
        let mut sequence = 0;
        let decide = |state: &State, _: Option<&Claim>| {
            sequence = 1 + state.values.get("sequence").map_or(0, |value| value.parse::<i64>().unwrap());
            send(me, vec![record(&topic, "event", "x"), record(&topic, "sequence", &sequence.to_string())])
        };
        let patience = if attempt % 3 == 2 { Duration::from_millis(40 + 15 * copy) } else { Duration::from_secs(60) };
        let outcome = tokio::time::timeout(patience, writer.attempt(&mut state, decide)).await;
        if let Ok(Ok(Outcome::Committed { .. })) = outcome {
            acknowledged.push(sequence);
        }
    }
    acknowledged
}
