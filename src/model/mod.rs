//! The kinds of entities: their fields, keys, words and what is compared.

mod reading;

pub use reading::{Complete, Listing, Reason, Unknown, Window};
