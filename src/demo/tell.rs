//! Telling the story: step by step, waiting for what each must bring.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::time::{Instant, sleep, timeout_at};

use super::page::Page;
use super::reader::{Reader, Sync};
use super::stage::Stage;
use super::story::{STORY, Step};

/// An event has to come within this time; two seconds are usual.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two steps, so that a person can read.
const PAUSE: Duration = Duration::from_millis(1_200);

/// What the story came to.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// Change events that were read, without the baseline.
    pub events: usize,
    /// Syncs that were committed.
    pub syncs: i64,
}

/// Tells the whole story while a daemon serves the account of `stage`.
///
/// # Errors
/// An event that does not come, with its name, or one that nobody caused; a part that fails.
pub async fn tell(stage: &Stage, reader: &mut Reader, page: &Page) -> anyhow::Result<Told> {
    page.heading("The first reading is the baseline: what is there, not what changed")?;
    baseline(reader, page).await?;
    page.columns()?;
    let mut told = Told { events: 0, syncs: 0 };
    for (number, step) in (1..).zip(STORY) {
        sleep(PAUSE).await;
        page.heading(&format!("{number}. {}", step.title))?;
        for deed in step.deeds {
            page.aside(&format!("  {}", deed.words()))?;
            deed.perform(stage.caller()).await?;
        }
        told.syncs = step.watch(reader, page).await?;
        told.events += step.expected.len();
        if let Some(lesson) = step.lesson {
            page.aside(&format!("  {lesson}"))?;
        }
    }
    Ok(told)
}

/// Tells every event from now on, until it is given up.
///
/// # Errors
/// A part that fails.
pub async fn follow(reader: &mut Reader, page: &Page) -> anyhow::Result<()> {
    loop {
        show(&reader.next().await?, page)?;
    }
}

/// Reads until every collection was read once; whatever is published until then is observed, not changed.
async fn baseline(reader: &mut Reader, page: &Page) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let sync = timeout_at(deadline, reader.next()).await.context("missing: a complete baseline")??;
        for event in &sync.events {
            ensure!(event.op == "r", "{} {}: the baseline is observed only", event.event_type, event.subject()?);
        }
        if sync.is_complete() {
            return Ok(page.baseline(&sync)?);
        }
        page.incomplete(&sync)?;
    }
}

fn show(sync: &Sync, page: &Page) -> anyhow::Result<()> {
    for event in &sync.events {
        page.event(event)?;
    }
    if !sync.is_complete() {
        page.incomplete(sync)?;
    }
    Ok(())
}

impl Step {
    /// Reads until everything expected has come; returns the sequence of the last sync.
    async fn watch(&self, reader: &mut Reader, page: &Page) -> anyhow::Result<i64> {
        let deadline = Instant::now() + PATIENCE;
        let mut missing = self.expected.to_vec();
        loop {
            let Ok(sync) = timeout_at(deadline, reader.next()).await else { bail!("{}", self.waited_for(&missing)) };
            let sync = sync?;
            show(&sync, page)?;
            for event in &sync.events {
                let subject = event.subject()?;
                let known =
                    missing.iter().position(|(event_type, who)| *event_type == event.event_type && *who == subject);
                let Some(known) = known else {
                    bail!("{} {subject}: no step of the story caused this event", event.event_type)
                };
                missing.swap_remove(known);
            }
            if missing.is_empty() && (!self.expected.is_empty() || sync.users_are_unknown()) {
                return Ok(sync.record.sequence);
            }
        }
    }

    fn waited_for(&self, missing: &[(&str, &str)]) -> String {
        let mut what: Vec<_> = missing.iter().map(|(event_type, who)| format!("{event_type} {who}")).collect();
        if self.expected.is_empty() {
            what.push("a sync record that says that the users are not known".to_owned());
        }
        format!("missing after {} s: {}", PATIENCE.as_secs(), what.join(", "))
    }
}
