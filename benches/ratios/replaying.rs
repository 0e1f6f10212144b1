//! A replay of the largest account into a real Kafka in one transaction: the shipped path (rows made of the state and
//! encoded as they are sent) against plain rdkafka, with the same settings, sending records that are encoded already.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use jiff::Timestamp;
use ramstream::{
    control::RequestId,
    kafka::{Claim, Decision, Outcome, Record, StateLog, Transaction, Writer, claim},
    model::Kind,
    state::State,
    sync::{desk::Desk, replay::Sending},
};
use uuid::Uuid;

use crate::{
    account::{self, Size},
    measure::Pairs,
    publishing::{Baseline, Published, send_plainly},
    services,
    table::{Figure, Goal},
};

const ROUNDS: usize = 5;

pub(crate) async fn measure(kafka: &str, baseline: &Baseline) -> anyhow::Result<Figure> {
    let (published, _) = baseline.publish(kafka).await?;
    let mut owner = Owner::of(&published).await?;
    let mut pairs = Pairs::default();
    let mut bytes = 0;
    for round in 0..ROUNDS {
        let request = RequestId::try_from(format!("round-{round}")).map_err(anyhow::Error::msg)?;
        let ours = owner.replay(&published, baseline, &request).await?;
        let records = records(&owner.state, &published, baseline, &request)?;
        bytes = records.iter().map(|record| record.key.len() + record.value.as_ref().map_or(0, Vec::len)).sum();
        let kafka = kafka.to_owned();
        let plain = tokio::task::spawn_blocking(move || send_plainly(&kafka, &records)).await??;
        pairs.push(ours, plain);
    }
    let (ours, plain) = pairs.medians();
    Ok(Figure {
        name: "a replay of 270,000 rows into Kafka, throughput against plain rdkafka",
        measured: 1.0 / pairs.ratio(),
        unit: " x",
        goal: Goal::AtLeast(0.8),
        detail: format!(
            "{:.2} s against {:.2} s, {} MB of keys and values, {} rounds",
            ours.as_secs_f64(),
            plain.as_secs_f64(),
            bytes / 1_000_000,
            pairs.rounds(),
        ),
    })
}

/// The writer of an account whose state it holds, as between two syncs.
struct Owner {
    me: Uuid,
    writer: Writer,
    state: State,
}

impl Owner {
    async fn of(published: &Published) -> anyhow::Result<Self> {
        let me = Uuid::new_v4();
        let connection = &published.connection;
        let log = StateLog::new(Arc::clone(connection), published.topics.state(), claim::key(account::ID));
        let mut writer = Writer::new(Arc::clone(connection), services::unique("bench"), log, me);
        let mut state = State::new(account::ID);
        writer.log().read_to_proven_end(&mut state).await?;
        ensure!(state.count() == Size::LARGEST.entities(), "{} entities were read", state.count());
        Ok(Self { me, writer, state })
    }

    /// Serves one request; gives the time from the beginning of the attempt to its end.
    async fn replay(
        &mut self,
        published: &Published,
        baseline: &Baseline,
        request: &RequestId,
    ) -> anyhow::Result<Duration> {
        let claim = Claim { writer: Some(self.me), sequence: 1 };
        let begun = Instant::now();
        let outcome = self
            .writer
            .attempt(&mut self.state, |state: &State, _: Option<&Claim>| match sending(state, request) {
                Some(sending) => {
                    let (rows, now) = (baseline.encoder(), Timestamp::now().into());
                    let records = sending.records(&published.topics, rows, rows, &Desk::default(), now);
                    Decision::Send(Transaction { claim, records })
                }
                None => Decision::Leave("nothing is published"),
            })
            .await?;
        let elapsed = begun.elapsed();
        ensure!(matches!(outcome, Outcome::Committed { .. }), "the replay was not committed: {outcome:?}");
        Ok(elapsed)
    }
}

fn sending(state: &State, request: &RequestId) -> Option<Arc<Sending>> {
    state.verify().ok()?;
    Sending::of(state, Kind::ALL, request, Some("production")).map(Arc::new)
}

/// The same records, encoded.
fn records(
    state: &State,
    published: &Published,
    baseline: &Baseline,
    request: &RequestId,
) -> anyhow::Result<Vec<Record>> {
    let sending = sending(state, request).context("nothing is published")?;
    let rows = baseline.encoder();
    let records = sending.records(&published.topics, rows, rows, &Desk::default(), Timestamp::now().into());
    records.map(|record| record.map_err(|error| anyhow::anyhow!(error))).collect()
}
