//! The cluster: brokers, their weather, and what happens in its own time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::super::connection::Connection;
use super::broker::{Answer, Broker, Consequence, Refusal, Request, Settings};
use super::chance::Chance;
use super::coordinator::{Markers, Place};
use super::link::{Life, Link};
use super::weather::{Fault, Weather};

/// A model cluster; clones share it. Its requests, markers and time-outs are tasks of the tokio runtime that it
/// is used in.
#[derive(Clone)]
pub struct Cluster(Arc<Shared>);

struct Shared {
    settings: Settings,
    state: Mutex<State>,
}

/// Everything that changes, under one lock.
pub(super) struct State {
    pub(super) broker: Broker,
    pub(super) chance: Chance,
    weather: Weather,
    /// Where a process has a weather of its own.
    weathers: BTreeMap<Arc<str>, Weather>,
    fired: BTreeMap<Fault, u64>,
    /// Of each transactional id, the task that waits for its transaction's time to be up.
    timers: BTreeMap<Arc<str>, AbortHandle>,
    processes: BTreeMap<Arc<str>, watch::Sender<Life>>,
    /// How many requests that write each process has sent.
    sent: BTreeMap<Arc<str>, u64>,
    /// How often each process found no broker.
    cut_off: BTreeMap<Arc<str>, u64>,
}

impl State {
    pub(super) fn weather(&self, process: &str) -> &Weather {
        self.weathers.get(process).unwrap_or(&self.weather)
    }

    pub(super) fn note_sent(&mut self, process: &Arc<str>) {
        *self.sent.entry(Arc::clone(process)).or_default() += 1;
    }

    pub(super) fn note_away(&mut self, process: &Arc<str>) {
        *self.cut_off.entry(Arc::clone(process)).or_default() += 1;
        self.fire(Fault::Away);
    }

    pub(super) fn fire(&mut self, fault: Fault) {
        *self.fired.entry(fault).or_default() += 1;
    }

    /// Whether a fault of this probability happens; it is counted if it does.
    pub(super) fn strikes(&mut self, fault: Fault, probability: f64) -> bool {
        let strikes = self.chance.happens(probability);
        if strikes {
            self.fire(fault);
        }
        strikes
    }
}

impl Cluster {
    /// A cluster without topics, in calm weather.
    #[must_use]
    pub fn new(settings: Settings, seed: u64) -> Self {
        let state = State {
            broker: Broker::new(settings.version),
            chance: Chance::new(seed),
            weather: Weather::CALM,
            weathers: BTreeMap::new(),
            fired: BTreeMap::new(),
            timers: BTreeMap::new(),
            processes: BTreeMap::new(),
            sent: BTreeMap::new(),
            cut_off: BTreeMap::new(),
        };
        Self(Arc::new(Shared { settings, state: Mutex::new(state) }))
    }

    /// Makes a topic, unless it is there.
    pub fn create_topic(&self, name: &str, partitions: i32) {
        self.state().broker.create_topic(name, partitions);
    }

    /// Deletes a topic with everything in it.
    pub fn delete_topic(&self, name: &str) {
        self.state().broker.delete_topic(name);
    }

    /// Deletes the records below `offset`, as retention or an operator does.
    pub fn delete_records_before(&self, topic: &str, partition: i32, offset: i64) {
        if let Some(partition) = self.state().broker.partition_mut(topic, partition) {
            partition.delete_before(offset);
        }
    }

    /// Loses the records from `offset` on, acknowledged ones too, as the choice of a leader does that lacks them.
    pub fn lose_records_from(&self, topic: &str, partition: i32, offset: i64) {
        if let Some(partition) = self.state().broker.partition_mut(topic, partition) {
            partition.lose_from(offset);
        }
    }

    /// Takes one record away, as a compaction does that should not have.
    pub fn lose_record(&self, topic: &str, partition: i32, offset: i64) {
        if let Some(partition) = self.state().broker.partition_mut(topic, partition) {
            partition.lose(offset);
        }
    }

    /// Compacts a topic: of every key the last committed record stays (a tombstone too), at its offset.
    pub fn compact(&self, topic: &str) {
        self.state().broker.compact(topic);
    }

    /// A connection of the named process to this cluster. A process that was killed begins a new life.
    #[must_use]
    pub fn connect(&self, process: &str) -> Connection {
        let name: Arc<str> = process.into();
        let life = self
            .state()
            .processes
            .entry(Arc::clone(&name))
            .or_insert_with(|| watch::Sender::new(Life::Awake))
            .subscribe();
        let link = Link::new(self.clone(), name, life);
        Connection { model: Some(link), ..Connection::new(vec!["model:9092".to_owned()]) }
    }

