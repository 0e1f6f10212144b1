//! Everything in one process: a simulated account, a broker, a registry and a reader, and a story told with them.
//!
//! Promises: nothing outside of the process is needed or touched, every address is on loopback and free, nothing is
//! written to disk, and all of it ends with [`Stage`]. The daemon in the middle is not here: whoever runs the demo
//! brings it, assembled as for real brokers. What is told comes out of Kafka, decoded with the schemas that the
//! records name. The story is a test of itself: an event that stays away, or that nobody caused, is an error.

mod broker;
mod caller;
mod event;
mod page;
mod reader;
mod registry;
mod stage;
mod story;
mod tell;

pub use page::Page;
pub use reader::Reader;
pub use stage::Stage;
pub use tell::{Told, follow, tell};
