//! A long run in which everything goes wrong, in turn and at random, from a seed. It prints one line that a machine can
//! read and add up; it is void, and fails, if one of its faults never struck or an invariant was never put to the test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::crash::approach;
use crate::support::changes::{change_until, remove_many};
use crate::support::cloud::small;
use crate::support::process::{COMPLETE, Daemon, eventually};
use crate::support::proxy::{Call, Proxy, Way};
use crate::support::seen::Seen;
use crate::support::services::OwnService;
use crate::support::setting;
use crate::support::world::World;

/// How often the daemon is killed at least, unless the environment says otherwise: as often as there are faults.
const KILLS: u64 = 16;

const KAFKA_PASSWORD: &str = "canary/sasl+password=1";
const REGISTRY_PASSWORD: &str = "canary/registry+password=2";

/// Of 1,000 calls so many are throttled: the first share all the time, the others in turn besides.
const THROTTLED: [u32; 3] = [1, 10, 100];

/// What goes wrong besides kills and throttling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Paused,
    BrokerKilled,
    SecondCopy,
    AccountWay(Way),
    KafkaWay(Way),
    RegistryWay(Way),
    ReplyLost(Call),
    ClockMoved,
}
use Fault::{AccountWay, BrokerKilled, ClockMoved, KafkaWay, Paused, RegistryWay, ReplyLost, SecondCopy};

/// More bytes than are under way at one moment.
const AN_ANSWER: u64 = 20_000;

const SLOW: Way = Way::Slow { latency: Duration::from_millis(60), bytes_per_second: 100_000 };

/// Each with its name in the summary.
const FAULTS: [(&str, Fault); 16] = [
    ("paused", Paused),
    ("broker_killed", BrokerKilled),
    ("second_copy", SecondCopy),
    ("account_cut", AccountWay(Way::Cut)),
    ("account_refused", AccountWay(Way::Refused)),
    ("account_silent", AccountWay(Way::Silent)),
    ("account_no_replies", AccountWay(Way::NoReplies)),
    ("account_slow", AccountWay(SLOW)),
    ("kafka_cut", KafkaWay(Way::Cut)),
    ("kafka_silent", KafkaWay(Way::Silent)),
    ("kafka_no_replies", KafkaWay(Way::NoReplies)),
    ("kafka_slow", KafkaWay(SLOW)),
    ("registry_cut", RegistryWay(Way::Cut)),
    ("clock_moved", ClockMoved),
    ("commit_reply_lost", ReplyLost(Call::EndTxn)),
    ("produce_reply_lost", ReplyLost(Call::Produce)),
];

/// Everything that the faults are done to.
struct Stage {
    kafka: OwnService,
    world: World,
    to_account: Proxy,
    to_kafka: Proxy,
    to_registry: Proxy,
    /// How far the services' clock is ahead, in seconds.
    ahead: i32,
    random: StdRng,
    struck: BTreeMap<String, u64>,
    seen: Seen,
}

impl Stage {
    async fn set_up(seed: u64) -> Self {
        let kafka = OwnService::kafka_with_login("daemon", KAFKA_PASSWORD, &[]).await;
        let mut world = World::on(kafka.address(), small()).await;
        let to_account = world.account_through_proxy();
        let (to_kafka, to_registry) =
            (world.kafka_through_proxy_to(kafka.extra_address()), world.registry_through_proxy());
        for (key, value) in [
            ("KAFKA__SECURITY_PROTOCOL", "sasl_plaintext"),
            ("KAFKA__SASL_MECHANISM", "PLAIN"),
            ("KAFKA__SASL_USERNAME", "daemon"),
            ("KAFKA__SASL_PASSWORD", KAFKA_PASSWORD),
            ("REGISTRY__USERNAME", "daemon"),
            ("REGISTRY__PASSWORD", REGISTRY_PASSWORD),
            ("LOG__LEVEL", "info,ramstream::kafka=debug"),
            ("SYNC__TIME_BUDGET", "10s"),
        ] {
            world.set(key, value);
        }
        let names = FAULTS.iter().map(|(name, _)| (*name).to_owned());
        let struck = names.chain(THROTTLED.map(throttled)).chain(["kill".to_owned()]).map(|name| (name, 0)).collect();
        let (random, seen) = (StdRng::seed_from_u64(seed), Seen::default());
        Self { kafka, world, to_account, to_kafka, to_registry, ahead: 0, random, struck, seen }
    }

