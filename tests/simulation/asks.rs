//! What is asked of the daemon meanwhile, through the control topic: well-formed or not, for this account or another.

use std::{collections::BTreeSet, time::Duration};

use ramstream::{
    kafka::model::{Cluster, Isolation},
    model::Kind,
    sync::Topics,
};
use rand::{Rng, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

/// One record of the control topic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) partition: i32,
    what: What,
    id: u8,
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// A replay of all kinds, or of one.
    Replay(Option<Kind>),
    Sync,
    Cancel,
    /// A replay that nobody needs any more.
    TooLate,
    Garbage,
    /// A replay of another account.
    Foreign,
}

/// When something is asked; of every other seed nothing. Few ids, so that some stand twice.
pub(crate) fn draw(seed: u64, length: Duration, partitions: i32) -> Vec<(Duration, Ask)> {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x61_736b);
    if seed.is_multiple_of(2) {
        return Vec::new();
    }
    let count = random.random_range(1..=6);
    let mut asks: Vec<(Duration, Ask)> = Vec::new();
    for _ in 0..count {
        // Some ask for several things at once.
        let same = asks.last().map(|(at, _)| *at).filter(|_| random.random_bool(0.5));
        let at = same.unwrap_or_else(|| length.mul_f64(random.random()));
        asks.push((at, one(random, partitions)));
    }
    asks.sort_by_key(|(at, _)| *at);
    asks
}

fn one(random: &mut StdRng, partitions: i32) -> Ask {
    let kind = Kind::ALL[random.random_range(0..Kind::ALL.len())];
    let what = match random.random_range(0..12) {
        0..=4 => What::Replay(None),
        5 => What::Replay(Some(kind)),
        6..=7 => What::Sync,
        8 => What::Cancel,
        9 => What::TooLate,
        10 => What::Garbage,
        _ => What::Foreign,
    };
    Ask { partition: random.random_range(0..partitions), what, id: random.random_range(0..5) }
}

impl Ask {
    /// The name that faults are counted under.
    pub(crate) fn name(self) -> &'static str {
        match self.what {
            What::Replay(_) => "asked for a replay",
            What::Sync => "asked for a sync",
            What::Cancel => "asked to cancel",
            What::TooLate => "asked too late",
            What::Garbage => "asked in garbage",
            What::Foreign => "asked for another account",
        }
    }

    /// Key and value.
    pub(crate) fn record(self, account: &str) -> (String, String) {
        let id = format!("r-{}", self.id);
        let request = |action: &str| json!({ "format": 1, "request_id": id, "action": action });
        let with = |name: &str, value: Value| {
            let mut request = request("replay");
            request[name] = value;
            request
        };
        let value = match self.what {
            What::Replay(None) | What::Foreign => request("replay"),
            What::Replay(Some(kind)) => with("kinds", json!([kind.as_str()])),
            What::Sync => request("sync"),
            What::Cancel => request("cancel"),
            What::TooLate => with("not_after", json!("2020-01-01T00:00:00Z")),
            What::Garbage => json!(["?"]),
        };
        let key = if matches!(self.what, What::Foreign) { "1111111111111111" } else { account };
        (key.to_owned(), value.to_string())
    }
}

/// The first request that is not on record: every record of the control topic was read, and every request of the account
/// has an outcome.
pub(crate) fn unanswered(cluster: &Cluster, topics: &Topics, account: &str) -> Option<String> {
    let state = cluster.records(&topics.state(), Isolation::Committed);
    let is_progress = |key: &[u8]| key.ends_with(b"/~progress");
    let progress = state.iter().rev().find(|record| is_progress(&record.key))?;
    let progress: Value = serde_json::from_slice(progress.value.as_deref()?).expect("progress is JSON");
    let asked = cluster.records(&topics.control(), Isolation::Committed);
    for record in &asked {
        let cursor = progress["control"]["cursor"][record.partition.to_string()].as_i64().unwrap_or(0);
        if record.offset >= cursor {
            return Some(format!(
                "control[{}]@{} is not read: {}",
                record.partition, record.offset, progress["control"]
            ));
        }
    }
    let outcomes = progress["control"]["outcomes"].as_array().into_iter().flatten();
    let ended: BTreeSet<&str> = outcomes.filter_map(|outcome| outcome["request_id"].as_str()).collect();
    let of_account = asked.iter().filter(|record| record.key == account.as_bytes());
    let requests = of_account.filter_map(|record| serde_json::from_slice::<Value>(record.value.as_deref()?).ok());
    let mut wanted = requests.filter(|request| matches!(request["action"].as_str(), Some("replay" | "sync")));
    let missing = wanted.find(|request| !ended.contains(request["request_id"].as_str().unwrap_or_default()));
    missing.map(|request| format!("nothing came of {request}: {}", progress["control"]))
}
