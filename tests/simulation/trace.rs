//! What happened in one schedule, for a person: what the service did, what the daemon said, what was published.

use std::{collections::BTreeMap, fmt, fs, fs::File, path::PathBuf, sync::Mutex};

use apache_avro::{Schema, reader::datum::GenericDatumReader};
use ramstream::{
    ambient,
    kafka::model::{Isolation, Record},
    model::Kind,
    sync::Schemas,
};
use serde_json::{Value, json};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::{format::Writer, time::FormatTime};

use crate::world::World;

/// The clock of the schedule, as the service has it.
struct ScheduleClock;

impl FormatTime for ScheduleClock {
    fn format_time(&self, out: &mut Writer<'_>) -> fmt::Result {
        write!(out, "{:.3}", ambient::now_elsewhere())
    }
}

/// Writes one schedule's story into a directory.
pub(crate) struct Trace {
    directory: PathBuf,
    _log: DefaultGuard,
}

impl Trace {
    /// Begins with the daemon's own log, `daemon.log`.
    pub(crate) fn begin(directory: PathBuf) -> Self {
        fs::create_dir_all(&directory).expect("the directory of SIMULATION_TRACE can be made");
        let log = File::create(directory.join("daemon.log")).expect("a file can be made in it");
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_timer(ScheduleClock)
            .with_writer(Mutex::new(log))
            .finish();
        Self { directory, _log: tracing::subscriber::set_default(subscriber) }
    }

    /// Adds `truth.jsonl` and `topics.jsonl`.
    pub(crate) fn end(self, world: &World<'_>) {
        let texts = Schemas::fixed_texts().into_iter();
        let schemas = texts.map(|(id, text)| (id, Schema::parse_str(text).expect("it is one"))).collect();
        let topics =
            Kind::ALL.iter().map(|kind| world.topics.of(*kind)).chain([world.topics.syncs(), world.topics.state()]);
        let records = topics.flat_map(|topic| {
            let records = world.cluster.records(&topic, Isolation::Committed);
            records.iter().map(|record| told(&topic, record, &schemas).to_string()).collect::<Vec<_>>()
        });
        let write = |name: &str, lines: Vec<String>| fs::write(self.directory.join(name), lines.join("\n") + "\n");
        write("topics.jsonl", records.collect()).expect("a file can be written");
        write("truth.jsonl", world.account.truth_lines()).expect("a file can be written");
    }
}

fn told(topic: &str, record: &Record, schemas: &BTreeMap<u32, Schema>) -> Value {
    json!({
        "topic": topic, "partition": record.partition, "offset": record.offset,
        "key": String::from_utf8_lossy(&record.key),
        "value": record.value.as_deref().map(|value| decoded(value, schemas)),
    })
}

/// State is JSON; everything else is framed.
fn decoded(value: &[u8], schemas: &BTreeMap<u32, Schema>) -> Value {
    if let Ok(value) = serde_json::from_slice(value) {
        return value;
    }
    let (id, mut datum) = (u32::from_be_bytes(value[1..5].try_into().expect("four bytes")), &value[5..]);
    let reader = GenericDatumReader::builder(&schemas[&id]).build().expect("the schema is one");
    let value = reader.read_value(&mut datum).expect("the record is of its schema");
    value.try_into().expect("an event can be shown as JSON")
}
