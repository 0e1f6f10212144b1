//! An event in words, as people read it: `ramstream tail` and the status page say the same of it.
//!
//! Deliberately unknown here: the kinds. Words are derived from the fields of what came, so that a new kind is told
//! without a line of code. No text of a stranger comes out as anything but one line of text (`harmless`).

mod changes;
mod content;
mod harmless;
mod told;
mod who;

pub use harmless::harmless;
pub use told::Told;

pub(crate) use changes::words;
pub(crate) use content::{Content, as_number, as_text, field};
pub(crate) use harmless::harmless_json;
pub(crate) use who::short;