    /// The clients of a process stop for ever, as `kill -9` stops them; requests on their way arrive all the same.
    pub fn kill(&self, process: &str) {
        if let Some(life) = self.state().processes.remove(process) {
            life.send_replace(Life::Dead);
        }
    }

    /// The clients of a process stop, as `SIGSTOP` stops them, until [`resume`](Self::resume).
    pub fn pause(&self, process: &str) {
        self.set_life(process, Life::Paused);
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self, process: &str) {
        self.set_life(process, Life::Awake);
    }

    fn set_life(&self, process: &str, life: Life) {
        if let Some(process) = self.state().processes.get(process) {
            process.send_replace(life);
        }
    }

    /// The weather of everybody from now on; weather of single processes ends.
    pub fn set_weather(&self, weather: Weather) {
        let mut state = self.state();
        state.weather = weather;
        state.weathers.clear();
    }

    /// The weather between one process and the brokers from now on.
    pub fn set_weather_of(&self, process: &str, weather: Weather) {
        self.state().weathers.insert(process.into(), weather);
    }

    /// How many requests of its producers a process has sent, in all its lives.
    #[must_use]
    pub fn requests_of(&self, process: &str) -> u64 {
        self.state().sent.get(process).copied().unwrap_or(0)
    }

    /// How often a process found no broker, in all its lives.
    #[must_use]
    pub fn away_of(&self, process: &str) -> u64 {
        self.state().cut_off.get(process).copied().unwrap_or(0)
    }

    /// How often each kind of fault took effect.
    #[must_use]
    pub fn fired(&self) -> BTreeMap<&'static str, u64> {
        self.state().fired.iter().map(|(fault, count)| (fault.name(), *count)).collect()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies a request now; what follows from it happens in its time.
    pub(super) fn apply(&self, request: &Request) -> Result<Answer, Refusal> {
        let mut state = self.state();
        let State { broker, fired, .. } = &mut *state;
        let (answer, consequence) = broker.apply(request, |fault| *fired.entry(fault).or_default() += 1);
        match consequence {
            None => {}
            Some(Consequence::Decided(markers)) => self.write_markers(&mut state, markers),
            Some(Consequence::Began { transactional_id, transaction, timeout }) => {
                self.await_time_out(&mut state, transactional_id, transaction, timeout);
            }
        }
        answer
    }

    /// Each partition's marker comes in its own time.
    fn write_markers(&self, state: &mut State, markers: Markers) {
        if let Some(timer) = state.timers.remove(&markers.identity.transactional_id) {
            timer.abort();
        }
        let markers = Arc::new(markers);
        for place in markers.places.clone() {
            let Weather { marker_delay, marker_late, marker_repeated, lateness, .. } = state.weather.clone();
            let mut delay = state.chance.between(&marker_delay);
            if state.strikes(Fault::MarkerLate, marker_late) {
                delay += state.chance.between(&lateness);
            }
            let again = state.chance.happens(marker_repeated).then(|| state.chance.between(&lateness));
            tokio::spawn(self.clone().write_marker(Arc::clone(&markers), place, delay, again));
        }
    }

    async fn write_marker(self, markers: Arc<Markers>, place: Place, delay: Duration, again: Option<Duration>) {
        sleep(delay).await;
        self.state().broker.write_marker(&markers, &place, false);
        let Some(again) = again else { return };
        sleep(again).await;
        let mut state = self.state();
        state.broker.write_marker(&markers, &place, true);
        state.fire(Fault::MarkerRepeated);
    }

    fn await_time_out(&self, state: &mut State, id: Arc<str>, transaction: u64, timeout: Duration) {
        let Weather { transaction_cut_short, cut_short_after, .. } = state.weather.clone();
        let (wait, fault) = if state.chance.happens(transaction_cut_short) {
            (state.chance.between(&cut_short_after), Fault::TransactionCutShort)
        } else {
            let check = state.chance.between(&(Duration::ZERO..=self.0.settings.time_out_check));
            (timeout + check, Fault::TransactionTimedOut)
        };
        let (cluster, of) = (self.clone(), Arc::clone(&id));
        let timer = tokio::spawn(async move {
            sleep(wait).await;
            let mut state = cluster.state();
            if let Some(markers) = state.broker.coordinator.time_out(&of, transaction) {
                state.fire(fault);
                cluster.write_markers(&mut state, markers);
            }
        });
        if let Some(older) = state.timers.insert(id, timer.abort_handle()) {
            older.abort();
        }
    }
}
