//! The one deliberate way back: a new lineage of the account's state.
//!
//! One attempt as any other: the claim record, the notice `lineage.started`, a tombstone for every record that is
//! held, progress at sequence 0. Its claim record is a *release*: whoever owned the account is superseded by it, so
//! that a reading begun on the old lineage is never published, and every copy (parked, refused or owning until now)
//! may claim the new lineage and begins it with a baseline.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use tracing::warn;
use uuid::Uuid;

use super::{
    account_topics::AccountTopics,
    publication::{notice_record, state_record},
    recover::LifeError,
    refusal::Refusal,
    schemas::Schemas,
};
use crate::{
    ambient,
    avro::NoticeHead,
    event::Notice,
    kafka::{Claim, Decision, Outcome, Record, Transaction, Writer, backoff::Backoff},
    model::Kind,
    state::{Progress, State, progress_key, scope_key},
};

/// Attempts go on for this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an operator orders.
#[derive(Debug, Clone)]
pub struct Order {
    /// Why; consumers read it in the notice.
    pub reason: String,
    /// The lineage that the operator has seen; the order is for that one alone.
    pub seen: Option<Uuid>,
    /// Whether to supersede a copy that holds the claim.
    pub take_over: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The new lineage stands.
    New {
        /// Its UUID.
        lineage: Uuid,
    },
    /// A copy holds the claim and was not to be superseded. Nothing was written.
    Claimed(Claim),
    /// The state is of another lineage than the operator has seen. Nothing was written.
    Moved,
}

impl AccountTopics {
    /// Begins a new lineage as ordered.
    ///
    /// # Errors
    /// The topics cannot take it, or something that is needed cannot be reached.
    pub async fn begin_lineage(&self, schemas: &Schemas, order: &Order) -> Result<Begun, LifeError> {
        self.prepare().await?;
        let encoder = schemas.encoder(&self.topics).await?;
        let message = message(&order.reason, self.trace().await?.last.as_ref());
        let lineage = ambient::uuid_v4();
        let at = ambient::now();
        let (id, name) = (self.transactional_id.clone(), self.account_name.as_deref());
        let mut writer = Writer::new(Arc::clone(&self.connection), id, self.state_log(), ambient::uuid_v4());
        let mut state = State::new(&self.account_id);
        let (begun, mut backoff) = (Instant::now(), Backoff::default());
        loop {
            let low_watermark = writer.log().watermarks().await.map_err(LifeError::read)?.low;
            if low_watermark > 0 {
                return Err(Refusal::Truncated { low_watermark }.into());
            }
            let outcome = writer
                .attempt(&mut state, |state: &State, claim: Option<&Claim>| {
                    if let Some(left) = left(order, lineage, state, claim) {
                        return Decision::Leave(left);
                    }
                    let mut notice = Notice::lineage_started(lineage, &self.account_id, name, at.into());
                    notice.message = Some(message.clone());
                    let told = notice_record(&notice, &self.account_id, &self.topics, &encoder);
                    let told = std::iter::once(told.map_err(Into::into));
                    let records = told.chain(self.replacement(state, lineage).into_iter().map(Ok));
                    let claim = Claim { writer: None, sequence: 0 };
                    Decision::Send(Transaction { claim, records: Box::new(records) })
                })
                .await;
            let why = match outcome {
                Ok(Outcome::Committed { .. }) => return Ok(Begun::New { lineage }),
                Ok(Outcome::Left(left)) => return Ok(left),
                Ok(Outcome::Superseded(claim)) => return Ok(Begun::Claimed(claim)),
                Err(error) => match LifeError::attempt(error) {
                    refused @ LifeError::Refused(_) => return Err(refused),
                    LifeError::Unavailable(why) => why,
                },
            };
            if begun.elapsed() > PATIENCE {
                return Err(LifeError::Unavailable(why));
            }
            let wait = backoff.after_failure(ambient::fraction());
            warn!(error = why, wait_secs = wait.as_secs(), "the new lineage is not committed, beginning a new attempt");
            sleep(wait).await;
        }
    }

    /// A tombstone for everything held, and the progress of a state that begins. Which requests were served stays on
    /// record: they lie in a topic of their own, and nothing of it is to be served twice.
    fn replacement(&self, state: &State, lineage: Uuid) -> Vec<Record> {
        let record = |key: &str, value| state_record(&self.topics, key.as_bytes().to_vec(), value);
        let entities = Kind::ALL.iter().flat_map(|kind| state.entities(*kind).keys());
        let entities = entities.map(|key| record(key.as_str(), None));
        let scopes = state.scopes().keys().map(|scope| record(&scope_key(&self.account_id, scope), None));
        let mut progress = Progress::first(lineage, &self.account_id);
        progress.control = state.progress().map(|progress| progress.control.clone()).unwrap_or_default();
        entities.chain(scopes).chain([record(&progress_key(&self.account_id), Some(progress.to_value()))]).collect()
    }
}