    fn count(&mut self, name: &str, times: u64) {
        *self.struck.get_mut(name).expect("every fault has its count") += times;
    }

    /// The share that has not struck yet.
    fn owed(&self) -> Option<u32> {
        THROTTLED.into_iter().rev().find(|share| self.struck[&throttled(*share)] == 0)
    }

    /// Ends a life at once.
    async fn kill(&mut self, what: &str, daemon: Daemon) {
        self.seen.add(&format!("the log of {what}"), daemon.log());
        daemon.kill().await;
    }

    /// Throttles so many of 1,000 calls from now on, besides those that always are.
    async fn throttle(&self, share: u32) {
        self.world.cloud.throttle(THROTTLED[0]).await;
        self.world.cloud.throttle(share).await;
    }

    /// Ends the throttling, and counts how often it has struck.
    async fn end_throttling(&mut self, share: u32) {
        let struck = self.world.cloud.struck().await;
        self.world.cloud.end_faults().await;
        for (share, times) in [THROTTLED[0], share].into_iter().zip(struck) {
            self.count(&throttled(share), times);
        }
    }

    /// Lets the fault strike `daemon`, until it has struck, and for a moment more.
    async fn strike(&mut self, daemon: &mut Daemon, (name, fault): (&str, Fault)) {
        let moment = Duration::from_millis(self.random.random_range(0..2500));
        match fault {
            Paused => {
                daemon.pause().await;
                sleep(moment).await;
                daemon.wake().await;
            }
            BrokerKilled => {
                sleep(moment / 2).await;
                self.kafka.kill().await;
                self.kafka.start_again().await;
            }
            SecondCopy => {
                // Of two that start at the same time either may be the later one.
                daemon.is_ready().await;
                let mut second = self.world.start_daemon();
                second.is_ready().await;
                daemon.readyz(503, "another copy owns the account").await;
                sleep(moment).await;
                self.kill("a second copy", second).await;
                // The one that is left is parked behind a dead owner: who starts next claims.
            }
            AccountWay(way) => strike_network(&self.to_account, way, moment).await,
            KafkaWay(way) => strike_network(&self.to_kafka, way, moment).await,
            RegistryWay(way) => {
                // It is asked at the start of a life and never again.
                self.to_registry.set(way);
                let before = std::mem::replace(daemon, self.world.start_daemon());
                self.kill("a life before a registry that is away", before).await;
                strike_network(&self.to_registry, way, moment).await;
            }
            ClockMoved => {
                // Never back: the account's own dates move with it, and an order of time must be left to judge by.
                self.ahead += self.random.random_range(2..40);
                self.world.cloud.advance_clock(self.ahead).await;
                let before = self.to_account.bytes();
                eventually(name, async || (self.to_account.bytes() > before + AN_ANSWER).then_some(())).await;
            }
            ReplyLost(call) => {
                let before = self.to_kafka.lost();
                self.to_kafka.lose_reply(call, Way::Cut);
                eventually(name, async || (self.to_kafka.lost() > before).then_some(())).await;
                sleep(moment).await;
                self.to_kafka.set(Way::Open);
            }
        }
        self.count(name, 1);
    }
}

/// Every fault once, then any, until there were enough kills; most lives end by one.
async fn strike_at_random(stage: &mut Stage, kills: u64) {
    let mut due: Vec<(&str, Fault)> = FAULTS.to_vec();
    due.shuffle(&mut stage.random);
    let mut killed = 0;
    while killed < kills || !due.is_empty() || stage.owed().is_some() {
        let begun = Instant::now();
        let owed = stage.owed().filter(|share| THROTTLED[1..].contains(share));
        let share = owed.unwrap_or_else(|| *THROTTLED[1..].choose(&mut stage.random).unwrap());
        stage.throttle(share).await;
        // The topic of requests is there once a life before was ready.
        if killed >= 3 && killed % 3 == 0 {
            stage.world.ask_for_replay(&format!("amid-{killed}"));
        }
        let mut daemon = stage.world.start_daemon();
        let within = approach(&mut daemon, stage.random.random()).await;
        // Early enough that each gets its turn before the kills are used up.
        let must = killed + due.len() as u64 >= kills;
        let fault = due.pop_if(|_| must || stage.random.random_ratio(1, 3));
        if let Some(fault) = fault {
            stage.strike(&mut daemon, fault).await;
        }
        sleep(stage.random.random_range(Duration::ZERO..within)).await;
        stage.kill(&format!("life {killed}"), daemon).await;
        stage.end_throttling(share).await;
        killed += 1;
        if due.is_empty() && killed < kills {
            due.extend(FAULTS.choose(&mut stage.random));
        }
        let name = fault.map_or("nothing else", |(name, _)| name);
        println!("kill {killed} of {kills}, {name}, after {:.1} s", begun.elapsed().as_secs_f32());
    }
    stage.count("kill", killed);
}

