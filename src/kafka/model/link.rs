//! A process's way to the brokers. A request is a message with a task of its own: dropping the one who waits
//! for the answer stops neither.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout_at};

use super::broker::{Answer, Refusal, Request};
use super::cluster::{Cluster, State};
use super::weather::{Fault, Weather};

/// A client asks again after this long, if an answer told it to.
const RETRY: Duration = Duration::from_millis(100);
/// librdkafka asks for a producer id on a timer.
const RETRY_INIT: Duration = Duration::from_millis(500);
/// An unanswered request is noticed no sooner.
const LEAST_NOTICE: Duration = Duration::from_millis(10);

/// Whether the clients of a process go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    Awake,
    Paused,
    Dead,
}

/// Where a [`Connection`](super::super::Connection) leads: a model cluster, seen by one process.
#[derive(Clone)]
pub struct Link {
    cluster: Cluster,
    process: Arc<str>,
    life: watch::Receiver<Life>,
}

/// How a request fares.
enum Fate {
    Answered,
    Lost,
    ReplyLost,
    Late(Duration),
    Repeated(Duration),
    Refused(Refusal),
}

struct Journey {
    there: Duration,
    back: Duration,
    notice: Duration,
    fate: Fate,
}

impl Link {
    pub(super) fn new(cluster: Cluster, process: Arc<str>, life: watch::Receiver<Life>) -> Self {
        Self { cluster, process, life }
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(super) fn process(&self) -> &Arc<str> {
        &self.process
    }

    pub(super) fn weather(&self) -> Weather {
        self.cluster.state().weather(&self.process).clone()
    }

    /// Asks until there is an answer, a refusal for good, or no time left. An error says why, and not whether
    /// the request was applied.
    pub(super) async fn insist(&self, request: &Request, deadline: Instant) -> Result<Answer, String> {
        let pause = if matches!(request, Request::Init { .. }) { RETRY_INIT } else { RETRY };
        let mut last = "no answer";
        loop {
            self.awake().await?;
            let asked = timeout_at(deadline, self.ask(request)).await;
            self.awake().await?;
            match asked {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(Refusal::Final(why))) => return Err(why.to_owned()),
                Ok(Err(Refusal::Unanswered)) => last = "no answer",
                Ok(Err(Refusal::Again(why))) => {
                    last = why;
                    sleep(pause).await;
                }
                Err(_) => {}
            }
            if Instant::now() >= deadline {
                return Err(format!("timed out ({last})"));
            }
        }
    }

    /// Asks something that changes nothing.
    pub(super) async fn question<T>(
        &self,
        deadline: Instant,
        ask: impl Fn(&mut State, &Weather) -> T,
    ) -> Result<T, String> {
        loop {
            self.awake().await?;
            let (weather, Journey { there, back, notice, fate }) = self.journey(None);
            if weather.away || matches!(fate, Fate::Lost | Fate::ReplyLost) {
                sleep(notice).await;
            } else {
                sleep(there).await;
                let answer = ask(&mut self.cluster.state(), &weather);
                sleep(back).await;
                return Ok(answer);
            }
            if Instant::now() >= deadline {
                return Err("timed out (no answer)".to_owned());
            }
        }
    }

    /// One request and its answer.
    async fn ask(&self, request: &Request) -> Result<Answer, Refusal> {
        let sent = Instant::now();
        self.cluster.state().note_sent(&self.process);
        let (_, journey) = self.journey(Some(request));
        let notice = journey.notice;
        let (sender, receiver) = oneshot::channel();
        tokio::spawn(self.clone().travel(request.clone(), journey, sender));
        if let Ok(answer) = receiver.await {
            return answer;
        }
        tokio::time::sleep_until(sent + notice).await;
        Err(Refusal::Unanswered)
    }