/// What stands against beginning `lineage` on this state under this claim.
fn left(order: &Order, lineage: Uuid, state: &State, claim: Option<&Claim>) -> Option<Begun> {
    let held = state.progress().map(|progress| progress.lineage);
    if held == Some(lineage) {
        // An earlier attempt, whose answer was lost.
        return Some(Begun::New { lineage });
    }
    if held != order.seen {
        return Some(Begun::Moved);
    }
    let claimed = claim.filter(|claim| claim.writer.is_some() && !order.take_over);
    claimed.map(|claim| Begun::Claimed(*claim))
}

/// The operator's reason, and what consumers have seen before.
fn message(reason: &str, last: Option<&NoticeHead>) -> String {
    match last {
        Some(last) => format!("{reason} (after sequence {} of lineage {})", last.sequence, last.lineage),
        None => format!("{reason} (what came before is not known)"),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use super::*;
    use crate::{
        kafka::Connection,
        model::{Reason, Scope},
        state::{ScopeRecord, entity_record},
        sync::Topics,
    };

    const ACCOUNT: &str = "5481000000000001";
    const OLD: Uuid = Uuid::from_u128(1);
    const NEW: Uuid = Uuid::from_u128(2);

    fn order() -> Order {
        Order { reason: "restored".to_owned(), seen: Some(OLD), take_over: false }
    }

    /// With a user, a scope that is not known, and requests served.
    fn held(lineage: Uuid) -> State {
        let mut state = State::new(ACCOUNT);
        let mut progress = Progress::first(lineage, ACCOUNT);
        progress.control.cursor.insert(0, 7);
        let scope = Scope::collection(Kind::Role);
        let record = ScopeRecord::new(scope.clone(), None, Reason::Denied, false);
        for (key, value) in [
            (format!("{ACCOUNT}/user/1"), entity_record("1", 3, "{}")),
            (scope_key(ACCOUNT, &scope), record.to_value()),
            (progress_key(ACCOUNT), progress.to_value()),
        ] {
            state.apply(key.as_bytes(), Some(&value)).unwrap();
        }
        state
    }

    fn by(writer: Option<Uuid>) -> Claim {
        Claim { writer, sequence: 3 }
    }

    #[test]
    fn what_is_written_makes_an_empty_state_at_sequence_0_of_the_new_lineage() {
        let account = AccountTopics {
            account_id: ACCOUNT.to_owned(),
            account_name: None,
            connection: Arc::new(Connection::new(Vec::new())),
            topics: Arc::new(Topics::new("p", ACCOUNT)),
            settings: None,
            transactional_id: "id".to_owned(),
            redacted: Arc::default(),
        };
        let mut state = held(OLD);
        let records = account.replacement(&state, NEW);
        assert!(records.iter().all(|record| *record.topic == *format!("p.state.{ACCOUNT}")));
        for record in &records {
            state.apply(&record.key, record.value.as_deref()).unwrap();
        }
        assert_eq!((state.count(), state.scopes().len()), (0, 0));
        let progress = state.progress().unwrap();
        assert_eq!((progress.lineage, progress.sequence, progress.sync_id), (NEW, 0, None));
        assert_eq!(progress.control.cursor, BTreeMap::from([(0, 7)]), "what was served is not served again");
        assert!(records.last().is_some_and(|last| last.key == progress_key(ACCOUNT).into_bytes()), "progress is last");
        state.verify().unwrap();
    }

    #[test]
    fn an_order_is_for_the_lineage_that_was_seen() {
        assert_eq!(left(&order(), NEW, &held(OLD), None), None);
        assert_eq!(left(&order(), NEW, &held(Uuid::max()), None), Some(Begun::Moved));
        assert_eq!(left(&order(), NEW, &State::new(ACCOUNT), None), Some(Begun::Moved));
        let unseen = Order { seen: None, ..order() };
        assert_eq!(left(&unseen, NEW, &State::new(ACCOUNT), None), None);
    }

    #[test]
    fn whoever_holds_the_claim_is_superseded_on_demand_only() {
        let owner = by(Some(Uuid::max()));
        assert_eq!(left(&order(), NEW, &held(OLD), Some(&owner)), Some(Begun::Claimed(owner)));
        assert_eq!(left(&order(), NEW, &held(OLD), Some(&by(None))), None, "released");
        let take_over = Order { take_over: true, ..order() };
        assert_eq!(left(&take_over, NEW, &held(OLD), Some(&owner)), None);
    }

    #[test]
    fn an_attempt_whose_answer_was_lost_is_found_by_its_lineage() {
        let claimed_since = by(Some(Uuid::max()));
        assert_eq!(left(&order(), NEW, &held(NEW), Some(&claimed_since)), Some(Begun::New { lineage: NEW }));
    }
}
