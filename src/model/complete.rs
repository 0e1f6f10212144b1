//! Complete or unknown: the outcome of reading one scope.
//!
//! A *scope* is a whole collection (all users) or the children of one parent (the members of one
//! group). Only a [`Complete`] listing can reach the comparison, and only
//! [`Complete::proven`] makes one; `tests/architecture.rs` holds who may call it.

use std::fmt;

use jiff::Timestamp;

use super::fields::serde_as_text;

/// A listing that was read to its proven end.
#[derive(Debug, Clone, PartialEq)]
pub struct Complete<T> {
    items: Vec<T>,
    window: Window,
}

/// What a scope's reading came to: all of it, or why not.
pub type Listing<T> = Result<Complete<T>, Unknown>;

impl<T> Complete<T> {
    /// States that `items` are all there is: the caller has seen the proof (the last page said so).
    #[must_use]
    pub fn proven(items: Vec<T>, window: Window) -> Self {
        Self { items, window }
    }

    /// The items, in the order of the service.
    #[must_use]
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// When it was read.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// Gives the items away.
    #[must_use]
    pub fn into_items(self) -> Vec<T> {
        self.items
    }

    /// The same listing, completed by what was read in `window`, too.
    #[must_use]
    pub fn completed_in(self, window: Window) -> Self {
        Self { window: self.window.and(window), ..self }
    }

    /// The same listing with every item turned into something else; completeness carries over.
    #[must_use]
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Complete<U> {
        Complete { window: self.window, items: self.items.into_iter().map(turn).collect() }
    }
}

impl<T> Complete<T> {
    /// The same listing without the items for which `keep` gives nothing: the caller answers for
    /// them, by declaring their scopes unknown.
    #[must_use]
    pub fn sift<U>(self, keep: impl FnMut(T) -> Option<U>) -> Complete<U> {
        Complete { window: self.window, items: self.items.into_iter().filter_map(keep).collect() }
    }
}

/// The time in which a scope was read, by the service's own clock (its `Date` headers).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// `Date` of the first reply, less the measured duration of that call, rounded down to a second.
    pub begun_at: Timestamp,
    /// `Date` of the last reply, plus one second (the header has whole seconds).
    pub ended_at: Timestamp,
}

impl Window {
    /// The window that covers both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { begun_at: self.begun_at.min(other.begun_at), ended_at: self.ended_at.max(other.ended_at) }
    }
}

/// Why a scope (or one detail of an entity) is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The kind of reason, for records and metrics.
    pub reason: Reason,
    /// The whole story for a person: operation, code, request id. Holds no secret and no message of the service.
    pub detail: String,
}

impl Unknown {
    /// An unknown for `reason`, told in `detail`.
    #[must_use]
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.detail)
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// The reasons for which something is unknown; the texts stand in `.syncs`, in scope records and in metrics.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        serde_as_text!(Reason);

        impl Reason {
            /// Every reason, for metrics that start at zero.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The reason in one snake_case word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// Still throttled when the time budget was used up.
    Throttled = "throttled",
    /// The credentials may not call the operation.
    Denied = "denied",
    /// The credentials were refused (expired, inactive, wrong signature, clock apart).
    Unauthenticated = "unauthenticated",
    /// No usable answer: connection failures or 5xx until the time budget was used up.
    Unavailable = "unavailable",
    /// The answer breaks the service's own rules (no marker, a marker twice, a missing array …).
    Protocol = "protocol",
    /// The time budget was used up before it was its turn.
    OutOfTime = "out_of_time",
    /// The parent that it belongs to vanished while it was read.
    ParentGone = "parent_gone",
    /// A name that leads to no id, or to two.
    UnresolvedName = "unresolved_name",
    /// A listing older than one already seen (a date moved backwards).
    Stale = "stale",
    /// A detail that was due could not be read.
    DetailUnread = "detail_unread",
    /// What it hangs on (its parents' listing) is unknown itself.
    ParentUnknown = "parent_unknown",
    /// It hangs on an entity that is not in the state.
    Dangling = "dangling",
    /// Something seems to be gone, but the evidence is not complete.
    RemovalsUnproven = "removals_unproven",
    /// A record of it is larger than the brokers take.
    TooLarge = "too_large",
    /// Switched off by configuration.
    Off = "off",
}
