//! A producer for one transaction, as librdkafka is one: it joins partitions with their first record, numbers
//! its batches, and asks again until its time is up.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::super::connection::{Connection, Record, Records};
use super::super::error::ClientError;
use super::Link;
use super::broker::{Answer, Request};
use super::coordinator::{Identity, Place};

/// Records taken from the iterator before they are sent.
const BATCH_RECORDS: usize = 512;
/// A topic that is not there is taken for unknown after this long (`topic.metadata.propagation.max.ms`).
const TOPIC_PATIENCE: Duration = Duration::from_secs(30);

/// See [`super::super::client::Producer`].
pub(in crate::kafka) struct Producer {
    link: Link,
    timeout: Duration,
    message_max_bytes: usize,
    identity: Identity,
    begun: Option<Instant>,
    joined: BTreeSet<Place>,
    /// The next sequence number of each partition.
    sequences: BTreeMap<Place, i32>,
    watched_topic: String,
    acknowledged: Option<i64>,
    sent: u64,
    delivered: u64,
    failure: Option<String>,
}

impl Producer {
    pub(in crate::kafka) async fn create_and_init(
        link: Link,
        connection: &Connection,
        transactional_id: String,
        watched_topic: String,
    ) -> Result<Self, ClientError> {
        let timeout = connection.transaction_timeout;
        let message_max_bytes = connection.message_max_bytes as usize;
        let request = Request::Init { transactional_id: transactional_id.into(), timeout };
        let identity = match goes_on(&link, request, Instant::now() + connection.init_timeout()).await {
            Ok(Answer::Identity(identity)) => identity,
            Ok(_) => unreachable!("init is answered with an identity"),
            Err(reason) => return Err(ClientError::Failed { operation: "init_transactions", reason }),
        };
        Ok(Self {
            link,
            timeout,
            message_max_bytes,
            identity,
            begun: None,
            joined: BTreeSet::new(),
            sequences: BTreeMap::new(),
            watched_topic,
            acknowledged: None,
            sent: 0,
            delivered: 0,
            failure: None,
        })
    }

    pub(in crate::kafka) fn begin(&mut self) -> Result<(), ClientError> {
        if self.begun.is_some() {
            return Err(failed("begin_transaction", "a transaction has begun already"));
        }
        self.begun = Some(Instant::now());
        Ok(())
    }

    pub(in crate::kafka) fn acknowledged_offset(&self) -> Option<i64> {
        self.acknowledged
    }

    pub(in crate::kafka) async fn send_all(&mut self, records: Records, deadline: Instant) -> Result<u64, ClientError> {
        if self.begun.is_none() {
            return Err(failed("send", "no transaction has begun"));
        }
        let before = self.sent;
        let mut records = records.peekable();
        while records.peek().is_some() {
            let mut batches: BTreeMap<Place, Vec<Record>> = BTreeMap::new();
            for record in records.by_ref().take(BATCH_RECORDS) {
                let record = record.map_err(|source| ClientError::Unencodable { source })?;
                self.check_size(&record)?;
                let place = self.place(&record, deadline).await?;
                batches.entry(place).or_default().push(record);
                self.sent += 1;
            }
            self.deliver(batches, deadline).await?;
        }
        Ok(self.sent - before)
    }

    pub(in crate::kafka) async fn commit(self) -> Result<(), ClientError> {
        if let Some(failure) = self.failure {
            return Err(failed("commit_transaction", &failure));
        }
        let Some(begun) = self.begun else { return Err(failed("commit_transaction", "no transaction has begun")) };
        if self.joined.is_empty() {
            return Ok(()); // the coordinator knows of no transaction
        }
        let request = Request::Commit { identity: self.identity };
        match goes_on(&self.link, request, begun + self.timeout).await {
            Ok(_) => Ok(()),
            Err(reason) => Err(ClientError::Failed { operation: "commit_transaction", reason }),
        }
    }

    fn check_size(&self, record: &Record) -> Result<(), ClientError> {
        let headers: usize = record.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let bytes = record.key.len() + record.value.as_ref().map_or(0, Vec::len) + headers;
        if bytes > self.message_max_bytes { Err(failed("send", "message too large")) } else { Ok(()) }
    }

    /// The partition of a record: the same key, the same partition.
    async fn place(&self, record: &Record, deadline: Instant) -> Result<Place, ClientError> {
        let patience = (Instant::now() + TOPIC_PATIENCE).min(deadline);
        loop {
            let partitions = self.link.cluster().state().broker.partitions(&record.topic).map(<[_]>::len);
            if let Some(count) = partitions {
                let spread = |key: &[u8]| {
                    let mut hasher = DefaultHasher::new();
                    key.hash(&mut hasher);
                    hasher.finish() % count as u64
                };
                let partition = record.partition.unwrap_or_else(|| spread(&record.key) as i32);
                return Ok((Arc::clone(&record.topic), partition));
            }
            if Instant::now() >= patience {
                return Err(self.undelivered(format!("{} (unknown topic)", record.topic)));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Sends each partition's records and waits until all are delivered.
    async fn deliver(&mut self, batches: BTreeMap<Place, Vec<Record>>, deadline: Instant) -> Result<(), ClientError> {
        let new: Vec<Place> = batches.keys().filter(|place| !self.joined.contains(*place)).cloned().collect();
        if !new.is_empty() {
            let request = Request::AddPartitions { identity: self.identity.clone(), places: new.clone() };
            let joined = self.link.insist(&request, deadline).await;
            joined.map_err(|reason| self.fail(reason))?;
            self.joined.extend(new);
        }
        let sending = batches.into_iter().map(|(place, records)| {
            let sequence = *self.sequences.entry(place.clone()).or_default();
            let count = records.len();
            let request = Request::Produce {
                identity: self.identity.clone(),
                place: place.clone(),
                sequence,
                batch: records.into(),
            };
            let link = self.link.clone();
            async move { (place, count, link.insist(&request, deadline).await) }
        });
        let sending: Vec<_> = sending.collect();
        let mut failure = None;
        for (place, count, answer) in futures::future::join_all(sending).await {
            match answer {
                Ok(Answer::Offset(first)) => self.acknowledge(place, first, count),
                Ok(_) => unreachable!("a batch is answered with an offset"),
                Err(reason) => failure = failure.or(Some(format!("{} ({reason})", place.0))),
            }
        }
        failure.map_or(Ok(()), |reason| Err(self.fail(reason)))
    }

    fn acknowledge(&mut self, place: Place, first: i64, count: usize) {
        self.delivered += count as u64;
        if *place.0 == *self.watched_topic {
            self.acknowledged = self.acknowledged.max(Some(first + count as i64 - 1));
        }
        *self.sequences.entry(place).or_default() += count as i32;
    }

    fn fail(&mut self, reason: String) -> ClientError {
        self.failure.get_or_insert_with(|| reason.clone());
        self.undelivered(reason)
    }

    fn undelivered(&self, reason: String) -> ClientError {
        ClientError::Undelivered { sent: self.sent, delivered: self.delivered, reason }
    }
}

/// Asks in a task of its own: giving up on the answer does not stop the asking.
async fn goes_on(link: &Link, request: Request, deadline: Instant) -> Result<Answer, String> {
    let link = link.clone();
    let asking = tokio::spawn(async move { link.insist(&request, deadline).await });
    asking.await.unwrap_or_else(|error| Err(error.to_string()))
}

fn failed(operation: &'static str, reason: &str) -> ClientError {
    ClientError::Failed { operation, reason: reason.to_owned() }
}
