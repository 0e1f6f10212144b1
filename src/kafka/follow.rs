//! Following topics for somebody who looks on: all of their partitions at once, committed records only, without a
//! consumer group and without a trace on the brokers.
//!
//! Unlike [`super::log`] it proves nothing: a record that retention takes before it is read is passed over, and
//! trouble is told while the client goes on trying.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::client::{Client, Complaints, ask, blocking, failed, refused};
use super::connection::Connection;
use super::error::ClientError;

/// Where to begin in every partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At the first record that there still is.
    Beginning,
    /// Behind the last one.
    End,
    /// At the first that has this timestamp or a later one, in milliseconds since 1970.
    Time(i64),
}

/// A record as it stands in its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Milliseconds since 1970, where the record has a timestamp.
    pub timestamp: Option<i64>,
    /// Key, empty if none.
    pub key: Vec<u8>,
    /// Value.
    pub value: Option<Vec<u8>>,
    /// The number of its partition among all that are followed, for bookkeeping.
    pub slot: usize,
    /// Whether it was there when the following began.
    pub is_past: bool,
}

/// What waiting brought.
#[derive(Debug)]
pub enum Followed {
    /// A record.
    Record(Delivered),
    /// Nothing in that time.
    Nothing,
    /// The client's complaint. It goes on trying.
    Trouble(String),
}

/// Topics with their partitions.
pub type Partitions = BTreeMap<Arc<str>, Vec<i32>>;

struct Slot {
    topic: Arc<str>,
    partition: i32,
    begin: i64,
    /// Behind the last record that was there when the following began.
    end: i64,
}

/// Partitions that are followed.
pub struct Follower {
    consumer: Client<StreamConsumer>,
    slots: Vec<Slot>,
    by_name: HashMap<String, HashMap<i32, usize>>,
    /// Slots whose past is not read yet.
    behind: BTreeSet<usize>,
}

/// Those of `topics` that there are (and that may be seen), with their partitions.
///
/// # Errors
/// The brokers cannot be reached.
pub async fn partitions(connection: &Arc<Connection>, topics: &[Arc<str>]) -> Result<Partitions, ClientError> {
    let (connection, topics) = (Arc::clone(connection), topics.to_vec());
    blocking("describe topics", move || {
        let client = asker(&connection.watermark_client())?;
        let timeout = connection.request_timeout;
        let metadata = ask(&client, "describe topics", |client| client.fetch_metadata(None, timeout))?;
        let find = |name: &Arc<str>| {
            let topic = metadata.topics().iter().find(|topic| topic.name() == &**name && topic.error().is_none())?;
            Some((Arc::clone(name), topic.partitions().iter().map(|partition| partition.id()).collect()))
        };
        Ok(topics.iter().filter_map(find).collect())
    })
    .await
}

impl Follower {
    /// Finds where to begin and where the past ends, and begins to read.
    ///
    /// # Errors
    /// The brokers cannot be reached, or refuse.
    pub async fn open(connection: &Arc<Connection>, partitions: Partitions, begin: Begin) -> Result<Self, ClientError> {
        let connection = Arc::clone(connection);
        blocking("begin to follow", move || Self::open_blocking(&connection, &partitions, begin)).await
    }

