//! The world of one schedule: an account, a cluster, and the copies between them.

use std::{
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
        model::{Cluster, Settings, Version, Weather},
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
    in_force: BTreeMap<usize, Fault>,
    fired: BTreeMap<&'static str, u64>,
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
            fired: BTreeMap::from([("clock of the service", u64::from(schedule.service_clock != 0))]),
        }
    }

    /// People do something; what the service refuses did not happen.
    pub(crate) fn happens(&self, deed: Deed) {
        for asked in deed.asked(self.schedule.names) {
            match asked {
                // Nobody is deleted who has keys left.
                Asked::Call(call @ (_, "DeleteUser", _)) => {
                    let user = call.2[0].1.clone();
                    delete_keys(&self.account.account(), &user).into_iter().for_each(|call| self.write(call));
                    self.write(call);
                }
                Asked::Call(call) => self.write(call),
                Asked::DeleteKeys { user } => {
                    delete_keys(&self.account.account(), &user).into_iter().for_each(|call| self.write(call));
                }
                Asked::BindDevice { user } => {
                    bind_device(&self.account.account_id, &user).into_iter().for_each(|call| self.write(call));
                }
                Asked::RootMfa(is_enabled) => self.account.set_root_mfa(is_enabled),
                Asked::Freeze { user, frozen } => {
                    let _refused = self.account.set_frozen(&user, frozen).err();
                }
                Asked::Instance { name, action, parameters } => self.happens_to_instance(&name, action, parameters),
                Asked::Recreate { name } => {
                    let id = self.account.instance(&name).map(|(_, id)| id).unwrap_or_default();
                    let _refused = self.account.recreate_instance(&id).err();
                }
            }
        }
    }

    fn write(&self, (version, action, parameters): Write) {
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let _refused = self.account.call(version, action, &parameters).err();
    }

    fn happens_to_instance(&self, name: &str, action: &'static str, mut parameters: Vec<(&'static str, String)>) {
        let Some((region, id)) = self.account.instance(name) else { return };
        let ids = json!([id]).to_string();
        parameters.extend([("RegionId", region), ("InstanceId", id), ("InstanceIds", ids)]);
        self.write((ECS, action, parameters));
    }

    /// Somebody asks for something.
    pub(crate) fn is_asked(&mut self, ask: Ask) {
        let (key, value) = ask.record(&self.account.account_id);
        self.cluster.append(&self.topics.control(), ask.partition, key.as_bytes(), Some(value.as_bytes()));
        *self.fired.entry(ask.name()).or_default() += 1;
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
        self.copies[copy] = Some(Copy::start(self.pipeline(copy), move || cluster.kill(&process)));
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
        self.in_force.insert(event, fault);
        match fault {
            Fault::Calls { .. } | Fault::SmallPages { .. } => self.apply_to_calls(),
            Fault::AccountAway => {
                self.account.set_reachable(false);
                self.fire(fault);
            }
            Fault::KeyDeleted => {
                self.account.revoke_key(&self.key_id());
                self.fire(fault);
            }
            Fault::OwnClock { .. } => {
                self.apply_clock();
                self.fire(fault);
            }
            Fault::Brokers { .. } => self.apply_weather(),
            Fault::ForeignTransaction => {
                self.cluster.open_foreign_transaction(FOREIGN_ID, &self.topics.syncs(), 0, b"another/account", None);
                self.fire(fault);
            }
            Fault::Kill { copy, when, steps } => {
                let sign = self.sign(copy, when);
                if let Some(copy) = &self.copies[copy] {
                    copy.kill_after(sign, steps);
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
            Fault::Harm(harm) => {
                self.harm(harm);
                self.fire(fault);
            }
        }
    }

    /// A fault ends.
    pub(crate) fn end(&mut self, event: usize) {
        let Some(fault) = self.in_force.remove(&event) else { return };
        match fault {
            Fault::Calls { .. } | Fault::SmallPages { .. } => self.apply_to_calls(),
            Fault::AccountAway => {
                let is_away = self.in_force.values().any(|fault| *fault == Fault::AccountAway);
                self.account.set_reachable(!is_away);
            }
            Fault::KeyDeleted => self.issue_key(),
            Fault::OwnClock { .. } => self.apply_clock(),
            Fault::Brokers { .. } => self.apply_weather(),
            Fault::ForeignTransaction => self.cluster.end_foreign_transaction(FOREIGN_ID, true),
            Fault::Kill { copy, .. } => {
                let was_killed = self.copies[copy].as_ref().is_none_or(Copy::was_killed);
                if was_killed {
                    self.fire(fault);
                } else if let Some(copy) = &self.copies[copy] {
                    copy.spare();
                }
                self.start(copy);
            }
            Fault::Stop { copy } => {
                self.cluster.resume(&name(copy));
                if let Some(copy) = &self.copies[copy] {
                    copy.go_on();
                }
            }
            Fault::Terminate { copy } => self.start(copy),
            Fault::Harm(_) => {}
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
        let later_pages = self.account.truth_lines().iter().filter(|line| is_later_page(line)).count();
        fired.insert("small pages", later_pages as u64);
        for (name, count) in self.cluster.fired() {
            *fired.entry(name).or_default() += count;
        }
        fired
    }

    fn fire(&mut self, fault: Fault) {
        *self.fired.entry(fault.name()).or_default() += 1;
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
        for fault in self.in_force.values() {
            match *fault {
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
        let own = self.in_force.values().find_map(|fault| match fault {
            Fault::OwnClock { seconds } => Some(*seconds),
            _ => None,
        });
        self.surroundings.set_clock_offset(SignedDuration::from_secs(own.unwrap_or(-self.schedule.service_clock)));
    }

    fn apply_weather(&self) {
        let mut weather = Weather::CALM;
        for fault in self.in_force.values() {
            if let Fault::Brokers { weather: ill, share } = fault {
                Ill::add_to(*ill, &mut weather, *share);
            }
        }
        self.cluster.set_weather(weather);
    }

    fn harm(&self, harm: Harm) {
        let state = self.topics.state();
        match harm {
            Harm::Deleted => self.cluster.delete_topic(&state),
            Harm::Recreated => {
                self.cluster.delete_topic(&state);
                self.cluster.create_topic(&state, 1);
            }
            Harm::Truncated => self.cluster.delete_records_before(&state, 0, 3),
        }
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

/// Whether a line of the truth log is a request for another page than the first; all of it would fit on one.
fn is_later_page(line: &str) -> bool {
    line.contains(r#""page":"#) && !line.contains(r#""page":1,"#)
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
