//! The cycle: read the cloud, compare it with the published state, publish the difference; park when
//! another copy has taken over. The only part that sees both Alibaba Cloud and Kafka.
//!
//! One [`Pipeline`] is one account's; nothing in it is global. A life of the daemon:
//!
//! ```text
//! prepare (topics, schema ids) → recover (read .state, verify on a still picture) → claim
//!     → every interval: read → confirm → compare → publish          (cycle, publish)
//!       between two syncs: what was asked for                       (listener, answer, replay)
//!     → superseded: park, follow .state, leave on a release         (park)
//! → orderly end: release
//! ```
//!
//! Whatever goes wrong ends this life with a text and begins the next one; nothing is carried over
//! but the topics themselves.

mod account_topics;
mod answer;
mod claiming;
pub mod collect;
mod coverage;
mod cycle;
mod daemon;
pub mod desk;
pub mod details;
mod inventory;
pub mod known;
pub mod lately;
mod lineage;
mod listener;
mod needs;
#[cfg(test)]
#[path = "laws_tests.rs"]
mod laws;
mod park;
mod prepare;
pub mod publication;
mod publish;
mod recover;
mod refusal;
pub mod replay;
mod report;
pub mod rights;
mod schemas;
mod status;
mod still_picture;
pub mod subjects;
mod survey;
mod suspicion;
mod told;
pub mod topics;
mod transactions;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use uuid::Uuid;

use crate::{
    alicloud, kafka,
    metrics::Metrics,
    model::{Kind, Redacted},
};

pub use account_topics::AccountTopics;
pub use daemon::{End, run, run_once};
pub use inventory::{Comparison, Inventory, compare_with_account, take_inventory};
pub use lineage::{Begun, Order};
pub use needs::{Needs, actions, needs};
pub use recover::LifeError;
pub use refusal::Refusal;
pub use report::Report;
pub use schemas::Schemas;
pub use status::{Phase, Status};
pub use still_picture::{Check, Finding};
pub use survey::{Description, Extent};
pub use topics::{TopicSettings, Topics};

/// Everything that one account's pipeline works with.
pub struct Pipeline {
    /// The account id.
    pub id: String,
    /// Its label in events.
    pub name: Option<String>,
    /// The cloud.
    pub client: alicloud::Client,
    /// The brokers.
    pub connection: Arc<kafka::Connection>,
    /// The schemas in the registry.
    pub schemas: Schemas,
    /// The same for every copy that serves the account: it fences.
    pub transactional_id: String,
    /// Topic names.
    pub topics: Arc<Topics>,
    /// How topics are made; `None` leaves them unlooked at (only the demo's broker cannot describe them).
    pub topic_settings: Option<TopicSettings>,
    /// The kinds that are read; the state of all others is kept as it is.
    pub kinds: BTreeSet<Kind>,
    /// The fields that are left out.
    pub redacted: Arc<Redacted>,
    /// When and how long.
    pub rhythm: Rhythm,
    /// Largest record that is sent, in bytes.
    pub message_max_bytes: usize,
    /// Where figures go.
    pub metrics: Arc<Metrics>,
    /// This process start.
    pub me: Uuid,
}

/// When the account is read, and how long things may take.
#[derive(Debug, Clone)]
pub struct Rhythm {
    /// From the beginning of one sync to that of the next; `None` = never by itself.
    pub interval: Option<Duration>,
    /// Each beginning is put off by a random time up to this.
    pub jitter: Duration,
    /// Details that are not due for another reason are read again after this.
    pub detail_interval: Duration,
    /// For all calls of one reading, and again for those that ask one by one.
    pub time_budget: Duration,
    /// What is doubtful is read again this long after the first reading.
    pub confirm_delay: Duration,
    /// A parked copy takes over when the owner has committed nothing for this long; `None` = never.
    pub takeover_after: Option<Duration>,
    /// On a signal, the time to finish or give up what is under way.
    pub shutdown_deadline: Duration,
}