    fn open_blocking(connection: &Connection, partitions: &Partitions, begin: Begin) -> Result<Self, ClientError> {
        let mut config = connection.reader();
        // What retention took is gone for everybody; whoever looks on goes on with what there is.
        config.set("auto.offset.reset", "earliest");
        let consumer: StreamConsumer = config.create().map_err(refused)?;
        let client = asker(&config)?;
        let find = |at: Offset| offsets(&client, partitions, at, connection.request_timeout);
        // Under `read_committed` the end lies before whatever a transaction that is still open has written.
        let ends = find(Offset::End)?;
        let begins = match begin {
            Begin::End => ends.clone(),
            Begin::Beginning => find(Offset::Beginning)?,
            Begin::Time(millis) => find(Offset::Offset(millis))?,
        };
        let mut slots = Vec::new();
        let mut assignment = TopicPartitionList::new();
        for (topic, partition) in partitions.iter().flat_map(|(topic, ids)| ids.iter().map(move |id| (topic, *id))) {
            let found = |offsets: &Offsets| offsets.get(&(topic.to_string(), partition)).copied().flatten();
            let end = found(&ends).unwrap_or(0);
            let begin = found(&begins).unwrap_or(end);
            let assigned = assignment.add_partition_offset(topic, partition, Offset::Offset(begin));
            assigned.map_err(failed("begin to follow"))?;
            slots.push(Slot { topic: Arc::clone(topic), partition, begin, end });
        }
        consumer.assign(&assignment).map_err(failed("begin to follow"))?;
        let mut by_name: HashMap<String, HashMap<i32, usize>> = HashMap::new();
        for (number, slot) in slots.iter().enumerate() {
            by_name.entry(slot.topic.to_string()).or_default().insert(slot.partition, number);
        }
        let behind = (0..slots.len()).filter(|number| slots[*number].begin < slots[*number].end).collect();
        Ok(Self { consumer: Client::new(consumer), slots, by_name, behind })
    }

    /// Waits for the next record, at most so long.
    pub async fn next(&self, wait: Duration) -> Followed {
        let consumer = self.consumer.share();
        match tokio::time::timeout(wait, consumer.recv()).await {
            Err(_) => Followed::Nothing,
            Ok(Ok(message)) => self.delivered(&message).map_or(Followed::Nothing, Followed::Record),
            Ok(Err(error)) => Followed::Trouble(error.to_string()),
        }
    }

    /// The numbers of the partitions whose past is not read to its end yet.
    ///
    /// # Errors
    /// The client does not know where it stands.
    pub fn behind(&mut self) -> Result<&BTreeSet<usize>, ClientError> {
        if !self.behind.is_empty() {
            let positions = self.consumer.share().position().map_err(failed("ask for the position"))?;
            for element in positions.elements() {
                let slot = self.by_name.get(element.topic()).and_then(|parts| parts.get(&element.partition()));
                // The position moves past the marks of transactions, too.
                if let (Some(slot), Offset::Offset(position)) = (slot, element.offset())
                    && position >= self.slots[*slot].end
                {
                    self.behind.remove(slot);
                }
            }
        }
        Ok(&self.behind)
    }

    fn delivered(&self, message: &BorrowedMessage<'_>) -> Option<Delivered> {
        let number = *self.by_name.get(message.topic())?.get(&message.partition())?;
        let slot = &self.slots[number];
        Some(Delivered {
            topic: Arc::clone(&slot.topic),
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis(),
            key: message.key().unwrap_or_default().to_vec(),
            value: message.payload().map(<[u8]>::to_vec),
            slot: number,
            is_past: message.offset() < slot.end,
        })
    }
}

/// By topic and partition; `None` where no record is so late.
type Offsets = HashMap<(String, i32), Option<i64>>;

/// A client that is only asked, and says why it gets no answer.
fn asker(config: &ClientConfig) -> Result<BaseConsumer<Complaints>, ClientError> {
    config.create_with_context(Complaints::default()).map_err(refused)
}

/// Asks every leader once for all of its partitions; an offset that is none of the special ones is a timestamp.
fn offsets(
    client: &BaseConsumer<Complaints>,
    partitions: &Partitions,
    at: Offset,
    timeout: Duration,
) -> Result<Offsets, ClientError> {
    let failed = failed("ask for offsets");
    let mut asked = TopicPartitionList::new();
    for (topic, ids) in partitions {
        for id in ids {
            asked.add_partition_offset(topic, *id, at).map_err(&failed)?;
        }
    }
    let answered = ask(client, "ask for offsets", |client| client.offsets_for_times(asked, timeout))?;
    let read = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        element.error()?;
        let offset = match element.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        Ok(((element.topic().to_owned(), element.partition()), offset))
    };
    answered.elements().iter().map(read).collect::<Result<_, KafkaError>>().map_err(&failed)
}
