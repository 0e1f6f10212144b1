//! The world of one schedule: an account, a cluster, and the copies between them.

use std::{
    cell::Cell,
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use ramstream::{
    alicloud::{
        self, Credentials, CredentialsSource, EndpointSettings, Endpoints, ExchangeSettings, OPERATIONS, Service,
        SimulatedServices,
    },
    ambient::{self, Simulation},
    kafka::{
        Connection,
        model::{Cluster, Isolation, Settings, Version, Weather},
    },
    metrics::Metrics,
    model::{Kind, Reason},
    simulator::{self, in_process::InProcess, seed::Size},
    sync::{Pipeline, Rhythm, Schemas, Topics},
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    asks::{self, Ask},
    claims,
    copy::{Copy, Sign},
    faults::{Fault, Harm, Ill, When},
    life::{Asked, Deed, ECS, Write, bind_device, delete_keys},
    schedule::{Broker, Schedule},
};

/// The prefix of all topics.
pub(crate) const PREFIX: &str = "alicloud.identity";
const EVENT_PARTITIONS: i32 = 3;
/// Of the topic of requests.
pub(crate) const CONTROL_PARTITIONS: i32 = 2;
/// A stalled read is looked at a hundred times a second.
const STALL: Duration = Duration::from_secs(5);
const FOREIGN_ID: &str = "somebody-else";
/// A Friday at noon.
const EPOCH: Timestamp = Timestamp::constant(1_789_128_000, 0);

/// Everything that a schedule happens to.
pub(crate) struct World<'a> {
    schedule: &'a Schedule,
    surroundings: Simulation,
    pub(crate) account: InProcess,
    pub(crate) cluster: Cluster,
    pub(crate) topics: Topics,
    credentials: Arc<Mutex<Credentials>>,
    copies: Vec<Option<Copy>>,
    /// Why copies that ended refused to publish.
    refusals: Vec<String>,
    metrics: Arc<Metrics>,
    /// Faults in force, by the number of their event.
    in_force: BTreeMap<usize, InForce>,
    fired: BTreeMap<&'static str, u64>,
    /// The kills of the schedule so far, and whether they struck.
    kills: Vec<Rc<Cell<bool>>>,
}

/// A fault in force.
struct InForce {
    fault: Fault,
    /// Whether a kill has come.
    has_struck: Rc<Cell<bool>>,
    /// How often what it does had been felt when it began.
    felt_before: u64,
}

impl<'a> World<'a> {
    /// The world before its first copy starts. To be made inside of the runtime.
    pub(crate) fn new(schedule: &'a Schedule) -> Self {
        let surroundings = ambient::simulate(schedule.seed, EPOCH);
        // The account's clock is the one that the truth log keeps, so it is ours that is wrong.
        surroundings.set_clock_offset(SignedDuration::from_secs(-schedule.service_clock));
        let size = Size { system_policies: 2, seed: schedule.seed, ..Size::EMPTY };
        let account = InProcess::new(&simulator::Settings { size, ..simulator::Settings::default() });
        let account = account.expect("the account is small");
        account.set_latency(Duration::from_millis(1)..=Duration::from_millis(60));
        let version = match schedule.broker {
            Broker::Old => Version::Old,
            Broker::Verifying => Version::Verifying,
            Broker::EpochPerTransaction => Version::EpochPerTransaction,
        };
        let cluster = Cluster::new(Settings { version, ..Settings::default() }, schedule.seed);
        let topics = Topics::new(PREFIX, &account.account_id);
        for kind in Kind::ALL {
            cluster.create_topic(&topics.of(*kind), EVENT_PARTITIONS);
            cluster.create_topic(&topics.snapshot_of(*kind), 1);
        }
        cluster.create_topic(&topics.control(), CONTROL_PARTITIONS);
        cluster.create_topic(&topics.syncs(), 1);
        cluster.create_topic(&topics.state(), 1);
        let key = &account.access_key;
        let credentials =
            Credentials { access_key_id: key.id.clone(), access_key_secret: key.secret.clone(), security_token: None };
        Self {
            schedule,
            surroundings,
            account,
            cluster,
            topics,
            credentials: Arc::new(Mutex::new(credentials)),
            copies: (0..schedule.copies).map(|_| None).collect(),
            refusals: Vec::new(),
            metrics: METRICS.with(Arc::clone),
            in_force: BTreeMap::new(),
            kills: Vec::new(),
            fired: BTreeMap::from([("clock of the service", u64::from(schedule.service_clock != 0))]),
        }
    }

