//! Asking where only Kafka can be reached: the request goes into `.control`, what comes of it is read from `.syncs`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::told::{Rows, Told};
use super::{Exit, assemble};
use crate::config::{Config, Publishing};
use crate::control::Request;
use crate::decode::Decoder;
use crate::kafka::{self, Appended, Record, TopicFold, TopicLog};
use crate::sync::Topics;

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Brokers may be away for a while.
const PATIENCE: Duration = Duration::from_secs(300);

/// Of a record of `.syncs`, what tells of a request.
#[derive(Deserialize)]
struct Notice {
    notice_type: String,
    account_id: String,
    sequence: i64,
    request_id: Option<String>,
    kinds: Vec<KindCount>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct KindCount {
    kind: String,
    count: u64,
}

/// Asks for a replay. `may_be_known`: the id was given, so that what came of it may have been told before.
pub(super) async fn replay(
    config: &Config,
    request: &Request,
    may_be_known: bool,
    no_wait: bool,
) -> anyhow::Result<Exit> {
    let Publishing { kafka, registry } = config.publishing.as_ref().context("kafka and registry are not configured")?;
    let (connection, account) = (Arc::new(assemble::connection(kafka)), config.account.id.as_str());
    let (registry, topics) = (assemble::registry(registry)?, Topics::new(&kafka.topic_prefix, account));
    let log = if may_be_known {
        TopicLog::new(Arc::clone(&connection), topics.syncs(), BTreeMap::new())
    } else {
        TopicLog::from_end(Arc::clone(&connection), topics.syncs())
    };
    let heard = Heard { account: account.as_bytes(), id: request.id.as_str().as_bytes(), values: VecDeque::new() };
    let mut ear = Ear { log, decoder: Decoder::new(&registry), account, id: request.id.as_str(), heard };
    let mut told = None;
    if !no_wait {
        // Where the topic ends has to be known before anything can come of the request.
        told = match ear.listen().await {
            Ok(told) => told,
            Err(error) => return Ok(unavailable(&error)),
        };
    }
    if told.is_none() {
        let record = Record {
            topic: topics.control(),
            partition: None,
            key: account.as_bytes().to_vec(),
            value: Some(request.to_value()),
            headers: Vec::new(),
        };
        let Appended { partition, offset } = match kafka::append(&connection, record).await {
            Ok(appended) => appended,
            Err(error) => {
                eprintln!("asked as {id}; the same id is the same request: --id {id}", id = request.id);
                return Ok(unavailable(&error.into()));
            }
        };
        eprintln!("replay {}: asked ({} partition {partition}, offset {offset})", request.id, topics.control());
    }
    if no_wait {
        println!("queued {}", request.id);
        return Ok(Exit::Complete);
    }
    let mut heard_at = Instant::now();
    let told = loop {
        if let Some(told) = told {
            break told;
        }
        sleep(LOOK_EVERY).await;
        told = match ear.listen().await {
            Ok(told) => {
                heard_at = Instant::now();
                told
            }
            Err(error) if heard_at.elapsed() >= PATIENCE => return Ok(unavailable(&error)),
            Err(_) => None,
        };
    };
    eprintln!("{}", told.progress());
    println!("{}", told.end());
    Ok(told.exit())
}

fn unavailable(error: &anyhow::Error) -> Exit {
    eprintln!("ramstream: {error:#}");
    Exit::Unavailable
}

/// Follows `.syncs` for what comes of one request.
struct Ear<'a> {
    log: TopicLog,
    decoder: Decoder<'a>,
    account: &'a str,
    id: &'a str,
    heard: Heard<'a>,
}

impl Ear<'_> {
    /// What has come of the request by now.
    async fn listen(&mut self) -> anyhow::Result<Option<Told>> {
        self.log.follow(&mut self.heard).await?;
        while let Some((place, value)) = self.heard.values.front() {
            let notice: Notice = match self.decoder.decode(place, value).await {
                Ok(notice) => notice,
                // It is tried again; what no registry mends is not what came of the request.
                Err(error) if error.is_the_registrys() => return Err(error.into()),
                Err(error) => {
                    warn!(%error, "passing over a record of the sync topic");
                    self.heard.values.pop_front();
                    continue;
                }
            };
            self.heard.values.pop_front();
            let is_ours = notice.account_id == self.account && notice.request_id.as_deref() == Some(self.id);
            if let Some(told) = Some(notice).filter(|_| is_ours).and_then(Notice::told) {
                return Ok(Some(told));
            }
        }
        Ok(None)
    }
}

/// Records that have the id somewhere: Avro writes texts as they are.
struct Heard<'a> {
    account: &'a [u8],
    id: &'a [u8],
    values: VecDeque<(String, Vec<u8>)>,
}

impl TopicFold for Heard<'_> {
    fn record(&mut self, partition: i32, offset: i64, key: &[u8], value: Option<&[u8]>) {
        let Some(value) = value.filter(|_| key == self.account) else { return };
        if value.windows(self.id.len()).any(|part| part == self.id) {
            self.values.push_back((format!("{partition}/{offset} of the sync topic"), value.to_vec()));
        }
    }

    fn gap(&mut self, _: i32, _: i64) {}

    fn read_to(&mut self, _: i32, _: i64) {}
}

impl Notice {
    /// In the words of the admin API; `None` if it is about something else.
    fn told(self) -> Option<Told> {
        let state = match self.notice_type.as_str() {
            "replay.completed" => "completed",
            "request.rejected" => "rejected",
            "request.expired" => "expired",
            "request.cancelled" => "cancelled",
            _ => return None,
        };
        let rows = self.kinds.into_iter().map(|of| (of.kind, Rows { sent: of.count, total: of.count }));
        Some(Told {
            request_id: self.request_id?,
            action: "replay".to_owned(),
            state: state.to_owned(),
            rows: rows.collect(),
            sequence: Some(self.sequence),
            at: None,
            reason: self.message.filter(|_| state != "completed"),
            sync_outcome: None,
        })
    }
}
