//! Requests: what may be asked of the daemon, how it is written down, and what becomes of it.
//!
//! A request is a record of the `.control` topic; whoever may write there may ask, and nobody else. The
//! [`Queue`] takes the records in the order of the topic and judges each; the [`Journal`] is what progress
//! remembers: how far the topic was read, and what became of the last requests. Both move in the same
//! transaction as what was asked for, so a request is neither lost nor served twice.
//!
//! Pure: times come in as arguments.

mod journal;
mod queue;
mod request;

pub use journal::{Ended, Journal, Outcome, REMEMBERED};
pub use queue::{Entry, Place, Queue, Standing, Taken};
pub use request::{Action, Malformed, Request, RequestId};