    /// People do something; what the service refuses did not happen.
    pub(crate) fn happens(&mut self, deed: Deed) {
        let mut done = Vec::new();
        for asked in deed.asked(self.schedule.names) {
            match asked {
                // Nobody is deleted who has keys left.
                Asked::Call(call @ (_, "DeleteUser", _)) => {
                    let user = call.2[0].1.clone();
                    self.write_all(delete_keys(&self.account.account(), &user));
                    done.extend(self.write(call));
                }
                Asked::Call(call) => done.extend(self.write(call)),
                Asked::DeleteKeys { user } => self.write_all(delete_keys(&self.account.account(), &user)),
                Asked::BindDevice { user } => self.write_all(bind_device(&self.account.account_id, &user)),
                Asked::RootMfa(is_enabled) => self.account.set_root_mfa(is_enabled),
                Asked::Freeze { user, frozen } => {
                    let _refused = self.account.set_frozen(&user, frozen).err();
                }
                Asked::Instance { name, action, parameters } => {
                    done.extend(self.happens_to_instance(&name, action, parameters));
                }
                Asked::Recreate { name } => {
                    let id = self.account.instance(&name).map(|(_, id)| id).unwrap_or_default();
                    let _refused = self.account.recreate_instance(&id).err();
                }
            }
        }
        // What was done before any copy began is nothing that one could miss.
        let is_seen = self.copies().next().is_some();
        let counted = deed.counted_as(&done, self.account.names("users").len()).filter(|_| is_seen);
        counted.into_iter().for_each(|name| self.count(name));
    }

