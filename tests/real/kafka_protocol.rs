//! The rules of publishing, on a real broker: the scenarios that the simulation's model of Kafka is held
//! against too, and what only real brokers can show.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ramstream::kafka::topics::TopicSpec;
use ramstream::kafka::{
    AttemptError, Claim, ClientError, Connection, Decision, FoldError, Outcome, ReadError, Transaction,
};
use rdkafka::admin::AdminOptions;
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::{Offset, TopicPartitionList};
use uuid::Uuid;

use crate::kafka_scenarios::{self, Broker, Lost, State, commit, record, send, writer};
use crate::support::proxy::{Proxy, Way};
use crate::support::{
    PATIENCE, admin, connection, create, delete, event_topic, kafka, outsider, outsider_sends, read, resident_bytes,
    state_topic, unique,
};

const CLAIM_KEY: &str = "5481/~claim";

#[derive(Clone, Default)]
struct Real {
    /// Made by whoever needs it.
    proxy: Arc<OnceLock<Proxy>>,
}

impl Broker for Real {
    type Open = BaseProducer;

    fn connection(&self) -> Connection {
        connection()
    }

    fn lossy_connection(&self) -> Connection {
        let proxy = self.proxy.get_or_init(|| Proxy::to_kafka(&kafka()));
        Connection { bootstrap_servers: vec![proxy.address()], ..connection() }
    }

    fn lose(&self, lost: Lost) {
        let proxy = self.proxy.get().expect("something goes through it");
        match lost {
            // What was held never arrives.
            Lost::Nothing => {
                proxy.set(Way::Cut);
                std::thread::sleep(Duration::from_millis(50));
                proxy.set(Way::Open);
            }
            Lost::Replies => proxy.set(Way::NoReplies),
            Lost::Everything => proxy.set(Way::Refused),
        }
    }

    async fn create(&self, kept: bool) -> Arc<str> {
        let spec = if kept { state_topic(unique("state")) } else { event_topic(unique("events")) };
        create(TopicSpec { partitions: 1, ..spec }).await
    }

    async fn recreate(&self, topic: &Arc<str>) {
        delete(topic).await;
        create(state_topic(topic.to_string())).await;
    }

    async fn delete(&self, topic: &str) {
        delete(topic).await;
    }

    async fn delete_records_before(&self, topic: &str, offset: i64) {
        let mut before = TopicPartitionList::new();
        before.add_partition_offset(topic, 0, Offset::Offset(offset)).unwrap();
        admin().delete_records(&before, &AdminOptions::new()).await.unwrap();
    }

    fn append(&self, topic: &str, key: &str, value: &str) {
        outsider_sends(&outsider(None), topic, key, value);
    }

    fn open_transaction(&self, transactional_id: &str, topic: &str, key: &str, value: &str) -> BaseProducer {
        let open = outsider(Some(transactional_id));
        outsider_sends(&open, topic, key, value);
        open
    }

    fn end_transaction(&self, open: BaseProducer, commit: bool) {
        if commit {
            open.commit_transaction(PATIENCE).unwrap();
        } else {
            #[expect(clippy::disallowed_methods, reason = "somebody else's program may abort")]
            open.abort_transaction(PATIENCE).unwrap();
        }
    }

    fn fence(&self, transactional_id: &str) {
        outsider(Some(transactional_id));
    }

    fn read(&self, topic: &str, committed: bool) -> Vec<(i64, String, Option<String>)> {
        read(topic, if committed { "read_committed" } else { "read_uncommitted" })
    }
}

macro_rules! on_a_real_broker {
    ($scenario:ident) => {
        #[tokio::test(flavor = "multi_thread")]
        #[ignore = "needs Kafka and a registry: make test"]
        async fn $scenario() {
            kafka_scenarios::$scenario(&Real::default()).await;
        }
    };
}

for_every_scenario!(on_a_real_broker);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn an_attempt_that_is_given_up_leaves_nothing_visible() {
    let topic = create(state_topic(unique("state"))).await;
    let me = Uuid::now_v7();
    let mut writer = writer(connection(), &topic, me);
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
async fn a_transaction_that_takes_too_long_names_the_setting() {
    let topic = create(state_topic(unique("state"))).await;
    let me = Uuid::now_v7();
    let mut hasty = connection();
    hasty.transaction_timeout = Duration::from_secs(2);
    let mut writer = writer(hasty, &topic, me);
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
async fn the_largest_account_fits_one_transaction_and_bounded_memory() {
    const RECORDS: usize = 270_000;
    let topic = create(state_topic(unique("state"))).await;
    let me = Uuid::now_v7();
    let mut writer = writer(connection(), &topic, me);
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
    let outcome = writer(dead, &"t".into(), me).attempt(&mut State::default(), |_, _| send(me, vec![])).await;
    let Err(AttemptError::Read(ReadError::Client { source: ClientError::Failed { operation, .. }, .. })) = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(operation, "watermark");
}