/// The end of all faults: a mass removal, complete syncs of a quiet account, a replay and the checker's report, whatever
/// it says. Windows have whole seconds and reach back to where details were last read, so the quiet lasts for some of both.
/// And what the daemon was given in confidence stands nowhere.
async fn judged(Stage { world, seen, .. }: &mut Stage) -> Value {
    world.set("SYNC__DETAIL_INTERVAL", "1s");
    let mut daemon = world.start_daemon();
    daemon.is_ready().await;
    daemon.syncs(1, "complete").await;
    remove_many(&world.cloud).await;
    daemon.syncs(5, "complete").await;
    world.ask_for_replay("last");
    world.notice_of("last", "replay.completed").await;
    seen.add("the log of the last life", daemon.terminate().await.1);
    world.verify(&["--read-uncommitted"]).await.0.exits_with(COMPLETE);
    let (judging, report) = world.verify(&[]).await;
    seen.run("verify", &judging);
    seen.all_of(world);
    seen.hold_none_of(&world.secrets());
    report
}

fn throttled(per_mille: u32) -> String {
    format!("throttled_{per_mille}_per_mille")
}

async fn strike_network(proxy: &Proxy, way: Way, moment: Duration) {
    let before = proxy.struck();
    proxy.set(way);
    eventually(&format!("{way:?}"), async || (proxy.struck() > before).then_some(())).await;
    sleep(moment).await;
    proxy.set(Way::Open);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Kafka and a registry: make test"]
async fn whatever_goes_wrong_for_long_nothing_is_invented_lost_or_repeated() {
    let kills = setting("TEST_KILLS", KILLS);
    let seed = setting("TEST_SEED", rand::random());
    println!("TEST_SEED={seed} TEST_KILLS={kills}");
    let begun = Instant::now();
    let mut stage = Stage::set_up(seed).await;
    let calm = CancellationToken::new();
    let cloud = Arc::clone(&stage.world.cloud);
    let striking = async {
        strike_at_random(&mut stage, kills).await;
        calm.cancel();
    };
    let ((), changes) = tokio::join!(striking, change_until(&calm, &cloud, seed));
    let report = judged(&mut stage).await;

    let Stage { world, struck, .. } = &stage;
    let verdicts = report["verdicts"].as_array().cloned().unwrap_or_default();
    let violated = |verdict: &Value| verdict["violated"].as_u64().unwrap();
    let summary = json!({
        "run": "real", "seed": seed, "kills": struck["kill"], "faults": struck, "changes": changes,
        "syncs": world.syncs().await.len(), "events": report["events"],
        "searched_for_secrets": stage.seen.count(),
        "invariants": verdicts.iter().map(|verdict| {
            (verdict["invariant"].as_str().unwrap().to_owned(), verdict["checked"].clone())
        }).collect::<BTreeMap<_, _>>(),
        "violations": verdicts.iter().map(violated).sum::<u64>(),
        "seconds": begun.elapsed().as_secs(),
    });
    println!("summary: {summary}");
    assert!(!verdicts.is_empty() && verdicts.iter().all(|verdict| violated(verdict) == 0), "{report:#}");
    // What fails here fails on the way, mostly: then the account knows of no request.
    let is_required = |verdict: &&Value| verdict["invariant"] != "named";
    let never: Vec<_> = verdicts.iter().filter(is_required).filter(|verdict| verdict["checked"] == 0).collect();
    assert!(never.is_empty(), "the run is void, these invariants were never put to the test: {never:#?}");
    let void: Vec<_> = struck.iter().filter(|(_, times)| **times == 0).collect();
    assert!(void.is_empty(), "the run is void, these faults never struck: {void:?}");
}
