//! The kinds of entities: their fields, keys, words and what is compared.
//!
//! One file per kind holds everything that is particular to it, and nothing else in the crate
//! names a field of a user. The list in `kind.rs` names every kind; what works on all of them walks it.
//!
//! This module is pure: no I/O, no clock, no randomness.

mod collection;
mod document;
mod entity;
mod fields;
mod key;
mod kind;
mod names;
mod redacted;
mod complete;
mod trust;

pub mod access_key;
pub mod account;
pub mod group;
pub mod identity_provider;
pub mod instance;
pub mod login_profile;
pub mod membership;
pub mod mfa_device;
pub mod password_policy;
pub mod policy;
pub mod policy_attachment;
pub mod role;
pub mod security_preference;
pub mod user;

pub use collection::{Collection, Found, Scope};
pub use complete::{Complete, Listing, Reason, Unknown, Window};
pub use document::Document;
pub use entity::{ACTIVE, Entity, Labels, Verb};
pub use fields::{Dates, Head, Millis, Tag};
pub use key::Key;
pub use kind::{ForKind, Kind, Rank};
pub use names::Names;
pub use redacted::Redacted;
pub use trust::{TrustChange, TrustedPrincipal};