    /// The operation, if the service did it.
    fn write(&self, (version, action, parameters): Write) -> Option<&'static str> {
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.account.call(version, action, &parameters).is_ok().then_some(action)
    }

    fn write_all(&self, calls: Vec<Write>) {
        for call in calls {
            self.write(call);
        }
    }

    fn happens_to_instance(
        &self,
        name: &str,
        action: &'static str,
        mut parameters: Vec<(&'static str, String)>,
    ) -> Option<&'static str> {
        let (region, id) = self.account.instance(name)?;
        let ids = json!([id]).to_string();
        parameters.extend([("ResourceType", "instance".to_owned()), ("ResourceId.1", id.clone())]);
        parameters.extend([("RegionId", region), ("InstanceId", id), ("InstanceIds", ids)]);
        self.write((ECS, action, parameters))
    }

    /// Somebody asks for something.
    pub(crate) fn is_asked(&mut self, ask: Ask) {
        let (key, value) = ask.record(&self.account.account_id);
        self.cluster.append(&self.topics.control(), ask.partition, key.as_bytes(), Some(value.as_bytes()));
        self.count(ask.name());
    }

    /// What was asked for and is not on record.
    pub(crate) fn unanswered(&self) -> Option<String> {
        asks::unanswered(&self.cluster, &self.topics, &self.account.account_id)
    }

    /// Starts a copy, unless its process is there.
    pub(crate) fn start(&mut self, copy: usize) {
        if self.copies[copy].as_ref().is_some_and(|copy| !copy.has_ended()) {
            return;
        }
        let (cluster, process) = (self.cluster.clone(), name(copy));
        self.refusals.extend(self.copies[copy].as_ref().and_then(Copy::refused));
        let started = Copy::start(self.pipeline(copy), move || cluster.kill(&process));
        if let Some(steps) = self.schedule.kills.get(self.kills.len()).filter(|_| copy == 0) {
            let has_struck = Rc::<Cell<bool>>::default();
            started.kill_after(Rc::new(|| true), *steps, Rc::clone(&has_struck));
            self.kills.push(has_struck);
        }
        self.copies[copy] = Some(started);
    }

    /// Starts whatever is not there.
    pub(crate) fn start_all(&mut self) {
        (0..self.copies.len()).for_each(|copy| self.start(copy));
    }

    /// Why any copy refused to publish, so far.
    pub(crate) fn refusals(&self) -> Vec<String> {
        self.refusals.iter().cloned().chain(self.copies().filter_map(Copy::refused)).collect()
    }

    pub(crate) fn copies(&self) -> impl Iterator<Item = &Copy> {
        self.copies.iter().flatten()
    }

    /// Ends all copies as an operator does, and waits for it.
    pub(crate) async fn terminate_all(&mut self) {
        self.copies().for_each(Copy::terminate);
        for copy in self.copies.iter_mut().flatten() {
            copy.ended().await;
        }
    }

    /// A fault begins.
    pub(crate) fn begin(&mut self, event: usize, fault: Fault) {
        let has_struck = Rc::<Cell<bool>>::default();
        let in_force = InForce { fault, has_struck: Rc::clone(&has_struck), felt_before: self.felt(fault) };
        self.in_force.insert(event, in_force);
        match fault {
            Fault::Calls { .. } | Fault::SmallPages { .. } => self.apply_to_calls(),
            Fault::AccountAway => self.account.set_reachable(false),
            Fault::KeyDeleted => self.account.revoke_key(&self.key_id()),
            Fault::OwnClock { .. } => self.apply_clock(),
            Fault::Brokers { .. } | Fault::BrokersOfOne { .. } => self.apply_weather(),
            Fault::Compaction => {
                let state = self.topics.state();
                let before = self.cluster.records(&state, Isolation::Uncommitted).len();
                self.cluster.compact(&state);
                if self.cluster.records(&state, Isolation::Uncommitted).len() < before {
                    self.fire(fault);
                }
            }
            Fault::ForeignTransaction => {
                self.cluster.open_foreign_transaction(FOREIGN_ID, &self.topics.syncs(), 0, b"another/account", None);
                self.fire(fault);
            }
            Fault::Kill { copy, when, steps } => {
                let sign = self.sign(copy, when);
                if let Some(running) = self.copies[copy].as_ref().filter(|copy| !copy.has_ended()) {
                    running.kill_after(sign, steps, has_struck);
                }
            }
            Fault::Stop { copy } => {
                if let Some(running) = self.copies[copy].as_ref().filter(|copy| !copy.has_ended()) {
                    running.stop();
                    self.cluster.pause(&name(copy));
                    self.fire(fault);
                }
            }
            Fault::Terminate { copy } => {
                if let Some(running) = self.copies[copy].as_ref().filter(|copy| !copy.has_ended()) {
                    running.terminate();
                    self.fire(fault);
                }
            }
            // That one comes once nobody runs.
            Fault::Harm(Harm::RecordLost) => {}
            Fault::Harm(harm) => {
                if self.harm(harm) {
                    self.fire(fault);
                }
            }
        }
    }

    /// A fault ends.
    pub(crate) fn end(&mut self, event: usize) {
        let Some(InForce { fault, has_struck, felt_before }) = self.in_force.remove(&event) else { return };
        if has_struck.get() || self.felt(fault) > felt_before {
            self.fire(fault);
        }
        match fault {
            Fault::Calls { .. } | Fault::SmallPages { .. } => self.apply_to_calls(),
            Fault::AccountAway => {
                let is_away = self.faults_in_force().any(|fault| fault == Fault::AccountAway);
                self.account.set_reachable(!is_away);
            }
            Fault::KeyDeleted => self.issue_key(),
            Fault::OwnClock { .. } => self.apply_clock(),
            Fault::Brokers { .. } | Fault::BrokersOfOne { .. } => self.apply_weather(),
            Fault::ForeignTransaction => self.cluster.end_foreign_transaction(FOREIGN_ID, true),
            Fault::Kill { copy, .. } => {
                self.copies[copy].iter().for_each(Copy::spare);
                self.start(copy);
            }
            Fault::Stop { copy } => {
                self.cluster.resume(&name(copy));
                if let Some(copy) = &self.copies[copy] {
                    copy.go_on();
                }
            }
            Fault::Terminate { copy } => self.start(copy),
            Fault::Harm(_) | Fault::Compaction => {}
        }
    }

    /// Ends every fault.
    pub(crate) fn heal(&mut self) {
        for event in self.in_force.keys().copied().collect::<Vec<_>>() {
            self.end(event);
        }
    }

    /// How often each fault took effect.
    pub(crate) fn fired(&mut self) -> BTreeMap<&'static str, u64> {
        self.count_call_faults();
        let mut fired = self.fired.clone();
        fired.insert("small pages", self.account.short_pages());
        if !self.schedule.kills.is_empty() {
            fired.insert("killed at a step", self.kills.iter().filter(|has_struck| has_struck.get()).count() as u64);
        }
        let is_outage = |name: &str| Ill::OUTAGES.iter().any(|ill| ill.name() == name);
        for (name, count) in self.cluster.fired().into_iter().filter(|(name, _)| !is_outage(name)) {
            *fired.entry(name).or_default() += count;
        }
        fired
    }

    fn fire(&mut self, fault: Fault) {
        self.count(fault.name());
    }

    fn count(&mut self, name: &'static str) {
        *self.fired.entry(name).or_default() += 1;
    }

    /// How often anybody has met what a fault does that lasts: it counts once if that was while it lasted.
    fn felt(&self, fault: Fault) -> u64 {
        match fault {
            Fault::AccountAway | Fault::KeyDeleted | Fault::OwnClock { .. } => self.account.requests(),
            Fault::Brokers { weather, .. } if Ill::OUTAGES.contains(&weather) => {
                self.cluster.fired().get(weather.name()).copied().unwrap_or(0)
            }
            Fault::BrokersOfOne { copy, weather: Ill::Away, .. } => {
                let is_another_up = (0..).zip(&self.copies).any(|(other, running)| {
                    other != copy && running.as_ref().is_some_and(|running| !running.has_ended())
                });
                if is_another_up { self.cluster.away_of(&name(copy)) } else { 0 }
            }
            _ => 0,
        }
    }

    fn faults_in_force(&self) -> impl Iterator<Item = Fault> {
        self.in_force.values().map(|in_force| in_force.fault)
    }

    /// Kills wait for this.
    fn sign(&self, copy: usize, when: When) -> Sign {
        match when {
            When::Reading => {
                let (account, before) = (self.account.clone(), self.account.total_calls());
                Rc::new(move || account.total_calls() > before)
            }
            When::Writing => {
                let (cluster, name) = (self.cluster.clone(), name(copy));
                let before = cluster.requests_of(&name);
                Rc::new(move || cluster.requests_of(&name) > before)
            }
        }
    }

    fn apply_to_calls(&mut self) {
        self.count_call_faults();
        self.account.clear_faults();
        let mut largest_page = None;
        for fault in self.faults_in_force() {
            match fault {
                Fault::Calls { fault, operation, share } => {
                    let slow = (fault == "slow").then_some(45_000);
                    let mut set = json!({ "operation": operation, "fault": fault, "probability": share });
                    if let Some(delay_ms) = slow {
                        set["delay_ms"] = delay_ms.into();
                    }
                    self.account.add_fault(set).expect("the schedule draws faults that there are");
                }
                Fault::SmallPages { rows } => largest_page = Some(rows.min(largest_page.unwrap_or(rows))),
                _ => {}
            }
        }
        self.account.set_largest_page(largest_page);
    }

    /// Takes over the counts of the faults in force, which the account forgets with the faults.
    fn count_call_faults(&mut self) {
        for fault in self.account.faults() {
            let name = fault["fault"].as_str().and_then(crate::faults::call_fault);
            *self.fired.entry(name.unwrap_or("unknown")).or_default() += fault["fired"].as_u64().unwrap_or(0);
        }
        self.account.clear_faults();
    }

    fn apply_clock(&self) {
        let own = self.faults_in_force().find_map(|fault| match fault {
            Fault::OwnClock { seconds } => Some(seconds),
            _ => None,
        });
        self.surroundings.set_clock_offset(SignedDuration::from_secs(own.unwrap_or(-self.schedule.service_clock)));
    }

    fn apply_weather(&self) {
        let mut weather = Weather::CALM;
        for fault in self.faults_in_force() {
            match fault {
                // Where records outside of a transaction are taken, those on their way would outlive their producer.
                Fault::Brokers { weather: Ill::IdExpired, .. } if self.schedule.broker == Broker::Old => {}
                Fault::Brokers { weather: ill, share } => ill.add_to(&mut weather, share),
                _ => {}
            }
        }
        let mut of_one = BTreeMap::new();
        for fault in self.faults_in_force() {
            if let Fault::BrokersOfOne { copy, weather: ill, share } = fault {
                ill.add_to(of_one.entry(copy).or_insert_with(|| weather.clone()), share);
            }
        }
        self.cluster.set_weather(weather);
        for (copy, weather) in of_one {
            self.cluster.set_weather_of(&name(copy), weather);
        }
    }

    /// False if there was nothing to harm.
    pub(crate) fn harm(&self, harm: Harm) -> bool {
        let state = self.topics.state();
        match harm {
            Harm::Deleted => self.cluster.delete_topic(&state),
            Harm::Recreated => {
                self.cluster.delete_topic(&state);
                self.cluster.create_topic(&state, 1);
            }
            Harm::Truncated => self.cluster.delete_records_before(&state, 0, 3),
            Harm::RolledBack => {
                let Some(from) = claims::last_syncs(&self.cluster.records(&state, Isolation::Committed)) else {
                    return false;
                };
                self.cluster.lose_records_from(&state, 0, from);
            }
            Harm::RecordLost => {
                let records = self.cluster.records(&state, Isolation::Committed);
                let held = claims::held(&records);
                let Some(offset) = held.get(self.schedule.seed as usize % held.len().max(1)) else { return false };
                self.cluster.lose_record(&state, 0, *offset);
            }
        }
        true
    }

    /// A record is lost while nobody runs, if there is one.
    pub(crate) fn lose_a_record(&mut self) {
        if self.harm(Harm::RecordLost) {
            self.fire(Fault::Harm(Harm::RecordLost));
        }
    }

    /// Whether this harm was done.
    pub(crate) fn was_harmed(&self, harm: Harm) -> bool {
        self.fired.contains_key(Fault::Harm(harm).name())
    }

    fn key_id(&self) -> String {
        self.credentials.lock().expect("one thread").access_key_id.clone()
    }

    fn issue_key(&self) {
        let key = self.account.issue_key(None);
        let mut held = self.credentials.lock().expect("one thread");
        (held.access_key_id, held.access_key_secret) = (key.id, key.secret);
    }

    fn pipeline(&self, copy: usize) -> Pipeline {
        let id = self.account.account_id.clone();
        let (schedule, me) = (self.schedule, ambient::uuid_v4());
        Pipeline {
            client: self.client(&id, me),
            name: None,
            connection: Arc::new(Connection { read_stall_timeout: STALL, ..self.cluster.connect(&name(copy)) }),
            schemas: Schemas::fixed(),
            transactional_id: format!("ramstream.{id}"),
            topics: Arc::new(self.topics.clone()),
            topic_settings: None,
            kinds: Kind::ALL.iter().copied().collect(),
            redacted: Arc::default(),
            rhythm: Rhythm {
                interval: Some(schedule.interval),
                jitter: Duration::ZERO,
                detail_interval: schedule.detail_interval,
                time_budget: schedule.interval * 3,
                confirm_delay: schedule.confirm_delay,
                takeover_after: schedule.takeover_after,
                shutdown_deadline: Duration::from_secs(25),
            },
            message_max_bytes: 1_000_000,
            metrics: Arc::clone(&self.metrics),
            me,
            id,
        }
    }

    fn client(&self, id: &str, me: Uuid) -> alicloud::Client {
        let services = [Service::Sts, Service::Ims, Service::Ram, Service::ResourceManager, Service::Ecs];
        let endpoints = EndpointSettings {
            overrides: services.map(|service| (service, "http://127.0.0.1:1".to_owned())).into(),
            allow_plain_http: true,
            ..EndpointSettings::default()
        };
        let source = CredentialsSource::Shared(Arc::clone(&self.credentials));
        let settings = alicloud::Settings {
            exchange: ExchangeSettings {
                instance: Some(me),
                simulated: Some(SimulatedServices::new(self.account.services())),
                ..ExchangeSettings::default()
            },
            ..alicloud::Settings::new(source, Endpoints::new(&endpoints).expect("the addresses are well formed"))
        };
        alicloud::Client::new(settings, id).expect("the settings are well formed")
    }
}

/// A copy's name towards the cluster.
fn name(copy: usize) -> String {
    format!("copy-{copy}")
}

thread_local! {
    /// Nobody looks at them here, so they need not be made for every schedule.
    static METRICS: Arc<Metrics> = metrics();
}

fn metrics() -> Arc<Metrics> {
    let operations: Vec<_> = OPERATIONS.iter().map(|operation| operation.name).collect();
    Arc::new(Metrics::new(Kind::ALL, &operations, Reason::ALL))
}
