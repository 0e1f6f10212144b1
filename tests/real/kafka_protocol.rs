//! The rules of publishing, on a real broker: proofs of end, claims, and writes that are one attempt.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ramstream::kafka::error::Step;
use ramstream::kafka::{
    AttemptError, Claim, ClientError, Connection, Decision, Fold, FoldError, Judgement, Mandate, Outcome, PartitionLog,
    ReadError, Record, StateLog, Transaction, Writer, claim,
};
use rdkafka::producer::Producer;
use uuid::Uuid;

use crate::support::{
    connection, create, delete, outsider, outsider_sends, read, record, resident_bytes, state_topic, unique,
};

const ACCOUNT: &str = "5481";
const CLAIM_KEY: &str = "5481/~claim";

/// The state as read: last value by key, and how many records it took.
#[derive(Default)]
struct State {
    values: BTreeMap<String, String>,
    records: usize,
}

impl Fold for State {
    fn apply(&mut self, key: &[u8], value: Option<&[u8]>, _: i64) -> Result<(), FoldError> {
        let key = String::from_utf8(key.to_vec())?;
        match value {
            Some(value) => self.values.insert(key, String::from_utf8(value.to_vec())?),
            None => self.values.remove(&key),
        };
        self.records += 1;
        Ok(())
    }
}

fn log(connection: Connection, topic: &Arc<str>) -> StateLog {
    StateLog::new(Arc::new(connection), Arc::clone(topic), claim::key(ACCOUNT))
}

fn writer_of(connection: Connection, topic: &Arc<str>, me: Uuid) -> Writer {
    let id = format!("writes-{topic}");
    Writer::new(Arc::new(connection.clone()), id, log(connection, topic), me)
}

fn writer(topic: &Arc<str>, me: Uuid) -> Writer {
    writer_of(connection(), topic, me)
}

fn send(writer: Uuid, records: Vec<Record>) -> Decision<()> {
    let claim = Claim { writer: Some(writer), sequence: 0 };
    Decision::Send(Transaction { claim, records: Box::new(records.into_iter().map(Ok)) })
}

async fn commit(writer: &mut Writer, me: Uuid, records: Vec<Record>) {
    let outcome = writer.attempt(&mut State::default(), |_, _| send(me, records)).await;
    assert!(matches!(outcome, Ok(Outcome::Committed { .. })), "{outcome:?}");
}

