//! Replies and requests that are lost: what a writer is not told of has happened or not, and its next read shows which.

use std::sync::Arc;
use std::time::Duration;

use ramstream::kafka::error::Step;
use ramstream::kafka::{AttemptError, Claim, Connection, Decision, Outcome, Record, Transaction, Writer};
use tokio::sync::Notify;
use tokio::time::sleep;
use uuid::Uuid;

use super::{Broker, CLAIM_KEY, State, commit, keys, record, writer};

const ME: Uuid = Uuid::from_u128(1);

/// What is lost between a writer and the brokers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    Nothing,
    /// They do what they are asked, and it hears nothing.
    Replies,
    Everything,
}

/// Longer than a writer here has, and than coordinators take to see that its time is up.
const LONG: Duration = Duration::from_secs(16);

/// A writer whose transactions may be open for so long.
fn writer_of(broker: &impl Broker, topic: &Arc<str>, transaction_timeout: Duration) -> Writer {
    writer(Connection { transaction_timeout, ..broker.lossy_connection() }, topic, ME)
}

/// An attempt at these records whose claim goes well; from then on `lost` is, for so long.
async fn attempt(
    writer: &mut Writer,
    broker: &impl Broker,
    mut records: Vec<Record>,
    lost: Lost,
    duration: Duration,
) -> Result<Outcome<()>, AttemptError> {
    let begun = Arc::new(Notify::new());
    let restored = async {
        begun.notified().await;
        sleep(duration).await;
        broker.lose(Lost::Nothing);
    };
    let (loses, mut begins) = (broker.clone(), Some(Arc::clone(&begun)));
    // The first one is taken when the claim is delivered; behind the last one comes the commit.
    let records = std::iter::from_fn(move || {
        if let Some(begun) = begins.take() {
            loses.lose(lost);
            begun.notify_one();
        }
        records.pop().map(Ok)
    });
    let transaction = Transaction { claim: Claim { writer: Some(ME), sequence: 0 }, records: Box::new(records) };
    let mut state = State::default();
    let attempt = async {
        let outcome = writer.attempt(&mut state, |_, _| Decision::<()>::Send(transaction)).await;
        begun.notify_one();
        outcome
    };
    tokio::join!(attempt, restored).0
}

/// Reads to the proven end.
async fn reads_on(writer: &mut Writer) {
    writer.log().read_to_proven_end(&mut State::default()).await.unwrap();
}

/// Whether the attempt failed there, perhaps because its time was up.
fn failed(outcome: &Result<Outcome<()>, AttemptError>, at: Step) -> bool {
    let error = match outcome {
        Err(AttemptError::TooSlow { source, .. }) => source,
        Err(error) => error,
        Ok(_) => return false,
    };
    matches!(error, AttemptError::Client { step, .. } if *step == at)
}

/// A real client asks again for as long as nobody answers, and is told in the end; the model's gives up before.
pub(crate) async fn a_commit_whose_reply_is_lost_stands_whatever_the_writer_is_told(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let mut writer = writer_of(broker, &topic, Duration::from_secs(2));
    let outcome = attempt(&mut writer, broker, vec![], Lost::Replies, LONG).await;
    assert!(matches!(outcome, Ok(Outcome::Committed { .. })) || failed(&outcome, Step::Commit), "{outcome:?}");
    reads_on(&mut writer).await;
    assert_eq!(writer.log().last_claim().map(|placed| placed.claim.writer), Some(Some(ME)), "it finds its own claim");
    commit(&mut writer, ME, vec![record(&topic, "k", "v")]).await;
    reads_on(&mut writer).await;
    for committed in [true, false] {
        assert_eq!(keys(broker, &topic, committed), [CLAIM_KEY, CLAIM_KEY, "k"]);
    }
}

pub(crate) async fn a_commit_that_never_arrives_in_time_is_an_error_and_is_aborted(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let mut writer = writer_of(broker, &topic, Duration::from_secs(2));
    let outcome = attempt(&mut writer, broker, vec![], Lost::Everything, LONG).await;
    assert!(failed(&outcome, Step::Commit), "{outcome:?}");
    reads_on(&mut writer).await;
    assert!(writer.log().last_claim().is_none(), "it finds no claim");
    commit(&mut writer, ME, vec![record(&topic, "k", "v")]).await;
    reads_on(&mut writer).await;
    assert_eq!(keys(broker, &topic, true), [CLAIM_KEY, "k"]);
    assert_eq!(keys(broker, &topic, false), [CLAIM_KEY, CLAIM_KEY, "k"]);
}

pub(crate) async fn a_record_of_which_nothing_is_heard_is_an_error_and_is_aborted(broker: &impl Broker) {
    let topic = broker.create(true).await;
    let mut writer = writer_of(broker, &topic, Duration::from_secs(2));
    let unheard = vec![record(&topic, "unheard", "1")];
    let outcome = attempt(&mut writer, broker, unheard, Lost::Replies, Duration::from_secs(5)).await;
    assert!(failed(&outcome, Step::Send), "{outcome:?}");
    commit(&mut writer, ME, vec![record(&topic, "k", "v")]).await;
    reads_on(&mut writer).await;
    assert_eq!(keys(broker, &topic, true), [CLAIM_KEY, "k"]);
    assert_eq!(keys(broker, &topic, false), [CLAIM_KEY, "unheard", CLAIM_KEY, "k"], "it arrived, and once");
}

pub(crate) async fn what_is_asked_for_again_because_its_reply_was_lost_happens_once(broker: &impl Broker) {
    for sent in [&[][..], &["k"]] {
        let topic = broker.create(true).await;
        let mut writer = writer_of(broker, &topic, Duration::from_secs(30));
        let records = sent.iter().map(|key| record(&topic, key, "v")).collect();
        let outcome = attempt(&mut writer, broker, records, Lost::Replies, Duration::from_secs(2)).await;
        assert!(matches!(outcome, Ok(Outcome::Committed { .. })), "{outcome:?}");
        reads_on(&mut writer).await;
        for committed in [true, false] {
            assert_eq!(keys(broker, &topic, committed), [&[CLAIM_KEY], sent].concat());
        }
    }
}