    async fn travel(self, request: Request, journey: Journey, reply: oneshot::Sender<Result<Answer, Refusal>>) {
        sleep(journey.there).await;
        if self.is_away() {
            return;
        }
        let (reply, again) = match journey.fate {
            Fate::Lost => return,
            Fate::Refused(refusal) => {
                sleep(journey.back).await;
                reply.send(Err(refusal)).ok();
                return;
            }
            Fate::Late(late) => {
                drop(reply);
                return self.come_later(&request, late, Fault::RequestLate).await;
            }
            Fate::ReplyLost => (None, None),
            Fate::Answered => (Some(reply), None),
            Fate::Repeated(later) => (Some(reply), Some(later)),
        };
        let answer = self.cluster.apply(&request);
        match reply {
            None => self.cluster.state().fire(Fault::ReplyLost),
            Some(reply) => {
                sleep(journey.back).await;
                if !self.is_away() {
                    // Nobody may be waiting any more.
                    reply.send(answer).ok();
                }
            }
        }
        if let Some(later) = again {
            self.come_later(&request, later, Fault::RequestRepeated).await;
        }
    }

    async fn come_later(&self, request: &Request, late: Duration, fault: Fault) {
        sleep(late).await;
        // Nobody waits for the answer.
        self.cluster.apply(request).ok();
        self.cluster.state().fire(fault);
    }

    /// Draws how a request fares; a question (`None`) can only get lost.
    fn journey(&self, request: Option<&Request>) -> (Weather, Journey) {
        let mut state = self.cluster.state();
        let weather = state.weather(&self.process).clone();
        let there = state.chance.between(&weather.latency);
        let back = state.chance.between(&weather.latency);
        let notice = state.chance.between(&weather.notice).max(LEAST_NOTICE);
        if weather.away {
            state.note_away(&self.process);
        }
        let fate = match request {
            _ if weather.away => Fate::Lost,
            Some(request) => state.fate(request, &weather),
            None if state.strikes(Fault::RequestLost, weather.request_lost) => Fate::Lost,
            None if state.strikes(Fault::ReplyLost, weather.reply_lost) => Fate::ReplyLost,
            None => Fate::Answered,
        };
        (weather, Journey { there, back, notice, fate })
    }

    fn is_away(&self) -> bool {
        let mut state = self.cluster.state();
        let away = state.weather(&self.process).away;
        if away {
            state.note_away(&self.process);
        }
        away
    }

    async fn awake(&self) -> Result<(), String> {
        let mut life = self.life.clone();
        let is_alive = life.wait_for(|life| *life != Life::Paused).await.is_ok_and(|life| *life == Life::Awake);
        if is_alive { Ok(()) } else { Err("the process was killed".to_owned()) }
    }
}

impl State {
    /// Late, repeated and lost answers are counted when they take effect.
    fn fate(&mut self, request: &Request, weather: &Weather) -> Fate {
        let is_produce = matches!(request, Request::Produce { .. });
        if let Request::AddPartitions { identity, .. } = request
            && self.chance.happens(weather.id_expired)
            && self.broker.coordinator.forget(&identity.transactional_id)
        {
            self.fire(Fault::IdExpired);
        }
        if self.strikes(Fault::RequestLost, weather.request_lost) {
            Fate::Lost
        } else if self.chance.happens(weather.reply_lost) {
            Fate::ReplyLost
        } else if self.chance.happens(weather.request_late) {
            Fate::Late(self.chance.between(&weather.lateness))
        } else if self.chance.happens(weather.request_repeated) {
            Fate::Repeated(self.chance.between(&weather.lateness))
        } else if !is_produce && self.strikes(Fault::CoordinatorMoved, weather.coordinator_moved) {
            Fate::Refused(Refusal::Again("NOT_COORDINATOR"))
        } else if is_produce && self.strikes(Fault::StorageFull, weather.storage_full) {
            Fate::Refused(Refusal::Again("KAFKA_STORAGE_ERROR"))
        } else if is_produce && self.strikes(Fault::RecordRefused, weather.record_refused) {
            Fate::Refused(Refusal::Final("TOPIC_AUTHORIZATION_FAILED"))
        } else {
            Fate::Answered
        }
    }
}