fn claim_offsets(topic: &str) -> Vec<i64> {
    read(topic, "read_committed")
        .into_iter()
        .filter(|(_, key, _)| key == CLAIM_KEY)
        .map(|(offset, ..)| offset)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn the_claim_lands_where_the_proven_read_ended() {
    let topic = create(state_topic(unique("state"))).await;
    let me = Uuid::now_v7();
    let mut writer = writer(&topic, me);
    commit(&mut writer, me, vec![record(&topic, "k1", "v1"), record(&topic, "k2", "v2")]).await;
    commit(&mut writer, me, vec![record(&topic, "k1", "v3")]).await;
    // Claim, two records, the commit marker; claim, one record, the marker.
    assert_eq!(claim_offsets(&topic), [0, 4]);
    let mut state = State::default();
    assert_eq!(log(connection(), &topic).read_to_proven_end(&mut state).await.unwrap(), 7);
    assert_eq!(state.values, BTreeMap::from([("k1".into(), "v3".into()), ("k2".into(), "v2".into())]));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_dropped_producer_leaves_nothing_visible_and_the_next_claim_lands_at_the_end() {
    let topic = create(state_topic(unique("state"))).await;
    let me = Uuid::now_v7();
    let mut writer = writer(&topic, me);
    // The second record is refused by the client after the first was delivered.
    let too_large = "x".repeat(2_000_000);
    let records = vec![record(&topic, "k1", "v1"), record(&topic, "k2", &too_large)];
    let failed = writer.attempt(&mut State::default(), |_, _| send(me, records)).await;
    assert!(matches!(failed, Err(AttemptError::Client { step: Step::Send, .. })), "{failed:?}");

    commit(&mut writer, me, vec![record(&topic, "k3", "v3")]).await;
    let visible: Vec<String> = read(&topic, "read_committed").into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(visible, [CLAIM_KEY, "k3"]);
    let all: Vec<String> = read(&topic, "read_uncommitted").into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(all.first().map(String::as_str), Some(CLAIM_KEY), "the aborted claim is in the log");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_attempt_that_is_given_up_leaves_nothing_visible() {
    let topic = create(state_topic(unique("state"))).await;
    let me = Uuid::now_v7();
    let mut writer = writer(&topic, me);
    let (flowing, mut flow) = tokio::sync::mpsc::unbounded_channel();
    let of = Arc::clone(&topic);
    // These records never end; they can only be left.
    let endless = std::iter::repeat_with(move || {
        flowing.send(()).ok();
        Ok(record(&of, "k1", "v1"))
    });
    let claim = Claim { writer: Some(me), sequence: 0 };
    let decide = |_: &State, _: Option<&Claim>| Decision::<()>::Send(Transaction { claim, records: Box::new(endless) });
    let mut state = State::default();
    tokio::select! {
        outcome = writer.attempt(&mut state, decide) => panic!("{outcome:?}"),
        first = flow.recv() => first.unwrap(),
    }
    // The channel closes when the thread that took the records has stopped.
    let stopped = async { while flow.recv().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(20), stopped).await.expect("the thread stops taking records");
    commit(&mut writer, me, vec![record(&topic, "k2", "v2")]).await;
    let visible: Vec<String> = read(&topic, "read_committed").into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(visible, [CLAIM_KEY, "k2"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn the_older_of_two_writers_is_superseded_and_told_by_whom() {
    let topic = create(state_topic(unique("state"))).await;
    let (older, newer) = (Uuid::now_v7(), Uuid::now_v7());
    let (mut first, mut second) = (writer(&topic, older), writer(&topic, newer));
    commit(&mut first, older, vec![]).await;
    commit(&mut second, newer, vec![]).await;
    let outcome = first.attempt(&mut State::default(), |_, _| send(older, vec![])).await;
    assert!(matches!(outcome, Ok(Outcome::Superseded(Claim { writer, .. })) if writer == Some(newer)), "{outcome:?}");
    // And the newer goes on.
    commit(&mut second, newer, vec![record(&topic, "k", "v")]).await;
    assert_eq!(second.log().last_claim().unwrap().claim.writer, Some(newer));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_parked_writer_comes_back_after_a_release() {
    let topic = create(state_topic(unique("state"))).await;
    let (older, newer) = (Uuid::now_v7(), Uuid::now_v7());
    let (mut first, mut second) = (writer(&topic, older), writer(&topic, newer));
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_record_of_somebody_else_between_read_and_send_stops_the_commit() {
    let topic = create(state_topic(unique("state"))).await;
    let me = Uuid::now_v7();
    let mut writer = writer(&topic, me);
    let between = |_: &State, _: Option<&Claim>| {
        outsider_sends(&outsider(None), &topic, "forged", "x");
        send(me, vec![record(&topic, "k", "v")])
    };
    let outcome = writer.attempt(&mut State::default(), between).await;
    assert!(matches!(outcome, Err(AttemptError::OffsetMismatch { expected: 0, found: 1 })), "{outcome:?}");
    let visible: Vec<String> = read(&topic, "read_uncommitted").into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(visible, ["forged", CLAIM_KEY], "no record but the claim was sent");
    commit(&mut writer, me, vec![]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_writer_fenced_while_it_decides_commits_nothing() {
    let topic = create(state_topic(unique("state"))).await;
    let (slow, quick) = (Uuid::now_v7(), Uuid::now_v7());
    let mut first = writer(&topic, slow);
    let mut second = writer(&topic, quick);
    let runtime = tokio::runtime::Handle::current();
    let meanwhile = |_: &State, _: Option<&Claim>| {
        tokio::task::block_in_place(|| runtime.block_on(commit(&mut second, quick, vec![])));
        send(slow, vec![record(&topic, "k", "v")])
    };
    let outcome = first.attempt(&mut State::default(), meanwhile).await;
    assert!(matches!(outcome, Err(AttemptError::Client { .. } | AttemptError::OffsetMismatch { .. })), "{outcome:?}");
    assert_eq!(read(&topic, "read_committed").len(), 1);
}

/// Three copies of one writer, none of which ever parks, each adding 1 to what it read; every third attempt
/// is given up half-way. Whatever they are told, the log must hold 1, 2, 3 … once each.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn racing_writers_never_commit_a_sequence_twice() {
    let topic = create(state_topic(unique("state"))).await;
    let copies = (0..3_u64).map(|copy| tokio::spawn(race(Arc::clone(&topic), copy)));
    let mut acknowledged = Vec::new();
    for copy in futures::future::join_all(copies).await {
        acknowledged.extend(copy.unwrap());
    }
    let mut committed: Vec<i64> = Vec::new();
    for (_, key, value) in read(&topic, "read_committed") {
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
async fn race(topic: Arc<str>, copy: u64) -> Vec<i64> {
    let me = Uuid::now_v7();
    let mut writer = writer(&topic, me);
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

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_recreated_state_topic_is_an_error() {
    let name = unique("state");
    let topic = create(state_topic(name.clone())).await;
    let me = Uuid::now_v7();
    commit(&mut writer(&topic, me), me, vec![record(&topic, "k1", "v1"), record(&topic, "k2", "v2")]).await;
    let mut log = log(connection(), &topic);
    assert_eq!(log.read_to_proven_end(&mut State::default()).await.unwrap(), 4);
    delete(&name).await;
    create(state_topic(name)).await;
    outsider_sends(&outsider(None), &topic, "k1", "v1");
    for _ in 0..2 {
        let read = log.read_to_proven_end(&mut State::default()).await;
        assert!(matches!(read, Err(ReadError::Recreated { position: 4, .. })), "{read:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_reader_behind_the_end_of_a_partition_never_reads_as_at_the_end() {
    let topic = create(state_topic(unique("state"))).await;
    outsider_sends(&outsider(None), &topic, "k1", "v1");
    // The offset is wrong, and only the fetch can find out: the watermark check is not asked.
    let mut log = PartitionLog::from_offset(Arc::new(connection()), Arc::clone(&topic), 0, 100);
    let deadline = Instant::now() + Duration::from_secs(20);
    let error = loop {
        match log.follow(&mut State::default()).await {
            Err(error) => break error,
            Ok(()) => assert!(Instant::now() < deadline, "no error"),
        }
    };
    assert!(matches!(error, ReadError::Recreated { position: 100, .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_open_transaction_of_somebody_else_makes_a_read_time_out_and_never_short() {
    let topic = create(state_topic(unique("state"))).await;
    outsider_sends(&outsider(None), &topic, "before", "1");
    let open = outsider(Some(&unique("outsider")));
    outsider_sends(&open, &topic, "hidden", "2");
    outsider_sends(&outsider(None), &topic, "after", "3");

    let mut impatient = connection();
    impatient.read_stall_timeout = Duration::from_secs(2);
    let mut log = log(impatient, &topic);
    let mut state = State::default();
    let read = log.read_to_proven_end(&mut state).await;
    assert!(matches!(read, Err(ReadError::Stalled { position: 1, watermark: 3, .. })), "{read:?}");
    assert_eq!(state.values.len(), 1);

    open.commit_transaction(Duration::from_secs(20)).unwrap();
    assert_eq!(log.read_to_proven_end(&mut state).await.unwrap(), 4);
    assert_eq!(state.values.keys().map(String::as_str).collect::<Vec<_>>(), ["after", "before", "hidden"]);
    assert_eq!(state.records, 3, "no record was folded twice");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_log_that_ends_with_an_aborted_transaction_is_read_to_its_end() {
    let topic = create(state_topic(unique("state"))).await;
    let aborted = outsider(Some(&unique("outsider")));
    outsider_sends(&aborted, &topic, "hidden", "2");
    #[expect(clippy::disallowed_methods, reason = "somebody else's program may abort")]
    aborted.abort_transaction(Duration::from_secs(20)).unwrap();
    let mut state = State::default();
    assert_eq!(log(connection(), &topic).read_to_proven_end(&mut state).await.unwrap(), 2);
    assert_eq!(state.records, 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_record_that_the_fold_refuses_is_offered_again() {
    let topic = create(state_topic(unique("state"))).await;
    let producer = outsider(None);
    outsider_sends(&producer, &topic, "k1", "v1");
    outsider_sends(&producer, &topic, "k2", "v2");
    let mut log = log(connection(), &topic);
    let mut refuse = |_: &[u8], _: Option<&[u8]>, offset: i64| -> Result<(), FoldError> {
        if offset == 1 { Err("not this one".into()) } else { Ok(()) }
    };
    let read = log.read_to_proven_end(&mut refuse).await;
    assert!(matches!(read, Err(ReadError::Fold { offset: 1, .. })), "{read:?}");
    let mut state = State::default();
    log.read_to_proven_end(&mut state).await.unwrap();
    assert_eq!(state.values.into_keys().collect::<Vec<_>>(), ["k2"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_claim_key_without_a_claim_stops_the_writer() {
    let topic = create(state_topic(unique("state"))).await;
    outsider_sends(&outsider(None), &topic, CLAIM_KEY, "mine");
    let me = Uuid::now_v7();
    let outcome = writer(&topic, me).attempt(&mut State::default(), |_, _| send(me, vec![])).await;
    assert!(matches!(outcome, Err(AttemptError::Read(ReadError::Fold { offset: 0, .. }))), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_transaction_that_takes_too_long_names_the_setting() {
    let topic = create(state_topic(unique("state"))).await;
    let me = Uuid::now_v7();
    let mut hasty = connection();
    hasty.transaction_timeout = Duration::from_secs(2);
    let mut writer = writer_of(hasty, &topic, me);
    let slow = record(&topic, "k", "v");
    // Slow on purpose: the encoder of these records takes its time.
    let records = std::iter::repeat_with(move || {
        std::thread::sleep(Duration::from_millis(700));
        Ok(slow.clone())
    })
    .take(5);
    let decide = move |_: &State, _: Option<&Claim>| {
        let claim = Claim { writer: Some(me), sequence: 0 };
        Decision::<()>::Send(Transaction { claim, records: Box::new(records) })
    };
    let error = writer.attempt(&mut State::default(), decide).await.unwrap_err();
    assert!(error.to_string().contains("`transaction.timeout.ms` is 2000"), "{error}");
    assert!(read(&topic, "read_committed").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn a_record_to_a_topic_that_is_not_there_is_not_lost_silently() {
    let topic = create(state_topic(unique("state"))).await;
    let me = Uuid::now_v7();
    let mut hasty = connection();
    hasty.transaction_timeout = Duration::from_secs(5);
    let nowhere: Arc<str> = unique("nowhere").into();
    let mut writer = writer_of(hasty, &topic, me);
    let outcome = writer.attempt(&mut State::default(), |_, _| send(me, vec![record(&nowhere, "k", "v")])).await;
    assert!(outcome.is_err(), "{outcome:?}");
    assert!(read(&topic, "read_committed").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn the_largest_account_fits_one_transaction_and_bounded_memory() {
    const RECORDS: usize = 270_000;
    let topic = create(state_topic(unique("state"))).await;
    let me = Uuid::now_v7();
    let mut writer = writer(&topic, me);
    let before = resident_bytes();
    let peak = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let (seen, of) = (Arc::clone(&peak), Arc::clone(&topic));
    let records = (0..RECORDS).map(move |number| {
        if number % 1_000 == 0 {
            seen.fetch_max(resident_bytes(), std::sync::atomic::Ordering::Relaxed);
        }
        Ok(record(&of, &format!("k{number}"), &format!("{number:0>700}")))
    });
    let decide = move |_: &State, _: Option<&Claim>| {
        let claim = Claim { writer: Some(me), sequence: 0 };
        Decision::<()>::Send(Transaction { claim, records: Box::new(records) })
    };
    let outcome = writer.attempt(&mut State::default(), decide).await;
    assert!(matches!(outcome, Ok(Outcome::Committed { records: 270_000 })), "{outcome:?}");
    // 189 MB of values went through a queue of 64 MiB.
    let grown = peak.load(std::sync::atomic::Ordering::Relaxed).saturating_sub(before);
    assert!(grown < 160 << 20, "memory grew by {grown} bytes");

    let mut read_back = 0;
    let mut count = |_: &[u8], _: Option<&[u8]>, _: i64| -> Result<(), FoldError> {
        read_back += 1;
        Ok(())
    };
    writer.log().read_to_proven_end(&mut count).await.unwrap();
    assert_eq!(read_back, RECORDS);
}

#[tokio::test]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_attempt_on_brokers_that_are_not_there_fails_in_time() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut dead = Connection::new(vec![format!("127.0.0.1:{port}")]);
    dead.request_timeout = Duration::from_secs(2);
    let me = Uuid::now_v7();
    let outcome = writer_of(dead, &"t".into(), me).attempt(&mut State::default(), |_, _| send(me, vec![])).await;
    let Err(AttemptError::Read(ReadError::Client { source: ClientError::Failed { operation, .. }, .. })) = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(operation, "watermark");
}
