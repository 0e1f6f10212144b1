//! The sync records of a run, decoded by the public Avro library.

use std::{cell::RefCell, collections::BTreeMap, sync::LazyLock};

use apache_avro::{Schema, from_value, reader::datum::GenericDatumReader};
use ramstream::kafka::model::{Cluster, Isolation};
use serde::Deserialize;

/// A `sync.completed` record, as far as a run looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Sync {
    notice_type: String,
    pub(crate) lineage: String,
    pub(crate) sequence: i64,
    outcome: Option<String>,
}

impl Sync {
    pub(crate) fn is_complete(&self) -> bool {
        self.outcome.as_deref() == Some("complete")
    }
}

static SCHEMA: LazyLock<Schema> =
    LazyLock::new(|| Schema::parse_str(ramstream::avro::SYNCS_SCHEMA).expect("the schema is one"));

/// Reads `.syncs`, over and over: what has been decoded once is kept, by its offset.
pub(crate) struct Reader {
    topic: String,
    decoded: RefCell<BTreeMap<i64, Sync>>,
}

impl Reader {
    pub(crate) fn new(topic: &str) -> Self {
        Self { topic: topic.to_owned(), decoded: RefCell::default() }
    }

    /// All committed `sync.completed` records in their order.
    pub(crate) fn read(&self, cluster: &Cluster) -> Vec<Sync> {
        let mut decoded = self.decoded.borrow_mut();
        let records = cluster.records(&self.topic, Isolation::Committed);
        let values = records.iter().filter_map(|record| Some((record.offset, record.value.as_deref()?)));
        let syncs = values.map(|(offset, value)| decoded.entry(offset).or_insert_with(|| decode(value)).clone());
        syncs.filter(|sync| sync.notice_type == "sync.completed").collect()
    }
}

/// Confluent's framing: a zero, the schema's id in four bytes, the datum.
fn decode(value: &[u8]) -> Sync {
    let reader = GenericDatumReader::builder(&SCHEMA).build().expect("the schema is one");
    let value = reader.read_value(&mut &value[5..]).expect("a sync record is of its schema");
    from_value(&value).expect("a sync record has these fields")
}
